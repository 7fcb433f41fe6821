//! Everything that the story is played with: what is built, the repository and its server, the agent.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use windlass_tests::agent::{build_agent, build_plugins};
use windlass_tests::{Agent, AgentOptions, GitServer, GitServerOptions, TestRepo};

use super::cluster::Cluster;
use super::fleet::{self, NAMESPACE, REPOSITORY};
use super::screen::Screen;

/// How many lines of the agent's log an error shows.
const LOG_LINES: usize = 15;

/// The agent's binary and the folder of its plugins.
pub(crate) struct Built {
    agent: PathBuf,
    pub(crate) plugins: PathBuf,
}

impl Built {
    /// Builds what is stale, but for an agent that is named.
    pub(crate) async fn make(screen: Screen, agent: Option<PathBuf>) -> anyhow::Result<Self> {
        let task = screen.task(if agent.is_some() { "given agent" } else { "build agent" });
        let say = task.listener();
        let agent = match agent {
            Some(agent) => agent,
            None => tokio::task::spawn_blocking(move || build_agent(&say)).await.context("build")??,
        };
        task.done(short(&agent));
        let task = screen.task("build plugins");
        let say = task.listener();
        let plugins = tokio::task::spawn_blocking(move || build_plugins(&say)).await.context("build")??;
        task.done(format!("{} in {}", fleet::PLUGINS.len(), short(&plugins)));
        Ok(Self { agent, plugins })
    }
}

/// What plays.
pub(crate) struct Stage<'a> {
    pub(crate) screen: Screen,
    pub(crate) cluster: &'a Cluster,
    pub(crate) plugins: PathBuf,
    pub(crate) agent: Agent,
    pub(crate) repo: TestRepo,
    pub(crate) server: GitServer,
    /// Holds the work tree.
    _folder: tempfile::TempDir,
}

impl<'a> Stage<'a> {
    /// Makes the repository and starts the agent.
    pub(crate) async fn set(screen: Screen, built: &Built, cluster: &'a Cluster) -> anyhow::Result<Self> {
        let task = screen.task("repository");
        let server = GitServer::start(GitServerOptions::default())?;
        let folder = tempfile::Builder::new().prefix("windlass-demo-").tempdir().context("make a folder")?;
        let repo = server.create_repo_at(REPOSITORY, &folder.path().join(REPOSITORY))?;
        // For the commits of whoever tries it: they need an identity, and no signature.
        for (name, value) in
            [("user.name", "Demo"), ("user.email", "demo@example.com"), ("commit.gpgsign", "false")]
        {
            repo.git(&["config", name, value])?;
        }
        let files = fleet::files();
        let count = files.len();
        repo.write_all(files)?;
        repo.commit("the fleet")?;
        task.done(format!("{count} files, {}", server.url(REPOSITORY)));

        let task = screen.task("agent");
        let options = AgentOptions {
            program: built.agent.clone(),
            plugins: built.plugins.clone(),
            kubeconfig: cluster.kubeconfig().to_owned(),
            namespace: NAMESPACE.to_owned(),
            cache: None,
            log: "info".to_owned(),
            arguments: Vec::new(),
        };
        let agent = Agent::start(&options).await?;
        task.done(format!("ready, {} plugins loaded", fleet::PLUGINS.len()));
        let plugins = built.plugins.clone();
        Ok(Self { screen, cluster, plugins, agent, repo, server, _folder: folder })
    }

    /// Shows what is waited for while it is.
    pub(crate) async fn waiting<T>(
        &self,
        what: &str,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let task = self.screen.task("waiting for");
        task.say(what);
        work.await
    }

    /// Shows the end of what the agent logged, for an error.
    pub(crate) fn show_log(&self) {
        self.screen.heading("The end of the agent's log");
        let log = self.agent.log();
        let lines: Vec<_> = log.lines().collect();
        for line in &lines[lines.len().saturating_sub(LOG_LINES)..] {
            self.screen.note(line);
        }
    }
}

/// A path as seen from the folder that this was started in.
fn short(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}
