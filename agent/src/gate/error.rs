//! Why a set was not admitted.

use crate::diagnostic::Diagnostic;
use crate::plugin::{PluginError, World};
use crate::render::{Absent, PluginId, absent_message, plugin_hint};

use super::{Action, Verdict};

/// Why nothing of a set may be written.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GateError {
    /// A policy refused an object. All verdicts are here, those that only warn
    /// or are recorded too.
    #[error("{}", denied_message(.0))]
    Denied(Vec<Verdict>),
    /// A policy that could have refused gave no answer.
    #[error("the gate `{gate}` can't judge: {}", problem_message(.policy, .plugin, .digest.as_deref(), .problem))]
    PolicyFailed {
        /// The gate.
        gate: String,
        /// What the gate calls the policy.
        policy: String,
        /// The plugin's name.
        plugin: String,
        /// The plugin's digest, where it is loaded.
        digest: Option<String>,
        /// What happened.
        problem: PolicyProblem,
    },
}

/// Why a policy gave no answer.
#[derive(Clone, Debug, PartialEq)]
pub enum PolicyProblem {
    /// The name leads to no policy.
    Absent(Absent),
    /// The call gave no result.
    Plugin(PluginError),
}

impl GateError {
    /// All that a person has to know, in the order of the objects.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        match self {
            Self::Denied(verdicts) => verdicts.iter().map(Verdict::diagnostic).collect(),
            Self::PolicyFailed { problem, .. } => {
                let mut diagnostic = Diagnostic::error(self.to_string());
                diagnostic.hint = match problem {
                    PolicyProblem::Absent(Absent::Missing { known }) if known.is_empty() => {
                        Some("no policy is loaded".to_owned())
                    }
                    PolicyProblem::Absent(Absent::Missing { known }) => {
                        Some(format!("known: {}", known.join(", ")))
                    }
                    PolicyProblem::Absent(Absent::WrongWorld(_)) => {
                        Some("name a plugin that is a policy".to_owned())
                    }
                    PolicyProblem::Absent(Absent::Unusable(_)) => {
                        Some("see the status of its Plugin".to_owned())
                    }
                    PolicyProblem::Plugin(error) => plugin_hint(error),
                };
                vec![diagnostic]
            }
        }
    }
}

fn denied_message(verdicts: &[Verdict]) -> String {
    let mut denials = verdicts.iter().filter(|verdict| verdict.action == Action::Deny);
    let Some(first) = denials.next() else { return "refused".to_owned() };
    let more = match denials.count() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    format!("refused: {}{more}", first.diagnostic())
}

fn problem_message(policy: &str, plugin: &str, digest: Option<&str>, problem: &PolicyProblem) -> String {
    let version = match digest {
        Some(digest) => PluginId { name: plugin.to_owned(), digest: digest.to_owned() }.to_string(),
        None => plugin.to_owned(),
    };
    let called = if policy == plugin { String::new() } else { format!("`{policy}`, ") };
    match problem {
        PolicyProblem::Absent(absent) => {
            format!("{called}{}", absent_message("a policy", plugin, World::Policy, absent))
        }
        PolicyProblem::Plugin(PluginError::Trap { message, output }) if !output.trim().is_empty() => {
            format!("{called}the policy `{version}` broke: {message}; its last output: {}", output.trim())
        }
        PolicyProblem::Plugin(error) => format!("{called}the policy `{version}`: {error}"),
    }
}
