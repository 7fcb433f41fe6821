//! A hash of all that a built plugin depends on: its sources, what it is built
//! on, and what builds it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use sha2::{Digest, Sha256};

use crate::command::run;
use crate::sources::{Language, Source};

/// What every Rust plugin depends on besides itself, relative to the root.
const RUST: [&str; 5] = ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "plugin-sdk", "wit"];

/// What prepares plugins, relative to the root.
const PREPARATION: [&str; 5] = [
    "agent/src/plugin/compile.rs",
    "agent/src/plugin/compile",
    "agent/src/plugin/preview1.rs",
    "agent/src/plugin/preview1",
    "plugins/bundle/src",
];

/// Hashes inputs below one root.
pub(crate) struct Hasher {
    root: PathBuf,
    preparation: Vec<u8>,
}

impl Hasher {
    pub(crate) fn new(root: &Path) -> anyhow::Result<Self> {
        let mut hasher = Sha256::new();
        for part in PREPARATION {
            add(&mut hasher, root, &root.join(part))?;
        }
        Ok(Self { root: root.to_path_buf(), preparation: hasher.finalize().to_vec() })
    }

    /// The hash of a plugin's inputs, in hexadecimal.
    pub(crate) fn hash(&self, source: &Source) -> anyhow::Result<String> {
        let mut hasher = Sha256::new();
        hasher.update(&self.preparation);
        let tool = match source.language {
            Language::Rust { .. } => {
                for part in RUST {
                    add(&mut hasher, &self.root, &self.root.join(part))?;
                }
                ["rustc", "--version"]
            }
            Language::Go => ["go", "version"],
        };
        add(&mut hasher, &self.root, &source.folder)?;
        let [program, argument] = tool;
        let mut command = Command::new(program);
        command.arg(argument).current_dir(&self.root).env("GOTOOLCHAIN", "local");
        let hint = format!("it builds the plugin {}", source.name);
        hasher.update(run(&mut command, &hint)?);
        Ok(hex::encode(hasher.finalize()))
    }
}

/// Adds a file, or all files of a folder in the order of their names, with
/// their paths. What is not there adds nothing.
fn add(hasher: &mut Sha256, root: &Path, path: &Path) -> anyhow::Result<()> {
    let Ok(kind) = std::fs::metadata(path) else { return Ok(()) };
    if kind.is_dir() {
        let entries = std::fs::read_dir(path).with_context(|| format!("list {}", path.display()))?;
        let mut names = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
        names.sort();
        return names.iter().try_for_each(|name| add(hasher, root, name));
    }
    let content = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
    let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
    for part in [name.as_bytes(), &content] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    Ok(())
}
