//! Application: a path of a Repository, and where it goes.
#![expect(unreachable_pub, reason = "KubeSchema repeats the public structs inside a function")]
#![expect(clippy::duplicated_attributes, reason = "columns have like types")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::bytes::ByteSize;
use super::period::Period;
use super::repository::RevisionStatus;
use super::schema;

/// A path of a Repository that is rendered, judged and applied as one set.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "windlass.dev",
    version = "v1alpha1",
    kind = "Application",
    plural = "applications",
    shortname = "wapp",
    category = "windlass",
    category = "gitops",
    namespaced,
    status = "ApplicationStatus",
    derive = "PartialEq",
    label("applyset.kubernetes.io/is-parent-type", "true"),
    doc = "A path of a Repository that is rendered, judged by the Gates and applied as one set.",
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
    printcolumn(name = "Health", type_ = "string", json_path = ".status.health.state"),
    printcolumn(name = "Revision", type_ = "string", json_path = ".status.revision.commit"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Repository", type_ = "string", json_path = ".spec.repository.name", priority = 1),
    printcolumn(name = "Path", type_ = "string", json_path = ".spec.path", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationSpec {
    /// The Repository of the same namespace that the manifests come from.
    pub repository: RepositoryRef,

    /// The folder to render, relative to the root of the repository. The root
    /// itself is `.`.
    #[serde(default = "default_path")]
    #[schemars(length(min = 1, max = 1024))]
    #[x_kube(
        validation = Rule::new("!self.startsWith('/')").message("write a path relative to the root of the repository, without a leading slash"),
        validation = Rule::new("!self.matches('(^|/)[.][.](/|$)')").message("the path stays inside the repository: no `..`"),
        validation = Rule::new("!self.matches('[[:cntrl:]]') && !self.contains('\\\\')").message("the path has no control characters and no backslashes")
    )]
    pub path: String,

    /// How the folder becomes manifests. Without it the renderer is detected:
    /// a `kustomization.yaml` is rendered by Kustomize, a `Chart.yaml` by Helm,
    /// a `main.jsonnet` by Jsonnet, a folder without any as plain manifests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renderer: Option<RendererSpec>,

    /// Values for the renderer, typed: Helm values, the values that a folder
    /// for Kustomize or of plain manifests declares, Jsonnet's `values`. They
    /// are merged, key by key, over those of `valuesFrom`, and these over those
    /// of the renderer's own settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::config")]
    pub values: Option<Map<String, Value>>,

    /// Objects with more values, each stronger than the one before. They are
    /// read in the name of `serviceAccountName`, where that is set; without it
    /// a Secret needs the label `windlass.dev/values: "true"`. When one
    /// changes, the Application is rendered anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub values_from: Vec<ValuesSource>,

    /// What the renderer is told of the cluster, such as Helm's
    /// `.Capabilities`: by default what its settings say. It is read when the Application is synced; a change of
    /// the cluster alone renders nothing anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<CapabilitiesFrom>,

    /// A Secret's key that generated passwords, keys and certificates start
    /// from, so that nobody can predict them from what is in Git. The same
    /// Secret gives the same ones. What it costs: a render outside of the
    /// cluster shows others, and none is kept on disk for a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed_from: Option<SecretKeyRef>,

    /// Renderers that the result goes through, one after the other. Each finds
    /// it as a file of its folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    pub post_renderers: Vec<PostRendererSpec>,

    /// The namespace for namespaced objects whose manifest names none. Without
    /// it, the Application's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub target_namespace: Option<String>,

    /// Delete objects that have left the set. Namespaces, custom resource
    /// definitions and persistent volume claims are kept all the same, and so
    /// is everything with the annotation `windlass.dev/prune: disabled`.
    #[serde(default = "default_prune")]
    pub prune: bool,

    /// Stop everything: nothing is rendered, applied, corrected or pruned.
    #[serde(default)]
    pub suspend: bool,

    /// A service account of the Application's namespace in whose name objects
    /// are read, written and deleted. Without it, the agent's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub service_account_name: Option<String>,

    /// How long objects may take to become healthy before the Application is
    /// reported as failed. A newer revision never waits for it.
    #[serde(default = "default_health_timeout")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1s')").message("objects need time to become healthy: write at least 1s"))]
    pub health_timeout: Period,

    /// What one render may read. What is not set here has the agent's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<ApplicationLimits>,
}

/// What one render may read.
#[derive(KubeSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationLimits {
    /// The largest file, for example `16Mi`. At most `64Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("isQuantity(self) && quantity(self).compareTo(quantity('1Ki')) >= 0 && quantity(self).compareTo(quantity('64Mi')) <= 0").message("a file may have from 1Ki to 64Mi"))]
    pub file_size: Option<ByteSize>,

    /// All files together, for example `128Mi`. At most `1Gi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("isQuantity(self) && quantity(self).compareTo(quantity('1Ki')) >= 0 && quantity(self).compareTo(quantity('1Gi')) <= 0").message("all files may have from 1Ki to 1Gi"))]
    pub total_size: Option<ByteSize>,

    /// How many paths may be looked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<i32>", range(min = 1, max = 1_000_000))]
    pub paths: Option<u32>,
}

fn default_values_key() -> String {
    "values.yaml".to_owned()
}

fn default_post_input() -> String {
    "rendered.yaml".to_owned()
}

fn default_path() -> String {
    ".".to_owned()
}

fn default_prune() -> bool {
    true
}

fn default_health_timeout() -> Period {
    Period::from_secs(300)
}

/// A Repository of the same namespace.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub name: String,
}

/// A renderer and its settings.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RendererSpec {
    /// The name of a Plugin.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub plugin: String,

    /// The renderer's settings, as its own schema describes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::config")]
    pub config: Option<Map<String, Value>>,
}

/// An object with values.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(self.kind == 'Cluster') != has(self.name)").message("a ConfigMap and a Secret need a `name`; `Cluster` has none"))]
pub struct ValuesSource {
    /// What it is.
    pub kind: ValuesKind,

    /// The object's name, in the Application's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub name: Option<String>,

    /// The key in its data.
    #[serde(default = "default_values_key")]
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[-._a-zA-Z0-9]+$"))]
    pub key: String,

    /// Where in the values the key's content goes, as a JSON pointer such as
    /// `/database/password`: it is one string there, as it is. Without it, the
    /// content is a YAML mapping of values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 1024), regex(pattern = "^(/[^/]+)+$"))]
    pub at: Option<String>,

    /// Go on without it where the object or the key is missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// What kind of object has values.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ValuesKind {
    /// A `ConfigMap` of the Application's namespace.
    ConfigMap,
    /// A Secret of the Application's namespace.
    Secret,
    /// What holds for everything in this cluster: the `ConfigMap`
    /// `windlass-cluster` in the agent's namespace.
    Cluster,
}

/// Where what the renderer is told of the cluster is from.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CapabilitiesFrom {
    /// The renderer's settings, and its defaults: the same in every cluster.
    Config,
    /// The cluster itself; what the settings name is stronger.
    Cluster,
}

/// A key of a Secret in the Application's namespace.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub name: String,

    /// The key in its data.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[-._a-zA-Z0-9]+$"))]
    pub key: String,
}

/// A renderer that another one's result goes through.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.path) || has(self.plugin)").message("name the `path` of the post-renderer's folder, or its `plugin`"))]
pub struct PostRendererSpec {
    /// The name of a Plugin. Without it the renderer is detected, as it is for
    /// the Application's own folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub plugin: Option<String>,

    /// Its folder, relative to the root of the repository. Without it, the
    /// Application's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    #[x_kube(
        validation = Rule::new("!self.startsWith('/')").message("write a path relative to the root of the repository, without a leading slash"),
        validation = Rule::new("!self.matches('(^|/)[.][.](/|$)')").message("the path stays inside the repository: no `..`"),
        validation = Rule::new("!self.matches('[[:cntrl:]]') && !self.contains('\\\\')").message("the path has no control characters and no backslashes")
    )]
    pub path: Option<String>,

    /// The renderer's settings, as its own schema describes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::config")]
    pub config: Option<Map<String, Value>>,

    /// The name of the file in its folder that it finds the result in. The
    /// repository has no file of this name there; a `kustomization.yaml` lists
    /// it under `resources` as if it were.
    #[serde(default = "default_post_input")]
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[-._a-zA-Z0-9]*[a-zA-Z0-9]$"))]
    pub input: String,
}

/// What the agent did and saw.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApplicationStatus {
    /// The steps, in order: `Rendered`, `Admitted`, `Applied`, `Healthy`; and
    /// `Ready`, which is true when all of them are and otherwise says what to
    /// do.
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,

    /// The generation of the spec that this status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// The commit that the cluster was last made equal to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<RevisionStatus>,

    /// The commit that was last tried. It differs from `revision` while it is
    /// being applied, or when it was refused or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub attempted_revision: Option<String>,

    /// The renderer that made the manifests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renderer: Option<RendererStatus>,

    /// The objects that this Application owns or is about to write. Only what
    /// stands here is ever pruned.
    #[schemars(length(max = 1000))]
    pub inventory: Vec<InventoryEntry>,

    /// Grows with each change of the inventory.
    pub inventory_generation: i64,

    /// How the objects are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthSummary>,

    /// The digest of the set that was admitted and applied last: SHA-256 over
    /// its objects. The Gates of a later day find fault with it, but never
    /// refuse it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub admitted_digest: Option<String>,

    /// What the policies said of the last revision that was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdicts: Option<VerdictSummary>,

    /// When `revision` was applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_applied_time: Option<Time>,
}

/// Which renderer was used.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RendererStatus {
    /// The name of the Plugin.
    pub plugin: String,

    /// The digest of its file, `sha256:` and 64 hexadecimal digits.
    pub digest: String,
}

/// One owned object.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InventoryEntry {
    /// API group; empty for the core group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,

    /// Kind.
    pub kind: String,

    /// Namespace; absent for cluster-scoped objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,

    /// Name.
    pub name: String,

    /// The version that it was last applied in. No part of its identity.
    pub version: String,

    /// The object's uid; absent while the first write is only intended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,

    /// Digest of the manifest that was last applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,

    /// Hash of the fields that the API server listed as this Application's
    /// after the last write; another one means that somebody changed them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ownership: Option<String>,

    /// The last render that held it asked to keep it when it leaves the set.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep: bool,
}

/// How the objects of an Application are.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthSummary {
    /// The worst state among the objects.
    pub state: HealthState,

    /// The object that decides, and why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 4096))]
    pub message: String,

    /// How many objects are in which state.
    #[serde(default)]
    pub counts: HealthCounts,
}

/// The state of an object.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HealthState {
    /// Its controller has seen the newest state and reached it.
    Healthy,
    /// On its way.
    Progressing,
    /// Stopped by its owner's wish.
    Suspended,
    /// Its controller says that it failed, or it took too long.
    Failed,
    /// Nothing is known yet, or no rule knows this kind.
    #[default]
    Unknown,
}

/// How many objects are in which state.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HealthCounts {
    /// Objects whose controller reached the newest state.
    #[schemars(with = "i32", range(min = 0))]
    pub healthy: u32,
    /// Objects on their way.
    #[schemars(with = "i32", range(min = 0))]
    pub progressing: u32,
    /// Objects stopped by their owner's wish.
    #[schemars(with = "i32", range(min = 0))]
    pub suspended: u32,
    /// Objects that failed.
    #[schemars(with = "i32", range(min = 0))]
    pub failed: u32,
    /// Objects of which nothing is known.
    #[schemars(with = "i32", range(min = 0))]
    pub unknown: u32,
}

/// What the policies said.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VerdictSummary {
    /// Findings that refuse the revision.
    #[schemars(with = "i32", range(min = 0))]
    pub denied: u32,

    /// Findings of policies that only warn.
    #[schemars(with = "i32", range(min = 0))]
    pub warned: u32,

    /// Findings of policies that only audit.
    #[schemars(with = "i32", range(min = 0))]
    pub audited: u32,

    /// Findings that an exception lets pass; they are not counted above.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(with = "i32", range(min = 0))]
    pub excepted: u32,

    /// The first findings, each with its file and line, object and policy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(max = 2048)))]
    pub findings: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde hands over")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}
