//! `wasi:filesystem`: the traced tree at `/`, read-only. Every operation that
//! would write answers `read-only`.

use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource, flags};

use super::clocks::Datetime;
use super::descriptor::{self, Descriptor};
use super::directory::{self, DirectoryEntryStream};
use super::io::IoError;
use super::{Interface, State};
use crate::source::tree::{EntryKind, TreeError};

/// `error-code`, whole, since its cases are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[rustfmt::skip]
#[expect(dead_code, reason = "the numbering needs the cases that a read-only tree never answers")]
pub(super) enum ErrorCode {
    #[component(name = "access")] Access,
    #[component(name = "would-block")] WouldBlock,
    #[component(name = "already")] Already,
    #[component(name = "bad-descriptor")] BadDescriptor,
    #[component(name = "busy")] Busy,
    #[component(name = "deadlock")] Deadlock,
    #[component(name = "quota")] Quota,
    #[component(name = "exist")] Exist,
    #[component(name = "file-too-large")] FileTooLarge,
    #[component(name = "illegal-byte-sequence")] IllegalByteSequence,
    #[component(name = "in-progress")] InProgress,
    #[component(name = "interrupted")] Interrupted,
    #[component(name = "invalid")] Invalid,
    #[component(name = "io")] Io,
    #[component(name = "is-directory")] IsDirectory,
    #[component(name = "loop")] Loop,
    #[component(name = "too-many-links")] TooManyLinks,
    #[component(name = "message-size")] MessageSize,
    #[component(name = "name-too-long")] NameTooLong,
    #[component(name = "no-device")] NoDevice,
    #[component(name = "no-entry")] NoEntry,
    #[component(name = "no-lock")] NoLock,
    #[component(name = "insufficient-memory")] InsufficientMemory,
    #[component(name = "insufficient-space")] InsufficientSpace,
    #[component(name = "not-directory")] NotDirectory,
    #[component(name = "not-empty")] NotEmpty,
    #[component(name = "not-recoverable")] NotRecoverable,
    #[component(name = "unsupported")] Unsupported,
    #[component(name = "no-tty")] NoTty,
    #[component(name = "no-such-device")] NoSuchDevice,
    #[component(name = "overflow")] Overflow,
    #[component(name = "not-permitted")] NotPermitted,
    #[component(name = "pipe")] Pipe,
    #[component(name = "read-only")] ReadOnly,
    #[component(name = "invalid-seek")] InvalidSeek,
    #[component(name = "text-file-busy")] TextFileBusy,
    #[component(name = "cross-device")] CrossDevice,
}

impl From<TreeError> for ErrorCode {
    /// The tree remembers the whole story; see `TracedTree::failure`.
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::Outside { .. } | TreeError::Submodule { .. } => Self::NotPermitted,
            TreeError::SymlinkLoop { .. } => Self::Loop,
            TreeError::WrongKind { wanted: "a directory", .. } => Self::NotDirectory,
            TreeError::WrongKind { actual: "a directory", .. } => Self::IsDirectory,
            TreeError::WrongKind { .. } => Self::Invalid,
            TreeError::Limit { .. } => Self::FileTooLarge,
            TreeError::LfsPointer { .. } | TreeError::Name { .. } | TreeError::Unreadable { .. } => Self::Io,
        }
    }
}

/// `descriptor-type`.
#[derive(Clone, Copy, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[rustfmt::skip]
#[expect(dead_code, reason = "the numbering needs the kinds that Git does not know")]
pub(super) enum DescriptorType {
    #[component(name = "unknown")] Unknown,
    #[component(name = "block-device")] BlockDevice,
    #[component(name = "character-device")] CharacterDevice,
    #[component(name = "directory")] Directory,
    #[component(name = "fifo")] Fifo,
    #[component(name = "symbolic-link")] SymbolicLink,
    #[component(name = "regular-file")] RegularFile,
    #[component(name = "socket")] Socket,
}

impl From<EntryKind> for DescriptorType {
    fn from(kind: EntryKind) -> Self {
        match kind {
            EntryKind::File | EntryKind::Executable => Self::RegularFile,
            // A checkout without its submodules has empty directories in their places.
            EntryKind::Directory | EntryKind::Submodule => Self::Directory,
            EntryKind::Symlink => Self::SymbolicLink,
        }
    }
}

flags! {
    DescriptorFlags {
        #[component(name = "read")]
        const READ;
        #[component(name = "write")]
        const WRITE;
        #[component(name = "file-integrity-sync")]
        const FILE_INTEGRITY_SYNC;
        #[component(name = "data-integrity-sync")]
        const DATA_INTEGRITY_SYNC;
        #[component(name = "requested-write-sync")]
        const REQUESTED_WRITE_SYNC;
        #[component(name = "mutate-directory")]
        const MUTATE_DIRECTORY;
    }
}

flags! {
    PathFlags {
        #[component(name = "symlink-follow")]
        const SYMLINK_FOLLOW;
    }
}

flags! {
    OpenFlags {
        #[component(name = "create")]
        const CREATE;
        #[component(name = "directory")]
        const DIRECTORY;
        #[component(name = "exclusive")]
        const EXCLUSIVE;
        #[component(name = "truncate")]
        const TRUNCATE;
    }
}

/// `descriptor-stat`.
#[derive(ComponentType, Lift, Lower)]
#[component(record)]
pub(super) struct DescriptorStat {
    #[component(name = "type")]
    pub(super) kind: DescriptorType,
    #[component(name = "link-count")]
    pub(super) link_count: u64,
    pub(super) size: u64,
    #[component(name = "data-access-timestamp")]
    pub(super) data_access_timestamp: Option<Datetime>,
    #[component(name = "data-modification-timestamp")]
    pub(super) data_modification_timestamp: Option<Datetime>,
    #[component(name = "status-change-timestamp")]
    pub(super) status_change_timestamp: Option<Datetime>,
}

/// `new-timestamp`.
#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
pub(super) enum NewTimestamp {
    #[component(name = "no-change")]
    NoChange,
    #[component(name = "now")]
    Now,
    #[component(name = "timestamp")]
    Timestamp(Datetime),
}

/// `advice`.
#[derive(Clone, Copy, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[rustfmt::skip]
#[expect(dead_code, reason = "read off the wire, then ignored")]
pub(super) enum Advice {
    #[component(name = "normal")] Normal,
    #[component(name = "sequential")] Sequential,
    #[component(name = "random")] Random,
    #[component(name = "will-need")] WillNeed,
    #[component(name = "dont-need")] DontNeed,
    #[component(name = "no-reuse")] NoReuse,
}

/// `metadata-hash-value`.
#[derive(ComponentType, Lift, Lower)]
#[component(record)]
pub(super) struct MetadataHashValue {
    pub(super) lower: u64,
    pub(super) upper: u64,
}

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut types = Interface::open(linker, "filesystem/types")?;
    types.resource::<Descriptor>("descriptor")?;
    types.resource::<DirectoryEntryStream>("directory-entry-stream")?;
    descriptor::add_reading(&mut types)?;
    descriptor::add_writing(&mut types)?;
    directory::add_paths(&mut types)?;
    directory::add_entries(&mut types)?;
    types.function("filesystem-error-code", |renderer, (error,): (Resource<IoError>,)| {
        Ok(renderer.table.get(&error)?.code)
    })?;

    let mut preopens = Interface::open(linker, "filesystem/preopens")?;
    preopens.function("get-directories", |renderer, ()| {
        let root = renderer.table.push(Descriptor::root())?;
        Ok(vec![(root, "/".to_owned())])
    })
}
