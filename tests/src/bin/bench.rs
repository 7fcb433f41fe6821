//! `bench-windlass`: runs the benchmarks and prints what they found.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use serde_json::json;
use windlass_tests::bench::{self, Progress, Report, Scenario, Settings};

/// Measures the agent on a control plane of its own, beside a peer's figures and the aims.
///
/// Figures mean something in a release build on an otherwise idle machine only.
#[derive(Parser)]
#[command(name = "bench-windlass")]
struct Arguments {
    /// What is measured.
    #[arg(value_enum, default_value_t = Which::All)]
    scenario: Which,

    /// Applications in the repository. The peer's figures are for 200.
    #[arg(long, value_name = "COUNT", default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    applications: u16,

    /// Commits of one-commit.
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    commits: u16,

    /// Foreign writes of drift.
    #[arg(long, value_name = "COUNT", default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..))]
    writes: u16,

    /// How long drift watches the agent at rest.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    idle_seconds: u64,

    /// Calls of policy-call; a tenth of it with many objects.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    calls: u32,

    /// Judgements of each set of gate.
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    judgements: u16,

    /// Renders of each input of renderers; a quarter of it for the large ones.
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    renders: u16,

    /// The agent to measure. Without it, one is built in this program's profile, without the plugin compiler.
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,

    /// How the figures are printed.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Clone, Copy, ValueEnum)]
enum Which {
    /// One Repository and many Applications at once.
    FirstSync,
    /// Commits that each change one of many Applications.
    OneCommit,
    /// Foreign writes, and the agent at rest.
    Drift,
    /// Calls of a policy in the sandbox.
    PolicyCall,
    /// Policies of each language on many objects.
    Gate,
    /// Resident memory, without and with Applications.
    Memory,
    /// Kustomize and Helm, beside upstream's own commands.
    Renderers,
    /// All of them, on one control plane.
    All,
}

#[derive(Clone, Copy, ValueEnum)]
enum Output {
    /// Tables for people.
    Text,
    /// One JSON document.
    Json,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    if words.next().is_some_and(|word| word == bench::IN_ONE_PROCESS) {
        let renders = words.next().unwrap_or_default().parse().context("read how many renders")?;
        let found = bench::in_this_process(renders)?;
        return std::io::stdout().write_all(found.as_bytes()).context("print what was found");
    }
    let arguments = Arguments::parse();
    let settings = Settings {
        applications: arguments.applications.into(),
        commits: arguments.commits.into(),
        writes: arguments.writes.into(),
        idle_seconds: arguments.idle_seconds,
        calls: usize::try_from(arguments.calls).context("read --calls")?,
        judgements: arguments.judgements.into(),
        renders: arguments.renders.into(),
        agent: arguments.agent,
    };
    let scenario = match arguments.scenario {
        Which::FirstSync => Scenario::FirstSync,
        Which::OneCommit => Scenario::OneCommit,
        Which::Drift => Scenario::Drift,
        Which::PolicyCall => Scenario::PolicyCall,
        Which::Gate => Scenario::Gate,
        Which::Memory => Scenario::Memory,
        Which::Renderers => Scenario::Renderers,
        Which::All => Scenario::All,
    };
    let progress: Progress = Arc::new(|line| {
        // Nobody is there to be told that nobody listens.
        let _ = writeln!(std::io::stderr(), "bench: {line}");
    });
    let reports = bench::run(scenario, &settings, &progress).await?;
    let text = match arguments.output {
        Output::Text => text(&reports),
        Output::Json => json(&reports)?,
    };
    std::io::stdout().write_all(text.as_bytes()).context("print the figures")
}

const PROFILE: &str = if cfg!(debug_assertions) { "dev" } else { "release" };

fn text(reports: &[Report]) -> String {
    let mut parts: Vec<String> = reports.iter().map(Report::to_text).collect();
    if PROFILE != "release" {
        parts.push("This was no release build: only the counts mean something.\n".to_owned());
    }
    parts.join("\n")
}

fn json(reports: &[Report]) -> anyhow::Result<String> {
    let scenarios: Vec<_> = reports.iter().map(Report::to_json).collect();
    let document = json!({"profile": PROFILE, "scenarios": scenarios});
    Ok(serde_json::to_string_pretty(&document).context("write JSON")? + "\n")
}
