//! Exceptions: findings that are known, and let pass for a while.
//!
//! An exception belongs to its Gate, so that whoever is judged can't except
//! himself. It hides nothing: its findings stand in every report, with the
//! reason and the day on which they count again.

use k8s_openapi::jiff::Timestamp;
use serde::Serialize;

use super::Verdict;
use super::select::{any, names_application};
use crate::object::matches_kind;

/// Findings that do not count until a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Names of policies, as the gate calls them; all where empty.
    pub policies: Vec<String>,
    /// Rules of these policies; all where empty.
    pub rules: Vec<String>,
    /// Applications, as `namespace/name` or `name`; all where empty.
    pub applications: Vec<String>,
    /// Patterns of kinds; all where empty.
    pub kinds: Vec<String>,
    /// Names of objects, where `*` at the end stands for any rest; all where
    /// empty.
    pub names: Vec<String>,
    /// Why it is let pass.
    pub reason: String,
    /// When it counts again.
    pub expires: Timestamp,
}

/// What an exception says about a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Excepted {
    /// Why it is let pass.
    pub reason: String,
    /// When it counts again, or since when it does.
    pub expires: Timestamp,
    /// Whether that has come.
    pub expired: bool,
}

impl Exception {
    /// Whether it speaks of this finding on an object of the application
    /// `namespace/name`.
    fn is_for(&self, verdict: &Verdict, namespace: &str, name: &str) -> bool {
        let is_application = |wanted: &String| names_application(wanted, namespace, name);
        let is_kind = |pattern: &String| matches_kind(pattern, &verdict.object.group, &verdict.object.kind);
        let is_name = |wanted: &String| match wanted.strip_suffix('*') {
            Some(start) => verdict.object.name.starts_with(start),
            None => *wanted == verdict.object.name,
        };
        any(&self.policies, |policy| *policy == verdict.policy)
            && any(&self.rules, |rule| verdict.rule.as_ref() == Some(rule))
            && any(&self.applications, is_application)
            && any(&self.kinds, is_kind)
            && any(&self.names, is_name)
    }
}

/// What the first of `exceptions` that is in force says about a finding, or
/// else the one that expired last.
pub(super) fn excepted(
    exceptions: &[Exception],
    verdict: &Verdict,
    (namespace, name): (&str, &str),
    now: Timestamp,
) -> Option<Excepted> {
    let speaking = || exceptions.iter().filter(|exception| exception.is_for(verdict, namespace, name));
    let in_force = speaking().find(|exception| now < exception.expires);
    let found = in_force.or_else(|| speaking().max_by_key(|exception| exception.expires))?;
    Some(Excepted { reason: found.reason.clone(), expires: found.expires, expired: found.expires <= now })
}
