//! Settings to policies.

use serde::Deserialize;
use serde_json::Value;
use windlass_plugin_sdk::diagnostic::{Diagnostic, Diagnostics};
use windlass_plugin_sdk::policy::Action;

use super::bindings::{self, Binding};
use super::spec;
use super::{
    Annotation, Expression, MAX_RESOURCES, Policies, Policy, Reads, Validation, at_text, kyverno, params,
    rule,
};
use crate::compile::{self, Compiled, Names, Purpose};
use crate::evaluate::Variable;
use crate::plan::Root;
use crate::typing::Type;

const KUBERNETES: &str = "admissionregistration.k8s.io";
pub(super) const KYVERNO: &str = "policies.kyverno.io";

/// How many variables a policy may have: each may hold those before it.
const MAX_VARIABLES: usize = 100;
/// How many expressions of another sort.
const MAX_EXPRESSIONS: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    rules: Vec<rule::Written>,
    #[serde(default)]
    resources: Vec<Value>,
}

/// See [`super::configure`].
pub(super) fn build(settings: Value) -> Result<Policies, Diagnostics> {
    let settings: Settings = serde_json::from_value(settings)
        .map_err(|error| Diagnostics::error(format!("bad settings: {error}")))?;
    if settings.rules.is_empty() && settings.resources.is_empty() {
        return Err(Diagnostics::error("there are no rules and no resources"));
    }
    if settings.resources.len() > MAX_RESOURCES {
        let message = format!(
            "there are {} resources, more than the {MAX_RESOURCES} that one plugin takes",
            settings.resources.len()
        );
        return Err(Diagnostic::error(message).at_pointer("/resources").into());
    }
    let mut building = Building::default();
    building.built.rules = rule::compile_all(settings.rules, &mut building.problems);
    let mut bound = Vec::new();
    for (index, resource) in settings.resources.into_iter().enumerate() {
        building.resource(format!("/resources/{index}"), resource, &mut bound);
    }
    building.join(bound);
    building.hold_params();
    if building.problems.is_empty() { Ok(building.built) } else { Err(building.problems) }
}

/// What has been read so far.
#[derive(Default)]
pub(super) struct Building {
    pub(super) built: Policies,
    pub(super) problems: Diagnostics,
    /// Where each policy stands, and whether it reads `params`.
    places: Vec<(String, bool)>,
}

impl Building {
    pub(super) fn problem(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Diagnostic::error(message).at_pointer(pointer));
    }

    /// Sorts one object by its kind.
    fn resource(&mut self, place: String, resource: Value, bound: &mut Vec<(String, String, Binding)>) {
        let text =
            |pointer: &str| resource.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (api_version, kind, name) = (text("/apiVersion"), text("/kind"), text("/metadata/name"));
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        let about = format!("{kind} `{name}`");
        if kind.is_empty() || api_version.is_empty() || name.is_empty() {
            self.problem(place, "a resource needs `apiVersion`, `kind` and `metadata.name`");
            return;
        }
        match (group, kind.as_str()) {
            (KUBERNETES, "ValidatingAdmissionPolicy") => {
                if let Some(spec) = self.spec::<spec::Policy>(&place, &about, resource) {
                    self.policy(&place, &name, &spec);
                }
            }
            (KUBERNETES, "ValidatingAdmissionPolicyBinding") => {
                if let Some(spec) = self.spec::<spec::Binding>(&place, &about, resource) {
                    let policy = spec.policy_name.clone();
                    let binding = bindings::read(self, &place, &name, spec);
                    bound.push((place, policy, binding));
                }
            }
            (KYVERNO, "ValidatingPolicy" | "NamespacedValidatingPolicy") => {
                let namespace = (kind == "NamespacedValidatingPolicy").then(|| text("/metadata/namespace"));
                if let Some(spec) = self.spec::<spec::Kyverno>(&place, &about, resource) {
                    kyverno::policies(self, &place, &name, namespace, spec);
                }
            }
            (KUBERNETES | KYVERNO | "kyverno.io" | "wgpolicyk8s.io", _) => {
                self.problem(format!("{place}/kind"), format!("a {kind} can't run here"));
            }
            _ => self.built.params.push(params::Param::read(place, &resource)),
        }
    }

    fn spec<T: for<'de> Deserialize<'de>>(
        &mut self,
        place: &str,
        about: &str,
        mut resource: Value,
    ) -> Option<T> {
        let spec = resource.get_mut("spec").map(Value::take).unwrap_or_default();
        match serde_json::from_value(spec) {
            Ok(spec) => Some(spec),
            Err(error) => {
                self.problem(format!("{place}/spec"), format!("{about}: {error}"));
                None
            }
        }
    }

    /// Compiles a `ValidatingAdmissionPolicy`.
    fn policy(&mut self, place: &str, name: &str, spec: &spec::Policy) {
        let names = Names { params: spec.param_kind.is_some(), variables: &[], kyverno: false };
        let matching = spec.match_constraints.clone().unwrap_or_default();
        if spec.match_constraints.is_none() {
            self.problem(
                format!("{place}/spec/matchConstraints"),
                format!("policy `{name}`: `matchConstraints` is required"),
            );
        }
        if spec.validations.is_empty() && spec.audit_annotations.is_empty() {
            let message = format!("policy `{name}`: there are no `validations` and no `auditAnnotations`");
            self.problem(format!("{place}/spec/validations"), message);
        }
        let (compiled, reads_params) = self.compile(place, name, spec, matching, names);
        self.add(place, compiled, reads_params);
    }

    /// Takes a policy in, unless its name is taken.
    pub(super) fn add(&mut self, place: &str, policy: Policy, reads_params: bool) {
        if self.built.written.iter().any(|known| known.name == policy.name) {
            let message = format!("the name `{}` stands on two policies", policy.name);
            self.problem(format!("{place}/metadata/name"), message);
        }
        self.built.written.push(policy);
        self.places.push((place.to_owned(), reads_params));
    }

    /// Compiles the expressions of a policy. Says whether they read `params`.
    pub(super) fn compile(
        &mut self,
        place: &str,
        name: &str,
        spec: &spec::Policy,
        matching: spec::Match,
        names: Names<'_>,
    ) -> (Policy, bool) {
        self.hold_matching(&format!("{place}/spec/matchConstraints"), &matching);
        for (field, count, most) in [
            ("variables", spec.variables.len(), MAX_VARIABLES),
            ("matchConditions", spec.match_conditions.len(), MAX_EXPRESSIONS),
            ("validations", spec.validations.len(), MAX_EXPRESSIONS),
            ("auditAnnotations", spec.audit_annotations.len(), MAX_EXPRESSIONS),
        ] {
            if count > most {
                let message = format!(
                    "policy `{name}`: there are {count} {field}, more than the {most} that one may have"
                );
                self.problem(format!("{place}/spec/{field}"), message);
            }
        }
        let mut reads = Reads::default();
        let mut variables: Vec<(String, Type)> = Vec::new();
        let mut nodes = Vec::new();
        for (index, variable) in spec.variables.iter().enumerate() {
            let what = format!("policy `{name}`, variable `{}`", variable.name);
            let pointer = format!("{place}/spec/variables/{index}");
            if !is_identifier(&variable.name) {
                self.problem(
                    format!("{pointer}/name"),
                    format!("{what}: this can't be the name of a variable"),
                );
            } else if variables.iter().any(|(known, _)| *known == variable.name) {
                self.problem(format!("{pointer}/name"), format!("{what}: the name stands on two variables"));
            }
            let names = Names { variables: &variables, ..names };
            let compiled = self.expression(
                &format!("{pointer}/expression"),
                &what,
                &variable.expression,
                names,
                Purpose::Variable,
            );
            // One that does not compile keeps its place, so that others find it.
            let (node, of_type) = match compiled {
                Some(compiled) => {
                    reads.add(&compiled);
                    (compiled.node, compiled.result)
                }
                None => (crate::plan::Node::Constant(crate::value::Value::Null), Type::Dyn),
            };
            nodes.push(Variable { name: variable.name.clone(), node });
            variables.push((variable.name.clone(), of_type));
        }
        let names = Names { variables: &variables, ..names };
        let mut conditions = Vec::new();
        for (index, condition) in spec.match_conditions.iter().enumerate() {
            let what = format!("policy `{name}`, match condition `{}`", condition.name);
            let pointer = format!("{place}/spec/matchConditions/{index}/expression");
            if let Some(compiled) =
                self.expression(&pointer, &what, &condition.expression, names, Purpose::Condition)
            {
                reads.add(&compiled);
                conditions.push(Expression { source: condition.expression.clone(), node: compiled.node });
            }
        }
        let mut validations = Vec::new();
        for (index, validation) in spec.validations.iter().enumerate() {
            let pointer = format!("{place}/spec/validations/{index}");
            validations.extend(self.validation(&pointer, name, validation, names, &mut reads));
        }
        let mut annotations = Vec::new();
        for (index, annotation) in spec.audit_annotations.iter().enumerate() {
            let what = format!("policy `{name}`, audit annotation `{}`", annotation.key);
            let pointer = format!("{place}/spec/auditAnnotations/{index}/valueExpression");
            let source = &annotation.value_expression;
            if let Some(compiled) = self.expression(&pointer, &what, source, names, Purpose::Annotation) {
                reads.add(&compiled);
                let expression = Expression { source: source.clone(), node: compiled.node };
                annotations.push(Annotation { key: annotation.key.clone(), expression });
            }
        }
        let policy = Policy {
            name: name.to_owned(),
            fails_open: spec.on_failure == Some(spec::FailurePolicy::Ignore),
            matching,
            conditions,
            variables: nodes,
            validations,
            annotations,
            bindings: Vec::new(),
            param_kind: spec.param_kind.clone(),
            reads,
            ends_at_the_first: false,
            actions: vec![None],
        };
        (policy, reads.params)
    }

    fn validation(
        &mut self,
        pointer: &str,
        name: &str,
        validation: &spec::Validation,
        names: Names<'_>,
        reads: &mut Reads,
    ) -> Option<Validation> {
        let what = format!("policy `{name}`");
        let compiled = self.expression(
            &format!("{pointer}/expression"),
            &what,
            &validation.expression,
            names,
            Purpose::Validation,
        );
        let message = if validation.message_expression.trim().is_empty() {
            None
        } else {
            let pointer = format!("{pointer}/messageExpression");
            self.expression(&pointer, &what, &validation.message_expression, names, Purpose::Message)
        };
        if let Some(message) = &message {
            reads.add(message);
        }
        let compiled = compiled?;
        reads.add(&compiled);
        Some(Validation {
            expression: Expression { source: validation.expression.clone(), node: compiled.node },
            message: validation.message.trim().to_owned(),
            message_expression: message.map(|message| message.node),
        })
    }

    fn expression(
        &mut self,
        pointer: &str,
        what: &str,
        source: &str,
        names: Names<'_>,
        purpose: Purpose,
    ) -> Option<Compiled> {
        match compile::compile(source, names, purpose) {
            Ok(compiled) => Some(compiled),
            Err(problems) => {
                self.problems.extend(problems.iter().map(|problem| at_text(pointer, what, problem)));
                None
            }
        }
    }

    /// Says what of a match can't be, or can never match.
    pub(super) fn hold_matching(&mut self, pointer: &str, matching: &spec::Match) {
        for (name, selector) in [
            ("namespaceSelector", &matching.namespace_selector),
            ("objectSelector", &matching.object_selector),
        ] {
            for (below, message) in selector.faults() {
                self.problem(format!("{pointer}/{name}{below}"), message);
            }
        }
        for (index, rule) in matching.resource_rules.iter().enumerate() {
            for (field, list) in [
                ("apiGroups", &rule.api_groups),
                ("apiVersions", &rule.api_versions),
                ("operations", &rule.operations),
                ("resources", &rule.resources),
            ] {
                if list.is_empty() {
                    self.problem(
                        format!("{pointer}/resourceRules/{index}/{field}"),
                        format!("`{field}` is required"),
                    );
                }
            }
        }
        let complete = |rule: &spec::ResourceRule| !rule.operations.is_empty() && !rule.resources.is_empty();
        if !matching.can_match() && matching.resource_rules.iter().all(complete) {
            let message =
                "no rule is about objects that are created or updated, and nothing else is judged here";
            self.problem(format!("{pointer}/resourceRules"), message);
        }
    }

    /// Gives the bindings to their policies.
    fn join(&mut self, bound: Vec<(String, String, Binding)>) {
        for (place, policy, binding) in bound {
            match self.built.written.iter_mut().find(|known| known.name == policy) {
                Some(policy) => policy.bindings.push(binding),
                None => self.problem(
                    format!("{place}/spec/policyName"),
                    format!("there is no policy `{policy}` among the resources"),
                ),
            }
        }
        for (index, (place, reads_params)) in self.places.clone().into_iter().enumerate() {
            let policy = &self.built.written[index];
            if policy.bindings.is_empty() && reads_params {
                let message = format!(
                    "policy `{}` reads `params`, and there is no binding among the resources that says which",
                    policy.name
                );
                self.problem(format!("{place}/spec/paramKind"), message);
            }
        }
    }

    /// Refuses objects that no policy can have use for.
    fn hold_params(&mut self) {
        let unused: Vec<_> = self
            .built
            .params
            .iter()
            .filter(|param| {
                let kinds = self.built.written.iter().filter_map(|policy| policy.param_kind.as_ref());
                !kinds.into_iter().any(|kind| param.is_of(kind))
            })
            .map(|param| (param.place.clone(), param.kind.clone()))
            .collect();
        for (place, kind) in unused {
            self.problem(format!("{place}/kind"), format!("no policy has the `paramKind` {kind}"));
        }
    }
}

impl Reads {
    pub(super) fn add(&mut self, compiled: &Compiled) {
        self.request |= compiled.roots.contains(&Root::Request);
        self.namespace |= compiled.roots.contains(&Root::NamespaceObject);
        self.params |= compiled.roots.contains(&Root::Params);
    }
}

fn is_identifier(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// The Gate's words for a binding's actions.
pub(super) fn actions(written: &[spec::Action]) -> Vec<Option<Action>> {
    let mut actions: Vec<Option<Action>> = Vec::new();
    for action in written {
        let action = match action {
            spec::Action::Deny => None,
            spec::Action::Warn => Some(Action::Warn),
            spec::Action::Audit => Some(Action::Audit),
        };
        if !actions.contains(&action) {
            actions.push(action);
        }
    }
    // One finding says it all: the strongest.
    let strongest = [None, Some(Action::Warn), Some(Action::Audit)];
    strongest.into_iter().filter(|action| actions.contains(action)).take(1).collect()
}
