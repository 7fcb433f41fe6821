//! The folder that the plugins are written to, with a note of what each was
//! built from.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;
use sha2::{Digest, Sha256};

/// Where the notes and the lock are, in the folder.
const STATE: &str = ".state";

/// The folder, which only one builder at a time writes to.
pub(crate) struct Folder {
    path: PathBuf,
    /// Held until the builder is done.
    _lock: File,
}

impl Folder {
    /// Creates the folder and waits until no other builder uses it.
    pub(crate) fn lock(path: &Path, progress: &dyn Fn(&str)) -> anyhow::Result<Self> {
        let state = path.join(STATE);
        std::fs::create_dir_all(&state).with_context(|| format!("create {}", state.display()))?;
        let lock = state.join("lock");
        let file = File::create(&lock).with_context(|| format!("create {}", lock.display()))?;
        if file.try_lock().is_err() {
            progress("waiting for another build of the plugins");
            file.lock().with_context(|| format!("lock {}", lock.display()))?;
        }
        Ok(Self { path: path.to_path_buf(), _lock: file })
    }

    /// Where a plugin stands.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.wasm"))
    }

    /// Whether the plugin that stands there was built from inputs with this
    /// hash, and is what was written then.
    pub(crate) fn is_current(&self, name: &str, inputs: &str) -> anyhow::Result<bool> {
        let Ok(note) = std::fs::read_to_string(self.note(name)) else { return Ok(false) };
        let path = self.path(name);
        if !path.exists() {
            return Ok(false);
        }
        let content = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        Ok(note == text(inputs, &content))
    }

    /// Writes a plugin, and then the note.
    pub(crate) fn write(&self, name: &str, content: &[u8], inputs: &str) -> anyhow::Result<()> {
        replace(&self.path(name), content)?;
        replace(&self.note(name), text(inputs, content).as_bytes())
    }

    fn note(&self, name: &str) -> PathBuf {
        self.path.join(STATE).join(name)
    }
}

fn text(inputs: &str, content: &[u8]) -> String {
    format!("{inputs} {}\n", hex::encode(Sha256::digest(content)))
}

/// A reader of `path` sees the old file or the whole new one.
fn replace(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let part = path.with_extension("part");
    std::fs::write(&part, content).with_context(|| format!("write {}", part.display()))?;
    std::fs::rename(&part, path).with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_written_plugin_when_its_inputs_or_its_bytes_change_then_it_is_stale() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder::lock(folder.path(), &|_| {}).unwrap();
        assert!(!folder.is_current("a", "1").unwrap());
        folder.write("a", b"wasm", "1").unwrap();
        assert!(folder.is_current("a", "1").unwrap());
        assert!(!folder.is_current("a", "2").unwrap());
        std::fs::write(folder.path("a"), b"other").unwrap();
        assert!(!folder.is_current("a", "1").unwrap());
        std::fs::remove_file(folder.path("a")).unwrap();
        assert!(!folder.is_current("a", "1").unwrap());
    }
}
