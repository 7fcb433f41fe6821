//! A Git repository that tests write to: a work tree in a temporary folder whose Git directory is served by
//! a [`GitServer`](crate::GitServer). A commit is visible to clients when the function that makes it returns.
//!
//! Runs the `git` program without anything of the user's: no configuration, hooks, signing or identity. Dates
//! count up from a fixed one, so the same steps give the same commit ids.

use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

/// The branch that a new repository has.
pub const BRANCH: &str = "main";

/// 2026-01-01T00:00:00Z in seconds; the first commit is a second later.
const EPOCH: u64 = 1_767_225_600;

/// A repository to write to.
#[derive(Debug)]
pub struct TestRepo {
    name: String,
    work_tree: WorkTree,
    /// Holds the Git directory; shared with the server so that whoever lives longer keeps it.
    root: Arc<TempDir>,
    commits: AtomicU64,
}

#[derive(Debug)]
enum WorkTree {
    /// Removed with the repository.
    Temporary(TempDir),
    /// A folder of the caller's.
    Given(PathBuf),
}

impl TestRepo {
    /// Creates `root/NAME.git` and its work tree: the folder given, or a temporary one.
    pub(crate) fn create(root: Arc<TempDir>, name: &str, work_tree: Option<&Path>) -> anyhow::Result<Self> {
        let work_tree = match work_tree {
            None => {
                WorkTree::Temporary(tempfile::tempdir().context("create a temporary folder for a work tree")?)
            }
            Some(folder) => {
                fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
                WorkTree::Given(folder.to_owned())
            }
        };
        let repo = Self { name: name.to_owned(), work_tree, root, commits: AtomicU64::new(0) };
        let git_dir = repo.git_dir();
        if git_dir.exists() {
            bail!("the Git server has a repository `{name}` already");
        }
        if let Some(parent) = git_dir.parent() {
            fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
        }
        let branch = format!("--initial-branch={BRANCH}");
        let separate = format!("--separate-git-dir={}", git_dir.display());
        repo.git(&["init", "--quiet", "--template=", &branch, &separate])?;
        // A collection in the background would make timings and processes depend on the number of commits.
        repo.git(&["config", "gc.auto", "0"])?;
        Ok(repo)
    }

    /// The name that it has on the server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder with the files.
    pub fn work_tree(&self) -> &Path {
        match &self.work_tree {
            WorkTree::Temporary(folder) => folder.path(),
            WorkTree::Given(folder) => folder,
        }
    }

    /// The Git directory, as the server serves it.
    pub fn git_dir(&self) -> PathBuf {
        self.root.path().join(format!("{}.git", self.name))
    }

    /// Writes a file, with the folders above it. It is not committed yet.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) -> anyhow::Result<()> {
        let path = self.place(path)?;
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))
    }

    /// Writes many files, each a path and its text.
    pub fn write_all(&self, files: impl IntoIterator<Item = (String, String)>) -> anyhow::Result<()> {
        files.into_iter().try_for_each(|(path, text)| self.write(&path, text))
    }

    /// Removes a file, a symbolic link, or a folder with all that it holds.
    pub fn remove(&self, path: &str) -> anyhow::Result<()> {
        let path = self.place(path)?;
        let removed = if path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.with_context(|| format!("remove {}", path.display()))
    }

    /// Writes a symbolic link that points to `target`, whatever that is.
    pub fn symlink(&self, path: &str, target: &str) -> anyhow::Result<()> {
        let path = self.place(path)?;
        std::os::unix::fs::symlink(target, &path).with_context(|| format!("link {}", path.display()))
    }

    /// Commits everything as it now lies in the work tree, even if nothing changed, and returns the commit's id.
    pub fn commit(&self, message: &str) -> anyhow::Result<String> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--allow-empty", "--allow-empty-message", "-m", message])?;
        self.head()
    }

    /// Commits the opposite of `commit` and returns the new commit's id.
    pub fn revert(&self, commit: &str) -> anyhow::Result<String> {
        self.git(&["revert", "--no-edit", commit])?;
        self.head()
    }

    /// Replaces the branch's whole history by one commit of the work tree: what a client sees of a forced push
    /// that shares nothing with before. Returns its id.
    pub fn force_push_orphan(&self, message: &str) -> anyhow::Result<String> {
        self.git(&["add", "--all"])?;
        let tree = self.git(&["write-tree"])?;
        let commit = self.git(&["commit-tree", "-m", message, &tree])?;
        self.git(&["update-ref", "HEAD", &commit])?;
        Ok(commit)
    }

    /// Takes the branch and the work tree back (or over) to `commit`, as a forced push would.
    pub fn force_push(&self, commit: &str) -> anyhow::Result<()> {
        self.git(&["reset", "--quiet", "--hard", commit]).map(drop)
    }

    /// The id of the commit that the branch is at.
    pub fn head(&self) -> anyhow::Result<String> {
        self.git(&["rev-parse", "--verify", "HEAD"])
    }

    /// Creates a branch, or moves it, to `commit`.
    pub fn set_branch(&self, name: &str, commit: &str) -> anyhow::Result<()> {
        self.git(&["update-ref", &format!("refs/heads/{name}"), commit]).map(drop)
    }

    /// Creates an annotated tag of `commit`.
    pub fn tag(&self, name: &str, commit: &str) -> anyhow::Result<()> {
        self.git(&["tag", "-a", "-m", name, name, commit]).map(drop)
    }

    /// Runs git in the work tree for what has no function here, and returns its standard output without the
    /// last line break; its standard error becomes the error's text when it fails.
    pub fn git<A: AsRef<OsStr>>(&self, arguments: &[A]) -> anyhow::Result<String> {
        let seconds = EPOCH + self.commits.fetch_add(1, Ordering::Relaxed) + 1;
        let date = format!("{seconds} +0000");
        let mut git = command();
        git.current_dir(self.work_tree())
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_DATE", &date)
            .args(arguments);
        run(git)
    }

    fn place(&self, path: &str) -> anyhow::Result<PathBuf> {
        let inside = Path::new(path).components().all(|component| matches!(component, Component::Normal(_)));
        if path.is_empty() || !inside {
            bail!("`{path}` is not a path inside a repository");
        }
        let path = self.work_tree().join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
        }
        Ok(path)
    }
}

/// git with nothing of the user's around it.
pub(crate) fn command() -> Command {
    let mut command = Command::new("git");
    command.env_clear().envs(environment()).stdin(Stdio::null());
    command
}

/// The whole environment that git is given.
pub(crate) fn environment() -> Vec<(&'static str, std::ffi::OsString)> {
    let fixed = [
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_AUTHOR_NAME", "Ada Author"),
        ("GIT_AUTHOR_EMAIL", "ada@example.com"),
        ("GIT_COMMITTER_NAME", "Carl Committer"),
        ("GIT_COMMITTER_EMAIL", "carl@example.com"),
        // No such folder: whatever looks for a home finds nothing.
        ("HOME", "/nonexistent"),
        ("LC_ALL", "C"),
        ("TZ", "UTC"),
    ];
    let path = std::env::var_os("PATH").map(|path| ("PATH", path));
    fixed.into_iter().map(|(name, value)| (name, value.into())).chain(path).collect()
}

/// Runs a git command; see [`TestRepo::git`].
fn run(mut git: Command) -> anyhow::Result<String> {
    let output = git.output().context("start git: is it installed?")?;
    if !output.status.success() {
        let arguments: Vec<_> = git.get_args().map(OsStr::to_string_lossy).collect();
        let (stderr, stdout) =
            (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
        bail!("git {} ended with {}: {}{}", arguments.join(" "), output.status, stdout.trim(), stderr.trim());
    }
    let mut text = String::from_utf8(output.stdout).context("read what git wrote")?;
    text.truncate(text.trim_end_matches('\n').len());
    Ok(text)
}

#[cfg(test)]
mod tests;
