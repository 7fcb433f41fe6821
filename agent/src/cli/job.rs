//! What a person says about the Application that a folder is rendered for: in
//! flags, or by the Application itself.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::application::{self, DEFAULT_NAMESPACE};
use super::folder::Folder;
use super::output::note;
use super::{fields, settings};
use crate::api::{Application, ApplicationLimits, CapabilitiesFrom};
use crate::cluster::{Cluster, ConnectOptions};
use crate::gate::Applicant;
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
    /// as `{"fileSize": "16Mi"}`. What it does not set, the Application does.
    #[arg(long, value_name = "FILE|JSON")]
    limits: Option<String>,

    /// The namespace of the Application, and the one for objects that name
    /// none. Without it, the Application's own, or `default`. Of several in
    /// the file, the one of this namespace is meant.
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

/// What was said, with every file read and the cluster asked: once for all
/// folders of a command.
pub(super) struct Said<'a> {
    flags: &'a JobArguments,
    application: Option<Application>,
    config: Option<Value>,
    limits: ApplicationLimits,
    handover: Handover,
}

impl JobArguments {
    /// Whether a file with the Application is named.
    pub(super) fn has_application(&self) -> bool {
        self.application.is_some()
    }

    /// Whether a name or a namespace was typed.
    pub(super) fn is_named(&self) -> bool {
        self.name.is_some() || self.namespace.is_some()
    }

    /// Whether an Application is meant by what was typed of its name and
    /// namespace.
    pub(super) fn names(&self, application: &Application) -> bool {
        let metadata = &application.metadata;
        let namespace = metadata.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
        self.name.as_ref().is_none_or(|name| metadata.name.as_ref() == Some(name))
            && self.namespace.as_ref().is_none_or(|wanted| wanted == namespace)
    }

    /// Reads all that is named. Says what is missing.
    pub(super) fn read(&self) -> anyhow::Result<Said<'_>> {
        let application = match &self.application {
            Some(file) => Some(application::read(file, self.name.as_deref(), self.namespace.as_deref())?),
            None => None,
        };
        self.read_with(application)
    }

    /// The same, for an Application that was found elsewhere.
    pub(super) fn read_with(&self, application: Option<Application>) -> anyhow::Result<Said<'_>> {
        let own_limits = application.as_ref().and_then(|application| application.spec.limits);
        Ok(Said {
            flags: self,
            config: self.config.as_deref().map(settings::read).transpose()?,
            limits: limits(own_limits.unwrap_or_default(), self.limits.as_deref())?,
            handover: self.handover(application.as_ref())?,
            application,
        })
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

impl Said<'_> {
    /// What the Application says of its folder, where there is one.
    pub(super) fn path(&self) -> Option<&str> {
        self.application.as_ref().map(|application| application.spec.path.as_str())
    }

    /// What is to be rendered of this folder.
    pub(super) fn job(&self, folder: &Folder) -> Job {
        let mut job = match &self.application {
            Some(application) => Job::from(&self.complete(application.clone(), folder)),
            None => Job {
                limits: RenderLimits::from(&self.limits),
                ..Job::new(DEFAULT_NAMESPACE, &folder.name(), &folder.path)
            },
        };
        // The Application's own chooses it among several, and changes nothing of it.
        if let Some(namespace) = self.flags.namespace.as_ref().filter(|typed| **typed != job.namespace) {
            job.target_namespace.clone_from(namespace);
            job.namespace.clone_from(namespace);
        }
        if let Some(name) = &self.flags.name {
            job.name.clone_from(name);
        }
        if let Some(renderer) = &self.flags.renderer {
            job.renderer = Some(renderer.clone());
        }
        if let Some(config) = &self.config {
            job.config.clone_from(config);
        }
        job.handover.clone_from(&self.handover);
        job
    }

    /// Whose set it is, as the gates see it.
    pub(super) fn applicant(&self, job: &Job) -> Applicant {
        let labels = self.application.as_ref().and_then(|application| application.metadata.labels.clone());
        Applicant {
            namespace: job.namespace.clone(),
            name: job.name.clone(),
            labels: labels.unwrap_or_default(),
            target_namespace: job.target_namespace.clone(),
        }
    }

    /// The Application as if it were this folder's: what it does not say, and
    /// what its post-renderers take from its path.
    fn complete(&self, mut application: Application, folder: &Folder) -> Application {
        let metadata = &mut application.metadata;
        metadata.name = metadata.name.take().or_else(|| Some(folder.name()));
        metadata.namespace = metadata.namespace.take().or_else(|| Some(DEFAULT_NAMESPACE.to_owned()));
        application.spec.path.clone_from(&folder.path);
        application.spec.limits = Some(self.limits);
        application
    }
}

/// The Application's own limits, with those that were typed over them.
fn limits(own: ApplicationLimits, typed: Option<&str>) -> anyhow::Result<ApplicationLimits> {
    let Some(typed) = typed else { return Ok(own) };
    let typed = settings::read(typed)?;
    fields::check_part(&fields::definition("Application")?, &["spec", "limits"], &typed)
        .map_err(|misfit| anyhow::anyhow!("--limits: {misfit}"))?;
    let ApplicationLimits { file_size, total_size, paths } =
        serde_json::from_value(typed).context("read the limits")?;
    Ok(ApplicationLimits {
        file_size: file_size.or(own.file_size),
        total_size: total_size.or(own.total_size),
        paths: paths.or(own.paths),
    })
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
