//! Builds the combined binary with Go, telling how far it is. Writes beside the wanted place and renames, so
//! that a binary that is there is whole.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// What the programs say their version is. Without it kube-apiserver calls itself v0.0.0 and clients refuse it.
const VERSION: (&str, &str, &str) = ("1", "36", "3");

/// How often progress is told, at most.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// How many of the compiler's last lines an error quotes.
const QUOTED_LINES: usize = 20;

pub(super) fn build(module: &Path, binary: &Path, progress: &(dyn Fn(&str) + Sync)) -> anyhow::Result<()> {
    progress(
        "building the control plane (etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubectl) \
         with Go; this takes about five minutes, once",
    );
    let packages = count_packages(module, progress)?;
    let unfinished = binary.with_extension(format!("{}.unfinished", std::process::id()));
    let mut build = go(module);
    build
        .args(["build", "-v", "-trimpath", "-ldflags"])
        .arg(linker_flags())
        .arg("-o")
        .arg(&unfinished)
        .arg(".");
    let mut compiled = 0;
    let outcome = run(build, |line, due| {
        // Besides notes on downloads, -v prints a line per package that it compiles.
        compiled += usize::from(!line.starts_with("go: "));
        if due {
            progress(&format!("compiled {compiled} of at most {packages} Go packages, now {line}"));
        }
    });
    if let Err(error) = outcome {
        // What is left of a failed build is worth nothing; that it can't be removed is not the news.
        _ = fs::remove_file(&unfinished);
        return Err(error.context(format!("build the control plane in {}", module.display())));
    }
    fs::rename(&unfinished, binary)
        .with_context(|| format!("put the control plane at {}", binary.display()))?;
    progress("the control plane is built");
    Ok(())
}

/// Counts what is to be compiled, for which Go first downloads the modules.
fn count_packages(module: &Path, progress: &(dyn Fn(&str) + Sync)) -> anyhow::Result<usize> {
    let listing = tempfile::NamedTempFile::new().context("create a temporary file")?;
    let mut list = go(module);
    list.args(["list", "-deps", "."]).stdout(listing.reopen().context("open a temporary file")?);
    let mut downloaded = 0;
    run(list, |line, due| {
        downloaded += usize::from(line.starts_with("go: downloading "));
        if due {
            progress(&format!("downloaded {downloaded} Go modules"));
        }
    })
    .context("list the packages of the control plane")?;
    Ok(fs::read_to_string(listing.path()).context("read a temporary file")?.lines().count())
}

fn go(module: &Path) -> Command {
    let mut command = Command::new("go");
    command.current_dir(module).env("GOFLAGS", "-mod=readonly").stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn linker_flags() -> String {
    let (major, minor, patch) = VERSION;
    let package = "k8s.io/component-base/version";
    format!(
        "-s -w -X {package}.gitVersion=v{major}.{minor}.{patch} -X {package}.gitMajor={major} \
         -X {package}.gitMinor={minor}"
    )
}

/// Runs a Go command, giving `each_line` what it writes on standard error and whether telling is due.
fn run(mut command: Command, mut each_line: impl FnMut(&str, bool)) -> anyhow::Result<()> {
    let mut child = command.stderr(Stdio::piped()).spawn().map_err(|error| {
        let hint = "install Go 1.26 or newer, or set KUBEBUILDER_ASSETS to a folder with prebuilt binaries";
        anyhow::Error::new(error).context(format!("start `go`: {hint}"))
    })?;
    let mut last_lines = VecDeque::new();
    let mut told = Instant::now();
    for line in BufReader::new(child.stderr.take().context("read from `go`")?).lines() {
        let line = line.context("read from `go`")?;
        let due = told.elapsed() >= TELL_EVERY;
        if due {
            told = Instant::now();
        }
        each_line(&line, due);
        last_lines.push_back(line);
        if last_lines.len() > QUOTED_LINES {
            last_lines.pop_front();
        }
    }
    let status = child.wait().context("wait for `go`")?;
    if !status.success() {
        bail!("`go` ended with {status}; its last lines:\n{}", Vec::from(last_lines).join("\n"));
    }
    Ok(())
}
