//! Which objects a policy is about.

use windlass_plugin_sdk::testing;

use super::{DEPLOYMENT, check, check_in, policy, resources};
use crate::Cel;

/// Whether a policy with these constraints judges an object.
fn judges(constraints: &str, object: &str) -> bool {
    let policy =
        policy("p", &format!("matchConstraints: {constraints}, validations: [{{expression: 'false'}}]"));
    let text = check(&[&policy], object);
    assert!(!text.starts_with("error"), "{text}");
    !text.is_empty()
}

fn rule(rest: &str) -> String {
    format!(
        "{{resourceRules: [{{apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments], {rest}}}]}}"
    )
}

#[test]
fn rules_match_by_group_version_resource_operation_name_and_scope() {
    assert!(judges(&rule(""), DEPLOYMENT));
    for (constraints, expected) in [
        (
            "{resourceRules: [{apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*']}]}",
            true,
        ),
        (
            "{resourceRules: [{apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*']}]}",
            true,
        ),
        (
            "{resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: ['deployments/*']}]}",
            true,
        ),
        (
            "{resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [statefulsets]}]}",
            false,
        ),
        (
            "{resourceRules: [{apiGroups: [batch], apiVersions: [v1], operations: [CREATE], resources: [deployments]}]}",
            false,
        ),
        (
            "{resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [UPDATE], resources: [deployments]}]}",
            false,
        ),
        (
            "{resourceRules: [{apiGroups: [apps], apiVersions: [v1beta1], operations: [CREATE], resources: [deployments]}]}",
            true,
        ),
        (
            "{matchPolicy: Exact, resourceRules: [{apiGroups: [apps], apiVersions: [v1beta1], operations: [CREATE], resources: [deployments]}]}",
            false,
        ),
    ] {
        assert_eq!(judges(constraints, DEPLOYMENT), expected, "{constraints}");
    }
    for (rest, expected) in [
        ("resourceNames: [web]", true),
        ("resourceNames: [other]", false),
        ("scope: Namespaced", true),
        ("scope: Cluster", false),
        ("scope: '*'", true),
    ] {
        assert_eq!(judges(&rule(rest), DEPLOYMENT), expected, "{rest}");
    }
}

#[test]
fn excluded_resources_and_other_labels_do_not_match() {
    let all = "resourceRules: [{apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*']}]";
    for (rest, expected) in [
        (
            "excludeResourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: ['*'], resources: [deployments]}]",
            false,
        ),
        (
            "excludeResourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: ['*'], resources: [daemonsets]}]",
            true,
        ),
        ("objectSelector: {matchLabels: {team: a}}", true),
        ("objectSelector: {matchLabels: {team: b}}", false),
        ("objectSelector: {matchExpressions: [{key: team, operator: In, values: [a, b]}]}", true),
        ("objectSelector: {matchExpressions: [{key: team, operator: NotIn, values: [a]}]}", false),
        ("objectSelector: {matchExpressions: [{key: other, operator: DoesNotExist}]}", true),
        ("objectSelector: {matchExpressions: [{key: other, operator: Exists}]}", false),
        ("namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}", true),
        (
            "namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [shop]}]}",
            false,
        ),
    ] {
        assert_eq!(judges(&format!("{{{all}, {rest}}}"), DEPLOYMENT), expected, "{rest}");
    }
}

#[test]
fn labels_of_a_namespace_are_asked_of_the_cluster() {
    let constraints = "{resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments]}], namespaceSelector: {matchLabels: {tier: prod}}}";
    let policy = policy(
        "p",
        &format!(
            "matchConstraints: {constraints}, failurePolicy: Ignore, validations: [{{expression: 'false', message: never}}]"
        ),
    );
    let namespace = |tier| {
        format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: shop, labels: {{tier: {tier}}}}}}}")
    };
    assert_eq!(check_in(&[&policy], DEPLOYMENT, &namespace("prod")), "deny Deployment/shop/web [p]: never\n");
    assert_eq!(check_in(&[&policy], DEPLOYMENT, &namespace("test")), "");
    assert_eq!(
        check(&[&policy], DEPLOYMENT),
        "deny Deployment/shop/web [p]: v1/Namespace `shop` is needed, and is not known here: let the Gate grant \
         reading v1/Namespace\n",
        "an unknown Namespace denies, whatever the failure policy"
    );
    assert!(check_in(&[&policy], DEPLOYMENT, "").contains("there is no Namespace `shop`"));
    // The set's own counts as well.
    let set = format!("{DEPLOYMENT}\n---\n{}", namespace("prod"));
    assert_eq!(check(&[&policy], &set), "deny Deployment/shop/web [p]: never\n");
}

#[test]
fn a_namespace_is_selected_by_its_own_labels_and_what_is_in_none_always() {
    let constraints = "{resourceRules: [{apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*']}], namespaceSelector: {matchLabels: {tier: prod}}}";
    for (object, expected) in [
        ("{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {tier: prod}}}", true),
        ("{apiVersion: v1, kind: Namespace, metadata: {name: shop}}", false),
        ("{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: shop}}", true),
    ] {
        assert_eq!(judges(constraints, object), expected, "{object}");
    }
}

#[test]
fn resources_of_definitions_have_the_plural_that_they_say() {
    let constraints = "{resourceRules: [{apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [mice]}]}";
    let policy = policy(
        "p",
        &format!("matchConstraints: {constraints}, validations: [{{expression: 'false', message: never}}]"),
    );
    let mouse = "{apiVersion: example.com/v1, kind: Mouse, metadata: {name: a}}";
    let definition = "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: mice.example.com}, spec: {group: example.com, names: {kind: Mouse, plural: mice}}}";
    assert_eq!(check_in(&[&policy], mouse, definition), "deny Mouse/a [p]: never\n");
    assert_eq!(check_in(&[&policy], mouse, ""), "");
}

#[test]
fn an_object_that_was_there_before_is_updated() {
    let policy = policy(
        "p",
        "matchConstraints: {resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [UPDATE], resources: [deployments]}]}, validations: [{expression: 'object.spec.replicas >= oldObject.spec.replicas', message: shrinks}]",
    );
    let old = DEPLOYMENT.replace("replicas: 3", "replicas: 4");
    let around = testing::Surroundings { old: &old, ..testing::Surroundings::default() };
    let settings = resources(&[&policy]);
    let text = testing::check_in::<Cel>(&settings, DEPLOYMENT, &around);
    assert_eq!(text, "deny Deployment/shop/web [p] /spec/replicas: shrinks\n");
    assert_eq!(testing::check::<Cel>(&settings, DEPLOYMENT), "");
}

#[test]
fn policies_are_not_judged_by_policies() {
    let constraints =
        "{resourceRules: [{apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*']}]}";
    let object =
        "{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicy, metadata: {name: a}}";
    assert!(!judges(constraints, object));
}

#[test]
fn constraints_that_can_never_match_are_refused() {
    for (operations, resources) in
        [("[DELETE]", "[pods]"), ("[CONNECT, DELETE]", "[pods]"), ("[CREATE]", "[pods/exec]")]
    {
        let policy = policy(
            "p",
            &format!(
                "matchConstraints: {{resourceRules: [{{apiGroups: [''], apiVersions: [v1], operations: {operations}, resources: {resources}}}]}}, validations: [{{expression: 'false'}}]"
            ),
        );
        assert_eq!(
            check(&[&policy], ""),
            "error /resources/0/spec/matchConstraints/resourceRules: no rule is about objects that are created or \
             updated, and nothing else is judged here\n"
        );
    }
}
