//! A constraint: which objects a template judges, with which parameters, and
//! what a violation leads to.

use regorus::Value as RegoValue;
use serde_json::Value;
use windlass_plugin_sdk::diagnostic::{Diagnostic, Diagnostics};
use windlass_plugin_sdk::policy::Action;

use super::matching::Match;
use super::template::Template;
use crate::refused;
use crate::said::Speaker;

/// A constraint.
pub(super) struct Constraint {
    name: String,
    template: usize,
    action: Option<Action>,
    pub(super) matching: Match,
    pub(super) parameters: RegoValue,
}

impl Constraint {
    /// Reads a constraint of `template`.
    pub(super) fn read(
        resource: &Value,
        pointer: &str,
        template: usize,
        compiled: &Template,
    ) -> Result<Self, Diagnostics> {
        let mut problems = Diagnostics::new();
        let name = resource["metadata"]["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            problems.push(refused(pointer, "the constraint has no name"));
        }
        let spec = &resource["spec"];
        let at = format!("{pointer}/spec");
        for key in spec.as_object().into_iter().flat_map(|spec| spec.keys()) {
            if !["match", "parameters", "enforcementAction", "scopedEnforcementActions"]
                .contains(&key.as_str())
            {
                problems.push(refused(at.clone(), format!("a constraint has no field `spec.{key}`")));
            }
        }
        let action = action_of(spec, &at).map_err(|problem| problems.push(problem)).ok().flatten();
        let matching =
            Match::read(&spec["match"], &format!("{at}/match")).map_err(|found| problems.extend(found)).ok();
        let parameters = parameters(&spec["parameters"], &format!("{at}/parameters"), compiled)
            .map_err(|found| problems.extend(found))
            .ok();
        match (matching, parameters) {
            (Some(matching), Some(parameters)) if problems.is_empty() => {
                Ok(Self { name: name.to_owned(), template, action, matching, parameters })
            }
            _ => Err(problems),
        }
    }

    /// What stands for the constraints of a template that has none: the Gate
    /// itself says which objects it judges.
    pub(super) fn unbound(template: usize, compiled: &Template) -> Result<Self, Diagnostics> {
        let parameters = parameters(&Value::Null, &compiled.pointer, compiled)?;
        Ok(Self {
            name: compiled.kind.clone(),
            template,
            action: None,
            matching: Match::default(),
            parameters,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn template(&self) -> usize {
        self.template
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.template == other.template && self.name == other.name
    }

    pub(super) fn speaker(&self) -> Speaker<'_> {
        Speaker { rule: &self.name, action: self.action }
    }
}

/// The parameters with their defaults, once they fit the template's schema.
fn parameters(written: &Value, pointer: &str, template: &Template) -> Result<RegoValue, Diagnostics> {
    // Gatekeeper gives an empty object, so that Rego need not ask.
    let mut value = if written.is_null() { Value::Object(serde_json::Map::new()) } else { written.clone() };
    template.schema.check(&mut value, pointer, written.is_null())?;
    Ok(RegoValue::from(value))
}

fn action_of(spec: &Value, pointer: &str) -> Result<Option<Action>, Diagnostic> {
    let at = format!("{pointer}/enforcementAction");
    match &spec["enforcementAction"] {
        Value::Null => Ok(None),
        Value::String(action) if action == "scoped" => {
            scoped(&spec["scopedEnforcementActions"], &format!("{pointer}/scopedEnforcementActions"))
        }
        Value::String(action) if action.is_empty() => Ok(None),
        Value::String(action) => plain(action).ok_or_else(|| {
            refused(at, format!("the action `{action}` is none of `deny`, `warn`, `dryrun` and `scoped`"))
        }),
        _ => Err(refused(at, "the action is a text")),
    }
}

#[expect(
    clippy::option_option,
    reason = "one asks whether there is such an action, the other for what it is"
)]
fn plain(action: &str) -> Option<Option<Action>> {
    match action {
        "deny" => Some(None),
        "warn" => Some(Some(Action::Warn)),
        "dryrun" => Some(Some(Action::Audit)),
        _ => None,
    }
}

/// The strongest action of the points that stand before a write. An action
/// that is only for other points is recorded.
fn scoped(actions: &Value, pointer: &str) -> Result<Option<Action>, Diagnostic> {
    let actions = actions.as_array().filter(|actions| !actions.is_empty()).ok_or_else(|| {
        refused(pointer, "the action `scoped` needs a list in spec.scopedEnforcementActions")
    })?;
    let mut strongest = Some(Action::Audit);
    for (index, scoped) in actions.iter().enumerate() {
        let at = format!("{pointer}/{index}");
        let name = scoped["action"].as_str().unwrap_or_default();
        let action = plain(name).ok_or_else(|| {
            refused(
                format!("{at}/action"),
                format!("the action `{name}` is none of `deny`, `warn` and `dryrun`"),
            )
        })?;
        let points = scoped["enforcementPoints"].as_array().map(Vec::as_slice).unwrap_or_default();
        if points.is_empty() {
            return Err(refused(at, "the action is for no enforcement point"));
        }
        let mut before_write = false;
        for point in points {
            match point["name"].as_str().unwrap_or_default() {
                "*" | "validation.gatekeeper.sh" | "vap.k8s.io" => before_write = true,
                "audit.gatekeeper.sh" | "gator.gatekeeper.sh" => {}
                other => {
                    return Err(refused(
                        format!("{at}/enforcementPoints"),
                        format!("there is no enforcement point `{other}`"),
                    ));
                }
            }
        }
        if before_write {
            strongest = match (strongest, action) {
                (None, _) | (_, None) => None,
                (Some(Action::Warn), _) | (_, Some(Action::Warn)) => Some(Action::Warn),
                (other, _) => other,
            };
        }
    }
    Ok(strongest)
}
