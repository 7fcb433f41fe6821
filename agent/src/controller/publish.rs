//! Tells people what happened: Kubernetes events, and the conditions of
//! Repositories, Gates and Plugins.

use std::collections::HashMap;
use std::sync::Mutex;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::desk::reference_of;
use super::records::{RecordError, Records};
use super::sources::{Found, PollError};
use super::status::{label, revision_status};
use crate::api::Repository;
use crate::api::condition::{ConditionStatus, ConditionType, Reason, set_condition};
use crate::cluster::{EventType, NewEvent, ObjectRef, merge_patch};
use crate::lock::lock;
use crate::object::Name;

/// Objects whose last event is remembered, so that it is not repeated.
const REMEMBERED: usize = 10_000;

/// Writes events, each once for as long as nothing else happens.
pub(crate) struct Recorder {
    records: Records,
    /// Which agent speaks.
    instance: String,
    last: Mutex<HashMap<String, String>>,
    /// The status of each Repository, Gate and Plugin as it was written last.
    written: Mutex<HashMap<String, Value>>,
}

/// What happened to what.
pub(crate) struct Happening<'a> {
    pub(crate) regarding: ObjectRef,
    pub(crate) uid: Option<&'a str>,
    pub(crate) kind: EventType,
    pub(crate) reason: &'a str,
    pub(crate) action: &'a str,
    pub(crate) note: &'a str,
}

impl Recorder {
    pub(crate) fn new(records: Records, instance: String) -> Self {
        Self { records, instance, last: Mutex::default(), written: Mutex::default() }
    }

    /// Writes an event, unless it is the last one of this object over again.
    pub(crate) async fn record(&self, happening: Happening<'_>) {
        let Happening { regarding, uid, kind, reason, action, note } = happening;
        let object = format!("{}/{}", regarding.key.kind, regarding.key);
        let text = format!("{reason}: {note}");
        {
            let mut last = lock(&self.last);
            if last.len() >= REMEMBERED {
                last.clear();
            }
            if last.insert(object.clone(), text.clone()) == Some(text) {
                return;
            }
        }
        let event =
            NewEvent { regarding: &regarding, uid, kind, reason, action, note, instance: &self.instance };
        if let Err(error) = self.records.create_event(&event).await {
            lock(&self.last).remove(&object);
            error.log("an event");
        }
    }

    /// Says in a Repository's status, and once in an event, how a poll went.
    pub(crate) async fn polled(
        &self,
        name: &Name,
        repository: &Repository,
        result: Result<&Found, &PollError>,
    ) {
        let (status, reason, message) = match result {
            Ok(found) => (ConditionStatus::True, Reason::Succeeded, format!("at {}", label(&found.revision))),
            Err(error) => (ConditionStatus::False, error.reason, error.message.clone()),
        };
        let written = self
            .write_status("Repository", name, repository.status.as_ref().map(to_value), |mut status_value| {
                let generation = repository.metadata.generation;
                put_condition(&mut status_value, status, reason, &message, generation);
                if let Ok(found) = result {
                    status_value["revision"] = to_value(&revision_status(&found.revision));
                }
                status_value
            })
            .await;
        let changed = match written {
            Ok(changed) => changed,
            Err(error) => {
                error.log("the status of a Repository");
                false
            }
        };
        let uid = repository.metadata.uid.as_deref();
        let regarding = reference_of("Repository", name);
        match result {
            Err(_) if changed => {
                let reason = reason.as_str();
                self.record(Happening {
                    regarding,
                    uid,
                    kind: EventType::Warning,
                    reason,
                    action: "Poll",
                    note: &message,
                })
                .await;
            }
            Ok(found) if found.rewritten => {
                let note = format!(
                    "history was rewritten: {} does not descend from the commit before it",
                    label(&found.revision)
                );
                self.record(Happening {
                    regarding,
                    uid,
                    kind: EventType::Warning,
                    reason: "HistoryRewritten",
                    action: "Poll",
                    note: &note,
                })
                .await;
            }
            _ => {}
        }
    }

    /// Says in the status of a Gate or Plugin whether it can be used.
    pub(crate) async fn ready(
        &self,
        kind: &str,
        name: &str,
        generation: Option<i64>,
        current: Option<Value>,
        (status, reason, message): (ConditionStatus, Reason, String),
        more: &[(&str, String)],
    ) {
        let name = Name { namespace: String::new(), name: name.to_owned() };
        let written = self
            .write_status(kind, &name, current, |mut value| {
                put_condition(&mut value, status, reason, &message, generation);
                for (field, text) in more {
                    value[*field] = text.as_str().into();
                }
                value
            })
            .await;
        if let Err(error) = written {
            error.log(&format!("the status of {kind} {name}"));
        }
    }

    /// Writes what changed of a status; true when something did.
    async fn write_status(
        &self,
        kind: &str,
        name: &Name,
        current: Option<Value>,
        edit: impl FnOnce(Value) -> Value,
    ) -> Result<bool, RecordError> {
        let object = reference_of(kind, name);
        let id = format!("{kind}/{name}");
        let known = lock(&self.written).get(&id).cloned();
        let before = known.or(current).unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        let after = edit(before.clone());
        let Some(patch) = merge_patch(&before, &after) else { return Ok(false) };
        self.records.patch_status(&object, &patch, None).await?;
        let mut written = lock(&self.written);
        if written.len() >= REMEMBERED {
            written.clear();
        }
        written.insert(id, after);
        Ok(true)
    }

    /// Forgets an object that was deleted.
    pub(crate) fn forget(&self, kind: &str, name: &Name) {
        lock(&self.written).remove(&format!("{kind}/{name}"));
    }
}

fn put_condition(
    status: &mut Value,
    state: ConditionStatus,
    reason: Reason,
    message: &str,
    generation: Option<i64>,
) {
    let mut conditions: Vec<Condition> = status
        .get("conditions")
        .cloned()
        .and_then(|conditions| serde_json::from_value(conditions).ok())
        .unwrap_or_default();
    let now = Time(Timestamp::now());
    set_condition(&mut conditions, ConditionType::Ready, state, reason, message, generation, &now);
    status["conditions"] = to_value(&conditions);
    if let Some(generation) = generation {
        status["observedGeneration"] = generation.into();
    }
}

fn to_value<T: serde::Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
