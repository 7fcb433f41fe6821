//! The cluster of the demo: the embedded control plane, or one that somebody has. Takes and gives objects as
//! JSON, waits until they are as wanted, and takes away what it made.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use kube::api::{ApiResource, DynamicObject, ListParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::{Value, json};
use windlass_tests::{ControlPlane, Options};

use super::fleet::{GATE, NAMESPACE, PLUGINS};
use super::screen::Screen;

/// How long anything may take to become true before the demo has failed.
const WITHIN: Duration = Duration::from_secs(90);
/// How often it is looked at; times are as exact as this.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The kinds of windlass, and whether they have namespaces.
const OWN_KINDS: [(&str, bool); 4] =
    [("Application", true), ("Repository", true), ("Gate", false), ("Plugin", false)];
/// What agents share where they run.
const LEASE: &str = "windlass-agent";
/// Every kind of windlass is of this version.
const GROUP: (&str, &str) = ("windlass.dev", "v1alpha1");

/// A cluster.
pub(crate) struct Cluster {
    client: Client,
    kubectl: Vec<OsString>,
    kubeconfig: PathBuf,
    /// The embedded one, which goes with everything in it.
    control: Option<ControlPlane>,
    /// Whether the definitions of windlass' kinds are to be taken away.
    made_definitions: bool,
    /// Whether the namespace and what is in no namespace are.
    made_namespace: bool,
}

impl Cluster {
    /// Starts the embedded control plane.
    pub(crate) async fn embedded(screen: Screen) -> anyhow::Result<Self> {
        let task = screen.task("control plane");
        let options = Options { scheduler: true, progress: Arc::new(task.listener()), ..Options::default() };
        let control = ControlPlane::start(options).await?;
        let client = control.client()?;
        let version = client.apiserver_version().await.context("ask for the API server's version")?;
        let programs = control.processes()?.len();
        task.done(format!("Kubernetes {}, {programs} processes on 127.0.0.1", version.git_version));
        Ok(Self {
            client,
            kubectl: control.kubectl_words()?,
            kubeconfig: control.kubeconfig_path(),
            control: Some(control),
            made_definitions: false,
            made_namespace: false,
        })
    }

    /// Uses the current context of a kubeconfig.
    pub(crate) async fn existing(screen: Screen, kubeconfig: &Path) -> anyhow::Result<Self> {
        let task = screen.task("cluster");
        let read = kube::config::Kubeconfig::read_from(kubeconfig)
            .with_context(|| format!("read the kubeconfig {}", kubeconfig.display()))?;
        let config = kube::Config::from_custom_kubeconfig(read, &kube::config::KubeConfigOptions::default())
            .await
            .with_context(|| format!("use the kubeconfig {}", kubeconfig.display()))?;
        let url = config.cluster_url.to_string();
        let client = Client::try_from(config).context("make a Kubernetes client")?;
        let version = client.apiserver_version().await.with_context(|| format!("reach {url}"))?;
        let kubeconfig = std::path::absolute(kubeconfig).context("find the kubeconfig")?;
        let cluster = Self {
            client,
            kubectl: vec!["kubectl".into()],
            kubeconfig,
            control: None,
            made_definitions: false,
            made_namespace: false,
        };
        cluster.refuse_what_is_in_use(&url).await?;
        task.done(format!("Kubernetes {} at {url}", version.git_version));
        Ok(cluster)
    }

    /// The demo's agent sees every namespace: it must be the only one.
    async fn refuse_what_is_in_use(&self, url: &str) -> anyhow::Result<()> {
        for (kind, _) in OWN_KINDS {
            let all: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource(kind)?);
            match all.list(&ListParams::default().limit(1)).await {
                Ok(list) => ensure!(
                    list.items.is_empty(),
                    "{url} has resources of the kind {kind} already, which the demo's agent would act upon; \
                     use a cluster without windlass"
                ),
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => return Err(error).with_context(|| format!("list the {kind}s at {url}")),
            }
        }
        let leases: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource("Lease")?);
        let named = ListParams::default().fields(&format!("metadata.name={LEASE}"));
        let leases = leases.list(&named).await.with_context(|| format!("list the Leases at {url}"))?;
        if let Some(lease) = leases.items.first() {
            let namespace = lease.metadata.namespace.as_deref().unwrap_or_default();
            bail!(
                "{url} has a Lease {LEASE} in the namespace {namespace}: use a cluster without windlass, or delete \
                 the Lease if no agent is left there"
            );
        }
        ensure!(
            self.get("Namespace", NAMESPACE).await?.is_null(),
            "{url} has a namespace {NAMESPACE} already; if an earlier demo left it, delete it"
        );
        Ok(())
    }

    /// Puts the definitions of windlass' kinds and the demo's namespace there.
    pub(crate) async fn install(&mut self, screen: Screen) -> anyhow::Result<()> {
        let task = screen.task("definitions");
        let mut missing = Vec::new();
        for (kind, _) in OWN_KINDS {
            let name = format!("{}.{}", resource(kind)?.plural, GROUP.0);
            if self.get("CustomResourceDefinition", &name).await?.is_null() {
                missing.push(name);
            }
        }
        if missing.is_empty() {
            task.done("were installed already, and stay");
        } else {
            ensure!(
                missing.len() == OWN_KINDS.len(),
                "only some of windlass' kinds are defined (not {}); install all of agent/deploy/crds.yaml, or none",
                missing.join(", ")
            );
            self.made_definitions = true;
            let file = definitions()?;
            self.kubectl(&["apply", "--server-side", "-f", &file]).await?;
            self.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "-f", &file]).await?;
            let kinds = OWN_KINDS.map(|(kind, _)| kind).join(", ");
            task.done(format!("installed: {kinds}"));
        }
        self.made_namespace = true;
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
        self.create(&namespace).await
    }

    /// Takes away what was made here, the embedded control plane with all of it.
    pub(crate) async fn remove(self, screen: Screen) -> anyhow::Result<()> {
        let task = screen.task("removed");
        if let Some(control) = self.control {
            control.shutdown().await?;
            task.done("the control plane and every folder of the demo");
            return Ok(());
        }
        let delete = ["delete", "--ignore-not-found", "--timeout=120s"];
        if self.made_namespace {
            self.kubectl(&[&delete[..], &["gates.windlass.dev", GATE]].concat()).await?;
            self.kubectl(&[&delete[..], &["plugins.windlass.dev"], &PLUGINS[..]].concat()).await?;
            task.say(NAMESPACE);
            self.kubectl(&[&delete[..], &["namespace", NAMESPACE]].concat()).await?;
        }
        if self.made_definitions {
            self.kubectl(&[&delete[..], &["-f", &definitions()?]].concat()).await?;
        }
        let definitions = if self.made_definitions { ", and the definitions" } else { "" };
        task.done(format!("the gate, the plugins, the namespace {NAMESPACE}{definitions}"));
        Ok(())
    }

    /// Whether it is the embedded one.
    pub(crate) fn is_embedded(&self) -> bool {
        self.control.is_some()
    }

    /// The kubeconfig.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// What a person types to run kubectl for the demo's namespace.
    pub(crate) fn kubectl_line(&self) -> String {
        let words: Vec<_> = self.kubectl.iter().map(|word| word.to_string_lossy()).collect();
        format!("{} --kubeconfig {} -n {NAMESPACE}", words.join(" "), self.kubeconfig.display())
    }

    /// Runs kubectl.
    pub(crate) async fn kubectl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let (program, first) = self.kubectl.split_first().context("find kubectl")?;
        let output = tokio::process::Command::new(program)
            .args(first)
            .args(arguments)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBERC", "off")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .context("start kubectl: is it installed?")?;
        let said = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
        ensure!(
            output.status.success(),
            "kubectl {} ended with {}: {}",
            arguments.join(" "),
            output.status,
            said(&output.stderr)
        );
        Ok(said(&output.stdout))
    }

    /// Creates an object.
    pub(crate) async fn create(&self, object: &Value) -> anyhow::Result<()> {
        let kind = object["kind"].as_str().unwrap_or_default();
        let typed: DynamicObject = serde_json::from_value(object.clone()).context("read an object")?;
        let name = typed.metadata.name.clone().unwrap_or_default();
        let created = self.api(kind)?.create(&PostParams::default(), &typed).await;
        created.with_context(|| format!("create {kind} {name}"))?;
        Ok(())
    }

    /// An object as it is now; null where there is none.
    pub(crate) async fn get(&self, kind: &str, name: &str) -> anyhow::Result<Value> {
        let found = self.api(kind)?.get_opt(name).await.with_context(|| format!("read {kind} {name}"))?;
        found.map_or(Ok(Value::Null), |object| serde_json::to_value(object).context("read an object"))
    }

    /// All objects of a kind in the demo's namespace.
    pub(crate) async fn list(&self, kind: &str) -> anyhow::Result<Vec<Value>> {
        let found = self.api(kind)?.list(&ListParams::default()).await;
        let found = found.with_context(|| format!("list the {kind}s"))?;
        found.items.iter().map(|item| serde_json::to_value(item).context("read an object")).collect()
    }

    /// Waits until an object is as wanted, and gives what was wanted of it.
    pub(crate) async fn wait<T>(
        &self,
        kind: &str,
        name: &str,
        what: &str,
        wanted: impl Fn(&Value) -> Option<T>,
    ) -> anyhow::Result<T> {
        let began = Instant::now();
        loop {
            let object = self.get(kind, name).await?;
            if let Some(found) = wanted(&object) {
                return Ok(found);
            }
            if began.elapsed() > WITHIN {
                bail!("{kind} {name} is not {what} after {} s; {}", WITHIN.as_secs(), describe(&object));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Objects of a kind, in the demo's namespace where the kind has namespaces.
    pub(crate) fn api(&self, kind: &str) -> anyhow::Result<Api<DynamicObject>> {
        let (client, resource) = (self.client.clone(), resource(kind)?);
        Ok(match kind {
            "Gate" | "Plugin" | "Namespace" | "CustomResourceDefinition" => Api::all_with(client, &resource),
            _ => Api::namespaced_with(client, NAMESPACE, &resource),
        })
    }
}

fn resource(kind: &str) -> anyhow::Result<ApiResource> {
    let (group, version) = match kind {
        "ConfigMap" | "Service" | "Namespace" => ("", "v1"),
        "Deployment" => ("apps", "v1"),
        "Lease" => ("coordination.k8s.io", "v1"),
        "CronJob" => ("batch", "v1"),
        "CustomResourceDefinition" => ("apiextensions.k8s.io", "v1"),
        "Application" | "Repository" | "Gate" | "Plugin" => GROUP,
        _ => bail!("the demo knows no kind {kind}"),
    };
    Ok(ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind)))
}

fn definitions() -> anyhow::Result<String> {
    let path = windlass_tests::agent::repository().join("agent/deploy/crds.yaml");
    Ok(path.to_str().context("the repository's path is not UTF-8")?.to_owned())
}

/// A condition of an object.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array();
    conditions.and_then(|all| all.iter().find(|found| found["type"] == kind)).unwrap_or(&Value::Null)
}

/// What an object that is not as wanted says of itself.
fn describe(object: &Value) -> String {
    if object.is_null() {
        return "it does not exist".to_owned();
    }
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let lines: Vec<_> = conditions
        .iter()
        .map(|found| {
            let [kind, status, reason, message] =
                ["type", "status", "reason", "message"].map(|field| text(&found[field]));
            format!("\n  {kind}={status} {reason}: {message}")
        })
        .collect();
    if lines.is_empty() { format!("it is\n{object:#}") } else { format!("it says{}", lines.concat()) }
}
