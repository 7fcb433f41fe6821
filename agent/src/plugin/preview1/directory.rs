//! The one directory that is open from the start, and what directories hold.

use super::Answer;
use super::errno::Errno;
use super::guest::Guest;
use super::stat::{file_type, inode};
use super::table::{Descriptor, ROOT};
use crate::plugin::sandbox::Sandbox;

/// Where the tree stands.
const ROOT_NAME: &[u8] = b"/";

/// Bytes of a directory entry before its name.
const ENTRY_HEAD: usize = 24;

pub(super) fn preopened(guest: &mut Guest<'_>, sandbox: &mut Sandbox, fd: u32, out: u32) -> Answer {
    if fd != ROOT {
        return Err(Errno::BADF.into());
    }
    sandbox.files.directory(fd)?;
    // The tag of a directory, and the length of its name.
    guest.write_u32(out, 0)?;
    Ok(guest.write_u32(out.checked_add(4).ok_or(Errno::FAULT)?, 1)?)
}

pub(super) fn preopened_name(
    guest: &mut Guest<'_>,
    sandbox: &mut Sandbox,
    fd: u32,
    name: u32,
    length: u32,
) -> Answer {
    if fd != ROOT {
        return Err(Errno::BADF.into());
    }
    sandbox.files.directory(fd)?;
    if (length as usize) < ROOT_NAME.len() {
        return Err(Errno::NAMETOOLONG.into());
    }
    Ok(guest.write(name, ROOT_NAME)?)
}

/// Writes entries from number `cookie` on until the buffer is full; the last
/// may be cut off, which tells the guest that there are more.
pub(super) fn read(
    guest: &mut Guest<'_>,
    sandbox: &mut Sandbox,
    fd: u32,
    buffer: u32,
    length: u32,
    cookie: u64,
    used: u32,
) -> Answer {
    let Descriptor::Directory(directory) = sandbox.files.get(fd)? else {
        return Err(Errno::NOTDIR.into());
    };
    let listing = match &directory.listing {
        Some(listing) => listing,
        None => directory.listing.insert(sandbox.tree.list(&directory.path)?),
    };
    let room = guest.slice_mut(buffer, length)?;
    let mut filled = 0;
    let first = usize::try_from(cookie).unwrap_or(usize::MAX);
    for (index, (name, kind)) in listing.iter().enumerate().skip(first) {
        let path =
            if directory.path.is_empty() { name.clone() } else { format!("{}/{name}", directory.path) };
        let mut entry = Vec::with_capacity(ENTRY_HEAD + name.len());
        entry.extend_from_slice(&(index as u64 + 1).to_le_bytes());
        entry.extend_from_slice(&inode(&path).to_le_bytes());
        entry.extend_from_slice(&u32::try_from(name.len()).map_err(|_| Errno::NAMETOOLONG)?.to_le_bytes());
        entry.extend_from_slice(&[file_type(*kind), 0, 0, 0]);
        entry.extend_from_slice(name.as_bytes());
        let Some(free) = room.get_mut(filled..) else { break };
        let fits = free.len().min(entry.len());
        for (to, from) in free.iter_mut().zip(&entry) {
            *to = *from;
        }
        filled += fits;
        if fits < entry.len() {
            break;
        }
    }
    Ok(guest.write_u32(used, u32::try_from(filled).map_err(|_| Errno::INVAL)?)?)
}
