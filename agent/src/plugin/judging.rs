//! Calls into policies and health rules: objects in, as many answers out.
//!
//! Takes JSON texts; gives findings and assessments in their order. A plugin
//! gets them in batches, all in one instance, and one deadline covers the lot.

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

/// Objects of one call into a plugin.
const BATCH_OBJECTS: usize = 256;

/// Bytes of one call into a plugin; one larger object goes alone.
const BATCH_BYTES: usize = 1 << 20;

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
        objects: &[Vec<u8>],
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
        objects: &[Vec<u8>],
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

    /// Configures one instance and calls it until all objects are answered.
    fn judge<Instance, Answer>(
        &self,
        objects: &[Vec<u8>],
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
            let mut output_left = self.limits.output_bytes;
            let mut all = Vec::with_capacity(objects.len());
            for batch in batches(objects) {
                let answers = call(&instance, store, batch)?;
                check_count(answers.len(), batch.len())?;
                let bytes: usize = answers.iter().map(&weight).sum();
                output_left = output_left.checked_sub(bytes).ok_or(OutputExceeded)?;
                all.extend(answers);
            }
            Ok(Ok(all))
        }();
        match answered {
            Ok(Ok(answers)) => Ok(answers),
            Ok(Err(refusal)) => Err(refused(diagnostics(refusal, &mut Places::new(None)))),
            Err(error) => Err(running.explain(&error, String::new())),
        }
    }
}

fn check_count(answers: usize, objects: usize) -> Result<()> {
    if answers != objects {
        return Err(ContractBroken(format!("{answers} answers to {objects} objects")).into());
    }
    Ok(())
}

/// Splits objects into what one call takes.
fn batches(mut rest: &[Vec<u8>]) -> impl Iterator<Item = &[Vec<u8>]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fitting = rest.iter().take(BATCH_OBJECTS).take_while(|object| {
            bytes += object.len();
            bytes <= BATCH_BYTES
        });
        let count = fitting.count().max(1).min(rest.len());
        let (batch, after) = rest.split_at(count);
        rest = after;
        (!batch.is_empty()).then_some(batch)
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_every_object_once_and_none_is_too_large() {
        let objects: Vec<Vec<u8>> =
            [10, BATCH_BYTES + 1, 10, BATCH_BYTES - 10, 1].map(|size| vec![0; size]).into();
        let sizes: Vec<_> = batches(&objects).map(<[_]>::len).collect();
        assert_eq!(sizes, [1, 1, 2, 1]);
        assert_eq!(batches(&vec![Vec::new(); 600]).map(<[_]>::len).collect::<Vec<_>>(), [256, 256, 88]);
        assert_eq!(batches(&[]).count(), 0);
    }
}
