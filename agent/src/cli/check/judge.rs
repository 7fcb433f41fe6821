//! Renders one target, has the gates judge it, and reports.

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;

use super::super::REFUSED;
use super::super::folder::Folder;
use super::super::render::exit_code;
use super::report::{Asked, Failure, Outcome, Report, Reported, Weight};
use super::target::{Commits, Target};
use crate::diagnostic::{Diagnostic, Severity};
use crate::gate::{
    Applicant, Case, Gate, GateError, Policies, PolicyFailure, PolicyProblem, Snapshot, compares, judge,
};
use crate::object::matches_kind;
use crate::render::{Job, PluginId, RenderFailure, Rendered, Renderers, render};

/// What judges every target of a command.
pub(super) struct Judge<'a> {
    pub(super) gates: &'a [Gate],
    pub(super) renderers: &'a dyn Renderers,
    pub(super) policies: &'a dyn Policies,
    pub(super) cluster: Arc<Snapshot>,
    pub(super) commits: &'a Commits,
    /// Whether somebody wants to know who was asked about what.
    pub(super) wants_cases: bool,
    /// Whether nobody said what is in the cluster.
    pub(super) is_cluster_unknown: bool,
    /// Those that answered so far.
    pub(super) plugins: BTreeSet<PluginId>,
}

impl Judge<'_> {
    pub(super) fn report(&mut self, target: &Target) -> Report {
        let mut report = Report {
            path: target.path.clone(),
            called: target.called.clone(),
            application: (&target.applicant).into(),
            revision: self.commits.revision.clone(),
            before: self.commits.before.clone().filter(|_| target.is_compared),
            outcome: Outcome::Admitted,
            objects: 0,
            verdicts: Vec::new(),
            failures: Vec::new(),
            diagnostics: Vec::new(),
            asked: Vec::new(),
        };
        let rendered = match self.render(&target.job, &target.folder, target) {
            Ok(rendered) => rendered,
            Err(failure) => {
                report.outcome = outcome_of(&failure);
                report.diagnostics = failure.error.diagnostics();
                return report;
            }
        };
        report.objects = rendered.len();
        let before = match self.before(target) {
            Ok(before) => before,
            Err(failure) => {
                report.outcome = Outcome::NotJudged;
                report.diagnostics = vec![self.former_fails()];
                report.diagnostics.extend(failure.error.diagnostics());
                return report;
            }
        };
        self.judged(target, rendered, before, &mut report);
        report.outcome = outcome(&report);
        report
    }

    fn render(
        &mut self,
        job: &Job,
        folder: &Folder,
        target: &Target,
    ) -> Result<Rendered, Box<RenderFailure>> {
        let renderers = match &target.stream {
            Some(stream) => stream as &dyn Renderers,
            None => self.renderers,
        };
        let rendered = render(job, &folder.tree, folder.clock, renderers).map_err(Box::new)?;
        if target.stream.is_none() {
            self.plugins.insert(rendered.renderer().clone());
            self.plugins.extend(rendered.post_renderers().iter().cloned());
        }
        Ok(rendered)
    }

    /// What the former commit renders to, if a policy wants to compare.
    fn before(&mut self, target: &Target) -> Result<Option<Arc<Rendered>>, Box<RenderFailure>> {
        let Some((job, folder)) = &target.before else { return Ok(None) };
        if !compares(self.gates, &target.applicant, &self.cluster, self.policies) {
            return Ok(None);
        }
        self.render(job, folder, target).map(|rendered| Some(Arc::new(rendered)))
    }

    fn former_fails(&self) -> Diagnostic {
        let before = self.commits.before.clone().unwrap_or_default();
        Diagnostic {
            hint: Some("compare with a commit that renders".to_owned()),
            ..Diagnostic::error(format!(
                "a policy wants to compare with what `{before}` renders to, which is not known"
            ))
        }
    }

    fn judged(
        &mut self,
        target: &Target,
        rendered: Rendered,
        before: Option<Arc<Rendered>>,
        report: &mut Report,
    ) {
        let rendered = Arc::new(rendered);
        report.diagnostics = rendered.warnings().to_vec();
        if self.wants_cases {
            report.asked = self.asked(&target.applicant, &rendered);
        }
        let answered = judge(&Case {
            rendered,
            before,
            applicant: &target.applicant,
            gates: self.gates,
            policies: self.policies,
            cluster: self.cluster.clone(),
            tree: target.folder.tree.as_ref(),
            now: Timestamp::now(),
            applied: None,
        });
        let (verdicts, failures) = match answered {
            Ok(admitted) => (admitted.verdicts().to_vec(), admitted.failures().to_vec()),
            Err(GateError { verdicts, failures }) => (verdicts, failures),
        };
        report.verdicts = verdicts.into_iter().map(|verdict| Reported { verdict, known: false }).collect();
        report.failures = failures.iter().map(|failure| self.failure(failure)).collect();
        report.diagnostics.extend(unselected(&target.applicant, self.gates, &self.cluster));
        let selected = self.gates.iter().filter(|gate| gate.selects(&target.applicant, &self.cluster));
        let policies = selected.flat_map(|gate| &gate.policies);
        self.plugins
            .extend(policies.filter_map(|asked| Some(self.policies.policy(&asked.plugin).ok()?.id())));
    }

    fn failure(&self, failure: &PolicyFailure) -> Failure {
        let mut diagnostic = failure.diagnostic();
        if self.is_cluster_unknown && matches!(failure.problem, PolicyProblem::Cluster(_)) {
            diagnostic.hint = Some(
                "give its objects with --cluster-data FILE, or have them read with --cluster-data cluster"
                    .to_owned(),
            );
        }
        Failure::new(failure, diagnostic)
    }

    /// Which policy is asked about which object.
    fn asked(&self, applicant: &Applicant, rendered: &Rendered) -> Vec<Asked> {
        let mut asked = Vec::new();
        let mut selected: Vec<&Gate> =
            self.gates.iter().filter(|gate| gate.selects(applicant, &self.cluster)).collect();
        selected.sort_by(|a, b| a.name.cmp(&b.name));
        for manifest in rendered.manifests() {
            let key = &manifest.key;
            for gate in selected.iter().filter(|gate| gate.selects_object(key)) {
                for one in &gate.policies {
                    let Ok(policy) = self.policies.policy(&one.plugin) else { continue };
                    if policy.matches().iter().any(|pattern| matches_kind(pattern, &key.group, &key.kind)) {
                        asked.push(Asked {
                            gate: gate.name.clone(),
                            policy: one.called().to_owned(),
                            object: key.clone(),
                            origin: manifest.origin.clone(),
                        });
                    }
                }
            }
        }
        asked
    }
}

/// What a set that was judged comes to.
pub(super) fn outcome(report: &Report) -> Outcome {
    if !matches!(report.outcome, Outcome::Admitted | Outcome::Denied) {
        return report.outcome;
    }
    if report.verdicts.iter().any(|one| one.weight() == Weight::Denies) {
        Outcome::Denied
    } else if report.failures.iter().any(|failure| failure.refuses) {
        Outcome::NotJudged
    } else {
        Outcome::Admitted
    }
}

fn outcome_of(failure: &RenderFailure) -> Outcome {
    if exit_code(&failure.error) == REFUSED { Outcome::DoesNotRender } else { Outcome::NotJudged }
}

/// That all of it was admitted because nothing was asked.
fn unselected(applicant: &Applicant, gates: &[Gate], cluster: &Snapshot) -> Option<Diagnostic> {
    let Applicant { namespace, name, .. } = applicant;
    let is_judged = gates.iter().any(|gate| gate.selects(applicant, cluster));
    if is_judged || gates.is_empty() {
        return None;
    }
    Some(Diagnostic {
        severity: Severity::Info,
        hint: Some("say whose folder it is with --namespace and --name, or with --application".to_owned()),
        ..Diagnostic::error(format!(
            "no Gate selects the Application `{namespace}/{name}`: nothing was judged, only rendered"
        ))
    })
}

#[cfg(test)]
mod tests;
