use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;

use super::*;
use crate::source::worktree::locate_root;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    fs::create_dir_all(at("apps/x")).unwrap();
    fs::create_dir_all(at(".git")).unwrap();
    fs::create_dir_all(at("vendor/.git")).unwrap();
    fs::write(at("apps/x/a.yaml"), "hello\n").unwrap();
    fs::write(at("run.sh"), "").unwrap();
    fs::set_permissions(at("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("apps/x", at("link")).unwrap();
    symlink("/etc/passwd", at("outside")).unwrap();
    folder
}

#[test]
fn entries_have_the_kinds_and_ids_that_git_gives() {
    let folder = folder();
    let tree = FolderTree::open(folder.path()).unwrap();
    let file = tree.entry("apps/x/a.yaml").unwrap().unwrap();
    assert_eq!(file.kind, EntryKind::File);
    assert_eq!(file.id.to_string(), "ce013625030ba8dba906f756967f9e9ca394464a");
    assert_eq!(file.size, 6);
    assert_eq!(tree.entry("run.sh").unwrap().unwrap().kind, EntryKind::Executable);
    assert_eq!(tree.entry("link").unwrap().unwrap().id, ObjectId::of_blob(b"apps/x"));
    assert_eq!(tree.entry("vendor").unwrap().unwrap().kind, EntryKind::Submodule);
    assert_eq!(tree.entry("").unwrap().unwrap().kind, EntryKind::Directory);
    assert_eq!(tree.entry("nothing").unwrap(), None);
    assert_eq!(tree.entry("run.sh/x").unwrap(), None);
}

#[test]
fn listing_is_sorted_and_hides_gits_own_folder() {
    let folder = folder();
    let _socket = UnixListener::bind(folder.path().join("socket")).unwrap();
    let tree = FolderTree::open(folder.path()).unwrap();
    let names: Vec<_> = tree.list("").unwrap();
    let expected = [
        ("apps", EntryKind::Directory),
        ("link", EntryKind::Symlink),
        ("outside", EntryKind::Symlink),
        ("run.sh", EntryKind::Executable),
        ("vendor", EntryKind::Submodule),
    ];
    assert_eq!(names, expected.map(|(name, kind)| (name.to_owned(), kind)));
    assert_eq!(tree.entry(".git").unwrap(), None);
    assert_eq!(tree.entry(".GIT/config").unwrap(), None);
    assert!(matches!(tree.entry("socket"), Err(TreeError::Unreadable { .. })));
}

#[test]
fn symlinks_are_entries_and_are_never_followed() {
    let folder = folder();
    let tree = FolderTree::open(folder.path()).unwrap();
    assert_eq!(tree.entry("link/a.yaml").unwrap(), None);
    assert_eq!(tree.read("outside").unwrap(), "/etc/passwd");
    assert!(matches!(tree.list("link"), Err(TreeError::WrongKind { .. })));
    assert!(matches!(tree.list("vendor"), Err(TreeError::Submodule { .. })));
    assert!(matches!(tree.read("apps"), Err(TreeError::WrongKind { .. })));
}

#[test]
fn changed_file_gets_another_id() {
    let folder = folder();
    let tree = FolderTree::open(folder.path()).unwrap();
    let before = tree.entry("apps/x/a.yaml").unwrap().unwrap();
    fs::write(folder.path().join("apps/x/a.yaml"), "other, longer\n").unwrap();
    let after = tree.entry("apps/x/a.yaml").unwrap().unwrap();
    assert_ne!(before.id, after.id);
    assert_eq!(after.id, ObjectId::of_blob(b"other, longer\n"));
}

#[test]
fn root_is_the_nearest_folder_with_a_repository() {
    let folder = folder();
    let root = folder.path().canonicalize().unwrap();
    assert_eq!(locate_root(&folder.path().join("apps/x")).unwrap(), (root.clone(), "apps/x".to_owned()));
    assert_eq!(
        locate_root(&folder.path().join("apps/x/a.yaml")).unwrap(),
        (root.clone(), "apps/x/a.yaml".to_owned())
    );
    assert_eq!(locate_root(folder.path()).unwrap(), (root.clone(), String::new()));
    assert_eq!(locate_root(&folder.path().join("vendor")).unwrap(), (root.join("vendor"), String::new()));
    assert!(locate_root(&folder.path().join("missing")).is_err());
}

#[test]
fn folder_outside_of_any_repository_is_its_own_root() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), "").unwrap();
    let root = folder.path().canonicalize().unwrap();
    assert_eq!(locate_root(folder.path()).unwrap(), (root.clone(), String::new()));
    assert_eq!(locate_root(&folder.path().join("a.yaml")).unwrap(), (root, "a.yaml".to_owned()));
}
