//! What the agent has at hand of one Application: its resource as it was seen
//! last, its status as it was written last, its Inventory, and the set that was
//! applied last.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::event::Target;
use super::records::{RecordError, Records};
use super::values::hide::Hidden;
use crate::api::{Application, ApplicationStatus};
use crate::apply::ChangeSet;
use crate::cluster::{ClusterError, Gvk, ObjectRef, merge_patch};
use crate::controller::status::Draft;
use crate::lock::lock;
use crate::object::{Name, ObjectKey, Origin, Packed};
use crate::observe::index::RollUp;
use crate::plan::inventory::Inventory;
use crate::plan::stamp::Owner;
use crate::plan::{Desired, Plan};
use crate::render::Rendered;

/// How often a conditional write of the status is begun anew.
const ATTEMPTS: usize = 3;

/// The resource as the watch shows it, without its status, apart from the
/// desk, whose user may be in the middle of a sync.
pub(crate) struct Resource {
    current: Mutex<Arc<Application>>,
}

impl Resource {
    pub(crate) fn new(application: Application) -> Self {
        Self { current: Mutex::new(Arc::new(application)) }
    }

    pub(crate) fn set(&self, application: Application) {
        *lock(&self.current) = Arc::new(application);
    }

    pub(crate) fn get(&self) -> Arc<Application> {
        lock(&self.current).clone()
    }
}

/// The manifests of what is applied, from which drift is corrected.
pub(crate) struct Hand {
    /// The complete set that they are, and what it was made for; absent where
    /// a write failed half-way, or the set was made anew after a restart.
    settled: Option<(Arc<Rendered>, Target)>,
    desired: HashMap<ObjectKey, Kept>,
}

/// An object as it will be sent, kept as text.
struct Kept {
    version: String,
    body: Packed,
    digest: String,
    origin: Option<Origin>,
}

impl Kept {
    fn of(desired: &Desired) -> Self {
        let Desired { version, body, digest, origin, .. } = desired;
        Self {
            version: version.clone(),
            body: Packed::from(body),
            digest: digest.clone(),
            origin: origin.clone(),
        }
    }

    fn desired(&self, key: &ObjectKey) -> Desired {
        Desired {
            key: key.clone(),
            version: self.version.clone(),
            body: self.body.unpack(),
            digest: self.digest.clone(),
            origin: self.origin.clone(),
        }
    }
}

/// One Application's desk. Whoever holds it is the only one who works on it.
pub(crate) struct Desk {
    pub(crate) name: Name,
    pub(crate) owner: Owner,
    pub(crate) inventory: Inventory,
    hand: Option<Hand>,
    /// The status as it was written last.
    status: ApplicationStatus,
    resource_version: Option<String>,
    /// The generation of the spec under which health was awaited for too long
    /// since the last write.
    pub(crate) health_timed_out: Option<i64>,
    /// What must not be told of its values, as they were read last.
    hidden: Hidden,
    /// The same of those that what is in hand was made from.
    hidden_in_hand: Hidden,
    /// The count of rules under which what is applied was judged last.
    pub(crate) reviewed_under: Option<u64>,
    /// The digest of the `PolicyReport` that was written last.
    pub(crate) reported: Option<[u8; 32]>,
    /// Whether the parent's marks of the `ApplySet` were seen or written.
    marked: bool,
}

impl Desk {
    /// Starts from the resource and its status.
    pub(crate) fn new(name: Name, application: &Application, status: ApplicationStatus) -> Self {
        let owner = owner_of(&name, application);
        let id = owner.applyset_id();
        let marked = application
            .metadata
            .labels
            .as_ref()
            .and_then(|labels| labels.get(APPLYSET_ID_LABEL))
            .is_some_and(|label| *label == id);
        Self {
            owner,
            name,
            inventory: Inventory::from(status.inventory.as_slice()),
            hand: None,
            status,
            resource_version: application.metadata.resource_version.clone(),
            health_timed_out: None,
            hidden: Hidden::default(),
            hidden_in_hand: Hidden::default(),
            reviewed_under: None,
            reported: None,
            marked,
        }
    }

    /// Whether the set that was applied last is this one, made for the same target.
    pub(crate) fn holds(&self, rendered: &Rendered, target: &Target) -> bool {
        let settled = self.hand.as_ref().and_then(|hand| hand.settled.as_ref());
        settled.is_some_and(|(held, made_for)| {
            held.digest() == rendered.digest()
                && (made_for.version, made_for.values, made_for.rules, made_for.term)
                    == (target.version, target.values, target.rules, target.term)
        })
    }

    /// The commit that is applied, and its complete set where it is at hand.
    pub(crate) fn applied(&self) -> Option<(String, Option<Arc<Rendered>>)> {
        match self.hand.as_ref().and_then(|hand| hand.settled.as_ref()) {
            Some((held, target)) => Some((target.revision.commit.to_string(), Some(held.clone()))),
            None => Some((self.status.revision.as_ref()?.commit.clone(), None)),
        }
    }

    /// Whether there is anything that drift can be corrected from.
    pub(crate) fn has_hand(&self) -> bool {
        self.hand.is_some()
    }

    /// Takes an applied set in hand.
    pub(crate) fn take_in_hand(&mut self, rendered: Arc<Rendered>, target: &Target, plan: &Plan) {
        self.hand = Some(Hand { settled: Some((rendered, target.clone())), desired: by_key(&plan.desired) });
        self.hidden_in_hand = self.hidden.clone();
    }

    /// Takes in hand again what an earlier sync has applied.
    pub(crate) fn take_back_in_hand(&mut self, plan: &Plan) {
        self.hand = Some(Hand { settled: None, desired: by_key(&plan.desired) });
        self.hidden_in_hand = self.hidden.clone();
    }

    /// A plan was carried out in part: what was written is held from now on,
    /// what was not as before, and what is no longer owned not at all.
    pub(crate) fn take_partly_in_hand(&mut self, plan: &Plan, changes: &ChangeSet) {
        let mut held = self.hand.take().map(|hand| hand.desired).unwrap_or_default();
        let written: BTreeSet<_> = changes.written.iter().map(|written| &written.key).collect();
        held.extend(by_key(&plan.desired).into_iter().filter(|(key, _)| written.contains(key)));
        held.retain(|key, _| changes.inventory.get(key).is_some());
        self.hand = Some(Hand { settled: None, desired: held });
    }

    /// Values were read, and this of them must not be told.
    pub(crate) fn hides(&mut self, hidden: Hidden) {
        self.hidden = hidden;
    }

    /// A text without what must not be told of the values that were read last,
    /// and of those that are in the cluster.
    pub(crate) fn hide(&self, text: &str) -> String {
        self.hidden_in_hand.hide(&self.hidden.hide(text))
    }

    /// How the objects do: their controllers may quote what they were given.
    pub(crate) fn hide_in(&self, mut roll_up: RollUp) -> RollUp {
        roll_up.message = self.hide(&roll_up.message);
        roll_up
    }

    /// Whether health was awaited for too long under this generation of the spec.
    pub(crate) fn is_health_timed_out(&self, generation: i64) -> bool {
        self.health_timed_out == Some(generation)
    }

    /// The manifests in hand of these objects.
    pub(crate) fn in_hand(&self, objects: &[ObjectKey]) -> Vec<Arc<Desired>> {
        let Some(hand) = &self.hand else { return Vec::new() };
        objects.iter().filter_map(|key| Some(Arc::new(hand.desired.get(key)?.desired(key)))).collect()
    }

    /// The kinds of everything owned.
    pub(crate) fn kinds(&self) -> BTreeSet<Gvk> {
        self.inventory.iter().map(|(key, owned)| Gvk::new(&key.group, &owned.version, &key.kind)).collect()
    }

    pub(crate) fn status(&self) -> &ApplicationStatus {
        &self.status
    }

    /// Writes what changed of the status; nothing is sent when nothing did.
    pub(crate) async fn publish(
        &mut self,
        records: &Records,
        generation: i64,
        edit: impl FnOnce(&mut Draft<'_>),
    ) -> Result<bool, RecordError> {
        let mut status = self.status.clone();
        edit(&mut Draft::new(&mut status, generation, Timestamp::now()));
        self.take_inventory_into(&mut status);
        self.write(records, status, false).await
    }

    /// Records the objects that are about to be written, on condition that
    /// nobody else has written the Inventory since. True when it is on record.
    pub(crate) async fn record_intent(
        &mut self,
        records: &Records,
        generation: i64,
        intent: &Inventory,
        edit: impl FnOnce(&mut Draft<'_>),
    ) -> Result<bool, RecordError> {
        let mut status = self.status.clone();
        edit(&mut Draft::new(&mut status, generation, Timestamp::now()));
        status.inventory = intent.into();
        // Grows even when the set stays the same: a stale agent's write then fails.
        status.inventory_generation += 1;
        self.write(records, status, true).await
    }

    fn take_inventory_into(&self, status: &mut ApplicationStatus) {
        let inventory: Vec<_> = (&self.inventory).into();
        if status.inventory != inventory {
            status.inventory = inventory;
            status.inventory_generation += 1;
        }
    }

    async fn write(
        &mut self,
        records: &Records,
        status: ApplicationStatus,
        fenced: bool,
    ) -> Result<bool, RecordError> {
        let Some(patch) = self.patch(&status) else { return Ok(true) };
        let fenced = fenced || status.inventory_generation != self.status.inventory_generation;
        let object = self.reference();
        for _ in 0..ATTEMPTS {
            let version = if fenced { self.resource_version.as_deref() } else { None };
            match records.patch_status(&object, &patch, version).await {
                Ok(written) => {
                    self.resource_version = text(&written, "/metadata/resourceVersion");
                    self.status = status;
                    return Ok(true);
                }
                Err(RecordError::Cluster(ClusterError::StaleVersion { .. })) => {
                    if !self.refresh(records).await? {
                        return Ok(false);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Reads the resource's version anew. False when somebody else wrote the
    /// Inventory meanwhile: that can only be another agent.
    async fn refresh(&mut self, records: &Records) -> Result<bool, ClusterError> {
        let object = records.read(&self.reference()).await?;
        let generation = object.pointer("/status/inventoryGeneration").and_then(Value::as_i64).unwrap_or(0);
        let uid = text(&object, "/metadata/uid");
        if generation != self.status.inventory_generation || uid.as_ref() != Some(&self.owner.uid) {
            return Ok(false);
        }
        self.resource_version = text(&object, "/metadata/resourceVersion");
        Ok(true)
    }

    /// Takes over the status and Inventory that somebody else wrote. What this
    /// agent knows to own stays in it.
    pub(crate) async fn reload(&mut self, records: &Records) -> Result<(), ClusterError> {
        let object = records.read(&self.reference()).await?;
        let Ok(application) = serde_json::from_value::<Application>(object) else { return Ok(()) };
        let status = application.status.unwrap_or_default();
        let ours = std::mem::replace(&mut self.inventory, Inventory::from(status.inventory.as_slice()));
        for (key, owned) in ours.iter().filter(|(_, owned)| owned.uid.is_some()) {
            if self.inventory.get(key).is_none() {
                self.inventory.insert(key.clone(), owned.clone());
            }
        }
        self.resource_version = application.metadata.resource_version;
        self.status = status;
        self.hand = None;
        Ok(())
    }

    fn patch(&self, status: &ApplicationStatus) -> Option<Value> {
        let from = serde_json::to_value(&self.status).unwrap_or_default();
        let to = serde_json::to_value(status).unwrap_or_default();
        merge_patch(&from, &to)
    }

    /// Marks the Application as the parent of its `ApplySet` (KEP-3659), once.
    pub(crate) async fn mark_applyset(&mut self, records: &Records) -> Result<(), RecordError> {
        if self.marked {
            return Ok(());
        }
        let kinds: BTreeSet<String> = self
            .kinds()
            .into_iter()
            .map(|gvk| if gvk.group.is_empty() { gvk.kind } else { format!("{}.{}", gvk.kind, gvk.group) })
            .collect();
        let metadata = serde_json::json!({
            "labels": { APPLYSET_ID_LABEL: self.owner.applyset_id() },
            "annotations": {
                "applyset.kubernetes.io/tooling": concat!("windlass/v", env!("CARGO_PKG_VERSION")),
                "applyset.kubernetes.io/contains-group-kinds":
                    kinds.into_iter().collect::<Vec<_>>().join(","),
            },
        });
        let Value::Object(metadata) = metadata else { return Ok(()) };
        let written = records.patch_metadata(&self.reference(), &metadata).await?;
        self.resource_version = text(&written, "/metadata/resourceVersion");
        self.marked = true;
        Ok(())
    }

    /// The Application itself.
    pub(crate) fn reference(&self) -> ObjectRef {
        reference_of("Application", &self.name)
    }
}

/// The label by which the parent of an `ApplySet` is found (KEP-3659).
const APPLYSET_ID_LABEL: &str = "applyset.kubernetes.io/id";

/// One of the agent's own resources.
pub(crate) fn reference_of(kind: &str, name: &Name) -> ObjectRef {
    let key = ObjectKey {
        group: crate::api::GROUP.to_owned(),
        kind: kind.to_owned(),
        namespace: (!name.namespace.is_empty()).then(|| name.namespace.clone()),
        name: name.name.clone(),
    };
    ObjectRef::new(key, crate::api::VERSION)
}

/// Whom the objects of an Application belong to.
pub(crate) fn owner_of(name: &Name, application: &Application) -> Owner {
    Owner {
        namespace: name.namespace.clone(),
        name: name.name.clone(),
        uid: application.metadata.uid.clone().unwrap_or_default(),
    }
}

fn by_key(desired: &[Arc<Desired>]) -> HashMap<ObjectKey, Kept> {
    desired.iter().map(|desired| (desired.key.clone(), Kept::of(desired))).collect()
}

fn text(object: &Value, pointer: &str) -> Option<String> {
    object.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}
