//! Modules in the manner of conftest.

use serde_json::json;
use windlass_plugin_sdk::testing;

use super::POD;
use crate::Rego;

fn judge(text: &str) -> String {
    testing::check::<Rego>(&json!({"modules": {"a.rego": text}}).to_string(), POD)
}

#[test]
fn rules_judge_by_their_names() {
    let text = "
package main
deny contains \"a\" if input.kind == \"Pod\"
deny_second contains {\"msg\": \"b\", \"pointer\": \"/metadata/labels\"}
violation contains {\"msg\": \"c\", \"details\": {\"x\": 1}}
warn_third contains \"d\"
denying contains \"never\"
deny_x-y := 1
";
    let text = text.replace("deny_x-y := 1\n", "");
    assert_eq!(
        judge(&text),
        "deny Pod/shop/web [main.deny]: a\n\
         deny Pod/shop/web [main.deny_second] /metadata/labels: b\n\
         deny Pod/shop/web [main.violation]: c\n\
         warn Pod/shop/web [main.warn_third]: d\n"
    );
}

#[test]
fn what_says_nothing_clearly_denies() {
    for (rule, said) in [
        ("deny := true", "the rule gave a boolean, not a set of messages"),
        ("warn := \"text\"", "the rule gave a text, not a set of messages"),
        ("deny contains 7", "the rule gave a number, which says nothing"),
        ("warn contains {\"message\": \"x\"}", "the rule gave a violation without a text in `msg`"),
    ] {
        let name = rule.split(' ').next().unwrap();
        assert_eq!(
            judge(&format!("package main\n{rule}")),
            format!("deny Pod/shop/web [main.{name}]: {said}\n")
        );
    }
    assert_eq!(judge("package main\ndeny := false"), "");
    assert_eq!(judge("package main\ndeny contains \"x\" if input.nothing"), "");
}

#[test]
fn an_error_while_evaluating_denies_and_says_where() {
    let text = "package main\nwarn contains msg if { msg := input.kind * 2 }";
    assert_eq!(
        judge(text),
        "deny Pod/shop/web [main.warn]: can't be evaluated: a.rego, line 2, column 36: `mul` expects numeric argument. Got `\"Pod\"` instead\n"
    );
    let conflict = "package main\nx := 1\nx := 2\ndeny contains \"x\" if x == 3";
    assert!(judge(conflict).contains("can't be evaluated: a.rego, line 3"), "{}", judge(conflict));
}

#[test]
fn an_error_on_a_secret_does_not_show_its_values() {
    let secret = "{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {key: hunter2}}";
    let module = "package main\ndeny contains msg if { msg := input.data.key * 2 }";
    let said = testing::check::<Rego>(&json!({"modules": {"a.rego": module}}).to_string(), secret);
    assert_eq!(said, "deny Secret/s [main.deny]: can't be evaluated: a.rego, line 2, column 41\n");
}

#[test]
fn modules_are_compiled_together_with_their_data_and_tests_are_left_out() {
    let settings = json!({
        "modules": {
            "policy/lib.rego": "package lib.names\nis_bad(name) if name in data.bad",
            "policy/main.rego": "package team.checks\nimport data.lib.names\ndeny contains \"bad\" if names.is_bad(input.metadata.name)",
            "policy/main_test.rego": "package team.checks\ntest_it if http.send({})",
        },
        "namespaces": ["team.checks"],
        "data": {"bad": ["web"]},
    });
    let said = testing::check::<Rego>(&settings.to_string(), POD);
    assert_eq!(said, "deny Pod/shop/web [team.checks.deny]: bad\n");
}

#[test]
fn every_package_judges_where_all_are_asked_for() {
    let modules =
        json!({"a.rego": "package a\ndeny contains \"a\"", "b.rego": "package b.c\nwarn contains \"b\""});
    let settings = json!({"modules": modules, "namespaces": ["*"]});
    assert_eq!(
        testing::check::<Rego>(&settings.to_string(), POD),
        "deny Pod/shop/web [a.deny]: a\nwarn Pod/shop/web [b.c.warn]: b\n"
    );
}

#[test]
fn findings_and_messages_have_a_limit() {
    let many = judge(
        "package main\nwarn contains msg if { some n in numbers.range(1, 150); msg := sprintf(\"%03d\", [n]) }",
    );
    assert_eq!(many.lines().count(), 101);
    assert!(many.ends_with("warn Pod/shop/web [main.warn]: and 50 more\n"), "{many}");
    let long = judge("package main\ndeny contains sprintf(\"%5000d\", [1])");
    assert_eq!(long.len(), "deny Pod/shop/web [main.deny]: …\n".len() + 4096);
}

#[test]
fn one_object_leaves_nothing_behind_for_the_next() {
    let module = "package main\ndeny contains msg if { msg := input.metadata.labels.team }";
    let settings = json!({"modules": {"a.rego": module}}).to_string();
    let other = "{apiVersion: v1, kind: Pod, metadata: {name: bare}}";
    let said = testing::check::<Rego>(&settings, &format!("{POD}\n---\n{other}\n---\n{POD}"));
    assert_eq!(said, "deny Pod/shop/web [main.deny]: a\ndeny Pod/shop/web [main.deny]: a\n");
}

#[test]
fn the_manifest_says_what_the_host_needs() {
    let manifest = testing::manifest::<Rego>();
    assert_eq!(manifest["name"], "rego");
    assert_eq!(manifest["matches"], json!(["*"]));
    assert_eq!(manifest["reads"], json!(["*"]));
    assert_eq!(manifest["old"], true);
    let text = manifest.to_string();
    for source in ["templates.gatekeeper.sh/ConstraintTemplate", "constraints.gatekeeper.sh/*", "\"rego\""] {
        assert!(text.contains(source), "{source} in {text}");
    }
}
