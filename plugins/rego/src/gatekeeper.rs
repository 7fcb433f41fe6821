//! Gatekeeper's templates and constraints: what they are compiled to, and how
//! a batch of objects is judged by them.

mod batch;
mod constraint;
mod inventory;
mod matching;
mod schema;
mod selector;
mod template;

use std::collections::BTreeMap;

use serde_json::Value;
use windlass_plugin_sdk::diagnostic::Diagnostics;
use windlass_plugin_sdk::policy::Cluster;

use crate::refused;
use crate::settings::{Inventory, Settings};

use batch::Batch;
use constraint::Constraint;
use template::Template;

/// Compiled templates, and the constraints that apply them.
pub(crate) struct Gatekeeper {
    templates: Vec<Template>,
    constraints: Vec<Constraint>,
    inventory: Inventory,
}

impl Gatekeeper {
    /// Compiles the templates and reads the constraints.
    ///
    /// # Errors
    /// What is wrong with any of them.
    pub(crate) fn compile(settings: &Settings) -> Result<Self, Diagnostics> {
        let mut problems = Diagnostics::new();
        let mut templates: Vec<Template> = Vec::new();
        // By kind; nothing where there is a template that can't be used.
        let mut kinds: BTreeMap<String, Option<usize>> = BTreeMap::new();
        let mut constraints = Vec::new();
        for (index, resource) in settings.resources.iter().enumerate() {
            let pointer = format!("/resources/{index}");
            match sort(resource) {
                Sort::Template => {
                    let compiled = Template::compile(resource, &pointer);
                    let kind = template::kind_of(resource).to_owned();
                    let known = kinds.contains_key(&kind);
                    let compiled = compiled.map_err(|found| problems.extend(found)).ok();
                    if known {
                        problems
                            .push(refused(pointer, format!("there are two templates for the kind `{kind}`")));
                    } else {
                        kinds.insert(kind, compiled.is_some().then_some(templates.len()));
                        templates.extend(compiled);
                    }
                }
                Sort::Constraint => constraints.push((resource, pointer)),
                Sort::Other(message) => problems.push(refused(pointer, message)),
            }
        }
        let mut read: Vec<Constraint> = Vec::new();
        for (resource, pointer) in constraints {
            let kind = resource["kind"].as_str().unwrap_or_default();
            let Some(&template) = kinds.get(kind) else {
                let message = format!("there is no template for the kind `{kind}`");
                problems.push(refused(format!("{pointer}/kind"), message));
                continue;
            };
            // A template that can't be used was reported; its schema is unknown.
            let Some(template) = template else { continue };
            match Constraint::read(resource, &pointer, template, &templates[template]) {
                Ok(constraint) if read.iter().any(|other| other.is_same(&constraint)) => {
                    let message =
                        format!("there are two constraints `{}` of the kind `{kind}`", constraint.name());
                    problems.push(refused(pointer, message));
                }
                Ok(constraint) => read.push(constraint),
                Err(found) => problems.extend(found),
            }
        }
        for (index, template) in templates.iter().enumerate() {
            if !read.iter().any(|constraint| constraint.template() == index) {
                match Constraint::unbound(index, template) {
                    Ok(constraint) => read.push(constraint),
                    Err(found) => problems.extend(found),
                }
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self { templates, constraints: read, inventory: settings.inventory })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.constraints.is_empty()
    }

    /// What judges one batch of objects.
    pub(crate) fn batch<'a>(&'a self, cluster: &'a Cluster) -> Batch<'a> {
        Batch::new(self, cluster)
    }
}

enum Sort {
    Template,
    Constraint,
    /// Neither: why it is refused.
    Other(String),
}

fn sort(resource: &Value) -> Sort {
    let version = resource["apiVersion"].as_str().unwrap_or_default();
    let kind = resource["kind"].as_str().unwrap_or_default();
    match (version.split_once('/').unwrap_or(("", version)), kind) {
        (("templates.gatekeeper.sh", "v1" | "v1beta1" | "v1alpha1"), "ConstraintTemplate") => Sort::Template,
        (("constraints.gatekeeper.sh", "v1beta1" | "v1alpha1"), _) => Sort::Constraint,
        (("templates.gatekeeper.sh" | "constraints.gatekeeper.sh", version), _) => {
            Sort::Other(format!("a `{kind}` of the version `{version}` is not known here"))
        }
        _ => {
            Sort::Other(format!("`{version}` `{kind}` is neither a template nor a constraint of Gatekeeper"))
        }
    }
}
