//! Calls into policies and health rules: objects in, as many answers out.
//!
//! Takes JSON texts; gives findings and assessments in their order. What a
//! policy asks about the cluster is answered from what the call was given.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use wasmtime::{Result, Store};

use super::bindings::health::exports::windlass::plugin::assessing::{Assessment as RawAssessment, State};
use super::bindings::policy::exports::windlass::plugin::judging::{
    Action as RawAction, Finding as RawFinding, Subject as RawSubject, Verdict,
};
use super::bindings::policy::windlass::plugin::cluster::{self, Found as RawFound};
use super::bindings::types;
use super::places::Places;
use super::program::Program;
use super::results::{bounded, diagnostics, refused};
use super::store::{Call, CallState, ContractBroken, HostCallsExhausted, OutputExceeded};
use super::{
    Action, Assessment, Finding, Found, HealthState, Plugin, PluginError, Subject, Surroundings, kubewarden,
};
use crate::object::covers;

/// What an answer takes beside its texts, in bytes.
const ANSWER_BYTES: usize = 64;

/// What the world `policy` gives: the look-ups.
pub(crate) struct Judging {
    surroundings: Arc<dyn Surroundings>,
    /// What the plugin declares to read.
    reads: Vec<String>,
    host_calls_left: u64,
}

/// Surroundings without an object.
pub(super) struct Nothing;

impl Surroundings for Nothing {
    fn objects(&self, _: &str, _: Option<&str>, _: Option<&str>) -> Found {
        Found::default()
    }
}

impl cluster::Host for Judging {
    fn objects(&mut self, kind: String, namespace: Option<String>, name: Option<String>) -> Result<RawFound> {
        self.host_calls_left = self.host_calls_left.checked_sub(1).ok_or(HostCallsExhausted)?;
        if !self.reads.iter().any(|pattern| covers(pattern, &kind)) {
            let problem =
                format!("it asks for `{}`, which its manifest does not declare to read", bounded(kind));
            return Err(ContractBroken(problem).into());
        }
        let found = self.surroundings.objects(&kind, namespace.as_deref(), name.as_deref());
        let objects = found.objects.iter().map(|object| object.to_vec()).collect();
        Ok(RawFound { objects, complete: found.complete })
    }
}

type Configured = std::result::Result<(), Vec<types::Diagnostic>>;

impl Plugin {
    /// Judges `subjects`. Gives the findings on each.
    ///
    /// # Errors
    /// [`PluginError::Config`] where `config` does not fit,
    /// [`PluginError::Refused`] where the plugin says so itself, and otherwise
    /// what stopped it.
    pub fn evaluate(
        &self,
        config: &Value,
        subjects: &[Subject],
        surroundings: &Arc<dyn Surroundings>,
    ) -> std::result::Result<Vec<Vec<Finding>>, PluginError> {
        let pre = match &self.program {
            Program::Policy(pre) => pre,
            Program::Kubewarden(policy) => {
                return kubewarden::evaluate(self, policy, config, subjects, surroundings);
            }
            _ => return Err(self.not_a("policy")),
        };
        let world = Judging {
            surroundings: surroundings.clone(),
            reads: self.manifest.reads.clone(),
            host_calls_left: self.limits.host_calls,
        };
        let old =
            |subject: &Subject| subject.old.as_ref().filter(|_| self.manifest.old).map(|old| old.to_vec());
        let verdicts = self.judge(
            world,
            subjects.len(),
            config,
            |store, config| {
                let policy = pre.instantiate(&mut *store)?;
                let configured = policy.windlass_plugin_lifecycle().call_configure(store, config)?;
                Ok((policy, configured))
            },
            |policy, store| {
                let raw =
                    |subject: &Subject| RawSubject { object: subject.object.to_vec(), old: old(subject) };
                let raw: Vec<RawSubject> = subjects.iter().map(raw).collect();
                policy.windlass_plugin_judging().call_evaluate(store, &raw)
            },
            weight_of_verdict,
        )?;
        Ok(verdicts.into_iter().map(|verdict| verdict.into_iter().map(Finding::from).collect()).collect())
    }

    /// Has the policy take `config`, and judges nothing.
    ///
    /// # Errors
    /// As [`Plugin::evaluate`].
    pub fn try_config(&self, config: &Value) -> std::result::Result<(), PluginError> {
        let nothing: Arc<dyn Surroundings> = Arc::new(Nothing);
        self.evaluate(config, &[], &nothing).map(drop)
    }

    /// Assesses live `objects`, each one a JSON text.
    ///
    /// # Errors
    /// As [`Plugin::evaluate`].
    pub fn assess(
        &self,
        objects: &[Bytes],
        config: &Value,
    ) -> std::result::Result<Vec<Assessment>, PluginError> {
        let Program::Health(pre) = &self.program else { return Err(self.not_a("health rule")) };
        let assessments = self.judge(
            (),
            objects.len(),
            config,
            |store, config| {
                let health = pre.instantiate(&mut *store)?;
                let configured = health.windlass_plugin_lifecycle().call_configure(store, config)?;
                Ok((health, configured))
            },
            |health, store| {
                let raw: Vec<_> = objects.iter().map(|object| object.to_vec()).collect();
                health.windlass_plugin_assessing().call_assess(store, &raw)
            },
            |assessment: &RawAssessment| ANSWER_BYTES + assessment.message.len(),
        )?;
        Ok(assessments.into_iter().map(Assessment::from).collect())
    }

    /// Configures one instance and calls it once.
    fn judge<World: Send + 'static, Instance, Answer>(
        &self,
        world: World,
        objects: usize,
        config: &Value,
        configure: impl FnOnce(&mut Store<CallState<World>>, &types::Json) -> Result<(Instance, Configured)>,
        call: impl Fn(&Instance, &mut Store<CallState<World>>) -> Result<Vec<Answer>>,
        weight: impl Fn(&Answer) -> usize,
    ) -> std::result::Result<Vec<Answer>, PluginError> {
        let config = self.checked_config(config)?;
        let mut running = Call::start(&self.host, &self.limits, world);
        let store = &mut running.store;
        let answered = || -> Result<std::result::Result<Vec<Answer>, Vec<types::Diagnostic>>> {
            let (instance, configured) = configure(store, &config)?;
            if let Err(refusal) = configured {
                return Ok(Err(refusal));
            }
            let answers = call(&instance, store)?;
            if answers.len() != objects {
                let counts = format!("{} answers to {objects} objects", answers.len());
                return Err(ContractBroken(counts).into());
            }
            if answers.iter().map(&weight).sum::<usize>() > self.limits.output_bytes {
                return Err(OutputExceeded.into());
            }
            Ok(Ok(answers))
        }();
        match answered {
            Ok(Ok(answers)) => Ok(answers),
            Ok(Err(refusal)) => Err(refused(diagnostics(refusal, &mut Places::new(None)))),
            Err(error) => Err(running.explain(&error, String::new())),
        }
    }
}

fn weight_of_verdict(verdict: &Verdict) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let findings = verdict
        .iter()
        .map(|finding| ANSWER_BYTES + finding.message.len() + text(&finding.pointer) + text(&finding.rule));
    ANSWER_BYTES + findings.sum::<usize>()
}

impl From<RawFinding> for Finding {
    fn from(raw: RawFinding) -> Self {
        let action = raw.action.map(|action| match action {
            RawAction::Deny => Action::Deny,
            RawAction::Warn => Action::Warn,
            RawAction::Audit => Action::Audit,
        });
        Self {
            message: bounded(raw.message),
            pointer: raw.pointer.map(bounded),
            rule: raw.rule.map(bounded),
            action,
        }
    }
}

impl From<RawAssessment> for Assessment {
    fn from(raw: RawAssessment) -> Self {
        let state = match raw.state {
            State::Healthy => HealthState::Healthy,
            State::Progressing => HealthState::Progressing,
            State::Failed => HealthState::Failed,
            State::Suspended => HealthState::Suspended,
            State::Unknown => HealthState::Unknown,
        };
        Self { state, message: bounded(raw.message) }
    }
}
