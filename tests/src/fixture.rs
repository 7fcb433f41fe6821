//! A cluster with windlass in it, and a repository that it deploys from.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::agent::{build_plugins, built_agent};
use crate::guests::with_guests;
use crate::{Agent, AgentOptions, ControlPlane, GitServer, GitServerOptions, Options, TestRepo};

/// How long anything may take to become true before a test fails.
const WITHIN: Duration = Duration::from_secs(90);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The namespace of the agents' Lease.
pub const AGENT_NAMESPACE: &str = "windlass-system";
/// Who writes what the tests want in the cluster, apart from the agent.
const SOMEBODY: &str = "somebody";

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
    /// namespace, and has the guests that misbehave among its plugins.
    ///
    /// # Errors
    /// Where something does not build or start.
    pub async fn shared() -> anyhow::Result<&'static Self> {
        INSTALLED
            .get_or_try_init(|| async {
                let control = ControlPlane::shared().await?;
                install(control).await?;
                let mut options = agent_options(control)?;
                options.plugins = with_guests(&options.plugins)?;
                let agent = Agent::start(&options).await?;
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
    // Once for all tests of a process: even to find out that nothing is stale takes a while.
    static BUILT: OnceLock<Result<(PathBuf, PathBuf), String>> = OnceLock::new();
    let make = || anyhow::Ok((built_agent()?, build_plugins(&|_| {})?));
    let built = BUILT.get_or_init(|| make().map_err(|error| format!("{error:#}")));
    let (program, plugins) = built.clone().map_err(anyhow::Error::msg)?;
    Ok(AgentOptions {
        program,
        plugins,
        kubeconfig: control.kubeconfig_path(),
        namespace: AGENT_NAMESPACE.to_owned(),
        cache: None,
        log: "info".to_owned(),
        arguments: Vec::new(),
    })
}

/// What a test has for itself or shares with the others.
pub enum Held<T: 'static> {
    /// With all tests of the process.
    Shared(&'static T),
    /// With nobody.
    Own(Box<T>),
}

impl<T> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Shared(shared) => shared,
            Self::Own(own) => own,
        }
    }
}

/// One test's own namespace and repository.
pub struct Fixture {
    /// The agent; a test of its own cluster may stop it and start another.
    pub agent: Option<Held<Agent>>,
    /// The cluster.
    pub control: Held<ControlPlane>,
    /// The namespace.
    pub namespace: String,
    /// The server of the repository.
    pub server: GitServer,
    /// The repository, named `fleet`.
    pub repo: TestRepo,
    client: kube::Client,
}

impl Fixture {
    /// A fresh namespace of the shared cluster, and an empty repository.
    ///
    /// # Errors
    /// Where the shared cluster or the server does not start.
    pub async fn new(name: &str) -> anyhow::Result<Self> {
        Self::serving(name, GitServerOptions::default()).await
    }

    /// The same, with a Git server of a certain kind.
    ///
    /// # Errors
    /// As [`Fixture::new`].
    pub async fn serving(name: &str, server: GitServerOptions) -> anyhow::Result<Self> {
        let installed = Installed::shared().await?;
        Self::make(Held::Shared(installed.control), Some(Held::Shared(&installed.agent)), name, server).await
    }

    /// A cluster of its own with the custom resources, and no agent yet.
    ///
    /// # Errors
    /// Where the cluster or the server does not start.
    pub async fn alone(name: &str) -> anyhow::Result<Self> {
        let control = ControlPlane::start(Options::default()).await?;
        install(&control).await?;
        Self::make(Held::Own(Box::new(control)), None, name, GitServerOptions::default()).await
    }

    async fn make(
        control: Held<ControlPlane>,
        agent: Option<Held<Agent>>,
        name: &str,
        server: GitServerOptions,
    ) -> anyhow::Result<Self> {
        let namespace = control.namespace(name).await?;
        let server = GitServer::start(server)?;
        let repo = server.create_repo("fleet")?;
        let client = control.client()?;
        Ok(Self { agent, control, namespace, server, repo, client })
    }

    /// Starts an agent in a cluster of its own, and gives its options for another one.
    ///
    /// # Errors
    /// Where it does not build or start.
    pub async fn start_agent(&mut self) -> anyhow::Result<AgentOptions> {
        let options = agent_options(&self.control)?;
        self.agent = Some(Held::Own(Box::new(Agent::start(&options).await?)));
        Ok(options)
    }

    /// The agent that runs.
    ///
    /// # Panics
    /// Where none does: the test's own fault.
    pub fn agent(&self) -> &Agent {
        #[expect(clippy::expect_used, reason = "a test that stopped its agent knows it")]
        self.agent.as_deref().expect("no agent runs")
    }

    /// Objects of a kind: in the namespace, or in the cluster where the kind has none.
    fn api(&self, kind: &str) -> Api<DynamicObject> {
        let (group, version, name, plural, namespaced) = kind_of(kind);
        let resource =
            ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, name), &plural);
        if namespaced {
            Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
        } else {
            Api::all_with(self.client.clone(), &resource)
        }
    }

    /// Lets a service account of the namespace, which is made where it is not there, do something with resources of
    /// the core group.
    ///
    /// # Errors
    /// Where the API server refuses it.
    pub async fn grant(&self, account: &str, resource: &str, verbs: &[&str]) -> anyhow::Result<()> {
        let group = "rbac.authorization.k8s.io";
        let metadata = json!({"name": account});
        self.apply(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})).await?;
        self.apply(json!({
            "apiVersion": format!("{group}/v1"),
            "kind": "Role",
            "metadata": metadata,
            "rules": [{"apiGroups": [""], "resources": [resource], "verbs": verbs}],
        }))
        .await?;
        self.apply(json!({
            "apiVersion": format!("{group}/v1"),
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": account},
            "subjects": [{"kind": "ServiceAccount", "name": account}],
        }))
        .await?;
        Ok(())
    }

    /// Creates or changes an object, given as JSON.
    ///
    /// # Errors
    /// Where the API server refuses it.
    pub async fn apply(&self, object: Value) -> anyhow::Result<Value> {
        let kind = object["kind"].as_str().context("the object has no kind")?.to_owned();
        let name = object["metadata"]["name"].as_str().context("the object has no name")?.to_owned();
        let params = PatchParams::apply(SOMEBODY).force();
        let applied = self.api(&kind).patch(&name, &params, &Patch::Apply(&object)).await;
        let applied = applied.with_context(|| format!("apply {kind}/{name}"))?;
        serde_json::to_value(applied).context("read the answer")
    }

    /// Changes an object behind the agent's back: a merge patch.
    ///
    /// # Errors
    /// Where the API server refuses it.
    pub async fn patch(&self, kind: &str, name: &str, patch: Value) -> anyhow::Result<Value> {
        let params = PatchParams { field_manager: Some(SOMEBODY.to_owned()), ..PatchParams::default() };
        let patched = self.api(kind).patch(name, &params, &Patch::Merge(&patch)).await;
        let patched = patched.with_context(|| format!("patch {kind}/{name}"))?;
        serde_json::to_value(patched).context("read the answer")
    }

    /// The same for the status.
    ///
    /// # Errors
    /// Where the API server refuses it.
    pub async fn patch_status(&self, kind: &str, name: &str, status: Value) -> anyhow::Result<()> {
        let params = PatchParams { field_manager: Some(SOMEBODY.to_owned()), ..PatchParams::default() };
        let patch = json!({"status": status});
        self.api(kind)
            .patch_status(name, &params, &Patch::Merge(&patch))
            .await
            .with_context(|| format!("patch the status of {kind}/{name}"))?;
        Ok(())
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// Where the API server refuses it.
    pub async fn delete(&self, kind: &str, name: &str) -> anyhow::Result<()> {
        let deleted = self.api(kind).delete(name, &kube::api::DeleteParams::default()).await;
        deleted.with_context(|| format!("delete {kind}/{name}"))?;
        Ok(())
    }

    /// Points a Repository named `fleet` at the repository.
    ///
    /// # Errors
    /// Where the API server refuses it.
    pub async fn repository(&self) -> anyhow::Result<()> {
        self.repository_with(json!({})).await
    }

    /// The same with more of a spec.
    ///
    /// # Errors
    /// Where the API server refuses it.
    pub async fn repository_with(&self, more: Value) -> anyhow::Result<()> {
        let spec = json!({"url": self.server.url("fleet"), "interval": "1s", "timeout": "20s"});
        self.apply(json!({
            "apiVersion": "windlass.dev/v1alpha1",
            "kind": "Repository",
            "metadata": {"name": "fleet"},
            "spec": merged(spec, more),
        }))
        .await?;
        Ok(())
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
        let spec = json!({"repository": {"name": "fleet"}, "path": path});
        self.apply(json!({
            "apiVersion": "windlass.dev/v1alpha1",
            "kind": "Application",
            "metadata": {"name": name},
            "spec": merged(spec, more),
        }))
        .await?;
        Ok(())
    }

    /// An object as it is now; null where there is none.
    ///
    /// # Errors
    /// Where the API server can't be asked.
    pub async fn get(&self, kind: &str, name: &str) -> anyhow::Result<Value> {
        let found = self.api(kind).get_opt(name).await.with_context(|| format!("get {kind}/{name}"))?;
        serde_json::to_value(found).context("read the answer")
    }

    /// All objects of a kind as they are now.
    ///
    /// # Errors
    /// Where the API server can't be asked.
    pub async fn list(&self, kind: &str) -> anyhow::Result<Vec<Value>> {
        let found = self.api(kind).list(&ListParams::default()).await;
        let found = found.with_context(|| format!("list the {kind}s"))?;
        found.items.into_iter().map(|item| serde_json::to_value(item).context("read the answer")).collect()
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
            let mut object = self.get(kind, name).await?;
            if wanted(&object) {
                return Ok(object);
            }
            if let Some(metadata) = object["metadata"].as_object_mut() {
                metadata.remove("managedFields");
            }
            anyhow::ensure!(
                Instant::now() < deadline,
                "{kind}/{name} in {}: not {what} in time:\n{object:#}\n{}",
                self.namespace,
                self.log()
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until an object is gone.
    ///
    /// # Errors
    /// As [`Fixture::wait`].
    pub async fn wait_gone(&self, kind: &str, name: &str) -> anyhow::Result<()> {
        self.wait(kind, name, "gone", Value::is_null).await.map(drop)
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
        self.wait_refused(kind, name, condition, status, reason, None).await
    }

    /// The same, for a commit that was tried.
    ///
    /// # Errors
    /// As [`Fixture::wait`].
    pub async fn wait_refused(
        &self,
        kind: &str,
        name: &str,
        condition: &str,
        status: &str,
        reason: &str,
        commit: Option<&str>,
    ) -> anyhow::Result<String> {
        let what = format!("{condition}={status} for the reason {reason}");
        let object = self
            .wait(kind, name, &what, |object| {
                commit.is_none_or(|commit| object["status"]["attemptedRevision"] == commit)
                    && find(object, condition)
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

    /// The notes of the events that an object of this name has so far, each after its reason.
    ///
    /// # Errors
    /// Where the API server can't be asked.
    pub async fn events(&self, name: &str) -> anyhow::Result<Vec<String>> {
        let params = ListParams::default().fields(&format!("regarding.name={name}"));
        let found = self.api("event").list(&params).await.context("list the events")?;
        let line = |event: &DynamicObject| {
            let text = |field: &str| event.data[field].as_str().unwrap_or_default().to_owned();
            format!("{}: {}", text("reason"), text("note"))
        };
        Ok(found.items.iter().map(line).collect())
    }

    /// Waits for an event that has all of these words.
    ///
    /// # Errors
    /// With the events that there are, where there is none in time.
    pub async fn wait_event(&self, name: &str, words: &[&str]) -> anyhow::Result<String> {
        let deadline = Instant::now() + WITHIN;
        loop {
            let events = self.events(name).await?;
            if let Some(event) = events.iter().find(|event| words.iter().all(|word| event.contains(word))) {
                return Ok(event.clone());
            }
            anyhow::ensure!(
                Instant::now() < deadline,
                "no event of {name} in {} has {words:?} in time:\n{}\n{}",
                self.namespace,
                events.join("\n"),
                self.log()
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until a metric of the agent has a value.
    ///
    /// # Errors
    /// With the last value, where it does not become so in time.
    pub async fn wait_metric(&self, series: &str, wanted: f64) -> anyhow::Result<()> {
        let deadline = Instant::now() + WITHIN;
        loop {
            let value = self.agent().metric(series).await?;
            if (value - wanted).abs() < 0.5 {
                return Ok(());
            }
            anyhow::ensure!(
                Instant::now() < deadline,
                "{series} is {value}, not {wanted}, in time:\n{}",
                self.log()
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The end of what the agent logged of this namespace.
    fn log(&self) -> String {
        let log = self.agent.as_deref().map(Agent::log).unwrap_or_default();
        let lines: Vec<_> = log.lines().filter(|line| line.contains(&self.namespace)).collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

/// A condition of an object.
pub fn find<'a>(object: &'a Value, condition: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|found| found["type"] == condition)
}

fn merged(mut spec: Value, more: Value) -> Value {
    if let (Value::Object(spec), Value::Object(more)) = (&mut spec, more) {
        spec.extend(more);
    }
    spec
}

/// Group, version, name and plural of a kind, and whether its objects stand in a namespace.
fn kind_of(kind: &str) -> (&'static str, &'static str, &'static str, String, bool) {
    let (group, version, name, namespaced) = match kind.to_ascii_lowercase().as_str() {
        "configmap" => ("", "v1", "ConfigMap", true),
        "secret" => ("", "v1", "Secret", true),
        "service" => ("", "v1", "Service", true),
        "serviceaccount" => ("", "v1", "ServiceAccount", true),
        "persistentvolumeclaim" => ("", "v1", "PersistentVolumeClaim", true),
        "namespace" => ("", "v1", "Namespace", false),
        "deployment" => ("apps", "v1", "Deployment", true),
        "role" => ("rbac.authorization.k8s.io", "v1", "Role", true),
        "rolebinding" => ("rbac.authorization.k8s.io", "v1", "RoleBinding", true),
        "customresourcedefinition" => ("apiextensions.k8s.io", "v1", "CustomResourceDefinition", false),
        "lease" => ("coordination.k8s.io", "v1", "Lease", true),
        "event" => ("events.k8s.io", "v1", "Event", true),
        "policyreport" => ("wgpolicyk8s.io", "v1alpha2", "PolicyReport", true),
        "widget" => ("example.org", "v1", "Widget", true),
        "repository" => ("windlass.dev", "v1alpha1", "Repository", true),
        "gate" => ("windlass.dev", "v1alpha1", "Gate", false),
        "plugin" => ("windlass.dev", "v1alpha1", "Plugin", false),
        _ => ("windlass.dev", "v1alpha1", "Application", true),
    };
    let lower = name.to_ascii_lowercase();
    let plural = match lower.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{lower}s"),
    };
    (group, version, name, plural, namespaced)
}
