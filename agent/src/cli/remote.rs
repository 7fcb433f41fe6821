//! A repository elsewhere, for as long as a command runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::folder::Folder;
use super::progress::Progress;
use super::settings;
use crate::source::SourceError;
use crate::source::remote::{Credentials, Polled, Reference, Remote, RemoteOptions};
use crate::source::tree::Tree;

/// Where a password or token is looked for: what is typed is seen by others.
const USERNAME: &str = "WINDLASS_GIT_USERNAME";
const PASSWORD: &str = "WINDLASS_GIT_PASSWORD";
const TOKEN: &str = "WINDLASS_GIT_TOKEN";

/// Where folders and revisions are looked for.
#[derive(clap::Args)]
pub(super) struct RepositoryArguments {
    /// A remote repository, by its https or http address, in place of the one
    /// around the folder: folders are relative to its root, and a revision is
    /// a branch, a tag, a full ref or a full commit id. Credentials are taken
    /// from `WINDLASS_GIT_USERNAME` and `WINDLASS_GIT_PASSWORD`, or from
    /// `WINDLASS_GIT_TOKEN`.
    #[arg(long, value_name = "URL")]
    repository: Option<String>,

    /// A file with the certificate authorities to trust for `--repository`, in
    /// PEM form.
    #[arg(long, value_name = "FILE", requires = "repository")]
    repository_ca: Option<PathBuf>,
}

/// Where one command looks for folders. What it fetches is fetched once, and
/// kept as long as it is read.
pub(super) struct Repository<'a> {
    arguments: &'a RepositoryArguments,
    /// By the revision that was asked for: not more than a command names.
    fetched: Vec<(Option<String>, Fetched)>,
}

#[derive(Clone)]
struct Fetched {
    tree: Arc<dyn Tree>,
    clock: i64,
    // Each in a folder of its own: the tree of one revision must outlive what
    // the fetch of the next one tidies up.
    kept: Arc<TempDir>,
}

impl RepositoryArguments {
    /// Whether folders are in a remote repository.
    pub(super) fn is_remote(&self) -> bool {
        self.repository.is_some()
    }

    pub(super) fn open(&self) -> Repository<'_> {
        Repository { arguments: self, fetched: Vec::new() }
    }

    /// The folder that was typed, or the one of the Application in the
    /// repository around here or in the remote one.
    pub(super) fn path(&self, typed: Option<&Path>, own: Option<&str>) -> anyhow::Result<PathBuf> {
        let own = match (typed, own) {
            (Some(typed), _) => return Ok(typed.to_owned()),
            (None, Some(own)) => below(Path::new(own)).context("read spec.path of the Application")?,
            (None, None) => anyhow::bail!("name a folder, or an Application with --application"),
        };
        Ok(if self.is_remote() { PathBuf::from(own) } else { Folder::root_here()?.join(own) })
    }

    fn fetch(&self, url: &str, revision: Option<&str>) -> anyhow::Result<Fetched> {
        let mut options = RemoteOptions::new("command-line", url);
        options.credentials = credentials(&|name| std::env::var(name).ok())?;
        options.ca_pem = self.repository_ca.as_deref().map(settings::bytes).transpose()?;
        let kept = tempfile::tempdir().context("make a folder for what is fetched")?;
        let _progress = Progress::start(format!("fetching {url}"));
        let mut missing = Vec::new();
        for reference in references(revision)? {
            options.reference = reference;
            let remote = Remote::open(kept.path(), options.clone()).map_err(told)?;
            match remote.poll(None, &CancellationToken::new()) {
                Ok(Polled::Moved { revision, .. }) => {
                    let tree = remote.tree(&revision).map_err(told)?;
                    return Ok(Fetched { tree: Arc::new(tree), clock: revision.time, kept: Arc::new(kept) });
                }
                Ok(Polled::Unchanged) => anyhow::bail!("`{url}` gave no revision"),
                Err(error @ SourceError::ReferenceNotFound { .. }) => missing.push(error),
                Err(error) => return Err(told(error)),
            }
        }
        Err(absent(missing))
    }
}

impl Repository<'_> {
    /// All of the repository: the remote one, or that around `path`.
    pub(super) fn root(&mut self, path: &Path, revision: Option<&str>) -> anyhow::Result<Folder> {
        if self.arguments.is_remote() {
            return self.folder(Path::new(""), revision);
        }
        let root = Folder::root_around(path).with_context(|| format!("open `{}`", path.display()))?;
        self.folder(&root, revision)
    }

    /// The folder as it is in the working tree, or in a commit; of a remote
    /// repository without a revision, in what its `HEAD` points at.
    pub(super) fn folder(&mut self, path: &Path, revision: Option<&str>) -> anyhow::Result<Folder> {
        let Some(url) = &self.arguments.repository else {
            return match revision {
                Some(revision) => Folder::at(path, revision),
                None => Folder::open(path),
            };
        };
        let below = below(path)?;
        let known = self.fetched.iter().find(|(known, _)| known.as_deref() == revision);
        let Fetched { tree, clock, kept } = if let Some((_, fetched)) = known {
            fetched.clone()
        } else {
            let fetched = self.arguments.fetch(url, revision)?;
            self.fetched.push((revision.map(ToOwned::to_owned), fetched.clone()));
            fetched
        };
        Ok(Folder::fetched(tree, below, clock, url, kept))
    }
}

/// That nothing is called so, whatever it was taken for, and what there is.
fn absent(mut tried: Vec<SourceError>) -> anyhow::Error {
    if tried.len() == 1
        && let Some(only) = tried.pop()
    {
        return told(only);
    }
    let (mut address, mut wanted, mut there) = (String::new(), Vec::new(), Vec::new());
    for error in tried {
        let SourceError::ReferenceNotFound { url, reference, known } = error else { continue };
        let kind = if reference.starts_with("tag") { "tags" } else { "branches" };
        there.push(match known.as_slice() {
            [] => format!("no {kind}"),
            known => format!("{kind} such as {}", known.join(", ")),
        });
        wanted.push(reference);
        address = url;
    }
    anyhow::anyhow!(
        "{address} has neither {}; it has {} (check the name, or push it)",
        wanted.join(" nor "),
        there.join(", and ")
    )
}

/// What a name can stand for, in the order in which it is tried.
fn references(revision: Option<&str>) -> anyhow::Result<Vec<Reference>> {
    let Some(name) = revision else { return Ok(vec![Reference::Head]) };
    if let Ok(commit) = name.parse() {
        return Ok(vec![Reference::Commit(commit)]);
    }
    if name == "HEAD" || name.starts_with("refs/") {
        return Ok(vec![Reference::Name(name.to_owned())]);
    }
    anyhow::ensure!(
        !name.contains(['~', '^', ':']),
        "`{name}` can't be asked of a remote repository; name a branch, a tag, a full ref or a full commit id"
    );
    Ok(vec![Reference::Branch(name.to_owned()), Reference::Tag(name.to_owned())])
}

/// The folder below the root, by its names only.
pub(super) fn below(path: &Path) -> anyhow::Result<String> {
    let mut names = Vec::new();
    for part in path.components() {
        match part {
            std::path::Component::Normal(name) => {
                names.push(name.to_str().context("the folder's name is not UTF-8")?);
            }
            std::path::Component::CurDir => {}
            _ => anyhow::bail!(
                "`{}` is not relative to the root of the repository; write it without `/` at its start and `..`",
                path.display()
            ),
        }
    }
    Ok(names.join("/"))
}

fn credentials(variable: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Option<Credentials>> {
    match (variable(USERNAME), variable(PASSWORD), variable(TOKEN)) {
        (None, None, None) => Ok(None),
        (None, None, Some(token)) => Ok(Some(Credentials::Bearer(token))),
        (Some(username), Some(password), None) => Ok(Some(Credentials::Basic { username, password })),
        _ => anyhow::bail!("set {USERNAME} and {PASSWORD}, or only {TOKEN}"),
    }
}

fn told(error: SourceError) -> anyhow::Error {
    match error.hint() {
        Some(hint) => anyhow::anyhow!("{error} ({hint})"),
        None => anyhow::Error::new(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::memory_tree::MemoryTree;
    use crate::source::tree::ObjectId;

    #[test]
    fn a_name_is_a_branch_or_a_tag_or_what_it_says() {
        let of = |name: &str| references(Some(name)).unwrap();
        assert_eq!(of("v1"), [Reference::Branch("v1".to_owned()), Reference::Tag("v1".to_owned())]);
        assert_eq!(of("refs/pull/1/head"), [Reference::Name("refs/pull/1/head".to_owned())]);
        assert_eq!(of(&"ab".repeat(20)), [Reference::Commit(ObjectId([0xab; 20]))]);
        assert_eq!(references(None).unwrap(), [Reference::Head]);
        assert!(references(Some("main~1")).is_err());
    }

    #[test]
    fn a_folder_is_one_of_the_repository() {
        assert_eq!(below(Path::new("./apps/web/")).unwrap(), "apps/web");
        assert_eq!(below(Path::new(".")).unwrap(), "");
        assert!(below(Path::new("/apps")).is_err() && below(Path::new("../apps")).is_err());
    }

    #[test]
    fn what_is_neither_branch_nor_tag_is_told_as_both() {
        let missing = |reference: &str, known: &[&str]| SourceError::ReferenceNotFound {
            url: "https://git.example.org/fleet.git".to_owned(),
            reference: reference.to_owned(),
            known: known.iter().map(ToString::to_string).collect(),
        };
        let both = vec![missing("branch `x`", &["main", "next"]), missing("tag `x`", &["v1"])];
        assert_eq!(
            absent(both).to_string(),
            "https://git.example.org/fleet.git has neither branch `x` nor tag `x`; it has branches such as main, \
             next, and tags such as v1 (check the name, or push it)"
        );
        let untagged = absent(vec![missing("branch `x`", &["main"]), missing("tag `x`", &[])]).to_string();
        assert!(untagged.contains("; it has branches such as main, and no tags ("), "{untagged}");
        assert_eq!(
            absent(vec![missing("ref `refs/x`", &[])]).to_string(),
            "https://git.example.org/fleet.git has no ref `refs/x` (check the name, or push it)"
        );
    }

    #[test]
    fn a_revision_is_fetched_once_for_all_folders() {
        let arguments = RepositoryArguments {
            repository: Some("https://nowhere.invalid/fleet.git".to_owned()),
            repository_ca: None,
        };
        let mut repository = arguments.open();
        let fetched = Fetched {
            tree: Arc::new(MemoryTree::new().file("web/a.json", "{}")),
            clock: 7,
            kept: Arc::new(tempfile::tempdir().unwrap()),
        };
        repository.fetched.push((Some("v1".to_owned()), fetched));
        for path in ["apps/web", "apps/api"] {
            let folder = repository.folder(Path::new(path), Some("v1")).unwrap();
            assert_eq!((folder.path.as_str(), folder.clock), (path, 7));
        }
    }

    #[test]
    fn an_applications_path_stays_in_the_repository() {
        let arguments = RepositoryArguments {
            repository: Some("https://git.example.org".to_owned()),
            repository_ca: None,
        };
        let path = |typed: Option<&str>, own| arguments.path(typed.map(Path::new), own);
        assert_eq!(path(None, Some("./apps/web")).unwrap(), Path::new("apps/web"));
        assert_eq!(path(Some("other"), Some("apps/web")).unwrap(), Path::new("other"));
        for outside in ["/etc", "../other", "apps/../../other"] {
            let error = format!("{:#}", path(None, Some(outside)).unwrap_err());
            assert!(error.starts_with("read spec.path of the Application: `"), "{error}");
        }
        assert!(path(None, None).unwrap_err().to_string().contains("--application"));
    }

    #[test]
    fn half_of_the_credentials_is_an_error() {
        let known = |set: &'static [&str]| move |name: &str| set.contains(&name).then(|| "x".to_owned());
        assert!(credentials(&known(&[])).unwrap().is_none());
        assert!(credentials(&known(&[USERNAME, PASSWORD])).unwrap().is_some());
        assert!(credentials(&known(&[TOKEN])).unwrap().is_some());
        assert!(credentials(&known(&[USERNAME])).is_err());
        assert!(credentials(&known(&[TOKEN, PASSWORD])).is_err());
    }
}
