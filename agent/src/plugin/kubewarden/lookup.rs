//! What a Kubewarden policy asks of its host, answered from what stands around
//! the objects under judgement.
//!
//! Only look-ups of Kubernetes objects have an answer. Everything that would
//! leave the gate (registries, signatures, names, rights) is refused, and
//! remembered: what a policy accepts after that is not admitted.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use wasmtime::Result;

use super::selector::{By, Selector};
use crate::object::covers;
use crate::plugin::Surroundings;
use crate::plugin::results::bounded;
use crate::plugin::store::ContractBroken;
use crate::plugin::wapc::{Callee, HostCall};

/// The largest answer to a look-up, in bytes: no module has room for more.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// Who answers one call into a policy.
pub(crate) struct Lookups {
    pub(super) surroundings: Arc<dyn Surroundings>,
    /// What the policy declares to read.
    pub(super) reads: Vec<String>,
    /// The first thing that it asked for and did not get.
    pub(super) unavailable: Option<String>,
}

/// The parameters of all look-ups; field masks would only make answers smaller.
#[derive(Deserialize)]
struct Wanted {
    api_version: String,
    kind: String,
    name: Option<String>,
    namespace: Option<String>,
    label_selector: Option<String>,
    field_selector: Option<String>,
}

/// Why a look-up has no answer.
enum Failure {
    /// The policy asked for something that is not there.
    Told(String),
    /// Nobody here can tell.
    Unavailable(String),
}

impl Callee for Lookups {
    fn answer(&mut self, call: &HostCall<'_>) -> Result<std::result::Result<Vec<u8>, String>> {
        let answer = match (call.binding, call.namespace, call.operation) {
            ("kubewarden", "tracing", _) => Ok(Vec::new()),
            (
                "kubewarden",
                "kubernetes",
                operation @ ("list_resources_all" | "list_resources_by_namespace" | "get_resource"),
            ) => self.look_up(operation, call.payload)?,
            (binding, namespace, operation) => Err(Failure::Unavailable(bounded(format!(
                "`{}` is not available in a gate",
                format!("{binding}/{namespace}/{operation}").escape_debug()
            )))),
        };
        Ok(answer.map_err(|failure| match failure {
            Failure::Told(problem) => problem,
            Failure::Unavailable(problem) => {
                self.unavailable.get_or_insert_with(|| problem.clone());
                problem
            }
        }))
    }
}

impl Lookups {
    fn look_up(&self, operation: &str, payload: &[u8]) -> Result<std::result::Result<Vec<u8>, Failure>> {
        let wanted: Wanted = match serde_json::from_slice(payload) {
            Ok(wanted) => wanted,
            Err(error) => {
                let problem = bounded(format!("the request of `{operation}` can't be read: {error}"));
                return Ok(Err(Failure::Unavailable(problem)));
            }
        };
        let group = wanted.api_version.split_once('/').map_or("v1", |(group, _)| group);
        let kind = format!("{group}/{}", wanted.kind);
        if !self.reads.iter().any(|pattern| covers(pattern, &kind)) {
            return Err(ContractBroken(format!(
                "it asks for `{}`, which its `contextAwareResources` do not declare to read",
                bounded(kind)
            ))
            .into());
        }
        let namespace = wanted.namespace.as_deref().filter(|namespace| !namespace.is_empty());
        if operation == "get_resource" {
            return Ok(self.get(&kind, namespace, wanted.name.as_deref().unwrap_or_default()));
        }
        let namespace = namespace.filter(|_| operation == "list_resources_by_namespace");
        Ok(self.list(&kind, namespace, &wanted))
    }

    fn get(&self, kind: &str, namespace: Option<&str>, name: &str) -> std::result::Result<Vec<u8>, Failure> {
        let found = self.surroundings.objects(kind, namespace, Some(name));
        match found.objects.first() {
            Some(object) => Ok(object.to_vec()),
            None if found.complete => Err(Failure::Told(bounded(format!("{kind} `{name}` is not found")))),
            None => Err(not_granted(kind)),
        }
    }

    fn list(
        &self,
        kind: &str,
        namespace: Option<&str>,
        wanted: &Wanted,
    ) -> std::result::Result<Vec<u8>, Failure> {
        let mut selector = Selector::default();
        let texts = [(By::Label, &wanted.label_selector), (By::Field, &wanted.field_selector)];
        for (by, text) in texts {
            let added = text.as_deref().map_or(Ok(()), |text| selector.add(by, text));
            added.map_err(|problem| Failure::Unavailable(bounded(problem)))?;
        }
        let found = self.surroundings.objects(kind, namespace, None);
        if !found.complete {
            return Err(not_granted(kind));
        }
        let selected = |object: &&Bytes| {
            selector.is_empty()
                || serde_json::from_slice::<Value>(object).is_ok_and(|object| selector.selects(&object))
        };
        let items: Vec<&Bytes> = found.objects.iter().filter(selected).collect();
        let size: usize = items.iter().map(|item| item.len() + 1).sum();
        if size > MAX_ANSWER_BYTES {
            return Err(Failure::Unavailable(format!(
                "the objects of `{kind}` have {size} bytes; a look-up gives {MAX_ANSWER_BYTES} at most"
            )));
        }
        let kind = format!("{}List", wanted.kind);
        let frame = json!({"apiVersion": wanted.api_version, "kind": kind, "metadata": {}}).to_string();
        let mut list = frame.strip_suffix('}').unwrap_or(&frame).as_bytes().to_vec();
        list.extend_from_slice(b",\"items\":[");
        list.extend_from_slice(&items.iter().map(|item| &item[..]).collect::<Vec<_>>().join(&b','));
        list.extend_from_slice(b"]}");
        Ok(list)
    }
}

fn not_granted(kind: &str) -> Failure {
    Failure::Unavailable(bounded(format!(
        "the policy reads `{kind}` of the cluster, which the Gate does not grant: add it to the policy's `grants`"
    )))
}
