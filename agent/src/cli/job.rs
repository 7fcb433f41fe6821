//! What a person says about the Application that a folder is rendered for: in
//! flags, or by the Application itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::folder::Folder;
use super::output::note;
use super::settings;
use crate::api::{self, Application, ApplicationLimits, CapabilitiesFrom};
use crate::cluster::{Cluster, ConnectOptions};
use crate::plugin::Seed;
use crate::render::{Capabilities, Handover, Job, RenderLimits, merge};

/// How long the cluster may take to tell what it serves.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The word for the cluster that kubectl would use.
const CLUSTER: &str = "cluster";

/// What can be said about the Application that a folder is rendered for.
#[derive(clap::Args)]
pub(super) struct JobArguments {
    /// A file with the Application: its renderer, settings, values, limits,
    /// post-renderers, name and namespace count, except where a flag says
    /// otherwise. What it takes from the cluster is not read: see `--values`.
    #[arg(long, value_name = "FILE")]
    application: Option<PathBuf>,

    /// The renderer. Without it, it is detected: by a file such as
    /// `kustomization.yaml`, and otherwise `yaml`.
    #[arg(long, value_name = "PLUGIN")]
    renderer: Option<String>,

    /// The renderer's settings: a file of YAML or JSON, or JSON itself.
    #[arg(long, value_name = "FILE|JSON")]
    config: Option<String>,

    /// Values, as an Application has them: a file of YAML or JSON, or JSON
    /// itself. Each is stronger than the one before. They stand for what
    /// `valuesFrom` of the Application names, so its own values are stronger.
    #[arg(long, value_name = "FILE|JSON")]
    values: Vec<String>,

    /// What the cluster serves, for renderers that ask: `cluster` for the one
    /// that kubectl would use, or `kubeVersion` and `apiVersions` in a file or
    /// in JSON.
    #[arg(long, value_name = "cluster|FILE|JSON")]
    capabilities: Option<String>,

    /// A file with the content of the Secret's key that `seedFrom` of the
    /// Application names.
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,

    /// What may be read, as `limits` of an Application: a file, or JSON such
    /// as `{"fileSize": "16Mi"}`.
    #[arg(long, value_name = "FILE|JSON")]
    limits: Option<String>,

    /// The namespace of the Application, and the one for objects that name
    /// none. Without it, the Application's own, or `default`.
    #[arg(long, short, value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// The name of the Application. Without it, its own, or the folder's. Of
    /// several in the file, the one of this name is meant.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Served {
    kube_version: String,
    api_versions: Vec<String>,
}

impl JobArguments {
    /// What the Application says of its folder, where a file with it is named.
    pub(super) fn path(&self) -> anyhow::Result<Option<String>> {
        Ok(self.application()?.map(|application| application.spec.path))
    }

    /// What is to be rendered of this folder.
    pub(super) fn job(&self, folder: &Folder) -> anyhow::Result<Job> {
        let application = self.application()?;
        let mut job = application.as_ref().map_or_else(|| Job::new("default", &folder.name(), ""), Job::from);
        job.path.clone_from(&folder.path);
        if let Some(namespace) = &self.namespace {
            job.target_namespace.clone_from(namespace);
            job.namespace.clone_from(namespace);
        }
        if let Some(name) = &self.name {
            job.name.clone_from(name);
        }
        if let Some(renderer) = &self.renderer {
            job.renderer = Some(renderer.clone());
        }
        if let Some(config) = &self.config {
            job.config = settings::read(config)?;
        }
        if let Some(limits) = &self.limits {
            let limits: ApplicationLimits =
                serde_json::from_value(settings::read(limits)?).context("read the limits")?;
            job.limits = RenderLimits::from(&limits);
        }
        job.handover = self.handover(application.as_ref())?;
        Ok(job)
    }

    fn application(&self) -> anyhow::Result<Option<Application>> {
        self.application.as_deref().map(|file| application(file, self.name.as_deref())).transpose()
    }

    fn handover(&self, application: Option<&Application>) -> anyhow::Result<Handover> {
        let spec = application.map(|application| &application.spec);
        let own = spec.and_then(|spec| spec.values.clone());
        let mut values = Value::Object(Map::new());
        for text in &self.values {
            let more = settings::read(text)?;
            anyhow::ensure!(more.is_object(), "--values `{text}` is no mapping");
            merge(&mut values, more);
        }
        let any = own.is_some() || !self.values.is_empty();
        merge(&mut values, Value::Object(own.unwrap_or_default()));
        let values = values.as_object().filter(|_| any).cloned();
        let wants = spec.is_some_and(|spec| spec.capabilities == Some(CapabilitiesFrom::Cluster));
        let handover = Handover {
            values,
            capabilities: self.capabilities.as_deref().map(capabilities).transpose()?.map(Arc::new),
            seed: self.seed.as_deref().map(seed).transpose()?,
            confidential: false,
        };
        let missing = [
            (
                spec.is_some_and(|spec| !spec.values_from.is_empty()) && self.values.is_empty(),
                "valuesFrom",
                "--values",
            ),
            (wants && handover.capabilities.is_none(), "capabilities", "--capabilities"),
            (
                spec.is_some_and(|spec| spec.seed_from.is_some()) && handover.seed.is_none(),
                "seedFrom",
                "--seed",
            ),
        ];
        for (_, field, flag) in missing.into_iter().filter(|(missing, ..)| *missing) {
            note(&format!(
                "what spec.{field} of the Application leads to is not read here; give it with {flag}"
            ));
        }
        Ok(handover)
    }
}

/// The Application in a file of one or more documents.
fn application(file: &Path, name: Option<&str>) -> anyhow::Result<Application> {
    let shown = file.display().to_string();
    let mut found = Vec::new();
    for document in settings::documents(file)? {
        let version = document.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        let is_one = document.get("kind").and_then(Value::as_str) == Some("Application");
        if is_one && version == format!("{}/{}", api::GROUP, api::VERSION) {
            let application: Application =
                serde_json::from_value(document).with_context(|| format!("{shown}: read the Application"))?;
            found.push(application);
        }
    }
    if let Some(name) = name
        && found.len() > 1
    {
        found.retain(|application| application.metadata.name.as_deref() == Some(name));
    }
    let count = found.len();
    match (found.pop(), count) {
        (Some(application), 1) => Ok(application),
        (None, _) => anyhow::bail!("{shown} holds no such Application of {}/{}", api::GROUP, api::VERSION),
        _ => anyhow::bail!("{shown} holds {count} Applications; say which one with --name"),
    }
}

fn capabilities(text: &str) -> anyhow::Result<Capabilities> {
    if text == CLUSTER {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (kube_version, api_versions) = runtime.block_on(async {
            let options = ConnectOptions { timeout: REQUEST_TIMEOUT, ..ConnectOptions::default() };
            let cluster = Cluster::connect(options).await.context("find a cluster (set KUBECONFIG)")?;
            cluster.serves().await.context("ask the cluster what it serves")
        })?;
        return Ok(Capabilities { kube_version, api_versions });
    }
    let Served { kube_version, mut api_versions } =
        serde_json::from_value(settings::read(text)?).context("read the capabilities")?;
    api_versions.sort();
    Ok(Capabilities { kube_version, api_versions })
}

fn seed(file: &Path) -> anyhow::Result<Seed> {
    Seed::from_secret(&settings::bytes(file)?).with_context(|| format!("the seed in `{}`", file.display()))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use clap::Parser;
    use serde_json::json;

    use super::*;
    use crate::source::memory_tree::MemoryTree;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        job: JobArguments,
    }

    fn job(typed: &[&str]) -> anyhow::Result<Job> {
        let typed = Typed::try_parse_from(std::iter::once(&"windlass").chain(typed)).unwrap();
        typed.job.job(&Folder::in_memory(MemoryTree::new(), "apps/web"))
    }

    fn file(content: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        file
    }

    const TWO: &str = "
apiVersion: windlass.dev/v1alpha1
kind: Application
metadata: {name: web, namespace: shop}
spec:
  repository: {name: fleet}
  path: apps/web
  renderer: {plugin: helm, config: {releaseName: shop}}
  values: {replicas: 2, image: {tag: '1'}}
  valuesFrom: [{kind: ConfigMap, name: more}]
  limits: {fileSize: 1Mi}
---
apiVersion: windlass.dev/v1alpha1
kind: Application
metadata: {name: other, namespace: shop}
spec: {repository: {name: fleet}, postRenderers: [{path: overlay}]}
";

    #[test]
    fn an_application_in_a_file_says_everything_and_flags_say_otherwise() {
        let file = file(TWO);
        let path = file.path().to_str().unwrap();
        let web = job(&["--application", path, "--name", "web"]).unwrap();
        assert_eq!(
            (web.name.as_str(), web.namespace.as_str(), web.target_namespace.as_str()),
            ("web", "shop", "shop")
        );
        assert_eq!((web.renderer.as_deref(), web.limits.file_bytes), (Some("helm"), 1 << 20));
        let values =
            ["--values", r#"{"replicas": 9, "colour": "red"}"#, "--values", r#"{"image": {"name": "x"}}"#];
        let typed =
            [&["--application", path, "--name", "web", "--renderer", "kustomize"][..], &values].concat();
        let typed = job(&typed).unwrap();
        assert_eq!(typed.renderer.as_deref(), Some("kustomize"));
        assert_eq!(
            Value::Object(typed.handover.values.unwrap()),
            json!({"replicas": 2, "colour": "red", "image": {"tag": "1", "name": "x"}})
        );
        let other = job(&["--application", path, "--name", "other"]).unwrap();
        assert_eq!((other.post_renderers[0].path.as_str(), other.handover.values), ("overlay", None));
    }

    #[test]
    fn which_one_of_several_is_asked_for() {
        let file = file(TWO);
        let path = file.path().to_str().unwrap();
        assert!(job(&["--application", path]).unwrap_err().to_string().contains("2 Applications; say which"));
        let none = job(&["--application", path, "--name", "none"]).unwrap_err();
        assert!(none.to_string().contains("no such Application"), "{none}");
    }

    #[test]
    fn without_an_application_the_folder_gives_the_name() {
        let job = job(&[
            "--limits",
            r#"{"paths": 7}"#,
            "--capabilities",
            r#"{"kubeVersion": "v1.30.0", "apiVersions": ["v1"]}"#,
        ])
        .unwrap();
        assert_eq!((job.name.as_str(), job.namespace.as_str(), job.limits.paths), ("web", "default", 7));
        assert_eq!(job.handover.capabilities.unwrap().kube_version, "v1.30.0");
    }

    #[test]
    fn a_seed_is_bytes_and_enough_of_them() {
        let seed = |content: &[u8]| {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(content).unwrap();
            let path = file.path().to_str().unwrap();
            let seed = job(&["--seed", path]).map(|job| job.handover.seed.unwrap());
            seed.map_err(|error| format!("{error:#}").replace(path, "FILE"))
        };
        assert_eq!(seed(&[0xff; 16]), Ok(Seed::from_secret(&[0xff; 16]).unwrap()));
        assert_eq!(seed(&[b'a'; 15]), Err("the seed in `FILE`: needs at least 16 random bytes".to_owned()));
    }
}
