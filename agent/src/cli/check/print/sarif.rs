//! For code scanning: a log of SARIF 2.1.0.
//!
//! Every rule of every policy is a rule; a finding is a result at its file and
//! line, with its object as the logical place. What an exception or the
//! baseline lets pass is suppressed, not left out.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::report::{ApplicationName, Findings, Report, Reported, Weight};
use crate::diagnostic::{Diagnostic, Severity, escape};
use crate::object::Origin;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The rule of what is wrong before any policy is asked.
const RENDER: &str = "render";

pub(super) fn log(findings: &Findings) -> Value {
    let mut rules = Rules::default();
    let mut results = Vec::new();
    let mut notifications = Vec::new();
    for report in &findings.reports {
        results.extend(report.diagnostics.iter().map(|one| diagnostic(one, report, &mut rules)));
        notifications.extend(report.failures.iter().map(|failure| notification(&failure.diagnostic)));
        results.extend(report.verdicts.iter().map(|one| result(one, report, &mut rules)));
    }
    let problems: Vec<Value> = findings.problems.iter().map(notification).collect();
    let is_judged = problems.is_empty() && notifications.is_empty();
    let extensions: Vec<Value> = findings
        .plugins
        .iter()
        .map(|plugin| json!({"name": plugin.name, "properties": {"digest": plugin.digest}}))
        .collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "windlass",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": rules.all,
                },
                "extensions": extensions,
            },
            "invocations": [{
                "executionSuccessful": is_judged,
                "exitCode": findings.outcome.exit_code(),
                "toolExecutionNotifications": notifications,
                "toolConfigurationNotifications": problems,
            }],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// The rules in the order in which they are met.
#[derive(Default)]
struct Rules {
    indices: BTreeMap<String, usize>,
    all: Vec<Value>,
}

impl Rules {
    fn index(&mut self, id: &str, describe: impl FnOnce() -> String) -> usize {
        *self.indices.entry(id.to_owned()).or_insert_with(|| {
            self.all.push(json!({"id": id, "shortDescription": {"text": describe()}}));
            self.all.len() - 1
        })
    }
}

fn result(reported: &Reported, report: &Report, rules: &mut Rules) -> Value {
    let verdict = &reported.verdict;
    let id = shown(&reported.rule());
    let index = rules.index(&id, || match &verdict.rule {
        Some(rule) => format!("The rule {} of the policy {}", shown(rule), shown(&verdict.policy)),
        None => format!("The policy {}", shown(&verdict.policy)),
    });
    let level = match verdict.action {
        crate::gate::Action::Deny => "error",
        crate::gate::Action::Warn => "warning",
        crate::gate::Action::Audit => "note",
    };
    let mut result = json!({
        "ruleId": id,
        "ruleIndex": index,
        "level": level,
        "message": {"text": shown(&verdict.message)},
        "locations": locations(&reported.diagnostic(), &report.path),
        "partialFingerprints": {"windlassFinding/v1": reported.identity(&report.application).fingerprint()},
        "properties": properties(reported, &report.application),
    });
    if let Some(excuse) = reported.excuse().filter(|_| reported.weight() == Weight::Noted) {
        result["suppressions"] =
            json!([{"kind": "external", "status": "accepted", "justification": shown(&excuse)}]);
    }
    result
}

fn properties(reported: &Reported, application: &ApplicationName) -> Value {
    let verdict = &reported.verdict;
    json!({
        "gate": shown(&verdict.gate),
        "plugin": verdict.plugin,
        "application": format!("{}/{}", application.namespace, application.name),
    })
}

fn diagnostic(one: &Diagnostic, report: &Report, rules: &mut Rules) -> Value {
    let index = rules.index(RENDER, || "What a folder renders to".to_owned());
    json!({
        "ruleId": RENDER,
        "ruleIndex": index,
        "level": level(one.severity),
        "message": {"text": text(one)},
        "locations": locations(one, &report.path),
    })
}

fn notification(one: &Diagnostic) -> Value {
    json!({"level": level(one.severity), "message": {"text": text(one)}, "locations": locations(one, "")})
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn text(one: &Diagnostic) -> String {
    match &one.hint {
        Some(hint) => format!("{}\n{}", shown(&one.message), shown(hint)),
        None => shown(&one.message),
    }
}

/// One place: where the file is not known, the folder, for a result without a
/// place is refused by those who show them. None where neither is known.
fn locations(one: &Diagnostic, folder: &str) -> Vec<Value> {
    let mut location = Map::new();
    if one.origin.is_none() && !folder.is_empty() {
        location.insert("physicalLocation".to_owned(), json!({"artifactLocation": {"uri": uri(folder)}}));
    }
    if let Some(Origin { path, line, .. }) = &one.origin {
        let mut physical = json!({"artifactLocation": {"uri": uri(path)}});
        if let Some(line) = line {
            physical["region"] = json!({"startLine": line});
            if let Some(column) = one.column {
                physical["region"]["startColumn"] = json!(column);
            }
        }
        location.insert("physicalLocation".to_owned(), physical);
    }
    if let Some(object) = &one.object {
        let full = match one.pointer.as_deref().filter(|pointer| !pointer.is_empty()) {
            Some(pointer) => format!("{object}#{pointer}"),
            None => object.to_string(),
        };
        let logical =
            json!({"name": shown(&object.name), "fullyQualifiedName": shown(&full), "kind": "resource"});
        location.insert("logicalLocations".to_owned(), json!([logical]));
    }
    if location.is_empty() { Vec::new() } else { vec![Value::Object(location)] }
}

/// A path as a relative reference: all but what can stand for itself is
/// escaped.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.extend(['%'].into_iter().chain(hex::encode_upper([byte]).chars()));
        }
    }
    uri
}

/// Text without what a terminal would obey; lines stay lines.
fn shown(text: &str) -> String {
    text.lines().map(|line| escape(line).into_owned()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{HOSTILE, broken, excepted, findings, problem, report, reported, warning};
    use super::*;

    #[test]
    fn a_finding_is_a_result_with_its_rule_and_places() {
        let log = log(&findings(vec![report(vec![reported("3 of 2")])]));
        let fingerprint = log["runs"][0]["results"][0]["partialFingerprints"]["windlassFinding/v1"].clone();
        assert_eq!(fingerprint.as_str().unwrap().len(), 64);
        assert_eq!(
            log,
            json!({
                "$schema": SCHEMA,
                "version": "2.1.0",
                "runs": [{
                    "tool": {
                        "driver": {
                            "name": "windlass",
                            "version": env!("CARGO_PKG_VERSION"),
                            "rules": [{
                                "id": "cel/replicas",
                                "shortDescription": {"text": "The rule replicas of the policy cel"},
                            }],
                        },
                        "extensions": [{"name": "cel", "properties": {"digest": "c".repeat(64)}}],
                    },
                    "invocations": [{
                        "executionSuccessful": true,
                        "exitCode": 1,
                        "toolExecutionNotifications": [],
                        "toolConfigurationNotifications": [],
                    }],
                    "columnKind": "unicodeCodePoints",
                    "results": [{
                        "ruleId": "cel/replicas",
                        "ruleIndex": 0,
                        "level": "error",
                        "message": {"text": "3 of 2"},
                        "locations": [{
                            "physicalLocation": {
                                "artifactLocation": {"uri": "apps/web/web.yaml"},
                                "region": {"startLine": 7, "startColumn": 9},
                            },
                            "logicalLocations": [{
                                "name": "web",
                                "fullyQualifiedName": "Deployment/prod/web#/spec/replicas",
                                "kind": "resource",
                            }],
                        }],
                        "partialFingerprints": {"windlassFinding/v1": fingerprint},
                        "properties": {
                            "gate": "baseline",
                            "plugin": {"name": "cel", "digest": "c".repeat(64)},
                            "application": "team/web",
                        },
                    }],
                }],
            })
        );
    }

    #[test]
    fn what_is_let_pass_is_suppressed_and_rules_are_told_once() {
        let mut known = warning("floats");
        known.known = true;
        let log = log(&findings(vec![report(vec![excepted("3 of 2"), reported("3 of 2"), known])]));
        let run = &log["runs"][0];
        let results = run["results"].as_array().unwrap();
        let said: Vec<_> = results
            .iter()
            .map(|one| {
                (
                    one["ruleIndex"].clone(),
                    one["level"].clone(),
                    one["suppressions"][0]["justification"].clone(),
                )
            })
            .collect();
        assert_eq!(
            json!(said),
            json!([
                [0, "error", "let pass until 2027-01-01T00:00:00Z: the registry has no tags"],
                [0, "error", null],
                [1, "warning", "known from the baseline"],
            ])
        );
        assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), 2);
        // Without a file, its folder.
        assert_eq!(
            results[2]["locations"][0]["physicalLocation"],
            json!({"artifactLocation": {"uri": "apps/web"}})
        );
    }

    #[test]
    fn what_was_not_judged_is_no_success() {
        let mut all = findings(vec![broken()]);
        all.problems.push(problem());
        let invocation = log(&all)["runs"][0]["invocations"][0].clone();
        assert_eq!((&invocation["executionSuccessful"], &invocation["exitCode"]), (&json!(false), &json!(2)));
        let told = |kind: &str| invocation[kind][0]["message"]["text"].as_str().unwrap().to_owned();
        assert!(told("toolExecutionNotifications").contains("broke: boom"));
        assert_eq!(told("toolConfigurationNotifications"), "no such overload [baseline: cel]");
    }

    #[test]
    fn paths_are_references_and_texts_are_shown() {
        assert_eq!(uri("<stdin>"), "%3Cstdin%3E");
        assert_eq!(uri("a b/ä:1?#%.yaml"), "a%20b/%C3%A4%3A1%3F%23%25.yaml");
        assert_eq!(shown(HOSTILE), "\\u{1b}[2J]]>\n::error::<&\"'>,:%##[add-mask]x\\u{0}\u{fffe}");
    }
}
