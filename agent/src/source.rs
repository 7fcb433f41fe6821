//! Polls Git remotes and opens their commits as read-only trees.
//!
//! Takes a Repository's address, ref and credentials; gives a [`Revision`] and
//! a [`tree::Tree`] of it. Never checks anything out, never writes to Git.

pub(crate) mod changes;
mod error;
pub mod folder_tree;
pub mod git_tree;
pub mod memory_tree;
mod object_store;
pub mod remote;
pub mod trace;
pub mod tree;
pub mod worktree;

pub use error::SourceError;
use tree::ObjectId;

/// One commit of a Repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The commit's id.
    pub commit: ObjectId,
    /// The id of its root tree.
    pub tree: ObjectId,
    /// Committer time, in seconds since the Unix epoch.
    pub time: i64,
    /// `Name <address>` of the author, without control characters.
    pub author: String,
    /// First line of the message, without control characters.
    pub subject: String,
}
