//! `windlass check`: what the gates of a cluster would say, without the
//! cluster.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use serde::Serialize;

use super::folder::Folder;
use super::job::JobArguments;
use super::output::{Output, draw, note, stdout};
use super::plugins::{self, PluginArguments};
use super::progress::Progress;
use super::remote::RepositoryArguments;
use super::render::{as_json, exit_code};
use super::{FAILED, REFUSED, gates};
use crate::diagnostic::{Diagnostic, Severity, Terminal};
use crate::gate::{Action, Applicant, Case, Gate, Policies, PolicyFailure, Snapshot, Verdict, judge};
use crate::render::{Job, Renderers, render};

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Renders folders and judges what comes out, as the agent does before it
/// writes. Exit code 0: all of it is admitted; 1: some of it is refused or does
/// not render; 2: it could not be judged.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The folders, one for each Application. With `--application`, not more
    /// than one; without any, the path that it has in the repository around
    /// here, or in that of `--repository`.
    #[arg(required_unless_present = "application")]
    paths: Vec<PathBuf>,

    /// Check them as they are in this commit, such as `HEAD~1` or a branch, and
    /// not as they are in the working tree.
    #[arg(long, value_name = "REVISION")]
    revision: Option<String>,

    /// A file of Gate resources.
    #[arg(long = "gate", value_name = "FILE")]
    gates: Vec<PathBuf>,

    /// A policy that denies, and its settings: a file of YAML or JSON, or JSON
    /// itself.
    #[arg(long = "policy", value_name = "PLUGIN[=FILE|JSON]")]
    policies: Vec<String>,

    /// How to print.
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    output: Format,

    #[command(flatten)]
    repository: RepositoryArguments,

    #[command(flatten)]
    job: JobArguments,

    #[command(flatten)]
    plugins: PluginArguments,
}

/// What came out for one folder.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    path: String,
    outcome: Outcome,
    /// How many objects were judged.
    objects: usize,
    /// What the policies found.
    verdicts: Vec<Verdict>,
    /// What else there is to know: warnings, or why there was no judgement.
    diagnostics: Vec<Diagnostic>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
enum Outcome {
    Admitted,
    Denied,
    DoesNotRender,
    NotJudged,
}

impl Outcome {
    fn exit_code(self) -> u8 {
        match self {
            Self::Admitted => 0,
            Self::Denied | Self::DoesNotRender => REFUSED,
            Self::NotJudged => FAILED,
        }
    }
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<u8> {
    let mut all_gates: Vec<Gate> = Vec::new();
    for file in &arguments.gates {
        all_gates.extend(gates::from_file(file)?);
    }
    all_gates.extend(gates::from_policies(&arguments.policies)?);
    if all_gates.is_empty() {
        note("no --gate and no --policy: nothing is judged, only rendered");
    }
    anyhow::ensure!(
        arguments.paths.len() <= 1 || !arguments.job.has_application(),
        "the Application of --application has one folder, and {} are named",
        arguments.paths.len()
    );
    let said = arguments.job.read()?;
    let plugins = plugins::load(&arguments.plugins)?;
    let mut repository = arguments.repository.open();
    let mut reports = Vec::new();
    let typed: Vec<Option<&Path>> = match arguments.paths.as_slice() {
        [] => vec![None],
        paths => paths.iter().map(|path| Some(path.as_path())).collect(),
    };
    for typed in typed {
        let path = arguments.repository.path(typed, said.path())?;
        let folder = repository.folder(&path, arguments.revision.as_deref())?;
        let job = said.job(&folder);
        let applicant = said.applicant(&job);
        let shown = typed.or(said.path().map(Path::new)).unwrap_or(&path).display().to_string();
        let progress = Progress::start(format!("checking {shown}"));
        let report = check(shown, &job, &applicant, &folder, &all_gates, &plugins, &plugins);
        drop(progress);
        if arguments.output == Format::Text {
            stdout().write_all(text(&report, &folder, output.on_stdout()).as_bytes())?;
        }
        reports.push(report);
    }
    if arguments.output == Format::Json {
        stdout().write_all(as_json(&reports)?.as_bytes())?;
    }
    Ok(reports.iter().map(|report| report.outcome.exit_code()).max().unwrap_or(0))
}

fn check(
    path: String,
    job: &Job,
    applicant: &Applicant,
    folder: &Folder,
    gates: &[Gate],
    renderers: &dyn Renderers,
    policies: &dyn Policies,
) -> Report {
    let mut report = Report {
        path,
        outcome: Outcome::Admitted,
        objects: 0,
        verdicts: Vec::new(),
        diagnostics: Vec::new(),
    };
    let rendered = match render(job, &folder.tree, folder.clock, renderers) {
        Ok(rendered) => rendered,
        Err(failure) => {
            let refused = exit_code(&failure.error) == REFUSED;
            report.outcome = if refused { Outcome::DoesNotRender } else { Outcome::NotJudged };
            report.diagnostics = failure.error.diagnostics();
            return report;
        }
    };
    report.objects = rendered.len();
    let judged = judge(&Case {
        rendered: Arc::new(rendered),
        before: None,
        applicant,
        gates,
        policies,
        cluster: Arc::default(),
        tree: folder.tree.as_ref(),
        now: Timestamp::now(),
        applied: None,
    });
    match judged {
        Ok(admitted) => {
            report.verdicts = admitted.verdicts().to_vec();
            report.diagnostics = admitted.warnings().to_vec();
            report.diagnostics.extend(unselected(applicant, gates));
        }
        Err(refused) => {
            report.outcome = if refused.is_denial() { Outcome::Denied } else { Outcome::NotJudged };
            report.diagnostics = refused.failures.iter().map(PolicyFailure::diagnostic).collect();
            report.verdicts = refused.verdicts;
        }
    }
    report
}

/// That all of it was admitted because nothing was asked.
fn unselected(applicant: &Applicant, gates: &[Gate]) -> Option<Diagnostic> {
    let Applicant { namespace, name, .. } = applicant;
    let is_judged = gates.iter().any(|gate| gate.selects(applicant, &Snapshot::default()));
    if is_judged || gates.is_empty() {
        return None;
    }
    Some(Diagnostic {
        severity: Severity::Info,
        hint: Some("say whose folder it is with --namespace and --name, or with --application".to_owned()),
        ..Diagnostic::error(format!(
            "no Gate selects the Application `{namespace}/{name}`: nothing was judged, only rendered"
        ))
    })
}

fn text(report: &Report, folder: &Folder, terminal: Terminal) -> String {
    let mut all = report.diagnostics.clone();
    all.extend(report.verdicts.iter().map(Verdict::diagnostic));
    let drawn = draw(terminal, &all, folder.tree.as_ref());
    format!("{drawn}{}\n", summary(report))
}

fn summary(report: &Report) -> String {
    let path = crate::diagnostic::escape(&report.path);
    let count = |action| report.verdicts.iter().filter(|verdict| verdict.action == action).count();
    let mut parts = vec![plural(report.objects, "object")];
    for (action, what) in
        [(Action::Deny, "denial"), (Action::Warn, "warning"), (Action::Audit, "audit finding")]
    {
        if count(action) > 0 {
            parts.push(plural(count(action), what));
        }
    }
    let parts = parts.join(", ");
    match report.outcome {
        Outcome::Admitted => format!("{path}: admitted ({parts})"),
        Outcome::Denied => format!("{path}: denied ({parts})"),
        Outcome::DoesNotRender => format!("{path}: does not render"),
        Outcome::NotJudged => format!("{path}: could not be judged"),
    }
}

fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::testing::{FakePolicies, FakePolicy, applicant_of, gate};
    use crate::plugin::PluginError;
    use crate::render::testing::{FakeRenderers, job, plain};
    use crate::source::memory_tree::MemoryTree;

    const POD: &str = "\
{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"p\"},
 \"spec\": {\"image\": \"nginx\"}}";

    fn checked(action: Action, policy: FakePolicy) -> (String, u8) {
        checked_by(&[gate("baseline", "images", action)], policy)
    }

    fn checked_by(gates: &[Gate], policy: FakePolicy) -> (String, u8) {
        let folder = Folder::in_memory(MemoryTree::new().file("web/p.json", POD), "web");
        let (renderers, policies) = (FakeRenderers::one(plain()), FakePolicies::one(policy));
        let job = job("web");
        let report =
            check("web".to_owned(), &job, &applicant_of(&job), &folder, gates, &renderers, &policies);
        (text(&report, &folder, Terminal { color: false }), report.outcome.exit_code())
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
}
