//! `windlass check`: what gates say of what is in Git, before a cluster sees it.

mod baseline;
mod cluster_data;
mod gates;
mod judge;
mod print;
mod report;
mod scan;
mod sources;
mod stream;
mod target;
mod trial;
mod written;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;

use self::baseline::Baseline;
use self::cluster_data::{Around, Asked, CLUSTER};
use self::gates::Placed;
use self::judge::Judge;
use self::print::Format;
use self::report::{Findings, Outcome};
use self::sources::Engine;
use self::target::Commits;
use self::written::Written;
use super::job::JobArguments;
use super::output::{Output, note, stderr, stdout};
use super::plugins::{self, PluginArguments};
use super::progress::Progress;
use super::remote::{Repository, RepositoryArguments};
use crate::diagnostic::Diagnostic;
use crate::gate::Gate;
use crate::plugin::registry::Registry;
use crate::plugin::{Plugin, World};

/// The word for all Gates in the files of the repository.
const REPOSITORY: &str = "repository";

/// Renders folders and judges what comes out, as the agent does before it
/// writes.
#[derive(clap::Args)]
#[command(after_long_help = "\
Exit codes:
  0  all of it is admitted
  1  some of it is refused, or does not render
  2  it could not be judged: a policy gave no answer or does not take its settings,
     a file or a plugin is missing, or the command was mistyped

Examples:
  windlass check --gate repository                  every Application of the repository
  windlass check apps/web --gate cluster            one folder, by the Gates of the cluster
  windlass check apps/web --policy policies/        by policies in files
  kubectl kustomize apps/web | windlass check - --policy pinned-images
  windlass check --gate gates/ --revision main..HEAD --baseline known.json --output github")]
pub(super) struct Arguments {
    /// The folders, one for each Application, or `-` for rendered objects on
    /// standard input. With `--application`, not more than one, or the path
    /// that it has in the repository. Without any, every Application that is
    /// in the files of the repository around here, or of that of
    /// `--repository`.
    paths: Vec<PathBuf>,

    /// Check them as they are in this commit, such as `HEAD~1` or a branch, and
    /// not as they are in the working tree. With `BEFORE..REVISION`, rules that
    /// compare see what BEFORE renders to as what is applied now.
    #[arg(long, value_name = "REVISION|BEFORE..REVISION")]
    revision: Option<String>,

    /// Gates that judge: a file or a folder of Gate resources, `repository` for
    /// all that are in the files of the repository, or `cluster` for those of
    /// the cluster that kubectl would use.
    #[arg(long = "gate", value_name = "FILE|DIR|repository|cluster")]
    gates: Vec<String>,

    /// A policy that denies: a plugin and its settings (a file of YAML or JSON,
    /// or JSON itself), or a file or folder of policies in a language that a
    /// plugin takes.
    #[arg(long = "policy", value_name = "PLUGIN[=FILE|JSON]|FILE|DIR")]
    policies: Vec<String>,

    /// What policies may see of the cluster, where it is granted to them: files
    /// of objects as `kubectl get --output yaml` prints them, or `cluster` for
    /// the one that kubectl would use. What is granted and not in the files is
    /// not there. With `--gate cluster` and none of these, it is the cluster.
    #[arg(long, value_name = "FILE|cluster")]
    cluster_data: Vec<String>,

    /// A report of an earlier check (`--output json`): findings that are in it
    /// are known, and fail nothing.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

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

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<u8> {
    if arguments.gates.is_empty() && arguments.policies.is_empty() {
        note("no --gate and no --policy: nothing is judged, only rendered");
    }
    let commits = Commits::parse(arguments.revision.as_deref())?;
    let mut baseline = arguments.baseline.as_deref().map(Baseline::read).transpose()?;
    let around = Around::read(&arguments.cluster_data, arguments.gates.iter().any(|gate| gate == CLUSTER))?;
    let plugins = plugins::load(&arguments.plugins)?;
    let (mut repository, mut asked) = (arguments.repository.open(), Asked::default());
    let mut placed = placed(arguments, &commits, &mut repository, &mut asked, &plugins, &around)?;
    let targets = target::all(arguments, &commits, &mut repository)?;
    let is_cluster_unknown = matches!(around, Around::Unknown);
    let cluster = Arc::new(around.snapshot(placed.iter().map(|placed| &placed.gate), &mut asked)?);
    // What is wrong with a Gate of the cluster concerns those that it selects.
    placed.retain(|placed| {
        !placed.is_of_cluster || targets.iter().any(|target| placed.gate.selects(&target.applicant, &cluster))
    });
    let problems = {
        let _progress = Progress::start("trying the settings of the policies");
        trial::problems(&placed, &plugins)
    };
    if !problems.is_empty() {
        return not_tried(arguments, output, problems, &placed);
    }
    let gates: Vec<Gate> = placed.into_iter().map(|placed| placed.gate).collect();
    let mut judge = Judge {
        cluster,
        gates: &gates,
        renderers: &plugins,
        policies: &plugins,
        commits: &commits,
        wants_cases: arguments.output == Format::Junit,
        is_cluster_unknown,
        plugins: BTreeSet::new(),
    };
    let mut reports = Vec::new();
    for target in targets {
        let progress = Progress::start(format!("checking {}", target.called));
        let mut report = judge.report(&target);
        drop(progress);
        if let Some(baseline) = &mut baseline {
            baseline.mark(&mut report);
            report.outcome = judge::outcome(&report);
        }
        if arguments.output == Format::Text {
            let text = print::report(&report, output.on_stdout(), target.folder.tree.as_ref());
            stdout().write_all(text.as_bytes())?;
        }
        reports.push(report);
    }
    let baseline = baseline.map(|baseline| baseline.counts(&reports));
    if let Some(gone) = baseline.map(|counts| counts.gone).filter(|gone| *gone > 0) {
        note(&format!("{} of the baseline not found any more", report::plural(gone, "finding")));
    }
    let plugins = judge.plugins;
    finish(arguments, &Findings { plugins, baseline, ..Findings::of(reports) })
}

/// Tells what is wrong with settings: nothing is judged by them.
fn not_tried(
    arguments: &Arguments,
    output: &Output,
    problems: Vec<Diagnostic>,
    placed: &[Placed],
) -> anyhow::Result<u8> {
    if arguments.output == Format::Text {
        let files = Written::files(placed.iter().flat_map(|placed| &placed.written));
        let text = print::problems(&problems, output.on_stderr(), &files);
        stderr().write_all(text.as_bytes())?;
    }
    finish(arguments, &Findings { outcome: Outcome::NotJudged, problems, ..Findings::of(Vec::new()) })
}

fn finish(arguments: &Arguments, findings: &Findings) -> anyhow::Result<u8> {
    stdout().write_all(print::all(arguments.output, findings)?.as_bytes())?;
    Ok(findings.outcome.exit_code())
}

/// All gates that were named, with where they are written.
fn placed(
    arguments: &Arguments,
    commits: &Commits,
    repository: &mut Repository<'_>,
    asked: &mut Asked,
    plugins: &Registry,
    around: &Around,
) -> anyhow::Result<Vec<Placed>> {
    let (mut in_files, mut in_cluster) = (Vec::new(), Vec::new());
    for named in &arguments.gates {
        match named.as_str() {
            CLUSTER => in_cluster.extend(gates::from_cluster(&asked.gates()?)),
            REPOSITORY => {
                let near = arguments.paths.iter().find(|path| *path != Path::new("-"));
                let root = repository
                    .root(near.map_or(Path::new("."), PathBuf::as_path), commits.revision.as_deref())
                    .context("find the Gates of the repository")?;
                in_files.extend(gates::from_repository(&root)?);
            }
            path => in_files.extend(gates::from_path(Path::new(path))?),
        }
    }
    let engines = engines(plugins);
    let mut policies = Vec::new();
    for typed in &arguments.policies {
        policies.extend(sources::read(typed, &engines)?);
    }
    let mut all = gates::settled(in_files, in_cluster);
    if let Some(mut own) = gates::from_policies(policies) {
        for asked in &mut own.gate.policies {
            let reads = plugins.get(&asked.plugin).map(|plugin| plugin.manifest().reads.clone());
            asked.grants = around.grants(&reads.unwrap_or_default());
        }
        all.push(own);
    }
    Ok(all)
}

/// What the policies that are loaded take as sources.
fn engines(plugins: &Registry) -> Vec<Engine> {
    let policies = plugins.iter().filter(|plugin| plugin.manifest().world == World::Policy);
    let engine = |plugin: Arc<Plugin>| Engine {
        name: plugin.name().to_owned(),
        resources: plugin.manifest().resources.clone(),
        modules: plugin.manifest().modules.clone(),
        is_plain: plugin.goes_by_its_own_name(),
    };
    policies.map(engine).collect()
}
