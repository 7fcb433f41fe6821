//! One commit's tree, read from Git's object database.
//!
//! Nothing is checked out. Names that could mean something else to a file
//! system or to Git are refused, and so are folders that are too large.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gix::bstr::ByteSlice;
use gix::objs::Kind;
use gix::objs::tree::EntryKind as GitKind;

use super::changes::{Child, Children, Compare};
use super::object_store::ObjectStore;
use super::tree::{Entry, EntryKind, ObjectId, Tree, TreeError, missing, wrong_kind};
use crate::lock::lock;

/// How deep a path may lead.
pub(crate) const DEPTH: usize = 64;
/// How many entries one folder may have.
const FOLDER_ENTRIES: usize = 50_000;
const FOLDER_BYTES: u64 = 16 << 20;
/// The longest name and path in bytes, as Linux has them.
const NAME_BYTES: usize = 255;
const PATH_BYTES: usize = 4096;
/// How many entries the folders that are kept may have together.
const KEPT_ENTRIES: usize = 100_000;

/// The tree of one commit. Holds its repository on disk for as long as it lives.
pub struct GitTree {
    store: Arc<ObjectStore>,
    root: ObjectId,
    /// Largest object in bytes.
    object_bytes: u64,
    folders: Mutex<Folders>,
}

#[derive(Default)]
struct Folders {
    by_id: HashMap<ObjectId, Arc<Folder>>,
    entries: usize,
}

/// One folder with its names in byte order.
struct Folder {
    entries: Vec<(String, EntryKind, ObjectId)>,
    /// The first name that can't be shown: the folder can't be listed, while its other names can be looked up.
    refused: Option<String>,
}

impl GitTree {
    pub(crate) fn new(store: Arc<ObjectStore>, root: ObjectId, object_bytes: u64) -> Self {
        Self { store, root, object_bytes, folders: Mutex::default() }
    }

    fn folder(&self, id: ObjectId, path: &str) -> Result<Arc<Folder>, TreeError> {
        if let Some(folder) = lock(&self.folders).by_id.get(&id) {
            return Ok(folder.clone());
        }
        let content =
            self.store.read(id, Kind::Tree, FOLDER_BYTES).map_err(|problem| unreadable(path, problem))?;
        let folder = Arc::new(parse(&content, path)?);
        let mut folders = lock(&self.folders);
        if folders.entries + folder.entries.len() > KEPT_ENTRIES {
            *folders = Folders::default();
        }
        if folders.by_id.insert(id, folder.clone()).is_none() {
            folders.entries += folder.entries.len() + 1;
        }
        Ok(folder)
    }

    fn find(&self, path: &str) -> Result<Option<(EntryKind, ObjectId)>, TreeError> {
        if path.len() > PATH_BYTES || path.bytes().filter(|byte| *byte == b'/').count() >= DEPTH {
            let shown = path.chars().take(100).collect::<String>();
            return Err(TreeError::Limit {
                what: format!("the depth or length of the path `{shown}…`"),
                limit: DEPTH as u64,
                setting: "fixed: 64 folders, 4096 bytes",
            });
        }
        let mut found = (EntryKind::Directory, self.root);
        let mut walked = 0;
        for name in path.split('/').filter(|_| !path.is_empty()) {
            if found.0 != EntryKind::Directory {
                return Ok(None);
            }
            let folder = self.folder(found.1, path.get(..walked).unwrap_or_default())?;
            let Ok(index) = folder.entries.binary_search_by(|(known, ..)| known.as_str().cmp(name)) else {
                return Ok(None);
            };
            let Some((_, kind, id)) = folder.entries.get(index) else { return Ok(None) };
            found = (*kind, *id);
            walked += name.len() + usize::from(walked > 0);
        }
        Ok(Some(found))
    }
}

impl Tree for GitTree {
    fn id(&self) -> Option<ObjectId> {
        Some(self.root)
    }

    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        let Some((kind, id)) = self.find(path)? else { return Ok(None) };
        let size = match kind {
            EntryKind::Directory | EntryKind::Submodule => 0,
            _ => {
                let size = self.store.size(id).map_err(|problem| unreadable(path, problem))?;
                size.ok_or_else(|| unreadable(path, format!("object {id} is missing")))?
            }
        };
        Ok(Some(Entry { kind, id, size }))
    }

    fn list(&self, path: &str) -> Result<Vec<(String, EntryKind)>, TreeError> {
        match self.find(path)? {
            Some((EntryKind::Directory, id)) => {
                let folder = self.folder(id, path)?;
                if let Some(refused) = &folder.refused {
                    let path = if path.is_empty() { "/" } else { path };
                    return Err(TreeError::Name { path: path.to_owned(), problem: refused.clone() });
                }
                Ok(folder.entries.iter().map(|(name, kind, _)| (name.clone(), *kind)).collect())
            }
            Some((EntryKind::Submodule, _)) => Err(TreeError::Submodule { path: path.to_owned() }),
            other => Err(wrong_kind(path, "a directory", other.map(|(kind, _)| kind))),
        }
    }

    fn read(&self, path: &str) -> Result<Bytes, TreeError> {
        match self.find(path)? {
            Some((EntryKind::File | EntryKind::Executable | EntryKind::Symlink, id)) => self
                .store
                .read(id, Kind::Blob, self.object_bytes)
                .map(Bytes::from)
                .map_err(|problem| unreadable(path, problem)),
            Some((EntryKind::Submodule, _)) => Err(TreeError::Submodule { path: path.to_owned() }),
            Some((kind, _)) => Err(wrong_kind(path, "a file", Some(kind))),
            None => Err(missing(path)),
        }
    }
}

impl Compare for GitTree {
    fn children(&self, path: &str) -> Result<Children, TreeError> {
        let Some((EntryKind::Directory, id)) = self.find(path)? else {
            return Err(wrong_kind(path, "a directory", None));
        };
        let folder = self.folder(id, path)?;
        let child = |(name, kind, id): &(String, EntryKind, ObjectId)| Child {
            name: name.clone(),
            kind: *kind,
            id: *id,
        };
        Ok(Children {
            entries: folder.entries.iter().map(child).collect(),
            refused: folder.refused.is_some(),
        })
    }
}

fn parse(content: &[u8], path: &str) -> Result<Folder, TreeError> {
    let mut folder = Folder { entries: Vec::new(), refused: None };
    for (count, entry) in gix::objs::TreeRefIter::from_bytes(content, gix::hash::Kind::Sha1).enumerate() {
        if count >= FOLDER_ENTRIES {
            let shown = if path.is_empty() { "the root folder" } else { path };
            return Err(TreeError::Limit {
                what: format!("the number of entries in `{shown}`"),
                limit: FOLDER_ENTRIES as u64,
                setting: "fixed",
            });
        }
        let entry = entry.map_err(|error| unreadable(path, format!("its tree is damaged: {error}")))?;
        let kind = match entry.mode.kind() {
            GitKind::Tree => EntryKind::Directory,
            GitKind::Blob => EntryKind::File,
            GitKind::BlobExecutable => EntryKind::Executable,
            GitKind::Link => EntryKind::Symlink,
            GitKind::Commit => EntryKind::Submodule,
        };
        match accepted(entry.filename) {
            Ok(name) => folder.entries.push((name.to_owned(), kind, ObjectId::from(entry.oid.to_owned()))),
            Err(problem) => {
                let name = super::error::plain(&entry.filename.to_str_lossy(), 100);
                folder.refused.get_or_insert(format!("the entry `{name}`, which {problem}"));
            }
        }
    }
    folder.entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    if let Some(pair) = folder.entries.windows(2).find(|pair| matches!(pair, [a, b] if a.0 == b.0)) {
        let name = pair.first().map_or("", |(name, ..)| name);
        return Err(unreadable(path, format!("it holds two entries `{name}`")));
    }
    Ok(folder)
}

/// The name as text, or what is wrong with it.
fn accepted(name: &[u8]) -> Result<&str, &'static str> {
    let text = std::str::from_utf8(name).map_err(|_| "has a name that is not UTF-8")?;
    if text.is_empty() {
        return Err("has no name");
    }
    if text.len() > NAME_BYTES {
        return Err("has a name of more than 255 bytes");
    }
    if matches!(text, "." | "..") || text.contains(['/', '\\']) {
        return Err("has a name that leads elsewhere");
    }
    if text.chars().any(char::is_control) {
        return Err("has a control character in its name");
    }
    if is_dot_git(text) {
        return Err("has the name of Git's own folder");
    }
    Ok(text)
}

/// `.git` as some file system would take it: in any case, with characters that
/// macOS ignores, or by its short name on Windows.
pub(crate) fn is_dot_git(name: &str) -> bool {
    let is_ignored = |c: &char| matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    let plain: String = name.chars().filter(|c| !is_ignored(c)).collect();
    plain.eq_ignore_ascii_case(".git") || plain.eq_ignore_ascii_case("git~1")
}

fn unreadable(path: &str, problem: String) -> TreeError {
    let path = if path.is_empty() { "/" } else { path };
    TreeError::Unreadable { path: path.to_owned(), problem }
}

#[cfg(test)]
mod tests;
