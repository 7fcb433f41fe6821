use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::testing::{FakePolicies, FakePolicy, finding, gate};
use super::*;
use crate::render::testing::{FakeRenderers, config_map, job, plain, returning};
use crate::render::{Absent, render};
use crate::source::memory_tree::MemoryTree;

const POD: &str = "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"p\"},\n \"spec\":\n  {\"image\": \"nginx\"}}";

fn tree() -> MemoryTree {
    MemoryTree::new().file("web/a.json", config_map("a").to_string()).file("web/p.json", POD)
}

fn shared() -> Arc<dyn Tree> {
    Arc::new(tree())
}

fn judged(gates: &[Gate], policies: Vec<FakePolicy>) -> Result<Admitted, GateError> {
    let rendered = render(&job("web"), &shared(), 0, &FakeRenderers::one(plain())).unwrap();
    let policies = FakePolicies(policies.into_iter().map(Arc::new).collect());
    judge(Arc::new(rendered), "team", "web", gates, &policies, &tree())
}

fn denials(result: Result<Admitted, GateError>) -> Vec<String> {
    match result.unwrap_err() {
        error @ GateError::Denied(_) => error.diagnostics().iter().map(ToString::to_string).collect(),
        other @ GateError::PolicyFailed { .. } => panic!("{other}"),
    }
}

#[test]
fn without_a_gate_everything_is_admitted_in_its_order() {
    let admitted = judged(&[], Vec::new()).unwrap();
    let names: Vec<_> = admitted.manifests().iter().map(|m| m.key.to_string()).collect();
    assert_eq!(names, ["ConfigMap/a", "Pod/p"]);
}

#[test]
fn a_denial_leads_to_the_line_and_column_of_the_field() {
    let gates = [gate("baseline", "images", Action::Deny)];
    let error = judged(&gates, vec![FakePolicy::pinned_images()]).unwrap_err();
    assert_eq!(error.to_string(), "refused: web/p.json:3: Pod/p: `nginx` floats [baseline: images]");
    let GateError::Denied(verdicts) = error else { panic!() };
    assert_eq!((verdicts[0].column, verdicts[0].plugin.name.as_str()), (Some(13), "images"));
}

#[test]
fn verdicts_stand_in_the_order_of_objects_then_gates_then_policies() {
    let complaining = |name: &'static str| FakePolicy::new(name, move |_| vec![finding(name, "/kind")]);
    let mut b = gate("b", "two", Action::Deny);
    b.policies.insert(0, GatePolicy { name: Some("renamed".to_owned()), ..b.policies[0].clone() });
    let gates = [b, gate("a", "one", Action::Warn)];
    assert_eq!(
        denials(judged(&gates, vec![complaining("one"), complaining("two")])),
        [
            "web/a.json:1: ConfigMap/a: one [a: one]",
            "web/a.json:1: ConfigMap/a: two [b: renamed]",
            "web/a.json:1: ConfigMap/a: two [b: two]",
            "web/p.json:1: Pod/p: one [a: one]",
            "web/p.json:1: Pod/p: two [b: renamed]",
            "web/p.json:1: Pod/p: two [b: two]",
        ]
    );
}

#[test]
fn findings_that_only_warn_or_are_recorded_let_the_set_pass() {
    let gates = [gate("a", "images", Action::Warn), gate("b", "images", Action::Audit)];
    let admitted = judged(&gates, vec![FakePolicy::pinned_images()]).unwrap();
    let actions: Vec<_> = admitted.verdicts().iter().map(|verdict| verdict.action).collect();
    assert_eq!(actions, [Action::Warn, Action::Audit]);
}

#[test]
fn a_policy_that_gives_no_answer_admits_nothing() {
    let deadline = PluginError::Deadline { limit: Duration::from_secs(1) };
    let gates = [gate("baseline", "images", Action::Deny)];
    let failed = |policies| judged(&gates, policies).unwrap_err().to_string();
    assert_eq!(
        failed(vec![FakePolicy::failing("images", deadline)]),
        "the gate `baseline` can't judge: the policy `images@000000000000`: ran longer than 1s (limits.time)"
    );
    assert_eq!(failed(Vec::new()), "the gate `baseline` can't judge: there is no plugin `images`");
    assert_eq!(
        judged(&[gate("g", "yaml", Action::Deny)], Vec::new()).unwrap_err().to_string(),
        "the gate `g` can't judge: the plugin `yaml` can't be used as a policy: it implements the world \
         `renderer`, not `policy`"
    );
}

#[test]
fn a_policy_that_could_never_deny_stops_nothing_by_failing() {
    let broken = PluginError::Trap { message: "boom".to_owned(), output: String::new() };
    let admitted =
        judged(&[gate("g", "images", Action::Audit)], vec![FakePolicy::failing("images", broken)]).unwrap();
    let warnings: Vec<_> = admitted.warnings().iter().map(|w| (w.severity, w.to_string())).collect();
    let expected = "the gate `g` can't judge: the policy `images@000000000000`: broke: boom";
    assert_eq!(warnings, [(Severity::Warning, expected.to_owned())]);
}

#[test]
fn an_answer_of_another_length_is_a_failure() {
    struct Short;
    impl Policy for Short {
        fn id(&self) -> PluginId {
            PluginId { name: "short".to_owned(), digest: String::new() }
        }
        fn matches(&self) -> &[String] {
            static ALL: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| vec!["*".to_owned()]);
            &ALL
        }
        fn evaluate(&self, _: &Value, _: &[Bytes]) -> Result<Vec<Vec<Finding>>, PluginError> {
            Ok(vec![Vec::new()])
        }
    }
    struct Only;
    impl Policies for Only {
        fn policy(&self, _: &str) -> Result<Arc<dyn Policy>, Absent> {
            Ok(Arc::new(Short))
        }
    }
    let rendered = render(&job("web"), &shared(), 0, &FakeRenderers::one(plain())).unwrap();
    let gates = [gate("g", "short", Action::Deny)];
    let error = judge(Arc::new(rendered), "team", "web", &gates, &Only, &tree()).unwrap_err();
    assert!(error.to_string().ends_with("broke the contract: 1 verdicts on 2 objects"), "{error}");
}

#[test]
fn a_policy_sees_only_what_the_gate_selects_and_the_plugin_matches() {
    let seen_by = |gate: Gate, matches: &[&str]| {
        let mut policy =
            FakePolicy::new("images", |object| vec![finding(object["kind"].as_str().unwrap(), "/kind")]);
        policy.matches = matches.iter().map(ToString::to_string).collect();
        match judged(&[gate], vec![policy]) {
            Ok(admitted) => admitted.verdicts().iter().map(|v| v.message.clone()).collect::<Vec<_>>(),
            Err(error) => vec![error.to_string()],
        }
    };
    let warn = || gate("g", "images", Action::Warn);
    assert_eq!(seen_by(warn(), &["*"]), ["ConfigMap", "Pod"]);
    assert_eq!(seen_by(warn(), &["v1/Pod", "apps/*"]), ["Pod"]);
    assert_eq!(seen_by(Gate { kinds: vec!["v1/ConfigMap".to_owned()], ..warn() }, &["*"]), ["ConfigMap"]);
    assert_eq!(seen_by(Gate { kinds: vec!["apps/*".to_owned()], ..warn() }, &["*"]), [""; 0]);
    assert_eq!(seen_by(Gate { namespaces: vec!["other".to_owned()], ..warn() }, &["*"]), [""; 0]);
}

#[test]
fn a_large_set_is_judged_in_bounded_batches() {
    let objects = (0..600).map(|index| config_map(&format!("c{index}"))).collect();
    let rendered = render(&job(""), &shared(), 0, &FakeRenderers::one(returning(objects))).unwrap();
    let policy = Arc::new(FakePolicy::new("images", |_| Vec::new()));
    let policies = FakePolicies(vec![Arc::clone(&policy)]);
    judge(Arc::new(rendered), "a", "b", &[gate("g", "images", Action::Deny)], &policies, &tree()).unwrap();
    assert_eq!(policy.batches(), [256, 256, 88]);
}

#[test]
fn batches_are_bounded_in_bytes_and_a_large_object_goes_alone() {
    let text = |bytes: usize| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": bytes.to_string()}, "data": {"a": "x".repeat(bytes)}});
    let objects =
        vec![text(10), text(1_000_000), text(1_000_001), text(1_000_002), text(1_000_003), text(1_000_004)];
    let rendered = render(&job(""), &shared(), 0, &FakeRenderers::one(returning(objects))).unwrap();
    let policy = Arc::new(FakePolicy::new("images", |_| Vec::new()));
    let policies = FakePolicies(vec![Arc::clone(&policy)]);
    judge(Arc::new(rendered), "a", "b", &[gate("g", "images", Action::Deny)], &policies, &tree()).unwrap();
    assert_eq!(policy.batches(), [5, 1]);
}
