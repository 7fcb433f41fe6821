//! Templates: their forms, their schemas, their libraries.

use serde_json::{Value, json};
use windlass_plugin_sdk::testing;

use super::{POD, SAYS_IT, constraint, refusals, resources, say, template};
use crate::Rego;

fn with_code(code: &Value) -> Value {
    let mut template = template("");
    template["spec"]["targets"] = json!([{"target": "admission.k8s.gatekeeper.sh", "code": code}]);
    template
}

fn judge(template: &Value, spec: &Value) -> String {
    testing::check::<Rego>(&resources(&[template.clone(), constraint(spec)]), POD)
}

/// The refusals of a template and a constraint, without the span.
fn refused(template: &Value, spec: &Value) -> Vec<(String, String)> {
    let found = refusals(&json!({"resources": [template, constraint(spec)]}));
    found.into_iter().map(|(pointer, _, message)| (pointer, message)).collect()
}

#[test]
fn all_versions_of_templates_and_constraints_are_read() {
    for version in ["v1", "v1beta1", "v1alpha1"] {
        let mut template = template(SAYS_IT);
        template["apiVersion"] = json!(format!("templates.gatekeeper.sh/{version}"));
        assert_eq!(judge(&template, &json!({"parameters": {"a": 1}})), "deny Pod/shop/web [c]: {\"a\": 1}\n");
    }
}

#[test]
fn rego_stands_in_the_target_or_in_its_code() {
    let v1 = "package t\nimport data.lib.x\nviolation contains {\"msg\": x.text}";
    let source = json!({"rego": v1, "version": "v1", "libs": ["package lib.x\ntext := \"of the library\""]});
    let code = json!([{"engine": "K8sNativeValidation", "source": {}}, {"engine": "Rego", "source": source}]);
    assert_eq!(judge(&with_code(&code), &json!({})), "deny Pod/shop/web [c]: of the library\n");
    let v0 = json!([{"engine": "Rego", "source": {"rego": SAYS_IT}}]);
    assert_eq!(judge(&with_code(&v0), &json!({})), "deny Pod/shop/web [c]: {}\n");
}

#[test]
fn other_engines_and_targets_are_refused() {
    let cel = with_code(&json!([{"engine": "K8sNativeValidation", "source": {}}]));
    assert_eq!(
        refused(&cel, &json!({})),
        [(
            "/resources/0/spec/targets/0/code".to_owned(),
            "the code is for the engine `K8sNativeValidation`, not for Rego; the plugin `cel` takes it"
                .to_owned()
        )]
    );
    let mut other = template(SAYS_IT);
    other["spec"]["targets"][0]["target"] = json!("agent.example.com");
    assert!(refused(&other, &json!({}))[0].1.starts_with("the target `agent.example.com` is not"));
    other["spec"]["targets"] = json!([]);
    assert_eq!(refused(&other, &json!({}))[0].1, "a template has one target, and this one has 0");
}

#[test]
fn a_template_without_violation_or_with_a_reach_of_its_own_is_refused() {
    assert_eq!(
        refused(&template("package t\ndeny[1] { true }"), &json!({}))[0].1,
        "the template `Test` has no rule `violation`"
    );
    for rego in [
        "package t\nviolation[{\"msg\": \"\"}] { data.other.x }",
        "package t\nviolation[{\"msg\": \"\"}] { data[_] }",
        "package t\nviolation[{\"msg\": \"\"}] { x := data }",
        "package t\nimport data.other\nviolation[{\"msg\": \"\"}] { true }",
        "package t\nimport input.review\nviolation[{\"msg\": \"\"}] { true }",
    ] {
        let found = refused(&template(rego), &json!({}));
        assert!(found.len() == 1 && found[0].1.contains("a template may "), "{rego}: {found:?}");
    }
}

#[test]
fn the_review_is_gatekeepers() {
    let keys = "package t\nviolation[{\"msg\": msg}] { msg := sprintf(\"%v %v\", [input.review.operation, object.remove(input.review, [\"object\", \"oldObject\", \"operation\"])]) }";
    assert_eq!(
        say(keys, &json!({})),
        "deny Pod/shop/web [c]: CREATE {\"kind\": {\"group\": \"\", \"kind\": \"Pod\", \"version\": \"v1\"}, \
         \"name\": \"web\", \"namespace\": \"shop\", \"options\": null, \
         \"resource\": {\"group\": \"\", \"resource\": \"\", \"version\": \"\"}, \"uid\": \"\", \"userInfo\": {}}\n"
    );
    let namespace = "package t\nviolation[{\"msg\": msg}] { msg := input.review.namespaceObject.metadata.labels.env; input.review._unstable.namespace == input.review.namespaceObject }";
    assert_eq!(say(namespace, &json!({})), "deny Pod/shop/web [c]: prod\n");
}

#[test]
fn what_was_before_is_the_old_object_of_an_update() {
    let rego = "package t\nviolation[{\"msg\": msg}] { input.review.operation == \"UPDATE\"; msg := input.review.oldObject.metadata.labels.team }";
    let old = POD.replace("team: a", "team: b");
    let surroundings = testing::Surroundings { old: &old, ..testing::Surroundings::default() };
    let settings = resources(&[template(rego), constraint(&json!({}))]);
    assert_eq!(testing::check_in::<Rego>(&settings, POD, &surroundings), "deny Pod/shop/web [c]: b\n");
    assert_eq!(testing::check::<Rego>(&settings, POD), "");
}

#[test]
fn a_template_without_a_constraint_judges_everything() {
    assert_eq!(
        testing::check::<Rego>(&resources(&[template(SAYS_IT)]), POD),
        "deny Pod/shop/web [Test]: {}\n"
    );
}

#[test]
fn parameters_are_held_to_the_schema_and_get_its_defaults() {
    let mut strict = template(SAYS_IT);
    strict["spec"]["crd"]["spec"]["validation"]["openAPIV3Schema"] = json!({
        "type": "object",
        "required": ["names"],
        "properties": {
            "names": {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": "^\\w+$", "maxLength": 3}},
            "mode": {"type": "string", "enum": ["a", "b"], "default": "a"},
            "limit": {"x-kubernetes-int-or-string": true},
            "nested": {"type": "object", "properties": {"on": {"type": "boolean", "default": true}}},
            "map": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 2}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        },
    });
    assert_eq!(
        judge(
            &strict,
            &json!({"parameters": {"names": ["x"], "nested": {}, "limit": "5%", "free": {"y": 1}}})
        ),
        "deny Pod/shop/web [c]: {\"free\": {\"y\": 1}, \"limit\": \"5%\", \"mode\": \"a\", \"names\": [\"x\"], \"nested\": {\"on\": true}}\n"
    );
    let bad = json!({"parameters": {"names": ["a-b", "long", 3], "mode": "c", "limit": 1.5, "naems": [], "map": {"k": 1}}});
    let mut found = refused(&strict, &bad);
    found.sort();
    let expected = [
        ("", "the template has no parameter `naems`"),
        ("/limit", "the value is neither a whole number nor a text"),
        ("/map/k", "the value is less than it may be: 2 is the least"),
        ("/mode", "the value is none of \"a\", \"b\""),
        ("/names/0", "the value does not match `^\\w+$`"),
        ("/names/1", "the value has 4 characters, and may have 3"),
        ("/names/2", "the value is not of the type string"),
    ];
    let expected =
        expected.map(|(at, message)| (format!("/resources/1/spec/parameters{at}"), message.to_owned()));
    assert_eq!(found, expected);
    assert_eq!(refused(&strict, &json!({"parameters": {}}))[0].1, "the field `names` is required");
}

#[test]
fn schemas_have_types_unless_they_are_of_the_old_kind() {
    let mut untyped = template(SAYS_IT);
    untyped["spec"]["crd"]["spec"]["validation"] =
        json!({"openAPIV3Schema": {"properties": {"a": {"items": {"type": "strng"}}}}});
    let found = refused(&untyped, &json!({}));
    assert_eq!(
        found.iter().map(|(_, message)| message.as_str()).collect::<Vec<_>>(),
        [
            "the schema says no `type`",
            "the schema says no `type`",
            "there is no type \"strng\": it is one of object, array, string, integer, number, boolean",
        ]
    );
    untyped["spec"]["crd"]["spec"]["validation"] =
        json!({"legacySchema": true, "openAPIV3Schema": {"properties": {"a": {}}}});
    assert_eq!(
        judge(&untyped, &json!({"parameters": {"a": 1, "b": 2}})),
        "deny Pod/shop/web [c]: {\"a\": 1, \"b\": 2}\n"
    );
    let none = json!({"openAPIV3Schema": null});
    untyped["spec"]["crd"]["spec"]["validation"] = none;
    assert_eq!(refused(&untyped, &json!({"parameters": {"a": 1}}))[0].1, "the template takes no parameters");
}

#[test]
fn a_finding_points_where_the_details_say() {
    let rego = "package t\nviolation[{\"msg\": \"m\", \"details\": {\"pointer\": \"/metadata/name\"}}] { true }\nviolation[{\"msg\": \"n\", \"details\": {\"pointer\": \"name\"}}] { true }";
    assert_eq!(say(rego, &json!({})), "deny Pod/shop/web [c] /metadata/name: m\ndeny Pod/shop/web [c]: n\n");
}

#[test]
fn a_violation_without_a_message_and_an_error_deny_whatever_the_action_is() {
    let spec = json!({"enforcementAction": "dryrun"});
    let silent = "package t\nviolation[{\"message\": \"m\"}] { true }";
    assert_eq!(
        say(silent, &spec),
        "deny Pod/shop/web [c]: the rule gave a violation without a text in `msg`\n"
    );
    let failing = "package t\nviolation[{\"msg\": \"m\"}] { input.review.name + 1 == 2 }";
    assert_eq!(
        say(failing, &spec),
        "deny Pod/shop/web [c]: `Test` `c` can't be evaluated: Test, line 2, column 39: `add` expects numeric argument. Got `\"web\"` instead\n"
    );
}
