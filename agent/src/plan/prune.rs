//! What left the set: which of it may be deleted, and whether that many may be.

use super::inventory::{Inventory, Owned};
use super::order::Stage;
use crate::object::ObjectKey;

/// More than this many deletions at once, and more than half of the set, need consent.
const FREE_DELETIONS: usize = 10;

/// An owned object that is no longer rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prune {
    pub(crate) key: ObjectKey,
    pub(crate) version: String,
    pub(crate) uid: Option<String>,
}

/// Why an object that left the set is not deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// The Application does not prune.
    PruneOff,
    /// Its manifest carried `windlass.dev/prune: disabled`.
    Annotation,
    /// Deleting it would delete what others keep in it.
    Kind,
    /// Too much left the set at once.
    NeedsConsent,
}

/// What is done about everything that left the set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Removal {
    /// Deleted, in this order.
    pub(crate) deleted: Vec<Prune>,
    /// Kept, with the reason.
    pub(crate) kept: Vec<(ObjectKey, Kept)>,
}

impl Removal {
    /// How many deletions wait for consent.
    pub(crate) fn awaiting_consent(&self) -> usize {
        self.kept.iter().filter(|(_, kept)| *kept == Kept::NeedsConsent).count()
    }
}

/// Sorts out what left the set. `rendered` is how many objects the set has now.
pub(super) fn removal(
    inventory: &Inventory,
    is_rendered: impl Fn(&ObjectKey) -> bool,
    rendered: usize,
    prune: bool,
    consent: bool,
) -> Removal {
    let mut removal = Removal::default();
    let mut candidates = Vec::new();
    for (key, owned) in inventory.iter().filter(|(key, _)| !is_rendered(key)) {
        match reason_to_keep(key, owned, prune) {
            Some(kept) => removal.kept.push((key.clone(), kept)),
            None => candidates.push((key, owned)),
        }
    }
    let many = candidates.len() > FREE_DELETIONS && candidates.len() * 2 > inventory.len();
    let everything = rendered == 0 && !candidates.is_empty();
    if (many || everything) && !consent {
        removal.kept.extend(candidates.into_iter().map(|(key, _)| (key.clone(), Kept::NeedsConsent)));
        return removal;
    }
    candidates.sort_by_key(|(key, _)| std::cmp::Reverse(Stage::of(key)));
    removal.deleted = candidates
        .into_iter()
        .map(|(key, owned)| Prune {
            key: key.clone(),
            version: owned.version.clone(),
            uid: owned.uid.clone(),
        })
        .collect();
    removal
}

fn reason_to_keep(key: &ObjectKey, owned: &Owned, prune: bool) -> Option<Kept> {
    let holds_others = matches!(
        (key.group.as_str(), key.kind.as_str()),
        ("", "Namespace" | "PersistentVolumeClaim") | ("apiextensions.k8s.io", "CustomResourceDefinition")
    );
    if !prune {
        Some(Kept::PruneOff)
    } else if owned.keep {
        Some(Kept::Annotation)
    } else if holds_others {
        Some(Kept::Kind)
    } else {
        None
    }
}
