//! What descriptors and paths are: kind, size, identity. All times are the
//! commit's.

use sha2::{Digest, Sha256};

use super::Answer;
use super::errno::Errno;
use super::guest::Guest;
use super::path;
use super::table::Descriptor;
use crate::plugin::sandbox::Sandbox;
use crate::source::tree::{Entry, EntryKind};

const CHARACTER_DEVICE: u8 = 2;
const DIRECTORY: u8 = 3;
const REGULAR_FILE: u8 = 4;
const SYMBOLIC_LINK: u8 = 7;

/// Read, seek, set flags, tell, advise, open, list, read links, stat, poll.
const READ_RIGHTS: u64 =
    1 << 1 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 7 | 1 << 13 | 1 << 14 | 1 << 15 | 1 << 18 | 1 << 21 | 1 << 27;
/// Write and poll.
const STREAM_RIGHTS: u64 = 1 << 6 | 1 << 27;

pub(super) fn file_type(kind: EntryKind) -> u8 {
    match kind {
        EntryKind::File | EntryKind::Executable => REGULAR_FILE,
        // A submodule's folder is there; what it holds is not.
        EntryKind::Directory | EntryKind::Submodule => DIRECTORY,
        EntryKind::Symlink => SYMBOLIC_LINK,
    }
}

/// The identity of a path: the same in every call, never 0.
pub(super) fn inode(path: &str) -> u64 {
    let digest: [u8; 32] = Sha256::digest(path.as_bytes()).into();
    let mut number = 0_u64;
    for byte in digest.iter().take(8) {
        number = number << 8 | u64::from(*byte);
    }
    number | 1
}

pub(super) fn descriptor_state(guest: &mut Guest<'_>, sandbox: &mut Sandbox, fd: u32, out: u32) -> Answer {
    let (kind, rights) = match sandbox.files.get(fd)? {
        Descriptor::Stdin => (CHARACTER_DEVICE, READ_RIGHTS & !(1 << 2) & !(1 << 5)),
        Descriptor::Stdout | Descriptor::Stderr => (CHARACTER_DEVICE, STREAM_RIGHTS),
        Descriptor::Directory(_) => (DIRECTORY, READ_RIGHTS),
        Descriptor::File(_) => (REGULAR_FILE, READ_RIGHTS),
    };
    let mut state = [0; 24];
    state[0] = kind;
    state[8..16].copy_from_slice(&rights.to_le_bytes());
    state[16..24].copy_from_slice(&READ_RIGHTS.to_le_bytes());
    Ok(guest.write(out, &state)?)
}

pub(super) fn of_descriptor(guest: &mut Guest<'_>, sandbox: &mut Sandbox, fd: u32, out: u32) -> Answer {
    let (kind, identity, size) = match sandbox.files.get(fd)? {
        Descriptor::Stdin | Descriptor::Stdout | Descriptor::Stderr => (CHARACTER_DEVICE, u64::from(fd), 0),
        Descriptor::Directory(directory) => (DIRECTORY, inode(&directory.path), 0),
        Descriptor::File(file) => (REGULAR_FILE, inode(&file.path), file.size),
    };
    write(guest, out, (kind, identity, size))
}

pub(super) fn of_path(
    guest: &mut Guest<'_>,
    sandbox: &mut Sandbox,
    fd: u32,
    look: u32,
    name: (u32, u32),
    out: u32,
) -> Answer {
    let (path, entry) = path::resolve(guest, sandbox, fd, name, look & path::FOLLOW != 0)?;
    let Entry { kind, size, .. } = entry.ok_or(Errno::NOENT)?;
    write(guest, out, (file_type(kind), inode(&path), size))
}

fn write(guest: &mut Guest<'_>, out: u32, (kind, identity, size): (u8, u64, u64)) -> Answer {
    // Without times, which are 0 here: Git keeps none, and the commit's would make every render depend on it.
    let mut stat = [0; 64];
    stat[8..16].copy_from_slice(&identity.to_le_bytes());
    stat[16] = kind;
    stat[24..32].copy_from_slice(&1_u64.to_le_bytes());
    stat[32..40].copy_from_slice(&size.to_le_bytes());
    Ok(guest.write(out, &stat)?)
}
