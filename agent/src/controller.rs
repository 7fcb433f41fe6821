//! Joins the steps: takes events from the cluster and from its own tasks, asks
//! the state machine what to do, and has it done.
//!
//! Decides nothing itself (that is `state`), and touches no manifest (that is
//! `sync`).

pub(crate) mod backoff;
pub(crate) mod desk;
pub mod event;
mod perform;
pub(crate) mod plugins;
mod publish;
pub(crate) mod report;
mod resources;
pub(crate) mod sources;
pub(crate) mod state;
pub(crate) mod status;
pub(crate) mod sync;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use arc_swap::ArcSwap;
use prometheus_client::registry::Registry as MetricsRegistry;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::event::Event;
use self::perform::Shell;
use self::plugins::PluginSet;
use self::publish::Recorder;
use self::resources::{Kind, Known};
use self::sources::Sources;
use self::state::{State, Tuning};
use self::sync::Steps;
use crate::cluster::Cluster;
use crate::gate::Gate;
use crate::observe::watch::Observer;
use crate::render::Memo;
use crate::shard::claim::Claim;
use crate::shard::lead::lead;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::serve::{Probes, serve};

/// Events that may wait for the controller. Whoever sends more waits.
const EVENT_QUEUE: usize = 4_096;
/// How long attempts that were told to stop may take to do so at the end.
const STOP_WITHIN: Duration = Duration::from_secs(20);
/// How long the first lists of the agent's own resources are awaited.
const LISTED_WITHIN: Duration = Duration::from_mins(1);

/// What an operator decides about one agent.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who this agent is among the others, for example its pod's name and uid.
    pub identity: String,
    /// The namespace of the agents and their Lease.
    pub namespace: String,
    /// Where object databases are kept. Losing it costs a fetch.
    pub cache: PathBuf,
    /// Where probes and metrics are served.
    pub listen: SocketAddr,
    /// Attempts that may run at once.
    pub concurrency: usize,
    /// Renders and judgements that may run at once.
    pub renders: usize,
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
    let memo = Arc::new(Memo::default());
    crate::telemetry::metrics::register_memo(&mut registry, memo.clone());
    let probes = Arc::new(Probes::default());
    let (events, mut received) = mpsc::channel(EVENT_QUEUE);
    let tasks = TaskTracker::new();
    // What serves and follows outlives the attempts, whose last results are still published.
    let end = CancellationToken::new();

    let observer = Observer::new(cluster.clone(), plugins.clone(), events.clone(), end.clone());
    let claim = Claim::default();
    let known = Arc::new(Known::default());
    let steps = Arc::new(Steps {
        cluster: cluster.clone(),
        claim: claim.clone(),
        sources: Sources::new(cluster.clone(), settings.cache.clone()),
        plugins: plugins.clone(),
        memo,
        gates: ArcSwap::default(),
        observer: observer.clone(),
        metrics: metrics.clone(),
        thinking: Arc::new(Semaphore::new(settings.renders.max(1))),
    });
    let recorder = Recorder::new(cluster.clone(), settings.identity.clone());
    let shell = Shell::new(
        steps.clone(),
        plugins.clone(),
        known.clone(),
        recorder,
        events.clone(),
        tasks.clone(),
        metrics.clone(),
    );

    let (serve_until, probes_served) = (end.clone(), probes.clone());
    let (bound, address) = tokio::sync::oneshot::channel();
    let listen = settings.listen;
    let server = tokio::spawn(async move {
        let bound = move |address| {
            // Nobody waits for the address any more when the agent ends already.
            let _ = bound.send(address);
        };
        serve(listen, Arc::new(registry), probes_served, bound, serve_until).await
    });
    match address.await {
        Ok(address) => listening(address),
        Err(_) => return server.await.context("serve probes and metrics")?,
    }

    follow_plugins(plugins.changed(), events.clone(), end.clone(), &tasks);
    let followers = follow_resources(&cluster, &known, &observer, &events, &end, &tasks).await;
    probes.ready.store(followers, Ordering::Relaxed);
    let leading = tokio::spawn(lead(
        cluster,
        settings.namespace.clone(),
        settings.identity.clone(),
        claim,
        events.clone(),
        stop.clone(),
    ));

    let mut state = State::new(Tuning { slots: settings.concurrency.max(1), ..Tuning::default() });
    let mut stopping: Option<tokio::time::Instant> = None;
    loop {
        let event = tokio::select! {
            Some(event) = received.recv() => event,
            () = wake(&state) => Event::Tick,
            () = stop.cancelled(), if stopping.is_none() => {
                stopping = Some(tokio::time::Instant::now() + STOP_WITHIN);
                Event::Shutdown
            }
            () = until(stopping) => break,
        };
        take_note(&event, &metrics, &known, &steps, &plugins);
        for action in state.on_event(Instant::now(), event) {
            shell.perform(action);
        }
        let (repositories, applications) = known.counts();
        metrics.repositories.set(i64::try_from(repositories).unwrap_or(i64::MAX));
        metrics.applications.set(i64::try_from(applications).unwrap_or(i64::MAX));
        if stopping.is_some() && state.in_flight() == 0 {
            break;
        }
    }
    probes.ready.store(false, Ordering::Relaxed);
    leading.await.context("give up the lease")?;
    end.cancel();
    observer.stopped().await;
    tasks.close();
    tasks.wait().await;
    server.await.context("serve probes and metrics")?
}

/// Follows the agent's own resources; true once all were listed.
async fn follow_resources(
    cluster: &Cluster,
    known: &Arc<Known>,
    observer: &Arc<Observer>,
    events: &mpsc::Sender<Event>,
    end: &CancellationToken,
    tasks: &TaskTracker,
) -> bool {
    let mut all = true;
    for kind in Kind::ALL {
        let listed = watch::Sender::new(false);
        let mut first = listed.subscribe();
        tasks.spawn(resources::follow(
            kind,
            cluster.clone(),
            known.clone(),
            observer.clone(),
            events.clone(),
            listed,
            end.clone(),
        ));
        let first = tokio::time::timeout(LISTED_WITHIN, first.wait_for(|listed| *listed));
        tokio::select! {
            first = first => all &= matches!(first, Ok(Ok(_))),
            () = end.cancelled() => return false,
        }
    }
    if !all {
        tracing::warn!("not all of the agent's resources could be listed; are its definitions installed?");
    }
    all
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

/// What has to be in place before an event is decided on.
fn take_note(event: &Event, metrics: &Metrics, known: &Known, steps: &Steps, plugins: &PluginSet) {
    match event {
        Event::Leadership(leading) => {
            metrics.leader.set(i64::from(*leading));
        }
        Event::RulesChanged => {
            steps.gates.store(Arc::new(known.gates().iter().map(|gate| Gate::from(&**gate)).collect()));
            let resources = known.plugins();
            let resources = resources.iter();
            let specs = resources
                .map(|plugin| (plugin.metadata.name.clone().unwrap_or_default(), plugin.spec.clone()));
            plugins.set_resources(specs.collect());
        }
        _ => {}
    }
}

async fn wake(state: &State) {
    match state.next_wake() {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

async fn until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
