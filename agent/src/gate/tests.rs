use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::testing::{FakePolicies, FakePolicy, applicant_of, asking, finding, gate};
use super::*;
use crate::plugin::{Finding, PluginError, Subject, Surroundings};
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

/// When everything here is judged.
const NOW: &str = "2026-06-01T00:00:00Z";

fn judge_with(
    rendered: Rendered,
    gates: &[Gate],
    policies: &dyn Policies,
    cluster: Snapshot,
) -> Result<Admitted, GateError> {
    judge(&Case {
        rendered: Arc::new(rendered),
        before: None,
        applicant: &applicant_of(&crate::render::Job::new("team", "web", "web")),
        gates,
        policies,
        cluster: Arc::new(cluster),
        tree: &tree(),
        now: NOW.parse().unwrap(),
        applied: None,
    })
}

fn judged(gates: &[Gate], policies: Vec<FakePolicy>) -> Result<Admitted, GateError> {
    let rendered = render(&job("web"), &shared(), 0, &FakeRenderers::one(plain())).unwrap();
    let policies = FakePolicies(policies.into_iter().map(Arc::new).collect());
    judge_with(rendered, gates, &policies, Snapshot::default())
}

fn denials(result: Result<Admitted, GateError>) -> Vec<String> {
    let error = result.unwrap_err();
    assert!(error.is_denial(), "{error}");
    error.diagnostics().iter().map(ToString::to_string).collect()
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
    assert_eq!(
        error.to_string(),
        "refused: web/p.json:3: Pod/p at /spec/image: `nginx` floats [baseline: images]"
    );
    let verdicts = error.verdicts;
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
            "web/a.json:1: ConfigMap/a at /kind: one [a: one]",
            "web/a.json:1: ConfigMap/a at /kind: two [b: renamed]",
            "web/a.json:1: ConfigMap/a at /kind: two [b: two]",
            "web/p.json:1: Pod/p at /kind: one [a: one]",
            "web/p.json:1: Pod/p at /kind: two [b: renamed]",
            "web/p.json:1: Pod/p at /kind: two [b: two]",
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
        fn reads(&self) -> &[String] {
            &[]
        }

        fn compares(&self) -> bool {
            false
        }
        fn check_config(&self, _: &Value) -> Result<(), PluginError> {
            Ok(())
        }
        fn evaluate(
            &self,
            _: &Value,
            _: &[Subject],
            _: &Arc<dyn Surroundings>,
        ) -> Result<Vec<Vec<Finding>>, PluginError> {
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
    let error = judge_with(rendered, &gates, &Only, Snapshot::default()).unwrap_err();
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
    judge_with(rendered, &[gate("g", "images", Action::Deny)], &policies, Snapshot::default()).unwrap();
    let mut batches = policy.batches();
    batches.sort_unstable();
    assert_eq!(batches, [88, 256, 256]);
}

#[test]
fn batches_are_bounded_in_bytes_and_a_large_object_goes_alone() {
    let text = |bytes: usize| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": bytes.to_string()}, "data": {"a": "x".repeat(bytes)}});
    let objects =
        vec![text(10), text(1_000_000), text(1_000_001), text(1_000_002), text(1_000_003), text(1_000_004)];
    let rendered = render(&job(""), &shared(), 0, &FakeRenderers::one(returning(objects))).unwrap();
    let policy = Arc::new(FakePolicy::new("images", |_| Vec::new()));
    let policies = FakePolicies(vec![Arc::clone(&policy)]);
    judge_with(rendered, &[gate("g", "images", Action::Deny)], &policies, Snapshot::default()).unwrap();
    let mut batches = policy.batches();
    batches.sort_unstable();
    assert_eq!(batches, [1, 5]);
}

#[test]
fn the_weaker_of_what_the_gate_and_the_rule_ask_for_counts() {
    use Action::{Audit, Deny, Warn};

    let of = |gate_asks, rule_asks| {
        let policy =
            FakePolicy::new("images", move |_| vec![Finding { action: rule_asks, ..finding("no", "/kind") }]);
        match judged(&[gate("g", "images", gate_asks)], vec![policy]) {
            Ok(admitted) => admitted.verdicts()[0].action,
            Err(error) => error.verdicts[0].action,
        }
    };
    assert_eq!(of(Deny, None), Deny);
    assert_eq!(of(Deny, Some(Warn)), Warn);
    assert_eq!(of(Warn, Some(Deny)), Warn);
    assert_eq!(of(Audit, Some(Warn)), Audit);
}

#[test]
fn every_policy_that_gives_no_answer_is_told_beside_the_denials_of_the_others() {
    let broken = || PluginError::Trap { message: "boom".to_owned(), output: String::new() };
    let mut both = gate("g", "images", Action::Deny);
    both.policies.push(asking("a", Action::Deny));
    both.policies.push(asking("b", Action::Warn));
    let policies = || {
        vec![
            FakePolicy::pinned_images(),
            FakePolicy::failing("a", broken()),
            FakePolicy::failing("b", broken()),
        ]
    };
    let error = judged(std::slice::from_ref(&both), policies()).unwrap_err();
    let told: Vec<_> = error.diagnostics().iter().map(|one| (one.severity, one.to_string())).collect();
    assert_eq!(
        told,
        [
            (Severity::Error, "web/p.json:3: Pod/p at /spec/image: `nginx` floats [g: images]".to_owned()),
            (
                Severity::Error,
                "the gate `g` can't judge: the policy `a@000000000000`: broke: boom".to_owned()
            ),
            (
                Severity::Warning,
                "the gate `g` can't judge: the policy `b@000000000000`: broke: boom".to_owned()
            ),
        ]
    );
}

#[test]
fn a_gate_may_let_pass_what_a_failing_policy_did_not_judge() {
    let broken = PluginError::Trap { message: "boom".to_owned(), output: String::new() };
    let open = Gate { on_failure: OnFailure::Ignore, ..gate("g", "images", Action::Deny) };
    let admitted = judged(&[open], vec![FakePolicy::failing("images", broken)]).unwrap();
    let warnings: Vec<_> = admitted.warnings().iter().map(|w| (w.severity, w.to_string())).collect();
    let expected = "the gate `g` can't judge: the policy `images@000000000000`: broke: boom";
    assert_eq!(warnings, [(Severity::Warning, expected.to_owned())]);
}

fn excepting(expires: &str) -> Exception {
    Exception {
        policies: vec!["images".to_owned()],
        rules: Vec::new(),
        applications: vec!["team/web".to_owned()],
        kinds: vec!["v1/Pod".to_owned()],
        names: vec!["p*".to_owned()],
        reason: "until the registry has tags".to_owned(),
        expires: expires.parse().unwrap(),
    }
}

#[test]
fn an_exception_lets_a_finding_pass_and_shows_it() {
    let gates =
        [Gate { exceptions: vec![excepting("2026-07-01T00:00:00Z")], ..gate("g", "images", Action::Deny) }];
    let admitted = judged(&gates, vec![FakePolicy::pinned_images()]).unwrap();
    let diagnostic = admitted.verdicts()[0].diagnostic();
    assert_eq!(diagnostic.severity, Severity::Info);
    assert_eq!(
        diagnostic.to_string(),
        "web/p.json:3: Pod/p at /spec/image: `nginx` floats [g: images]; let pass until 2026-07-01T00:00:00Z: until the \
         registry has tags"
    );
}

#[test]
fn an_exception_that_has_expired_denies_again_and_says_so() {
    let gates =
        [Gate { exceptions: vec![excepting("2026-06-01T00:00:00Z")], ..gate("g", "images", Action::Deny) }];
    assert_eq!(
        denials(judged(&gates, vec![FakePolicy::pinned_images()])),
        [
            "web/p.json:3: Pod/p at /spec/image: `nginx` floats [g: images]; its exception (until the registry has tags) ended \
          on 2026-06-01T00:00:00Z"
        ]
    );
}

#[test]
fn an_exception_speaks_of_what_fits_all_of_its_fields() {
    let lets_pass = |change: fn(&mut Exception)| {
        let mut exception = excepting("2026-07-01T00:00:00Z");
        change(&mut exception);
        let gates = [Gate { exceptions: vec![exception], ..gate("g", "images", Action::Deny) }];
        judged(&gates, vec![FakePolicy::pinned_images()]).is_ok()
    };
    assert!(lets_pass(|_| {}));
    assert!(lets_pass(|e| e.names = vec!["p".to_owned()]));
    assert!(!lets_pass(|e| e.names = vec!["q*".to_owned()]));
    assert!(!lets_pass(|e| e.kinds = vec!["apps/*".to_owned()]));
    assert!(!lets_pass(|e| e.policies = vec!["others".to_owned()]));
    assert!(!lets_pass(|e| e.rules = vec!["a rule".to_owned()]));
    assert!(!lets_pass(|e| e.applications = vec!["web2".to_owned()]));
}

#[test]
fn a_policy_whose_grant_can_not_be_seen_gives_no_answer() {
    let mut asked = gate("g", "images", Action::Deny);
    asked.policies[0].grants = vec!["v1/Namespace".to_owned()];
    let rendered = render(&job("web"), &shared(), 0, &FakeRenderers::one(plain())).unwrap();
    let policies = FakePolicies::one(FakePolicy::new("images", |_| Vec::new()));
    let judged_in = |cluster| judge_with(rendered.clone(), &[asked.clone()], &policies, cluster);
    assert_eq!(
        judged_in(Snapshot::default()).unwrap_err().to_string(),
        "the gate `g` can't judge: the policy `images@000000000000`: `v1/Namespace` of the cluster is not \
         known here"
    );
    let mut cluster = Snapshot::default();
    cluster.insert((String::new(), "Namespace".to_owned()), Ok(Arc::default()));
    assert!(judged_in(cluster).is_ok());
}

#[test]
fn a_gate_that_can_not_be_read_admits_nothing() {
    let error = judged(&[Gate::unread("g", "it nests deeper than 120 levels")], Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "the gate `g` can't be read: it nests deeper than 120 levels");
    assert!(!error.is_denial());
}
