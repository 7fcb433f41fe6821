//! Bindings and parameters.

use super::{DEPLOYMENT, binding, check, check_in, policy};

const LIMIT: &str = "paramKind: {apiVersion: v1, kind: ConfigMap}, validations: [{expression: 'object.spec.replicas <= int(params.data.most)', messageExpression: \"'more than ' + params.data.most\"}]";

fn limit(name: &str, namespace: &str, most: u8) -> String {
    format!(
        "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}, namespace: {namespace}, labels: {{limit: 'yes'}}}}, data: {{most: '{most}'}}}}"
    )
}

#[test]
fn a_policy_without_bindings_judges_with_the_gates_action() {
    let policy = policy("p", "validations: [{expression: 'object.spec.replicas < 3', message: few}]");
    assert_eq!(check(&[&policy], DEPLOYMENT), "deny Deployment/shop/web [p] /spec/replicas: few\n");
}

#[test]
fn a_binding_says_where_and_what_follows() {
    let policy = policy("p", "validations: [{expression: 'object.spec.replicas < 3', message: few}]");
    for (actions, expected) in [
        ("[Deny]", "deny Deployment/shop/web [p] /spec/replicas: few\n"),
        ("[Warn]", "warn Deployment/shop/web [p] /spec/replicas: few\n"),
        ("[Audit]", "audit Deployment/shop/web [p] /spec/replicas: few\n"),
        ("[Audit, Warn]", "warn Deployment/shop/web [p] /spec/replicas: few\n"),
        ("[Audit, Deny]", "deny Deployment/shop/web [p] /spec/replicas: few\n"),
    ] {
        let binding = binding("b", &format!("validationActions: {actions}"));
        assert_eq!(check(&[&policy, &binding], DEPLOYMENT), expected);
    }
    let elsewhere =
        binding("b", "validationActions: [Deny], matchResources: {objectSelector: {matchLabels: {team: z}}}");
    assert_eq!(check(&[&policy, &elsewhere], DEPLOYMENT), "");
}

#[test]
fn of_several_bindings_the_strongest_counts_where_they_say_the_same() {
    let policy = policy("p", "validations: [{expression: 'object.spec.replicas < 3', message: few}]");
    let (audit, warn) =
        (binding("a", "validationActions: [Audit]"), binding("b", "validationActions: [Warn]"));
    assert_eq!(
        check(&[&policy, &audit, &warn], DEPLOYMENT),
        "warn Deployment/shop/web [p] /spec/replicas: few\n"
    );
}

#[test]
fn parameters_come_from_the_settings_or_the_cluster() {
    let policy = policy("p", LIMIT);
    let binding =
        binding("b", "paramRef: {name: limits, parameterNotFoundAction: Deny}, validationActions: [Deny]");
    let expected = "deny Deployment/shop/web [p] /spec/replicas: more than 2\n";
    assert_eq!(check(&[&policy, &binding, &limit("limits", "shop", 2)], DEPLOYMENT), expected);
    assert_eq!(check_in(&[&policy, &binding], DEPLOYMENT, &limit("limits", "shop", 2)), expected);
    // Of the object's own namespace, unless the binding names one.
    let both = format!("{}\n---\n{}", limit("limits", "other", 1), limit("limits", "shop", 2));
    assert_eq!(check_in(&[&policy, &binding], DEPLOYMENT, &both), expected);
    let other = super::binding(
        "b",
        "paramRef: {name: limits, namespace: other, parameterNotFoundAction: Deny}, validationActions: [Deny]",
    );
    assert_eq!(
        check_in(&[&policy, &other], DEPLOYMENT, &both),
        "deny Deployment/shop/web [p] /spec/replicas: more than 1\n"
    );
}

#[test]
fn each_parameter_that_a_selector_finds_is_used() {
    let policy = policy("p", LIMIT);
    let binding = binding(
        "b",
        "paramRef: {selector: {matchLabels: {limit: 'yes'}}, parameterNotFoundAction: Deny}, validationActions: [Deny]",
    );
    let both = format!("{}\n---\n{}", limit("one", "shop", 1), limit("two", "shop", 2));
    assert_eq!(
        check_in(&[&policy, &binding], DEPLOYMENT, &both),
        "deny Deployment/shop/web [p] /spec/replicas: more than 1\n\
         deny Deployment/shop/web [p] /spec/replicas: more than 2\n"
    );
}

#[test]
fn a_parameter_that_is_not_there_denies_unless_it_may_be_missing() {
    let policy = policy("p", LIMIT);
    let with = |action| {
        binding(
            "b",
            &format!(
                "paramRef: {{name: limits, parameterNotFoundAction: {action}}}, validationActions: [Audit]"
            ),
        )
    };
    assert_eq!(
        check_in(&[&policy, &with("Deny")], DEPLOYMENT, ""),
        "deny Deployment/shop/web [p]: binding `b`: no params found for policy binding with `Deny` \
         parameterNotFoundAction\n"
    );
    assert_eq!(check_in(&[&policy, &with("Allow")], DEPLOYMENT, ""), "");
    // What nobody granted may be there.
    for action in ["Deny", "Allow"] {
        let text = check(&[&policy, &with(action)], DEPLOYMENT);
        assert!(text.contains("v1/ConfigMap `limits` is needed, and is not known here"), "{text}");
    }
}

#[test]
fn bindings_and_resources_that_can_not_be_used_are_refused_at_once() {
    let text = check(
        &[
            &policy("p", LIMIT),
            &policy("p", "validations: []"),
            &binding("b", "validationActions: []").replace("policyName: p", "policyName: other"),
            &binding("c", "paramRef: {}, validationActions: [Deny]"),
            "{apiVersion: v1, kind: Secret, metadata: {name: s}}",
            "{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingAdmissionPolicy, metadata: {name: m}}",
            "{kind: Pod}",
        ],
        "",
    );
    for expected in [
        "error /resources/1/spec/validations: policy `p`: there are no `validations`",
        "error /resources/1/metadata/name: the name `p` stands on two policies",
        "error /resources/2/spec/validationActions: binding `b`: `validationActions` is required",
        "error /resources/2/spec/policyName: there is no policy `other` among the resources",
        "error /resources/3/spec/paramRef: binding `c`: `paramRef` needs either `name` or `selector`",
        "error /resources/4/kind: no policy has the `paramKind` Secret",
        "error /resources/5/kind: a MutatingAdmissionPolicy can't run here",
        "error /resources/6: a resource needs `apiVersion`, `kind` and `metadata.name`",
    ] {
        assert!(text.contains(expected), "{expected} in\n{text}");
    }
    let unbound = check(&[&policy("p", LIMIT)], "");
    assert!(
        unbound.contains(
            "error /resources/0/spec/paramKind: policy `p` reads `params`, and there is no binding"
        ),
        "{unbound}"
    );
}
