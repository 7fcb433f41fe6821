//! `data.inventory`: the set, and what the Gate grants of the cluster.

use serde_json::{Value, json};
use windlass_plugin_sdk::testing::{self, Surroundings};

use super::{POD, constraint, template};
use crate::Rego;

const OTHERS: &str = "package t
violation[{\"msg\": msg}] {
  other := data.inventory.namespace[namespace][\"v1\"].Pod[name]
  name != input.review.name
  msg := sprintf(\"%v/%v of %v\", [namespace, name, other.kind])
}";

/// An annotation as Gatekeeper's library has it: the quotes do not belong to
/// the JSON.
const SYNC_DATA: &str = r#""[
  [{"groups": ["networking.k8s.io"], "versions": ["v1"], "kinds": ["Ingress"]}]
]"
"#;

fn judge(rego: &str, inventory: Option<&str>, cluster: Option<&str>, objects: &str) -> String {
    judge_by(&template(rego), inventory, cluster, objects)
}

fn judge_by(template: &Value, inventory: Option<&str>, cluster: Option<&str>, objects: &str) -> String {
    let mut settings = json!({"resources": [template, constraint(&json!({"match": {"name": "web"}}))]});
    if let Some(inventory) = inventory {
        settings["inventory"] = json!(inventory);
    }
    testing::check_in::<Rego>(
        &settings.to_string(),
        objects,
        &Surroundings { cluster, ..Surroundings::default() },
    )
}

fn pod(name: &str, namespace: &str) -> String {
    format!("{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: {namespace}}}}}")
}

#[test]
fn the_inventory_holds_the_set_and_the_cluster() {
    let objects = format!("{POD}\n---\n{}", pod("own", "shop"));
    let cluster = format!("{}\n---\n{}", pod("far", "lab"), pod("own", "shop"));
    assert_eq!(
        judge(OTHERS, None, Some(&cluster), &objects),
        "deny Pod/shop/web [c]: lab/far of Pod\ndeny Pod/shop/web [c]: shop/own of Pod\n"
    );
}

#[test]
fn what_is_not_granted_denies_unless_less_is_asked_for() {
    let objects = format!("{POD}\n---\n{}", pod("own", "shop"));
    assert_eq!(
        judge(OTHERS, None, None, &objects),
        "deny Pod/shop/web [c]: `Test` `c` can't be evaluated: it reads `v1/Pod` of `data.inventory`, and the Gate does not grant them: \
         grant them, or set `inventory: available` to compare with what there is\n"
    );
    assert_eq!(judge(OTHERS, Some("available"), None, &objects), "deny Pod/shop/web [c]: shop/own of Pod\n");
}

#[test]
fn a_template_asks_for_the_kinds_that_it_reads() {
    for (reference, annotation, kind) in [
        (
            "cluster[\"rbac.authorization.k8s.io/v1\"].ClusterRole[_]",
            None,
            "rbac.authorization.k8s.io/ClusterRole",
        ),
        ("namespace[_][version].Ingress[_]", None, "networking.k8s.io/Ingress"),
        ("namespace[_][version].Widget[_]", None, "*/Widget"),
        ("namespace[_][\"apps/v1\"][kind][_]", None, "apps/*"),
        ("namespace[_][_][_][_]", None, "*"),
        ("namespace[_][version].Ingress[_]", Some(SYNC_DATA), "networking.k8s.io/Ingress"),
    ] {
        let mut template =
            template(&format!("package t\nviolation[{{\"msg\": \"m\"}}] {{ data.inventory.{reference} }}"));
        if let Some(annotation) = annotation {
            template["metadata"]["annotations"] =
                json!({"metadata.gatekeeper.sh/requires-sync-data": annotation});
        }
        let said = judge_by(&template, None, None, POD);
        assert!(said.contains(&format!("it reads `{kind}` of `data.inventory`")), "{reference}: {said}");
    }
}

#[test]
fn objects_of_the_cluster_stand_apart() {
    let rego = "package t
violation[{\"msg\": msg}] { msg := concat(\",\", object.keys(data.inventory.cluster[\"v1\"].Namespace)) }";
    let cluster = "{apiVersion: v1, kind: Namespace, metadata: {name: b}}\n---\n{apiVersion: v1, kind: Namespace, metadata: {name: a}}";
    assert_eq!(judge(rego, None, Some(cluster), POD), "deny Pod/shop/web [c]: a,b\n");
}

#[test]
fn a_library_may_read_the_inventory_too() {
    let mut template =
        template("package t\nimport data.lib.others\nviolation[{\"msg\": name}] { others.names[name] }");
    template["spec"]["targets"][0]["libs"] =
        json!(["package lib.others\nnames[name] { data.inventory.namespace[_][\"v1\"].Pod[name] }"]);
    assert_eq!(judge_by(&template, None, Some(""), POD), "deny Pod/shop/web [c]: web\n");
}
