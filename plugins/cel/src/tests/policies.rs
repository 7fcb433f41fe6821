//! What policies may read, and how they fail.

use super::{DEPLOYMENT, check, check_in, policy};

#[test]
fn a_misspelt_field_of_a_policy_is_refused() {
    let text = check(&[&policy("p", "validatons: [{expression: 'false'}]")], "");
    assert!(
        text.starts_with(
            "error /resources/0/spec: ValidatingAdmissionPolicy `p`: unknown field `validatons`"
        ),
        "{text}"
    );
}

#[test]
fn every_expression_that_does_not_compile_is_named_with_its_place() {
    let spec = "
      matchConditions: [{name: c, expression: 'object.x'}],
      variables: [{name: v, expression: 'missing'}, {name: w, expression: 'variables.later'}, {name: later, expression: '1'}],
      validations: [{expression: 'variables.later'}, {expression: 'true', messageExpression: '1'}, {expression: 'variables.v == 1 && request.nothing == 1'}],
      auditAnnotations: [{key: k, valueExpression: '1'}]";
    let text = check(&[&policy("p", spec)], "");
    let expected = "\
error /resources/0/spec/variables/0/expression: policy `p`, variable `v`: there is no variable `missing`
error /resources/0/spec/variables/1/expression: policy `p`, variable `w`: no variable `later` is declared before this
error /resources/0/spec/matchConditions/0/expression: policy `p`, match condition `c`: the expression must give bool, but gives dyn
error /resources/0/spec/validations/0/expression: policy `p`: the expression must give bool, but gives int
error /resources/0/spec/validations/1/messageExpression: policy `p`: the expression must give string, but gives int
error /resources/0/spec/validations/2/expression: policy `p`: `request` has no field `nothing`
error /resources/0/spec/auditAnnotations/0/valueExpression: policy `p`, audit annotation `k`: the expression must give string or null, but gives int
";
    assert_eq!(text, expected);
}

#[test]
fn who_asks_is_not_known_here() {
    for expression in [
        "authorizer.group('apps').resource('deployments').check('get').allowed()",
        "request.userInfo.username == 'a'",
        "object.kind == 'Deployment' && has(request.options)",
    ] {
        let text = check(&[&policy("p", &format!("validations: [{{expression: \"{expression}\"}}]"))], "");
        assert!(
            text.contains("is not available here, and this expression can't be evaluated without it"),
            "{text}"
        );
    }
    // Where something else may decide, only what needs it fails.
    let spec =
        "validations: [{expression: \"object.spec.replicas == 3 || request.userInfo.username == 'admin'\"}]";
    assert_eq!(check(&[&policy("p", spec)], DEPLOYMENT), "");
    let spec = spec.replace("== 3", "== 4");
    let text = check(&[&policy("p", &spec)], DEPLOYMENT);
    assert!(text.ends_with("resulted in error: `request.userInfo` is not available here\n"), "{text}");
}

#[test]
fn a_namespace_that_an_expression_reads_must_be_granted() {
    let spec = "failurePolicy: Ignore, validations: [{expression: \"namespaceObject.metadata.labels.tier == 'prod'\", message: never}]";
    let policy = policy("p", spec);
    let namespace = "{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {tier: test}}}";
    assert_eq!(check_in(&[&policy], DEPLOYMENT, namespace), "deny Deployment/shop/web [p]: never\n");
    assert!(check(&[&policy], DEPLOYMENT).contains("let the Gate grant reading v1/Namespace"));
}

#[test]
fn the_values_of_a_secret_are_shown_by_no_failure() {
    let constraints = "matchConstraints: {resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: ['*'], resources: [secrets]}]}";
    let secret = "{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {key: hunter2}}";
    for expression in [
        "int(object.data.key) > 1",
        "object.data[object.data.key] == ''",
        "ip(object.data.key).family() == 4",
        "url(object.data.key).getHost() == ''",
        "semver(object.data.key).major() == 1",
        "cidr(object.data.key).prefixLength() == 1",
        "timestamp(object.data.key).getHours() == 1",
        "object.data.key.find(object.data.key + '(') == ''",
        "{'a': 1}[object.data.key] == 1",
    ] {
        let text = check(
            &[&policy("p", &format!("{constraints}, validations: [{{expression: \"{expression}\"}}]"))],
            secret,
        );
        assert!(text.starts_with("deny Secret/s [p]: expression '"), "{expression}: {text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn v1beta1_is_the_same() {
    let policy = policy("p", "validations: [{expression: 'false', message: never}]");
    let policy = policy.replace("admissionregistration.k8s.io/v1", "admissionregistration.k8s.io/v1beta1");
    assert_eq!(check(&[&policy], DEPLOYMENT), "deny Deployment/shop/web [p]: never\n");
}

#[test]
fn each_limit_is_named_where_it_is_met() {
    let variables: Vec<String> =
        (0..101).map(|index| format!("{{name: v{index}, expression: '1'}}")).collect();
    let many_variables =
        format!("variables: [{}], validations: [{{expression: 'true'}}]", variables.join(", "));
    let validations = vec!["{expression: 'true'}"; 501].join(", ");
    let long = "a".repeat(4097);
    for (spec, limit) in [
        (many_variables, "there are 101 variables, more than the 100 that one may have"),
        (
            format!("validations: [{validations}]"),
            "there are 501 validations, more than the 500 that one may have",
        ),
        (
            format!("validations: [{{expression: \"object.kind.matches('{long}')\"}}]"),
            "the pattern has more than the 4096 bytes that one may have",
        ),
        (
            "validations: [{expression: \"object.kind.matches('((a{100}){100}){100}')\"}]".to_owned(),
            "size limit of 1048576 bytes",
        ),
    ] {
        let text = check(&[&policy("p", &spec)], "");
        assert!(text.contains(limit), "{limit}: {text}");
    }
    let many = vec!["{}"; 2001].join(", ");
    let text = windlass_plugin_sdk::testing::check::<crate::Cel>(&format!("resources: [{many}]"), "");
    assert!(text.contains("there are 2001 resources, more than the 2000 that one plugin takes"), "{text}");
}
