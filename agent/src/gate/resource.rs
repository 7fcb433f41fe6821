//! Reads a Gate resource, and says what goes back into a status.

use serde_json::Value;

use super::{Action, Applicant, Exception, Gate, GateError, GatePolicy, OnFailure};
use crate::api::condition::Reason;
use crate::api::{self, Labels};

impl From<&api::Gate> for Gate {
    fn from(resource: &api::Gate) -> Self {
        let selector = resource.spec.selector.clone().unwrap_or_default();
        // An operator that nobody knows selects everything: the gate may be meant for it.
        let labels = |selector| Option::and_then(selector, |selector| Labels::try_from(selector).ok());
        Self {
            name: resource.metadata.name.clone().unwrap_or_default(),
            namespaces: selector.namespaces,
            namespace_labels: labels(selector.namespace_selector),
            applications: selector.applications,
            application_labels: labels(selector.application_selector),
            kinds: selector.kinds,
            policies: resource.spec.policies.iter().map(GatePolicy::from).collect(),
            on_failure: match resource.spec.failure_policy {
                api::FailurePolicy::Fail => OnFailure::Refuse,
                api::FailurePolicy::Ignore => OnFailure::Ignore,
            },
            exceptions: resource.spec.exceptions.iter().map(Exception::from).collect(),
            unread: None,
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
            grants: policy.grants.clone(),
        }
    }
}

impl From<&api::GateException> for Exception {
    fn from(exception: &api::GateException) -> Self {
        Self {
            policies: exception.policies.clone(),
            rules: exception.rules.clone(),
            applications: exception.applications.clone(),
            kinds: exception.kinds.clone(),
            names: exception.names.clone(),
            reason: exception.reason.clone(),
            expires: exception.expires.0,
        }
    }
}

impl From<&api::Application> for Applicant {
    fn from(application: &api::Application) -> Self {
        let metadata = &application.metadata;
        let namespace = metadata.namespace.clone().unwrap_or_default();
        let target_namespace = application.spec.target_namespace.clone();
        Self {
            name: metadata.name.clone().unwrap_or_default(),
            labels: metadata.labels.clone().unwrap_or_default(),
            target_namespace: target_namespace.unwrap_or_else(|| namespace.clone()),
            namespace,
        }
    }
}

impl GateError {
    /// The word for it in the condition `Admitted`.
    pub fn reason(&self) -> Reason {
        if self.is_denial() { Reason::Denied } else { Reason::PolicyFailed }
    }
}
