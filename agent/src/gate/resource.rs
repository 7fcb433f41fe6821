//! Reads a Gate resource, and says what goes back into a status.

use serde_json::Value;

use super::{Action, Gate, GateError, GatePolicy};
use crate::api;
use crate::api::condition::Reason;

impl From<&api::Gate> for Gate {
    fn from(resource: &api::Gate) -> Self {
        let selector = resource.spec.selector.clone().unwrap_or_default();
        Self {
            name: resource.metadata.name.clone().unwrap_or_default(),
            namespaces: selector.namespaces,
            applications: selector.applications,
            kinds: selector.kinds,
            policies: resource.spec.policies.iter().map(GatePolicy::from).collect(),
        }
    }
}

impl From<&api::GatePolicy> for GatePolicy {
    fn from(policy: &api::GatePolicy) -> Self {
        Self {
            name: policy.name.clone(),
            plugin: policy.plugin.clone(),
            config: policy.config.clone().map_or(Value::Null, Value::Object),
            action: match policy.action {
                api::Action::Deny => Action::Deny,
                api::Action::Warn => Action::Warn,
                api::Action::Audit => Action::Audit,
            },
        }
    }
}

impl GateError {
    /// The word for it in the condition `Admitted`.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Denied(_) => Reason::Denied,
            Self::PolicyFailed { .. } => Reason::PolicyFailed,
        }
    }
}
