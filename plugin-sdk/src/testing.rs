//! Runs a plugin natively, through the conversions that it goes through in the
//! host, and gives back the text that a person would read. For `cargo test`;
//! what can't be read panics.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::config::{self, Configure};
use crate::diagnostic::Diagnostics;
use crate::health::{self, Health, State};
use crate::manifest::Exported;
use crate::object::Object;
use crate::policy::{self, Action, BatchPolicy, Cluster, Finding, Subject};
use crate::render::{Output, Renderer, Request};

/// Judges `objects` (YAML or JSON, any number of documents) under `settings`
/// (the same; empty for none), one line for each finding:
///
/// ```text
/// deny Deployment/shop/web /spec/template/spec/containers/0/image: image `nginx` is not pinned
/// ```
///
/// Objects that the policy does not match are left out, as the host leaves them
/// out. Refused settings give one line for each diagnostic.
pub fn check<P: BatchPolicy + Exported>(settings: &str, objects: &str) -> String {
    check_in::<P>(settings, objects, &Surroundings::default())
}

/// What [`check_in`] judges in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Surroundings<'a> {
    /// The set as the revision before rendered it, as YAML or JSON.
    pub old: &'a str,
    /// Objects of the cluster, where the Gate grants them.
    pub cluster: Option<&'a str>,
}

/// [`check`] with what stands around the objects.
pub fn check_in<P: BatchPolicy + Exported>(
    settings: &str,
    objects: &str,
    surroundings: &Surroundings<'_>,
) -> String {
    let policy: P = match configure(settings) {
        Ok(policy) => policy,
        Err(diagnostics) => return lines(&diagnostics),
    };
    let old = objects_of(surroundings.old);
    let mut around = objects_of(objects);
    let mut others = objects_of(surroundings.cluster.unwrap_or_default());
    others.retain(|object| !around.iter().any(|own| is_same(own, object)));
    around.append(&mut others);
    let cluster = Cluster::of(around, surroundings.cluster.is_some());
    let objects = matching::<P>(objects);
    let text_of = |object: &Object| object.value().to_string().into_bytes();
    let before = |object: &Object| old.iter().find(|old| is_same(old, object)).map(text_of);
    let subjects: Vec<Subject> =
        objects.iter().map(|object| Subject::new(text_of(object), before(object))).collect();
    let verdicts = policy::judge(&policy, &subjects, &cluster);
    let mut text = String::new();
    for (object, verdict) in objects.iter().zip(verdicts) {
        for finding in verdict {
            let action = match finding.action {
                None | Some(Action::Deny) => "deny",
                Some(Action::Warn) => "warn",
                Some(Action::Audit) => "audit",
            };
            let _ = write!(text, "{action} {}", object.reference());
            if let Some(rule) = finding.rule {
                let _ = write!(text, " [{rule}]");
            }
            if let Some(pointer) = finding.pointer {
                let _ = write!(text, " {pointer}");
            }
            let _ = writeln!(text, ": {}", finding.message);
        }
    }
    text
}

/// Judges objects, each one a JSON text, that have nothing around them. For
/// benchmarks: what a rule says is easier to read from [`check`].
pub fn judge<P: BatchPolicy>(policy: &P, objects: &[Vec<u8>]) -> Vec<Vec<Finding>> {
    let subjects: Vec<Subject> = objects.iter().map(|json| Subject::new(json.clone(), None)).collect();
    policy::judge(policy, &subjects, &Cluster::of(Vec::new(), true))
}

/// Assesses `objects` under `settings`, one line for each object:
///
/// ```text
/// Progressing Deployment/shop/web: 2 of 3 replicas are available
/// ```
pub fn assess<H: Health + Exported>(settings: &str, objects: &str) -> String {
    let health: H = match configure(settings) {
        Ok(health) => health,
        Err(diagnostics) => return lines(&diagnostics),
    };
    let objects = matching::<H>(objects);
    let assessments = health::assess(&health, &json(&objects));
    let mut text = String::new();
    for (object, assessment) in objects.iter().zip(assessments) {
        let state = match assessment.state {
            State::Healthy => "Healthy",
            State::Progressing => "Progressing",
            State::Failed => "Failed",
            State::Suspended => "Suspended",
            State::Unknown => "Unknown",
        };
        let _ = writeln!(text, "{state} {}: {}", object.reference(), assessment.message);
    }
    text
}

/// Renders the folder `path` of a repository that lies at `root`, as an
/// application `test` of the namespace `default`.
///
/// # Errors
/// What the renderer refused, or its settings.
pub fn render<R: Renderer>(settings: &str, root: &Path, path: &str) -> Result<Output, Diagnostics> {
    configure::<R>(settings)?.render(&Request::new(root, path, "test", "default"))
}

/// The plugin's manifest, as the host reads it.
///
/// # Panics
/// When it is not JSON, which only a `schema` that is none can cause.
pub fn manifest<T: Exported>() -> Value {
    match serde_json::from_str(T::MANIFEST) {
        Ok(manifest) => manifest,
        Err(error) => panic!("the manifest is not JSON: {error}\n{}", T::MANIFEST),
    }
}

fn configure<T: Configure>(settings: &str) -> Result<T, Diagnostics> {
    let settings = documents(settings).into_iter().next().unwrap_or_default();
    config::configure(settings.to_string().as_bytes())
}

fn matching<T: Exported>(objects: &str) -> Vec<Object> {
    let mut objects = objects_of(objects);
    objects.retain(|object| T::MATCHES.iter().any(|pattern| object.matches(pattern)));
    objects
}

fn is_same(one: &Object, other: &Object) -> bool {
    let identity = |object: &Object| {
        let reference = object.reference();
        (object.group().to_owned(), reference.kind, reference.namespace, reference.name)
    };
    identity(one) == identity(other)
}

fn objects_of(yaml: &str) -> Vec<Object> {
    documents(yaml).into_iter().filter(|document| !document.is_null()).map(Object::new).collect()
}

fn json(objects: &[Object]) -> Vec<Vec<u8>> {
    objects.iter().map(|object| object.value().to_string().into_bytes()).collect()
}

fn documents(yaml: &str) -> Vec<Value> {
    match serde_saphyr::from_multiple(yaml) {
        Ok(documents) => documents,
        Err(error) => panic!("a test's input is not YAML: {error}"),
    }
}

fn lines(diagnostics: &Diagnostics) -> String {
    format!("{diagnostics}\n")
}
