//! Plugin: a component and what it is allowed.
#![expect(unreachable_pub, reason = "KubeSchema repeats the public structs inside a function")]
#![expect(clippy::duplicated_attributes, reason = "columns have like types")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bytes::ByteSize;
use super::period::Period;
use super::schema;

/// A sandboxed component that renders, judges or assesses, and its limits.
#[derive(CustomResource, JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "windlass.dev",
    version = "v1alpha1",
    kind = "Plugin",
    plural = "plugins",
    shortname = "wplug",
    category = "windlass",
    category = "gitops",
    status = "PluginStatus",
    derive = "PartialEq",
    doc = "A sandboxed WebAssembly component that renders manifests, judges them or assesses health, and its limits.",
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
    printcolumn(name = "World", type_ = "string", json_path = ".status.world"),
    printcolumn(name = "Version", type_ = "string", json_path = ".status.version"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Digest", type_ = "string", json_path = ".status.digest", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct PluginSpec {
    /// The file's name in the agent's plugin folder, for example
    /// `pinned-images.wasm`. A name, not a path.
    #[schemars(length(min = 6, max = 128), regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]*\.wasm$"))]
    pub file: String,

    /// The digest that the file must have, `sha256:` and 64 hexadecimal
    /// digits. Without it any content is taken, and a changed file is loaded
    /// anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^sha256:[0-9a-f]{64}$"))]
    pub digest: Option<String>,

    /// What one call may use. What is not set here has the agent's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<PluginLimits>,
}

/// What one call of a plugin may use.
#[derive(KubeSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginLimits {
    /// Time, from `1ms` to `5m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1ms') && duration(self) <= duration('5m')").message("a call may take from 1ms to 5m"))]
    pub time: Option<Period>,

    /// Linear memory, for example `64Mi`. At most `1Gi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("isQuantity(self) && quantity(self).compareTo(quantity('64Ki')) >= 0 && quantity(self).compareTo(quantity('1Gi')) <= 0").message("memory may be from 64Ki to 1Gi"))]
    pub memory: Option<ByteSize>,

    /// What a call may give back, for example `8Mi`. At most `256Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("isQuantity(self) && quantity(self).compareTo(quantity('1Ki')) >= 0 && quantity(self).compareTo(quantity('256Mi')) <= 0").message("output may be from 1Ki to 256Mi"))]
    pub output: Option<ByteSize>,

    /// How often a call may ask the host, for example to open a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<i32>", range(min = 1, max = 100_000_000))]
    pub host_calls: Option<u32>,
}

/// What the agents loaded.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PluginStatus {
    /// `Ready` tells whether the component is loaded, and what to do if not.
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,

    /// The generation of the spec that this status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// The digest of the file that is in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,

    /// The version that the component declares.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,

    /// What it is: `renderer`, `policy` or `health`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub world: Option<String>,
}
