//! Kubewarden policies that misbehave, each in its own way.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::guests::{IMPATIENT, PATIENT, load, rustc, write};
use crate::plugin::compile::prepare;
use crate::plugin::{Action, Finding, Found, LimitOverrides, PluginError, Subject, Surroundings};

/// The module with a section that describes it.
pub(super) fn annotated(module: &[u8], metadata: &Value) -> Vec<u8> {
    let mut section = vec![u8::try_from(METADATA.len()).unwrap()];
    section.extend_from_slice(METADATA.as_bytes());
    section.extend_from_slice(metadata.to_string().as_bytes());
    let mut wasm = module.to_vec();
    wasm.push(0);
    let mut length = section.len();
    while length >= 0x80 {
        wasm.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    wasm.push(u8::try_from(length).unwrap());
    wasm.extend_from_slice(&section);
    wasm
}

const METADATA: &str = "io.kubewarden.metadata";

fn metadata() -> Value {
    json!({
        "protocolVersion": "v1",
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE", "UPDATE"]}],
        "mutating": false,
        "executionMode": "kubewarden-wapc",
        "contextAwareResources": [{"apiVersion": "v1", "kind": "Namespace"}],
    })
}

static MODULE: LazyLock<Vec<u8>> = LazyLock::new(|| rustc("wapc", "wasm32-unknown-unknown", &[]));

static POLICY: LazyLock<PathBuf> = LazyLock::new(|| write("kw-policy", &annotated(&MODULE, &metadata())));

/// Two Namespaces, all that there are or not.
pub(super) struct Namespaces {
    pub(super) complete: bool,
}

impl Surroundings for Namespaces {
    fn objects(&self, kind: &str, namespace: Option<&str>, name: Option<&str>) -> Found {
        assert_eq!((kind, namespace), ("v1/Namespace", None));
        let prod = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "prod", "labels": {"env": "prod"}}});
        let test = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "test"}});
        let known = if self.complete { vec![prod, test] } else { Vec::new() };
        let named = known.iter().filter(|one| name.is_none_or(|name| one["metadata"]["name"] == name));
        Found { objects: named.map(|one| one.to_string().into()).collect(), complete: self.complete }
    }
}

pub(super) fn subject(object: &Value) -> Subject {
    Subject { object: object.to_string().into(), old: None }
}

fn pod() -> Subject {
    subject(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "shop"}}))
}

fn judge(
    mode: &str,
    subjects: &[Subject],
    limits: LimitOverrides,
    complete: bool,
) -> Result<Vec<Vec<Finding>>, PluginError> {
    let around: Arc<dyn Surroundings> = Arc::new(Namespaces { complete });
    let policy = load(&POLICY, limits).unwrap();
    let result = policy.evaluate(&json!({"mode": mode}), subjects, &around);
    // Whatever it did, the next call is not touched by it.
    let patient = load(&POLICY, PATIENT).unwrap();
    assert_eq!(patient.evaluate(&Value::Null, &[pod(), pod()], &around), Ok(vec![Vec::new(), Vec::new()]));
    result
}

fn evaluate(mode: &str, limits: LimitOverrides) -> Result<Vec<Vec<Finding>>, PluginError> {
    judge(mode, &[pod()], limits, true)
}

/// The one finding on one Pod.
fn message(mode: &str) -> String {
    let findings = evaluate(mode, PATIENT).unwrap();
    assert_eq!((findings.len(), findings[0].len()), (1, 1), "{mode}: {findings:?}");
    findings[0][0].message.clone()
}

fn trap(mode: &str) -> (String, String) {
    match evaluate(mode, PATIENT) {
        Err(PluginError::Trap { message, output }) => (message, output),
        other => panic!("{mode}: {other:?}"),
    }
}

#[test]
fn a_module_without_a_manifest_of_ours_is_a_policy_by_its_files_name() {
    let policy = load(&POLICY, PATIENT).unwrap();
    let manifest = policy.manifest();
    assert_eq!(
        (policy.name(), &manifest.matches, &manifest.reads),
        ("kw-policy", &vec!["v1/Pod".to_owned()], &vec!["v1/Namespace".to_owned()])
    );
    assert!(policy.manifest().old);
    assert_eq!(policy.self_test(), Ok(()));
}

#[test]
fn preparing_a_policy_keeps_what_it_says_of_itself() {
    let prepared = write("kw-prepared", &prepare(&annotated(&MODULE, &metadata())).unwrap());
    assert_eq!(load(&prepared, PATIENT).unwrap().manifest().reads, ["v1/Namespace"]);
}

#[test]
fn a_module_is_begun_as_its_language_wants_before_it_is_asked() {
    assert_eq!(message("started"), "isw");
}

#[test]
fn every_object_is_judged_by_an_instance_of_its_own() {
    let findings = judge("remember", &[pod(), pod()], PATIENT, true).unwrap();
    assert_eq!(findings[0], findings[1]);
}

#[test]
fn only_what_the_rules_name_is_judged() {
    let service = subject(&json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}}));
    let no_object = Subject { object: Bytes::from_static(b"[]"), old: None };
    let findings = judge("fail", &[service, no_object], PATIENT, true).unwrap();
    assert_eq!(findings[0], []);
    assert_eq!(findings[1][0].message, "the policy could not judge this: it is no Kubernetes object");
}

#[test]
fn an_object_that_was_there_before_is_an_update() {
    let known = Subject { old: Some(pod().object), ..pod() };
    let findings = judge("operation", &[pod(), known], PATIENT, true).unwrap();
    assert_eq!((&*findings[0][0].message, &*findings[1][0].message), ("CREATE", "UPDATE"));
}

#[test]
fn a_mutation_is_a_finding_with_its_place() {
    let findings = evaluate("change", PATIENT).unwrap();
    let places: Vec<_> = findings[0].iter().map(|finding| finding.pointer.as_deref().unwrap()).collect();
    assert_eq!(places, ["/metadata/name", "/metadata/namespace"]);
    assert_eq!(findings[0][0].action, None::<Action>);
}

#[test]
fn refused_settings_are_told_in_the_policys_words() {
    for (mode, words) in [
        ("refuse", "the mode `refuse` is not allowed"),
        ("refuse without a word", "the settings are not valid"),
        ("fail in settings", "the settings can't be validated: no such setting"),
    ] {
        // Before any object is judged: there is none.
        let error = judge(mode, &[], PATIENT, true).unwrap_err();
        assert!(matches!(error, PluginError::Refused(_)), "{mode}: {error:?}");
        assert_eq!(error.to_string(), words);
    }
    let error = judge("nonsense in settings", &[], PATIENT, true).unwrap_err();
    assert!(
        matches!(&error, PluginError::Contract(problem) if problem.contains("`validate_settings`")),
        "{error}"
    );
}

#[test]
fn a_policy_that_spins_meets_its_deadline() {
    for mode in ["spin", "spin in settings"] {
        let limit = IMPATIENT.time.unwrap();
        assert_eq!(evaluate(mode, IMPATIENT), Err(PluginError::Deadline { limit }), "{mode}");
    }
}

#[test]
fn all_objects_of_a_call_share_its_time() {
    let limits = LimitOverrides { time: Some(Duration::ZERO), ..PATIENT };
    assert_eq!(evaluate("accept", limits), Err(PluginError::Deadline { limit: Duration::ZERO }));
}

#[test]
fn a_policy_that_hoards_memory_is_stopped_at_its_limit() {
    assert_eq!(evaluate("hoard", PATIENT), Err(PluginError::Memory { limit_bytes: 32 << 20 }));
}

#[test]
fn a_panic_names_its_function_and_comes_with_the_last_words() {
    assert!(trap("panic").0.contains("check_the_image"));
    let (_, output) = trap("log and panic");
    assert!(output.contains("looked at the image\n") && output.contains("printed"), "{output}");
    assert!(output.ends_with("{\"message\":\"traced\"}"), "{output}");
    assert!(output.len() < 5_000);
}

#[test]
fn a_policy_that_exits_is_broken() {
    assert_eq!(trap("exit").0, "exited with code 3, in __guest_call");
}

#[test]
fn an_error_of_the_policy_is_a_finding_on_the_object() {
    assert_eq!(message("fail"), "the policy could not judge this: the image is \"odd\"");
    assert_eq!(message("fail without a word"), "the policy could not judge this: failed without a word");
}

#[test]
fn answers_that_are_none_break_the_contract() {
    for (mode, problem) in [
        ("nonsense", "its answer to `validate` can't be read"),
        ("say nothing", "it answered `validate` with nothing"),
        ("respond from nowhere", "`__guest_response` points outside of its memory"),
        ("take the request to nowhere", "`__guest_request` points outside of its memory"),
        ("take the answer to nowhere", "`__host_response` points outside of its memory"),
        ("log from nowhere", "`__console_log` points outside of its memory"),
    ] {
        match evaluate(mode, PATIENT) {
            Err(PluginError::Contract(message)) => assert!(message.starts_with(problem), "{mode}: {message}"),
            other => panic!("{mode}: {other:?}"),
        }
    }
}

#[test]
fn all_objects_of_a_call_share_its_output() {
    let limits = LimitOverrides { output_bytes: Some(1 << 20), ..PATIENT };
    let too_much = Err(PluginError::Output { limit_bytes: 1 << 20 });
    assert_eq!(evaluate("flood", limits), too_much);
    assert!(matches!(
        evaluate("respond with more than there is", PATIENT),
        Err(PluginError::Output { .. } | PluginError::Contract(_))
    ));
    let limits = LimitOverrides { output_bytes: Some(64), ..PATIENT };
    let too_much = Err(PluginError::Output { limit_bytes: 64 });
    assert_eq!(judge("accept", &[pod(), pod()], PATIENT, true), Ok(vec![Vec::new(), Vec::new()]));
    assert_eq!(judge("accept", &vec![pod(); 10], limits, true), too_much);
}

#[test]
fn randomness_is_the_same_at_every_call() {
    let first = message("random");
    assert_ne!(first, "[0, 0, 0, 0, 0, 0, 0, 0]");
    assert_eq!(message("random"), first);
}

#[test]
fn what_a_policy_accepts_by_the_clock_is_not_admitted() {
    assert!(
        message("ask the time and accept").ends_with("it looks at the clock, and there is none in a gate")
    );
}

#[test]
fn look_ups_are_answered_from_the_surroundings() {
    let list: Value = serde_json::from_str(&message("ask")).unwrap();
    assert_eq!((&list["kind"], &list["apiVersion"]), (&json!("NamespaceList"), &json!("v1")));
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "the other one has no such label");
    assert_eq!(list["items"][0]["metadata"]["name"], "prod");
    let got: Value = serde_json::from_str(&message("get")).unwrap();
    assert_eq!(got["metadata"]["labels"]["env"], "prod");
}

#[test]
fn a_kind_that_is_not_granted_is_asked_for_whatever_the_policy_makes_of_it() {
    for mode in ["ask", "get", "ask and accept whatever comes"] {
        let findings = judge(mode, &[pod()], PATIENT, false).unwrap();
        let message = &findings[0][0].message;
        assert!(
            message.contains("the policy reads `v1/Namespace` of the cluster, which the Gate does not grant"),
            "{mode}"
        );
    }
}

#[test]
fn a_kind_that_is_not_declared_is_never_answered() {
    let problem = "it asks for `v1/Secret`, which its `contextAwareResources` do not declare to read";
    assert_eq!(evaluate("ask for secrets", PATIENT), Err(PluginError::Contract(problem.to_owned())));
}

#[test]
fn look_ups_that_make_no_sense_are_refused() {
    assert!(message("ask by field").contains("`spec.a`"));
    assert!(message("ask nonsense").contains("the request of `list_resources_all` can't be read"));
}

#[test]
fn a_policy_that_asks_without_end_runs_out_of_host_calls() {
    let limits = LimitOverrides { host_calls: Some(100), ..PATIENT };
    assert_eq!(evaluate("ask without end", limits), Err(PluginError::HostCalls { limit: 100 }));
}

#[test]
fn what_would_leave_the_gate_is_not_available() {
    let told = message("leave the gate");
    for operation in [
        "kubernetes/can_i",
        "oci/v2/verify",
        "oci/v1/manifest_digest",
        "net/v1/dns_lookup_host",
        "crypto/v1/is_certificate_trusted",
    ] {
        assert!(told.contains(&format!("`kubewarden/{operation}` is not available in a gate")), "{told}");
    }
    assert_eq!(
        message("leave the gate and accept"),
        "the policy could not judge this: `kubewarden/oci/v2/verify` is not available in a gate"
    );
}

fn refusal(name: &str, wasm: &[u8]) -> String {
    load(&write(name, wasm), PATIENT).err().unwrap().to_string()
}

#[test]
fn what_is_no_kubewarden_policy_of_today_is_not_loaded() {
    let error = refusal("kw-bare", &MODULE);
    assert!(error.contains("write one with `kwctl annotate`"), "{error}");
    let error = refusal("kw-no-wapc", &annotated(&wat::parse_str("(module)").unwrap(), &metadata()));
    assert!(error.contains("imports nothing from `wapc`"), "{error}");
    let error =
        refusal("kw-opa", &annotated(&wat::parse_str("(module)").unwrap(), &json!({"executionMode": "opa"})));
    assert!(error.contains("plugin `rego`"), "{error}");
    let twice = annotated(&annotated(&MODULE, &metadata()), &json!({}));
    let error = refusal("kw-twice", &twice);
    assert!(error.contains("sections that differ"), "{error}");
    let ours = json!({"name": "a", "version": "0.1.0", "world": "policy"}).to_string();
    let both = crate::plugin::compile::append_manifest(&annotated(&MODULE, &metadata()), ours.as_bytes());
    assert!(refusal("kw-both", &both).contains("has both a"));
    let dials = r#"(module (import "wapc" "__console_log" (func (param i32 i32))) (import "env" "dial" (func))
        (memory (export "memory") 1) (func (export "__guest_call") (param i32 i32) (result i32) i32.const 0))"#;
    let error = refusal("kw-dials", &annotated(&wat::parse_str(dials).unwrap(), &metadata()));
    assert!(error.contains("env::dial"), "{error}");
    let mute = r#"(module (import "wapc" "__console_log" (func (param i32 i32))))"#;
    let error = refusal("kw-mute", &annotated(&wat::parse_str(mute).unwrap(), &metadata()));
    assert!(error.contains("exports `__guest_call`"), "{error}");
}

#[test]
fn another_version_of_the_protocol_fails_the_self_test() {
    let old = annotated(&rustc("wapc", "wasm32-unknown-unknown", &["old"]), &metadata());
    let error = load(&write("kw-old", &old), PATIENT).unwrap().self_test().unwrap_err();
    assert!(error.to_string().contains("another version of Kubewarden's protocol than v1"), "{error}");
}
