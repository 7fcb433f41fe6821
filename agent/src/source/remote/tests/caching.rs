//! What is kept between polls, and what is read from it.

use std::fs;

use super::*;
use crate::source::tree::TreeError;

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
    assert!(matches!(tree.list(""), Err(TreeError::Name { .. })), "{:?}", tree.list(""));
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
fn an_older_commit_is_recalled_from_here_or_else_from_the_server() {
    let setup = Setup::new();
    let never = CancellationToken::new();
    let (first, _) = moved(&setup.remote(), None);
    setup.server.commit("a.yaml", "two", "Second");
    setup.server.commit("a.yaml", "three", "Third");

    // Fetched afresh, there is the newest commit only.
    fs::remove_dir_all(setup.cache.path()).unwrap();
    let remote = setup.remote();
    let (third, _) = moved(&remote, None);
    setup.server.seen();
    assert_eq!(remote.recall(first.commit, &never), Ok(first.clone()));
    assert_eq!(setup.server.seen().len(), 1);
    assert_eq!(text(&remote, &first, "a.yaml"), "one");
    assert_eq!(text(&remote, &third, "a.yaml"), "three");

    // The next poll builds on the newest commit, as if nothing had been recalled.
    setup.server.commit("b.yaml", "four", "Fourth");
    let (fourth, fast_forward) = moved(&remote, Some(&third));
    assert_eq!(fast_forward, Some(true));
    assert_eq!(text(&remote, &fourth, "a.yaml"), "three");
    drop(remote);

    // Another process finds it here.
    let remote = setup.remote();
    setup.server.seen();
    assert_eq!(remote.recall(first.commit, &never), Ok(first.clone()));
    assert!(setup.server.seen().is_empty());
}

#[test]
fn a_commit_that_the_server_does_not_have_is_not_recalled() {
    let setup = Setup::new();
    let remote = setup.remote();
    let never = CancellationToken::new();
    assert!(matches!(remote.recall(ObjectId([7; 20]), &never), Err(SourceError::Corrupt { .. })));
    let (first, _) = moved(&remote, None);
    assert!(remote.recall(ObjectId([7; 20]), &never).is_err());
    assert_eq!(poll(&remote, Some(&first)), Ok(Polled::Unchanged));
}
