//! Gate: which policies judge which objects.
#![expect(clippy::duplicated_attributes, reason = "columns have like types")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::schema;

/// How an Application is named: `namespace/name`, or `name`.
const APPLICATION: &str = "^([a-z0-9]([-a-z0-9]*[a-z0-9])?/)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$";

/// How kinds are named: `group/Kind`, with `*` for all of either.
const KIND: &str = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?|\*)/([A-Z][A-Za-z0-9]*|\*)$";

/// Policies, the objects that they judge, and what follows from a finding.
#[derive(CustomResource, JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "windlass.dev",
    version = "v1alpha1",
    kind = "Gate",
    plural = "gates",
    shortname = "wgate",
    category = "windlass",
    category = "gitops",
    status = "GateStatus",
    derive = "PartialEq",
    doc = "Policies that judge the complete rendered set of an Application before the first write.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(name = "Policies", type_ = "string", json_path = ".spec.policies[*].plugin"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct GateSpec {
    /// What is judged. Without it, every object of every Application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<GateSelector>,

    /// The policies. All of them are asked; one denial refuses the revision.
    #[schemars(length(min = 1, max = 64))]
    pub policies: Vec<GatePolicy>,

    /// What happens when a policy that denies gives no answer: it is missing,
    /// breaks, runs too long or can't see what it was granted.
    #[serde(default)]
    pub failure_policy: FailurePolicy,

    /// Findings that are known and let pass for a while. They stand in every
    /// report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub exceptions: Vec<GateException>,
}

/// What a policy that gives no answer leads to.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FailurePolicy {
    /// Refuse the whole revision.
    #[default]
    Fail,
    /// Let it pass with a warning, as if the policy had found nothing.
    Ignore,
}

/// Findings that are let pass for a while: those that fit every field that is
/// set.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GateException {
    /// Policies, as this Gate calls them. Empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)))]
    pub policies: Vec<String>,

    /// Rules of these policies. Empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)))]
    pub rules: Vec<String>,

    /// Applications, as `namespace/name`, or as `name` for those of this name
    /// in every namespace. Empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 256),
        inner(
            length(min = 1, max = 317),
            regex(pattern = APPLICATION)
        )
    )]
    pub applications: Vec<String>,

    /// Kinds, as in `selector`. Empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 256),
        inner(
            length(min = 3, max = 317),
            regex(pattern = KIND)
        )
    )]
    pub kinds: Vec<String>,

    /// Names of objects; a `*` at the end stands for any rest. Empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 253), regex(pattern = r"^[^*]*\*?$")))]
    pub names: Vec<String>,

    /// Why they are let pass: for whoever reads a report.
    #[schemars(length(min = 1, max = 1024))]
    pub reason: String,

    /// When they count again, in RFC 3339: `2027-01-31T00:00:00Z`.
    pub expires: Time,
}

/// What a Gate judges: an object must fit every field that is set.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GateSelector {
    /// Namespaces of Applications. Empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 256),
        inner(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))
    )]
    pub namespaces: Vec<String>,

    /// Labels of the Namespaces that Applications are in. Where they can't be
    /// read, the Gate judges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,

    /// Labels of Applications. Whoever may change an Application may change its
    /// labels: use it to add rules, and `namespaceSelector` for rules that
    /// nobody is to get around.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_selector: Option<LabelSelector>,

    /// Applications, as `namespace/name`, or as `name` for those of this name
    /// in every namespace. Empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 256),
        inner(
            length(min = 1, max = 317),
            regex(pattern = APPLICATION)
        )
    )]
    pub applications: Vec<String>,

    /// Kinds, as `group/Kind`, with `v1` for the core group: `v1/Pod`,
    /// `apps/Deployment`, `apps/*`, `*/*`. Empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 256),
        inner(
            length(min = 3, max = 317),
            regex(pattern = KIND)
        )
    )]
    pub kinds: Vec<String>,
}

/// One policy of a Gate.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatePolicy {
    /// What findings call it. Without it, the plugin's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub name: Option<String>,

    /// The name of a Plugin.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub plugin: String,

    /// The policy's settings, as its own schema describes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::config")]
    pub config: Option<Map<String, Value>>,

    /// What a finding does, unless the rule that made it asks for less.
    #[serde(default)]
    pub action: Action,

    /// Kinds of the cluster that the policy may read beside the set that it
    /// judges, as `group/Kind` with `v1` for the core group. The agent needs
    /// the right to list and watch them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        inner(
            length(min = 3, max = 317),
            regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Z][A-Za-z0-9]*$")
        )
    )]
    pub grants: Vec<String>,
}

/// What a finding does.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Action {
    /// Refuse the whole revision.
    #[default]
    Deny,
    /// Let it pass, and say so in the status and an event.
    Warn,
    /// Let it pass, and count it.
    Audit,
}

/// Whether the Gate is in force.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GateStatus {
    /// `Ready` tells whether all policies are loaded and configured. While it
    /// is not true, nothing that the Gate judges is admitted.
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,

    /// The generation of the spec that this status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}
