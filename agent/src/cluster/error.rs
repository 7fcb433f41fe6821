//! What can go wrong between us and the API server, by what the caller does
//! about it.
//!
//! Messages name the object and carry the server's words, without control
//! characters, bounded, and without any value of a Secret.

use std::time::Duration;

use kube::core::Status;
use serde_json::Value;

/// The longest text that is taken over from the server.
const MAX_MESSAGE: usize = 1024;

/// How many causes are taken over from the server.
const MAX_CAUSES: usize = 32;

/// How the API server begins what it says about an apply that doesn't fit the schema.
const UNTYPED: &str = "failed to create typed patch object";

/// Why a request did not do what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// An apply without force met fields of other managers.
    #[error("{object}: {} owned by {}", list(conflicts.iter().map(|c| c.field.as_str())), list(managers(conflicts)))]
    Conflict {
        /// The object.
        object: String,
        /// Whose fields they are.
        conflicts: Vec<FieldConflict>,
    },
    /// The object changed, went away or was made anew since it was read.
    #[error("{object} is not what it was when it was read: {message}")]
    StaleVersion {
        /// The object.
        object: String,
        /// The server's words.
        message: String,
    },
    /// The object doesn't exist, or the namespace that it should be in.
    #[error("{object} does not exist")]
    NotFound {
        /// What is missing.
        object: String,
    },
    /// The object exists already.
    #[error("{object} exists already")]
    AlreadyExists {
        /// The object.
        object: String,
    },
    /// The identity that was used may not do this.
    #[error("{object}: not allowed: {message}")]
    Forbidden {
        /// The object.
        object: String,
        /// The server's words: who may not do what.
        message: String,
    },
    /// The API server doesn't know who we are.
    #[error("{object}: the API server does not accept the credentials")]
    Unauthenticated {
        /// The object.
        object: String,
    },
    /// A webhook, an admission policy or an admission plugin refused.
    #[error("{object}: refused by admission: {message}")]
    Denied {
        /// The object.
        object: String,
        /// The server's words: who refused, and why.
        message: String,
    },
    /// The object is not valid.
    #[error("{object} is not valid: {}", invalid(message, causes))]
    Invalid {
        /// The object.
        object: String,
        /// The server's words.
        message: String,
        /// What is wrong with which field.
        causes: Vec<InvalidField>,
    },
    /// No such kind is served.
    #[error("the cluster does not know the kind {kind}")]
    UnknownKind {
        /// Kind and group version.
        kind: String,
    },
    /// Whether a kind is served could not be found out.
    #[error("could not find out whether the cluster knows the kind {kind}: {message}")]
    DiscoveryFailed {
        /// Kind and group version.
        kind: String,
        /// What went wrong.
        message: String,
    },
    /// The object, or an answer, is larger than a limit.
    #[error("{object} is too large: more than {limit} bytes ({name})")]
    TooLarge {
        /// The object.
        object: String,
        /// The limit in bytes.
        limit: usize,
        /// What the limit is called.
        name: &'static str,
    },
    /// A list or watch has more objects than a limit.
    #[error("{kind}: more than {limit} objects match ({name})")]
    TooMany {
        /// What was listed.
        kind: String,
        /// The limit.
        limit: usize,
        /// What the limit is called.
        name: &'static str,
    },
    /// The API server asks for patience.
    #[error("{object}: the API server is busy")]
    Throttled {
        /// The object.
        object: String,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// The connection failed. A write may or may not have happened.
    #[error("{object}: the API server can't be reached: {message}")]
    Unreachable {
        /// The object.
        object: String,
        /// What went wrong.
        message: String,
    },
    /// No answer in time. A write may or may not have happened.
    #[error("{object}: no answer within {} s", after.as_secs_f32())]
    Timeout {
        /// The object.
        object: String,
        /// How long the answer was awaited.
        after: Duration,
    },
    /// The version that a watch or a page starts from is forgotten.
    #[error("{object}: the server no longer has this version")]
    Expired {
        /// What was listed or watched.
        object: String,
    },
    /// The server failed, or answered with what can't be understood. A write
    /// may or may not have happened.
    #[error("{object}: the API server failed with code {code}: {message}")]
    Server {
        /// The object.
        object: String,
        /// HTTP status code.
        code: u16,
        /// The server's words.
        message: String,
    },
    /// The request can't be made as it was asked for.
    #[error("{object}: {message}")]
    BadRequest {
        /// The object.
        object: String,
        /// What is wrong.
        message: String,
    },
    /// The way to the cluster is not configured.
    #[error("no way to the cluster: {message}")]
    Config {
        /// What is wrong.
        message: String,
    },
}

/// A field that another manager owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldConflict {
    /// The other manager's name.
    pub manager: String,
    /// The field, for example `.spec.replicas`.
    pub field: String,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidField {
    /// The field, for example `spec.ports[0].port`; empty for the whole object.
    pub field: String,
    /// The machine's word, for example `FieldValueRequired`.
    pub reason: String,
    /// The server's words; empty for Secrets.
    pub message: String,
}

impl ClusterError {
    /// Whether the same request may succeed later without anyone's doing.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Throttled { .. }
            | Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Expired { .. }
            | Self::StaleVersion { .. }
            | Self::DiscoveryFailed { .. } => true,
            Self::Server { code, .. } => *code >= 500,
            _ => false,
        }
    }

    /// How long the server asks to wait before the next try.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Conflict { .. } => {
                "let one of them go: remove the fields from the manifest, or the object from the other manager"
            }
            Self::NotFound { .. } => "create it, or add it to the manifests",
            Self::Forbidden { .. } => {
                "grant the right by a Role and a RoleBinding, or set spec.serviceAccountName"
            }
            Self::Unauthenticated { .. } => "check the agent's service account, or the kubeconfig",
            Self::Denied { .. } => {
                "change the manifest as the message says, or ask who runs the admission policy"
            }
            Self::Invalid { .. } => "correct the manifest",
            Self::UnknownKind { .. } => {
                "install the CustomResourceDefinition, add it to the manifests, or correct apiVersion and kind"
            }
            Self::DiscoveryFailed { .. } => "check the API services: `kubectl get apiservices`",
            Self::TooLarge { .. } => "split the object",
            Self::TooMany { .. } => "restrict the selector, or split the application",
            Self::Throttled { .. }
            | Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Server { .. } => "it is tried again; if it stays, look at the API server",
            Self::Config { .. } => "set --kubeconfig, or run inside a cluster",
            Self::StaleVersion { .. }
            | Self::AlreadyExists { .. }
            | Self::Expired { .. }
            | Self::BadRequest { .. } => return None,
        })
    }

    /// Reads an answer that is no success. `secret` withholds the server's
    /// words about values.
    pub(crate) fn from_status(
        object: String,
        status: &Status,
        retry_after: Option<Duration>,
        secret: bool,
    ) -> Self {
        let message = if secret { withheld(status) } else { clean(&status.message) };
        let details = status.details.as_ref();
        let causes = details.map_or(&[][..], |details| details.causes.as_slice());
        match (status.code, status.reason.as_str()) {
            (409, _) if causes.iter().any(|cause| cause.reason == "FieldManagerConflict") => Self::Conflict {
                object,
                conflicts: causes.iter().take(MAX_CAUSES).map(field_conflict).collect(),
            },
            // Made anew since: with the old uid alone, the server calls the new one immutable.
            (422, _) if !causes.is_empty() && causes.iter().all(|cause| cause.field == "metadata.uid") => {
                Self::StaleVersion { object, message }
            }
            (409, "AlreadyExists") => Self::AlreadyExists { object },
            (409, _) => Self::StaleVersion { object, message },
            (404, _) => match details {
                Some(details) if details.kind == "namespaces" && !object.starts_with("Namespace/") => {
                    Self::NotFound { object: format!("Namespace/{}", clean(&details.name)) }
                }
                // Without the name of an object it is the path that is unknown.
                Some(details) if !details.name.is_empty() => Self::NotFound { object },
                _ => Self::UnknownKind { kind: object },
            },
            (401, _) => Self::Unauthenticated { object },
            _ if refused_by_admission(status) => Self::Denied { object, message },
            (403, _) => Self::Forbidden { object, message },
            (400 | 422, _) => {
                let causes = causes.iter().take(MAX_CAUSES).map(|cause| InvalidField {
                    field: clean(&cause.field),
                    reason: clean(&cause.reason),
                    message: if secret { String::new() } else { clean(&cause.message) },
                });
                Self::Invalid { object, message, causes: causes.collect() }
            }
            // The server's word for a manifest that doesn't fit the schema, whatever its code says.
            (500, _) if status.message.starts_with(UNTYPED) => {
                let causes = if secret { Vec::new() } else { untyped(&status.message) };
                Self::Invalid { object, message, causes }
            }
            (413, _) => {
                Self::TooLarge { object, limit: super::MAX_OBJECT_BYTES, name: "the API server's limit" }
            }
            (410, _) | (_, "Expired") => Self::Expired { object },
            (429, _) => {
                let asked = details.map_or(0, |details| details.retry_after_seconds);
                let asked = (asked > 0).then(|| Duration::from_secs(u64::from(asked)));
                Self::Throttled { object, retry_after: retry_after.or(asked) }
            }
            (code, _) => Self::Server { object, code, message },
        }
    }
}

/// `failed to create typed patch object (…): .spec.a: field not declared in schema`, or several
/// of them in lines after `errors:`.
fn untyped(message: &str) -> Vec<InvalidField> {
    let problems = message.split_once("): ").map_or("", |(_, problems)| problems);
    let lines = problems.lines().map(str::trim).filter(|line| line.starts_with('.'));
    let cause = |line: &str| {
        let (field, message) = line.split_once(": ").unwrap_or((line, ""));
        // What follows is the value in the server's own notation.
        let message = message.split_once(", got ").map_or(message, |(wanted, _)| wanted);
        InvalidField { field: clean(field), reason: "SchemaMismatch".to_owned(), message: clean(message) }
    };
    lines.take(MAX_CAUSES).map(cause).collect()
}

/// Admission answers with 403, 422 or any code of a webhook's choice; only its
/// words tell it from a missing right.
fn refused_by_admission(status: &Status) -> bool {
    let says = |text: &str| status.message.contains(text);
    let webhook = says("admission webhook") && says("denied the request");
    let policy = says("ValidatingAdmissionPolicy") && says("denied request");
    let missing_right = says("User \"") && says(" cannot ");
    webhook || policy || (status.code == 403 && !missing_right)
}

/// `conflict with "name" using v1`, or `conflict with "name" with subresource …`.
fn field_conflict(cause: &kube::core::response::StatusCause) -> FieldConflict {
    let manager = cause.message.split('"').nth(1).unwrap_or(&cause.message);
    FieldConflict { manager: clean(manager), field: clean(&cause.field) }
}

fn withheld(status: &Status) -> String {
    format!("{} (the message is withheld, since it can hold values of a Secret)", clean(&status.reason))
}

fn managers(conflicts: &[FieldConflict]) -> impl Iterator<Item = &str> {
    conflicts.iter().enumerate().filter_map(|(at, conflict)| {
        let seen = conflicts[..at].iter().any(|earlier| earlier.manager == conflict.manager);
        (!seen).then_some(conflict.manager.as_str())
    })
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

fn invalid(message: &str, causes: &[InvalidField]) -> String {
    let causes: Vec<String> = causes
        .iter()
        .map(|cause| match (cause.field.as_str(), cause.message.as_str()) {
            (field, "") => format!("{field}: {}", cause.reason),
            ("" | "<nil>", message) => message.to_owned(),
            (field, message) => format!("{field}: {message}"),
        })
        .collect();
    if causes.is_empty() { message.to_owned() } else { causes.join("; ") }
}

/// One line without control characters, not longer than [`MAX_MESSAGE`].
pub(crate) fn clean(text: &str) -> String {
    let mut line: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_MESSAGE).collect();
    line.truncate(line.trim_end().len());
    line
}

/// Reads the `Status` out of an answer; what is none becomes one.
pub(crate) fn status_of(code: u16, body: &[u8]) -> Status {
    let parsed = serde_json::from_slice::<Value>(body)
        .ok()
        .filter(|body| body.get("kind").and_then(Value::as_str) == Some("Status"))
        .and_then(|body| serde_json::from_value::<Status>(body).ok());
    let mut status = parsed.unwrap_or_else(|| Status {
        message: String::from_utf8_lossy(&body[..body.len().min(MAX_MESSAGE)]).into_owned(),
        ..Status::default()
    });
    status.code = code;
    status
}

#[cfg(test)]
mod tests;
