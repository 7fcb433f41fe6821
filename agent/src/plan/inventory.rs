//! The set of objects that an Application owns, as a value.

use std::collections::BTreeMap;

use crate::api::InventoryEntry;
use crate::object::ObjectKey;

/// What is remembered of one owned object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owned {
    /// The version that it was applied in.
    pub(crate) version: String,
    /// Its uid, once it is known to exist.
    pub(crate) uid: Option<String>,
    /// Digest of what was applied.
    pub(crate) digest: Option<String>,
    /// Hash of the fields that the API server says are ours.
    pub(crate) ownership: Option<String>,
    /// Whether its last manifest forbade pruning: the live annotation can be
    /// stripped by anybody.
    pub(crate) keep: bool,
}

/// Everything that an Application owns or may own: an object is in it before
/// the first write to it, and leaves only when it is proven gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inventory {
    entries: BTreeMap<ObjectKey, Owned>,
}

impl Inventory {
    pub(crate) fn get(&self, key: &ObjectKey) -> Option<&Owned> {
        self.entries.get(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ObjectKey, &Owned)> {
        self.entries.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn insert(&mut self, key: ObjectKey, owned: Owned) {
        self.entries.insert(key, owned);
    }

    pub(crate) fn remove(&mut self, key: &ObjectKey) -> Option<Owned> {
        self.entries.remove(key)
    }
}

impl From<&[InventoryEntry]> for Inventory {
    fn from(entries: &[InventoryEntry]) -> Self {
        entries
            .iter()
            .cloned()
            .map(|entry| {
                let key = ObjectKey {
                    group: entry.group,
                    kind: entry.kind,
                    namespace: entry.namespace,
                    name: entry.name,
                };
                let owned = Owned {
                    version: entry.version,
                    uid: entry.uid,
                    digest: entry.digest,
                    ownership: entry.ownership,
                    keep: entry.keep,
                };
                (key, owned)
            })
            .collect()
    }
}

impl From<&Inventory> for Vec<InventoryEntry> {
    fn from(inventory: &Inventory) -> Self {
        inventory
            .iter()
            .map(|(key, owned)| InventoryEntry {
                group: key.group.clone(),
                kind: key.kind.clone(),
                namespace: key.namespace.clone(),
                name: key.name.clone(),
                version: owned.version.clone(),
                uid: owned.uid.clone(),
                digest: owned.digest.clone(),
                ownership: owned.ownership.clone(),
                keep: owned.keep,
            })
            .collect()
    }
}

impl FromIterator<(ObjectKey, Owned)> for Inventory {
    fn from_iter<I: IntoIterator<Item = (ObjectKey, Owned)>>(entries: I) -> Self {
        Self { entries: entries.into_iter().collect() }
    }
}
