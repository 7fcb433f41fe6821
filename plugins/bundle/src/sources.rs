//! The plugins that the repository has, and how each is built.
//!
//! A Rust plugin is a package below `plugins/` that makes a `cdylib`; its
//! `package.metadata.windlass.target` chooses another target than
//! `wasm32-unknown-unknown`. A Go plugin is a folder there with a `go.mod` and
//! a `manifest.json`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::collector;
use crate::command::run;

/// The targets that Rust plugins may be built for, the default first.
pub(crate) const RUST_TARGETS: [&str; 2] = ["wasm32-unknown-unknown", "wasm32-wasip2"];

/// The profile that they are built with, in the workspace's Cargo.toml.
const RUST_PROFILE: &str = "plugin";
/// What a policy needs for a handful of objects: such a call need not grow its memory.
const INITIAL_HEAP_BYTES: u32 = 128 << 10;

const INSTALL_RUST: &str = "install Rust with rustup";
const INSTALL_GO: &str = "install Go, in the version that the plugin's go.mod names or a newer one";

/// A plugin's source.
pub(crate) struct Source {
    /// The plugin's name, which is also its folder's.
    pub(crate) name: String,
    /// Its folder.
    pub(crate) folder: PathBuf,
    pub(crate) language: Language,
}

/// What a plugin is written in.
pub(crate) enum Language {
    Rust {
        /// The cargo package.
        package: String,
        /// What it is built for.
        target: String,
    },
    Go,
}

/// The repository, as cargo sees it.
pub(crate) struct Workspace {
    root: PathBuf,
    metadata: Value,
}

impl Workspace {
    pub(crate) fn open(root: &Path) -> anyhow::Result<Self> {
        let mut cargo = cargo();
        cargo.args(["metadata", "--no-deps", "--format-version=1"]).current_dir(root);
        let metadata = run(&mut cargo, INSTALL_RUST)?;
        let metadata = serde_json::from_slice(&metadata).context("read cargo's metadata")?;
        Ok(Self { root: root.to_path_buf(), metadata })
    }

    /// All plugins, by name.
    pub(crate) fn plugins(&self) -> anyhow::Result<Vec<Source>> {
        let plugins = self.root.join("plugins");
        let mut sources = Vec::new();
        let packages =
            self.metadata.get("packages").and_then(Value::as_array).context("read cargo's packages")?;
        for package in packages {
            sources.extend(rust_plugin(package, &plugins)?);
        }
        for entry in std::fs::read_dir(&plugins).with_context(|| format!("list {}", plugins.display()))? {
            let entry = entry.with_context(|| format!("list {}", plugins.display()))?;
            let folder = entry.path();
            if folder.join("go.mod").exists() && folder.join("manifest.json").exists() {
                let name = entry.file_name().to_string_lossy().into_owned();
                sources.push(Source { name, folder, language: Language::Go });
            }
        }
        sources.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(sources)
    }

    /// Builds Rust plugins of one target.
    pub(crate) fn build_rust(&self, target: &str, plugins: &[&Source]) -> anyhow::Result<()> {
        self.require_target(target)?;
        let mut command = cargo();
        command.args(["build", "--locked", "--profile", RUST_PROFILE, "--target", target]);
        command.arg("--target-dir").arg(self.target_dir()?);
        for plugin in plugins {
            if let Language::Rust { package, .. } = &plugin.language {
                command.args(["--package", package]);
            }
        }
        // The same bytes wherever the repository and cargo's cache lie.
        let mut flags = vec![format!("--remap-path-prefix={}=.", self.root.display())];
        if let Some(home) = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(default_cargo_home) {
            flags.push(format!("--remap-path-prefix={}=cargo", home.display()));
        }
        if target == RUST_TARGETS[0] {
            flags.push(format!("-Clink-arg=--initial-heap={INITIAL_HEAP_BYTES}"));
        }
        command
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
            .env_remove("RUSTFLAGS")
            .current_dir(&self.root);
        run(&mut command, INSTALL_RUST)?;
        Ok(())
    }

    /// What [`Workspace::build_rust`] has built.
    pub(crate) fn read_rust(&self, plugin: &Source) -> anyhow::Result<Vec<u8>> {
        let Language::Rust { package, target } = &plugin.language else {
            bail!("{} is not a Rust plugin", plugin.name);
        };
        let file = format!("{}.wasm", package.replace('-', "_"));
        let path = self.target_dir()?.join(target).join(RUST_PROFILE).join(file);
        std::fs::read(&path).with_context(|| format!("read {}", path.display()))
    }

    /// Builds a Go plugin and gives it its manifest.
    pub(crate) fn build_go(&self, plugin: &Source) -> anyhow::Result<Vec<u8>> {
        let folder = self.target_dir()?.join("go");
        std::fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        let output = folder.join(format!("{}.wasm", plugin.name));
        let mut go = Command::new("go");
        go.args([
            "build",
            "-buildmode=c-shared",
            "-trimpath",
            "-buildvcs=false",
            "-ldflags",
            "-s -w",
            "-overlay",
        ])
        .arg(collector::overlay(&folder, INSTALL_GO)?)
        .arg("-o")
        .arg(&output)
        .arg(".")
        .env("GOOS", "wasip1")
        .env("GOARCH", "wasm")
        .env("GOWORK", "off")
        .env("GOFLAGS", "-mod=readonly")
        .env("GOTOOLCHAIN", "local")
        .current_dir(&plugin.folder);
        run(&mut go, INSTALL_GO)?;
        let wasm = std::fs::read(&output).with_context(|| format!("read {}", output.display()))?;
        let manifest = plugin.folder.join("manifest.json");
        let manifest = std::fs::read(&manifest).with_context(|| format!("read {}", manifest.display()))?;
        let manifest: Value = serde_json::from_slice(&manifest).context("read the plugin's manifest.json")?;
        Ok(windlass::plugin::compile::append_manifest(&wasm, manifest.to_string().as_bytes()))
    }

    /// A target folder of its own, so that a build inside of `cargo run` or
    /// `cargo test` does not wait for the lock that those hold.
    fn target_dir(&self) -> anyhow::Result<PathBuf> {
        let target = self
            .metadata
            .get("target_directory")
            .and_then(Value::as_str)
            .context("read cargo's target folder")?;
        Ok(Path::new(target).join("plugins"))
    }

    fn require_target(&self, target: &str) -> anyhow::Result<()> {
        let mut rustc = Command::new("rustc");
        rustc.args(["--print", "target-libdir", "--target", target]).current_dir(&self.root);
        let printed = run(&mut rustc, INSTALL_RUST)?;
        if !Path::new(String::from_utf8_lossy(&printed).trim()).exists() {
            bail!("the Rust target {target} is not installed: run `rustup target add {target}`");
        }
        Ok(())
    }
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What a surrounding build for this machine was asked for is not meant for the plugins.
    command.env_remove("CARGO_BUILD_TARGET").env_remove("CARGO_MAKEFLAGS").env_remove("MAKEFLAGS");
    command
}

fn default_cargo_home() -> Option<PathBuf> {
    std::env::home_dir().map(|home| home.join(".cargo"))
}

fn rust_plugin(package: &Value, plugins: &Path) -> anyhow::Result<Option<Source>> {
    let text = |key: &str| package.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(folder) = Path::new(&text("manifest_path")).parent().map(Path::to_path_buf) else {
        return Ok(None);
    };
    let is_library = package.get("targets").and_then(Value::as_array).is_some_and(|targets| {
        let kinds =
            targets.iter().filter_map(|target| target.get("kind").and_then(Value::as_array)).flatten();
        kinds.into_iter().any(|kind| kind == "cdylib")
    });
    if folder.parent() != Some(plugins) || !is_library {
        return Ok(None);
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let target =
        package.pointer("/metadata/windlass/target").and_then(Value::as_str).unwrap_or(RUST_TARGETS[0]);
    if !RUST_TARGETS.contains(&target) {
        bail!(
            "the plugin {name} asks for the target {target}; it must be one of {}",
            RUST_TARGETS.join(", ")
        );
    }
    Ok(Some(Source {
        name,
        folder,
        language: Language::Rust { package: text("name"), target: target.to_owned() },
    }))
}
