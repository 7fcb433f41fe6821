//! A cluster with windlass in it, and a repository that it deploys from.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::agent::{build_plugins, built_agent};
use crate::{Agent, AgentOptions, ControlPlane, GitServer, GitServerOptions, TestRepo};

/// How long anything may take to become true before a test fails.
const WITHIN: Duration = Duration::from_mins(1);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The namespace of the agents' Lease.
pub const AGENT_NAMESPACE: &str = "windlass-system";

/// A cluster with the custom resources and one running agent.
pub struct Installed {
    /// The cluster.
    pub control: &'static ControlPlane,
    /// The agent.
    pub agent: Agent,
}

static INSTALLED: OnceCell<Installed> = OnceCell::const_new();

impl Installed {
    /// The one that all tests of a process share. Its agent sees every
    /// namespace.
    ///
    /// # Errors
    /// Where something does not build or start.
    pub async fn shared() -> anyhow::Result<&'static Self> {
        INSTALLED
            .get_or_try_init(|| async {
                let control = ControlPlane::shared().await?;
                install(control).await?;
                let agent = Agent::start(&agent_options(control)?).await?;
                Ok(Self { control, agent })
            })
            .await
    }
}

/// Puts the custom resources and the agents' namespace into a cluster.
///
/// # Errors
/// Where the API server refuses them.
pub async fn install(control: &ControlPlane) -> anyhow::Result<()> {
    let crds = crate::agent::repository().join("agent/deploy/crds.yaml");
    let crds = crds.to_str().context("the repository's path is not UTF-8")?.to_owned();
    control.run_kubectl(&["apply", "--server-side", "-f", &crds]).await?;
    control.run_kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "-f", &crds]).await?;
    control.run_kubectl(&["create", "namespace", AGENT_NAMESPACE]).await?;
    Ok(())
}

/// The agent that was built with the tests, and its plugins, which are built if they are stale.
///
/// # Errors
/// Where something does not build.
pub fn agent_options(control: &ControlPlane) -> anyhow::Result<AgentOptions> {
    Ok(AgentOptions {
        program: built_agent()?,
        plugins: build_plugins(&|_| {})?,
        kubeconfig: control.kubeconfig_path(),
        namespace: AGENT_NAMESPACE.to_owned(),
        cache: None,
        log: "info".to_owned(),
        arguments: Vec::new(),
    })
}

/// One test's own namespace and repository.
pub struct Fixture {
    /// The cluster.
    pub control: &'static ControlPlane,
    /// The agent.
    pub agent: &'static Agent,
    /// The namespace.
    pub namespace: String,
    /// The server of the repository.
    pub server: GitServer,
    /// The repository, named `fleet`.
    pub repo: TestRepo,
}

impl Fixture {
    /// A fresh namespace and an empty repository.
    ///
    /// # Errors
    /// Where the shared cluster or the server does not start.
    pub async fn new(name: &str) -> anyhow::Result<Self> {
        let installed = Installed::shared().await?;
        let namespace = installed.control.namespace(name).await?;
        let server = GitServer::start(GitServerOptions::default())?;
        let repo = server.create_repo("fleet")?;
        Ok(Self { control: installed.control, agent: &installed.agent, namespace, server, repo })
    }

    /// Creates or changes an object, given as JSON.
    ///
    /// # Errors
    /// Where the API server refuses it.
    pub async fn apply(&self, object: Value) -> anyhow::Result<()> {
        let file = tempfile::NamedTempFile::new().context("make a file")?;
        std::fs::write(file.path(), object.to_string()).context("write a manifest")?;
        let path = file.path().to_str().context("the path is not UTF-8")?.to_owned();
        self.control.run_kubectl(&["apply", "-n", &self.namespace, "-f", &path]).await?;
        Ok(())
    }

    /// Points a Repository named `fleet` at the repository.
    ///
    /// # Errors
    /// Where the API server refuses it.
    pub async fn repository(&self) -> anyhow::Result<()> {
        self.apply(json!({
            "apiVersion": "windlass.dev/v1alpha1",
            "kind": "Repository",
            "metadata": {"name": "fleet"},
            "spec": {"url": self.server.url("fleet"), "interval": "1s", "timeout": "20s"},
        }))
        .await
    }

    /// Creates an Application of a path of the Repository `fleet`.
    ///
    /// # Errors
    /// Where the API server refuses it.
    pub async fn application(&self, name: &str, path: &str) -> anyhow::Result<()> {
        self.application_with(name, path, json!({})).await
    }

    /// The same with more of a spec.
    ///
    /// # Errors
    /// Where the API server refuses it.
    pub async fn application_with(&self, name: &str, path: &str, more: Value) -> anyhow::Result<()> {
        let mut spec = json!({"repository": {"name": "fleet"}, "path": path});
        if let (Value::Object(spec), Value::Object(more)) = (&mut spec, more) {
            spec.extend(more);
        }
        self.apply(json!({
            "apiVersion": "windlass.dev/v1alpha1",
            "kind": "Application",
            "metadata": {"name": name},
            "spec": spec,
        }))
        .await
    }

    /// An object as it is now; null where there is none.
    ///
    /// # Errors
    /// Where the API server can't be asked.
    pub async fn get(&self, kind: &str, name: &str) -> anyhow::Result<Value> {
        let arguments = ["get", "-n", &self.namespace, kind, name, "-o", "json", "--ignore-not-found"];
        let text = self.control.run_kubectl(&arguments).await?;
        if text.trim().is_empty() {
            Ok(Value::Null)
        } else {
            serde_json::from_str(&text).context("read kubectl's JSON")
        }
    }

    /// Waits until an object is as `wanted` says, and gives it.
    ///
    /// # Errors
    /// With the object as it was last and the end of the agent's log, where it does not become so in
    /// time.
    pub async fn wait(
        &self,
        kind: &str,
        name: &str,
        what: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        let deadline = Instant::now() + WITHIN;
        loop {
            let object = self.get(kind, name).await?;
            if wanted(&object) {
                return Ok(object);
            }
            if Instant::now() > deadline {
                let log = self.agent.log();
                let log: Vec<_> = log.lines().filter(|line| line.contains(&self.namespace)).collect();
                let tail = log[log.len().saturating_sub(30)..].join("\n");
                anyhow::bail!("{kind}/{name} in {}: not {what} in time:\n{object:#}\n{tail}", self.namespace);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until a condition of an Application or Repository has a status and
    /// reason, and gives its message.
    ///
    /// # Errors
    /// As [`Fixture::wait`].
    pub async fn wait_condition(
        &self,
        kind: &str,
        name: &str,
        condition: &str,
        status: &str,
        reason: &str,
    ) -> anyhow::Result<String> {
        let what = format!("{condition}={status} for the reason {reason}");
        let object = self
            .wait(kind, name, &what, |object| {
                find(object, condition)
                    .is_some_and(|found| found["status"] == status && found["reason"] == reason)
            })
            .await?;
        Ok(find(&object, condition)
            .and_then(|found| found["message"].as_str())
            .unwrap_or_default()
            .to_owned())
    }

    /// Waits until an Application has been made equal to a commit and is ready.
    ///
    /// # Errors
    /// As [`Fixture::wait`].
    pub async fn wait_applied(&self, name: &str, commit: &str) -> anyhow::Result<Value> {
        self.wait("application", name, &format!("ready at {commit}"), |object| {
            object["status"]["revision"]["commit"] == commit
                && find(object, "Ready").is_some_and(|ready| ready["status"] == "True")
        })
        .await
    }

    /// The notes of the events that an object has so far, each with its reason.
    ///
    /// # Errors
    /// Where the API server can't be asked.
    pub async fn events(&self, name: &str) -> anyhow::Result<Vec<String>> {
        let selector = format!("regarding.name={name}");
        let arguments = [
            "get",
            "events.events.k8s.io",
            "-n",
            &self.namespace,
            "-o",
            "json",
            "--field-selector",
            &selector,
        ];
        let text = self.control.run_kubectl(&arguments).await?;
        let list: Value = serde_json::from_str(&text).context("read kubectl's JSON")?;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let line = |event: &Value| {
            format!(
                "{}: {}",
                event["reason"].as_str().unwrap_or_default(),
                event["note"].as_str().unwrap_or_default()
            )
        };
        Ok(items.iter().map(line).collect())
    }
}

fn find<'a>(object: &'a Value, condition: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|found| found["type"] == condition)
}
