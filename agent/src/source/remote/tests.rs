mod server;

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use super::*;
use crate::source::tree::{EntryKind, Tree, TreeError};
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
fn credentials_open_what_is_guarded() {
    let setup = Setup::new();
    setup.server.mood(Mood::Guarded("Basic YWRhOnNlY3JldA==".to_owned()));
    let with = |credentials| RemoteOptions { credentials, ..setup.options() };
    let basic =
        |password: &str| Credentials::Basic { username: "ada".to_owned(), password: password.to_owned() };
    let error = poll(&setup.open(with(None)), None).unwrap_err();
    assert!(
        matches!(error, SourceError::Unauthorized { status: 401, with_credentials: false, .. }),
        "{error}"
    );
    let error = poll(&setup.open(with(Some(basic("wrong")))), None).unwrap_err();
    assert!(
        matches!(error, SourceError::Unauthorized { status: 401, with_credentials: true, .. }),
        "{error}"
    );
    assert!(!error.is_transient());
    moved(&setup.open(with(Some(basic("secret")))), None);
    setup.server.mood(Mood::Guarded("Bearer token".to_owned()));
    let bearer = setup.open(with(Some(Credentials::Bearer("token".to_owned()))));
    moved(&bearer, None);
    setup.server.mood(Mood::Guarded("Bearer rotated".to_owned()));
    assert!(matches!(poll(&bearer, None), Err(SourceError::Unauthorized { .. })));
}

#[test]
fn missing_repository_is_told_from_a_missing_server() {
    let setup = Setup::new();
    let url = setup.server.url().replace("app.git", "none.git");
    let error = poll(&setup.open(RemoteOptions { url, ..setup.options() }), None).unwrap_err();
    assert!(matches!(error, SourceError::NotFound { status: 404, .. }), "{error}");
    let remote = setup.remote();
    let (revision, _) = moved(&remote, None);
    drop(setup.server);
    let error = poll(&remote, Some(&revision)).unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
    assert!(error.is_transient());
    assert_eq!(text(&remote, &revision, "a.yaml"), "one");
}

#[test]
fn busy_server_is_left_alone_as_long_as_it_asks() {
    let setup = Setup::new();
    for status in [429, 503, 403] {
        setup.server.mood(Mood::Status(status, "Retry-After: 7\r\n".to_owned()));
        let error = poll(&setup.remote(), None).unwrap_err();
        assert!(error.is_transient());
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    }
}

#[test]
fn limits_end_a_fetch_and_leave_nothing() {
    let setup = Setup::new();
    let noise: String =
        (0..40_000u32).map(|number| format!("{:x}", number.wrapping_mul(2_654_435_761))).collect();
    setup.server.commit("noise", &noise, "Noise");
    let limits = FetchLimits::default();
    for (limits, expected) in [
        (FetchLimits { pack_bytes: 10_000, ..limits }, "limits.packBytes"),
        (FetchLimits { objects: 2, ..limits }, "limits.objects"),
        (FetchLimits { object_bytes: 50_000, ..limits }, "limits.objectBytes"),
        (FetchLimits { refs_bytes: 10, ..limits }, "limits.refsBytes"),
    ] {
        let remote = setup.open(RemoteOptions { limits, ..setup.options() });
        let error = poll(&remote, None).unwrap_err();
        match &error {
            SourceError::Limit { setting, .. } => assert_eq!(*setting, expected),
            other => panic!("{expected}: {other}"),
        }
        drop(remote);
        assert_eq!(setup.cached(".pack"), Vec::<PathBuf>::new());
    }
}

#[test]
fn garbage_is_a_protocol_error_without_control_characters() {
    let setup = Setup::new();
    setup.server.mood(Mood::Garbage);
    let error = poll(&setup.remote(), None).unwrap_err();
    assert!(matches!(error, SourceError::Protocol { .. }), "{error}");
    assert!(!error.to_string().contains('\u{1b}'), "{error}");
    setup.server.mood(Mood::Status(200, "Content-Type: text/html\r\n".to_owned()));
    assert!(matches!(poll(&setup.remote(), None), Err(SourceError::Protocol { .. })));
}

#[test]
fn pack_that_breaks_off_is_an_error_and_the_next_poll_recovers() {
    let setup = Setup::new();
    let remote = setup.remote();
    for bytes in [0, 10, 60, 150, 200] {
        setup.server.mood(Mood::Cut(bytes));
        assert!(poll(&remote, None).is_err(), "{bytes}");
    }
    setup.server.mood(Mood::Git);
    let (first, _) = moved(&remote, None);
    setup.server.commit("b.yaml", "two", "Second");
    setup.server.mood(Mood::Cut(100));
    assert!(poll(&remote, Some(&first)).is_err());
    assert_eq!(text(&remote, &first, "a.yaml"), "one");
    setup.server.mood(Mood::Git);
    let (second, _) = moved(&remote, Some(&first));
    assert_eq!(text(&remote, &second, "b.yaml"), "two");
}

#[test]
fn redirect_within_the_origin_is_followed() {
    let setup = Setup::new();
    setup.server.mood(Mood::Moved("/old.git".to_owned(), "/app.git".to_owned()));
    let url = setup.server.url().replace("app.git", "old.git");
    let remote = setup.open(RemoteOptions { url, ..setup.options() });
    let (revision, _) = moved(&remote, None);
    setup.server.seen();
    assert_eq!(poll(&remote, Some(&revision)), Ok(Polled::Unchanged));
    assert_eq!(setup.server.seen().len(), 1);
    setup.server.mood(Mood::Moved("/".to_owned(), "/again/".to_owned()));
    let error = poll(&setup.remote(), None).unwrap_err();
    assert!(error.to_string().contains("too many redirects"), "{error}");
}

#[test]
fn credentials_never_follow_a_redirect_to_another_origin() {
    let setup = Setup::new();
    let other = Server::start();
    let credentials = Some(Credentials::Bearer("token".to_owned()));
    let options = RemoteOptions { credentials, ..setup.options() };
    setup.server.mood(Mood::Moved("/app.git".to_owned(), other.url()));
    let error = poll(&setup.open(options.clone()), None).unwrap_err();
    assert!(matches!(error, SourceError::Refused { .. }), "{error}");
    // In the middle of the conversation too.
    setup.server.mood(Mood::Moved("/app.git/git-upload-pack".to_owned(), other.url()));
    poll(&setup.open(options), None).unwrap_err();
    assert_eq!(other.seen(), []);
    assert!(setup.server.seen().iter().all(|seen| seen.authorization.as_deref() == Some("Bearer token")));
}

#[test]
fn cache_outlives_the_process() {
    let setup = Setup::new();
    let (revision, _) = moved(&setup.remote(), None);
    let remote = setup.remote();
    assert_eq!(text(&remote, &revision, "a.yaml"), "one");
    assert_eq!(poll(&remote, Some(&revision)), Ok(Polled::Unchanged));
    assert_eq!(remote.requests(), 2);
}

#[test]
fn damaged_cache_is_fetched_again() {
    for end in [".pack", ".idx", "shallow", "current.json", "/config"] {
        for damage in ["cut", "overwrite", "remove"] {
            let setup = Setup::new();
            setup.server.commit("b.yaml", "two", "Second");
            let (revision, _) = moved(&setup.remote(), None);
            let file = setup.cached(end).pop().unwrap();
            let content = fs::read(&file).unwrap();
            // Packs are written read-only.
            fs::remove_file(&file).unwrap();
            match damage {
                "cut" => fs::write(&file, &content[..content.len() / 2]).unwrap(),
                "overwrite" => fs::write(&file, vec![0; content.len()]).unwrap(),
                _ => {}
            }
            let remote = setup.remote();
            assert!(matches!(remote.tree(&revision), Err(SourceError::Corrupt { .. })), "{end} {damage}");
            assert_eq!(poll(&remote, Some(&revision)), Ok(Polled::Unchanged), "{end} {damage}");
            assert_eq!(text(&remote, &revision, "b.yaml"), "two");
        }
    }
}

#[test]
fn what_a_killed_process_leaves_is_removed() {
    let setup = Setup::new();
    let (revision, _) = moved(&setup.remote(), None);
    let pack = setup.cached(".pack").pop().unwrap();
    fs::write(pack.with_file_name("tmp_unfinished"), "half").unwrap();
    let repository = pack.ancestors().nth(3).unwrap();
    fs::write(repository.join("shallow.lock"), "").unwrap();
    fs::create_dir_all(repository.with_file_name("git-99").join("objects")).unwrap();
    setup.server.commit("b.yaml", "two", "Second");
    let remote = setup.remote();
    assert_eq!(moved(&remote, Some(&revision)).1, Some(true));
    assert!(setup.cached("tmp_unfinished").is_empty() && setup.cached("shallow.lock").is_empty());
    assert!(!repository.with_file_name("git-99").exists());
}

#[test]
fn open_tree_outlives_its_cache() {
    let setup = Setup::new();
    let remote = setup.remote();
    let (first, _) = moved(&remote, None);
    let tree = remote.tree(&first).unwrap();
    remote.distrust().unwrap();
    setup.server.commit("a.yaml", "two", "Second");
    moved(&remote, Some(&first));
    assert_eq!(tree.read("a.yaml").unwrap(), "one");
    assert_eq!(setup.cached(".pack").len(), 2);
    drop(tree);
    assert_eq!(setup.cached(".pack").len(), 1);
}

#[test]
fn many_packs_are_replaced_by_one() {
    let setup = Setup::new();
    let remote = setup.remote();
    let (mut revision, _) = moved(&remote, None);
    let mut most = 0;
    for number in 0..66 {
        setup.server.commit("b.yaml", &number.to_string(), "More");
        revision = moved(&remote, Some(&revision)).0;
        most = most.max(setup.cached(".pack").len());
    }
    assert_eq!(most, 64);
    assert!(setup.cached(".pack").len() < 10);
    assert_eq!(text(&remote, &revision, "b.yaml"), "65");
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

#[test]
fn cancelled_poll_asks_nothing() {
    let setup = Setup::new();
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let error = setup.remote().poll(None, &cancelled).unwrap_err();
    assert!(matches!(error, SourceError::Cancelled { .. }), "{error}");
    assert_eq!(setup.server.seen(), []);
}

#[test]
fn silent_server_ends_with_the_timeout_or_with_cancellation() {
    let cache = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/app.git", listener.local_addr().unwrap());
    let timeout = Duration::from_millis(300);
    let remote =
        Remote::open(cache.path(), RemoteOptions { timeout, ..RemoteOptions::new("a/b", url.clone()) })
            .unwrap();
    let error = poll(&remote, None).unwrap_err();
    assert!(
        matches!(&error, SourceError::Unreachable { problem, .. } if problem.contains("timeout")),
        "{error}"
    );
    let remote = Remote::open(cache.path(), RemoteOptions::new("a/c", url)).unwrap();
    let cancelled = CancellationToken::new();
    let error = std::thread::scope(|scope| {
        let polling = scope.spawn(|| remote.poll(None, &cancelled));
        // Once the request is on its way.
        let (_first, _) = listener.accept().unwrap();
        let (_second, _) = listener.accept().unwrap();
        cancelled.cancel();
        polling.join().unwrap().unwrap_err()
    });
    assert!(matches!(error, SourceError::Cancelled { .. }), "{error}");
}

#[test]
fn server_without_tls_is_no_trusted_connection() {
    let cache = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/app.git", listener.local_addr().unwrap());
    let remote = Remote::open(cache.path(), RemoteOptions::new("a/b", url)).unwrap();
    let error = std::thread::scope(|scope| {
        scope.spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
            // Until the client has had enough.
            let _ = stream.read_to_end(&mut Vec::new());
        });
        poll(&remote, None).unwrap_err()
    });
    assert!(matches!(error, SourceError::Tls { .. }), "{error}");
}

#[test]
fn repository_that_lacks_an_object_is_never_a_tree_without_it() {
    let setup = Setup::new();
    setup.server.commit("apps/b.yaml", "two", "Second");
    let folder = setup.server.folder.path().join("work/.git");
    let commit: ObjectId = setup.server.work(&["rev-parse", "HEAD"]).parse().unwrap();
    for (object, error_of) in
        [("HEAD:apps/b.yaml", "apps/b.yaml"), ("HEAD:apps", "apps/b.yaml"), ("HEAD:", "")]
    {
        let id = setup.server.work(&["rev-parse", object]);
        let store = Arc::new(ObjectStore::open(&folder, 1 << 20).unwrap());
        let revision = store.revision(commit).unwrap();
        complete::check(&store, revision.tree, 100).unwrap();
        let file = folder.join("objects").join(&id[..2]).join(&id[2..]);
        let content = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        let store = Arc::new(ObjectStore::open(&folder, 1 << 20).unwrap());
        complete::check(&store, revision.tree, 100).unwrap_err();
        let tree = GitTree::new(store, revision.tree, 1 << 20);
        let read =
            if error_of.is_empty() { tree.list("").map(|_| ()) } else { tree.entry(error_of).map(|_| ()) };
        assert!(matches!(read, Err(TreeError::Unreadable { .. })), "{object}: {read:?}");
        fs::write(&file, content).unwrap();
    }
}

#[test]
fn object_that_declares_more_than_allowed_is_not_read() {
    let setup = Setup::new();
    setup.server.commit("large", &"x".repeat(100_000), "Large");
    let remote = setup.remote();
    let (revision, _) = moved(&remote, None);
    drop(remote);
    let limits = FetchLimits { object_bytes: 50_000, ..FetchLimits::default() };
    let remote = setup.open(RemoteOptions { limits, ..setup.options() });
    let tree = remote.tree(&revision).unwrap();
    assert_eq!(tree.entry("large").unwrap().unwrap().size, 100_000);
    assert!(matches!(tree.read("large"), Err(TreeError::Unreadable { .. })));
    assert_eq!(tree.read("a.yaml").unwrap(), "one");
    // The library's own bound holds where ours is not asked.
    let store = remote.cache().store().unwrap().clone();
    let id = tree.entry("large").unwrap().unwrap().id;
    let read = store.with(|repository| {
        repository.find_object(gix::ObjectId::from(id)).map(|_| ()).map_err(|error| chain(&error))
    });
    assert!(read.is_err());
}

#[test]
fn panic_of_the_library_is_an_error_of_one_look_up() {
    let setup = Setup::new();
    let remote = setup.remote();
    let (revision, _) = moved(&remote, None);
    let store = remote.cache().store().unwrap().clone();
    let result: Result<(), String> = store.with(|_| panic!("on hostile data"));
    assert_eq!(result, Err("panic: on hostile data".to_owned()));
    assert_eq!(text(&remote, &revision, "a.yaml"), "one");
}

#[test]
fn remotes_of_different_names_share_no_cache() {
    let setup = Setup::new();
    let one = setup.remote();
    let other = setup.open(RemoteOptions { name: "other/app".to_owned(), ..setup.options() });
    moved(&one, None);
    moved(&other, None);
    assert_eq!(setup.cached(".pack").len(), 2);
    let error = Remote::open(setup.cache.path(), setup.options()).err().unwrap();
    assert!(matches!(error, SourceError::Cache { .. }), "{error}");
}

#[test]
fn hostile_names_can_be_neither_listed_nor_reached() {
    let setup = Setup::new();
    let blob = setup.server.work(&["rev-parse", "HEAD:a.yaml"]);
    let mut tree = Vec::new();
    for name in [".GIT", "..", "good"] {
        tree.extend(format!("100644 {name}\0").into_bytes());
        tree.extend(hex::decode(&blob).unwrap());
    }
    fs::write(setup.server.folder.path().join("tree"), &tree).unwrap();
    let id = setup.server.work(&["hash-object", "--literally", "-w", "-t", "tree", "../tree"]);
    let commit = setup.server.work(&["commit-tree", "-m", "Hostile", &id]);
    setup.server.work(&["reset", "--quiet", "--soft", &commit]);
    setup.server.push();
    let remote = setup.remote();
    let (revision, _) = moved(&remote, None);
    let tree = remote.tree(&revision).unwrap();
    assert!(matches!(tree.list(""), Err(TreeError::Unreadable { .. })), "{:?}", tree.list(""));
    assert_eq!(tree.read("good").unwrap(), "one");
    assert_eq!(tree.entry(".GIT").unwrap(), None);
    assert_eq!(tree.entry("..").unwrap(), None);
}

#[test]
fn kinds_of_entries_are_told_apart() {
    let setup = Setup::new();
    let folder = setup.server.folder.path().join("work");
    std::os::unix::fs::symlink("a.yaml", folder.join("link")).unwrap();
    fs::write(folder.join("run.sh"), "").unwrap();
    let head = setup.server.work(&["rev-parse", "HEAD"]);
    setup.server.work(&["update-index", "--add", "--cacheinfo", &format!("160000,{head},vendor")]);
    setup.server.work(&["add", "link", "run.sh"]);
    setup.server.work(&["update-index", "--chmod=+x", "run.sh"]);
    setup.server.work(&["commit", "--quiet", "--message", "Kinds"]);
    setup.server.push();
    let remote = setup.remote();
    let (revision, _) = moved(&remote, None);
    let tree = remote.tree(&revision).unwrap();
    let names = [
        ("a.yaml", EntryKind::File),
        ("link", EntryKind::Symlink),
        ("run.sh", EntryKind::Executable),
        ("vendor", EntryKind::Submodule),
    ];
    assert_eq!(tree.list("").unwrap(), names.map(|(name, kind)| (name.to_owned(), kind)));
    assert_eq!(tree.read("link").unwrap(), "a.yaml");
    assert_eq!(tree.entry("link/x").unwrap(), None);
    assert!(matches!(tree.read("vendor"), Err(TreeError::Submodule { .. })));
    assert!(matches!(tree.list("a.yaml"), Err(TreeError::WrongKind { .. })));
    assert!(matches!(tree.entry(&"x/".repeat(64)), Err(TreeError::Limit { .. })));
}

#[test]
fn options_that_are_never_followed_are_refused_before_anything_is_asked() {
    let cache = tempfile::tempdir().unwrap();
    let credentials = Some(Credentials::Bearer("token".to_owned()));
    let good = RemoteOptions::new("a/b", "https://example.org/app.git");
    let url = |url: &str| RemoteOptions { url: url.to_owned(), ..good.clone() };
    let reference = |reference| RemoteOptions { reference, ..good.clone() };
    for options in [
        url("ssh://git@example.org/app.git"),
        url("git@example.org:app.git"),
        url("git://example.org/app.git"),
        url("file:///srv/app.git"),
        url("/srv/app.git"),
        url("ext::sh -c true"),
        url("https://ada:secret@example.org/app.git"),
        url("https://example.org/app.git?x=1"),
        url("https://example.org\\@evil.example/app.git"),
        url("https:///app.git"),
        url("https://example.org/a b"),
        url(&format!("https://example.org/{}", "x".repeat(3000))),
        RemoteOptions { credentials: credentials.clone(), ..url("http://example.org/app.git") },
        RemoteOptions { credentials: Some(Credentials::Bearer("a\nb".to_owned())), ..good.clone() },
        RemoteOptions { ca_pem: Some(b"nothing".to_vec()), ..good.clone() },
        reference(Reference::Branch("-x".to_owned())),
        reference(Reference::Branch("a..b".to_owned())),
        reference(Reference::Branch("a\u{7}b".to_owned())),
        reference(Reference::Branch(String::new())),
        reference(Reference::Tag("x".repeat(2000))),
        reference(Reference::Name("HEAD".to_owned())),
        reference(Reference::Name("refs/../x".to_owned())),
    ] {
        let shown = format!("{options:?}");
        let error = Remote::open(cache.path(), options).err().unwrap_or_else(|| panic!("{shown}"));
        assert!(matches!(error, SourceError::Refused { .. }), "{shown}: {error}");
        let message = format!("{error} {error:?} {:?}", error.hint());
        assert!(!message.contains("secret") && !message.contains("token"), "{message}");
    }
    for options in [
        good.clone(),
        RemoteOptions { credentials: credentials.clone(), ..good.clone() },
        RemoteOptions { credentials: credentials.clone(), ..url("http://[::1]:3000/app.git") },
        RemoteOptions { credentials, ..url("http://localhost/app.git/") },
        reference(Reference::Branch("feature/x-1".to_owned())),
    ] {
        let shown = format!("{options:?}");
        Remote::open(cache.path(), options).map(|_| ()).unwrap_or_else(|error| panic!("{shown}: {error}"));
        assert!(!shown.contains("token"), "{shown}");
    }
}
