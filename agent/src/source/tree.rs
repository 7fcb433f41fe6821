//! A read-only tree of files: one commit in Git's object database, or a local
//! folder. Paths are relative to the root, `/`-separated, without a leading
//! slash, and already normalised: no empty part, no `.` and no `..`. The root
//! is the empty path. Nothing here follows a symlink.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Answers look-ups. Implementations are cheap to call repeatedly and are
/// shared between threads.
pub trait Tree: Send + Sync {
    /// The entry at `path`, or `None` where nothing is. A path that leads
    /// through something that is not a directory has no entry.
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError>;

    /// The names and kinds in the directory at `path`, in byte order.
    fn list(&self, path: &str) -> Result<Vec<(String, EntryKind)>, TreeError>;

    /// Git's id of the whole tree, where it has one.
    fn id(&self) -> Option<ObjectId> {
        None
    }

    /// The content of the file or the target of the symlink at `path`.
    fn read(&self, path: &str) -> Result<Bytes, TreeError>;
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What kind of thing it is.
    pub kind: EntryKind,
    /// Git's object id of the blob, tree or commit.
    pub id: ObjectId,
    /// Size of the content in bytes; 0 for directories and submodules.
    pub size: u64,
}

/// A Git object id (SHA-1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectId(pub [u8; 20]);

impl ObjectId {
    /// The id that Git gives a file, or a symlink's target, of this content.
    pub fn of_blob(content: &[u8]) -> Self {
        // Only a detected SHA-1 collision has no id: content made to deceive, which is nobody's.
        gix::objs::compute_hash(gix::hash::Kind::Sha1, gix::objs::Kind::Blob, content)
            .map_or(Self([0xff; 20]), Self::from)
    }
}

impl From<gix::ObjectId> for ObjectId {
    /// Of another kind than SHA-1 only the first 20 bytes, which never occurs: gix is built without other kinds.
    fn from(id: gix::ObjectId) -> Self {
        let mut bytes = [0; 20];
        for (to, from) in bytes.iter_mut().zip(id.as_slice()) {
            *to = *from;
        }
        Self(bytes)
    }
}

impl From<ObjectId> for gix::ObjectId {
    fn from(id: ObjectId) -> Self {
        Self::Sha1(id.0)
    }
}

/// Forty hexadecimal digits.
impl std::str::FromStr for ObjectId {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 20];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for ObjectId {
    type Error = hex::FromHexError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ObjectId> for String {
    fn from(id: ObjectId) -> Self {
        id.to_string()
    }
}

impl std::fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl std::fmt::Display for ObjectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The kinds of tree entries that Git knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    /// An ordinary file.
    File,
    /// A file with the executable bit.
    Executable,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A commit of another repository.
    Submodule,
}

/// Why a look-up failed. "Nothing is there" is not an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// The path, or a symlink on it, leads out of the tree.
    #[error("`{path}` leads outside of the repository")]
    Outside {
        /// The path as it was asked for.
        path: String,
    },
    /// More symlinks in a row than allowed.
    #[error("`{path}` goes through more than {limit} symlinks")]
    SymlinkLoop {
        /// The path as it was asked for.
        path: String,
        /// The limit.
        limit: u32,
    },
    /// The operation does not fit the kind of entry.
    #[error("`{path}` is {actual}, not {wanted}")]
    WrongKind {
        /// The path.
        path: String,
        /// What was asked for, with its article.
        wanted: &'static str,
        /// What is there, with its article.
        actual: &'static str,
    },
    /// The content is in another repository.
    #[error("`{path}` is in a submodule, which is not fetched")]
    Submodule {
        /// The path.
        path: String,
    },
    /// The content is in Git LFS.
    #[error("`{path}` is a Git LFS pointer, whose content is not fetched")]
    LfsPointer {
        /// The path.
        path: String,
    },
    /// A bound was exceeded.
    #[error("{what} exceeds the limit of {limit} ({setting})")]
    Limit {
        /// What was too large or too many, with its place.
        what: String,
        /// The limit.
        limit: u64,
        /// The setting that raises it.
        setting: &'static str,
    },
    /// A folder holds a name that can't be told to anybody, so that it can't be listed.
    #[error("`{path}` holds {problem}")]
    Name {
        /// The folder.
        path: String,
        /// Which entry, and what is wrong with its name.
        problem: String,
    },
    /// The object database could not answer: never the same as "nothing there".
    #[error("read `{path}`: {problem}")]
    Unreadable {
        /// The path.
        path: String,
        /// What the database said.
        problem: String,
    },
}

/// The error of a look-up that needs `wanted` and found something else.
pub(crate) fn wrong_kind(path: &str, wanted: &'static str, actual: Option<EntryKind>) -> TreeError {
    let actual = match actual {
        None => "missing",
        Some(EntryKind::File | EntryKind::Executable) => "a file",
        Some(EntryKind::Directory) => "a directory",
        Some(EntryKind::Symlink) => "a symlink",
        Some(EntryKind::Submodule) => "a submodule",
    };
    TreeError::WrongKind { path: path.to_owned(), wanted, actual }
}

pub(crate) fn missing(path: &str) -> TreeError {
    wrong_kind(path, "a file", None)
}
