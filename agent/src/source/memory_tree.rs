//! A tree in memory, for tests and for manifests that come from elsewhere.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::tree::{Entry, EntryKind, ObjectId, Tree, TreeError, missing, wrong_kind};

/// Files by path. The folders are those that the paths name.
#[derive(Clone, Debug, Default)]
pub struct MemoryTree {
    nodes: BTreeMap<String, (EntryKind, Bytes)>,
}

impl MemoryTree {
    /// A tree with nothing but its root.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a file.
    #[must_use]
    pub fn file(self, path: &str, content: impl Into<Bytes>) -> Self {
        self.with(path, EntryKind::File, content)
    }

    /// With an executable file.
    #[must_use]
    pub fn executable(self, path: &str, content: impl Into<Bytes>) -> Self {
        self.with(path, EntryKind::Executable, content)
    }

    /// With a symlink.
    #[must_use]
    pub fn symlink(self, path: &str, target: &str) -> Self {
        self.with(path, EntryKind::Symlink, target.to_owned())
    }

    /// With a submodule.
    #[must_use]
    pub fn submodule(self, path: &str) -> Self {
        self.with(path, EntryKind::Submodule, Bytes::new())
    }

    /// With an empty folder, which Git can't hold but a local folder can.
    #[must_use]
    pub fn directory(self, path: &str) -> Self {
        self.with(path, EntryKind::Directory, Bytes::new())
    }

    /// Without what stands at and below a path.
    #[must_use]
    pub fn without(mut self, path: &str) -> Self {
        let is_below =
            |node: &str| node.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.nodes.retain(|node, _| !is_below(node));
        self
    }

    fn with(mut self, path: &str, kind: EntryKind, content: impl Into<Bytes>) -> Self {
        self.nodes.insert(path.to_owned(), (kind, content.into()));
        self
    }

    /// What stands at `path` unless something that is no folder is on the way.
    fn kind(&self, path: &str) -> Option<EntryKind> {
        let leads_through_file = path.match_indices('/').any(|(end, _)| {
            self.nodes.get(&path[..end]).is_some_and(|(kind, _)| *kind != EntryKind::Directory)
        });
        if leads_through_file {
            return None;
        }
        if let Some((kind, _)) = self.nodes.get(path) {
            return Some(*kind);
        }
        let is_directory = path.is_empty() || self.below(path).next().is_some();
        is_directory.then_some(EntryKind::Directory)
    }

    /// What is below the folder at `path`, with the rest of its path.
    fn below<'a>(&'a self, path: &str) -> impl Iterator<Item = (&'a str, EntryKind)> + use<'a> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        self.nodes
            .range(prefix.clone()..)
            .take_while({
                let prefix = prefix.clone();
                move |(path, _)| path.starts_with(&prefix)
            })
            .map(move |(path, (kind, _))| (&path[prefix.len()..], *kind))
    }
}

impl Tree for MemoryTree {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        Ok(self.kind(path).map(|kind| match self.nodes.get(path) {
            Some((_, content)) if !matches!(kind, EntryKind::Directory | EntryKind::Submodule) => {
                Entry { kind, id: ObjectId::of_blob(content), size: content.len() as u64 }
            }
            _ => Entry { kind, id: ObjectId([0; 20]), size: 0 },
        }))
    }

    fn list(&self, path: &str) -> Result<Vec<(String, EntryKind)>, TreeError> {
        match self.kind(path) {
            Some(EntryKind::Directory) => {}
            Some(EntryKind::Submodule) => return Err(TreeError::Submodule { path: path.to_owned() }),
            other => return Err(wrong_kind(path, "a directory", other)),
        }
        let mut names = BTreeMap::new();
        for (rest, kind) in self.below(path) {
            match rest.split_once('/') {
                Some((name, _)) => names.entry(name.to_owned()).or_insert(EntryKind::Directory),
                None => names.entry(rest.to_owned()).or_insert(kind),
            };
        }
        Ok(names.into_iter().collect())
    }

    fn read(&self, path: &str) -> Result<Bytes, TreeError> {
        match (self.kind(path), self.nodes.get(path)) {
            (Some(EntryKind::Submodule), _) => Err(TreeError::Submodule { path: path.to_owned() }),
            (Some(EntryKind::Directory), _) => Err(wrong_kind(path, "a file", Some(EntryKind::Directory))),
            (Some(_), Some((_, content))) => Ok(content.clone()),
            _ => Err(missing(path)),
        }
    }
}
