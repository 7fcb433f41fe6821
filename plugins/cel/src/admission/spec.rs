//! Policies and bindings as they are written.

use serde::Deserialize;
use serde_json::Value;

/// `ValidatingAdmissionPolicy.spec`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Policy {
    pub(super) param_kind: Option<ParamKind>,
    pub(super) match_constraints: Option<Match>,
    #[serde(default)]
    pub(super) validations: Vec<Validation>,
    #[serde(rename = "failurePolicy")]
    pub(super) on_failure: Option<FailurePolicy>,
    #[serde(default)]
    pub(super) audit_annotations: Vec<Annotation>,
    #[serde(default)]
    pub(super) match_conditions: Vec<Named>,
    #[serde(default)]
    pub(super) variables: Vec<Named>,
}

/// `ValidatingPolicy.spec` of Kyverno.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Kyverno {
    #[serde(default, alias = "validationAction")]
    pub(super) validation_actions: Vec<Action>,
    pub(super) evaluation: Option<Evaluation>,
    pub(super) match_constraints: Option<Match>,
    #[serde(default)]
    pub(super) match_conditions: Vec<Named>,
    #[serde(default)]
    pub(super) variables: Vec<Named>,
    #[serde(default)]
    pub(super) validations: Vec<Validation>,
    #[serde(default)]
    pub(super) audit_annotations: Vec<Annotation>,
    #[serde(rename = "failurePolicy")]
    pub(super) on_failure: Option<FailurePolicy>,
    pub(super) autogen: Option<Autogen>,
    /// How its webhook is set up, of which there is none here.
    #[serde(rename = "webhookConfiguration")]
    pub(super) _webhook_configuration: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Evaluation {
    pub(super) mode: Option<String>,
    pub(super) admission: Option<Enabled>,
    /// What Kyverno scans by itself.
    #[serde(rename = "background")]
    pub(super) _background: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Enabled {
    pub(super) enabled: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Autogen {
    pub(super) pod_controllers: Option<PodControllers>,
    /// Policies that Kyverno would make for the API server.
    #[serde(rename = "validatingAdmissionPolicy")]
    pub(super) _validating_admission_policy: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PodControllers {
    pub(super) controllers: Option<Vec<String>>,
}

/// `ValidatingAdmissionPolicyBinding.spec`
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Binding {
    pub(super) policy_name: String,
    pub(super) param_ref: Option<ParamRef>,
    pub(super) match_resources: Option<Match>,
    #[serde(default)]
    pub(super) validation_actions: Vec<Action>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
pub(super) enum Action {
    Deny,
    Warn,
    Audit,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
pub(super) enum FailurePolicy {
    Fail,
    Ignore,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct ParamKind {
    pub(super) api_version: String,
    pub(super) kind: String,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ParamRef {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) namespace: String,
    pub(super) selector: Option<Selector>,
    pub(super) parameter_not_found_action: Option<NotFound>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
pub(super) enum NotFound {
    Allow,
    Deny,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Validation {
    pub(super) expression: String,
    #[serde(default)]
    pub(super) message: String,
    /// An HTTP status, which nothing here has.
    #[serde(rename = "reason")]
    pub(super) _reason: Option<String>,
    #[serde(default)]
    pub(super) message_expression: String,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Annotation {
    pub(super) key: String,
    pub(super) value_expression: String,
}

/// A variable, or a match condition.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) expression: String,
}

/// `matchConstraints` of a policy, `matchResources` of a binding.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(super) struct Match {
    pub(super) namespace_selector: Selector,
    pub(super) object_selector: Selector,
    pub(super) resource_rules: Vec<ResourceRule>,
    pub(super) exclude_resource_rules: Vec<ResourceRule>,
    #[serde(rename = "matchPolicy")]
    pub(super) policy: MatchPolicy,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
pub(super) enum MatchPolicy {
    Exact,
    #[default]
    Equivalent,
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(super) struct ResourceRule {
    pub(super) resource_names: Vec<String>,
    pub(super) operations: Vec<String>,
    pub(super) api_groups: Vec<String>,
    pub(super) api_versions: Vec<String>,
    pub(super) resources: Vec<String>,
    pub(super) scope: Option<Scope>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
pub(super) enum Scope {
    Cluster,
    Namespaced,
    #[serde(rename = "*")]
    All,
}

/// What labels an object must have.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(super) struct Selector {
    pub(super) match_labels: std::collections::BTreeMap<String, String>,
    pub(super) match_expressions: Vec<Requirement>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Requirement {
    pub(super) key: String,
    pub(super) operator: Operator,
    #[serde(default)]
    pub(super) values: Vec<String>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
pub(super) enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}
