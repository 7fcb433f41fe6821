use super::super::super::FAILED;
use super::super::print;
use super::super::target::Target;
use super::*;
use crate::diagnostic::Terminal;
use crate::gate::Action;
use crate::gate::testing::{FakePolicies, FakePolicy, applicant_of, gate};
use crate::plugin::PluginError;
use crate::render::testing::{FakeRenderers, job, plain};
use crate::source::memory_tree::MemoryTree;

const POD: &str = "\
{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"p\"},
 \"spec\": {\"image\": \"nginx\"}}";

fn target() -> Target {
    let job = job("web");
    Target {
        path: "web".to_owned(),
        called: "web".to_owned(),
        applicant: applicant_of(&job),
        job,
        folder: Folder::in_memory(MemoryTree::new().file("web/p.json", POD), "web"),
        before: None,
        is_compared: false,
        stream: None,
    }
}

fn reported(gates: &[Gate], policy: FakePolicy, target: &Target) -> Report {
    let (renderers, policies) = (FakeRenderers::one(plain()), FakePolicies::one(policy));
    let mut judge = Judge {
        gates,
        renderers: &renderers,
        policies: &policies,
        cluster: Arc::default(),
        commits: &Commits::default(),
        wants_cases: true,
        is_cluster_unknown: true,
        plugins: BTreeSet::new(),
    };
    judge.report(target)
}

fn checked_by(gates: &[Gate], policy: FakePolicy) -> (String, u8) {
    let target = target();
    let report = reported(gates, policy, &target);
    let terminal = Terminal { color: false };
    (print::report(&report, terminal, target.folder.tree.as_ref()), report.outcome.exit_code())
}

fn checked(action: Action, policy: FakePolicy) -> (String, u8) {
    checked_by(&[gate("baseline", "images", action)], policy)
}

#[test]
fn a_denial_shows_its_line_and_ends_in_one() {
    let (text, code) = checked(Action::Deny, FakePolicy::pinned_images());
    assert_eq!(
        text,
        "\
error: `nginx` floats [baseline: images]
 --> web/p.json:2:20
  |
2 |  \"spec\": {\"image\": \"nginx\"}}
  |                    ^^^^^^^
  = object: Pod/p at /spec/image

web: denied (1 object, 1 denial)
"
    );
    assert_eq!(code, REFUSED);
}

#[test]
fn a_warning_is_shown_and_admits() {
    let (text, code) = checked(Action::Warn, FakePolicy::pinned_images());
    assert!(
        text.starts_with("warning: ") && text.ends_with("web: admitted (1 object, 1 warning)\n"),
        "{text}"
    );
    assert_eq!(code, 0);
}

#[test]
fn a_policy_without_an_answer_is_no_verdict() {
    let broken = PluginError::Trap { message: "boom".to_owned(), output: String::new() };
    let (text, code) = checked(Action::Deny, FakePolicy::failing("images", broken));
    assert!(text.ends_with("web: could not be judged\n"), "{text}");
    assert_eq!(code, FAILED);
}

#[test]
fn a_policy_that_is_granted_what_nobody_gave_says_how_to_give_it() {
    let mut granting = gate("baseline", "images", Action::Deny);
    granting.policies[0].grants = vec!["v1/Namespace".to_owned()];
    let (text, code) = checked_by(&[granting], FakePolicy::pinned_images());
    for told in [
        "`v1/Namespace` of the cluster is not known here",
        "= help: give its objects with --cluster-data FILE, or have them read with --cluster-data cluster",
    ] {
        assert!(text.contains(told), "{text}");
    }
    assert_eq!(code, FAILED);
}

#[test]
fn gates_that_select_other_applications_judge_nothing_and_that_is_told() {
    let other = Gate { namespaces: vec!["prod".to_owned()], ..gate("a", "images", Action::Deny) };
    let (text, code) = checked_by(std::slice::from_ref(&other), FakePolicy::pinned_images());
    let Job { namespace, name, .. } = job("web");
    assert_eq!(
        text,
        format!(
            "\
info: no Gate selects the Application `{namespace}/{name}`: nothing was judged, only rendered
 = help: say whose folder it is with --namespace and --name, or with --application

web: admitted (1 object)
"
        )
    );
    assert_eq!(code, 0);
    // One of them is enough.
    let both = [other, gate("b", "images", Action::Warn)];
    let (text, _) = checked_by(&both, FakePolicy::pinned_images());
    assert!(!text.contains("no Gate selects"), "{text}");
    assert!(!checked_by(&[], FakePolicy::pinned_images()).0.contains("no Gate selects"));
}

#[test]
fn a_case_is_known_for_each_policy_that_is_asked_about_an_object() {
    let mut second = gate("a", "images", Action::Warn);
    second.policies[0].name = Some("floating".to_owned());
    let other = Gate { kinds: vec!["apps/*".to_owned()], ..gate("b", "images", Action::Deny) };
    let gates = [gate("z", "images", Action::Deny), second, other];
    let report = reported(&gates, FakePolicy::pinned_images(), &target());
    let asked: Vec<_> =
        report.asked.iter().map(|one| format!("{} {} {}", one.gate, one.policy, one.object)).collect();
    assert_eq!(asked, ["a floating Pod/p", "z images Pod/p"]);
}

#[test]
fn what_is_known_does_not_deny_and_leaves_the_rest_as_it_is() {
    let mut report = reported(&[gate("g", "images", Action::Deny)], FakePolicy::pinned_images(), &target());
    assert_eq!(report.outcome, Outcome::Denied);
    report.verdicts[0].known = true;
    assert_eq!(outcome(&report), Outcome::Admitted);
    report.outcome = Outcome::DoesNotRender;
    assert_eq!(outcome(&report), Outcome::DoesNotRender);
}
