//! A windlass agent as a process of its own: the real binary, against a real
//! API server.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::control_plane::{Program, Start};

/// How long an agent may take until it is ready.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// How long it may take to end after SIGTERM.
const END_WITHIN: Duration = Duration::from_secs(30);

/// How an agent is started.
#[derive(Clone, Debug)]
pub struct AgentOptions {
    /// The binary.
    pub program: PathBuf,
    /// The folder of the plugins.
    pub plugins: PathBuf,
    /// Where it finds its API server.
    pub kubeconfig: PathBuf,
    /// The namespace of its Lease; it must exist.
    pub namespace: String,
    /// Its cache; a temporary folder of its own without it.
    pub cache: Option<PathBuf>,
    /// What it logs.
    pub log: String,
    /// More arguments.
    pub arguments: Vec<String>,
}

/// A running agent. Dropping it kills it, and so does the end of this process.
pub struct Agent {
    program: Program,
    folder: tempfile::TempDir,
    address: String,
}

impl Agent {
    /// Starts an agent and waits until it is ready.
    ///
    /// # Errors
    /// With the end of its log, where it does not become ready in time.
    pub async fn start(options: &AgentOptions) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("make a folder for the agent")?;
        let address = free_address()?;
        let cache = options.cache.clone().unwrap_or_else(|| folder.path().join("cache"));
        let mut words: Vec<OsString> = vec!["env".into(), "NO_COLOR=1".into(), (&options.program).into()];
        words.extend(["agent", "--kubeconfig"].map(OsString::from));
        words.push((&options.kubeconfig).into());
        let plain =
            ["--namespace", &options.namespace, "--listen", &address, "--log", &options.log, "--log-format"];
        words.extend(plain.map(OsString::from));
        words.extend(["text", "--node", "test", "--plugins"].map(OsString::from));
        words.extend([(&options.plugins).into(), "--cache".into(), cache.into()]);
        words.extend(options.arguments.iter().map(OsString::from));
        let (log, leftovers) = (folder.path().join("log"), folder.path());
        let program =
            Program::start(Start { name: "windlass", words, log: &log, leftovers: Some(leftovers) })?;
        let mut agent = Self { program, folder, address };
        agent.wait_until_ready().await?;
        Ok(agent)
    }

    async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if self.get("/readyz").await.is_ok() {
                return Ok(());
            }
            let ended = self.program.ended()?;
            if ended.is_some() || Instant::now() > deadline {
                anyhow::bail!("the agent is not ready ({ended:?}); the end of its log:\n{}", self.log_tail());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// Where the system does not say.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.program.ended()
    }

    /// Where it serves probes and metrics, as `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The body of a page that it serves.
    ///
    /// # Errors
    /// Where it can't be reached or answers with anything but 200.
    pub async fn get(&self, path: &str) -> anyhow::Result<String> {
        let url = format!("http://{}{path}", self.address);
        tokio::task::spawn_blocking(move || {
            let mut response = ureq::get(&url).call().with_context(|| format!("get {url}"))?;
            response.body_mut().read_to_string().context("read the answer")
        })
        .await
        .context("ask the agent")?
    }

    /// The value of a metric with these labels, or 0 where there is none.
    ///
    /// # Errors
    /// Where the metrics can't be read.
    pub async fn metric(&self, series: &str) -> anyhow::Result<f64> {
        let metrics = self.get("/metrics").await?;
        let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(Ok(0.0), |value| value.parse().with_context(|| format!("read {series}")))
    }

    /// Everything that it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The file that it logs to.
    pub fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Kills it as a crash would, and waits until it is gone.
    pub fn kill(self) {
        drop(self);
    }

    /// Whether its process is alive.
    pub fn is_alive(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/stat", self.pid()));
        // `Z` stands for a process that has ended and was not waited for.
        status.is_ok_and(|status| !status.contains(") Z "))
    }

    /// Ends it as Kubernetes would, and waits for its end.
    ///
    /// # Errors
    /// Where it does not end in time, or not with success.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let pid = rustix_pid(self.pid())?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).context("signal the agent")?;
        let deadline = Instant::now() + END_WITHIN;
        loop {
            if let Some(status) = self.program.ended()? {
                anyhow::ensure!(status.success(), "the agent ended with {status}:\n{}", self.log_tail());
                return Ok(());
            }
            anyhow::ensure!(Instant::now() < deadline, "the agent does not end:\n{}", self.log_tail());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn rustix_pid(pid: u32) -> anyhow::Result<rustix::process::Pid> {
    let id = i32::try_from(pid).context("read the agent's process id")?;
    rustix::process::Pid::from_raw(id).context("read the agent's process id")
}

fn free_address() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("find a free port")?;
    Ok(listener.local_addr().context("read the free port")?.to_string())
}

/// Builds the agent's binary in the profile that this program was built in,
/// and gives its path. `progress` is given a line for each crate that is
/// compiled.
///
/// # Errors
/// With the end of cargo's words where it does not build.
pub fn build_agent(progress: &dyn Fn(&str)) -> anyhow::Result<PathBuf> {
    let target = target_folder()?;
    let program = target.join("windlass");
    progress("building the agent");
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args([
        "build",
        "--workspace",
        "--features",
        "windlass/compiler",
        "--bin",
        "windlass",
        "--bin",
        "windlass-compile",
    ]);
    run_cargo(command, &target, progress)?;
    Ok(program)
}

/// The agent's binary as cargo built it together with the tests of the whole
/// workspace, in the same profile and with the same features.
///
/// # Errors
/// Where it is not there: the tests of one package alone don't build it.
pub fn built_agent() -> anyhow::Result<PathBuf> {
    let program = target_folder()?.join("windlass");
    anyhow::ensure!(
        program.is_file(),
        "{} is not built: run `cargo test --workspace --features windlass/compiler`",
        program.display()
    );
    Ok(program)
}

/// Builds the agent's binary as it is released, without the plugin compiler, in the profile that this program was
/// built in, and gives the path of a copy that no other build replaces.
///
/// # Errors
/// With the end of cargo's words where it does not build.
pub fn build_lean_agent(progress: &dyn Fn(&str)) -> anyhow::Result<PathBuf> {
    let target = target_folder()?;
    progress("building the agent without its compiler");
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["build", "--package", "windlass", "--bin", "windlass"]);
    run_cargo(command, &target, progress)?;
    // The workspace's builds put theirs, which has the compiler, in the same place.
    let folder = target.join("lean");
    std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let (program, copying) = (folder.join("windlass"), folder.join("windlass.new"));
    std::fs::copy(target.join("windlass"), &copying).context("copy the agent")?;
    std::fs::rename(&copying, &program).context("copy the agent")?;
    Ok(program)
}

fn run_cargo(mut command: Command, target: &Path, progress: &dyn Fn(&str)) -> anyhow::Result<()> {
    command.current_dir(repository()).env("CARGO_TARGET_DIR", target.parent().unwrap_or(target));
    // What cargo tells a program that it runs, of that program's package. Build scripts that ask for the same
    // names would run again for it, and everything above them be compiled again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    if target.ends_with("release") {
        command.arg("--release");
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().context("start cargo")?;
    let mut said = Vec::new();
    for line in BufReader::new(child.stderr.take().context("read from cargo")?).lines() {
        let line = line.context("read from cargo")?;
        if let Some(name) = line.trim_start().strip_prefix("Compiling ") {
            progress(&format!("compiling {}", name.split(" (").next().unwrap_or(name)));
        }
        said.push(line);
    }
    let status = child.wait().context("wait for cargo")?;
    anyhow::ensure!(status.success(), "the agent does not build:\n{}", said.join("\n"));
    Ok(())
}

/// Builds what is stale of the plugins, and gives their folder.
///
/// # Errors
/// Where a tool is missing or a build fails.
pub fn build_plugins(progress: &dyn Fn(&str)) -> anyhow::Result<PathBuf> {
    let target = target_folder()?;
    let folder = target.parent().unwrap_or(&target).join("bundle");
    windlass_bundle::build(&windlass_bundle::Options::new(&folder, progress))?;
    Ok(folder)
}

/// The folder of the profile in cargo's target folder that this program stands in.
fn target_folder() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe().context("find this program")?;
    let profile = program
        .ancestors()
        .skip(1)
        .find(|folder| folder.file_name().is_some_and(|name| name == "debug" || name == "release"));
    profile.map(Path::to_path_buf).context("find cargo's target folder above this program")
}

/// The root of this repository.
pub fn repository() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}
