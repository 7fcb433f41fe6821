//! Repository: a Git remote that is polled.
#![expect(unreachable_pub, reason = "KubeSchema repeats the public structs inside a function")]
#![expect(clippy::duplicated_attributes, reason = "columns have like types")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bytes::ByteSize;
use super::period::Period;
use super::schema;

/// A Git remote, which of its refs to follow, how often to look, and with
/// which credentials. Applications of the same namespace deploy from it.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "windlass.dev",
    version = "v1alpha1",
    kind = "Repository",
    plural = "repositories",
    shortname = "wrepo",
    category = "windlass",
    category = "gitops",
    namespaced,
    status = "RepositoryStatus",
    derive = "PartialEq",
    doc = "A Git remote that is polled for new commits. Applications of the same namespace deploy from it.",
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
    printcolumn(name = "Revision", type_ = "string", json_path = ".status.revision.commit"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "URL", type_ = "string", json_path = ".spec.url", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct RepositorySpec {
    /// The address of the remote, `https://host/path` or `http://host/path`.
    /// Credentials don't belong here: name a Secret in `secretRef`.
    #[schemars(length(min = 9, max = 2048))]
    #[x_kube(
        validation = Rule::new("self.matches('^https?://[^/?#]')").message("write an address that starts with https:// or http://; other transports start programs and are not supported"),
        validation = Rule::new("!self.matches('^https?://[^/?#]*@')").message("credentials don't belong into the address: name a Secret in secretRef"),
        validation = Rule::new("!self.matches('[[:space:][:cntrl:]]')").message("an address has no spaces and no control characters")
    )]
    pub url: String,

    /// What to follow: exactly one of `branch`, `tag`, `commit` and `name`.
    /// Without it, the branch that the remote calls its default.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<GitRef>,

    /// How often to look for a new commit, at least `1s`. One request a look
    /// while nothing has changed.
    #[serde(default = "default_interval")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1s')").message("look at most once a second: write at least 1s"))]
    pub interval: Period,

    /// How long one fetch may take in all.
    #[serde(default = "default_timeout")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1s')").message("a fetch needs time: write at least 1s"))]
    pub timeout: Period,

    /// A Secret of the same namespace with credentials: the keys `username`
    /// and `password`, or `bearerToken`; and `ca.crt` for a private
    /// certificate authority. They are sent to this scheme, host and port
    /// only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,

    /// Stop looking. Applications keep what they have, and drift is still
    /// corrected.
    #[serde(default)]
    pub suspend: bool,

    /// What the remote may send. What is not set here has the agent's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<RepositoryLimits>,
}

/// What a remote may send.
#[derive(KubeSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryLimits {
    /// What one fetch may transfer, for example `512Mi`. At most `8Gi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("isQuantity(self) && quantity(self).compareTo(quantity('1Mi')) >= 0 && quantity(self).compareTo(quantity('8Gi')) <= 0").message("a fetch may transfer from 1Mi to 8Gi"))]
    pub pack_size: Option<ByteSize>,

    /// The largest file in the repository, for example `128Mi`. At most `1Gi`;
    /// the agent needs as much memory to receive it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("isQuantity(self) && quantity(self).compareTo(quantity('1Mi')) >= 0 && quantity(self).compareTo(quantity('1Gi')) <= 0").message("a file may have from 1Mi to 1Gi"))]
    pub object_size: Option<ByteSize>,

    /// How many objects one fetch may bring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<i32>", range(min = 1000, max = 100_000_000))]
    pub objects: Option<u32>,
}

fn default_interval() -> Period {
    Period::from_secs(60)
}

fn default_timeout() -> Period {
    Period::from_secs(60)
}

/// What to follow in a remote.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.branch), has(self.tag), has(self.commit), has(self.name)].exists_one(set, set)")
        .message("write exactly one of branch, tag, commit and name")
)]
pub struct GitRef {
    /// A branch, for example `main`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 255),
        regex(pattern = r"^[^-/\x00-\x20~^:?*\[\\\x7f][^\x00-\x20~^:?*\[\\\x7f]*$")
    )]
    pub branch: Option<String>,

    /// A tag, for example `v1.4.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 255),
        regex(pattern = r"^[^-/\x00-\x20~^:?*\[\\\x7f][^\x00-\x20~^:?*\[\\\x7f]*$")
    )]
    pub tag: Option<String>,

    /// A full commit id: 40 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9a-f]{40}$"))]
    pub commit: Option<String>,

    /// A full ref name, for example `refs/pull/7/head`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 6, max = 255), regex(pattern = r"^refs/[^\x00-\x20~^:?*\[\\\x7f]+$"))]
    pub name: Option<String>,
}

/// A Secret of the same namespace.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub name: String,
}

/// What the agent found.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RepositoryStatus {
    /// `Ready` tells whether the newest look at the remote worked, and what to
    /// do if it didn't.
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,

    /// The generation of the spec that this status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// The newest commit that was fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<RevisionStatus>,
}

/// One commit.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RevisionStatus {
    /// The commit's id, in hexadecimal.
    #[schemars(length(max = 64))]
    pub commit: String,

    /// Who wrote it, as `Name <address>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub author: Option<String>,

    /// When it was committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,

    /// The first line of its message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub subject: Option<String>,
}
