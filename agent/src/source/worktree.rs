//! Finds the repository that a local path is in.

use std::io;
use std::path::{Path, PathBuf};

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
