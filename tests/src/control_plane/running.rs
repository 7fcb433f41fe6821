//! The processes of one control plane and the order in which they start and end. Everything here blocks; the
//! async face is [`ControlPlane`](super::ControlPlane).

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use tempfile::TempDir;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::credentials::{ADMIN, Credentials};
use super::process::{Program, Start};
use super::{Binaries, Options, ports};

/// How often a program that isn't ready yet is asked again.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// How long one question may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How often a program is started anew because its port was taken by another process meanwhile.
const PORT_ATTEMPTS: usize = 5;

/// The answer to a question may have this many bytes. `/metrics` has some 2 MB.
const ANSWER_LIMIT: u64 = 64 * 1024 * 1024;

/// Fields end in their order: first the programs, last the folder that they write to.
pub(super) struct Running {
    /// kube-controller-manager and kube-scheduler.
    controllers: Mutex<Vec<Program>>,
    apiserver: Mutex<Option<Program>>,
    etcd: Mutex<Program>,
    setup: Setup,
    apiserver_port: u16,
    url: String,
}

/// What every program is started with.
struct Setup {
    binaries: Binaries,
    credentials: Credentials,
    ready_within: Duration,
    http: ureq::Agent,
    etcd_url: String,
    folder: TempDir,
}

impl Running {
    pub(super) fn start(options: &Options) -> anyhow::Result<Self> {
        let progress = &*options.progress;
        let binaries = Binaries::find_or_build(progress)?;
        let folder = tempfile::Builder::new()
            .prefix("windlass-control-plane-")
            .tempdir()
            .context("create a temporary folder for the control plane")?;
        let credentials = Credentials::create(folder.path(), &options.users)?;
        let http = agent(credentials.authority_der());
        let ready_within = options.ready_within;
        let mut setup = Setup { binaries, credentials, ready_within, http, etcd_url: String::new(), folder };

        progress("starting etcd");
        let (etcd, etcd_port) = on_a_free_port(|port| setup.start_etcd(port))?;
        setup.etcd_url = format!("http://{}:{etcd_port}", Ipv4Addr::LOCALHOST);
        progress("starting kube-apiserver");
        let (apiserver, apiserver_port) = on_a_free_port(|port| setup.start_apiserver(port))?;
        let url = apiserver_url(apiserver_port);
        setup.credentials.write_kubeconfigs(&url)?;

        let mut controllers = Vec::new();
        if options.controller_manager {
            progress("starting kube-controller-manager");
            controllers.push(setup.start_controller_manager(&url)?);
        }
        if options.scheduler {
            progress("starting kube-scheduler");
            controllers.push(setup.start_scheduler()?);
        }
        Ok(Self {
            controllers: Mutex::new(controllers),
            apiserver: Mutex::new(Some(apiserver)),
            etcd: Mutex::new(etcd),
            setup,
            apiserver_port,
            url,
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn folder(&self) -> &Path {
        self.setup.folder.path()
    }

    pub(super) fn binaries(&self) -> &Binaries {
        &self.setup.binaries
    }

    pub(super) fn credentials(&self) -> &Credentials {
        &self.setup.credentials
    }

    pub(super) fn stop_apiserver(&self) -> anyhow::Result<()> {
        lock(&self.apiserver)?.take();
        Ok(())
    }

    pub(super) fn start_apiserver(&self) -> anyhow::Result<()> {
        let mut apiserver = lock(&self.apiserver)?;
        if apiserver.is_none() {
            *apiserver = Some(self.setup.start_apiserver(self.apiserver_port)?);
        }
        Ok(())
    }

    /// What the API server answers the admin at `path`.
    pub(super) fn get(&self, path: &str) -> anyhow::Result<String> {
        self.setup.get(&format!("{}{path}", self.url))
    }

    pub(super) fn processes(&self) -> anyhow::Result<Vec<(&'static str, u32)>> {
        let of = |program: &Program| (program.name(), program.pid());
        let mut processes = vec![of(&*lock(&self.etcd)?)];
        processes.extend(lock(&self.apiserver)?.as_ref().map(of));
        processes.extend(lock(&self.controllers)?.iter().map(of));
        Ok(processes)
    }
}

impl Setup {
    fn start_etcd(&self, port: u16) -> anyhow::Result<Program> {
        let address = format!("http://{}:{port}", Ipv4Addr::LOCALHOST);
        let peers = format!("http://{}:{}", Ipv4Addr::LOCALHOST, ports::free_port()?);
        // A former attempt may have left half a data folder that knows other addresses.
        let data = self.path(&format!("etcd-{port}"));
        let arguments = flags(&[
            ("--data-dir", &data.to_string_lossy()),
            ("--listen-client-urls", &address),
            ("--advertise-client-urls", &address),
            ("--listen-peer-urls", &peers),
            ("--log-level", "warn"),
            ("--unsafe-no-fsync", "true"),
        ]);
        let mut program = self.spawn("etcd", arguments, Some(self.folder.path()))?;
        self.wait_until_ready(&mut program, || self.get(&format!("{address}/health")).map(drop))?;
        Ok(program)
    }

    fn start_apiserver(&self, port: u16) -> anyhow::Result<Program> {
        let credentials = &self.credentials;
        let loopback = Ipv4Addr::LOCALHOST.to_string();
        let arguments = flags(&[
            ("--etcd-servers", &self.etcd_url),
            ("--secure-port", &port.to_string()),
            ("--bind-address", &loopback),
            ("--advertise-address", &loopback),
            // No Pod will call the API server through its Service, whose endpoint may not be on loopback.
            ("--endpoint-reconciler-type", "none"),
            ("--tls-cert-file", &credentials.certificate().to_string_lossy()),
            ("--tls-private-key-file", &credentials.certificate_key().to_string_lossy()),
            ("--service-account-issuer", "https://kubernetes.default.svc"),
            ("--service-account-key-file", &credentials.service_account_public_key().to_string_lossy()),
            ("--service-account-signing-key-file", &credentials.service_account_key().to_string_lossy()),
            ("--token-auth-file", &credentials.tokens().to_string_lossy()),
            ("--authorization-mode", "RBAC"),
            ("--service-cluster-ip-range", "10.0.0.0/24"),
        ]);
        let mut program = self.spawn("kube-apiserver", arguments, None)?;
        let ready = format!("{}/readyz", apiserver_url(port));
        self.wait_until_ready(&mut program, || self.get(&ready).map(drop))?;
        Ok(program)
    }

    /// Ready when it has made the first thing that an empty cluster gets from it.
    fn start_controller_manager(&self, url: &str) -> anyhow::Result<Program> {
        let arguments = flags(&[
            ("--kubeconfig", &self.credentials.kubeconfig(ADMIN)?.to_string_lossy()),
            ("--root-ca-file", &self.credentials.authority().to_string_lossy()),
            ("--service-account-private-key-file", &self.credentials.service_account_key().to_string_lossy()),
            ("--use-service-account-credentials", "true"),
            ("--leader-elect", "false"),
            // Serves nothing itself.
            ("--secure-port", "0"),
        ]);
        let mut program = self.spawn("kube-controller-manager", arguments, None)?;
        let first = format!("{url}/api/v1/namespaces/default/serviceaccounts/default");
        self.wait_until_ready(&mut program, || self.get(&first).map(drop))?;
        Ok(program)
    }

    /// Without nodes there is nothing to see it by, so it isn't waited for.
    fn start_scheduler(&self) -> anyhow::Result<Program> {
        let arguments = flags(&[
            ("--kubeconfig", &self.credentials.kubeconfig(ADMIN)?.to_string_lossy()),
            ("--leader-elect", "false"),
            ("--secure-port", "0"),
        ]);
        self.spawn("kube-scheduler", arguments, None)
    }

    fn spawn(
        &self,
        name: &'static str,
        arguments: Vec<OsString>,
        leftovers: Option<&Path>,
    ) -> anyhow::Result<Program> {
        let mut words = self.binaries.command(name)?;
        words.extend(arguments);
        let log = self.path(&format!("{name}.log"));
        Program::start(Start { name, words, log: &log, leftovers })
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn get(&self, url: &str) -> anyhow::Result<String> {
        let token = self.credentials.token(ADMIN)?;
        let mut response = self.http.get(url).header("Authorization", format!("Bearer {token}")).call()?;
        response.body_mut().with_config().limit(ANSWER_LIMIT).read_to_string().context("read the answer")
    }

    fn wait_until_ready(
        &self,
        program: &mut Program,
        ask: impl Fn() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + self.ready_within;
        loop {
            if let Some(status) = program.ended()? {
                let name = program.name();
                bail!(
                    "{name} ended with {status} before it was ready; the end of its log:\n{}",
                    program.log_tail()
                );
            }
            match ask() {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() >= deadline => bail!(
                    "{} is not ready after {:?} (Options::ready_within): {error:#}; the end of its log:\n{}",
                    program.name(),
                    self.ready_within,
                    program.log_tail()
                ),
                Err(_) => std::thread::sleep(ASK_EVERY),
            }
        }
    }
}

/// Starts something on a free port, and again on another one as long as the port turns out to be taken.
fn on_a_free_port<T>(start: impl Fn(u16) -> anyhow::Result<T>) -> anyhow::Result<(T, u16)> {
    let mut attempt = 1;
    loop {
        let port = ports::free_port()?;
        match start(port) {
            Ok(started) => return Ok((started, port)),
            Err(error) if attempt < PORT_ATTEMPTS && error.to_string().contains("address already in use") => {
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

fn apiserver_url(port: u16) -> String {
    format!("https://{}:{port}", Ipv4Addr::LOCALHOST)
}

fn flags(pairs: &[(&str, &str)]) -> Vec<OsString> {
    pairs.iter().map(|(name, value)| OsString::from(format!("{name}={value}"))).collect()
}

/// A client that trusts the control plane's authority alone and goes through no proxy.
fn agent(authority: &[u8]) -> ureq::Agent {
    let roots = RootCerts::new_with_certs(&[Certificate::from_der(authority).to_owned()]);
    ureq::Agent::config_builder()
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .proxy(None)
        .timeout_global(Some(ANSWER_WITHIN))
        .build()
        .into()
}

fn lock<T>(mutex: &Mutex<T>) -> anyhow::Result<MutexGuard<'_, T>> {
    mutex.lock().map_err(|_| anyhow!("a test panicked while it started or stopped the control plane"))
}
