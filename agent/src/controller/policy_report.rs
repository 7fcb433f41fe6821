//! What the policies found in an applied set, as a `PolicyReport` of the
//! Kubernetes policy working group (`wgpolicyk8s.io/v1alpha2`), which
//! dashboards read.
//!
//! One for each Application, in its namespace and owned by it, so that it goes
//! with it.

use serde_json::{Map, Value, json};

use crate::api::Application;
use crate::gate::{Action, PolicyFailure, Verdict};
use crate::object::{Manifest, ObjectKey};

/// Findings of one report. A report is one object, and all of it is read at
/// once.
const MAX_RESULTS: usize = 500;

/// The longest name of an object.
const MAX_NAME: usize = 253;

/// A policy that gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoAnswer {
    pub(crate) gate: String,
    pub(crate) policy: String,
    pub(crate) message: String,
}

impl From<&PolicyFailure> for NoAnswer {
    fn from(failure: &PolicyFailure) -> Self {
        Self { gate: failure.gate.clone(), policy: failure.policy.clone(), message: failure.to_string() }
    }
}

/// The report on what is applied of an Application.
pub(crate) fn report(application: &Application, verdicts: &[Verdict], silent: &[NoAnswer]) -> Manifest {
    let name = application.metadata.name.clone().unwrap_or_default();
    let namespace = application.metadata.namespace.clone().unwrap_or_default();
    let api_version = format!("{}/{}", crate::api::GROUP, crate::api::VERSION);
    let mut results: Vec<Value> = silent.iter().map(unanswered).collect();
    results.extend(verdicts.iter().map(found));
    let count = |result: &str| results.iter().filter(|one| one["result"] == result).count();
    let summary = json!({
        "pass": 0,
        "fail": count("fail"),
        "warn": count("warn"),
        "error": count("error"),
        "skip": count("skip"),
    });
    results.truncate(MAX_RESULTS);
    let key = ObjectKey {
        group: "wgpolicyk8s.io".to_owned(),
        kind: "PolicyReport".to_owned(),
        namespace: Some(namespace.clone()),
        name: name_of(&name),
    };
    let scope = json!({
        "apiVersion": api_version,
        "kind": "Application",
        "namespace": namespace,
        "name": name,
    });
    let object = json!({
        "apiVersion": "wgpolicyk8s.io/v1alpha2",
        "kind": "PolicyReport",
        "metadata": {
            "name": key.name,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": "windlass"},
            "ownerReferences": [{
                "apiVersion": api_version,
                "kind": "Application",
                "name": name,
                "uid": application.metadata.uid,
            }],
        },
        "scope": scope,
        "results": results,
        "summary": summary,
    });
    Manifest { key, version: "v1alpha2".to_owned(), object, origin: None, changed_by: Vec::new() }
}

fn name_of(application: &str) -> String {
    let mut name = format!("windlass-{application}");
    if name.len() > MAX_NAME {
        let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(application));
        name.truncate(MAX_NAME - 9);
        let cut = name.trim_end_matches(['-', '.']).len();
        name.truncate(cut);
        name = format!("{name}-{}", &digest[..8]);
    }
    name
}

fn found(verdict: &Verdict) -> Value {
    let (result, severity) = match verdict.action {
        _ if verdict.is_excepted() => ("skip", "info"),
        Action::Deny => ("fail", "high"),
        Action::Warn => ("warn", "medium"),
        Action::Audit => ("warn", "info"),
    };
    let mut properties = Map::new();
    let mut property = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            properties.insert(name.to_owned(), value.into());
        }
    };
    property("gate", Some(verdict.gate.clone()));
    property("action", Some(verdict.action.to_string()));
    property("plugin", Some(verdict.plugin.to_string()));
    property("pointer", verdict.pointer.clone());
    property("file", verdict.origin.as_ref().map(|origin| origin.path.clone()));
    let line = verdict.origin.as_ref().and_then(|origin| origin.line);
    property("line", line.map(|line| line.to_string()));
    if let Some(exception) = &verdict.exception {
        property("exceptionReason", Some(exception.reason.clone()));
        property("exceptionExpires", Some(exception.expires.to_string()));
    }
    let mut resource = json!({"kind": verdict.object.kind, "name": verdict.object.name});
    if let Some(namespace) = &verdict.object.namespace {
        resource["namespace"] = namespace.as_str().into();
    }
    let mut result = json!({
        "source": "windlass",
        "policy": verdict.policy,
        "result": result,
        "severity": severity,
        "message": verdict.message,
        "resources": [resource],
        "properties": properties,
    });
    if let Some(rule) = &verdict.rule {
        result["rule"] = rule.as_str().into();
    }
    result
}

fn unanswered(silent: &NoAnswer) -> Value {
    json!({
        "source": "windlass",
        "policy": silent.policy,
        "result": "error",
        "severity": "high",
        "message": silent.message,
        "properties": {"gate": silent.gate},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_and_stays_its_own() {
        let long = |end: &str| format!("{}{end}", "a".repeat(250));
        let (one, other) = (name_of(&long("b")), name_of(&long("c")));
        assert!(one.len() <= MAX_NAME && other.len() <= MAX_NAME && one != other, "{one}\n{other}");
        assert_eq!(name_of("web"), "windlass-web");
    }

    #[test]
    fn a_policy_without_an_answer_is_an_error_and_findings_are_cut_but_counted() {
        let silent = NoAnswer { gate: "g".to_owned(), policy: "p".to_owned(), message: "broke".to_owned() };
        let silent = vec![silent; MAX_RESULTS + 1];
        let application = Application::new(
            "web",
            serde_json::from_value(json!({"repository": {"name": "r"}, "path": "."})).unwrap(),
        );
        let report = report(&application, &[], &silent);
        assert_eq!(report.object["results"].as_array().unwrap().len(), MAX_RESULTS);
        assert_eq!(report.object["summary"]["error"], MAX_RESULTS + 1);
        assert_eq!(report.object["results"][0]["message"], "broke");
    }
}
