use std::io::Write as _;

use serde_json::{Value, json};

use super::*;
use crate::gate::testing::nothing;

fn file(content: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file
}

const BASELINE: &str = "\
---
apiVersion: windlass.dev/v1alpha1
kind: Gate
metadata: {name: baseline}
spec:
  selector: {namespaces: [prod], kinds: [apps/*]}
  policies:
    - plugin: cel
      name: replicas
      config: {rules: []}
    - {plugin: pinned-images, action: Warn}
";

fn gates(placed: &[Placed]) -> Vec<Gate> {
    placed.iter().map(|placed| placed.gate.clone()).collect()
}

#[test]
fn gates_are_read_as_the_cluster_would_read_them() {
    let file = file(BASELINE);
    let policy = |name: Option<&str>, plugin: &str, config, action| GatePolicy {
        name: name.map(ToOwned::to_owned),
        plugin: plugin.to_owned(),
        config,
        action,
        grants: Vec::new(),
    };
    let expected = Gate {
        name: "baseline".to_owned(),
        namespaces: vec!["prod".to_owned()],
        applications: Vec::new(),
        kinds: vec!["apps/*".to_owned()],
        policies: vec![
            policy(Some("replicas"), "cel", json!({"rules": []}), Action::Deny),
            policy(None, "pinned-images", Value::Null, Action::Warn),
        ],
        ..nothing("baseline")
    };
    let placed = from_path(file.path()).unwrap();
    assert_eq!(gates(&placed), [expected]);
    let (origin, column) = placed[0].written[0].find("/rules", None).unwrap();
    assert_eq!((origin.line, column), (Some(10), Some(16)));
    assert_eq!(placed[0].written.len(), 2);
}

#[test]
fn what_is_no_gate_is_refused_with_its_place() {
    let problem = |content: &str| {
        let file = file(content);
        let error = format!("{:#}", from_path(file.path()).err().unwrap());
        error.replace(&file.path().display().to_string(), "FILE")
    };
    assert_eq!(
        problem("apiVersion: v1\nkind: Pod\n"),
        "FILE:1:1: this is `v1` `Pod`, not `windlass.dev/v1alpha1` `Gate`"
    );
    assert_eq!(problem("# nothing\n"), "FILE holds no Gate");
    assert_eq!(
        problem(
            "apiVersion: windlass.dev/v1alpha1\nkind: Gate\nmetadata: {name: a}\nspec:\n  policies: []\n  \
             selector: {aplications: [web]}\n"
        ),
        "FILE:6:14: `spec.selector.aplications` is no field; the fields are `applicationSelector`, \
         `applications`, `kinds`, `namespaceSelector`, `namespaces`"
    );
    assert!(problem("a: b\nc: [\n").starts_with("FILE:"), "{}", problem("a: b\nc: [\n"));
    assert_eq!(
        problem("apiVersion: windlass.dev/v1alpha1\nkind: Gate\nmetadata: {name: a}\nspec: {}\n"),
        "FILE:1:1: read the Gate: missing field `policies`"
    );
}

#[test]
fn a_folder_of_gates_may_hold_other_things() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("in")).unwrap();
    std::fs::write(folder.path().join("in/gate.yaml"), BASELINE).unwrap();
    std::fs::write(folder.path().join("pod.yaml"), "kind: Pod\n").unwrap();
    let placed = from_path(folder.path()).unwrap();
    assert_eq!(placed[0].place, format!("{}:2:1", folder.path().join("in/gate.yaml").display()));
    std::fs::remove_file(folder.path().join("in/gate.yaml")).unwrap();
    assert!(from_path(folder.path()).err().unwrap().to_string().ends_with("holds no Gate"));
}

#[test]
fn policies_of_the_command_line_deny() {
    let sourced =
        |plugin: &str, config| Sourced { plugin: plugin.to_owned(), config, written: Written::default() };
    let placed = from_policies(vec![sourced("a", Value::Null), sourced("b", json!({"c": 1}))]).unwrap();
    let policies = &placed.gate.policies;
    let configs: Vec<_> = policies.iter().map(|p| (p.plugin.as_str(), &p.config, p.action)).collect();
    assert_eq!(configs, [("a", &Value::Null, Action::Deny), ("b", &json!({"c": 1}), Action::Deny)]);
    assert!(from_policies(Vec::new()).is_none());
}

#[test]
fn a_gate_in_a_file_stands_for_the_one_of_its_name_in_the_cluster() {
    let placed = |name: &str, namespace: &str| Placed {
        gate: Gate { namespaces: vec![namespace.to_owned()], ..nothing(name) },
        place: "f".to_owned(),
        is_of_cluster: false,
        written: Vec::new(),
    };
    let kept = settled(
        vec![placed("a", "x"), placed("a", "x"), placed("a", "y")],
        vec![placed("a", "z"), placed("b", "z")],
    );
    let kept: Vec<_> =
        kept.iter().map(|one| format!("{} {}", one.gate.name, one.gate.namespaces[0])).collect();
    assert_eq!(kept, ["a x", "a y", "b z"]);
}
