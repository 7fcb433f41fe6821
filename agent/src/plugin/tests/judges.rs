use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::guests::{HEALTH, IMPATIENT, PATIENT, POLICY, guest, load, rustc};
use crate::plugin::{
    Action, Finding, Found, HealthState, LimitOverrides, PluginError, Subject, Surroundings,
};

fn pods(count: usize) -> Vec<Bytes> {
    vec![Bytes::from_static(b"{}"); count]
}

fn subjects(count: usize) -> Vec<Subject> {
    pods(count).into_iter().map(|object| Subject { object, old: None }).collect()
}

/// Knows one Namespace, and that it is not all.
struct OneNamespace;

impl Surroundings for OneNamespace {
    fn objects(&self, kind: &str, namespace: Option<&str>, name: Option<&str>) -> Found {
        assert_eq!((kind, namespace, name), ("v1/Namespace", None, Some("prod")));
        Found { objects: vec![Bytes::from_static(b"{\"labels\": 1}")], complete: false }
    }
}

fn nothing() -> Arc<dyn Surroundings> {
    Arc::new(OneNamespace)
}

fn evaluate(mode: &str, limits: LimitOverrides) -> Result<Vec<Vec<Finding>>, PluginError> {
    let policy = load(&POLICY, limits).unwrap();
    let result = policy.evaluate(&json!(mode), &subjects(40), &nothing());
    // Whatever it did, the next call is not touched by it.
    let patient = load(&POLICY, PATIENT).unwrap();
    assert_eq!(patient.evaluate(&json!("admit"), &subjects(2), &nothing()), Ok(vec![Vec::new(), Vec::new()]));
    result
}

#[test]
fn every_object_gets_its_findings() {
    let finding =
        Finding { message: "denied".to_owned(), pointer: Some("/spec".to_owned()), rule: None, action: None };
    assert_eq!(evaluate("deny", PATIENT), Ok(vec![vec![finding]; 40]));
}

#[test]
fn a_policy_that_spins_meets_its_deadline() {
    for mode in ["spin", "spin in configure"] {
        assert!(matches!(evaluate(mode, IMPATIENT), Err(PluginError::Deadline { .. })), "{mode}");
    }
}

#[test]
fn a_policy_that_hoards_memory_is_stopped_at_its_limit() {
    assert_eq!(evaluate("hoard", PATIENT), Err(PluginError::Memory { limit_bytes: 32 << 20 }));
}

#[test]
fn a_policy_that_starts_with_more_memory_than_allowed_is_told_so() {
    let limits = LimitOverrides { memory_bytes: Some(64 << 10), ..PATIENT };
    assert_eq!(evaluate("admit", limits), Err(PluginError::Memory { limit_bytes: 64 << 10 }));
}

#[test]
fn a_panic_names_the_function_it_happened_in() {
    let error = evaluate("panic", PATIENT).unwrap_err();
    assert!(
        matches!(&error, PluginError::Trap { message, .. } if message.contains("check_the_image")),
        "{error}"
    );
    let error = evaluate("panic in configure", PATIENT).unwrap_err();
    assert!(matches!(&error, PluginError::Trap { message, .. } if message.contains("configure")), "{error}");
}

#[test]
fn a_panic_that_is_spelt_to_the_host_is_told_in_its_own_words() {
    let error = evaluate("tell", PATIENT).unwrap_err();
    assert!(
        matches!(&error, PluginError::Trap { message, .. } if message.contains("no image is good enough")),
        "{error}"
    );
}

#[test]
fn endless_recursion_is_a_trap() {
    let error = evaluate("recurse", PATIENT).unwrap_err();
    assert!(
        matches!(&error, PluginError::Trap { message, .. } if message.contains("call stack exhausted")
            || message.contains("out of bounds")),
        "{error}"
    );
}

#[test]
fn too_few_or_too_many_answers_break_the_contract() {
    for (mode, count) in [("too few", 39), ("too many", 41)] {
        let message = format!("{count} answers to 40 objects");
        assert_eq!(evaluate(mode, PATIENT), Err(PluginError::Contract(message)));
    }
}

#[test]
fn answers_that_share_one_long_text_are_as_long_as_they_say() {
    let result = evaluate("flood", PATIENT);
    assert_eq!(result, Err(PluginError::Output { limit_bytes: 32 << 20 }));
}

#[test]
fn what_a_policy_asks_for_is_answered_from_its_surroundings() {
    let found = evaluate("ask", PATIENT).unwrap();
    assert_eq!(found[39][0].message, "1 namespaces, complete: false");
}

#[test]
fn a_policy_that_asks_for_what_it_does_not_declare_is_stopped() {
    let message = "it asks for `v1/Secret`, which its manifest does not declare to read".to_owned();
    assert_eq!(evaluate("ask for secrets", PATIENT), Err(PluginError::Contract(message)));
    let Err(PluginError::Contract(message)) = evaluate("ask for nonsense", PATIENT) else { panic!() };
    assert!(message.len() < 5_000, "{}", message.len());
}

#[test]
fn a_policy_that_asks_without_end_runs_out_of_host_calls() {
    let limits = LimitOverrides { host_calls: Some(100), ..PATIENT };
    assert_eq!(evaluate("ask without end", limits), Err(PluginError::HostCalls { limit: 100 }));
}

#[test]
fn a_finding_may_ask_for_less_than_to_deny() {
    assert_eq!(evaluate("warn", PATIENT).unwrap()[0][0].action, Some(Action::Warn));
}

#[test]
fn a_finding_belongs_to_the_object_that_was_asked_about_whatever_it_names() {
    let verdicts = evaluate("point out of the object", PATIENT).unwrap();
    assert_eq!(verdicts.len(), 40);
    assert_eq!(verdicts[0][0].pointer.as_deref(), Some("/../../other [2J"));
}

#[test]
fn answers_that_the_contract_has_no_words_for_are_told_as_the_plugins_fault() {
    for mode in ["answer in no language", "answer with what is not there", "answer with no such action"] {
        let error = evaluate(mode, PATIENT).unwrap_err();
        assert!(matches!(&error, PluginError::Trap { .. }), "{mode}: {error:?}");
    }
}

#[test]
fn findings_without_end_meet_the_limit_of_what_may_be_returned() {
    let error = evaluate("answer often", PATIENT).unwrap_err();
    assert!(matches!(error, PluginError::Output { .. } | PluginError::Memory { .. }), "{error:?}");
}

#[test]
fn a_refused_config_is_told_in_the_plugins_words() {
    let error = evaluate("refuse", PATIENT).unwrap_err();
    assert!(matches!(error, PluginError::Refused(_)));
    assert_eq!(error.to_string(), "the mode `refuse` is not allowed");
}

#[test]
fn a_refusal_without_end_is_cut() {
    let error = evaluate("refuse at length", PATIENT).unwrap_err();
    assert_eq!(error, PluginError::Output { limit_bytes: 32 << 20 });
    let PluginError::Refused(diagnostics) = evaluate("refuse often", PATIENT).unwrap_err() else { panic!() };
    assert_eq!(diagnostics.last().unwrap().message, "and 4800 more");
}

#[test]
fn live_objects_are_assessed() {
    let health = load(&HEALTH, PATIENT).unwrap();
    let assessments = health.assess(&pods(2), &Value::Null).unwrap();
    assert_eq!(assessments.len(), 2);
    assert_eq!(assessments[0].state, HealthState::Progressing);
    assert_eq!(assessments[0].message, "0 of 3 replicas are ready");
    let error = health.assess(&pods(2), &json!("panic")).unwrap_err();
    assert!(matches!(error, PluginError::Trap { .. }), "{error}");
}

#[test]
fn a_health_rule_that_misbehaves_is_stopped_like_a_policy() {
    let assess = |mode: &str, limits: LimitOverrides| {
        let result = load(&HEALTH, limits).unwrap().assess(&pods(40), &json!(mode));
        let next = load(&HEALTH, PATIENT).unwrap().assess(&pods(1), &Value::Null);
        assert_eq!(next.unwrap().len(), 1, "after `{mode}`");
        result.unwrap_err()
    };
    for mode in ["spin", "spin in configure"] {
        assert!(matches!(assess(mode, IMPATIENT), PluginError::Deadline { .. }), "{mode}");
    }
    assert_eq!(assess("hoard", PATIENT), PluginError::Memory { limit_bytes: 32 << 20 });
    for mode in ["panic", "panic in configure", "recurse"] {
        let error = assess(mode, PATIENT);
        assert!(matches!(error, PluginError::Trap { .. }), "{mode}: {error}");
    }
    for (mode, count) in [("too few", 39), ("too many", 41)] {
        assert_eq!(assess(mode, PATIENT), PluginError::Contract(format!("{count} answers to 40 objects")));
    }
    assert!(matches!(assess("refuse", PATIENT), PluginError::Refused(_)));
}

#[test]
fn a_plugin_is_only_what_its_world_says() {
    let health = load(&HEALTH, PATIENT).unwrap();
    let error = health.evaluate(&Value::Null, &subjects(1), &nothing()).unwrap_err();
    assert_eq!(error.to_string(), "broke the contract: `health` is a health rule, not a policy");
}

#[test]
fn a_config_that_does_not_fit_the_schema_never_reaches_the_plugin() {
    let schema = json!({"type": "object", "required": ["mode"], "additionalProperties": false,
        "properties": {"mode": {"type": "string"}}});
    let module = rustc("judge", "wasm32-unknown-unknown", &[]);
    let strict = guest("strict", &module, "policy", &json!({"configSchema": schema}));
    let strict = load(&strict, PATIENT).unwrap();
    let error = strict.evaluate(&json!({"mode": 1}), &subjects(1), &nothing()).unwrap_err();
    assert!(matches!(&error, PluginError::Config(problems) if problems[0].pointer == "/mode"), "{error}");
    assert!(matches!(strict.check_config(&Value::Null), Err(PluginError::Config(_))));
    assert_eq!(strict.check_config(&json!({"mode": "a"})), Ok(()));
}

#[test]
fn a_policy_that_imports_anything_is_refused_by_the_name_of_the_import() {
    let wat = r#"(component
        (import "evil:network/dial@1.0.0" (instance (export "dial" (func))))
        (@custom "windlass:manifest" "{\"name\":\"dialler\",\"version\":\"0.1.0\",\"world\":\"policy\"}")
    )"#;
    let dialler = super::guests::write("dialler", &wat::parse_str(wat).unwrap());
    let error = load(&dialler, PATIENT).err().unwrap().to_string();
    assert_eq!(
        error,
        "can't be loaded: it imports `dial` of `evil:network/dial@1.0.0`, and a policy imports nothing but \
         `windlass:plugin/cluster`"
    );
}

#[test]
fn a_component_of_another_world_is_refused() {
    let module = rustc("judge", "wasm32-unknown-unknown", &["health"]);
    let path = guest("mislabelled", &module, "health", &json!({"world": "policy"}));
    let error = load(&path, PATIENT).err().unwrap().to_string();
    assert!(error.contains("does not follow the world `policy`"), "{error}");
}
