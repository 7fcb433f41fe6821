//! What a Kubewarden policy answers about an object, as findings.
//!
//! Takes the JSON of its answer to `validate`; gives the findings, the
//! rejection first. What the policy would change is a finding too, since a
//! gate never changes an object.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::plugin::results::{JsonBudget, bounded};
use crate::plugin::{Action, Finding, PluginError};

/// Places of one object that are named as to be changed.
const MAX_CHANGES: usize = 20;

/// Warnings, and annotations, of one answer that are kept.
const MAX_NOTES: usize = 100;

/// What Go writes for a part of an object that is not there.
const WRITTEN_WHEN_EMPTY: [&str; 4] = ["resources", "status", "strategy", "updateStrategy"];

#[derive(Deserialize)]
struct Answer {
    accepted: bool,
    message: Option<String>,
    code: Option<u16>,
    mutated_object: Option<Value>,
    audit_annotations: Option<BTreeMap<String, String>>,
    warnings: Option<Vec<String>>,
}

/// The findings of an answer. `unavailable` is what the policy asked for and
/// did not get: it can't have admitted the object for a good reason then.
///
/// # Errors
/// [`PluginError::Contract`] where it is no answer.
pub(super) fn findings(
    json: &[u8],
    object: &[u8],
    unavailable: Option<String>,
) -> Result<Vec<Finding>, PluginError> {
    JsonBudget::new().charge("its answer to `validate`", json)?;
    let answer: Answer = serde_json::from_slice(json).map_err(|error| {
        PluginError::Contract(bounded(format!("its answer to `validate` can't be read: {error}")))
    })?;
    let mut findings = Vec::new();
    if !answer.accepted {
        let code = answer.code.map_or_else(String::new, |code| format!(" with code {code}"));
        let message = answer.message.filter(|message| !message.trim().is_empty());
        findings.push(finding(message.unwrap_or_else(|| format!("rejected{code}, without a reason")), None));
    } else if let Some(unavailable) = unavailable {
        findings.push(not_judged(&unavailable));
    }
    if let Some(mutated) = answer.mutated_object {
        // The object is the host's own.
        let object = serde_json::from_slice(object).unwrap_or(Value::Null);
        findings.extend(changes(&object, &mutated));
    }
    notes(&mut findings, answer.warnings.unwrap_or_default().into_iter(), Action::Warn);
    let annotations = answer.audit_annotations.unwrap_or_default().into_iter();
    notes(&mut findings, annotations.map(|(key, value)| format!("{key}: {value}")), Action::Audit);
    Ok(findings)
}

/// The finding on an object that the policy could not judge.
pub(super) fn not_judged(reason: &str) -> Finding {
    finding(format!("the policy could not judge this: {reason}"), None)
}

fn finding(message: String, action: Option<Action>) -> Finding {
    Finding { message: bounded(message), pointer: None, rule: None, action }
}

fn notes(findings: &mut Vec<Finding>, notes: impl ExactSizeIterator<Item = String>, action: Action) {
    let more = notes.len().saturating_sub(MAX_NOTES);
    findings.extend(notes.take(MAX_NOTES).map(|note| finding(note, Some(action))));
    if more > 0 {
        findings.push(finding(format!("and {more} more"), Some(action)));
    }
}

/// A finding for each place that the policy would change.
fn changes(object: &Value, mutated: &Value) -> Vec<Finding> {
    let mut places = Vec::new();
    differences(object, mutated, &mut String::new(), &mut places);
    let more = places.len() > MAX_CHANGES;
    let mut findings: Vec<_> = places
        .into_iter()
        .take(MAX_CHANGES)
        .map(|(pointer, change)| {
            let place = if pointer.is_empty() { "the whole object" } else { &pointer };
            let message = format!("the policy would {change} `{place}`; a gate changes nothing");
            Finding { pointer: Some(bounded(pointer.clone())), ..finding(message, None) }
        })
        .collect();
    if more {
        findings.push(finding("the policy would change more than that".to_owned(), None));
    }
    findings
}

/// Where `after` differs from `before`, one more than are named at most.
fn differences(before: &Value, after: &Value, at: &mut String, places: &mut Vec<(String, &'static str)>) {
    if places.len() > MAX_CHANGES || before == after {
        return;
    }
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
            for key in keys {
                let length = at.len();
                at.push('/');
                at.push_str(&key.replace('~', "~0").replace('/', "~1"));
                match (old.get(key), new.get(key)) {
                    (None, Some(new)) if is_nothing(key, new) => {}
                    (None | Some(Value::Null), Some(Value::Null) | None) => {}
                    (None | Some(Value::Null), Some(_)) => places.push((at.clone(), "add")),
                    (Some(_), None | Some(Value::Null)) => places.push((at.clone(), "remove")),
                    (Some(old), Some(new)) => differences(old, new, at, places),
                }
                at.truncate(length);
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                let length = at.len();
                at.push('/');
                at.push_str(&index.to_string());
                differences(old, new, at, places);
                at.truncate(length);
            }
        }
        _ => places.push((at.clone(), "change")),
    }
}

fn is_nothing(key: &str, value: &Value) -> bool {
    value.is_null()
        || WRITTEN_WHEN_EMPTY.contains(&key) && value.as_object().is_some_and(serde_json::Map::is_empty)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(answer: &Value, object: &Value) -> Vec<(String, Option<String>, Option<Action>)> {
        let findings = findings(answer.to_string().as_bytes(), object.to_string().as_bytes(), None).unwrap();
        findings.into_iter().map(|finding| (finding.message, finding.pointer, finding.action)).collect()
    }

    fn changed(before: &Value, after: &Value) -> Vec<String> {
        let places = of(&json!({"accepted": true, "mutated_object": after}), before);
        places.into_iter().map(|(message, pointer, _)| pointer.unwrap_or(message)).collect()
    }

    #[test]
    fn an_accepted_object_has_no_findings() {
        assert!(
            of(&json!({"accepted": true, "message": null, "mutated_object": null}), &json!({})).is_empty()
        );
    }

    #[test]
    fn a_rejection_always_has_words() {
        let words = |answer: &Value| of(answer, &json!({}))[0].0.clone();
        assert_eq!(words(&json!({"accepted": false, "message": "no", "code": 400})), "no");
        assert_eq!(
            words(&json!({"accepted": false, "code": 403})),
            "rejected with code 403, without a reason"
        );
        assert_eq!(words(&json!({"accepted": false, "message": " "})), "rejected, without a reason");
    }

    #[test]
    fn warnings_warn_and_annotations_are_audited() {
        let answer = json!({"accepted": false, "message": "no", "warnings": ["old"],
            "audit_annotations": {"image": "latest"}});
        let note = |message: &str, action| (message.to_owned(), None, action);
        assert_eq!(
            of(&answer, &json!({})),
            [note("no", None), note("old", Some(Action::Warn)), note("image: latest", Some(Action::Audit)),]
        );
        let many = json!({"accepted": true, "warnings": vec!["again"; 150]});
        assert_eq!(of(&many, &json!({})).last().unwrap().0, "and 50 more");
    }

    #[test]
    fn what_would_be_changed_is_named_by_its_place() {
        let before =
            json!({"metadata": {"labels": {"a/b": "1"}}, "spec": {"list": [{"x": 1}, {"x": 2}], "gone": 1}});
        let after =
            json!({"metadata": {"labels": {"a/b": "2", "c": "3"}}, "spec": {"list": [{"x": 1}, {"x": 3}]}});
        assert_eq!(
            changed(&before, &after),
            ["/metadata/labels/a~1b", "/metadata/labels/c", "/spec/gone", "/spec/list/1/x"]
        );
        assert_eq!(changed(&json!({"a": [1]}), &json!({"a": [1, 2]})), ["/a"]);
        assert_eq!(changed(&before, &json!([])), [""]);
        let message =
            of(&json!({"accepted": true, "mutated_object": {"a": 2}}), &json!({"a": 1}))[0].0.clone();
        assert_eq!(message, "the policy would change `/a`; a gate changes nothing");
    }

    #[test]
    fn what_go_writes_for_nothing_is_no_change() {
        let before = json!({"metadata": {"name": "a"}, "spec": {}});
        let after = json!({"metadata": {"name": "a", "creationTimestamp": null}, "spec": {"strategy": {}}, "status": {}});
        assert!(changed(&before, &after).is_empty());
        assert_eq!(changed(&json!({}), &json!({"emptyDir": {}})), ["/emptyDir"]);
    }

    #[test]
    fn changes_without_end_are_cut() {
        let after: Value = (0..1000).map(|number| (format!("k{number}"), json!(1))).collect();
        let places = changed(&json!({}), &after);
        assert_eq!(places.len(), MAX_CHANGES + 1);
        assert_eq!(places.last().unwrap(), "the policy would change more than that");
    }

    #[test]
    fn an_acceptance_without_what_was_asked_for_is_none() {
        let found = |accepted: bool| {
            let answer = json!({"accepted": accepted, "message": "no"}).to_string();
            findings(answer.as_bytes(), b"{}", Some("no Namespaces".to_owned())).unwrap()[0].message.clone()
        };
        assert_eq!(found(true), "the policy could not judge this: no Namespaces");
        assert_eq!(found(false), "no");
    }

    #[test]
    fn what_is_no_answer_breaks_the_contract() {
        let deep = format!("{{\"accepted\":true,\"mutated_object\":{}", "[".repeat(100_000));
        for nonsense in ["", "[]", "{}", "{\"accepted\": \"yes\"}", "{\"accepted\": true} x", &deep] {
            let error = findings(nonsense.as_bytes(), b"{}", None).unwrap_err();
            assert!(matches!(&error, PluginError::Contract(message) if message.contains("can't be read")));
        }
    }
}
