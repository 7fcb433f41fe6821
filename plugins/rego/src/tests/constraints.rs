//! Constraints: which objects they are about, and what they ask for.

use serde_json::{Value, json};
use windlass_plugin_sdk::testing::{self, Surroundings};

use super::{NAMESPACE, POD, constraint, refusals, resources, say, template};
use crate::Rego;

const ALWAYS: &str = "package t\nviolation[{\"msg\": \"m\"}] { true }";

/// Whether a match is about the Pod of the tests.
fn matches(matching: &Value) -> bool {
    match say(ALWAYS, &json!({"match": matching})).as_str() {
        "" => false,
        "deny Pod/shop/web [c]: m\n" => true,
        other => panic!("{matching}: {other}"),
    }
}

#[test]
fn a_match_is_about_what_all_of_it_names() {
    for (matching, about) in [
        (json!({}), true),
        (json!({"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}]}), true),
        (json!({"kinds": [{"apiGroups": ["apps"], "kinds": ["Pod"]}]}), false),
        (json!({"kinds": [{"kinds": ["Service"]}, {"apiGroups": ["*"], "kinds": ["*"]}]}), true),
        (json!({"kinds": [{"apiGroups": [""]}]}), true),
        (json!({"scope": "Namespaced"}), true),
        (json!({"scope": "Cluster"}), false),
        (json!({"scope": "*"}), true),
        (json!({"namespaces": ["shop"]}), true),
        (json!({"namespaces": ["sh*"]}), true),
        (json!({"namespaces": ["*op"]}), true),
        (json!({"namespaces": ["*ho*"]}), true),
        (json!({"namespaces": ["shops"]}), false),
        (json!({"excludedNamespaces": ["sh*"]}), false),
        (json!({"namespaces": ["shop"], "excludedNamespaces": ["kube-*"]}), true),
        (json!({"name": "w*"}), true),
        (json!({"name": "x*"}), false),
        (json!({"source": "Original"}), true),
        (json!({"source": "Generated"}), false),
        (json!({"labelSelector": {"matchLabels": {"team": "a"}}}), true),
        (json!({"labelSelector": {"matchLabels": {"team": "b"}}}), false),
        (
            json!({"labelSelector": {"matchExpressions": [{"key": "team", "operator": "In", "values": ["a", "b"]}]}}),
            true,
        ),
        (
            json!({"labelSelector": {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["a"]}]}}),
            false,
        ),
        (
            json!({"labelSelector": {"matchExpressions": [{"key": "none", "operator": "NotIn", "values": ["a"]}]}}),
            true,
        ),
        (json!({"labelSelector": {"matchExpressions": [{"key": "team", "operator": "Exists"}]}}), true),
        (
            json!({"labelSelector": {"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}}),
            false,
        ),
        (json!({"namespaceSelector": {"matchLabels": {"env": "prod"}}}), true),
        (json!({"namespaceSelector": {"matchLabels": {"env": "dev"}}}), false),
        (json!({"namespaceSelector": {}, "labelSelector": null}), true),
    ] {
        assert_eq!(matches(&matching), about, "{matching}");
    }
}

#[test]
fn a_namespace_is_matched_by_its_own_name_and_labels() {
    for (matching, about) in [
        (json!({"namespaces": ["shop"]}), true),
        (json!({"excludedNamespaces": ["shop"]}), false),
        (json!({"namespaceSelector": {"matchLabels": {"env": "dev"}}}), false),
        (json!({"scope": "Cluster"}), true),
        (json!({"scope": "Namespaced"}), false),
    ] {
        let settings = resources(&[template(ALWAYS), constraint(&json!({"match": matching}))]);
        assert_eq!(!testing::check::<Rego>(&settings, NAMESPACE).is_empty(), about, "{matching}");
    }
}

#[test]
fn an_object_that_was_matched_before_still_is() {
    let spec = json!({"match": {"labelSelector": {"matchLabels": {"team": "b"}}}});
    let old = POD.replace("team: a", "team: b");
    let surroundings = Surroundings { old: &old, ..Surroundings::default() };
    let settings = resources(&[template(ALWAYS), constraint(&spec)]);
    assert_eq!(testing::check_in::<Rego>(&settings, POD, &surroundings), "deny Pod/shop/web [c]: m\n");
}

#[test]
fn labels_of_a_namespace_that_is_not_known_deny() {
    let spec = json!({"match": {"namespaceSelector": {"matchLabels": {"env": "dev"}}}});
    let settings = resources(&[template(ALWAYS), constraint(&spec)]);
    assert_eq!(
        testing::check::<Rego>(&settings, POD),
        "deny Pod/shop/web [c]: `Test` `c` can't be evaluated: it asks for the labels of the namespace `shop`, which is not in the set: grant `v1/Namespace`\n"
    );
    let empty = Surroundings { cluster: Some(""), ..Surroundings::default() };
    assert!(testing::check_in::<Rego>(&settings, POD, &empty).contains("there is no namespace `shop`"));
    // The set may bring it along.
    assert_eq!(testing::check::<Rego>(&settings, &format!("{POD}\n---\n{NAMESPACE}")), "");
}

#[test]
fn actions_ask_for_no_more_than_they_say() {
    let scoped = |action: &str, point: &str| json!({"enforcementAction": "scoped", "scopedEnforcementActions": [{"action": action, "enforcementPoints": [{"name": point}]}]});
    for (spec, action) in [
        (json!({}), "deny"),
        (json!({"enforcementAction": "deny"}), "deny"),
        (json!({"enforcementAction": "warn"}), "warn"),
        (json!({"enforcementAction": "dryrun"}), "audit"),
        (scoped("deny", "*"), "deny"),
        (scoped("deny", "vap.k8s.io"), "deny"),
        (scoped("warn", "validation.gatekeeper.sh"), "warn"),
        (scoped("dryrun", "validation.gatekeeper.sh"), "audit"),
        (scoped("deny", "audit.gatekeeper.sh"), "audit"),
    ] {
        assert_eq!(say(ALWAYS, &spec), format!("{action} Pod/shop/web [c]: m\n"), "{spec}");
    }
}

#[test]
fn what_a_constraint_can_not_mean_is_refused_where_it_stands() {
    for (spec, pointer) in [
        (json!({"enforcementAction": "block"}), "/enforcementAction"),
        (json!({"enforcementAction": 1}), "/enforcementAction"),
        (json!({"enforcementAction": "scoped"}), "/scopedEnforcementActions"),
        (
            json!({"enforcementAction": "scoped", "scopedEnforcementActions": [{"action": "deny"}]}),
            "/scopedEnforcementActions/0",
        ),
        (json!({"matches": {}}), ""),
        (json!({"match": []}), "/match"),
        (json!({"match": {"kind": []}}), "/match/kind"),
        (json!({"match": {"kinds": [{"kind": ["Pod"]}]}}), "/match/kinds/0"),
        (json!({"match": {"kinds": [{"kinds": "Pod"}]}}), "/match/kinds/0/kinds"),
        (json!({"match": {"scope": "cluster"}}), "/match/scope"),
        (json!({"match": {"namespaces": ["a*b"]}}), "/match/namespaces/0"),
        (json!({"match": {"source": "Any"}}), "/match/source"),
        (json!({"match": {"labelSelector": {"matchLabel": {}}}}), "/match/labelSelector"),
        (json!({"match": {"labelSelector": {"matchLabels": {"a": 1}}}}), "/match/labelSelector/matchLabels"),
        (
            json!({"match": {"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "Is"}]}}}),
            "/match/namespaceSelector/matchExpressions/0/operator",
        ),
        (
            json!({"match": {"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}}),
            "/match/namespaceSelector/matchExpressions/0",
        ),
    ] {
        let found = refusals(&json!({"resources": [template(ALWAYS), constraint(&spec)]}));
        assert_eq!(found.len(), 1, "{spec}: {found:?}");
        assert_eq!(found[0].0, format!("/resources/1/spec{pointer}"), "{spec}");
    }
}

#[test]
fn constraints_and_templates_belong_together_once() {
    let with = |resources: Value| {
        let found = refusals(&json!({"resources": resources}));
        found.into_iter().map(|(pointer, _, message)| format!("{pointer}: {message}")).collect::<Vec<_>>()
    };
    let one = constraint(&json!({}));
    assert_eq!(with(json!([one])), ["/resources/0/kind: there is no template for the kind `Test`"]);
    assert_eq!(
        with(json!([one, template(ALWAYS), one])),
        ["/resources/2: there are two constraints `c` of the kind `Test`"]
    );
    assert_eq!(
        with(json!([template(ALWAYS), template(ALWAYS)])),
        ["/resources/1: there are two templates for the kind `Test`"]
    );
    assert_eq!(
        with(
            json!([{"apiVersion": "v1", "kind": "Pod"}, {"apiVersion": "templates.gatekeeper.sh/v9", "kind": "ConstraintTemplate"}])
        ),
        [
            "/resources/0: `v1` `Pod` is neither a template nor a constraint of Gatekeeper",
            "/resources/1: a `ConstraintTemplate` of the version `v9` is not known here"
        ]
    );
}
