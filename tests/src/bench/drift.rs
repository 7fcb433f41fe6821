//! Foreign writes: how fast each is corrected and what that costs, and what the agent asks for at rest.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use super::Settings;
use super::quantile::{max, quantile};
use super::report::{Report, Row, Unit};
use super::snapshot::{Counts, Spent};
use super::stage::{NAMESPACE, Stage};
use super::watch::Watch;
use crate::Monorepo;
use crate::workload::OBJECTS_PER_APPLICATION;

/// Writes to one object: with more, the agent would take it for a tug-of-war and slow down.
const WRITES_TO_ONE: usize = 4;
/// How long a correction may take.
const WITHIN: Duration = Duration::from_mins(1);

/// A field that Git owns, and what somebody else makes of it.
struct Target {
    group: &'static str,
    kind: &'static str,
    resource: &'static str,
    suffix: &'static str,
    pointer: &'static str,
    change: fn() -> Value,
}

/// One for each kind of the workload.
const TARGETS: [Target; OBJECTS_PER_APPLICATION] = [
    Target {
        group: "",
        kind: "ConfigMap",
        resource: "configmaps",
        suffix: "cfg",
        pointer: "/data/app.properties",
        change: || json!({"data": {"app.properties": FOREIGN}}),
    },
    Target {
        group: "",
        kind: "Service",
        resource: "services",
        suffix: "web",
        pointer: "/spec/selector/app",
        change: || json!({"spec": {"selector": {"app": FOREIGN}}}),
    },
    // A label: a change of the spec would be a new generation, which no controller is there to see.
    Target {
        group: "apps",
        kind: "Deployment",
        resource: "deployments",
        suffix: "web",
        pointer: "/metadata/labels/instance",
        change: || json!({"metadata": {"labels": {"instance": FOREIGN}}}),
    },
    Target {
        group: "",
        kind: "ServiceAccount",
        resource: "serviceaccounts",
        suffix: "web",
        pointer: "/metadata/labels/instance",
        change: || json!({"metadata": {"labels": {"instance": FOREIGN}}}),
    },
];
/// What somebody else writes.
const FOREIGN: &str = "foreign";

/// A kind, with a client and a watch of it.
struct Kind {
    target: &'static Target,
    api: Api<DynamicObject>,
    watch: Watch<DynamicObject>,
}

pub(super) async fn measure(stage: &Stage, settings: &Settings) -> anyhow::Result<Report> {
    let objects = stage.applications * OBJECTS_PER_APPLICATION;
    anyhow::ensure!(
        settings.writes <= objects * WRITES_TO_ONE,
        "{} writes to {objects} objects are more than {WRITES_TO_ONE} each (--writes, --applications)",
        settings.writes
    );
    let mut kinds = Vec::new();
    for target in &TARGETS {
        kinds.push(Kind::watch(stage, target).await?);
    }
    stage.quiet().await?;
    (stage.progress)(&format!("changing {} objects", settings.writes));
    let before = stage.snapshot().await?;
    let mut took = Vec::new();
    let mut ours = Counts::new();
    for number in 0..settings.writes {
        // Every object has its turn before one comes again.
        let (index, round) = (number % stage.applications, number / stage.applications);
        let kind = &mut kinds[(index + round) % OBJECTS_PER_APPLICATION];
        took.push(kind.write(index).await?.as_secs_f64() * 1000.0);
        *ours.entry(("PATCH".to_owned(), kind.target.resource.to_owned())).or_default() += 1.0;
    }
    stage.quiet().await?;
    let corrected = stage.spent(&before, &stage.snapshot().await?, &ours);

    (stage.progress)(&format!("watching the agent at rest for {} s", settings.idle_seconds));
    let before = stage.snapshot().await?;
    tokio::time::sleep(Duration::from_secs(settings.idle_seconds)).await;
    let rest = stage.spent(&before, &stage.snapshot().await?, &Counts::new());
    Ok(report(stage, settings.idle_seconds, &took, corrected, rest))
}

impl Kind {
    async fn watch(stage: &Stage, target: &'static Target) -> anyhow::Result<Self> {
        let kind = GroupVersionKind::gvk(target.group, "v1", target.kind);
        let resource = ApiResource::from_gvk_with_plural(&kind, target.resource);
        let api = Api::namespaced_with(stage.client.clone(), NAMESPACE, &resource);
        let watch = Watch::start(api.clone()).await?;
        Ok(Self { target, api, watch })
    }

    /// Changes the object of one Application, and gives how long after the answer its correction was seen.
    async fn write(&mut self, index: usize) -> anyhow::Result<Duration> {
        let name = format!("{}-{}", Monorepo::name(index), self.target.suffix);
        let parameters = PatchParams { field_manager: Some(FOREIGN.to_owned()), ..PatchParams::default() };
        let change = Patch::Merge((self.target.change)());
        let changed = self.api.patch(&name, &parameters, &change).await;
        let answered = Instant::now();
        let changed = changed.with_context(|| format!("change {} {name}", self.target.kind))?;
        let (version, pointer) = (version(&changed), self.target.pointer);
        anyhow::ensure!(is_foreign(&changed, pointer), "{} {name} has no {pointer}", self.target.kind);
        let corrected = self.watch.until(WITHIN, |object| {
            object.name_any() == name && self::version(object) > version && !is_foreign(object, pointer)
        });
        let (at, _) = corrected
            .await
            .with_context(|| format!("wait for the correction of {} {name}", self.target.kind))?;
        Ok(at.saturating_duration_since(answered))
    }
}

fn is_foreign(object: &DynamicObject, pointer: &str) -> bool {
    let object = serde_json::to_value(object).unwrap_or_default();
    object.pointer(pointer).is_some_and(|value| value == FOREIGN)
}

/// Versions of one kind grow with each write.
fn version(object: &DynamicObject) -> Option<u64> {
    object.metadata.resource_version.as_ref()?.parse().ok()
}

fn report(stage: &Stage, idle_seconds: u64, took: &[f64], corrected: Spent, rest: Spent) -> Report {
    let objects = stage.applications * OBJECTS_PER_APPLICATION;
    let title = format!("{} foreign writes, and {idle_seconds} s of rest with {objects} objects", took.len());
    let mut report = Report::new("drift", title);
    report.row(Row::new("write to correction, p50", Unit::Milliseconds, quantile(took, 0.5)));
    report.row(Row::new("write to correction, p99", Unit::Milliseconds, quantile(took, 0.99)).at_most(250.0));
    report.row(Row::new("write to correction, max", Unit::Milliseconds, max(took)));
    #[expect(clippy::cast_precision_loss, reason = "there are not that many writes and objects")]
    let (writes, objects) = (took.len().max(1) as f64, objects as f64);
    report.row(Row::new("API requests a correction", Unit::Count, corrected.answered_in_all() / writes));
    report.row(Row::new("  by the agent's count", Unit::Count, corrected.sent / writes));
    report.row(Row::new("corrections", Unit::Count, corrected.corrections));
    report.row(Row::new("CPU a correction", Unit::Milliseconds, corrected.cpu * 1000.0 / writes));
    report.row(Row::new("renders for corrections", Unit::Count, corrected.renders).at_most(0.0));
    report.row(Row::new("API requests at rest, without the Lease", Unit::Count, rest.sent).at_most(0.0));
    report.row(Row::new("  of these for each object", Unit::Count, rest.sent / objects).at_most(0.0));
    report.row(Row::new("CPU at rest", Unit::Seconds, rest.cpu));
    report.requests("requests for corrections", corrected.answered);
    report.requests("requests at rest", rest.answered);
    report.note(
        "from the answer to the foreign write until a watch showed the field restored; one object after the \
         other, of every kind. Requests at rest are the agent's count, without watches and its Lease; below they are the \
         API server's, with the Lease",
    );
    report.note(stage.idle_note());
    report
}
