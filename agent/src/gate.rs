//! Judges the complete rendered set of an application before the first of its
//! objects is written.
//!
//! Takes what was rendered, the gates and the policies; gives either the whole
//! set, admitted, or the reasons why none of it may be written. A policy that
//! can't answer admits nothing. Never changes an object, never looks at the
//! cluster.

mod error;
mod policy;
mod resource;
pub mod select;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

pub use error::{GateError, PolicyProblem};
pub use policy::{Policies, Policy};

use crate::diagnostic::{Diagnostic, Severity};
use crate::object::{Manifest, ObjectKey, Origin};
use crate::plugin::{Finding, PluginError};
use crate::render::locate::locate_in;
use crate::render::{PluginId, Rendered};
use crate::source::tree::Tree;

/// Most objects in one call of a policy. Few calls are cheap; one endless call
/// would meet the policy's deadline.
const BATCH_OBJECTS: usize = 256;

/// Most bytes of objects in one call of a policy; a larger object goes alone.
const BATCH_BYTES: usize = 4 << 20;

/// What a finding of a gate's policies leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Nothing of the revision is written.
    Deny,
    /// The revision is written, and the person is told.
    Warn,
    /// The revision is written, and the finding is recorded.
    Audit,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deny => "deny",
            Self::Warn => "warn",
            Self::Audit => "audit",
        })
    }
}

/// Policies, and which objects they judge.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// Its name.
    pub name: String,
    /// Namespaces of Applications; all where empty.
    pub namespaces: Vec<String>,
    /// Applications, as `namespace/name` or `name`; all where empty.
    pub applications: Vec<String>,
    /// Matchers of kinds, as [`select::matches_kind`] reads them; all where
    /// empty.
    pub kinds: Vec<String>,
    /// The policies, asked in this order.
    pub policies: Vec<GatePolicy>,
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
    /// What its findings lead to.
    pub action: Action,
}

impl GatePolicy {
    fn called(&self) -> &str {
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
    /// What it leads to.
    pub action: Action,
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
    /// The verdict as a person reads it.
    pub fn diagnostic(&self) -> Diagnostic {
        let rule = self.rule.as_ref().map(|rule| format!("/{rule}")).unwrap_or_default();
        Diagnostic {
            severity: match self.action {
                Action::Deny => Severity::Error,
                Action::Warn => Severity::Warning,
                Action::Audit => Severity::Info,
            },
            message: format!("{} [{}: {}{rule}]", self.message, self.gate, self.policy),
            origin: self.origin.clone(),
            column: self.column,
            object: Some(self.object.clone()),
            pointer: self.pointer.clone(),
            hint: None,
        }
    }
}

/// A complete set that passed every gate. Only [`judge`] makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Admitted {
    rendered: Arc<Rendered>,
    manifests: Vec<Manifest>,
    verdicts: Vec<Verdict>,
    warnings: Vec<Diagnostic>,
}

impl Admitted {
    /// The objects, in the renderer's order.
    pub fn manifests(&self) -> &[Manifest] {
        &self.manifests
    }

    /// What they were rendered from and by.
    pub fn rendered(&self) -> &Arc<Rendered> {
        &self.rendered
    }

    /// Findings that warn or are recorded, in the order of the objects.
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// What else a person should know: the renderer's warnings, and policies
    /// that could not answer in gates that never deny.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }
}

/// Judges all objects of the application `namespace/name` together. Verdicts
/// come in the order of the objects, then of the gates' names and of their
/// policies. `tree` is only read to find the lines of the findings. Blocks
/// while the policies work.
///
/// # Errors
/// Nothing is admitted then: [`GateError::Denied`] with every verdict, or
/// [`GateError::PolicyFailed`] where a policy that could have denied gave no
/// answer.
pub fn judge(
    rendered: Arc<Rendered>,
    namespace: &str,
    name: &str,
    gates: &[Gate],
    policies: &dyn Policies,
    tree: &dyn Tree,
) -> Result<Admitted, GateError> {
    let mut selected: Vec<&Gate> =
        gates.iter().filter(|gate| gate.selects_application(namespace, name)).collect();
    selected.sort_by(|a, b| a.name.cmp(&b.name));

    let objects = Objects { manifests: rendered.manifests(), texts: rendered.texts().cloned().collect() };
    let mut findings: Vec<(usize, Verdict)> = Vec::new();
    let mut warnings = rendered.warnings().to_vec();
    for (gate, policy) in selected.iter().flat_map(|gate| gate.policies.iter().map(move |p| (gate, p))) {
        match ask(gate, policy, &objects, policies) {
            Ok(found) => findings.extend(found),
            Err(failed) if policy.action == Action::Deny => return Err(failed),
            // It could not have refused anything: to stop everything for it would be no audit.
            Err(failed) => warnings.extend(failed.diagnostics().into_iter().map(|mut diagnostic| {
                diagnostic.severity = Severity::Warning;
                diagnostic
            })),
        }
    }
    // The sort is stable: findings on one object stay in the order of the gates.
    findings.sort_by_key(|(index, _)| *index);
    let mut verdicts: Vec<Verdict> = findings.into_iter().map(|(_, verdict)| verdict).collect();
    locate_in(tree, verdicts.iter_mut().map(|v| (&mut v.origin, &mut v.column, v.pointer.as_deref())));
    if verdicts.iter().any(|verdict| verdict.action == Action::Deny) {
        return Err(GateError::Denied(verdicts));
    }
    Ok(Admitted { manifests: objects.manifests, rendered, verdicts, warnings })
}

/// The objects, and what the policies see of them.
struct Objects {
    manifests: Vec<Manifest>,
    /// The JSON text of each.
    texts: Vec<Bytes>,
}

impl Objects {
    fn key(&self, index: usize) -> &ObjectKey {
        &self.manifests[index].key
    }
}

/// Asks one policy; gives its findings with the index of their objects.
fn ask(
    gate: &Gate,
    asked: &GatePolicy,
    objects: &Objects,
    policies: &dyn Policies,
) -> Result<Vec<(usize, Verdict)>, GateError> {
    let all = 0..objects.manifests.len();
    let mut wanted: Vec<usize> = all.filter(|index| gate.selects_object(objects.key(*index))).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let failed = |digest: Option<String>, problem: PolicyProblem| GateError::PolicyFailed {
        gate: gate.name.clone(),
        policy: asked.called().to_owned(),
        plugin: asked.plugin.clone(),
        digest,
        problem,
    };
    let policy =
        policies.policy(&asked.plugin).map_err(|absent| failed(None, PolicyProblem::Absent(absent)))?;
    let plugin = policy.id();
    wanted.retain(|index| {
        policy.matches().iter().any(|matcher| select::matches_kind(matcher, objects.key(*index)))
    });
    let mut verdicts = Vec::new();
    for batch in batches(&wanted, objects) {
        let answers = evaluate(policy.as_ref(), &asked.config, batch, objects)
            .map_err(|error| failed(Some(plugin.digest.clone()), PolicyProblem::Plugin(error)))?;
        for (index, findings) in batch.iter().zip(answers) {
            let manifest = &objects.manifests[*index];
            verdicts.extend(findings.into_iter().map(|finding| {
                let verdict = Verdict {
                    gate: gate.name.clone(),
                    policy: asked.called().to_owned(),
                    plugin: plugin.clone(),
                    rule: finding.rule,
                    action: asked.action,
                    object: manifest.key.clone(),
                    pointer: finding.pointer,
                    message: finding.message,
                    origin: manifest.origin.clone(),
                    column: None,
                };
                (*index, verdict)
            }));
        }
    }
    Ok(verdicts)
}

fn evaluate(
    policy: &dyn Policy,
    config: &Value,
    batch: &[usize],
    objects: &Objects,
) -> Result<Vec<Vec<Finding>>, PluginError> {
    let bytes: Vec<Bytes> = batch.iter().map(|index| objects.texts[*index].clone()).collect();
    let answers = policy.evaluate(config, &bytes)?;
    // Which answer belongs to which object would be a guess.
    if answers.len() != batch.len() {
        let problem = format!("{} verdicts on {} objects", answers.len(), batch.len());
        return Err(PluginError::Contract(problem));
    }
    Ok(answers)
}

/// Cuts `wanted` into calls of a bounded size.
fn batches<'a>(wanted: &'a [usize], objects: &Objects) -> Vec<&'a [usize]> {
    let mut batches = Vec::new();
    let (mut start, mut size) = (0, 0);
    for (position, index) in wanted.iter().enumerate() {
        let bytes = objects.texts[*index].len();
        let full = position - start == BATCH_OBJECTS || size + bytes > BATCH_BYTES;
        if full && position > start {
            batches.push(&wanted[start..position]);
            (start, size) = (position, 0);
        }
        size += bytes;
    }
    if start < wanted.len() {
        batches.push(&wanted[start..]);
    }
    batches
}
