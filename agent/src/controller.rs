//! Joins the steps: takes events from the cluster and from its own tasks, asks
//! the state machine what to do, and has it done.
//!
//! Decides nothing itself (that is `state`), and touches no manifest (that is
//! `sync`).

pub(crate) mod backoff;
pub(crate) mod desk;
pub mod event;
mod granted;
mod keys;
mod perform;
pub(crate) mod plugins;
mod policy_report;
mod publish;
pub(crate) mod records;
pub(crate) mod report;
mod resources;
pub(crate) mod sources;
pub(crate) mod state;
pub(crate) mod status;
pub(crate) mod sync;
pub(crate) mod values;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use arc_swap::ArcSwap;
use k8s_openapi::jiff::Timestamp;
use prometheus_client::registry::Registry as MetricsRegistry;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::event::Event;
use self::granted::Granted;
use self::perform::Shell;
use self::plugins::PluginSet;
use self::publish::Recorder;
use self::records::Records;
use self::resources::{Follower, Kind, Known};
use self::sources::Sources;
use self::state::{State, Tuning};
use self::sync::Steps;
use self::values::Values;
use self::values::watch::ValuesWatch;
use crate::cluster::Cluster;
use crate::gate::Gate;
use crate::observe::watch::Observer;
use crate::render::{Memo, Store};
use crate::shard::claim::Claim;
use crate::shard::lead::lead;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::serve::{Probes, serve};

/// Events that may wait for the controller. Whoever sends more waits.
const EVENT_QUEUE: usize = 4_096;
/// How long attempts that were told to stop may take to do so at the end.
const STOP_WITHIN: Duration = Duration::from_secs(20);
/// How long their results may take to be published.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(5);
/// How long the first list of a kind of the agent's own resources may take until that is told.
const LISTED_WITHIN: Duration = Duration::from_secs(30);

/// How often the controller shows that it is alive when nothing happens.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// What an operator decides about one agent.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who this agent is among the others, for example its pod's name and uid.
    pub identity: String,
    /// The namespace of the agents and their Lease.
    pub namespace: String,
    /// Where object databases are kept. Losing it costs a fetch.
    pub cache: PathBuf,
    /// Where the last render of each Application is kept. Losing it costs a render.
    pub renders_cache: PathBuf,
    /// Where probes and metrics are served.
    pub listen: SocketAddr,
    /// Attempts that may run at once.
    pub concurrency: usize,
    /// Renders and judgements that may run at once.
    pub renders: usize,
    /// Whether a `PolicyReport` is kept for each Application.
    pub policy_reports: bool,
}

/// Runs the agent until `stop`, then ends what is under way and gives back its
/// right to write.
///
/// # Errors
/// Where the agent can't start: no way to the API server, no place to listen.
pub(crate) async fn run(
    settings: Settings,
    cluster: Cluster,
    plugins: Arc<PluginSet>,
    stop: CancellationToken,
    listening: impl FnOnce(SocketAddr),
) -> anyhow::Result<()> {
    let mut registry = MetricsRegistry::default();
    let metrics = Metrics::new(&mut registry);
    crate::telemetry::metrics::register_requests(&mut registry, cluster.clone());
    let memo = Arc::new(memo(&settings.renders_cache));
    crate::telemetry::metrics::register_memo(&mut registry, memo.clone());
    let probes = Arc::new(Probes::default());
    let (events, mut received) = mpsc::channel(EVENT_QUEUE);
    let (notices, mut reports) = mpsc::channel(EVENT_QUEUE);
    let (leadership, mut leaderships) = mpsc::channel(EVENT_QUEUE);
    let (revalued, mut revaluations) = mpsc::channel(EVENT_QUEUE);
    let (tasks, followers) = (TaskTracker::new(), TaskTracker::new());
    // What serves and follows outlives the attempts, and so does the right to write: their last results are
    // still published.
    let (give_up, end) = (CancellationToken::new(), CancellationToken::new());

    let observer = Observer::new(cluster.clone(), plugins.clone(), notices, end.clone());
    let claim = Claim::default();
    let records = Records::new(cluster.clone(), claim.clone());
    let known = Arc::new(Known::default());
    let own = settings.namespace.clone();
    let values = Arc::new(ValuesWatch::new(cluster.clone(), own.clone(), revalued, followers.clone()));
    let steps = Arc::new(Steps {
        cluster: cluster.clone(),
        claim: claim.clone(),
        records: records.clone(),
        sources: Sources::new(cluster.clone(), settings.cache.clone()),
        values: Values::new(cluster.clone(), values.clone()),
        plugins: plugins.clone(),
        memo,
        gates: ArcSwap::default(),
        granted: Arc::new(Granted::new(cluster.clone(), events.clone(), followers.clone())),
        observer: observer.clone(),
        metrics: metrics.clone(),
        thinking: Arc::new(Semaphore::new(settings.renders.max(1))),
    });
    let recorder = Recorder::new(records, settings.identity.clone());
    let shell = Shell::new(
        steps.clone(),
        plugins.clone(),
        known.clone(),
        recorder,
        events.clone(),
        tasks.clone(),
        settings.policy_reports,
    );

    let listener = listen(settings.listen, listening).await?;
    let server = tokio::spawn(serve(listener, Arc::new(registry), probes.clone(), end.clone()));

    follow_plugins(plugins.changed(), events.clone(), end.clone(), &followers);
    let follower = Follower {
        known: known.clone(),
        observer: observer.clone(),
        plugins: plugins.clone(),
        values: values.clone(),
        events: events.clone(),
    };
    let begin = begin(follower, cluster, probes.clone(), followers.clone(), stop.clone(), end.clone());
    let lead = lead(steps.cluster.clone(), own, settings.identity, claim, leadership, give_up.clone());
    let leading = tokio::spawn(async move {
        if begin.await {
            lead.await;
        }
    });

    let mut state = State::new(Tuning { slots: settings.concurrency.max(1), ..Tuning::default() });
    let mut stopping: Option<tokio::time::Instant> = None;
    let mut expiry = Timestamp::MAX;
    loop {
        probes.beat(Instant::now());
        let event = tokio::select! {
            Some(event) = received.recv() => event,
            Some(notice) = reports.recv() => notice.into(),
            Some(leading) = leaderships.recv() => Event::Leadership(leading),
            Some(name) = revaluations.recv() => Event::ValuesChanged(name),
            () = wake(&state) => Event::Tick,
            // What an exception let pass counts from then on.
            () = passed(expiry) => Event::RulesChanged,
            () = stop.cancelled(), if stopping.is_none() => {
                stopping = Some(tokio::time::Instant::now() + STOP_WITHIN);
                Event::Shutdown
            }
            () = until(stopping) => break,
        };
        expiry = take_note(&event, &metrics, &known, &steps).unwrap_or(expiry);
        for action in state.on_event(Instant::now(), event) {
            shell.perform(action);
        }
        count(&known, &metrics);
        if stopping.is_some() && state.in_flight() == 0 {
            break;
        }
    }
    probes.ready.store(false, Ordering::Relaxed);
    // Nobody decides any more: whoever still has something to tell must not wait for it.
    drop((received, reports, revaluations));
    publish_last(&tasks).await;
    give_up.cancel();
    leading.await.context("give up the lease")?;
    values.lead(false);
    steps.granted.lead(false);
    end.cancel();
    observer.stopped().await;
    followers.close();
    followers.wait().await;
    server.await.context("serve probes and metrics")?
}

/// Waits a while for what is still to be published.
async fn publish_last(tasks: &TaskTracker) {
    tasks.close();
    if tokio::time::timeout(PUBLISHED_WITHIN, tasks.wait()).await.is_err() {
        tracing::warn!("some results could not be published in time");
    }
}

/// Opens the place where probes and metrics are served, and tells where it is.
async fn listen(at: SocketAddr, listening: impl FnOnce(SocketAddr)) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(at).await.with_context(|| format!("listen on {at}"))?;
    listening(listener.local_addr().context("read the address listened on")?);
    Ok(listener)
}

/// A memo that outlives the process, where there is a place for it.
fn memo(folder: &Path) -> Memo {
    match Store::open(folder) {
        Ok(store) => Memo::on_disk(store),
        Err(error) => {
            let folder = folder.display();
            tracing::warn!(%folder, %error, "renders are not kept; after a restart all is rendered again");
            Memo::default()
        }
    }
}

/// Follows the agent's own resources, and returns true once each kind was listed: whoever does not know the Gates
/// must not write. False when the process ends before.
async fn begin(
    follower: Follower,
    cluster: Cluster,
    probes: Arc<Probes>,
    tasks: TaskTracker,
    stop: CancellationToken,
    end: CancellationToken,
) -> bool {
    for kind in Kind::ALL {
        let listed = watch::Sender::new(false);
        let mut first = listed.subscribe();
        tasks.spawn(follower.clone().follow(kind, cluster.clone(), listed, end.clone()));
        while !*first.borrow_and_update() {
            tokio::select! {
                listed = first.changed() => {
                    if listed.is_err() {
                        tracing::error!(?kind, "is no longer followed");
                        return false;
                    }
                }
                () = tokio::time::sleep(LISTED_WITHIN) => tracing::warn!(
                    ?kind,
                    "can't be listed yet, and nothing is done before it is; is its definition installed?"
                ),
                () = stop.cancelled() => return false,
            }
        }
    }
    probes.ready.store(true, Ordering::Relaxed);
    true
}

fn follow_plugins(
    mut changed: watch::Receiver<u64>,
    events: mpsc::Sender<Event>,
    end: CancellationToken,
    tasks: &TaskTracker,
) {
    tasks.spawn(async move {
        loop {
            tokio::select! {
                result = changed.changed() => {
                    if result.is_err() || events.send(Event::RulesChanged).await.is_err() {
                        return;
                    }
                }
                () = end.cancelled() => return,
            }
        }
    });
}

/// What has to be in place before an event is decided on. Gives when the rules
/// change by themselves, where that is another time than before.
fn take_note(event: &Event, metrics: &Metrics, known: &Known, steps: &Steps) -> Option<Timestamp> {
    match event {
        Event::Leadership(leading) => {
            metrics.leader.set(i64::from(*leading));
            steps.values.lead(*leading);
            steps.granted.lead(*leading);
        }
        Event::RulesChanged => {
            let gates = known.judging();
            steps.granted.follow(&gates);
            let expiry = next_expiry(&gates, Timestamp::now());
            steps.gates.store(Arc::new(gates));
            return Some(expiry);
        }
        _ => {}
    }
    None
}

/// When the next exception expires.
fn next_expiry(gates: &[Gate], now: Timestamp) -> Timestamp {
    let exceptions = gates.iter().flat_map(|gate| &gate.exceptions);
    let expiries = exceptions.map(|exception| exception.expires);
    expiries.filter(|expires| *expires > now).min().unwrap_or(Timestamp::MAX)
}

/// Waits until a point in time has passed, by the wall clock, which may be set.
async fn passed(time: Timestamp) {
    while let Ok(left) = Duration::try_from(time.duration_since(Timestamp::now())) {
        tokio::time::sleep(left.min(HEARTBEAT)).await;
        if time <= Timestamp::now() {
            return;
        }
    }
}

fn count(known: &Known, metrics: &Metrics) {
    let (repositories, applications) = known.counts();
    metrics.repositories.set(i64::try_from(repositories).unwrap_or(i64::MAX));
    metrics.applications.set(i64::try_from(applications).unwrap_or(i64::MAX));
}

async fn wake(state: &State) {
    let heartbeat = Instant::now() + HEARTBEAT;
    let at = state.next_wake().map_or(heartbeat, |at| at.min(heartbeat));
    tokio::time::sleep_until(at.into()).await;
}

async fn until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
