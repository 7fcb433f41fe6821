//! The upstream commands that the renderers are measured beside. Builds them with Go from pinned modules, and runs
//! programs; never measures anything but wall time and resident memory of a process.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::Value;
use tempfile::TempDir;

use crate::ProcessUsage;
use crate::agent::repository;

/// How often a process is looked at for its memory. Its largest is kept by the system, so only what is reached within
/// the last moment can be missed.
const LOOK_EVERY: Duration = Duration::from_micros(500);

/// Each command: its name, the module that pins it, and its package.
const COMMANDS: [(&str, &str, &str); 2] = [
    ("kustomize", "tests/kustomize", "sigs.k8s.io/kustomize/kustomize/v5"),
    ("helm", "plugins/helm/upstream", "helm.sh/helm/v4/cmd/helm"),
];

/// The built commands.
pub(super) struct Natives(TempDir);

impl Natives {
    pub(super) fn build(progress: &dyn Fn(&str)) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("make a folder for upstream's commands")?;
        for (name, module, package) in COMMANDS {
            progress(&format!("building upstream's {name}"));
            let built = Command::new("go")
                .args(["build", "-trimpath", "-ldflags", "-s -w", "-o"])
                .arg(folder.path().join(name))
                .arg(package)
                .current_dir(repository().join(module))
                .env("GOFLAGS", "-mod=readonly")
                .env("GOWORK", "off")
                .output()
                .context("start `go`: install Go 1.26 or newer")?;
            anyhow::ensure!(
                built.status.success(),
                "upstream's {name} does not build:\n{}",
                String::from_utf8_lossy(&built.stderr)
            );
        }
        Ok(Self(folder))
    }

    /// `kustomize` or `helm`, without anything of the user's.
    pub(super) fn command(&self, name: &str) -> Invocation {
        Invocation::new(&self.0.path().join(name)).env("HOME", self.0.path())
    }
}

/// A program with its arguments, to be run any number of times.
pub(super) struct Invocation {
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, PathBuf)>,
}

impl Invocation {
    pub(super) fn new(program: &Path) -> Self {
        Self { program: program.to_owned(), arguments: Vec::new(), environment: Vec::new() }
    }

    pub(super) fn args<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.arguments.extend(arguments.into_iter().map(str::to_owned));
        self
    }

    fn env(mut self, name: &str, value: &Path) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    fn to_command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // What the user has set for these programs would change what they do.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if ["HELM_", "KUSTOMIZE_", "WINDLASS_", "XDG_"].iter().any(|prefix| text.starts_with(prefix)) {
                command.env_remove(&name);
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// What it prints.
    pub(super) fn output(&self) -> anyhow::Result<String> {
        let output = self
            .to_command()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .output()
            .with_context(|| format!("start {}", self.program.display()))?;
        anyhow::ensure!(
            output.status.success(),
            "{} {} failed:\n{}",
            self.program.display(),
            self.arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).context("read what it printed")
    }

    /// Milliseconds from the start to the end of it, without anybody looking.
    pub(super) fn wall(&self) -> anyhow::Result<f64> {
        let mut command = self.to_command();
        let began = Instant::now();
        let status = command.status().with_context(|| format!("start {}", self.program.display()))?;
        let took = began.elapsed().as_secs_f64() * 1e3;
        anyhow::ensure!(status.success(), "{} failed: {status}", self.program.display());
        Ok(took)
    }

    /// The most that it had resident, in bytes.
    pub(super) fn peak(&self) -> anyhow::Result<u64> {
        let mut child =
            self.to_command().spawn().with_context(|| format!("start {}", self.program.display()))?;
        let mut peak = 0;
        let status = loop {
            // One that has just ended has no memory any more.
            peak = peak.max(ProcessUsage::of(child.id()).map_or(0, |usage| usage.peak_resident_bytes));
            if let Some(status) = child.try_wait().context("wait for a program")? {
                break status;
            }
            std::thread::sleep(LOOK_EVERY);
        };
        anyhow::ensure!(status.success(), "{} failed: {status}", self.program.display());
        Ok(peak)
    }
}

/// The objects of a stream of YAML documents.
pub(super) fn documents(text: &str) -> anyhow::Result<Vec<Value>> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_documents: 20_000, max_events: 10_000_000, max_nodes: 5_000_000, },
    };
    let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|error| anyhow::anyhow!("read YAML: {error}"))?;
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_kustomize_has_the_version_of_the_plugin() {
        let read = |name: &str| std::fs::read_to_string(repository().join(name)).unwrap();
        let manifest: Value = serde_json::from_str(&read("plugins/kustomize/manifest.json")).unwrap();
        let wanted =
            format!("sigs.k8s.io/kustomize/kustomize/v5 v{} ", manifest["version"].as_str().unwrap());
        assert!(read("tests/kustomize/go.mod").contains(&wanted), "tests/kustomize/go.mod lacks `{wanted}`");
    }

    #[test]
    fn the_memory_of_a_program_is_that_of_its_largest_moment() {
        let hoard = Invocation::new(Path::new("/bin/sh"))
            .args(["-c", "x=$(head -c 30000000 /dev/zero | tr '\\0' x); sleep 0.1"]);
        assert!(hoard.peak().unwrap() > 30_000_000);
        assert!(hoard.wall().unwrap() >= 100.0);
    }

    #[test]
    fn a_program_that_fails_is_an_error_with_its_own_words() {
        let failing = Invocation::new(Path::new("/bin/sh")).args(["-c", "echo no luck >&2; exit 1"]);
        assert!(failing.output().unwrap_err().to_string().contains("no luck"));
        assert!(failing.wall().is_err() && failing.peak().is_err());
    }

    #[test]
    fn documents_without_content_are_none() {
        assert_eq!(documents("---\n# Source: a\na: 1\n---\n---\nb: 2\n").unwrap().len(), 2);
    }
}
