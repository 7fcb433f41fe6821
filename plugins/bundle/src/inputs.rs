//! A hash of all that a built plugin depends on: its sources, what it is built
//! on, and what builds it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use sha2::{Digest, Sha256};

use crate::command::run;
use crate::sources::{Language, Source};

/// What every Rust plugin depends on besides itself, relative to the root.
const RUST: [&str; 6] =
    ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "plugin-sdk/Cargo.toml", "plugin-sdk/src", "wit"];

/// The same for Go plugins.
const GO: [&str; 1] = ["plugin-sdk/go"];

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
        let (parts, tool) = match source.language {
            Language::Rust { .. } => (&RUST[..], ["rustc", "--version"]),
            Language::Go => (&GO[..], ["go", "version"]),
        };
        for part in parts {
            add(&mut hasher, &self.root, &self.root.join(part))?;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The files whose change makes a plugin of each language stale.
    #[test]
    fn a_plugin_depends_on_itself_and_on_the_sdk_of_its_language() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &str| {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        };
        let hashes = || {
            let rust =
                Language::Rust { package: "a".to_owned(), target: "wasm32-unknown-unknown".to_owned() };
            [rust, Language::Go].map(|language| {
                let source = Source { name: "a".to_owned(), folder: root.path().join("plugins/a"), language };
                Hasher::new(root.path()).unwrap().hash(&source).unwrap()
            })
        };
        let mut before = hashes();
        for (file, rust, go) in [
            ("plugins/a/main", true, true),
            ("plugin-sdk/src/lib.rs", true, false),
            ("plugin-sdk/go/renderer/serve.go", false, true),
            ("plugin-sdk/README.md", false, false),
            ("wit/types.wit", true, false),
            ("plugins/b/main", false, false),
        ] {
            write(file, "changed");
            let after = hashes();
            assert_eq!((before[0] != after[0], before[1] != after[1]), (rust, go), "{file}");
            before = after;
        }
    }
}
