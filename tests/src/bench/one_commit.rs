//! A commit that changes one of many Applications: until it is applied, and until the agent is through with all
//! of them.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, ResourceExt as _};
use windlass::api::Application;

use super::agent_metrics::AgentMetrics;
use super::first_sync::is_applied;
use super::quantile::{max, median};
use super::report::{Report, Row, Unit};
use super::snapshot::{Counts, Spent};
use super::stage::{NAMESPACE, Stage};
use super::watch::Watch;
use super::{Settings, peers};
use crate::Monorepo;

/// How long a commit may take.
const WITHIN: Duration = Duration::from_mins(5);
/// How often the agent is asked whether it is through.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How often the Repository is polled.
const POLLED_EVERY: Duration = Duration::from_secs(1);

/// One commit.
struct Run {
    applied: f64,
    /// The part of it that came after the poll that found the commit.
    work: f64,
    settled: f64,
    spent: Spent,
}

pub(super) async fn measure(stage: &mut Stage, settings: &Settings) -> anyhow::Result<Report> {
    let mut config_maps = Watch::start(Api::<ConfigMap>::namespaced(stage.client.clone(), NAMESPACE)).await?;
    let mut applications = Watch::start(stage.applications()).await?;
    let mut runs = Vec::new();
    for number in 0..settings.commits {
        (stage.progress)(&format!(
            "committing a change of one Application ({} of {})",
            number + 1,
            settings.commits
        ));
        // Spread over the repository and over the time between two polls: no commit is a lucky one.
        let index = stage.applications * (2 * number + 1) / (2 * settings.commits);
        let phase = POLLED_EVERY * u32::try_from(2 * number + 1)? / u32::try_from(2 * settings.commits)?;
        let version = u64::try_from(number).unwrap_or(0) + 2;
        runs.push(run(stage, &mut config_maps, &mut applications, (index, version), phase).await?);
    }
    let title = format!("{} commits that each change 1 of {} Applications", runs.len(), stage.applications);
    Ok(report(stage, &runs, title))
}

async fn run(
    stage: &Stage,
    config_maps: &mut Watch<ConfigMap>,
    applications: &mut Watch<Application>,
    (index, version): (usize, u64),
    phase: Duration,
) -> anyhow::Result<Run> {
    let commit = prepare(stage, index, version)?;
    stage.quiet().await?;
    let syncs = AgentMetrics::read(&stage.agent).await?.syncs();
    next_poll(stage).await?;
    tokio::time::sleep(phase).await;
    let before = stage.snapshot().await?;
    let pushed = Instant::now();
    stage.repo.git(&["update-ref", "HEAD", &commit])?;
    let there = Instant::now();
    let (name, text) = (Monorepo::name(index), Monorepo::at_version(index, version).1);
    let config_map = format!("{name}-cfg");
    let (applied, _) = config_maps
        .until(WITHIN, |object| {
            object.name_any() == config_map
                && object.data.as_ref().is_some_and(|data| data.values().any(|value| *value == text))
        })
        .await
        .context("wait for the ConfigMap")?;
    let (recorded, _) = applications
        .until(WITHIN, |object| object.name_any() == name && is_applied(object, &commit))
        .await
        .context("wait for the Application")?;
    let through = through(stage, syncs).await?;
    stage.quiet().await?;
    let spent = stage.spent(&before, &stage.snapshot().await?, &Counts::new());
    let since = |at: Instant| at.saturating_duration_since(pushed).as_secs_f64();
    let polled = stage.server.requests().into_iter().map(|request| request.arrived).find(|at| *at >= there);
    let polled = polled.context("find the poll that found the commit")?;
    let work = applied.saturating_duration_since(polled).as_secs_f64();
    Ok(Run { applied: since(applied), work, settled: since(recorded.max(through)), spent })
}

/// Waits until the agent asks the Git server for something.
async fn next_poll(stage: &Stage) -> anyhow::Result<()> {
    let before = stage.server.request_count();
    let deadline = Instant::now() + WITHIN;
    while stage.server.request_count() == before {
        anyhow::ensure!(Instant::now() < deadline, "the agent did not poll for {WITHIN:?}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

/// Makes the commit without moving the branch, so that pushing it is one short step.
fn prepare(stage: &Stage, index: usize, version: u64) -> anyhow::Result<String> {
    let (path, text) = Monorepo::at_version(index, version);
    stage.repo.write(&path, text)?;
    stage.repo.git(&["add", &path])?;
    let (tree, head) = (stage.repo.git(&["write-tree"])?, stage.repo.head()?);
    stage.repo.git(&["commit-tree", "-p", &head, "-m", &format!("version {version}"), &tree])
}

/// Waits until the agent has looked at every Application once more, and gives when.
async fn through(stage: &Stage, before: f64) -> anyhow::Result<Instant> {
    #[expect(clippy::cast_precision_loss, reason = "there are not that many Applications")]
    let wanted = before + stage.applications as f64;
    let deadline = Instant::now() + WITHIN;
    loop {
        let syncs = AgentMetrics::read(&stage.agent).await?.syncs();
        if syncs >= wanted {
            return Ok(Instant::now());
        }
        anyhow::ensure!(
            Instant::now() < deadline,
            "after {WITHIN:?} the agent has looked at {} of {} Applications",
            syncs - before,
            stage.applications
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn report(stage: &Stage, runs: &[Run], title: String) -> Report {
    let mut report = Report::new("one-commit", title);
    let of = |figure: fn(&Run) -> f64| runs.iter().map(figure).collect::<Vec<f64>>();
    let mut rows = |figure: &str, unit, samples: &[f64], peer: Option<&[f64]>, part: f64| {
        for (word, statistic) in [("median", median as fn(&[f64]) -> f64), ("max", max)] {
            let row = Row::new(format!("{figure}, {word}"), unit, statistic(samples));
            let row = row.peer(peer.and_then(|peer| stage.peer(statistic(peer))));
            report.row(if part > 0.0 { row.part_of_peer(part) } else { row });
        }
    };
    rows("applied", Unit::Seconds, &of(|run| run.applied), Some(&peers::COMMIT_APPLIED), 20.0);
    rows("  after the poll that found it", Unit::Seconds, &of(|run| run.work), None, 0.0);
    rows("settled", Unit::Seconds, &of(|run| run.settled), Some(&peers::COMMIT_SETTLED), 50.0);
    rows("CPU", Unit::Seconds, &of(|run| run.spent.cpu), Some(&peers::COMMIT_CPU), 200.0);
    let answered = of(|run| run.spent.answered_in_all());
    for (word, statistic) in [("median", median as fn(&[f64]) -> f64), ("max", max)] {
        let row = Row::new(format!("API requests, {word}"), Unit::Count, statistic(&answered)).at_most(12.0);
        report.row(row.peer(stage.peer(statistic(&peers::COMMIT_REQUESTS))));
    }
    let sent = of(|run| run.spent.sent);
    report.row(Row::new("API requests, by the agent's count, max", Unit::Count, max(&sent)).at_most(12.0));
    report.row(Row::new("renders, max", Unit::Count, max(&of(|run| run.spent.renders))).at_most(1.0));
    for (number, run) in runs.iter().enumerate() {
        report.requests(format!("requests of commit {}", number + 1), run.spent.answered.clone());
    }
    report.note(
        "from moving the branch, at moments spread over the second between two polls, until the ConfigMap was changed, and until the \
         Application says so and the agent has looked at all of them; processor time and requests until it sent \
         nothing for 2 s",
    );
    report.note(stage.idle_note());
    report.note(peers::WHO);
    report
}
