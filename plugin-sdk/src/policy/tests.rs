use serde::Deserialize;

use super::*;
use crate::testing;

/// Denies an object whose name another one has, and one that shrinks.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneOfEach {}

impl BatchPolicy for OneOfEach {
    fn check_batch(&self, subjects: &[Subject], cluster: &Cluster, findings: &mut BatchFindings) {
        let all = ["v1/ConfigMap", "v1/Secret"].map(|kind| cluster.objects(kind));
        for (index, subject) in subjects.iter().enumerate() {
            let object = subject.object();
            let named =
                |found: &Found<Object>| found.objects.iter().filter(|o| o.name() == object.name()).count();
            if all.iter().map(named).sum::<usize>() > 1 {
                findings.on(index).deny("", format!("`{}` stands twice", object.name()));
            }
            if !all[0].complete {
                let message = "the cluster's are not known".to_owned();
                let action = Some(Action::Warn);
                findings.on(index).push(Finding { message, pointer: None, rule: None, action });
            }
            let size = |object: &Object| object.fields("/data").map_or(0, serde_json::Map::len);
            if subject.old().is_some_and(|old| size(&old) > size(&object)) {
                findings.on(index).deny("/data", "has less than before");
            }
        }
    }
}

crate::export_policy!(
    OneOfEach,
    name: "one-of-each",
    matches: ["v1/ConfigMap"],
    reads: ["v1/ConfigMap", "v1/Secret"],
    old: true,
    resources: ["example.com/Names"],
    modules: ["names"],
    schema: r#"{"type": "object"}"#,
);

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
fn a_batch_policy_compares_with_the_set_the_cluster_and_what_was_before() {
    assert_eq!(
        testing::check::<OneOfEach>("", OBJECTS),
        "deny ConfigMap/a: `a` stands twice\nwarn ConfigMap/a: the cluster's are not known\n"
    );
    let alone = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}";
    let around = |old, cluster| {
        testing::check_in::<OneOfEach>("", alone, &testing::Surroundings { old, cluster: Some(cluster) })
    };
    assert_eq!(around("", alone), "");
    assert_eq!(
        around("", "{apiVersion: v1, kind: Secret, metadata: {name: a}}"),
        "deny ConfigMap/a: `a` stands twice\n"
    );
    let old = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a: b}}";
    assert_eq!(around(old, ""), "deny ConfigMap/a /data: has less than before\n");
}

fn judged(policy: &Never, objects: &[&str]) -> Vec<Vec<Finding>> {
    let subjects: Vec<_> = objects.iter().map(|json| Subject::new(json.as_bytes().to_vec(), None)).collect();
    judge(policy, &subjects, &Cluster::of(Vec::new(), true))
}

#[test]
fn each_object_gets_one_verdict_in_order() {
    let objects = ["x", "y"].map(|name| format!(r#"{{"metadata": {{"name": "{name}"}}}}"#));
    let verdicts = judged(&Never::default(), &[&objects[0], &objects[1]]);
    let pointers: Vec<_> = verdicts.iter().map(|verdict| verdict[0].pointer.as_deref().unwrap()).collect();
    assert_eq!(pointers, ["/metadata/name/x", "/metadata/name/y"]);
    assert_eq!(judged(&Never::default(), &[]).len(), 0);
}

#[test]
fn a_finding_on_the_whole_object_has_no_pointer_and_names_its_rule() {
    let policy = Never { rule: Some("r".to_owned()) };
    let verdicts = judged(&policy, &["{}"]);
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
        "matches": ["v1/ConfigMap"],
        "reads": ["v1/ConfigMap", "v1/Secret"],
        "old": true,
        "resources": ["example.com/Names"],
        "modules": ["names"],
        "detects": [],
        "configSchema": {"type": "object"},
    });
    assert_eq!(manifest, expected);
    assert_eq!(testing::manifest::<Never>()["name"], "sdk");
}
