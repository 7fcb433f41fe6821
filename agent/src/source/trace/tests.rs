use proptest::prelude::*;

use super::*;
use crate::source::changes::Changes;
use crate::source::memory_tree::MemoryTree;

fn traced(tree: MemoryTree) -> TracedTree {
    TracedTree::new(Arc::new(tree), TreeLimits::default())
}

fn resolved(tree: &TracedTree, path: &str) -> (String, Option<EntryKind>) {
    let (path, entry) = tree.resolve("", path, true).unwrap();
    (path, entry.map(|entry| entry.kind))
}

fn base() -> MemoryTree {
    MemoryTree::new()
        .file("apps/a/one.yaml", "1")
        .file("apps/b/two.yaml", "2")
        .file("top.yaml", "top")
        .symlink("apps/b/link", "../a/one.yaml")
        .symlink("apps/b/chain", "link")
        .symlink("folder", "apps/a")
        .symlink("apps/b/folder", "../../folder/")
        .symlink("loop", "loop")
        .symlink("ping", "pong")
        .symlink("pong", "ping")
        .symlink("out", "../elsewhere")
        .symlink("apps/far", "../../etc/passwd")
        .symlink("absolute", "/etc/passwd")
        .symlink("dangling", "apps/none")
        .symlink("slashed", "top.yaml/")
        .symlink("empty", "")
        .submodule("vendor")
}

#[test]
fn symlinks_resolve_inside_of_the_tree() {
    let tree = traced(base());
    for (path, expected) in [
        ("apps/b/link", ("apps/a/one.yaml", Some(EntryKind::File))),
        ("apps/b/chain", ("apps/a/one.yaml", Some(EntryKind::File))),
        ("folder/one.yaml", ("apps/a/one.yaml", Some(EntryKind::File))),
        ("apps/b/folder/one.yaml", ("apps/a/one.yaml", Some(EntryKind::File))),
        ("folder", ("apps/a", Some(EntryKind::Directory))),
        ("dangling", ("apps/none", None)),
        ("/apps//./a/", ("apps/a", Some(EntryKind::Directory))),
        ("", ("", Some(EntryKind::Directory))),
    ] {
        assert_eq!(resolved(&tree, path), (expected.0.to_owned(), expected.1), "{path}");
    }
    assert_eq!(tree.failure(), None);
}

#[test]
fn parent_of_a_symlinked_folder_is_the_parent_of_its_target() {
    let tree = traced(base());
    assert_eq!(
        resolved(&tree, "folder/../b/two.yaml"),
        ("apps/b/two.yaml".to_owned(), Some(EntryKind::File))
    );
    assert_eq!(resolved(&tree, "folder/.."), ("apps".to_owned(), Some(EntryKind::Directory)));
}

#[test]
fn last_symlink_is_followed_only_when_asked_or_when_a_folder_is_wanted() {
    let tree = traced(base());
    let (path, entry) = tree.resolve("apps/b", "chain", false).unwrap();
    assert_eq!((path.as_str(), entry.unwrap().kind), ("apps/b/chain", EntryKind::Symlink));
    assert_eq!(tree.read_link("apps/b/chain").unwrap(), "link");
    let (path, entry) = tree.resolve("", "folder/", false).unwrap();
    assert_eq!((path.as_str(), entry.unwrap().kind), ("apps/a", EntryKind::Directory));
    let (path, _) = tree.resolve("", "folder/.", false).unwrap();
    assert_eq!(path, "apps/a");
}

#[test]
fn file_with_a_slash_behind_it_is_not_there() {
    let tree = traced(base());
    for path in
        ["top.yaml/", "top.yaml/.", "slashed", "top.yaml/x", "top.yaml/..", "empty", "none/../top.yaml"]
    {
        assert_eq!(resolved(&tree, path).1, None, "{path}");
    }
}

#[test]
fn loops_end_at_the_limit() {
    for path in ["loop", "ping", "loop/x"] {
        let tree = traced(base());
        let error = tree.resolve("", path, true).unwrap_err();
        assert_eq!(error, TreeError::SymlinkLoop { path: path.to_owned(), limit: SYMLINK_LIMIT });
        assert_eq!(tree.failure(), Some(error));
    }
}

#[test]
fn nothing_leads_out_of_the_tree() {
    for path in
        ["..", "apps/../..", "out", "out/x", "apps/far", "absolute", "absolute/x", "folder/../../../x"]
    {
        let tree = traced(base());
        assert!(matches!(tree.resolve("", path, true), Err(TreeError::Outside { .. })), "{path}");
    }
    let tree = traced(base());
    assert!(matches!(tree.resolve("apps/a", "../../../x", true), Err(TreeError::Outside { .. })));
    assert_eq!(tree.resolve("apps/a", "../../top.yaml", true).unwrap().0, "top.yaml");
    assert_eq!(tree.resolve("apps/a", "/top.yaml", true).unwrap().0, "top.yaml");
}

#[test]
fn content_that_is_elsewhere_is_an_error_and_never_embedded() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    let tree = traced(base().file("large.bin", pointer));
    assert_eq!(tree.read("large.bin"), Err(TreeError::LfsPointer { path: "large.bin".to_owned() }));
    assert_eq!(tree.list("vendor"), Err(TreeError::Submodule { path: "vendor".to_owned() }));
    assert_eq!(tree.read("vendor"), Err(TreeError::Submodule { path: "vendor".to_owned() }));
    assert!(matches!(tree.resolve("", "vendor/x", true), Err(TreeError::Submodule { .. })));
    assert!(matches!(tree.read("apps"), Err(TreeError::WrongKind { .. })));
    assert!(matches!(tree.list("top.yaml"), Err(TreeError::WrongKind { .. })));
    assert!(matches!(tree.read_link("top.yaml"), Err(TreeError::WrongKind { .. })));
    assert!(matches!(tree.read("none"), Err(TreeError::WrongKind { .. })));
}

#[test]
fn each_limit_names_itself_and_its_setting() {
    let limited = |limits| TracedTree::new(Arc::new(base()), limits);
    let setting = |error| match error {
        TreeError::Limit { setting, .. } => setting,
        other => panic!("{other}"),
    };
    let defaults = TreeLimits::default();
    let tree = limited(TreeLimits { file_bytes: 2, ..defaults });
    assert_eq!(setting(tree.read("top.yaml").unwrap_err()), "spec.limits.fileSize");
    let tree = limited(TreeLimits { total_bytes: 3, ..defaults });
    tree.read("top.yaml").unwrap();
    assert_eq!(setting(tree.read("apps/a/one.yaml").unwrap_err()), "spec.limits.totalSize");
    let tree = limited(TreeLimits { paths: 2, ..defaults });
    assert_eq!(setting(tree.resolve("", "apps/a/one.yaml", true).unwrap_err()), "spec.limits.paths");
    let tree = TracedTree::new(Arc::new(base().symlink("long", &"x/".repeat(3000))), defaults);
    assert_eq!(setting(tree.resolve("", "long", true).unwrap_err()), "fixed");
}

#[test]
fn inputs_hold_what_was_read_listed_and_looked_for_in_vain() {
    let tree = traced(base());
    tree.resolve("", "top.yaml/below", true).unwrap();
    tree.resolve("", "apps/none/x", true).unwrap();
    tree.list("apps/a").unwrap();
    let inputs = tree.inputs();
    let entries: Vec<_> = inputs.entries().map(|(path, input)| (path, input.clone())).collect();
    assert_eq!(
        entries,
        [
            ("apps", Input::Directory),
            ("apps/a", Input::Directory),
            ("apps/none", Input::Missing),
            ("top.yaml", Input::Content(EntryKind::File, ObjectId::of_blob(b"top"))),
        ]
    );
    assert_eq!(inputs.listings().collect::<Vec<_>>(), ["apps/a"]);
    assert_eq!(inputs.files().map(|(path, _)| path).collect::<Vec<_>>(), ["top.yaml"]);
}

#[test]
fn each_relevant_change_is_noticed() {
    let look = |tree: &TracedTree| {
        tree.resolve("", "top.yaml/below", true).unwrap();
        tree.resolve("", "apps/none", true).unwrap();
        tree.resolve("", "folder/one.yaml", true).unwrap();
        tree.list("apps/b").unwrap();
        tree.resolve("", "vendor", true).unwrap();
    };
    let tree = traced(base());
    look(&tree);
    let inputs = tree.inputs();
    assert_eq!(inputs.unchanged_in(&base()), Ok(true));
    for (what, changed) in [
        ("content of a file on the way", base().file("top.yaml", "other")),
        ("a file becomes a folder", base().directory("top.yaml")),
        ("what was missing is there", base().file("apps/none", "")),
        ("what was read", base().file("apps/a/one.yaml", "other")),
        ("its mode", base().executable("apps/a/one.yaml", "1")),
        ("another target", base().symlink("folder", "apps/b")),
        ("a link becomes a folder", base().directory("folder")),
        ("a new name in a listed folder", base().file("apps/b/new", "")),
        ("a kind in a listed folder", base().executable("apps/b/two.yaml", "2")),
        ("a submodule becomes a folder", base().directory("vendor")),
        ("all is gone", MemoryTree::new()),
    ] {
        assert_eq!(inputs.unchanged_in(&changed), Ok(false), "{what}");
    }
    for (what, unchanged) in [
        ("content in a folder that was only listed", base().file("apps/b/two.yaml", "other")),
        ("a new name in a folder that was walked through", base().file("apps/a/new", "")),
        ("elsewhere", base().file("other/x", "")),
    ] {
        assert_eq!(inputs.unchanged_in(&unchanged), Ok(true), "{what}");
    }
}

#[test]
fn tree_that_cannot_answer_is_neither_changed_nor_unchanged() {
    struct Broken;
    impl Tree for Broken {
        fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
            Err(TreeError::Unreadable { path: path.to_owned(), problem: "broken".to_owned() })
        }
        fn list(&self, path: &str) -> Result<Vec<(String, EntryKind)>, TreeError> {
            Err(TreeError::Unreadable { path: path.to_owned(), problem: "broken".to_owned() })
        }
        fn read(&self, path: &str) -> Result<Bytes, TreeError> {
            Err(TreeError::Unreadable { path: path.to_owned(), problem: "broken".to_owned() })
        }
    }
    let tree = traced(base());
    tree.resolve("", "top.yaml", true).unwrap();
    assert!(tree.inputs().unchanged_in(&Broken).is_err());
}

/// A thing to put at a path of a random tree.
#[derive(Clone, Debug)]
enum Node {
    File(u8),
    Executable(u8),
    Symlink(String),
    Submodule,
    Directory,
    /// Nothing any more, with all that was below.
    Gone,
}

/// A look-up of a random renderer.
#[derive(Clone, Debug)]
enum Look {
    Resolve(String, String, bool),
    Read(String),
    ReadLink(String),
    List(String),
}

fn place() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..4).prop_map(|parts| parts.join("/"))
}

fn path() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec!["a", "b", "c", "a", "b", "c", "..", "."]);
    (
        prop::collection::vec(part, 0..5),
        prop::sample::select(vec!["", "", "", "/"]),
        prop::bool::weighted(0.1),
    )
        .prop_map(|(parts, end, absolute)| {
            format!("{}{}{end}", if absolute { "/" } else { "" }, parts.join("/"))
        })
}

fn node() -> impl Strategy<Value = Node> {
    prop_oneof![
        4 => (0..3u8).prop_map(Node::File),
        1 => (0..3u8).prop_map(Node::Executable),
        4 => path().prop_map(Node::Symlink),
        1 => Just(Node::Submodule),
        1 => Just(Node::Directory),
        2 => Just(Node::Gone),
    ]
}

fn look() -> impl Strategy<Value = Look> {
    prop_oneof![
        (prop_oneof![Just(String::new()), place()], path(), any::<bool>())
            .prop_map(|(base, path, follow)| Look::Resolve(base, path, follow)),
        path().prop_map(Look::Read),
        path().prop_map(Look::ReadLink),
        path().prop_map(Look::List),
    ]
}

fn planted(tree: MemoryTree, nodes: &[(String, Node)]) -> MemoryTree {
    nodes.iter().fold(tree, |tree, (path, node)| match node {
        Node::File(content) => tree.file(path, vec![*content]),
        Node::Executable(content) => tree.executable(path, vec![*content]),
        Node::Symlink(target) => tree.symlink(path, target),
        Node::Submodule => tree.submodule(path),
        Node::Directory => tree.directory(path),
        Node::Gone => tree.without(path),
    })
}

/// All answers of a renderer, with what they depended on.
fn run(tree: MemoryTree, script: &[Look]) -> (Vec<String>, Inputs) {
    let tree = traced(tree);
    let answer = |look: &Look| match look {
        Look::Resolve(base, path, follow) => {
            // A folder's id is none of the answer: it is never shown to a renderer.
            let answer = tree.resolve(base, path, *follow).map(|(path, entry)| {
                let shown = |entry: Entry| match entry.kind {
                    EntryKind::Directory | EntryKind::Submodule => (entry.kind, ObjectId([0; 20]), 0),
                    kind => (kind, entry.id, entry.size),
                };
                (path, entry.map(shown))
            });
            format!("{answer:?}")
        }
        Look::Read(path) => {
            format!("{:?}", tree.resolve("", path, true).and_then(|(path, _)| tree.read(&path)))
        }
        Look::ReadLink(path) => {
            format!("{:?}", tree.resolve("", path, false).and_then(|(path, _)| tree.read_link(&path)))
        }
        Look::List(path) => {
            format!("{:?}", tree.resolve("", path, true).and_then(|(path, _)| tree.list(&path)))
        }
    };
    (script.iter().map(answer).collect(), tree.inputs())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn unchanged_inputs_mean_the_same_answers(
        nodes in prop::collection::vec((place(), node()), 0..12),
        edits in prop::collection::vec((place(), node()), 0..3),
        script in prop::collection::vec(look(), 1..6),
    ) {
        let before = planted(MemoryTree::new(), &nodes);
        let after = planted(before.clone(), &edits);
        let (answers, inputs) = run(before.clone(), &script);
        prop_assert!(inputs.unchanged_in(&before).unwrap());
        let changes = Changes::between(&before, &after, 100).unwrap().unwrap();
        prop_assert!(changes.concern(&inputs) || inputs.unchanged_in(&after).unwrap(), "{:?}", changes);
        if inputs.unchanged_in(&after).unwrap() {
            prop_assert_eq!(answers, run(after, &script).0);
        }
    }

    #[test]
    fn edits_where_nobody_looked_change_nothing(
        nodes in prop::collection::vec((place(), node()), 0..12),
        edits in prop::collection::vec((place(), node()), 1..5),
        script in prop::collection::vec(look(), 1..6),
    ) {
        let before = planted(MemoryTree::new().file("elsewhere/keep", ""), &nodes);
        let moved: Vec<_> = edits.into_iter().map(|(path, node)| (format!("elsewhere/{path}"), node)).collect();
        let (_, inputs) = run(before.clone(), &script);
        let after = planted(before.clone(), &moved);
        prop_assert!(inputs.unchanged_in(&after).unwrap());
        let elsewhere = inputs.entries().all(|(path, _)| !path.starts_with("elsewhere"));
        let changes = Changes::between(&before, &after, 100).unwrap().unwrap();
        prop_assert!(!elsewhere || !changes.concern(&inputs), "{:?}", changes);
    }
}

#[test]
fn a_directory_that_could_not_be_listed_is_an_input_that_can_be_mended() {
    /// Holds a name that can't be shown.
    struct Refused(MemoryTree);

    impl Tree for Refused {
        fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
            self.0.entry(path)
        }
        fn list(&self, path: &str) -> Result<Vec<(String, EntryKind)>, TreeError> {
            Err(TreeError::Name { path: path.to_owned(), problem: "the entry `x`".to_owned() })
        }
        fn read(&self, path: &str) -> Result<Bytes, TreeError> {
            self.0.read(path)
        }
    }

    let tree = TracedTree::new(Arc::new(Refused(base())), TreeLimits::default());
    let (path, _) = tree.resolve("", "apps", true).unwrap();
    tree.list(&path).unwrap_err();
    assert!(!tree.inputs().unchanged_in(&base()).unwrap());
    assert!(tree.inputs().unchanged_in(&Refused(base())).is_err());
}
