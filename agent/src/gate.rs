//! Judges the complete rendered set of an application before the first of its
//! objects is written.
//!
//! Takes what was rendered, the gates, the policies and what may be known of
//! the cluster; gives either the whole set, admitted, or the reasons why none
//! of it may be written. A policy that can't answer admits nothing, unless its
//! gate says otherwise. Never changes an object, never looks at the cluster by
//! itself: the same inputs give the same verdicts everywhere.

mod ask;
mod error;
mod exception;
mod policy;
mod resource;
pub mod select;
mod set;
mod surroundings;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::cell::LazyCell;
use std::fmt;
use std::sync::{Arc, OnceLock};

use k8s_openapi::jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

pub use error::{GateError, PolicyFailure, PolicyProblem};
pub use exception::{Excepted, Exception};
pub use policy::{Policies, Policy};
pub use select::Applicant;
pub use surroundings::{GroupKind, Objects, Snapshot};
pub(crate) use surroundings::{kept, namespaces, wanted, within};

use crate::api::Labels;
use crate::diagnostic::{Diagnostic, Severity};
use crate::object::{Manifest, ObjectKey, Origin};
pub use crate::plugin::Action;
use crate::render::locate::locate_in;
use crate::render::{Item, PluginId, Rendered};
use crate::source::tree::Tree;

use ask::Question;
use set::Set;

impl Action {
    /// As reports and metrics have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Warn => "warn",
            Self::Audit => "audit",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Policies, and which objects they judge.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// Its name.
    pub name: String,
    /// Namespaces of Applications; all where empty.
    pub namespaces: Vec<String>,
    /// The labels that their Namespaces have.
    pub namespace_labels: Option<Labels>,
    /// Applications, as `namespace/name` or `name`; all where empty.
    pub applications: Vec<String>,
    /// The labels that Applications have.
    pub application_labels: Option<Labels>,
    /// Patterns of kinds, as [`crate::object::matches_kind`] reads them; all
    /// where empty.
    pub kinds: Vec<String>,
    /// The policies, asked in this order.
    pub policies: Vec<GatePolicy>,
    /// What a policy that gives no answer leads to.
    pub on_failure: OnFailure,
    /// Findings that are let pass for a while.
    pub exceptions: Vec<Exception>,
    /// Why it can't be read, if it can't. Nothing is admitted then.
    pub unread: Option<String>,
}

impl Gate {
    /// A gate that judges everything by these policies, without exceptions.
    pub fn new(name: &str, policies: Vec<GatePolicy>) -> Self {
        Self {
            name: name.to_owned(),
            namespaces: Vec::new(),
            namespace_labels: None,
            applications: Vec::new(),
            application_labels: None,
            kinds: Vec::new(),
            policies,
            on_failure: OnFailure::default(),
            exceptions: Vec::new(),
            unread: None,
        }
    }

    /// Stands for a gate that can't be read.
    pub fn unread(name: &str, why: &str) -> Self {
        Self { unread: Some(why.to_owned()), ..Self::new(name, Vec::new()) }
    }
}

/// What a policy leads to that gives no answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Nothing is admitted by a policy that could have refused it.
    #[default]
    Refuse,
    /// As if it had found nothing, with a warning.
    Ignore,
}

/// One policy of a gate.
#[derive(Clone, Debug, PartialEq)]
pub struct GatePolicy {
    /// What findings call it; the plugin's name where absent.
    pub name: Option<String>,
    /// The plugin.
    pub plugin: String,
    /// The policy's settings; `null` where none were given.
    pub config: Value,
    /// What its findings lead to, at most.
    pub action: Action,
    /// Kinds of the cluster that it may see beside the set, as `group/Kind`.
    pub grants: Vec<String>,
}

impl GatePolicy {
    /// What findings call it.
    pub(crate) fn called(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.plugin)
    }
}

/// A policy's answer on one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The gate that asked.
    pub gate: String,
    /// What the gate calls the policy.
    pub policy: String,
    /// The plugin that answered.
    pub plugin: PluginId,
    /// Which rule of the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What it leads to, if no exception lets it pass.
    pub action: Action,
    /// The exception that speaks of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<Excepted>,
    /// The object.
    pub object: ObjectKey,
    /// Where in the object, as a JSON pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// For the person who wrote the manifest.
    pub message: String,
    /// File and line, as near to the field as its file tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Column in characters, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

impl Verdict {
    /// Whether an exception lets it pass now.
    pub fn is_excepted(&self) -> bool {
        self.exception.as_ref().is_some_and(|exception| !exception.expired)
    }

    /// Whether it refuses the revision.
    pub fn denies(&self) -> bool {
        self.action == Action::Deny && !self.is_excepted()
    }

    /// The verdict as a person reads it.
    pub fn diagnostic(&self) -> Diagnostic {
        let rule = self.rule.as_ref().map(|rule| format!("/{rule}")).unwrap_or_default();
        let exception = self.exception.as_ref().map(|Excepted { reason, expires, expired }| {
            if *expired {
                format!("; its exception ({reason}) ended on {expires}")
            } else {
                format!("; let pass until {expires}: {reason}")
            }
        });
        let exception = exception.unwrap_or_default();
        Diagnostic {
            severity: match self.action {
                _ if self.is_excepted() => Severity::Info,
                Action::Deny => Severity::Error,
                Action::Warn => Severity::Warning,
                Action::Audit => Severity::Info,
            },
            message: format!("{} [{}: {}{rule}]{exception}", self.message, self.gate, self.policy),
            origin: self.origin.clone(),
            column: self.column,
            object: Some(self.object.clone()),
            pointer: self.pointer.clone(),
            span: None,
            hint: None,
        }
    }
}

/// A complete set that passed every gate. Only [`judge`] makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Admitted {
    rendered: Arc<Rendered>,
    manifests: OnceLock<Vec<Manifest>>,
    verdicts: Vec<Verdict>,
    failures: Vec<PolicyFailure>,
    warnings: Vec<Diagnostic>,
    objection: Option<GateError>,
}

impl Admitted {
    /// The objects, in the renderer's order.
    pub fn manifests(&self) -> &[Manifest] {
        self.manifests.get_or_init(|| self.rendered.manifests())
    }

    /// What they were rendered from and by.
    pub fn rendered(&self) -> &Arc<Rendered> {
        &self.rendered
    }

    /// Findings that warn or are recorded, in the order of the objects.
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// Policies that gave no answer.
    pub fn failures(&self) -> &[PolicyFailure] {
        &self.failures
    }

    /// What the gates say today against a set that they admitted before and
    /// that is applied. It stays as it is, and a new one like it would be
    /// refused.
    pub fn objection(&self) -> Option<&GateError> {
        self.objection.as_ref()
    }

    /// What else a person should know: the renderer's warnings, and policies
    /// that could not answer in gates that never deny.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }
}

/// What is judged, and by what.
pub struct Case<'a> {
    /// The set.
    pub rendered: Arc<Rendered>,
    /// The set that is applied now, where there is one and a policy wants to
    /// compare with it.
    pub before: Option<Arc<Rendered>>,
    /// Whose set it is.
    pub applicant: &'a Applicant,
    /// All gates; those that select the applicant judge.
    pub gates: &'a [Gate],
    /// The plugins that they name.
    pub policies: &'a dyn Policies,
    /// What is known of the cluster: every kind that a gate grants.
    pub cluster: Arc<Snapshot>,
    /// The files, to find the lines of the findings.
    pub tree: &'a dyn Tree,
    /// When exceptions are counted as expired.
    pub now: Timestamp,
    /// The digest of the set that was admitted before and is applied, where
    /// one is. That set stays admitted, whatever is found in it today.
    pub applied: Option<&'a str>,
}

/// Judges all objects of an application together. Verdicts come in the order
/// of the objects, then of the gates' names and of their policies. Blocks while
/// the policies work.
///
/// # Errors
/// Nothing is admitted then. The error holds every verdict, and every policy
/// that gave no answer.
pub fn judge(case: &Case<'_>) -> Result<Admitted, GateError> {
    let set = Set::new(&case.rendered, case.before.as_deref(), &case.applicant.target_namespace);
    let (questions, mut failures) = questions(case, &set);
    let answers = ask::ask_all(&questions, &set);
    let mut findings: Vec<(usize, Verdict)> = Vec::new();
    for (question, answer) in questions.iter().zip(answers) {
        match answer {
            Ok(found) => findings.extend(
                found
                    .into_iter()
                    .map(|(index, finding)| (index, verdict(case, question, set.item(index), finding))),
            ),
            Err(error) => failures.push(PolicyFailure::new(
                question.gate,
                question.asked,
                Some(question.policy.id().digest),
                PolicyProblem::Plugin(error),
            )),
        }
    }
    // The sort is stable: findings on one object stay in the order of the gates.
    findings.sort_by_key(|(index, _)| *index);
    let mut verdicts: Vec<Verdict> = findings.into_iter().map(|(_, verdict)| verdict).collect();
    locate_in(case.tree, verdicts.iter_mut().map(|v| (&mut v.origin, &mut v.column, v.pointer.as_deref())));
    let mut warnings = case.rendered.warnings().to_vec();
    let mut objection = None;
    if verdicts.iter().any(Verdict::denies) || failures.iter().any(|failure| failure.refuses) {
        let refused = GateError { verdicts: verdicts.clone(), failures: failures.clone() };
        if case.applied != Some(case.rendered.digest()) {
            return Err(refused);
        }
        objection = Some(refused);
    } else {
        warnings.extend(failures.iter().map(PolicyFailure::diagnostic));
    }
    let (rendered, manifests) = (case.rendered.clone(), OnceLock::new());
    Ok(Admitted { rendered, manifests, verdicts, failures, warnings, objection })
}

/// Whether a policy that judges this applicant wants to see what its objects
/// were before.
pub fn compares(gates: &[Gate], applicant: &Applicant, cluster: &Snapshot, policies: &dyn Policies) -> bool {
    let selected = gates.iter().filter(|gate| gate.selects(applicant, cluster));
    let mut asked = selected.flat_map(|gate| &gate.policies);
    asked.any(|asked| policies.policy(&asked.plugin).is_ok_and(|policy| policy.compares()))
}

/// What each policy of each gate is asked, in the order of the gates' names,
/// and the policies that can't be asked.
fn questions<'a>(case: &Case<'a>, set: &Set<'_>) -> (Vec<Question<'a>>, Vec<PolicyFailure>) {
    let mut selected: Vec<&Gate> =
        case.gates.iter().filter(|gate| gate.selects(case.applicant, &case.cluster)).collect();
    selected.sort_by(|a, b| a.name.cmp(&b.name));
    // Made when the first policy comes that may ask for it.
    let index = LazyCell::new(|| Arc::new(surroundings::Index::from(set)));
    let (mut questions, mut failures) = (Vec::new(), Vec::new());
    for gate in selected {
        failures.extend(gate.unread.as_ref().map(|why| PolicyFailure::unread(gate, why)));
        let objects: Vec<usize> =
            (0..set.len()).filter(|index| gate.selects_object(set.key(*index))).collect();
        if objects.is_empty() {
            continue;
        }
        for asked in &gate.policies {
            let mut failed =
                |digest, problem| failures.push(PolicyFailure::new(gate, asked, digest, problem));
            let policy = match case.policies.policy(&asked.plugin) {
                Ok(policy) => policy,
                Err(absent) => {
                    failed(None, PolicyProblem::Absent(absent));
                    continue;
                }
            };
            if let Some(missing) = case.cluster.missing(&asked.grants) {
                failed(Some(policy.id().digest), PolicyProblem::Cluster(missing));
                continue;
            }
            let own = if policy.reads().is_empty() { Arc::default() } else { Arc::clone(&index) };
            let around = surroundings::Around::new(own, case.cluster.clone(), asked.grants.clone());
            questions.push(Question::new(gate, asked, policy, Arc::new(around), &objects, set));
        }
    }
    (questions, failures)
}

fn verdict(
    case: &Case<'_>,
    question: &Question<'_>,
    item: Item<'_>,
    finding: crate::plugin::Finding,
) -> Verdict {
    let mut verdict = Verdict {
        gate: question.gate.name.clone(),
        policy: question.asked.called().to_owned(),
        plugin: question.policy.id(),
        rule: finding.rule,
        // The weaker one of what the gate and the rule ask for.
        action: finding.action.map_or(question.asked.action, |action| action.max(question.asked.action)),
        exception: None,
        object: item.key.clone(),
        pointer: finding.pointer,
        message: finding.message,
        origin: item.origin.cloned(),
        column: None,
    };
    let applicant = (case.applicant.namespace.as_str(), case.applicant.name.as_str());
    verdict.exception = exception::excepted(&question.gate.exceptions, &verdict, applicant, case.now);
    verdict
}
