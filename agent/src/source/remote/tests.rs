mod caching;
mod refusing;
mod server;

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::source::tree::{EntryKind, Tree};
use server::{Mood, Server};

struct Setup {
    server: Server,
    cache: tempfile::TempDir,
}

impl Setup {
    fn new() -> Self {
        Self { server: Server::start(), cache: tempfile::tempdir().unwrap() }
    }

    fn options(&self) -> RemoteOptions {
        let branch = Reference::Branch("main".to_owned());
        RemoteOptions { reference: branch, ..RemoteOptions::new("default/app", self.server.url()) }
    }

    fn remote(&self) -> Remote {
        self.open(self.options())
    }

    fn open(&self, options: RemoteOptions) -> Remote {
        Remote::open(self.cache.path(), options).unwrap()
    }

    fn following(&self, reference: Reference) -> Remote {
        self.open(RemoteOptions { reference, ..self.options() })
    }

    /// All files in the cache whose name ends so.
    fn cached(&self, end: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.cache.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.to_str().unwrap().ends_with(end) {
                    found.push(path);
                }
            }
        }
        found
    }
}

fn poll(remote: &Remote, known: Option<&Revision>) -> Result<Polled, SourceError> {
    remote.poll(known, &CancellationToken::new())
}

#[track_caller]
fn moved(remote: &Remote, known: Option<&Revision>) -> (Revision, Option<bool>) {
    match poll(remote, known).unwrap() {
        Polled::Moved { revision, fast_forward } => (revision, fast_forward),
        Polled::Unchanged => panic!("unchanged"),
    }
}

fn text(remote: &Remote, revision: &Revision, path: &str) -> String {
    String::from_utf8(remote.tree(revision).unwrap().read(path).unwrap().to_vec()).unwrap()
}

#[test]
fn first_poll_gives_the_commit_and_its_tree() {
    let setup = Setup::new();
    let id = setup.server.commit("apps/x/b.yaml", "two", "Second: \u{1b}[31mred\n\nBody.");
    let remote = setup.remote();
    let (revision, fast_forward) = moved(&remote, None);
    assert_eq!(revision.commit.to_string(), id);
    assert_eq!(revision.author, "Ada <ada@example.org>");
    assert_eq!(revision.subject, "Second: [31mred");
    assert_eq!(revision.time, 1_700_000_000);
    assert_eq!(fast_forward, None);
    let tree = remote.tree(&revision).unwrap();
    let names = [("a.yaml".to_owned(), EntryKind::File), ("apps".to_owned(), EntryKind::Directory)];
    assert_eq!(tree.list("").unwrap(), names);
    assert_eq!(tree.entry("apps/x/b.yaml").unwrap().unwrap().size, 3);
    assert_eq!(text(&remote, &revision, "apps/x/b.yaml"), "two");
    assert_eq!(remote.requests(), 3);
}

#[test]
fn unchanged_poll_is_one_request() {
    let setup = Setup::new();
    let remote = setup.remote();
    let (revision, _) = moved(&remote, None);
    setup.server.seen();
    for _ in 0..3 {
        assert_eq!(poll(&remote, Some(&revision)), Ok(Polled::Unchanged));
    }
    let seen = setup.server.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|seen| seen.method == "POST" && seen.path == "/app.git/git-upload-pack"));
}

#[test]
fn moved_branch_is_fetched_on_top_of_what_is_there() {
    let setup = Setup::new();
    let remote = setup.remote();
    let (first, _) = moved(&remote, None);
    setup.server.commit("b.yaml", "two", "Second");
    setup.server.commit("b.yaml", "three", "Third");
    setup.server.seen();
    let (third, fast_forward) = moved(&remote, Some(&first));
    assert_eq!(setup.server.seen().len(), 2);
    assert_eq!(fast_forward, Some(true));
    assert_eq!(text(&remote, &third, "b.yaml"), "three");
    assert_eq!(text(&remote, &first, "a.yaml"), "one");
    assert_eq!(remote.tree(&first).unwrap().entry("b.yaml").unwrap(), None);
    assert_eq!(setup.cached(".pack").len(), 2);
}

#[test]
fn first_fetch_brings_one_commit_only() {
    let setup = Setup::new();
    let parent = setup.remote();
    let (first, _) = moved(&parent, None);
    drop(parent);
    setup.server.commit("b.yaml", "two", "Second");
    let remote = setup.open(RemoteOptions { name: "default/other".to_owned(), ..setup.options() });
    moved(&remote, None);
    assert!(matches!(remote.tree(&first), Err(SourceError::Corrupt { .. })));
}

#[test]
fn force_push_is_followed_and_told() {
    let setup = Setup::new();
    setup.server.commit("b.yaml", "two", "Second");
    let remote = setup.remote();
    let (second, _) = moved(&remote, None);
    setup.server.work(&["commit", "--quiet", "--amend", "--message", "Rewritten"]);
    setup.server.push();
    let (rewritten, fast_forward) = moved(&remote, Some(&second));
    assert_eq!(rewritten.subject, "Rewritten");
    assert_eq!(fast_forward, Some(false));
    setup.server.work(&["reset", "--quiet", "--hard", "HEAD~1"]);
    setup.server.push();
    let (first, fast_forward) = moved(&remote, Some(&rewritten));
    assert_eq!((first.subject.as_str(), fast_forward), ("First", Some(false)));
    assert_eq!(remote.tree(&first).unwrap().entry("b.yaml").unwrap(), None);
    assert_eq!(poll(&remote, Some(&first)), Ok(Polled::Unchanged));
    let requests = remote.requests();
    drop(remote);
    assert_eq!(requests, 3 + 2 + 1 + 1);
    assert_eq!(poll(&setup.remote(), Some(&first)), Ok(Polled::Unchanged));
}

#[test]
fn former_revision_that_the_history_here_does_not_reach_is_neither() {
    let setup = Setup::new();
    let remote = setup.remote();
    let (first, _) = moved(&remote, None);
    for number in 0..3 {
        setup.server.commit("b.yaml", &number.to_string(), "More");
    }
    remote.distrust().unwrap();
    let (_, fast_forward) = moved(&remote, Some(&first));
    assert_eq!(fast_forward, None);
}

#[test]
fn references_of_each_kind_are_followed() {
    let setup = Setup::new();
    let first = setup.server.work(&["rev-parse", "HEAD"]);
    setup.server.work(&["tag", "light"]);
    setup.server.work(&["tag", "--annotate", "--message", "Inner", "inner"]);
    setup.server.work(&["tag", "--annotate", "--message", "Outer", "outer", "inner"]);
    setup.server.work(&["tag", "main", "light"]);
    let last = setup.server.commit("b.yaml", "two", "Second");
    for (reference, expected) in [
        (Reference::Head, &last),
        (Reference::Branch("main".to_owned()), &last),
        (Reference::Tag("main".to_owned()), &first),
        (Reference::Tag("light".to_owned()), &first),
        (Reference::Tag("inner".to_owned()), &first),
        (Reference::Tag("outer".to_owned()), &first),
        (Reference::Name("refs/heads/main".to_owned()), &last),
        (Reference::Commit(first.parse().unwrap()), &first),
    ] {
        let name = reference.to_string();
        let remote = setup.following(reference);
        let (revision, _) = moved(&remote, None);
        assert_eq!(&revision.commit.to_string(), expected, "{name}");
        assert_eq!(poll(&remote, Some(&revision)), Ok(Polled::Unchanged), "{name}");
    }
}

#[test]
fn commit_that_is_here_is_asked_for_no_more() {
    let setup = Setup::new();
    let id = setup.server.work(&["rev-parse", "HEAD"]);
    let remote = setup.following(Reference::Commit(id.parse().unwrap()));
    let (revision, _) = moved(&remote, None);
    setup.server.seen();
    assert_eq!(poll(&remote, Some(&revision)), Ok(Polled::Unchanged));
    assert_eq!(setup.server.seen(), []);
}

#[test]
fn tag_of_something_other_than_a_commit_is_an_error() {
    let setup = Setup::new();
    setup.server.work(&["tag", "--annotate", "--message", "A tree", "tree", "HEAD^{tree}"]);
    setup.server.push();
    let error = poll(&setup.following(Reference::Tag("tree".to_owned())), None).unwrap_err();
    assert!(error.to_string().contains("not a commit"), "{error}");
}

#[test]
fn more_tags_in_a_row_than_allowed_are_an_error() {
    let setup = Setup::new();
    let mut inner = "HEAD".to_owned();
    for depth in 0..7 {
        let name = format!("tag{depth}");
        setup.server.work(&["tag", "--annotate", "--message", "Deep", &name, &inner]);
        inner = name;
    }
    setup.server.push();
    moved(&setup.following(Reference::Tag("tag4".to_owned())), None);
    let error = poll(&setup.following(Reference::Tag("tag6".to_owned())), None).unwrap_err();
    assert!(error.to_string().contains("more than 5 tags"), "{error}");
}

#[test]
fn missing_reference_offers_others() {
    let setup = Setup::new();
    setup.server.work(&["branch", "develop"]);
    setup.server.push();
    let error = poll(&setup.following(Reference::Branch("mian".to_owned())), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{} has no branch `mian`; it has develop, main", setup.server.url())
    );
    assert!(!error.is_transient());
    let remote = setup.following(Reference::Tag("v1".to_owned()));
    for requests in [3, 5] {
        let error = poll(&remote, None).unwrap_err();
        assert_eq!(error.to_string(), format!("{} has no tag `v1`", setup.server.url()));
        assert_eq!(remote.requests(), requests);
    }
    drop(remote);
    let absent = "00000000000000000000000000000000000000aa".parse().unwrap();
    let error = poll(&setup.following(Reference::Commit(absent)), None).unwrap_err();
    assert!(matches!(error, SourceError::ReferenceNotFound { .. }), "{error}");
}

#[test]
fn branch_whose_name_only_starts_so_is_another() {
    let setup = Setup::new();
    setup.server.work(&["branch", "release-1"]);
    setup.server.push();
    let error = poll(&setup.following(Reference::Branch("release".to_owned())), None).unwrap_err();
    assert!(matches!(error, SourceError::ReferenceNotFound { .. }), "{error}");
}

#[test]
fn server_of_an_older_protocol_is_polled_too() {
    let setup = Setup::new();
    setup.server.mood(Mood::Old);
    setup.server.work(&["tag", "--annotate", "--message", "A tag", "v1"]);
    setup.server.push();
    let remote = setup.remote();
    let (first, _) = moved(&remote, None);
    assert_eq!(poll(&remote, Some(&first)), Ok(Polled::Unchanged));
    setup.server.commit("b.yaml", "two", "Second");
    let (second, fast_forward) = moved(&remote, Some(&first));
    assert_eq!((text(&remote, &second, "b.yaml").as_str(), fast_forward), ("two", Some(true)));
    drop(remote);
    assert_eq!(moved(&setup.following(Reference::Tag("v1".to_owned())), None).0.commit, first.commit);
}

#[test]
fn server_that_changes_its_protocol_is_asked_anew() {
    let setup = Setup::new();
    let remote = setup.remote();
    let (revision, _) = moved(&remote, None);
    setup.server.mood(Mood::Old);
    assert_eq!(poll(&remote, Some(&revision)), Ok(Polled::Unchanged));
}

#[test]
fn empty_repository_has_no_revision() {
    let setup = Setup::new();
    setup.server.work(&["--git-dir=../app.git", "update-ref", "-d", "refs/heads/main"]);
    let error = poll(&setup.following(Reference::Head), None).unwrap_err();
    assert!(matches!(error, SourceError::ReferenceNotFound { .. }), "{error}");
}
