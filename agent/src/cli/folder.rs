//! A folder that a person names, with the repository around it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use tempfile::TempDir;

use crate::source::folder_tree::FolderTree;
use crate::source::tree::Tree;
use crate::source::worktree::{head_commit_time, locate_root, locate_root_of_any, open_revision};

/// A folder in its repository, or by itself where there is none.
pub(super) struct Folder {
    /// The whole repository.
    pub(super) tree: Arc<dyn Tree>,
    /// The folder in it; empty for the root.
    pub(super) path: String,
    /// The time of the commit that is checked out, in seconds since the Unix
    /// epoch; 0 without a commit. A renderer that asks for the time gets the
    /// same answer until the next commit.
    pub(super) clock: i64,
    root: PathBuf,
    /// What it was fetched into, which goes with it.
    kept: Option<Arc<TempDir>>,
}

impl Folder {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        anyhow::ensure!(!path.is_file(), "`{}` is a file; name its folder", path.display());
        let (root, below) = locate_root(path).with_context(|| format!("open `{}`", path.display()))?;
        let tree = FolderTree::open(&root).with_context(|| format!("open `{}`", root.display()))?;
        Ok(Self { tree: Arc::new(tree), path: below, clock: head_commit_time(&root), root, kept: None })
    }

    /// The folder as it is in a commit, which need not be checked out.
    pub(super) fn at(path: &Path, revision: &str) -> anyhow::Result<Self> {
        let (root, below) = locate_root_of_any(path).with_context(|| format!("open `{}`", path.display()))?;
        let (revision, tree) = open_revision(&root, revision)
            .map_err(anyhow::Error::msg)
            .with_context(|| format!("find the revision `{revision}` in `{}`", root.display()))?;
        Ok(Self { tree: Arc::new(tree), path: below, clock: revision.time, root, kept: None })
    }

    /// A folder of a repository that was fetched into `kept`.
    pub(super) fn fetched(
        tree: Arc<dyn Tree>,
        path: String,
        clock: i64,
        url: &str,
        kept: Arc<TempDir>,
    ) -> Self {
        let root = PathBuf::from(url.trim_end_matches('/').trim_end_matches(".git"));
        Self { tree, path, clock, root, kept: Some(kept) }
    }

    /// Whether the repository around a folder calls a commit so.
    pub(super) fn has_commit(path: &Path, name: &str) -> bool {
        locate_root(path).is_ok_and(|(root, _)| open_revision(&root, name).is_ok())
    }

    /// The root of the repository around the working directory.
    pub(super) fn root_here() -> anyhow::Result<PathBuf> {
        Self::root_around(Path::new(".")).context("find the repository around here")
    }

    /// The root of the repository around a path, of which only a part may be
    /// there.
    pub(super) fn root_around(path: &Path) -> anyhow::Result<PathBuf> {
        Ok(locate_root_of_any(path)?.0)
    }

    /// A folder of a tree that is no repository's.
    pub(super) fn in_memory(tree: impl Tree + 'static, path: &str) -> Self {
        Self { tree: Arc::new(tree), path: path.to_owned(), clock: 0, root: PathBuf::new(), kept: None }
    }

    /// Another folder of the same repository.
    pub(super) fn other(&self, path: &str) -> Self {
        Self {
            tree: Arc::clone(&self.tree),
            path: path.to_owned(),
            clock: self.clock,
            root: self.root.clone(),
            kept: self.kept.clone(),
        }
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
