//! Finds the repository that a local path is in, and opens its commits.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Revision;
use super::error::chain;
use super::git_tree::GitTree;
use super::object_store::ObjectStore;
use super::remote::FetchLimits;

/// A commit of the repository at `root`, by any name that `git rev-parse`
/// takes, and its files.
///
/// # Errors
/// Says what is no commit, or can't be read.
pub fn open_revision(root: &Path, name: &str) -> Result<(Revision, GitTree), String> {
    let repository = gix::open_opts(root, gix::open::Options::isolated()).map_err(|error| chain(&error))?;
    let id = repository.rev_parse_single(name).map_err(|error| chain(&error))?;
    let object_bytes = FetchLimits::default().object_bytes;
    let store = Arc::new(ObjectStore::open(repository.git_dir(), object_bytes)?);
    let revision = store.revision(id.detach().into())?;
    let tree = GitTree::new(store, revision.tree, object_bytes);
    Ok((revision, tree))
}

/// As [`locate_root`], for a path of which only a part may exist here, such as
/// one that an older commit has.
///
/// # Errors
/// As [`locate_root`].
pub fn locate_root_of_any(path: &Path) -> io::Result<(PathBuf, String)> {
    let absolute = std::path::absolute(path)?;
    let existing = absolute.ancestors().find(|above| above.is_dir());
    let existing = existing.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    let (root, below) = locate_root(existing)?;
    let rest = absolute.strip_prefix(existing).map_err(io::Error::other)?;
    let rest = rest.to_str().ok_or_else(|| io::Error::other(format!("`{}` is not UTF-8", rest.display())))?;
    let parts = [below.as_str(), rest].into_iter().filter(|part| !part.is_empty());
    Ok((root, parts.collect::<Vec<_>>().join("/")))
}

/// The root of the repository around `path`, a folder with a `.git` in it, and
/// the path below that root, `/`-separated. Without a repository the folder
/// itself is the root, or the folder of the file.
///
/// # Errors
/// When `path` does not exist, or its part below the root is not UTF-8.
pub fn locate_root(path: &Path) -> io::Result<(PathBuf, String)> {
    let path = path.canonicalize()?;
    let folder = if path.is_dir() { path.as_path() } else { path.parent().unwrap_or(&path) };
    let root =
        folder.ancestors().find(|above| above.join(".git").symlink_metadata().is_ok()).unwrap_or(folder);
    let below = path.strip_prefix(root).map_err(io::Error::other)?;
    let below =
        below.to_str().ok_or_else(|| io::Error::other(format!("`{}` is not UTF-8", below.display())))?;
    Ok((root.to_owned(), below.to_owned()))
}

/// The committer time of the commit that is checked out in the repository at
/// `root`, in seconds since the Unix epoch; 0 where there is no commit or no
/// repository: a renderer's clock is frozen all the same.
pub fn head_commit_time(root: &Path) -> i64 {
    // The user's and the system's configuration are none of this command's business.
    gix::open_opts(root, gix::open::Options::isolated())
        .ok()
        .and_then(|repository| Some(repository.head_commit().ok()?.time().ok()?.seconds))
        .unwrap_or(0)
}
