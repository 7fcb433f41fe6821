//! `cargo demo`: windlass at work on a cluster, from a fresh clone, in seven steps that verify what they show.
//!
//! Takes a few arguments; gives a story on standard output and exit code 0 if it held, 1 if not. Everything
//! that it starts ends with it, and everything that it makes is taken away.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

#[path = "../demo/cluster.rs"]
mod cluster;
#[path = "../demo/fleet.rs"]
mod fleet;
#[path = "../demo/screen.rs"]
mod screen;
#[path = "../demo/stage.rs"]
mod stage;
#[path = "../demo/story.rs"]
mod story;

use cluster::Cluster;
use screen::Screen;
use stage::{Built, Stage};

/// Shows windlass at work: builds it, starts a Kubernetes control plane, serves a Git repository, and lets the
/// agent deploy from it.
///
/// The story has seven steps: the first sync, a commit, a manual edit that is healed, a commit that the gate
/// refuses, a rollout that fails, a revert, and the plugins that did it. Each step is verified against the API
/// server; the first that does not hold ends the demo with exit code 1.
///
/// Afterwards it stays, for you to try things, until Ctrl-C. Then it takes everything away.
///
/// Needs Git, and Go 1.26 or newer to build the control plane (once, about five minutes; it is kept in
/// ~/.cache/windlass) and the Kustomize plugin. `KUBEBUILDER_ASSETS` names a folder with prebuilt programs of
/// the control plane instead. No container runtime, no nodes, no rights of an administrator.
#[derive(clap::Parser)]
#[command(name = "cargo demo", bin_name = "cargo demo", max_term_width = 100)]
struct Arguments {
    /// End after the story.
    #[arg(long)]
    once: bool,

    /// Use the cluster of this kubeconfig's current context instead of an own one, with `kubectl` from the
    /// path. It must have no windlass in it. Installs windlass' definitions if they are missing, works in the
    /// namespace `windlass-demo`, and takes away what it made.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// Show this agent instead of building the one of this repository.
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
}

/// Somebody wants it to end.
#[derive(Debug)]
struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let screen = Screen::new();
    let outcome = tokio::runtime::Runtime::new().context("start the runtime").and_then(|runtime| {
        let outcome = runtime.block_on(demo(&arguments, screen));
        // A build that was interrupted is not waited for.
        runtime.shutdown_background();
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Interrupted>() => {
            screen.failure("Interrupted.");
            ExitCode::from(130)
        }
        Err(error) => {
            screen.failure(format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn demo(arguments: &Arguments, screen: Screen) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    screen.title("windlass demo", "the cluster becomes what Git says");
    screen.heading("Preparations");
    let built = signals.or(Built::make(screen, arguments.agent.clone())).await?;
    let mut cluster = match &arguments.kubeconfig {
        None => signals.or(Cluster::embedded(screen)).await?,
        Some(kubeconfig) => signals.or(Cluster::existing(screen, kubeconfig)).await?,
    };
    let outcome = match signals.or(cluster.install(screen)).await {
        Ok(()) => play(arguments, screen, &built, &cluster, &mut signals).await,
        Err(error) => Err(error),
    };
    screen.heading("Clean-up");
    let removed = signals.or(cluster.remove(screen)).await.context("clean up");
    outcome.and(removed)
}

async fn play(
    arguments: &Arguments,
    screen: Screen,
    built: &Built,
    cluster: &Cluster,
    signals: &mut Signals,
) -> anyhow::Result<()> {
    let mut stage = signals.or(Stage::set(screen, built, cluster)).await?;
    if let Err(error) = signals.or(story::tell(&stage)).await {
        if !error.is::<Interrupted>() {
            stage.show_log();
        }
        return Err(error);
    }
    if !arguments.once {
        invite(&stage);
        stay(&mut stage, signals).await?;
    }
    stage.agent.stop().await
}

/// What a person can try now.
fn invite(stage: &Stage<'_>) {
    let screen = stage.screen;
    let tree = stage.repo.work_tree().display();
    screen.heading("Yours until Ctrl-C");
    screen.entry("kubeconfig", stage.cluster.kubeconfig().display());
    screen.entry("work tree", format!("{tree}   (a commit here is deployed)"));
    screen.entry("agent's log", stage.agent.log_path().display());
    screen.entry("metrics", format!("http://{}/metrics", stage.agent.address()));
    screen.heading("Try");
    screen.command(format!("alias k='{}'", stage.cluster.kubectl_line()));
    screen.command("k get applications,repositories,gates,plugins");
    screen.command("k delete deployment web; k get deployment web");
    screen.command(format!("cd {tree}"));
    screen.command("sed -i 's/crochet/sew/' docs/pages.yaml && git commit -am 'docs: sewing'");
    screen.command("k get configmap pages -o yaml");
    screen.command("k get events --sort-by=.metadata.creationTimestamp");
}

/// Until somebody wants it to end, or the agent does.
async fn stay(stage: &mut Stage<'_>, signals: &mut Signals) -> anyhow::Result<()> {
    loop {
        let pause = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(())
        };
        if signals.or(pause).await.is_err() {
            return Ok(());
        }
        if let Some(status) = stage.agent.ended()? {
            stage.show_log();
            anyhow::bail!("the agent ended with {status}");
        }
    }
}

/// Ctrl-C, and what ends programs otherwise.
struct Signals([Signal; 3]);

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("listen to signals");
        Ok(Self([
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ]))
    }

    /// Does some work, unless a signal comes first.
    async fn or<T>(&mut self, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => Err(Interrupted.into()),
            _ = terminate.recv() => Err(Interrupted.into()),
            _ = hangup.recv() => Err(Interrupted.into()),
            outcome = work => outcome,
        }
    }
}
