use std::collections::BTreeSet;

use serde::Deserialize;

use super::*;
use crate::testing;

/// Denies the second object of a name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneOfEach {}

impl SetPolicy for OneOfEach {
    fn check_set(&self, objects: &[Object], findings: &mut SetFindings) {
        let mut names = BTreeSet::new();
        for (index, object) in objects.iter().enumerate() {
            if !names.insert(object.name()) {
                findings.on(index).deny("", format!("`{}` stands twice", object.name()));
            }
        }
    }
}

crate::export_policy!(OneOfEach, name: "one-of-each", matches: ["v1/ConfigMap", "v1/Secret"], schema: r#"{"type": "object"}"#);

/// Denies everything.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Never {
    rule: Option<String>,
}

impl Policy for Never {
    fn check(&self, object: &Object, findings: &mut Findings) {
        findings.deny(format!("/metadata/name/{}", object.name()), "never");
        if let Some(rule) = &self.rule {
            findings.deny_by(rule, "", "by a rule");
        }
    }
}

crate::export_policy!(Never, matches: ["*"],);

const OBJECTS: &str = "
{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a}}
---
{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: shop}}
";

#[test]
fn a_set_policy_compares_what_it_matches() {
    assert_eq!(testing::check::<OneOfEach>("", OBJECTS), "deny Secret/shop/a: `a` stands twice\n");
}

#[test]
fn each_object_gets_one_verdict_in_order() {
    let objects: Vec<Vec<u8>> =
        ["x", "y"].map(|name| format!(r#"{{"metadata": {{"name": "{name}"}}}}"#).into_bytes()).into();
    let verdicts = evaluate(&Never::default(), &objects);
    let pointers: Vec<_> = verdicts.iter().map(|verdict| verdict[0].pointer.as_deref().unwrap()).collect();
    assert_eq!(pointers, ["/metadata/name/x", "/metadata/name/y"]);
    assert_eq!(evaluate(&Never::default(), &[]).len(), 0);
}

#[test]
fn a_finding_on_the_whole_object_has_no_pointer_and_names_its_rule() {
    let policy = Never { rule: Some("r".to_owned()) };
    let verdicts = evaluate(&policy, &[b"{}".to_vec()]);
    assert_eq!((verdicts[0][1].pointer.as_deref(), verdicts[0][1].rule.as_deref()), (None, Some("r")));
}

#[test]
fn settings_are_given_or_empty_or_refused() {
    assert_eq!(testing::check::<Never>("", OBJECTS).lines().count(), 3);
    assert_eq!(testing::check::<Never>("rule: r", OBJECTS).lines().count(), 6);
    assert_eq!(
        testing::check::<Never>("rool: r", OBJECTS),
        "error bad settings: unknown field `rool`, expected `rule`\n"
    );
}

#[test]
fn the_manifest_holds_what_the_macro_was_given() {
    let manifest = testing::manifest::<OneOfEach>();
    let expected = serde_json::json!({
        "name": "one-of-each",
        "version": env!("CARGO_PKG_VERSION"),
        "world": "policy",
        "matches": ["v1/ConfigMap", "v1/Secret"],
        "detects": [],
        "configSchema": {"type": "object"},
    });
    assert_eq!(manifest, expected);
    assert_eq!(testing::manifest::<Never>()["name"], "sdk");
}
