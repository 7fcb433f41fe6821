//! Judges one batch of objects. What is asked of the cluster is asked once.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;

use regorus::Value;
use windlass_plugin_sdk::policy::{Cluster, Findings};

use super::Gatekeeper;
use super::constraint::Constraint;
use super::inventory::{self, Need, Needs};
use super::matching::Matched;
use super::template::Template;
use crate::engine::Program;
use crate::review::{Reviewed, field, map, parse, set, text};
use crate::said::Form;
use crate::settings::Inventory;

/// What judges one batch.
pub(crate) struct Batch<'a> {
    gatekeeper: &'a Gatekeeper,
    cluster: &'a Cluster,
    /// The namespaces that were looked up.
    namespaces: RefCell<BTreeMap<String, Result<Value, String>>>,
    /// For each template that reads `data.inventory`, itself over it.
    programs: Vec<OnceCell<Result<Program, String>>>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(gatekeeper: &'a Gatekeeper, cluster: &'a Cluster) -> Self {
        let programs = gatekeeper.templates.iter().map(|_| OnceCell::new()).collect();
        Self { gatekeeper, cluster, namespaces: RefCell::default(), programs }
    }

    /// Judges an object by every constraint that is about it.
    pub(crate) fn judge(&self, reviewed: &Reviewed, findings: &mut Findings) {
        let review = OnceCell::new();
        for constraint in &self.gatekeeper.constraints {
            let speaker = constraint.speaker();
            let result = match self.is_about(constraint, reviewed) {
                Ok(false) => continue,
                Ok(true) => {
                    let review = review.get_or_init(|| reviewed.review());
                    self.evaluate(constraint, reviewed, review.clone())
                }
                Err(message) => Err(message),
            };
            match result {
                Ok(said) => speaker.say(&said, Form::Violation, findings),
                Err(message) => {
                    let kind = &self.gatekeeper.templates[constraint.template()].kind;
                    let message = format!("`{kind}` `{}` can't be evaluated: {message}", constraint.name());
                    speaker.fail(&message, findings);
                }
            }
        }
    }

    /// Whether a constraint is about an object, as it is or as it was.
    fn is_about(&self, constraint: &Constraint, reviewed: &Reviewed) -> Result<bool, String> {
        for object in [Some(&reviewed.object), reviewed.old.as_ref()].into_iter().flatten() {
            let matched = match constraint.matching.of(object) {
                Matched::No => false,
                Matched::Yes => true,
                Matched::ByNamespace => constraint.matching.fits_namespace(&self.namespace_of(object)?),
            };
            if matched {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn evaluate(
        &self,
        constraint: &Constraint,
        reviewed: &Reviewed,
        mut review: Value,
    ) -> Result<Value, String> {
        let template = &self.gatekeeper.templates[constraint.template()];
        if template.reads_namespace && !namespace_name(&reviewed.object).is_empty() {
            let namespace = self.namespace_of(&reviewed.object)?;
            set(&mut review, "_unstable", map([("namespace", namespace.clone())]));
            set(&mut review, "namespaceObject", namespace);
        }
        let input = map([("review", review), ("parameters", constraint.parameters.clone())]);
        self.program(constraint.template(), template)?
            .evaluate(&template.entry, input)
            .map_err(|failure| failure.describe(reviewed.is_secret()))
    }

    /// The program of a template, over the inventory if it reads that.
    fn program(&self, index: usize, template: &'a Template) -> Result<&Program, String> {
        let Some(needs) = &template.needs else { return Ok(&template.program) };
        let program = self.programs[index].get_or_init(|| {
            let inventory = self.inventory(needs)?;
            template.program.over(inventory)
        });
        program.as_ref().map_err(Clone::clone)
    }

    fn inventory(&self, needs: &Needs) -> Result<Value, String> {
        // Of one kind many references may read: each object once.
        let mut objects = BTreeMap::new();
        for need in needs.iter() {
            if self.gatekeeper.inventory == Inventory::Required && !self.is_known(need) {
                let kinds = need.enough.last().map_or("*", String::as_str);
                return Err(format!(
                    "it reads `{kinds}` of `data.inventory`, and the Gate does not grant them: grant them, or set `inventory: available` to compare with what there is"
                ));
            }
            for pattern in &need.read {
                if !objects.contains_key(pattern) {
                    let found = self.cluster.json(pattern, None, None).objects;
                    let read: Result<Vec<Value>, String> = found.iter().map(|json| parse(json)).collect();
                    objects.insert(pattern, read?);
                }
            }
        }
        Ok(inventory::build(objects.into_values().flatten()))
    }

    /// Whether the cluster's objects of a need are all there. It is asked for
    /// those without a name, of which there are none.
    fn is_known(&self, need: &Need) -> bool {
        need.enough.iter().any(|pattern| self.cluster.json(pattern, None, Some("")).complete)
    }

    /// The namespace that an object is in.
    fn namespace_of(&self, object: &Value) -> Result<Value, String> {
        let name = namespace_name(object);
        if let Some(known) = self.namespaces.borrow().get(name) {
            return known.clone();
        }
        let found = self.cluster.json("v1/Namespace", None, Some(name));
        let namespace = match (found.objects.first(), found.complete) {
            (Some(json), _) => parse(json),
            (None, true) => {
                Err(format!("there is no namespace `{name}`, neither in the set nor in the cluster"))
            }
            (None, false) => Err(format!(
                "it asks for the labels of the namespace `{name}`, which is not in the set: grant `v1/Namespace`"
            )),
        };
        self.namespaces.borrow_mut().insert(name.to_owned(), namespace.clone());
        namespace
    }
}

fn namespace_name(object: &Value) -> &str {
    field(object, "metadata").map_or("", |metadata| text(metadata, "namespace"))
}
