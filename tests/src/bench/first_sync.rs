//! Many Applications at once: from their creation until all of them are applied, and then until all are ready.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;
use windlass::api::Application;

use super::peers;
use super::report::{Report, Row, Unit};
use super::snapshot::Counts;
use super::stage::{NAMESPACE, Stage};
use super::watch::Watch;
use crate::{Monorepo, ProcessUsage};

/// How long all of them may take.
const WITHIN: Duration = Duration::from_mins(15);

pub(super) async fn measure(stage: &mut Stage) -> anyhow::Result<Report> {
    let count = stage.applications;
    (stage.progress)(&format!("syncing {count} Applications"));
    let commit = stage.repo.head()?;
    let mut watch = Watch::start(stage.applications()).await?;
    let before = stage.snapshot().await?;
    let began = Instant::now();
    let ours = stage.create_everything().await?;
    let created = began.elapsed();
    let applied_at = all(&mut watch, count, |application| is_applied(application, &commit)).await?;
    let wall = applied_at.duration_since(began);
    stage.quiet().await?;
    let after = stage.snapshot().await?;
    let spent = stage.spent(&before, &after, &ours);
    let usage = ProcessUsage::of(stage.agent.pid())?;

    (stage.progress)("reporting every Deployment as healthy");
    let ours = report_deployments(stage).await?;
    all(&mut watch, count, |application| is_true(application, "Ready")).await?;
    stage.quiet().await?;
    let healthy = stage.spent(&after, &stage.snapshot().await?, &ours);

    let mut report = Report::new("first-sync", format!("one Repository and {count} Applications at once"));
    let row = |figure: &str, unit, ours, peer| Row::new(figure, unit, ours).peer(stage.peer(peer));
    report.row(
        row("until all are applied", Unit::Seconds, wall.as_secs_f64(), peers::FIRST_SYNC_WALL)
            .part_of_peer(8.0),
    );
    report.row(row("CPU", Unit::Seconds, spent.cpu, peers::FIRST_SYNC_CPU).part_of_peer(10.0));
    let answered = spent.answered_in_all();
    report.row(row("API requests", Unit::Count, answered, peers::FIRST_SYNC_REQUESTS).part_of_peer(3.0));
    report.row(Row::new("API requests, by the agent's count", Unit::Count, spent.sent));
    #[expect(clippy::cast_precision_loss, reason = "there are not that many Applications")]
    let each = answered / count as f64;
    report.row(Row::new("API requests an Application", Unit::Count, each));
    report.row(
        row("memory at the end", Unit::Mebibytes, mebibytes(usage.resident_bytes), peers::RESIDENT)
            .at_most(80.0),
    );
    report.row(
        row("memory at most", Unit::Mebibytes, mebibytes(usage.peak_resident_bytes), peers::RESIDENT)
            .at_most(80.0),
    );
    report.row(Row::new("renders", Unit::Count, spent.renders));
    report.row(Row::new("API requests from applied to ready", Unit::Count, healthy.answered_in_all()));
    report.row(Row::new("CPU from applied to ready", Unit::Seconds, healthy.cpu));
    report.requests("requests until applied", spent.answered);
    report.requests("requests from applied to ready", healthy.answered);
    report.note(format!(
        "creating the Applications took {:.2} s of the time; processor time and requests are counted until the \
         agent sent nothing for 2 s",
        created.as_secs_f64()
    ));
    report.note(
        "applied is what the peer calls ready: it did not wait for health; nothing runs that could make a \
         Deployment healthy until the benchmark says that it is",
    );
    report.note(stage.idle_note());
    report.note(peers::WHO);
    Ok(report)
}

/// Waits until `wanted` holds for every Application, and gives when it did.
async fn all(
    watch: &mut Watch<Application>,
    count: usize,
    wanted: impl Fn(&Application) -> bool,
) -> anyhow::Result<Instant> {
    let deadline = Instant::now() + WITHIN;
    let mut done = BTreeSet::new();
    let mut last = Instant::now();
    while done.len() < count {
        let left = deadline.saturating_duration_since(Instant::now());
        let (at, application) =
            watch.next(left).await.with_context(|| format!("{} of {count} Applications", done.len()))?;
        if wanted(&application) && done.insert(application.name_any()) {
            last = at;
        }
    }
    Ok(last)
}

pub(super) fn is_applied(application: &Application, commit: &str) -> bool {
    let revision = application.status.as_ref().and_then(|status| status.revision.as_ref());
    revision.is_some_and(|revision| revision.commit == commit) && is_true(application, "Applied")
}

fn is_true(application: &Application, condition: &str) -> bool {
    let conditions = application.status.as_ref().map(|status| status.conditions.as_slice());
    conditions.unwrap_or_default().iter().any(|one| one.type_ == condition && one.status == "True")
}

/// Does what the Deployments' controller would: says that each has the replicas it wants, which is none.
async fn report_deployments(stage: &Stage) -> anyhow::Result<Counts> {
    let api: Api<Deployment> = Api::namespaced(stage.client.clone(), NAMESPACE);
    let status = json!({"status": {
        "observedGeneration": 1,
        "conditions": [
            {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable", "message": ""},
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "message": ""},
        ],
    }});
    let patches = (0..stage.applications).map(|index| {
        let (api, status) = (api.clone(), status.clone());
        async move {
            let name = format!("{}-web", Monorepo::name(index));
            let parameters =
                PatchParams { field_manager: Some("deployments".to_owned()), ..PatchParams::default() };
            api.patch_status(&name, &parameters, &Patch::Merge(status))
                .await
                .with_context(|| format!("report {name}"))
        }
    });
    let reported: Vec<Deployment> = futures::stream::iter(patches).buffer_unordered(16).try_collect().await?;
    #[expect(clippy::cast_precision_loss, reason = "there are not that many Applications")]
    let count = reported.len() as f64;
    Ok(Counts::from([(("PATCH".to_owned(), "deployments/status".to_owned()), count)]))
}

/// Bytes in MiB.
pub(super) fn mebibytes(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^53 bytes")]
    let bytes = bytes as f64;
    bytes / f64::from(1 << 20)
}
