//! The open files of one call.

use bytes::Bytes;

use super::errno::Errno;
use crate::source::tree::EntryKind;

/// The most files that are open at once.
const OPEN_LIMIT: usize = 1024;

/// The descriptor of the root directory, the only one that is open from the
/// start besides the standard streams.
pub(super) const ROOT: u32 = 3;

/// The descriptors of one call, by number.
#[derive(Debug)]
pub(crate) struct FileTable {
    open: Vec<Option<Descriptor>>,
}

/// What a descriptor stands for.
#[derive(Debug)]
pub(super) enum Descriptor {
    Stdin,
    Stdout,
    Stderr,
    Directory(Directory),
    File(OpenFile),
}

/// A directory of the tree.
#[derive(Debug)]
pub(super) struct Directory {
    /// Its path in the tree.
    pub(super) path: String,
    /// What it holds, once it was asked for.
    pub(super) listing: Option<Vec<(String, EntryKind)>>,
}

/// A file of the tree.
#[derive(Debug)]
pub(super) struct OpenFile {
    /// Its path in the tree.
    pub(super) path: String,
    /// Its size in bytes.
    pub(super) size: u64,
    /// Its content, once it was asked for.
    pub(super) content: Option<Bytes>,
    /// Where the next read begins.
    pub(super) position: u64,
}

impl Default for FileTable {
    fn default() -> Self {
        let root = Directory { path: String::new(), listing: None };
        Self {
            open: vec![
                Some(Descriptor::Stdin),
                Some(Descriptor::Stdout),
                Some(Descriptor::Stderr),
                Some(Descriptor::Directory(root)),
            ],
        }
    }
}

impl FileTable {
    /// The descriptor with this number.
    pub(super) fn get(&mut self, fd: u32) -> Result<&mut Descriptor, Errno> {
        self.open.get_mut(fd as usize).and_then(Option::as_mut).ok_or(Errno::BADF)
    }

    /// The path of the directory with this number.
    pub(super) fn directory(&mut self, fd: u32) -> Result<&str, Errno> {
        match self.get(fd)? {
            Descriptor::Directory(directory) => Ok(&directory.path),
            _ => Err(Errno::NOTDIR),
        }
    }

    /// Gives `descriptor` the lowest free number above the standard streams.
    pub(super) fn insert(&mut self, descriptor: Descriptor) -> Result<u32, Errno> {
        let first = ROOT as usize;
        let free = self.open.iter().skip(first).position(Option::is_none).map(|at| at + first);
        let at = match free {
            Some(at) => at,
            None if self.open.len() < OPEN_LIMIT => {
                self.open.push(None);
                self.open.len() - 1
            }
            None => return Err(Errno::MFILE),
        };
        let number = u32::try_from(at).map_err(|_| Errno::MFILE)?;
        if let Some(place) = self.open.get_mut(at) {
            *place = Some(descriptor);
        }
        Ok(number)
    }

    /// Frees a number.
    pub(super) fn close(&mut self, fd: u32) -> Result<(), Errno> {
        self.open.get_mut(fd as usize).and_then(Option::take).map(|_| ()).ok_or(Errno::BADF)
    }

    /// Moves a descriptor to another open number, which is closed for it.
    pub(super) fn renumber(&mut self, from: u32, to: u32) -> Result<(), Errno> {
        self.get(from)?;
        self.get(to)?;
        if from != to {
            let moved = self.open.get_mut(from as usize).and_then(Option::take);
            if let Some(place) = self.open.get_mut(to as usize) {
                *place = moved;
            }
        }
        Ok(())
    }
}
