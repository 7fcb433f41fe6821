//! What the scenarios stand on: a control plane without controllers, a repository with the workload, and one
//! agent that is the only one to use them.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;
use windlass::api::{Application, Repository};

use super::agent_metrics::AgentMetrics;
use super::memory::Memory;
use super::snapshot::{Counts, IdleRate, Snapshot, Spent};
use super::{Progress, Settings, peers};
use crate::fixture::{AGENT_NAMESPACE, install};
use crate::{Agent, AgentOptions, ControlPlane, GitServer, GitServerOptions, Monorepo, Options, TestRepo};

/// The namespace of the Applications and of everything they own.
pub(super) const NAMESPACE: &str = "bench";
/// The name of the Repository.
pub(super) const REPOSITORY: &str = "fleet";
/// How long the control plane is watched before the agent comes.
const IDLE_FOR: Duration = Duration::from_secs(20);
/// How long no request may be sent until the agent counts as at rest.
const QUIET_FOR: Duration = Duration::from_secs(2);
/// How long it may take until it is.
const QUIET_WITHIN: Duration = Duration::from_mins(2);

/// A running cluster with an agent in it.
pub(super) struct Stage {
    pub(super) control: ControlPlane,
    pub(super) client: kube::Client,
    pub(super) agent: Agent,
    pub(super) server: GitServer,
    pub(super) repo: TestRepo,
    pub(super) applications: usize,
    pub(super) progress: Progress,
    /// The memory of the agent before there was an Application.
    pub(super) idle_memory: Memory,
    idle: IdleRate,
}

impl Stage {
    pub(super) async fn start(settings: &Settings, progress: &Progress) -> anyhow::Result<Self> {
        let (program, plugins) = build(settings, progress).await?;
        let options = Options { controller_manager: false, progress: progress.clone(), ..Options::default() };
        let control = ControlPlane::start(options).await?;
        install(&control).await?;
        control.run_kubectl(&["create", "namespace", NAMESPACE]).await?;
        progress("writing the repository");
        let server = GitServer::start(GitServerOptions::default())?;
        let repo = server.create_repo(REPOSITORY)?;
        let monorepo = Monorepo { applications: settings.applications, namespace: NAMESPACE.to_owned() };
        repo.write_all(monorepo.files())?;
        repo.commit("the workload")?;
        progress("measuring the control plane at rest");
        let idle = IdleRate::measure(&control, IDLE_FOR).await?;
        progress("starting the agent");
        let agent = Agent::start(&AgentOptions {
            program,
            plugins,
            kubeconfig: control.kubeconfig_path(),
            namespace: AGENT_NAMESPACE.to_owned(),
            cache: None,
            log: "info".to_owned(),
            arguments: Vec::new(),
        })
        .await?;
        let client = control.client()?;
        quiet(&agent).await?;
        let idle_memory = Memory::of(agent.pid())?;
        Ok(Self {
            control,
            client,
            agent,
            server,
            repo,
            applications: settings.applications,
            progress: progress.clone(),
            idle_memory,
            idle,
        })
    }

    pub(super) async fn end(self) -> anyhow::Result<()> {
        self.agent.stop().await?;
        self.control.shutdown().await
    }

    /// The clients for what windlass is told.
    pub(super) fn repositories(&self) -> Api<Repository> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    /// See [`Self::repositories`].
    pub(super) fn applications(&self) -> Api<Application> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    /// Creates the Repository and all Applications, as fast as the API server takes them, and gives the requests
    /// that this took.
    pub(super) async fn create_everything(&self) -> anyhow::Result<Counts> {
        use futures::{StreamExt as _, TryStreamExt as _};

        let repository: Repository = serde_json::from_value(json!({
            "apiVersion": "windlass.dev/v1alpha1",
            "kind": "Repository",
            "metadata": {"name": REPOSITORY},
            "spec": {"url": self.server.url(REPOSITORY), "interval": "1s"},
        }))?;
        self.repositories().create(&PostParams::default(), &repository).await?;
        let api = self.applications();
        let applications = (0..self.applications).map(|index| {
            let api = api.clone();
            async move {
                let application: Application = serde_json::from_value(json!({
                    "apiVersion": "windlass.dev/v1alpha1",
                    "kind": "Application",
                    "metadata": {"name": Monorepo::name(index)},
                    // No controller tells that a Deployment is healthy until the benchmark does.
                    "spec": {
                        "repository": {"name": REPOSITORY},
                        "path": Monorepo::path(index),
                        "healthTimeout": "24h",
                    },
                }))?;
                api.create(&PostParams::default(), &application).await.context("create an Application")
            }
        });
        let created: Vec<Application> =
            futures::stream::iter(applications).buffer_unordered(16).try_collect().await?;
        let mut ours = Counts::new();
        #[expect(clippy::cast_precision_loss, reason = "there are not that many Applications")]
        ours.insert(("POST".to_owned(), "applications".to_owned()), created.len() as f64);
        ours.insert(("POST".to_owned(), "repositories".to_owned()), 1.0);
        Ok(ours)
    }

    /// The state of all counters.
    pub(super) async fn snapshot(&self) -> anyhow::Result<Snapshot> {
        Snapshot::take(&self.control, &self.agent).await
    }

    /// What was used between two moments, where the benchmark sent the requests `ours`.
    pub(super) fn spent(&self, from: &Snapshot, to: &Snapshot, ours: &Counts) -> Spent {
        to.since(from, &self.idle, ours)
    }

    /// What the API server asks itself, as a sentence.
    pub(super) fn idle_note(&self) -> String {
        format!(
            "the API server's own requests at rest ({:.2} a second) and the benchmark's are taken off",
            self.idle.total()
        )
    }

    /// Returns when the agent has sent nothing for a while.
    pub(super) async fn quiet(&self) -> anyhow::Result<()> {
        quiet(&self.agent).await
    }

    /// A peer's figure, if this run can be compared with it.
    pub(super) fn peer(&self, figure: f64) -> Option<f64> {
        (self.applications == peers::APPLICATIONS).then_some(figure)
    }
}

async fn quiet(agent: &Agent) -> anyhow::Result<()> {
    let deadline = Instant::now() + QUIET_WITHIN;
    let mut before = AgentMetrics::read(agent).await?.requests();
    loop {
        tokio::time::sleep(QUIET_FOR).await;
        let now = AgentMetrics::read(agent).await?.requests();
        #[expect(clippy::float_cmp, reason = "a counter that did not move is exactly the same")]
        if now == before {
            return Ok(());
        }
        before = now;
        anyhow::ensure!(
            Instant::now() < deadline,
            "the agent still sends requests after {QUIET_WITHIN:?}; the end of its log:\n{}",
            agent.log().lines().rev().take(20).collect::<Vec<_>>().join("\n")
        );
    }
}

/// The agent and the plugins, both built where they are stale.
async fn build(
    settings: &Settings,
    progress: &Progress,
) -> anyhow::Result<(std::path::PathBuf, std::path::PathBuf)> {
    let (given, progress) = (settings.agent.clone(), progress.clone());
    tokio::task::spawn_blocking(move || {
        let program = match given {
            Some(program) => program,
            None => crate::agent::build_lean_agent(&*progress)?,
        };
        let size = std::fs::metadata(&program).with_context(|| format!("read {}", program.display()))?;
        progress(&format!("the agent is {} ({} MiB)", program.display(), size.len() >> 20));
        Ok((program, crate::agent::build_plugins(&*progress)?))
    })
    .await?
}
