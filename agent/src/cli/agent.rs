//! `windlass agent`: runs until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::output::Output;
use super::plugins::PluginArguments;
use crate::cluster::{Cluster, ConnectOptions};
use crate::controller::plugins::PluginSet;
use crate::controller::{self, Settings};
use crate::plugin::CompileLimits;
use crate::plugin::registry::Registry;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// A kubeconfig. Without it, `KUBECONFIG` or `~/.kube/config`, and inside
    /// of a cluster the pod's service account.
    #[arg(long, value_name = "FILE", env = "WINDLASS_KUBECONFIG")]
    kubeconfig: Option<PathBuf>,

    /// A context of the kubeconfig. Without it, its current one.
    #[arg(long, value_name = "NAME", env = "WINDLASS_CONTEXT")]
    context: Option<String>,

    /// The namespace of the agents and of the Lease that they share.
    #[arg(long, value_name = "NAMESPACE", env = "WINDLASS_NAMESPACE", default_value = "windlass-system")]
    namespace: String,

    /// The node that this agent runs on: a part of its identity.
    #[arg(long, value_name = "NAME", env = "WINDLASS_NODE")]
    node: Option<String>,

    /// The uid of the agent's pod: the other part of its identity.
    #[arg(long, value_name = "UID", env = "WINDLASS_POD_UID")]
    pod_uid: Option<String>,

    #[command(flatten)]
    plugins: PluginArguments,

    /// Where /healthz, /readyz and /metrics are served.
    #[arg(long, value_name = "ADDRESS", env = "WINDLASS_LISTEN", default_value = "0.0.0.0:8080")]
    listen: SocketAddr,

    /// Applications that are synced at once.
    #[arg(long, value_name = "COUNT", env = "WINDLASS_CONCURRENCY", default_value_t = 8)]
    concurrency: usize,

    /// Renders and judgements at once. A render takes a processor and the plugin's memory; a judgement asks as many
    /// policies at once as there are processors, up to four.
    #[arg(long, value_name = "COUNT", env = "WINDLASS_RENDERS", default_value_t = 1)]
    renders: usize,

    /// Keep a `PolicyReport` (`wgpolicyk8s.io/v1alpha2`) of the findings in what
    /// is applied, for each Application. Its definition has to be in the
    /// cluster.
    #[arg(long, env = "WINDLASS_POLICY_REPORTS")]
    policy_reports: bool,

    /// How much is logged, as `info`, `debug` or `windlass=debug,kube=warn`.
    #[arg(long, value_name = "FILTER", env = "WINDLASS_LOG", default_value = "info")]
    log: String,

    /// How log lines look.
    #[arg(long, value_enum, env = "WINDLASS_LOG_FORMAT", default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<u8> {
    start_logging(arguments, output.is_stderr_colored())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(16)
        .enable_all()
        .build()
        .context("start the runtime")?;
    runtime.block_on(agent(arguments))?;
    Ok(0)
}

async fn agent(arguments: &Arguments) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    stop_on_signals(stop.clone())?;
    let registry = load_plugins(arguments)?;
    let (sender, changed) = watch::channel(0_u64);
    let _watch = registry.watch(move |names| {
        tracing::info!(?names, "plugins changed");
        sender.send_modify(|count| *count += 1);
    })?;
    let cluster = Cluster::connect(ConnectOptions {
        kubeconfig: arguments.kubeconfig.clone(),
        context: arguments.context.clone(),
        agent_namespace: Some(arguments.namespace.clone()),
        ..ConnectOptions::default()
    })
    .await?;
    let settings = Settings {
        identity: identity(arguments),
        namespace: arguments.namespace.clone(),
        cache: arguments.plugins.cache()?.join("git"),
        renders_cache: arguments.plugins.cache()?.join("renders"),
        listen: arguments.listen,
        concurrency: arguments.concurrency,
        renders: arguments.renders,
        policy_reports: arguments.policy_reports,
    };
    let plugins = Arc::new(PluginSet::new(registry, changed));
    controller::run(settings, cluster, plugins, stop, |address| {
        tracing::info!(%address, "serving /healthz, /readyz and /metrics");
    })
    .await
}

fn load_plugins(arguments: &Arguments) -> anyhow::Result<Arc<Registry>> {
    // The health rules and a self-test want a place beside the renders.
    let calls = u32::try_from(arguments.renders).unwrap_or(u32::MAX).saturating_add(2);
    let registry = arguments.plugins.open(CompileLimits::default(), calls)?;
    for error in registry.errors() {
        tracing::error!(file = %error.file.display(), message = error.message, "a plugin is not loaded");
    }
    for plugin in registry.iter() {
        let manifest = plugin.manifest();
        tracing::info!(plugin = plugin.name(), version = manifest.version, digest = %plugin.digest(), "loaded");
    }
    Ok(Arc::new(registry))
}

fn identity(arguments: &Arguments) -> String {
    let node = arguments
        .node
        .clone()
        .unwrap_or_else(|| rustix::system::uname().nodename().to_string_lossy().into_owned());
    let instance = arguments.pod_uid.clone().unwrap_or_else(|| std::process::id().to_string());
    format!("{node}_{instance}")
}

fn start_logging(arguments: &Arguments, colored: bool) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&arguments.log)
        .with_context(|| format!("read the log filter `{}`", arguments.log))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match arguments.log_format {
        LogFormat::Text => builder.with_ansi(colored).with_target(false).try_init(),
        LogFormat::Json => builder.json().with_target(false).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!(error).context("start logging"))
}

/// The first SIGTERM or SIGINT ends the agent gracefully; a second one at once.
fn stop_on_signals(stop: CancellationToken) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listen for SIGINT")?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("ending; a second signal ends at once");
        stop.cancel();
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::process::exit(130);
    });
    Ok(())
}
