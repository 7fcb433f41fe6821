//! A real control plane on 127.0.0.1: etcd, kube-apiserver and, as wished, kube-controller-manager and
//! kube-scheduler, with data in a temporary folder. No nodes: Deployments get their Pods, which stay Pending.
//!
//! Takes [`Options`], gives a [`ControlPlane`] to connect to. Its processes never outlive this one, and don't
//! depend on any async runtime, so one control plane can serve all tests of a process ([`ControlPlane::shared`]).

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, bail};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ObjectMeta, PostParams};

use crate::ProcessUsage;

mod api_requests;
mod binaries;
mod credentials;
mod ports;
mod process;
mod running;

pub use api_requests::ApiRequests;
pub use binaries::Binaries;
use credentials::ADMIN;
pub(crate) use process::{Program, Start};
use running::Running;

/// A user without any rights of its own, present in every control plane unless [`Options::users`] says
/// otherwise. A test grants what it needs in its own namespace.
pub const GUEST: &str = "guest";

/// How a control plane is made.
#[derive(Clone)]
pub struct Options {
    /// Run kube-controller-manager: without it Deployments get no Pods, deletion doesn't cascade, and a deleted
    /// Namespace stays. On by default.
    pub controller_manager: bool,
    /// Run kube-scheduler, which has no nodes to place on unless the caller brings some. Off by default.
    pub scheduler: bool,
    /// Users beside `admin`, each with a token and no rights; names are of a–z and -. [`GUEST`] by default.
    pub users: Vec<String>,
    /// How long each program may take until it is ready. Two minutes by default.
    pub ready_within: Duration,
    /// Is given a line when something that takes long begins or goes on. Ignores it by default.
    pub progress: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            controller_manager: true,
            scheduler: false,
            users: vec![GUEST.to_owned()],
            ready_within: Duration::from_mins(2),
            progress: Arc::new(|_| {}),
        }
    }
}

/// A running control plane. Dropping it ends every process and removes its folder.
pub struct ControlPlane {
    running: Arc<Running>,
}

static SHARED: OnceLock<Result<ControlPlane, String>> = OnceLock::new();

impl ControlPlane {
    /// Starts one and returns when it is ready to be used.
    ///
    /// # Errors
    /// When the binaries can't be had, or a program ends or isn't ready in time; the error then quotes the end
    /// of that program's log.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        blocking(move || Self::start_blocking(&options)).await
    }

    /// The control plane that all tests of this process share, started with the default [`Options`] by the first
    /// that asks. A test works in a [namespace](Self::namespace) of its own, and starts its own control plane if
    /// it stops the API server or changes what belongs to the whole cluster. If it can't be started, everyone
    /// gets the first error rather than another wait.
    pub async fn shared() -> anyhow::Result<&'static Self> {
        let start = || Self::start_blocking(&Options::default()).map_err(|error| format!("{error:#}"));
        blocking(move || match SHARED.get_or_init(start) {
            Ok(control_plane) => Ok(control_plane),
            Err(error) => bail!("start the shared control plane: {error}"),
        })
        .await
    }

    fn start_blocking(options: &Options) -> anyhow::Result<Self> {
        Ok(Self { running: Arc::new(Running::start(options)?) })
    }

    /// `https://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        self.running.url()
    }

    /// The kubeconfig of a user with all rights.
    pub fn kubeconfig_path(&self) -> PathBuf {
        self.running.folder().join("kubeconfig")
    }

    /// The kubeconfig of one of [`Options::users`].
    pub fn kubeconfig_path_of(&self, user: &str) -> anyhow::Result<PathBuf> {
        self.running.credentials().kubeconfig(user)
    }

    /// The settings of a client with all rights, to be adapted and made into one.
    pub fn client_config(&self) -> anyhow::Result<kube::Config> {
        self.client_config_of(ADMIN)
    }

    /// The same for one of [`Options::users`].
    pub fn client_config_of(&self, user: &str) -> anyhow::Result<kube::Config> {
        let credentials = self.running.credentials();
        let mut config = kube::Config::new(self.url().parse().context("read the API server's address")?);
        config.root_cert = Some(vec![credentials.authority_der().to_vec()]);
        config.auth_info.token = Some(credentials.token(user)?.to_owned().into());
        Ok(config)
    }

    /// A client with all rights. Call it inside the runtime that will use it: a client's connections belong to
    /// the runtime that made it, so two tests can't share one.
    pub fn client(&self) -> anyhow::Result<kube::Client> {
        self.client_of(ADMIN)
    }

    /// The same for one of [`Options::users`].
    pub fn client_of(&self, user: &str) -> anyhow::Result<kube::Client> {
        kube::Client::try_from(self.client_config_of(user)?).context("make a Kubernetes client")
    }

    /// Creates a namespace that no other test of this process uses, and returns its name: `prefix`, a hyphen and
    /// a number.
    pub async fn namespace(&self, prefix: &str) -> anyhow::Result<String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{prefix}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let metadata = ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        Api::<Namespace>::all(self.client()?)
            .create(&PostParams::default(), &namespace)
            .await
            .with_context(|| format!("create the namespace {name}"))?;
        Ok(name)
    }

    /// The words that run kubectl, a binary and perhaps a first argument, for showing to a person.
    pub fn kubectl_words(&self) -> anyhow::Result<Vec<std::ffi::OsString>> {
        self.running.binaries().command("kubectl")
    }

    /// A kubectl command for this cluster with all rights, to be given arguments. It reads and writes nothing in
    /// the user's home.
    pub fn kubectl(&self) -> anyhow::Result<Command> {
        let words = self.kubectl_words()?;
        let (binary, arguments) = words.split_first().context("find kubectl")?;
        let mut command = Command::new(binary);
        command
            .args(arguments)
            .env("KUBECONFIG", self.kubeconfig_path())
            .env("KUBECACHEDIR", self.running.folder().join("kubectl-cache"))
            .env("KUBERC", "off")
            .stdin(Stdio::null());
        Ok(command)
    }

    /// Runs kubectl with `arguments` and returns what it wrote on standard output; its standard error becomes
    /// the error's text when it fails.
    pub async fn run_kubectl<A: AsRef<OsStr>>(&self, arguments: &[A]) -> anyhow::Result<String> {
        let mut command = self.kubectl()?;
        command.args(arguments);
        blocking(move || {
            let output = command.output().context("start kubectl")?;
            if !output.status.success() {
                bail!(
                    "kubectl ended with {}: {}",
                    output.status,
                    String::from_utf8_lossy(&output.stderr).trim()
                );
            }
            String::from_utf8(output.stdout).context("read what kubectl wrote")
        })
        .await
    }

    /// Ends the API server at once, as a crash would. Data stay; [`Self::start_apiserver`] brings it back.
    pub async fn stop_apiserver(&self) -> anyhow::Result<()> {
        let running = Arc::clone(&self.running);
        blocking(move || running.stop_apiserver()).await
    }

    /// Starts the API server again at the same address over the same data, and returns when it is ready. Does
    /// nothing when it runs.
    pub async fn start_apiserver(&self) -> anyhow::Result<()> {
        let running = Arc::clone(&self.running);
        blocking(move || running.start_apiserver()).await
    }

    /// What the API server has answered since it started.
    pub async fn api_requests(&self) -> anyhow::Result<ApiRequests> {
        let running = Arc::clone(&self.running);
        blocking(move || Ok(ApiRequests::from_metrics(&running.get("/metrics")?))).await
    }

    /// The name and process id of each program that runs.
    pub fn processes(&self) -> anyhow::Result<Vec<(&'static str, u32)>> {
        self.running.processes()
    }

    /// Resident memory of all its processes together, in bytes.
    pub fn resident_bytes(&self) -> anyhow::Result<u64> {
        self.processes()?.into_iter().map(|(_, pid)| Ok(ProcessUsage::of(pid)?.resident_bytes)).sum()
    }

    /// The folder with its data, logs and keys.
    pub fn folder(&self) -> &Path {
        self.running.folder()
    }

    /// Ends every process and removes the folder, as dropping does, but tells what went wrong.
    pub async fn shutdown(self) -> anyhow::Result<()> {
        blocking(move || {
            let folder = self.folder().to_owned();
            drop(self);
            if folder.exists() {
                fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
            }
            Ok(())
        })
        .await
    }
}

/// Runs what waits for processes on a thread where waiting is allowed.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await.context("wait for the control plane")?
}
