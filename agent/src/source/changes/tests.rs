use sha2::{Digest, Sha256};

use super::*;
use crate::source::memory_tree::MemoryTree;
use crate::source::tree::Tree;

/// A folder's id is a digest of all that is below it, as Git's is.
fn id_of(tree: &MemoryTree, path: &str) -> ObjectId {
    let mut hasher = Sha256::new();
    for (name, kind) in tree.list(path).unwrap() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
        let id = match kind {
            EntryKind::Directory => id_of(tree, &path),
            _ => tree.entry(&path).unwrap().unwrap().id,
        };
        hasher.update(format!("{name} {kind:?} {id}\n"));
    }
    ObjectId(hasher.finalize()[..20].try_into().unwrap())
}

impl Compare for MemoryTree {
    fn children(&self, path: &str) -> Result<Children, TreeError> {
        let child = |(name, kind): (String, EntryKind)| {
            let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            let id = match kind {
                EntryKind::Directory => id_of(self, &path),
                _ => self.entry(&path).unwrap().unwrap().id,
            };
            Child { name, kind, id }
        };
        Ok(Children { entries: self.list(path)?.into_iter().map(child).collect(), refused: false })
    }
}

fn changed(old: &MemoryTree, new: &MemoryTree) -> Vec<String> {
    let changes = Changes::between(old, new, 100).unwrap().unwrap();
    let mut paths: Vec<_> =
        changes.by_path.iter().map(|(path, change)| format!("{change:?} {path}")).collect();
    paths.sort();
    paths
}

#[test]
fn what_changed_is_named_and_what_did_not_is_not() {
    let old = MemoryTree::new()
        .file("a/same.yaml", "1")
        .file("a/other.yaml", "1")
        .file("a/gone.yaml", "1")
        .file("b/c/deep.yaml", "1")
        .file("kind", "1");
    let new = old
        .clone()
        .file("a/other.yaml", "2")
        .without("a/gone.yaml")
        .file("b/c/new/file.yaml", "1")
        .executable("kind", "1");
    assert_eq!(
        changed(&old, &new),
        ["Content a/other.yaml", "Kind a/gone.yaml", "Kind b/c/new", "Kind kind"]
    );
    assert_eq!(changed(&old, &old), Vec::<String>::new());
}

#[test]
fn too_many_changes_are_not_listed() {
    let old = MemoryTree::new().file("a", "1").file("b", "1");
    let new = MemoryTree::new().file("a", "2").file("b", "2");
    assert!(Changes::between(&old, &new, 1).unwrap().is_none());
    assert!(Changes::between(&old, &new, 2).unwrap().is_some());
}
