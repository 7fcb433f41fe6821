//! Decides what has to be written so that the cluster equals an admitted set.
//!
//! Takes what the gate admitted, the Inventory and what is known of the live
//! objects; gives the writes in their order. Pure: it reads nothing and writes
//! nothing. Nothing is deleted but what the Inventory names and the complete
//! set no longer holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::api::MAX_INVENTORY;
use crate::gate::Admitted;
use crate::object::{Manifest, ObjectKey, Origin};

pub(crate) mod inventory;
pub(crate) mod order;
pub(crate) mod prune;
pub(crate) mod stamp;

use inventory::Inventory;
use order::Stage;
use prune::Removal;
use stamp::Owner;

/// The annotation that keeps an object when it leaves the set: `disabled`.
pub(crate) const PRUNE_ANNOTATION: &str = "windlass.dev/prune";

/// Whether objects of a kind live in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// They do.
    Namespaced,
    /// They do not.
    Cluster,
}

/// The scopes of the kinds in a set: group and kind, to scope.
pub(crate) type Scopes = BTreeMap<(String, String), Scope>;

/// What is known of a live object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Live {
    pub(crate) uid: String,
    pub(crate) resource_version: String,
    /// Hash of the fields that are ours, or none where nothing is.
    pub(crate) ownership: Option<String>,
    /// Whether it is being deleted.
    pub(crate) deleting: bool,
}

/// What the user chose for an Application.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) owner: Owner,
    /// Where namespaced objects go that name no namespace.
    pub(crate) target_namespace: String,
    pub(crate) prune: bool,
    /// Whether a removal of most of the set was agreed to.
    pub(crate) prune_consent: bool,
}

/// One object as it will be sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Desired {
    pub(crate) key: ObjectKey,
    pub(crate) version: String,
    pub(crate) body: Value,
    pub(crate) digest: String,
    pub(crate) origin: Option<Origin>,
}

/// One object to write, and the live one that the write is meant for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Apply {
    pub(crate) desired: Arc<Desired>,
    /// Absent when the object is not known to exist: the write then must not
    /// take anything from anybody.
    pub(crate) live: Option<Live>,
}

/// The writes of one sync.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) owner: Owner,
    /// Everything that the set holds, written or not.
    pub(crate) desired: Vec<Arc<Desired>>,
    /// What is written, stage by stage.
    pub(crate) stages: Vec<(Stage, Vec<Apply>)>,
    /// What left the set.
    pub(crate) removal: Removal,
}

impl Plan {
    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.stages.is_empty() && self.removal.deleted.is_empty()
    }

    /// The Inventory that must be on record before the first write: what is
    /// owned already, and everything that is about to be written.
    pub(crate) fn intent(&self, inventory: &Inventory) -> Inventory {
        let mut intent = inventory.clone();
        for apply in self.stages.iter().flat_map(|(_, applies)| applies) {
            let desired = &apply.desired;
            let mut owned = inventory.get(&desired.key).cloned().unwrap_or_default();
            owned.version.clone_from(&desired.version);
            owned.keep = keeps(desired);
            // Whatever comes of the write, what was there before it no longer counts as applied.
            owned.digest = None;
            intent.insert(desired.key.clone(), owned);
        }
        intent
    }
}

/// Why a set can't be planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlanError {
    /// The API server does not serve the kind, and the set does not define it.
    #[error("the cluster has no kind `{kind}` in `{api_version}`, and the set does not define it")]
    UnknownKind { api_version: String, kind: String, key: ObjectKey, origin: Option<Origin> },
    /// Two manifests become one object once their namespaces are settled.
    #[error("{key} is rendered twice: {first} and {second}")]
    Duplicate { key: ObjectKey, first: String, second: String },
    /// The Inventory would not fit.
    #[error(
        "the set and what is kept of former ones are {count} objects, more than the limit of {MAX_INVENTORY}"
    )]
    TooMany { count: usize },
}

/// Compares the admitted manifests with what is owned and what lives.
pub(crate) fn plan(
    admitted: &Admitted,
    scopes: &Scopes,
    inventory: &Inventory,
    live: impl Fn(&ObjectKey) -> Option<Live>,
    options: Options,
) -> Result<Plan, PlanError> {
    compare(admitted.manifests(), scopes, inventory, live, options)
}

fn compare(
    manifests: &[Manifest],
    scopes: &Scopes,
    inventory: &Inventory,
    live: impl Fn(&ObjectKey) -> Option<Live>,
    options: Options,
) -> Result<Plan, PlanError> {
    let desired = settle(manifests, scopes, &options)?;
    let rendered: BTreeSet<&ObjectKey> = desired.iter().map(|desired| &desired.key).collect();
    let removal = prune::removal(
        inventory,
        |key| rendered.contains(key),
        rendered.len(),
        options.prune,
        options.prune_consent,
    );
    let count = desired.len() + removal.deleted.len() + removal.kept.len();
    if count > MAX_INVENTORY {
        return Err(PlanError::TooMany { count });
    }
    let mut stages: BTreeMap<Stage, Vec<Apply>> = BTreeMap::new();
    for desired in &desired {
        let live = live(&desired.key);
        if !holds(desired, inventory, live.as_ref()) {
            stages.entry(Stage::of(&desired.key)).or_default().push(Apply { desired: desired.clone(), live });
        }
    }
    Ok(Plan { owner: options.owner, desired, stages: stages.into_iter().collect(), removal })
}

/// The kinds that the set itself defines, with their scopes.
pub(crate) fn defined_scopes(manifests: &[Manifest]) -> Scopes {
    let definitions = manifests.iter().filter(|manifest| is_definition(&manifest.key));
    definitions.filter_map(|manifest| defined_scope(&manifest.object)).collect()
}

/// Whether an object defines a kind.
pub(crate) fn is_definition(key: &ObjectKey) -> bool {
    key.group == "apiextensions.k8s.io" && key.kind == "CustomResourceDefinition"
}

/// The kind that a definition defines, with its scope.
pub(crate) fn defined_scope(definition: &Value) -> Option<((String, String), Scope)> {
    let text = |pointer| definition.pointer(pointer)?.as_str();
    let scope = match text("/spec/scope")? {
        "Namespaced" => Scope::Namespaced,
        _ => Scope::Cluster,
    };
    Some(((text("/spec/group")?.to_owned(), text("/spec/names/kind")?.to_owned()), scope))
}

/// Gives every manifest its namespace and its owner's marks.
fn settle(
    manifests: &[Manifest],
    scopes: &Scopes,
    options: &Options,
) -> Result<Vec<Arc<Desired>>, PlanError> {
    let mut seen: BTreeMap<ObjectKey, Option<Origin>> = BTreeMap::new();
    let mut settled = Vec::with_capacity(manifests.len());
    for manifest in manifests {
        let kind = (manifest.key.group.clone(), manifest.key.kind.clone());
        let scope = scopes.get(&kind).ok_or_else(|| PlanError::UnknownKind {
            api_version: manifest.api_version(),
            kind: manifest.key.kind.clone(),
            key: manifest.key.clone(),
            origin: manifest.origin.clone(),
        })?;
        let namespace = match scope {
            Scope::Cluster => None,
            Scope::Namespaced => {
                Some(manifest.key.namespace.clone().unwrap_or_else(|| options.target_namespace.clone()))
            }
        };
        let key = ObjectKey { namespace, ..manifest.key.clone() };
        if let Some(first) = seen.insert(key.clone(), manifest.origin.clone()) {
            let place = |origin: &Option<Origin>| {
                origin.as_ref().map_or_else(|| "an unknown place".to_owned(), ToString::to_string)
            };
            return Err(PlanError::Duplicate { key, first: place(&first), second: place(&manifest.origin) });
        }
        let mut body = manifest.object.clone();
        stamp::stamp(&mut body, &options.owner, key.namespace.as_deref());
        settled.push(Arc::new(Desired {
            digest: stamp::digest(&body),
            key,
            version: manifest.version.clone(),
            body,
            origin: manifest.origin.clone(),
        }));
    }
    Ok(settled)
}

/// Whether the live object is as it was applied, and what was applied is what
/// is wanted. Ownership tells, not values: a foreign change to a field of ours
/// takes the field out of what the API server lists as ours.
pub(crate) fn holds(desired: &Desired, inventory: &Inventory, live: Option<&Live>) -> bool {
    let (Some(owned), Some(live)) = (inventory.get(&desired.key), live) else { return false };
    !live.deleting
        && owned.version == desired.version
        && owned.uid.as_ref() == Some(&live.uid)
        && owned.digest.as_ref() == Some(&desired.digest)
        && owned.ownership.is_some()
        && owned.ownership == live.ownership
}

/// Whether a manifest forbids its own pruning.
pub(crate) fn keeps(desired: &Desired) -> bool {
    let annotations = desired.body.pointer("/metadata/annotations");
    annotations.and_then(|annotations| annotations.get(PRUNE_ANNOTATION)).and_then(Value::as_str)
        == Some("disabled")
}

#[cfg(test)]
mod tests;
