//! Kyverno's `ValidatingPolicy`: the same expressions, and policies on Pods that
//! hold for the templates of workloads too.

use super::build::{self, Building};
use super::{spec, spec::ResourceRule};
use crate::compile::Names;

/// Workloads with a template of Pods: the resource, its group, and where the
/// template stands.
const CONTROLLERS: [(&str, &str, &str); 6] = [
    ("daemonsets", "apps", TEMPLATE),
    ("deployments", "apps", TEMPLATE),
    ("replicasets", "apps", TEMPLATE),
    ("statefulsets", "apps", TEMPLATE),
    ("jobs", "batch", TEMPLATE),
    ("cronjobs", "batch", JOB_TEMPLATE),
];
const TEMPLATE: &str = "spec.template";
const JOB_TEMPLATE: &str = "spec.jobTemplate.spec.template";

/// Compiles a policy, and what follows of it for workloads.
pub(super) fn policies(
    building: &mut Building,
    place: &str,
    name: &str,
    namespace: Option<String>,
    spec: spec::Kyverno,
) {
    hold(building, place, name, &spec);
    let actions = if spec.validation_actions.is_empty() {
        vec![None]
    } else {
        build::actions(&spec.validation_actions)
    };
    let mut matching = spec.match_constraints.clone().unwrap_or_default();
    if let Some(namespace) = namespace {
        let own = spec::Requirement {
            key: super::matching::NAME_LABEL.to_owned(),
            operator: spec::Operator::In,
            values: vec![namespace],
        };
        matching.namespace_selector.match_expressions.push(own);
    }
    let policy = spec::Policy {
        param_kind: None,
        match_constraints: None,
        validations: spec.validations,
        on_failure: spec.on_failure,
        audit_annotations: spec.audit_annotations,
        match_conditions: spec.match_conditions,
        variables: spec.variables,
    };
    let generated = generated(building, place, &matching, spec.autogen.as_ref());
    let before = building.problems.iter().count();
    add(building, place, name, &policy, matching, &actions);
    if building.problems.iter().count() > before {
        return;
    }
    for (template, matching) in generated {
        let policy = moved(&policy, template);
        // Its expressions are the policy's with longer paths: a problem in them
        // is told by what was written.
        let suffix = if template == TEMPLATE { "autogen-defaults" } else { "autogen-cronjobs" };
        add(building, place, &format!("{name}/{suffix}"), &policy, matching, &actions);
    }
}

fn add(
    building: &mut Building,
    place: &str,
    name: &str,
    policy: &spec::Policy,
    matching: spec::Match,
    actions: &[Option<windlass_plugin_sdk::policy::Action>],
) {
    let names = Names { params: false, variables: &[], kyverno: true };
    let (mut compiled, _) = building.compile(place, name, policy, matching, names);
    compiled.ends_at_the_first = true;
    compiled.actions = actions.to_vec();
    building.add(place, compiled, false);
}

/// Refuses what means nothing here.
fn hold(building: &mut Building, place: &str, name: &str, spec: &spec::Kyverno) {
    if spec.match_constraints.is_none() {
        let message = format!("policy `{name}`: `matchConstraints` is required");
        building.problem(format!("{place}/spec/matchConstraints"), message);
    }
    let Some(evaluation) = &spec.evaluation else { return };
    if evaluation.mode.as_deref().is_some_and(|mode| mode != "Kubernetes") {
        let message = format!("policy `{name}`: only the mode `Kubernetes` judges objects");
        building.problem(format!("{place}/spec/evaluation/mode"), message);
    }
    if evaluation.admission.as_ref().is_some_and(|admission| admission.enabled == Some(false)) {
        let message = format!("policy `{name}` takes no part in admission, so it would never judge");
        building.problem(format!("{place}/spec/evaluation/admission/enabled"), message);
    }
}

/// The templates that the policy holds for too, and which objects have them:
/// only of a policy on Pods and nothing else.
fn generated(
    building: &mut Building,
    place: &str,
    matching: &spec::Match,
    autogen: Option<&spec::Autogen>,
) -> Vec<(&'static str, spec::Match)> {
    let chosen =
        autogen.and_then(|autogen| autogen.pod_controllers.as_ref()).and_then(|it| it.controllers.as_ref());
    for (index, name) in chosen.into_iter().flatten().enumerate() {
        if !CONTROLLERS.iter().any(|(known, ..)| is(name, known)) && !is(name, "replicationcontrollers") {
            let pointer = format!("{place}/spec/autogen/podControllers/controllers/{index}");
            let known = CONTROLLERS.map(|(name, ..)| name).join("`, `");
            building.problem(pointer, format!("there are no pod controllers `{name}`: it is `{known}`"));
        }
    }
    let [rule] = &*matching.resource_rules else { return Vec::new() };
    let on_pods = rule.api_groups == [""]
        && rule.api_versions == ["v1"]
        && rule.resources == ["pods"]
        && rule.resource_names.is_empty()
        && matching.object_selector.is_empty()
        && matching.exclude_resource_rules.is_empty();
    if !on_pods {
        return Vec::new();
    }
    let mut found = Vec::new();
    for template in [TEMPLATE, JOB_TEMPLATE] {
        let mut rules = Vec::new();
        for (resource, group, place) in CONTROLLERS {
            let wanted = chosen.is_none_or(|chosen| chosen.iter().any(|name| is(name, resource)));
            if wanted && place == template {
                rules.push(ResourceRule {
                    api_groups: vec![group.to_owned()],
                    api_versions: vec!["v1".to_owned()],
                    resources: vec![resource.to_owned()],
                    operations: rule.operations.clone(),
                    ..ResourceRule::default()
                });
            }
        }
        if !rules.is_empty() {
            let namespace_selector = matching.namespace_selector.clone();
            found.push((
                template,
                spec::Match { resource_rules: rules, namespace_selector, ..spec::Match::default() },
            ));
        }
    }
    found
}

/// Whether a controller is named, by its resource or, as policies have it too, by
/// its kind.
fn is(name: &str, resource: &str) -> bool {
    name == resource || super::plural::of(name) == resource
}

/// The same policy for the Pods of a template. As Kyverno does it, all texts
/// change in which `object.spec` or `object.metadata` stands.
fn moved(policy: &spec::Policy, template: &str) -> spec::Policy {
    let mut policy = policy.clone();
    let change = |text: &mut String| *text = with_path(text, template);
    for named in policy.variables.iter_mut().chain(&mut policy.match_conditions) {
        change(&mut named.expression);
    }
    for validation in &mut policy.validations {
        change(&mut validation.expression);
        change(&mut validation.message);
        change(&mut validation.message_expression);
    }
    for annotation in &mut policy.audit_annotations {
        change(&mut annotation.value_expression);
    }
    policy
}

fn with_path(text: &str, template: &str) -> String {
    let moved = replaced(text, "object.spec", &format!("object.{template}.spec"));
    let moved = replaced(&moved, "oldObject.spec", &format!("oldObject.{template}.spec"));
    let moved = replaced(&moved, "object.metadata", &format!("object.{template}.metadata"));
    replaced(&moved, "oldObject.metadata", &format!("oldObject.{template}.metadata"))
}

/// Replaces a path, except where the namespace is asked for: a template has
/// none.
fn replaced(text: &str, from: &str, to: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(from) {
        out.push_str(before);
        let namespace = after.strip_prefix(".namespace").is_some_and(|next| {
            !next.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '_')
        });
        out.push_str(if namespace { from } else { to });
        rest = after;
    }
    out.push_str(rest);
    out
}
