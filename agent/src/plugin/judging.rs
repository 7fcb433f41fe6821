//! Calls into policies and health rules: objects in, as many answers out.
//!
//! Takes JSON texts; gives findings and assessments in their order. A plugin
//! gets all of them in one call, so that its rules may compare them.

use bytes::Bytes;
use serde_json::Value;
use wasmtime::{Result, Store};

use super::bindings::health::exports::windlass::plugin::assessing::{Assessment as RawAssessment, State};
use super::bindings::policy::exports::windlass::plugin::judging::Verdict;
use super::bindings::types;
use super::places::Places;
use super::program::Program;
use super::results::{bounded, diagnostics, refused};
use super::store::{Call, CallState, ContractBroken, OutputExceeded};
use super::{Assessment, Finding, HealthState, Plugin, PluginError};

/// What an answer takes beside its texts, in bytes.
const ANSWER_BYTES: usize = 64;

type Judge = Store<CallState<()>>;
type Configured = std::result::Result<(), Vec<types::Diagnostic>>;

impl Plugin {
    /// Judges `objects`, each one a JSON text. Gives the findings of each.
    ///
    /// # Errors
    /// [`PluginError::Config`] where `config` does not fit,
    /// [`PluginError::Refused`] where the plugin says so itself, and otherwise
    /// what stopped it.
    pub fn evaluate(
        &self,
        objects: &[Bytes],
        config: &Value,
    ) -> std::result::Result<Vec<Vec<Finding>>, PluginError> {
        let Program::Policy(pre) = &self.program else { return Err(self.not_a("policy")) };
        let verdicts = self.judge(
            objects,
            config,
            |store, config| {
                let policy = pre.instantiate(&mut *store)?;
                let configured = policy.windlass_plugin_lifecycle().call_configure(store, config)?;
                Ok((policy, configured))
            },
            |policy, store, batch| policy.windlass_plugin_judging().call_evaluate(store, batch),
            weight_of_verdict,
        )?;
        Ok(verdicts.into_iter().map(|verdict| verdict.into_iter().map(Finding::from).collect()).collect())
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
            objects,
            config,
            |store, config| {
                let health = pre.instantiate(&mut *store)?;
                let configured = health.windlass_plugin_lifecycle().call_configure(store, config)?;
                Ok((health, configured))
            },
            |health, store, batch| health.windlass_plugin_assessing().call_assess(store, batch),
            |assessment: &RawAssessment| ANSWER_BYTES + assessment.message.len(),
        )?;
        Ok(assessments.into_iter().map(Assessment::from).collect())
    }

    /// Configures one instance and calls it once.
    fn judge<Instance, Answer>(
        &self,
        objects: &[Bytes],
        config: &Value,
        configure: impl FnOnce(&mut Judge, &types::Json) -> Result<(Instance, Configured)>,
        call: impl Fn(&Instance, &mut Judge, &[Vec<u8>]) -> Result<Vec<Answer>>,
        weight: impl Fn(&Answer) -> usize,
    ) -> std::result::Result<Vec<Answer>, PluginError> {
        let config = self.checked_config(config)?;
        let mut running = Call::start(&self.host, &self.limits, ());
        let store = &mut running.store;
        let answered = || -> Result<std::result::Result<Vec<Answer>, Vec<types::Diagnostic>>> {
            let (instance, configured) = configure(store, &config)?;
            if let Err(refusal) = configured {
                return Ok(Err(refusal));
            }
            let raw: Vec<_> = objects.iter().map(|object| object.to_vec()).collect();
            let answers = call(&instance, store, &raw)?;
            if answers.len() != objects.len() {
                let counts = format!("{} answers to {} objects", answers.len(), objects.len());
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

impl From<super::bindings::policy::exports::windlass::plugin::judging::Finding> for Finding {
    fn from(raw: super::bindings::policy::exports::windlass::plugin::judging::Finding) -> Self {
        Self { message: bounded(raw.message), pointer: raw.pointer.map(bounded), rule: raw.rule.map(bounded) }
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
