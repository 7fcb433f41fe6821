//! Conditions by the API conventions: one entry a type, and a transition time
//! that moves only with the status.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use serde::{Deserialize, Serialize};

/// The longest message; longer ones are cut, so that a status stays small.
pub const MAX_MESSAGE: usize = 4096;

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConditionType {
    /// All is well; on every kind.
    Ready,
    /// An Application's manifests were made.
    Rendered,
    /// The Gates let them pass.
    Admitted,
    /// The cluster was made equal to them.
    Applied,
    /// The objects do their work.
    Healthy,
    /// What is applied would be admitted by the Gates of today. It stays as it
    /// is either way.
    Compliant,
}

impl ConditionType {
    /// As it is written in the status.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Rendered => "Rendered",
            Self::Admitted => "Admitted",
            Self::Applied => "Applied",
            Self::Healthy => "Healthy",
            Self::Compliant => "Compliant",
        }
    }
}

/// The status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Nobody knows yet.
    Unknown,
}

impl ConditionStatus {
    /// As it is written in the status.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// Why a condition is as it is: the machine's word, on which alerts match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// The step succeeded.
    Succeeded,
    /// The step is running, or its result is awaited.
    Progressing,
    /// The step waits for an earlier one.
    Waiting,
    /// `spec.suspend` is set.
    Suspended,
    /// The spec can't be read or contradicts itself.
    InvalidSpec,
    /// The agent that was responsible is gone and no other has taken over.
    Unclaimed,

    /// The remote can't be reached or answered wrongly.
    FetchFailed,
    /// The remote refused the credentials.
    AuthenticationFailed,
    /// The remote has no such ref.
    RefNotFound,
    /// A Secret is missing, or lacks the keys that are needed.
    SecretInvalid,

    /// The Repository doesn't exist or has no revision yet.
    RepositoryNotReady,
    /// The path is not in the revision.
    PathNotFound,
    /// The Plugin doesn't exist or is not loaded.
    PluginNotReady,
    /// The renderer reported errors.
    RenderFailed,
    /// A plugin exceeded a limit or crashed.
    PluginFailed,
    /// A size, count or depth limit was exceeded.
    LimitExceeded,
    /// Values that the Application hands over can't be read.
    ValuesInvalid,

    /// A policy refuses the revision.
    Denied,
    /// A policy could not be asked.
    PolicyFailed,

    /// The API server refused a write, or could not be reached.
    ApplyFailed,
    /// Another Application or manager owns an object.
    OwnershipConflict,
    /// The agent, or the service account, may not do what is asked.
    Forbidden,
    /// A prune waits for consent.
    PruneBlocked,
    /// A foreign writer keeps changing what was corrected.
    DriftFight,

    /// An object failed.
    Unhealthy,
    /// Objects did not become healthy in time.
    HealthTimeout,

    /// The component is loaded.
    Loaded,
    /// The file is not in the plugin folder.
    FileNotFound,
    /// The file doesn't have the digest that the spec asks for.
    DigestMismatch,
    /// The component does not fit this agent.
    Incompatible,
    /// The settings don't fit the plugin's schema.
    InvalidConfig,
}

impl Reason {
    /// As it is written in the status.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "Succeeded",
            Self::Progressing => "Progressing",
            Self::Waiting => "Waiting",
            Self::Suspended => "Suspended",
            Self::InvalidSpec => "InvalidSpec",
            Self::Unclaimed => "Unclaimed",
            Self::FetchFailed => "FetchFailed",
            Self::AuthenticationFailed => "AuthenticationFailed",
            Self::RefNotFound => "RefNotFound",
            Self::SecretInvalid => "SecretInvalid",
            Self::RepositoryNotReady => "RepositoryNotReady",
            Self::PathNotFound => "PathNotFound",
            Self::PluginNotReady => "PluginNotReady",
            Self::RenderFailed => "RenderFailed",
            Self::PluginFailed => "PluginFailed",
            Self::LimitExceeded => "LimitExceeded",
            Self::ValuesInvalid => "ValuesInvalid",
            Self::Denied => "Denied",
            Self::PolicyFailed => "PolicyFailed",
            Self::ApplyFailed => "ApplyFailed",
            Self::OwnershipConflict => "OwnershipConflict",
            Self::Forbidden => "Forbidden",
            Self::PruneBlocked => "PruneBlocked",
            Self::DriftFight => "DriftFight",
            Self::Unhealthy => "Unhealthy",
            Self::HealthTimeout => "HealthTimeout",
            Self::Loaded => "Loaded",
            Self::FileNotFound => "FileNotFound",
            Self::DigestMismatch => "DigestMismatch",
            Self::Incompatible => "Incompatible",
            Self::InvalidConfig => "InvalidConfig",
        }
    }
}

/// Sets the condition of this type, and says whether anything changed.
///
/// The transition time becomes `now` only when the status changes. A message
/// over [`MAX_MESSAGE`] bytes is cut.
pub fn set_condition(
    conditions: &mut Vec<Condition>,
    kind: ConditionType,
    status: ConditionStatus,
    reason: Reason,
    message: &str,
    generation: Option<i64>,
    now: &Time,
) -> bool {
    let mut new = Condition {
        type_: kind.as_str().to_owned(),
        status: status.as_str().to_owned(),
        reason: reason.as_str().to_owned(),
        message: cut(message),
        observed_generation: generation,
        last_transition_time: now.clone(),
    };
    let Some(old) = conditions.iter_mut().find(|old| old.type_ == new.type_) else {
        conditions.push(new);
        return true;
    };
    if old.status == new.status {
        new.last_transition_time = old.last_transition_time.clone();
    }
    let changed = *old != new;
    *old = new;
    changed
}

/// The condition of this type, if there is one.
pub fn condition(conditions: &[Condition], kind: ConditionType) -> Option<&Condition> {
    conditions.iter().find(|condition| condition.type_ == kind.as_str())
}

fn cut(message: &str) -> String {
    if message.len() <= MAX_MESSAGE {
        return message.to_owned();
    }
    let end = message.floor_char_boundary(MAX_MESSAGE - '…'.len_utf8());
    format!("{}…", &message[..end])
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    fn at(second: i64) -> Time {
        Time(Timestamp::from_second(second).unwrap())
    }

    fn set(conditions: &mut Vec<Condition>, status: ConditionStatus, message: &str, second: i64) -> bool {
        set_condition(
            conditions,
            ConditionType::Ready,
            status,
            Reason::Progressing,
            message,
            Some(1),
            &at(second),
        )
    }

    #[test]
    fn the_transition_time_moves_with_the_status_only() {
        let mut conditions = Vec::new();
        assert!(set(&mut conditions, ConditionStatus::False, "one", 10));
        assert!(set(&mut conditions, ConditionStatus::False, "two", 20));
        assert_eq!(
            (conditions[0].last_transition_time.clone(), conditions[0].message.as_str()),
            (at(10), "two")
        );
        assert!(set(&mut conditions, ConditionStatus::True, "two", 30));
        assert_eq!(conditions[0].last_transition_time, at(30));
        assert_eq!(conditions.len(), 1);
    }

    #[test]
    fn setting_the_same_again_changes_nothing() {
        let mut conditions = Vec::new();
        set(&mut conditions, ConditionStatus::True, "done", 10);
        let before = conditions.clone();
        assert!(!set(&mut conditions, ConditionStatus::True, "done", 99));
        assert_eq!(conditions, before);
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let mut conditions = Vec::new();
        set(&mut conditions, ConditionStatus::True, &"é".repeat(MAX_MESSAGE), 10);
        let message = &conditions[0].message;
        assert!(message.len() <= MAX_MESSAGE && message.ends_with("é…"));
    }
}
