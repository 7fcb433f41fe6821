//! A local folder seen as a tree, for the command line.
//!
//! Shows what Git would see of it: `.git` is hidden, a nested repository is a
//! submodule, and what is neither file, folder nor symlink is not there. All
//! access goes through a handle of the folder that can't be left.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Mutex;
use std::time::SystemTime;

use bytes::Bytes;
use cap_std::fs::{Dir, Metadata, MetadataExt as _};

use super::git_tree::{DEPTH, is_dot_git};
use super::tree::{Entry, EntryKind, ObjectId, Tree, TreeError, missing, wrong_kind};
use crate::lock::lock;

/// How many entries one folder may have.
const FOLDER_ENTRIES: usize = 50_000;
/// The largest file whose content is looked at.
const FILE_BYTES: u64 = 256 << 20;
/// How many files' ids are kept.
const KEPT_IDS: usize = 20_000;

/// A folder on disk. Directories and submodules have an id of zeros, since
/// Git gives them one only when they are committed.
pub struct FolderTree {
    root: Dir,
    /// The ids of files by path, with the stamp they had.
    ids: Mutex<HashMap<String, (Stamp, ObjectId)>>,
}

/// What changes when a file does.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    bytes: u64,
    modified: Option<SystemTime>,
}

impl FolderTree {
    /// Opens the folder at `path`.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let root = Dir::open_ambient_dir(path, cap_std::ambient_authority())?;
        Ok(Self { root, ids: Mutex::default() })
    }

    /// The kind and metadata at `path`, none of whose folders may be a symlink.
    fn find(&self, path: &str) -> Result<Option<(EntryKind, Metadata)>, TreeError> {
        if path.is_empty() {
            let metadata = self.root.dir_metadata().map_err(|error| unreadable(path, &error))?;
            return Ok(Some((EntryKind::Directory, metadata)));
        }
        if path.split('/').count() > DEPTH {
            let what = "the depth of a path in folders".to_owned();
            return Err(TreeError::Limit { what, limit: DEPTH as u64, setting: "fixed" });
        }
        let mut found = None;
        for (end, _) in path.match_indices('/').chain([(path.len(), "")]) {
            if found.as_ref().is_some_and(|(kind, _)| *kind != EntryKind::Directory) {
                return Ok(None);
            }
            found = self.look(path.get(..end).unwrap_or_default())?;
            if found.is_none() {
                return Ok(None);
            }
        }
        Ok(found)
    }

    fn look(&self, path: &str) -> Result<Option<(EntryKind, Metadata)>, TreeError> {
        if is_dot_git(path.rsplit('/').next().unwrap_or_default()) {
            return Ok(None);
        }
        let metadata = match self.root.symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(unreadable(path, &error)),
        };
        let kind = if metadata.is_symlink() {
            EntryKind::Symlink
        } else if metadata.is_dir() {
            match self.root.symlink_metadata(format!("{path}/.git")) {
                Ok(_) => EntryKind::Submodule,
                Err(error) if error.kind() == io::ErrorKind::NotFound => EntryKind::Directory,
                Err(error) => return Err(unreadable(path, &error)),
            }
        } else if metadata.is_file() {
            if metadata.mode() & 0o100 == 0 { EntryKind::File } else { EntryKind::Executable }
        } else {
            return Err(unreadable(path, &io::Error::other("it is neither a file, a folder nor a symlink")));
        };
        Ok(Some((kind, metadata)))
    }

    fn content(&self, path: &str, kind: EntryKind) -> Result<Vec<u8>, TreeError> {
        if kind == EntryKind::Symlink {
            let target = self.root.read_link_contents(path).map_err(|error| unreadable(path, &error))?;
            return Ok(target.into_os_string().into_encoded_bytes());
        }
        let file = self.root.open(path).map_err(|error| unreadable(path, &error))?;
        let mut content = Vec::new();
        file.take(FILE_BYTES + 1).read_to_end(&mut content).map_err(|error| unreadable(path, &error))?;
        if content.len() as u64 > FILE_BYTES {
            return Err(TreeError::Limit {
                what: format!("the size of `{path}` in bytes"),
                limit: FILE_BYTES,
                setting: "fixed",
            });
        }
        Ok(content)
    }

    /// The id and size of the file or symlink at `path`.
    fn identify(
        &self,
        path: &str,
        kind: EntryKind,
        metadata: &Metadata,
    ) -> Result<(ObjectId, u64), TreeError> {
        let stamp = Stamp {
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: metadata.modified().ok().map(cap_std::time::SystemTime::into_std),
        };
        let mut ids = lock(&self.ids);
        if let Some((known, id)) = ids.get(path).filter(|(known, _)| *known == stamp) {
            return Ok((*id, known.bytes));
        }
        let content = self.content(path, kind)?;
        let id = ObjectId::of_blob(&content);
        if ids.len() >= KEPT_IDS {
            ids.clear();
        }
        ids.insert(path.to_owned(), (stamp, id));
        Ok((id, content.len() as u64))
    }
}

impl Tree for FolderTree {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        let Some((kind, metadata)) = self.find(path)? else { return Ok(None) };
        let (id, size) = match kind {
            EntryKind::Directory | EntryKind::Submodule => (ObjectId([0; 20]), 0),
            _ => self.identify(path, kind, &metadata)?,
        };
        Ok(Some(Entry { kind, id, size }))
    }

    fn list(&self, path: &str) -> Result<Vec<(String, EntryKind)>, TreeError> {
        match self.find(path)?.map(|(kind, _)| kind) {
            Some(EntryKind::Directory) => {}
            Some(EntryKind::Submodule) => return Err(TreeError::Submodule { path: path.to_owned() }),
            other => return Err(wrong_kind(path, "a directory", other)),
        }
        let failed = |error: io::Error| unreadable(path, &error);
        let entries = if path.is_empty() { self.root.entries() } else { self.root.read_dir(path) };
        let mut names = Vec::new();
        for entry in entries.map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().into_string().map_err(|name| TreeError::Name {
                path: if path.is_empty() { "/".to_owned() } else { path.to_owned() },
                problem: format!("the entry `{}`, which has a name that is not UTF-8", name.display()),
            })?;
            let kind = entry.file_type().map_err(failed)?;
            // What Git can't hold, the agent will not see either.
            if is_dot_git(&name) || !(kind.is_file() || kind.is_dir() || kind.is_symlink()) {
                continue;
            }
            let inner = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            if let Some((kind, _)) = self.look(&inner)? {
                names.push((name, kind));
            }
            if names.len() > FOLDER_ENTRIES {
                return Err(TreeError::Limit {
                    what: format!("the number of entries in `{path}`"),
                    limit: FOLDER_ENTRIES as u64,
                    setting: "fixed",
                });
            }
        }
        names.sort();
        Ok(names)
    }

    fn read(&self, path: &str) -> Result<Bytes, TreeError> {
        match self.find(path)?.map(|(kind, _)| kind) {
            Some(kind @ (EntryKind::File | EntryKind::Executable | EntryKind::Symlink)) => {
                self.content(path, kind).map(Bytes::from)
            }
            Some(EntryKind::Submodule) => Err(TreeError::Submodule { path: path.to_owned() }),
            Some(kind) => Err(wrong_kind(path, "a file", Some(kind))),
            None => Err(missing(path)),
        }
    }
}

fn unreadable(path: &str, error: &io::Error) -> TreeError {
    let path = if path.is_empty() { "/" } else { path };
    TreeError::Unreadable { path: path.to_owned(), problem: error.to_string() }
}

#[cfg(test)]
mod tests;
