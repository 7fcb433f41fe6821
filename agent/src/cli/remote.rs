//! A repository elsewhere, for as long as a command runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use super::folder::Folder;
use super::progress::Progress;
use super::settings;
use crate::source::SourceError;
use crate::source::remote::{Credentials, Polled, Reference, Remote, RemoteOptions};

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

impl RepositoryArguments {
    /// The folder as it is in the working tree, or in a commit; of a remote
    /// repository without a revision, in what its `HEAD` points at.
    pub(super) fn folder(&self, path: &Path, revision: Option<&str>) -> anyhow::Result<Folder> {
        match (&self.repository, revision) {
            (Some(url), revision) => self.fetch(url, path, revision),
            (None, Some(revision)) => Folder::at(path, revision),
            (None, None) => Folder::open(path),
        }
    }

    /// Whether folders are in a remote repository.
    pub(super) fn is_remote(&self) -> bool {
        self.repository.is_some()
    }

    fn fetch(&self, url: &str, path: &Path, revision: Option<&str>) -> anyhow::Result<Folder> {
        let below = below(path)?;
        let mut options = RemoteOptions::new("command-line", url);
        options.credentials = credentials(&|name| std::env::var(name).ok())?;
        let ca = self.repository_ca.as_deref().map(settings::file).transpose()?;
        options.ca_pem = ca.map(String::into_bytes);
        let kept = tempfile::tempdir().context("make a folder for what is fetched")?;
        let progress = Progress::start(format!("fetching {url}"));
        let mut references = references(revision)?.into_iter().peekable();
        while let Some(reference) = references.next() {
            options.reference = reference;
            let remote = Remote::open(kept.path(), options.clone()).map_err(told)?;
            match remote.poll(None, &CancellationToken::new()) {
                Ok(Polled::Moved { revision, .. }) => {
                    let tree = remote.tree(&revision).map_err(told)?;
                    drop(progress);
                    return Ok(Folder::fetched(Arc::new(tree), below, revision.time, url, kept));
                }
                Ok(Polled::Unchanged) => anyhow::bail!("`{url}` gave no revision"),
                Err(SourceError::ReferenceNotFound { .. }) if references.peek().is_some() => {}
                Err(error) => return Err(told(error)),
            }
        }
        anyhow::bail!("`{url}` has no such revision")
    }
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
fn below(path: &Path) -> anyhow::Result<String> {
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
    fn half_of_the_credentials_is_an_error() {
        let known = |set: &'static [&str]| move |name: &str| set.contains(&name).then(|| "x".to_owned());
        assert!(credentials(&known(&[])).unwrap().is_none());
        assert!(credentials(&known(&[USERNAME, PASSWORD])).unwrap().is_some());
        assert!(credentials(&known(&[TOKEN])).unwrap().is_some());
        assert!(credentials(&known(&[USERNAME])).is_err());
        assert!(credentials(&known(&[TOKEN, PASSWORD])).is_err());
    }
}
