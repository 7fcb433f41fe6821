//! The benchmarks: what the agent takes of time, processor, memory and API requests.
//!
//! Takes which [`Scenario`] and its [`Settings`], gives [`Report`]s. Never judges whether a figure is good
//! enough: a run fails only where something does not work. `BENCHMARKS.md` says what each scenario measures.

use std::path::PathBuf;

use anyhow::Context as _;
use windlass::plugin::registry::{Registry, RegistryOptions};
use windlass::plugin::{CompileLimits, LoaderOptions};

mod agent_metrics;
mod drift;
mod first_sync;
mod gate;
mod memory;
mod one_commit;
mod peers;
mod policy_call;
mod quantile;
mod renderers;
mod report;
mod snapshot;
mod stage;
mod table;
mod watch;

pub use renderers::{IN_ONE_PROCESS, in_this_process};
pub use report::Report;
use stage::Stage;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Many Applications at once.
    FirstSync,
    /// A commit that changes one of them.
    OneCommit,
    /// Foreign writes, and rest.
    Drift,
    /// A policy on one object and on many.
    PolicyCall,
    /// Policies of each language on many objects.
    Gate,
    /// Resident memory, idle and with all Applications.
    Memory,
    /// Kustomize and Helm, beside upstream's own commands.
    Renderers,
    /// All of them, on one control plane.
    All,
}

/// How much is measured, and of what.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Applications in the repository.
    pub applications: usize,
    /// Commits that are measured.
    pub commits: usize,
    /// Foreign writes.
    pub writes: usize,
    /// How long the agent is watched at rest.
    pub idle_seconds: u64,
    /// Calls of the policy.
    pub calls: usize,
    /// Judgements of each set.
    pub judgements: usize,
    /// Renders of each input.
    pub renders: usize,
    /// The agent to measure; built without its compiler where there is none.
    pub agent: Option<PathBuf>,
}

/// Is told what goes on, a line at a time.
pub type Progress = std::sync::Arc<dyn Fn(&str) + Send + Sync>;

/// Measures, and gives one report for each scenario.
///
/// # Errors
/// Where something does not build, start or become so in time; never for a figure.
pub async fn run(
    scenario: Scenario,
    settings: &Settings,
    progress: &Progress,
) -> anyhow::Result<Vec<Report>> {
    let wanted = |one: Scenario| scenario == one || scenario == Scenario::All;
    let mut reports = Vec::new();
    if !matches!(scenario, Scenario::PolicyCall | Scenario::Gate | Scenario::Renderers) {
        let mut stage = Stage::start(settings, progress).await.context("prepare the benchmark")?;
        let first = first_sync::measure(&mut stage).await.context("measure the first sync")?;
        if wanted(Scenario::FirstSync) {
            reports.push(first);
        }
        if wanted(Scenario::Memory) {
            reports.push(memory::measure(&stage)?);
        }
        if wanted(Scenario::OneCommit) {
            reports.push(one_commit::measure(&mut stage, settings).await.context("measure a commit")?);
        }
        if wanted(Scenario::Drift) {
            reports.push(drift::measure(&stage, settings).await.context("measure drift")?);
        }
        stage.end().await?;
    }
    if wanted(Scenario::PolicyCall) {
        let (settings, progress) = (settings.clone(), progress.clone());
        let report = tokio::task::spawn_blocking(move || policy_call::measure(&settings, &*progress)).await?;
        reports.push(report.context("measure policy calls")?);
    }
    if wanted(Scenario::Gate) {
        let (settings, progress) = (settings.clone(), progress.clone());
        let report = tokio::task::spawn_blocking(move || gate::measure(&settings, &*progress)).await?;
        reports.push(report.context("measure the gate")?);
    }
    if wanted(Scenario::Renderers) {
        let (settings, progress) = (settings.clone(), progress.clone());
        let report = tokio::task::spawn_blocking(move || renderers::measure(&settings, &progress)).await?;
        reports.push(report.context("measure renderers")?);
    }
    Ok(reports)
}

/// The plugins of this tree, built and loaded.
fn loaded_plugins(progress: &dyn Fn(&str)) -> anyhow::Result<Registry> {
    let folder = crate::agent::build_plugins(progress)?;
    // What is compiled already is taken from beside the plugins, so this stays empty.
    let cache = tempfile::tempdir().context("make a folder for compiled plugins")?;
    progress("loading the plugins");
    let registry = Registry::open(RegistryOptions {
        loader: LoaderOptions {
            cache: cache.path().join("plugins"),
            bundled_cache: Some(folder.join("compiled")),
            compiler: None,
            compile: CompileLimits::default(),
            calls: 4,
        },
        folder,
        limits: std::collections::BTreeMap::new(),
    })?;
    Ok(registry)
}
