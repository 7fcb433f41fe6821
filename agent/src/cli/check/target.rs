//! What is to be judged: folders, the Applications of a repository, or a
//! stream of objects.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::super::application::{self, DEFAULT_NAMESPACE};
use super::super::folder::Folder;
use super::super::job::Said;
use super::super::remote::{Repository, below};
use super::stream::{STDIN, Stream};
use super::{Arguments, scan};
use crate::api::Application;
use crate::gate::Applicant;
use crate::render::Job;

/// The commits that are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Commits {
    /// What is judged; the working tree, or what `HEAD` of a remote repository
    /// points at, where it is not named.
    pub(super) revision: Option<String>,
    /// What it is compared with.
    pub(super) before: Option<String>,
}

impl Commits {
    /// One commit, or `BEFORE..REVISION`.
    pub(super) fn parse(typed: Option<&str>) -> anyhow::Result<Self> {
        let Some(typed) = typed else { return Ok(Self::default()) };
        let Some((before, revision)) = typed.split_once("..") else {
            return Ok(Self { revision: Some(typed.to_owned()), before: None });
        };
        anyhow::ensure!(
            !revision.starts_with('.'),
            "`{typed}` compares with what two commits have in common, which was never applied; write \
             `{before}..{}`",
            revision.trim_start_matches('.')
        );
        anyhow::ensure!(
            !before.is_empty() && !revision.is_empty() && !revision.contains(".."),
            "`{typed}` does not name two commits; write `BEFORE..REVISION`"
        );
        Ok(Self { revision: Some(revision.to_owned()), before: Some(before.to_owned()) })
    }
}

/// One set of objects that is judged.
pub(super) struct Target {
    /// The folder, as it was typed or as its Application names it.
    pub(super) path: String,
    /// What a person calls it: of several Applications, their names too.
    pub(super) called: String,
    pub(super) job: Job,
    pub(super) applicant: Applicant,
    pub(super) folder: Folder,
    /// The same one before, where it was there.
    pub(super) before: Option<(Job, Folder)>,
    /// Whether it is compared with anything.
    pub(super) is_compared: bool,
    /// What stands for the renderers, where there is nothing to render.
    pub(super) stream: Option<Stream>,
}

/// The folders that were typed; without any, that of the Application that was
/// named, or those of all Applications in the repository.
pub(super) fn all(
    arguments: &Arguments,
    commits: &Commits,
    repository: &mut Repository<'_>,
) -> anyhow::Result<Vec<Target>> {
    let job = &arguments.job;
    anyhow::ensure!(
        arguments.paths.len() <= 1 || !job.has_application(),
        "the Application of --application has one folder, and {} are named",
        arguments.paths.len()
    );
    if arguments.paths.is_empty() && !job.has_application() {
        return discovered(arguments, commits, repository);
    }
    let said = job.read()?;
    let typed: Vec<Option<&Path>> = match arguments.paths.as_slice() {
        [] => vec![None],
        paths => paths.iter().map(|path| Some(path.as_path())).collect(),
    };
    let mut targets = Vec::new();
    for typed in typed {
        if typed == Some(Path::new("-")) {
            anyhow::ensure!(
                arguments.revision.is_none(),
                "`-` is a stream of objects, which has no --revision"
            );
            targets.push(streamed(&said)?);
            continue;
        }
        let path = arguments.repository.path(typed, said.path())?;
        let folder = repository.folder(&path, commits.revision.as_deref())?;
        let before = match &commits.before {
            Some(before) => there(repository.folder(&path, Some(before))?)?,
            None => None,
        };
        let shown = typed.or(said.path().map(Path::new)).unwrap_or(&path).display().to_string();
        let before = before.map(|folder| (said.job(&folder), folder));
        targets.push(target(shown, &said, folder, before, commits));
    }
    Ok(targets)
}

fn target(
    path: String,
    said: &Said<'_>,
    folder: Folder,
    before: Option<(Job, Folder)>,
    commits: &Commits,
) -> Target {
    let job = said.job(&folder);
    let applicant = said.applicant(&job);
    let is_compared = commits.before.is_some();
    Target { called: path.clone(), path, job, applicant, folder, before, is_compared, stream: None }
}

/// A folder that a commit does not have is an empty set: that is how an
/// Application comes.
fn there(folder: Folder) -> anyhow::Result<Option<Folder>> {
    Ok(folder.tree.entry(&folder.path)?.is_some().then_some(folder))
}

fn streamed(said: &Said<'_>) -> anyhow::Result<Target> {
    let stream = Stream::new(super::stream::text(std::io::stdin().lock(), "standard input")?)?;
    let folder = stream.folder();
    let mut named = said.job(&folder);
    if named.name.is_empty() {
        "stdin".clone_into(&mut named.name);
    }
    let job = stream.job(named);
    let applicant = said.applicant(&job);
    Ok(Target {
        path: STDIN.to_owned(),
        called: STDIN.to_owned(),
        job,
        applicant,
        folder,
        before: None,
        is_compared: false,
        stream: Some(stream),
    })
}

/// Every Application in the files of the repository.
fn discovered(
    arguments: &Arguments,
    commits: &Commits,
    repository: &mut Repository<'_>,
) -> anyhow::Result<Vec<Target>> {
    let here = PathBuf::from(".");
    let root = repository.root(&here, commits.revision.as_deref())?;
    let applications = applications(&root)?;
    let former = match &commits.before {
        Some(before) => {
            let root = repository.root(&here, Some(before))?;
            let applications = self::applications(&root)?;
            Some((root, applications))
        }
        None => None,
    };
    let mut targets = Vec::new();
    for application in applications.into_iter().filter(|one| arguments.job.names(one)) {
        let full_name = application::full_name(&application);
        let before = former.as_ref().and_then(|(root, all)| {
            Some((root, all.iter().find(|former| application::full_name(former) == full_name)?))
        });
        let before = match before {
            Some((root, former)) => {
                let said = arguments.job.read_with(Some(former.clone()))?;
                there(root.other(&own_path(former)?))?.map(|folder| (said.job(&folder), folder))
            }
            None => None,
        };
        let folder = root.other(&own_path(&application)?);
        let path = application.spec.path.clone();
        let called = format!("{full_name} ({path})");
        let said = arguments.job.read_with(Some(application))?;
        targets.push(Target { called, ..target(path, &said, folder, before, commits) });
    }
    anyhow::ensure!(
        !targets.is_empty(),
        "no file of the repository holds an Application of windlass{}; name a folder, an Application with \
         --application, or `-` for objects on standard input",
        if arguments.job.is_named() { " of this --name and --namespace" } else { "" }
    );
    Ok(targets)
}

fn own_path(application: &Application) -> anyhow::Result<String> {
    let path = below(Path::new(&application.spec.path));
    path.with_context(|| format!("read spec.path of {}", application::full_name(application)))
}

fn applications(root: &Folder) -> anyhow::Result<Vec<Application>> {
    let found = scan::documents(root.tree.as_ref(), application::KIND, &ToOwned::to_owned)?;
    found
        .into_iter()
        .map(|document| {
            let mut application = application::parsed(document)?;
            application.metadata.namespace.get_or_insert_with(|| DEFAULT_NAMESPACE.to_owned());
            Ok(application)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_names_what_is_judged_and_what_it_is_compared_with() {
        let commits = |typed| Commits::parse(typed).map_err(|error| error.to_string());
        let named = |revision: Option<&str>, before: Option<&str>| Commits {
            revision: revision.map(ToOwned::to_owned),
            before: before.map(ToOwned::to_owned),
        };
        assert_eq!(commits(None).unwrap(), named(None, None));
        assert_eq!(commits(Some("HEAD~1")).unwrap(), named(Some("HEAD~1"), None));
        assert_eq!(commits(Some("v1.0..main")).unwrap(), named(Some("main"), Some("v1.0")));
        assert_eq!(
            commits(Some("main...topic")).unwrap_err(),
            "`main...topic` compares with what two commits have in common, which was never applied; write \
             `main..topic`"
        );
        for open in ["..main", "main..", "..", "a..b..c"] {
            assert!(commits(Some(open)).unwrap_err().contains("does not name two commits"), "{open}");
        }
    }
}
