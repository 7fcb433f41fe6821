//! Kubewarden policies as policies of windlass: core modules that speak waPC.
//!
//! Takes subjects and the settings of a Gate; gives findings. The module is
//! asked as Kubewarden's own server would ask it, about one object at a time,
//! each time in an instance of its own. It sees no user, no real time and
//! nothing outside of the cluster, and it changes nothing.

mod answer;
mod kinds;
mod lookup;
mod metadata;
mod request;
mod selector;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use wasmtime::InstancePre;

use self::lookup::Lookups;
pub(crate) use self::metadata::{METADATA_SECTION, Metadata};
use self::request::Identity;
use super::judging::Nothing;
use super::preview1::FileTable;
use super::rendering::{NO_STDIN, last_words};
use super::results::bounded;
use super::sandbox::{Captured, Sandbox, SeededRandom};
use super::store::{Call, CallState};
use super::wapc::{self, Conversation};
use super::{Finding, Plugin, PluginError, Subject, Surroundings};
use crate::diagnostic::Diagnostic;
use crate::source::memory_tree::MemoryTree;
use crate::source::trace::{TracedTree, TreeLimits};

/// The data of the store that such a module runs in.
pub(crate) type World = CallState<Conversation<Lookups>>;

/// A module, linked, and what it says of itself.
pub(crate) struct Policy {
    pub(crate) pre: InstancePre<World>,
    pub(crate) metadata: Metadata,
}

#[derive(Deserialize)]
struct SettingsAnswer {
    valid: bool,
    message: Option<String>,
}

/// Judges `subjects`; see [`Plugin::evaluate`].
pub(super) fn evaluate(
    plugin: &Plugin,
    policy: &Policy,
    config: &Value,
    subjects: &[Subject],
    surroundings: &Arc<dyn Surroundings>,
) -> Result<Vec<Vec<Finding>>, PluginError> {
    let settings = if config.is_null() { json!({}) } else { config.clone() };
    let mut session = Session::new(plugin, policy, surroundings.clone());
    session.validate_settings(&settings)?;
    subjects.iter().map(|subject| session.validate(subject, &settings)).collect()
}

/// Whether the module can be instantiated, and speaks the protocol of today.
pub(super) fn self_test(plugin: &Plugin, policy: &Policy) -> Result<(), PluginError> {
    let mut session = Session::new(plugin, policy, Arc::new(Nothing));
    let version = session.ask("protocol_version", Bytes::new())?.said;
    match version.as_deref().map(serde_json::from_slice::<String>) {
        Ok(Ok(version)) if version == "v1" => Ok(()),
        Ok(_) => {
            Err(PluginError::Load("it speaks another version of Kubewarden's protocol than v1".to_owned()))
        }
        Err(problem) => Err(PluginError::Load(bounded(format!(
            "it does not say which version of Kubewarden's protocol it speaks: {problem}"
        )))),
    }
}

/// What a module said to one question.
struct Said {
    said: Result<Vec<u8>, String>,
    /// What it asked for and did not get.
    unavailable: Option<String>,
}

/// Questions to one policy that share the limits of one call.
struct Session<'a> {
    plugin: &'a Plugin,
    policy: &'a Policy,
    surroundings: Arc<dyn Surroundings>,
    spent: Duration,
    host_calls_left: u64,
    answer_bytes_left: usize,
}

impl<'a> Session<'a> {
    fn new(plugin: &'a Plugin, policy: &'a Policy, surroundings: Arc<dyn Surroundings>) -> Self {
        Self {
            plugin,
            policy,
            surroundings,
            spent: Duration::ZERO,
            host_calls_left: plugin.limits.host_calls,
            answer_bytes_left: plugin.limits.output_bytes,
        }
    }

    fn validate_settings(&mut self, settings: &Value) -> Result<(), PluginError> {
        let Said { said, unavailable } = self.ask("validate_settings", settings.to_string().into())?;
        let refused = |problem: String| Err(PluginError::Refused(vec![Diagnostic::error(bounded(problem))]));
        match said {
            Err(problem) => refused(format!("the settings can't be validated: {problem}")),
            Ok(json) => {
                let answer: SettingsAnswer = serde_json::from_slice(&json).map_err(|error| {
                    PluginError::Contract(bounded(format!(
                        "its answer to `validate_settings` can't be read: {error}"
                    )))
                })?;
                match (answer.valid, unavailable) {
                    (true, None) => Ok(()),
                    (true, Some(problem)) => refused(format!("the settings can't be validated: {problem}")),
                    (false, _) => {
                        refused(answer.message.unwrap_or_else(|| "the settings are not valid".to_owned()))
                    }
                }
            }
        }
    }

    fn validate(&mut self, subject: &Subject, settings: &Value) -> Result<Vec<Finding>, PluginError> {
        let Some(identity) = Identity::of(subject) else {
            return Ok(vec![answer::not_judged("it is no Kubernetes object")]);
        };
        if !self.policy.metadata.wants(&identity.group, &identity.kind, identity.operation) {
            return Ok(Vec::new());
        }
        let payload = request::payload(&identity, subject, settings);
        let Said { said, unavailable } = self.ask("validate", payload)?;
        match said {
            Ok(json) => answer::findings(&json, &subject.object, unavailable),
            // What it did not get is the better reason, where there is one.
            Err(problem) => Ok(vec![answer::not_judged(&unavailable.unwrap_or(problem))]),
        }
    }

    /// Asks a new instance. What it uses of the limits the next one lacks.
    fn ask(&mut self, operation: &'static str, request: Bytes) -> Result<Said, PluginError> {
        let limits = self.plugin.limits;
        let deadline = || PluginError::Deadline { limit: limits.time };
        let left = limits.time.checked_sub(self.spent).filter(|left| !left.is_zero()).ok_or_else(deadline)?;
        let lookups = Lookups {
            surroundings: self.surroundings.clone(),
            reads: self.plugin.manifest.reads.clone(),
            unavailable: None,
        };
        let world = Conversation::new(self.sandbox(), lookups, self.answer_bytes_left);
        let mut call = Call::start(&self.plugin.host, &super::Limits { time: left, ..limits }, world);
        let begun = Instant::now();
        // TinyGo looks at the clock before it begins, for nothing that matters.
        let forget_the_clock = |world: &mut Conversation<Lookups>| world.sandbox.tree = no_files();
        let asked = wapc::ask(&mut call.store, &self.policy.pre, operation, request, forget_the_clock);
        self.spent += begun.elapsed();
        let said = match asked {
            Ok(said) => said,
            Err(error) => {
                let words = last_words(&call.store.data().world.sandbox.stderr);
                return Err(match call.explain(&error, words) {
                    PluginError::Deadline { .. } => deadline(),
                    other => other,
                });
            }
        };
        let world = &mut call.store.data_mut().world;
        self.host_calls_left = world.sandbox.host_calls_left;
        let bytes = said.as_ref().map_or_else(String::len, Vec::len);
        self.answer_bytes_left = self.answer_bytes_left.saturating_sub(bytes);
        let asked_time = world.sandbox.tree.inputs().include_time();
        let time = asked_time.then(|| "it looks at the clock, and there is none in a gate".to_owned());
        Ok(Said { said, unavailable: world.callee.unavailable.take().or(time) })
    }

    /// No files, no time, and the same randomness for the same policy.
    fn sandbox(&self) -> Sandbox {
        Sandbox {
            tree: no_files(),
            stdin: NO_STDIN,
            stdout: Captured::with_limit(wapc::LOG_BYTES),
            stderr: Captured::with_limit(wapc::LOG_BYTES),
            wall_clock_seconds: 0,
            monotonic_nanoseconds: 0,
            random: SeededRandom::new(self.plugin.digest.0),
            host_calls_left: self.host_calls_left,
            files: FileTable::default(),
        }
    }
}

fn no_files() -> Arc<TracedTree> {
    Arc::new(TracedTree::new(Arc::new(MemoryTree::new()), TreeLimits::default()))
}
