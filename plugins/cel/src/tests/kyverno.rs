//! Kyverno's policies.

use super::{DEPLOYMENT, check, check_in};

fn policy(spec: &str) -> String {
    format!(
        "{{apiVersion: policies.kyverno.io/v1alpha1, kind: ValidatingPolicy, metadata: {{name: p}}, spec: {{{spec}}}}}"
    )
}

const ON_PODS: &str = "matchConstraints: {resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [pods]}]}";
const TAGGED: &str =
    "validations: [{expression: \"object.spec.containers.all(c, c.image.contains(':'))\", message: tag it}]";
const POD: &str = "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: shop}, spec: {containers: [{name: a, image: nginx}]}}";
const CRON_JOB: &str = "{apiVersion: batch/v1, kind: CronJob, metadata: {name: a, namespace: shop}, spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: nginx}]}}}}}}";

#[test]
fn a_policy_on_pods_holds_for_the_templates_of_workloads() {
    let policy = policy(&format!("{ON_PODS}, {TAGGED}"));
    assert_eq!(check(&[&policy], POD), "deny Pod/shop/a [p] /spec/containers/0/image: tag it\n");
    assert_eq!(
        check(&[&policy], DEPLOYMENT),
        "deny Deployment/shop/web [p/autogen-defaults] /spec/template/spec/containers/1/image: tag it\n"
    );
    assert_eq!(
        check(&[&policy], CRON_JOB),
        "deny CronJob/shop/a [p/autogen-cronjobs] /spec/jobTemplate/spec/template/spec/containers/0/image: tag it\n"
    );
}

#[test]
fn only_for_the_controllers_that_it_names() {
    let chosen = |controllers| {
        policy(&format!("{ON_PODS}, {TAGGED}, autogen: {{podControllers: {{controllers: [{controllers}]}}}}"))
    };
    assert_eq!(check(&[&chosen("")], DEPLOYMENT), "");
    assert_eq!(check(&[&chosen("cronjobs")], DEPLOYMENT), "");
    for name in ["cronjobs", "CronJob, ReplicationController"] {
        assert_ne!(check(&[&chosen(name)], CRON_JOB), "");
    }
    let text = check(&[&chosen("robots")], "");
    assert_eq!(
        text,
        "error /resources/0/spec/autogen/podControllers/controllers/0: there are no pod controllers `robots`: it is `daemonsets`, `deployments`, `replicasets`, `statefulsets`, `jobs`, `cronjobs`\n"
    );
}

#[test]
fn what_is_no_optional_is_its_own_value() {
    let containers = "object.spec.containers.orValue([]).all(c, c.?image.orValue('') != 'nginx')";
    let policy =
        policy(&format!("{ON_PODS}, validations: [{{expression: \"{containers}\", message: never}}]"));
    assert_eq!(check(&[&policy], POD), "deny Pod/shop/a [p] /spec/containers/0/image: never\n");
}

#[test]
fn it_ends_with_the_first_that_is_false_and_with_its_own_actions() {
    let validations =
        "validations: [{expression: 'false', message: one}, {expression: 'false', message: two}]";
    let policy = policy(&format!("{ON_PODS}, validationActions: [Warn], {validations}"));
    assert_eq!(check(&[&policy], POD), "warn Pod/shop/a [p/0]: one\n");
}

#[test]
fn a_namespaced_policy_is_about_its_namespace() {
    for (namespace, expected) in [("shop", "deny Pod/shop/a [p]: never\n"), ("other", "")] {
        let policy = policy(&format!("{ON_PODS}, validations: [{{expression: 'false', message: never}}]"));
        let policy = policy
            .replace("kind: ValidatingPolicy", "kind: NamespacedValidatingPolicy")
            .replace("{name: p}", &format!("{{name: p, namespace: {namespace}}}"));
        assert_eq!(check(&[&policy], POD), expected);
    }
}

#[test]
fn objects_of_the_cluster_are_found_where_they_are_granted() {
    let spec = "variables: [{name: limits, expression: \"resource.Get('v1', 'configmaps', 'shop', 'limits')\"}], validations: [{expression: \"int(variables.limits.data.most) > 5\", message: low}]";
    let policy = policy(&format!("{ON_PODS}, {spec}"));
    let limits =
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: limits, namespace: shop}, data: {most: '3'}}";
    assert_eq!(check_in(&[&policy], POD, limits), "deny Pod/shop/a [p]: low\n");
    let text = check(&[&policy], POD);
    assert!(text.contains("let the Gate grant reading v1/ConfigMap"), "{text}");
    let ignoring = policy.replace("spec: {", "spec: {failurePolicy: Ignore, ");
    assert_eq!(check(&[&ignoring], POD), text, "what is not granted denies, whatever the failure policy");
    assert!(check_in(&[&policy], POD, "").contains("there is no v1/ConfigMap `limits`"));
    let list = super::kyverno::policy(&format!(
        "{ON_PODS}, validations: [{{expression: \"resource.List('v1', 'configmaps', '').items.size() == 0\", message: some}}]"
    ));
    assert_eq!(check_in(&[&list], POD, limits), "deny Pod/shop/a [p]: some\n");
}

#[test]
fn what_reaches_out_is_refused_with_its_place() {
    for call in [
        "http.Get('https://a')",
        "globalContext.Get('a', 'b')",
        "resource.Post('v1', 'pods', 'a', {})",
        "image('a').registry()",
    ] {
        let text =
            check(&[&policy(&format!("{ON_PODS}, validations: [{{expression: \"{call} == ''\"}}]"))], "");
        assert!(
            text.starts_with("error /resources/0/spec/validations/0/expression: policy `p`: "),
            "{call}: {text}"
        );
    }
    let text = check(
        &[&policy(&format!(
            "{ON_PODS}, {TAGGED}, evaluation: {{mode: JSON, admission: {{enabled: false}}}}"
        ))],
        "",
    );
    assert!(
        text.contains("error /resources/0/spec/evaluation/mode: ")
            && text.contains("/spec/evaluation/admission/enabled: "),
        "{text}"
    );
    let text = check(
        &["{apiVersion: policies.kyverno.io/v1, kind: ImageValidatingPolicy, metadata: {name: a}}"],
        "",
    );
    assert_eq!(text, "error /resources/0/kind: a ImageValidatingPolicy can't run here\n");
}
