//! A folder that a person names, with the repository around it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;

use crate::source::tree::Tree;

/// A folder in its repository, or by itself where there is none.
pub(super) struct Folder {
    /// The whole repository.
    pub(super) tree: Arc<dyn Tree>,
    /// The folder in it; empty for the root.
    pub(super) path: String,
    /// The time of the commit that is checked out, in seconds since the Unix
    /// epoch; 0 without a commit. Changes that are not committed do not move
    /// it, so a render is the same before and after committing them, unless
    /// its template asks for the time.
    pub(super) clock: i64,
    root: PathBuf,
}

impl Folder {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let full = path.canonicalize().with_context(|| format!("open `{}`", path.display()))?;
        anyhow::ensure!(full.is_dir(), "`{}` is not a folder", path.display());
        let root = full.clone();
        let inside = full.strip_prefix(&root).unwrap_or(Path::new(""));
        let mut parts = Vec::new();
        for part in inside.components() {
            let name = part.as_os_str().to_str();
            parts.push(name.with_context(|| format!("`{}` is not UTF-8", path.display()))?);
        }
        let tree = crate::source::memory_tree::MemoryTree::new();
        Ok(Self { tree: Arc::new(tree), path: parts.join("/"), clock: commit_time(&root), root })
    }

    /// The last part of its path.
    pub(super) fn name(&self) -> String {
        let from_root = || self.root.file_name().map(|name| name.to_string_lossy().into_owned());
        match self.path.rsplit('/').next() {
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => from_root().unwrap_or_else(|| "application".to_owned()),
        }
    }
}

/// 0 where there is no commit or no repository: the clock is frozen all the
/// same.
fn commit_time(root: &Path) -> i64 {
    // The user's and the system's configuration are none of this command's business.
    gix::open_opts(root, gix::open::Options::isolated())
        .ok()
        .and_then(|repository| Some(repository.head_commit().ok()?.time().ok()?.seconds))
        .unwrap_or(0)
}
