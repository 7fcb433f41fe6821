//! A policy without WebAssembly, for the tests of this crate.

use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::{Action, Applicant, Gate, GatePolicy, Policies, Policy};
use crate::plugin::{Finding, PluginError, Subject, Surroundings, World};
use crate::render::{Absent, Job, PluginId};

type Body = dyn Fn(&Value) -> Vec<Finding> + Send + Sync;

/// Judges each object with a closure, and remembers the sizes of its batches.
pub(crate) struct FakePolicy {
    name: &'static str,
    pub(crate) matches: Vec<String>,
    body: Box<Body>,
    error: Option<PluginError>,
    /// What it says to all settings that are given.
    pub(crate) refusal: Option<PluginError>,
    batches: Mutex<Vec<usize>>,
}

impl FakePolicy {
    pub(crate) fn new(
        name: &'static str,
        body: impl Fn(&Value) -> Vec<Finding> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            matches: vec!["*".to_owned()],
            body: Box::new(body),
            error: None,
            refusal: None,
            batches: Mutex::new(Vec::new()),
        }
    }

    /// Refuses images without a tag.
    pub(crate) fn pinned_images() -> Self {
        Self::new("images", |object| match object.pointer("/spec/image").and_then(Value::as_str) {
            Some(image) if !image.contains(':') => vec![finding(&format!("`{image}` floats"), "/spec/image")],
            _ => Vec::new(),
        })
    }

    pub(crate) fn failing(name: &'static str, error: PluginError) -> Self {
        Self { error: Some(error), ..Self::new(name, |_| Vec::new()) }
    }

    pub(crate) fn batches(&self) -> Vec<usize> {
        self.batches.lock().unwrap().clone()
    }
}

impl Policy for FakePolicy {
    fn id(&self) -> PluginId {
        PluginId { name: self.name.to_owned(), digest: format!("{:0>64}", self.name) }
    }

    fn matches(&self) -> &[String] {
        &self.matches
    }

    fn reads(&self) -> &[String] {
        &[]
    }

    fn compares(&self) -> bool {
        false
    }

    fn check_config(&self, config: &Value) -> Result<(), PluginError> {
        match &self.refusal {
            Some(problems) if !config.is_null() => Err(problems.clone()),
            _ => Ok(()),
        }
    }

    fn evaluate(
        &self,
        _: &Value,
        subjects: &[Subject],
        _: &Arc<dyn Surroundings>,
    ) -> Result<Vec<Vec<Finding>>, PluginError> {
        self.batches.lock().unwrap().push(subjects.len());
        let judge = |subject: &Subject| (self.body)(&serde_json::from_slice(&subject.object).unwrap());
        match &self.error {
            Some(error) => Err(error.clone()),
            None => Ok(subjects.iter().map(judge).collect()),
        }
    }
}

/// Some policies, and the name of a renderer.
pub(crate) struct FakePolicies(pub(crate) Vec<Arc<FakePolicy>>);

impl FakePolicies {
    pub(crate) fn one(policy: FakePolicy) -> Self {
        Self(vec![Arc::new(policy)])
    }
}

impl Policies for FakePolicies {
    fn policy(&self, name: &str) -> Result<Arc<dyn Policy>, Absent> {
        if name == "yaml" {
            return Err(Absent::WrongWorld(World::Renderer));
        }
        match self.0.iter().find(|policy| policy.name == name) {
            Some(policy) => Ok(Arc::clone(policy) as Arc<dyn Policy>),
            None => Err(Absent::Missing { known: vec!["images".to_owned()] }),
        }
    }
}

pub(crate) fn finding(message: &str, pointer: &str) -> Finding {
    Finding { message: message.to_owned(), pointer: Some(pointer.to_owned()), rule: None, action: None }
}

/// A gate without a policy.
pub(crate) fn nothing(name: &str) -> Gate {
    Gate::new(name, Vec::new())
}

pub(crate) fn gate(name: &str, policy: &str, action: Action) -> Gate {
    Gate::new(name, vec![asking(policy, action)])
}

pub(crate) fn asking(policy: &str, action: Action) -> GatePolicy {
    GatePolicy { name: None, plugin: policy.to_owned(), config: Value::Null, action, grants: Vec::new() }
}

pub(crate) fn applicant_of(job: &Job) -> Applicant {
    Applicant {
        namespace: job.namespace.clone(),
        name: job.name.clone(),
        target_namespace: job.target_namespace.clone(),
        ..Applicant::default()
    }
}
