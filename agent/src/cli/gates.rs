//! The gates of `windlass check`: from files of Gate resources, and from the
//! command line.

use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

use super::{fields, settings};
use crate::api;
use crate::gate::{Action, Gate, GatePolicy, OnFailure};

/// The name of the gate of policies that are given on the command line.
const COMMAND_LINE: &str = "command-line";

/// The Gates in a file of one or more documents.
pub(super) fn from_file(path: &Path) -> anyhow::Result<Vec<Gate>> {
    let shown = path.display().to_string();
    let crd = fields::definition("Gate")?;
    let mut gates = Vec::new();
    for (index, document) in settings::documents(path)?.into_iter().enumerate() {
        let wanted = format!("{}/{}", api::GROUP, api::VERSION);
        anyhow::ensure!(
            document.text("kind") == Some("Gate") && document.text("apiVersion") == Some(&wanted),
            "{shown}: document {} is {}, not `{wanted}` `Gate`",
            index + 1,
            document.described()
        );
        fields::check_resource(&crd, &document.content).map_err(|misfit| document.misfit(&misfit))?;
        let gate: api::Gate = serde_json::from_value(document.content)
            .with_context(|| format!("{shown}: read the Gate in document {}", index + 1))?;
        gates.push(Gate::from(&gate));
    }
    anyhow::ensure!(!gates.is_empty(), "{shown} holds no Gate");
    Ok(gates)
}

/// A gate that denies by the policies of `--policy PLUGIN[=SETTINGS]`.
pub(super) fn from_policies(policies: &[String]) -> anyhow::Result<Option<Gate>> {
    if policies.is_empty() {
        return Ok(None);
    }
    let policy = |typed: &String| -> anyhow::Result<GatePolicy> {
        let (plugin, config) = match typed.split_once('=') {
            Some((plugin, settings)) => (plugin, settings::read(settings)?),
            None => (typed.as_str(), Value::Null),
        };
        Ok(GatePolicy {
            name: None,
            plugin: plugin.to_owned(),
            config,
            action: Action::Deny,
            grants: Vec::new(),
        })
    };
    Ok(Some(Gate {
        name: COMMAND_LINE.to_owned(),
        namespaces: Vec::new(),
        applications: Vec::new(),
        kinds: Vec::new(),
        policies: policies.iter().map(policy).collect::<Result<_, _>>()?,
        namespace_labels: None,
        application_labels: None,
        on_failure: OnFailure::Refuse,
        exceptions: Vec::new(),
        unread: None,
    }))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use serde_json::json;

    use super::*;
    use crate::gate::testing::nothing;

    fn file(content: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        file
    }

    #[test]
    fn gates_are_read_as_the_cluster_would_read_them() {
        let file = file(
            "\
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
",
        );
        let gates = from_file(file.path()).unwrap();
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
        assert_eq!(gates, [expected]);
    }

    #[test]
    fn what_is_no_gate_is_refused_with_its_place() {
        let problem = |content: &str| {
            let file = file(content);
            let error = format!("{:#}", from_file(file.path()).unwrap_err());
            error.replace(&file.path().display().to_string(), "FILE")
        };
        assert_eq!(
            problem("apiVersion: v1\nkind: Pod\n"),
            "FILE: document 1 is `v1` `Pod`, not `windlass.dev/v1alpha1` `Gate`"
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
            "FILE: read the Gate in document 1: missing field `policies`"
        );
    }

    #[test]
    fn policies_of_the_command_line_deny() {
        let gate = from_policies(&["a".to_owned(), "b={\"c\": 1}".to_owned()]).unwrap().unwrap();
        let configs: Vec<_> =
            gate.policies.iter().map(|p| (p.plugin.as_str(), &p.config, p.action)).collect();
        assert_eq!(configs, [("a", &Value::Null, Action::Deny), ("b", &json!({"c": 1}), Action::Deny)]);
        assert_eq!(from_policies(&[]).unwrap(), None);
    }
}
