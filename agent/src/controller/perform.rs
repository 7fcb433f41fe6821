//! Performs actions: each in a task of its own, whose result comes back as an
//! event.

mod tell;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use k8s_openapi::jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::desk::Desk;
use super::event::{
    Action, Attempt, Correction, Event, Polled, Retry, Standing, SyncEnd, Target, Waiting, send,
};
use super::plugins::{PluginSet, Readiness};
use super::publish::Recorder;
use super::report::Cause;
use super::resources::{Entry, Known, repository_version};
use super::sources::Found;
use super::status::label;
use super::sync::Steps;
use crate::api::condition::{ConditionType, condition};
use crate::apply;
use crate::cluster::EventType;
use crate::lock::lock;
use crate::object::{Name, ObjectKey};
use crate::plan::order::Stage;
use crate::plan::prune::Removal;
use crate::plan::{Apply, Plan};
use crate::telemetry::metrics::{Metrics, Outcome, Step};

/// As soon as the back-off allows: nobody asked for more.
const AT_ONCE: Retry = Retry::After(Duration::ZERO);

/// Performs what the state machine decides.
pub(crate) struct Shell {
    work: Arc<Work>,
    tasks: TaskTracker,
    /// What stops a poll or an attempt.
    running: Arc<Mutex<HashMap<Attempt, CancellationToken>>>,
}

/// What every task works with.
struct Work {
    steps: Arc<Steps>,
    plugins: Arc<PluginSet>,
    known: Arc<Known>,
    recorder: Recorder,
    events: mpsc::Sender<Event>,
    metrics: Metrics,
    policy_reports: bool,
}

impl Shell {
    pub(crate) fn new(
        steps: Arc<Steps>,
        plugins: Arc<PluginSet>,
        known: Arc<Known>,
        recorder: Recorder,
        events: mpsc::Sender<Event>,
        tasks: TaskTracker,
        policy_reports: bool,
    ) -> Self {
        let metrics = steps.metrics.clone();
        let work = Arc::new(Work { steps, plugins, known, recorder, events, metrics, policy_reports });
        Self { work, tasks, running: Arc::default() }
    }

    /// Begins an action; never waits for it.
    pub(crate) fn perform(&self, action: Action) {
        let work = self.work.clone();
        match action {
            Action::Poll { name, attempt } => {
                let span = tracing::info_span!("poll", repository = %name);
                self.start(attempt, |cancel| {
                    async move { work.poll(name, attempt, cancel).await }.instrument(span)
                });
            }
            Action::Sync { name, attempt, target } => {
                let revision = tracing::field::display(target.revision.commit);
                let span = tracing::info_span!("sync", application = %name, revision);
                self.start(attempt, |cancel| {
                    async move { work.sync(name, attempt, target, cancel).await }.instrument(span)
                });
            }
            Action::Correct { name, attempt, objects } => {
                let span = tracing::info_span!("correct", application = %name);
                self.start(attempt, |cancel| {
                    async move { work.correct(name, attempt, objects, cancel).await }.instrument(span)
                });
            }
            Action::Cancel(attempt) | Action::CancelPoll(attempt) => {
                if let Some(cancel) = lock(&self.running).get(&attempt) {
                    cancel.cancel();
                }
            }
            Action::Explain { name, waiting } => {
                self.tasks.spawn(async move { work.explain(name, waiting).await });
            }
            Action::ReportFight { name, object } => {
                self.tasks.spawn(async move { work.report_fight(name, object).await });
            }
            Action::ReportHealthTimeout(name) => {
                self.tasks.spawn(async move { work.publish_health(name, true).await });
            }
            Action::PublishHealth(name) => {
                self.tasks.spawn(async move { work.publish_health(name, false).await });
            }
            Action::PublishRules => drop(self.tasks.spawn(async move { work.publish_rules().await })),
            Action::CountStanding(count) => work.metrics.steps_without_work(Step::Sync, count),
            Action::Forget(name) => work.forget(&name),
        }
    }

    fn start<F: Future<Output = ()> + Send + 'static>(
        &self,
        attempt: Attempt,
        task: impl FnOnce(CancellationToken) -> F,
    ) {
        let cancel = CancellationToken::new();
        lock(&self.running).insert(attempt, cancel.clone());
        let (task, running) = (task(cancel), self.running.clone());
        self.tasks.spawn(async move {
            task.await;
            lock(&running).remove(&attempt);
        });
    }
}

impl Work {
    async fn poll(&self, name: Name, attempt: Attempt, cancel: CancellationToken) {
        let began = Instant::now();
        let outcome = match self.known.repository(&name) {
            Some(repository) => {
                let version = repository_version(&repository);
                let result = self.steps.sources.poll(&name, version, &repository, cancel).await;
                let outcome = match &result {
                    Ok(found) if found.moved => Outcome::Done,
                    Ok(_) => Outcome::Unchanged,
                    Err(error) if error.cancelled => Outcome::Cancelled,
                    Err(_) => Outcome::Failed,
                };
                self.metrics.step(Step::Poll, outcome, began.elapsed());
                if let Ok(found) = &result
                    && found.moved
                {
                    tracing::info!(revision = %label(&found.revision), "a new revision");
                }
                let polled = match &result {
                    Ok(found) => Polled::Revision {
                        revision: found.revision.clone(),
                        standing: self.standing(found).await,
                    },
                    Err(error) if error.cancelled => Polled::Cancelled,
                    Err(error) => Polled::Failed { asked: error.asked },
                };
                // The revision goes on its way before anything is told of it.
                send(&self.events, Event::Polled { name: name.clone(), attempt, outcome: polled }).await;
                if !matches!(&result, Err(error) if error.cancelled) {
                    self.recorder.polled(&name, &repository, result.as_ref()).await;
                }
                return;
            }
            None => Polled::Cancelled,
        };
        self.steps.sources.forget(&name);
        send(&self.events, Event::Polled { name, attempt, outcome }).await;
    }

    /// Whom the commits since the last poll don't concern.
    async fn standing(&self, found: &Found) -> Option<Standing> {
        let (former, changes) = found.changes.clone()?;
        let (memo, new) = (self.steps.memo.clone(), found.revision.tree);
        let (since, old) = (former.commit, former.tree);
        // There may be many Applications to look at.
        let applications = tokio::task::spawn_blocking(move || memo.carry_over(old, new, &changes));
        Some(Standing { since, applications: applications.await.ok()? })
    }

    async fn sync(&self, name: Name, attempt: Attempt, target: Target, cancel: CancellationToken) {
        let began = Instant::now();
        let end = match self.known.application(&name) {
            Some(entry) => self.sync_entry(&entry, &target, &cancel).await,
            // Its deletion is on its way here.
            None => SyncEnd::Failed { retry: AT_ONCE, touched: false, in_hand: false },
        };
        let outcome = match end {
            SyncEnd::Done { .. } => Outcome::Done,
            SyncEnd::Failed { .. } => Outcome::Failed,
            SyncEnd::Cancelled { .. } => Outcome::Cancelled,
        };
        self.metrics.step(Step::Sync, outcome, began.elapsed());
        send(&self.events, Event::Synced { name: name.clone(), attempt, end }).await;
        let state = self.steps.observer.roll_up(&name).state;
        send(&self.events, Event::HealthChanged { name, state }).await;
    }

    async fn sync_entry(&self, entry: &Entry, target: &Target, cancel: &CancellationToken) -> SyncEnd {
        let mut desk = entry.desk.lock().await;
        let application = entry.resource.get();
        let result = self.steps.sync(&mut desk, &application, target, cancel).await;
        match result {
            Ok(report) => {
                let touched = !report.changes.is_empty();
                if self.publish_synced(&mut desk, &application, target, report).await {
                    SyncEnd::Done { touched }
                } else {
                    // What is not on record has to be put there.
                    SyncEnd::Failed { retry: AT_ONCE, touched: true, in_hand: desk.has_hand() }
                }
            }
            Err(error) => {
                let retry = match error.cause {
                    Cause::Cancelled => return SyncEnd::Cancelled { touched: error.touched },
                    Cause::Fenced => {
                        tracing::warn!("somebody else wrote the inventory; it is read anew");
                        if let Err(error) = desk.reload(&self.steps.records).await {
                            tracing::warn!(%error, "read the Application");
                        }
                        return SyncEnd::Failed { retry: AT_ONCE, touched: true, in_hand: false };
                    }
                    Cause::Refused => Retry::Never,
                    Cause::Transient { asked } => Retry::After(asked),
                };
                self.publish_failed(&mut desk, &application, target, &error).await;
                if !desk.has_hand()
                    && let Err(error) = self.steps.recall(&mut desk, &application, cancel).await
                {
                    tracing::warn!(message = error.message, "the last good state can't be held");
                }
                self.review(&mut desk, &application, target, cancel).await;
                SyncEnd::Failed { retry, touched: error.touched, in_hand: desk.has_hand() }
            }
        }
    }

    async fn correct(
        &self,
        name: Name,
        attempt: Attempt,
        objects: Vec<ObjectKey>,
        cancel: CancellationToken,
    ) {
        let corrections = match self.known.application(&name) {
            Some(entry) => self.correct_entry(&entry, &objects, &cancel).await,
            None => Vec::new(),
        };
        send(&self.events, Event::Corrected { name: name.clone(), attempt, corrections }).await;
        let state = self.steps.observer.roll_up(&name).state;
        send(&self.events, Event::HealthChanged { name, state }).await;
    }

    /// Writes what really drifted of these objects, from the manifests in hand.
    async fn correct_entry(
        &self,
        entry: &Entry,
        objects: &[ObjectKey],
        cancel: &CancellationToken,
    ) -> Vec<Correction> {
        let began = Instant::now();
        let mut desk = entry.desk.lock().await;
        let application = entry.resource.get();
        let applies: Vec<Apply> = {
            let index = self.steps.observer.index();
            desk.in_hand(objects)
                .into_iter()
                .map(|desired| Apply { live: index.live(&desk.name, &desired.key), desired })
                .filter(|apply| !crate::plan::holds(&apply.desired, &desk.inventory, apply.live.as_ref()))
                .collect()
        };
        let writer = match self.steps.writer(&desk, &application, cancel) {
            Ok(writer) if !applies.is_empty() => writer,
            _ => return Vec::new(),
        };
        let plan = Plan {
            owner: desk.owner.clone(),
            desired: applies.iter().map(|apply| apply.desired.clone()).collect(),
            stages: vec![(Stage::Workloads, applies)],
            removal: Removal::default(),
        };
        let inventory = desk.inventory.clone();
        let (changes, error) = apply::correct(&writer, &plan, inventory).await;
        desk.inventory = changes.inventory.clone();
        self.steps.observer.index().track(&desk.name, &desk.owner.field_manager(), &changes.inventory);
        let written: Vec<ObjectKey> =
            self.steps.observe_written(&desk, changes).await.into_iter().map(|(key, _)| key).collect();
        for key in &written {
            if let Some(after) = self.steps.observer.take_noticed(key) {
                self.metrics.corrected(after);
            }
        }
        let outcome = if error.is_none() { Outcome::Done } else { Outcome::Failed };
        self.metrics.step(Step::Correct, outcome, began.elapsed());
        let corrections = plan
            .desired
            .iter()
            .map(|desired| Correction {
                object: desired.key.clone(),
                succeeded: written.contains(&desired.key),
            })
            .collect();
        self.publish_corrected(&mut desk, &application, &written, error).await;
        corrections
    }

    async fn explain(&self, name: Name, waiting: Waiting) {
        let Some(entry) = self.known.application(&name) else { return };
        let mut desk = entry.desk.lock().await;
        let application = entry.resource.get();
        let repository = application.spec.repository.name.clone();
        let generation = application.metadata.generation.unwrap_or(0);
        let published =
            desk.publish(&self.steps.records, generation, |draft| draft.waiting(waiting, &repository)).await;
        if let Err(error) = published {
            tracing::warn!(application = %name, %error, "write the status");
        }
        if let Some(ready) = condition(&desk.status().conditions, ConditionType::Ready).cloned() {
            let kind = if waiting == Waiting::Suspended { EventType::Normal } else { EventType::Warning };
            let uid = application.metadata.uid.as_deref();
            self.happened(&desk, uid, kind, &ready.reason, "Wait", &ready.message).await;
        }
    }

    async fn report_fight(&self, name: Name, object: ObjectKey) {
        let Some(entry) = self.known.application(&name) else { return };
        let desk = entry.desk.lock().await;
        let application = entry.resource.get();
        let note = format!(
            "{object}: somebody keeps changing what is restored; corrections are slowed down until it stops. \
             Remove the field from Git, or stop the other writer; kubectl get -o yaml --show-managed-fields names it"
        );
        tracing::warn!(application = %name, %object, "a tug-of-war");
        let uid = application.metadata.uid.as_deref();
        self.happened(&desk, uid, EventType::Warning, "DriftFight", "Correct", &note).await;
    }

    async fn publish_health(&self, name: Name, timed_out: bool) {
        let Some(entry) = self.known.application(&name) else { return };
        let mut desk = entry.desk.lock().await;
        let application = entry.resource.get();
        let generation = application.metadata.generation.unwrap_or(0);
        if timed_out {
            desk.health_timed_out = Some(generation);
        }
        let timed_out = desk.is_health_timed_out(generation);
        if desk.status().conditions.iter().all(|condition| condition.type_ != ConditionType::Applied.as_str())
        {
            return;
        }
        let before = healthy(&desk);
        let roll_up = desk.hide_in(self.steps.observer.roll_up(&name));
        let generation = desk.status().observed_generation.unwrap_or(0);
        match desk.publish(&self.steps.records, generation, |draft| draft.health(&roll_up, timed_out)).await {
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(application = %name, %error, "write the status");
                return;
            }
        }
        let Some((status, reason, message)) = healthy(&desk) else { return };
        if before.as_ref().map(|(before, ..)| before) == Some(&status) {
            return;
        }
        let uid = application.metadata.uid.as_deref();
        match status.as_str() {
            "False" => self.happened(&desk, uid, EventType::Warning, &reason, "Observe", &message).await,
            "True" => self.happened(&desk, uid, EventType::Normal, "Healthy", "Observe", &message).await,
            _ => {}
        }
    }

    /// Says in the status of every Gate and Plugin whether it can be used.
    async fn publish_rules(&self) {
        for plugin in self.known.plugins() {
            let name = plugin.metadata.name.clone().unwrap_or_default();
            let Readiness { status, reason, message, plugin: loaded } = self.plugins.readiness(&name);
            let more = loaded.map(|loaded| {
                let manifest = loaded.manifest();
                vec![
                    ("digest", format!("sha256:{}", loaded.digest())),
                    ("version", manifest.version.clone()),
                    ("world", manifest.world.as_str().to_owned()),
                ]
            });
            let current = plugin.status.as_ref().and_then(|status| serde_json::to_value(status).ok());
            self.recorder
                .ready(
                    "Plugin",
                    &name,
                    plugin.metadata.generation,
                    current,
                    (status, reason, message),
                    &more.unwrap_or_default(),
                )
                .await;
        }
        for gate in self.known.gates() {
            let name = gate.metadata.name.clone().unwrap_or_default();
            let current = gate.status.as_ref().and_then(|status| serde_json::to_value(status).ok());
            let (plugins, spec) = (self.plugins.clone(), gate.spec.clone());
            let asked =
                tokio::task::spawn_blocking(move || plugins.gate_readiness(&spec, Timestamp::now())).await;
            let Ok(readiness) = asked else { continue };
            self.recorder.ready("Gate", &name, gate.metadata.generation, current, readiness, &[]).await;
        }
    }

    fn forget(&self, name: &Name) {
        self.steps.observer.index().forget(name);
        self.steps.memo.forget(&name.namespace, &name.name);
        self.recorder.forget("Application", name);
    }
}

fn healthy(desk: &Desk) -> Option<(String, String, String)> {
    let healthy = condition(&desk.status().conditions, ConditionType::Healthy)?;
    Some((healthy.status.clone(), healthy.reason.clone(), healthy.message.clone()))
}
