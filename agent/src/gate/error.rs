//! Why a set was not admitted.

use std::fmt;

use crate::diagnostic::{Diagnostic, Severity};
use crate::plugin::{PluginError, World};
use crate::render::{Absent, PluginId, absent_message, plugin_hint};

use super::{Action, Gate, GatePolicy, OnFailure, Verdict};

/// Why nothing of a set may be written: a policy refused an object, or one that
/// could have refused gave no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}", message(.verdicts, .failures))]
pub struct GateError {
    /// All verdicts: those that only warn or are recorded too.
    pub verdicts: Vec<Verdict>,
    /// The policies that gave no answer: those that are ignored too.
    pub failures: Vec<PolicyFailure>,
}

/// A policy that gave no answer.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyFailure {
    /// The gate.
    pub gate: String,
    /// What the gate calls the policy.
    pub policy: String,
    /// The plugin's name.
    pub plugin: String,
    /// The plugin's digest, where it is loaded.
    pub digest: Option<String>,
    /// What happened.
    pub problem: PolicyProblem,
    /// Whether nothing is admitted for it.
    pub refuses: bool,
}

/// Why a policy gave no answer.
#[derive(Clone, Debug, PartialEq)]
pub enum PolicyProblem {
    /// The gate itself can't be read.
    Unread(String),
    /// The name leads to no policy.
    Absent(Absent),
    /// What the gate grants of the cluster can't be known.
    Cluster(String),
    /// The call gave no result.
    Plugin(PluginError),
}

impl GateError {
    /// All that a person has to know: the verdicts in the order of the objects,
    /// then the policies that gave no answer.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let verdicts = self.verdicts.iter().map(Verdict::diagnostic);
        verdicts.chain(self.failures.iter().map(PolicyFailure::diagnostic)).collect()
    }

    /// Whether a policy refused an object. Otherwise one gave no answer.
    pub fn is_denial(&self) -> bool {
        self.verdicts.iter().any(Verdict::denies)
    }
}

impl PolicyFailure {
    /// A policy that could only have warned stops nothing by failing: to stop
    /// everything for it would be no audit.
    pub(super) fn new(
        gate: &Gate,
        asked: &GatePolicy,
        digest: Option<String>,
        problem: PolicyProblem,
    ) -> Self {
        Self {
            gate: gate.name.clone(),
            policy: asked.called().to_owned(),
            plugin: asked.plugin.clone(),
            digest,
            problem,
            refuses: asked.action == Action::Deny && gate.on_failure == OnFailure::Refuse,
        }
    }

    /// Whatever the gate would ask is not asked.
    pub(super) fn unread(gate: &Gate, why: &str) -> Self {
        Self {
            gate: gate.name.clone(),
            policy: String::new(),
            plugin: String::new(),
            digest: None,
            problem: PolicyProblem::Unread(why.to_owned()),
            refuses: true,
        }
    }

    /// The failure as a person reads it.
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic {
            severity: if self.refuses { Severity::Error } else { Severity::Warning },
            hint: self.hint(),
            ..Diagnostic::error(self.to_string())
        }
    }

    fn hint(&self) -> Option<String> {
        match &self.problem {
            PolicyProblem::Absent(Absent::Missing { known }) if known.is_empty() => {
                Some("no policy is loaded".to_owned())
            }
            PolicyProblem::Absent(Absent::Missing { known }) => Some(format!("known: {}", known.join(", "))),
            PolicyProblem::Absent(Absent::WrongWorld(_)) => Some("name a plugin that is a policy".to_owned()),
            PolicyProblem::Absent(Absent::Unusable(_)) => Some("see the status of its Plugin".to_owned()),
            PolicyProblem::Unread(_) => Some("mend the Gate, or delete it".to_owned()),
            PolicyProblem::Cluster(_) => None,
            PolicyProblem::Plugin(error) => plugin_hint(error),
        }
    }
}

impl fmt::Display for PolicyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { gate, policy, plugin, digest, problem, .. } = self;
        let version = match digest {
            Some(digest) => PluginId { name: plugin.clone(), digest: digest.clone() }.to_string(),
            None => plugin.clone(),
        };
        let word = if matches!(problem, PolicyProblem::Unread(_)) { "be read" } else { "judge" };
        write!(f, "the gate `{gate}` can't {word}: ")?;
        if policy != plugin {
            write!(f, "`{policy}`, ")?;
        }
        match problem {
            PolicyProblem::Unread(why) => f.write_str(why),
            PolicyProblem::Absent(absent) => {
                f.write_str(&absent_message("a policy", plugin, World::Policy, absent))
            }
            PolicyProblem::Cluster(problem) => write!(f, "the policy `{version}`: {problem}"),
            PolicyProblem::Plugin(PluginError::Trap { message, output }) if !output.trim().is_empty() => {
                write!(f, "the policy `{version}` broke: {message}; its last output: {}", output.trim())
            }
            PolicyProblem::Plugin(error) => write!(f, "the policy `{version}`: {error}"),
        }
    }
}

fn message(verdicts: &[Verdict], failures: &[PolicyFailure]) -> String {
    let denials = verdicts.iter().filter(|verdict| verdict.denies()).count();
    let refusing = failures.iter().filter(|failure| failure.refuses);
    let more = |count: usize| if count > 0 { format!(" (and {count} more)") } else { String::new() };
    if let Some(first) = verdicts.iter().find(|verdict| verdict.denies()) {
        return format!("refused: {}{}", first.diagnostic(), more(denials - 1));
    }
    let all: Vec<_> = refusing.map(ToString::to_string).collect();
    let first = all.first().map_or("refused", String::as_str);
    format!("{first}{}", more(all.len().saturating_sub(1)))
}
