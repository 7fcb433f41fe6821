//! Looks paths up in the tree and opens what is there.

use super::errno::Errno;
use super::guest::Guest;
use super::table::{Descriptor, Directory, OpenFile};
use super::{Answer, Failure};
use crate::plugin::sandbox::Sandbox;
use crate::source::tree::{Entry, EntryKind};

/// The flag of a look-up that follows a symlink at its end.
pub(super) const FOLLOW: u32 = 1;

/// The longest path in bytes, as on Linux.
const PATH_LIMIT: u32 = 4096;

const CREATE: u32 = 1;
const ONLY_DIRECTORY: u32 = 2;
const EXCLUSIVE: u32 = 4;
const TRUNCATE: u32 = 8;

/// The right to write. Others that would change a file are asked for by
/// libraries that mean only to read.
const WRITE_RIGHT: u64 = 1 << 6;

/// How a path is to be opened.
pub(super) struct Intent {
    /// Flags of the look-up.
    pub(super) look: u32,
    /// Flags of the opening.
    pub(super) flags: u32,
    /// What is to be done with the file.
    pub(super) rights: u64,
}

/// The entry that the guest's string names, seen from the directory `fd`.
pub(super) fn resolve(
    guest: &Guest<'_>,
    sandbox: &mut Sandbox,
    fd: u32,
    (at, length): (u32, u32),
    follow: bool,
) -> Result<(String, Option<Entry>), Failure> {
    if length > PATH_LIMIT {
        return Err(Errno::NAMETOOLONG.into());
    }
    let name = std::str::from_utf8(guest.slice(at, length)?).map_err(|_| Errno::ILSEQ)?;
    if name.is_empty() {
        return Err(Errno::NOENT.into());
    }
    if name.contains('\0') {
        return Err(Errno::INVAL.into());
    }
    let base = sandbox.files.directory(fd)?;
    Ok(sandbox.tree.resolve(base, name, follow)?)
}

pub(super) fn open(
    guest: &mut Guest<'_>,
    sandbox: &mut Sandbox,
    fd: u32,
    name: (u32, u32),
    intent: &Intent,
    out: u32,
) -> Answer {
    let (path, entry) = resolve(guest, sandbox, fd, name, intent.look & FOLLOW != 0)?;
    let Some(entry) = entry else {
        let missing = if intent.flags & CREATE != 0 { Errno::ROFS } else { Errno::NOENT };
        return Err(missing.into());
    };
    if intent.flags & CREATE != 0 && intent.flags & EXCLUSIVE != 0 {
        return Err(Errno::EXIST.into());
    }
    let writes = intent.flags & TRUNCATE != 0 || intent.rights & WRITE_RIGHT != 0;
    let descriptor = match entry.kind {
        // A directory is opened with all rights there are by some libraries.
        EntryKind::Directory => Descriptor::Directory(Directory { path, listing: None }),
        // The tree's own refusal says more to a person than a number does.
        EntryKind::Submodule => {
            sandbox.tree.list(&path).map_err(Errno::from)?;
            return Err(Errno::NOTSUP.into());
        }
        EntryKind::Symlink => return Err(Errno::LOOP.into()),
        EntryKind::File | EntryKind::Executable if intent.flags & ONLY_DIRECTORY != 0 => {
            return Err(Errno::NOTDIR.into());
        }
        EntryKind::File | EntryKind::Executable if writes => return Err(Errno::ROFS.into()),
        EntryKind::File | EntryKind::Executable => {
            Descriptor::File(OpenFile { path, size: entry.size, content: None, position: 0 })
        }
    };
    let number = sandbox.files.insert(descriptor)?;
    Ok(guest.write_u32(out, number)?)
}

/// Writes the target of a symlink, cut off where the buffer ends.
pub(super) fn read_link(
    guest: &mut Guest<'_>,
    sandbox: &mut Sandbox,
    fd: u32,
    name: (u32, u32),
    (buffer, room): (u32, u32),
    used: u32,
) -> Answer {
    let (path, entry) = resolve(guest, sandbox, fd, name, false)?;
    if entry.ok_or(Errno::NOENT)?.kind != EntryKind::Symlink {
        return Err(Errno::INVAL.into());
    }
    let target = sandbox.tree.read_link(&path)?;
    let fits = target.as_bytes().get(..room as usize).unwrap_or(target.as_bytes());
    guest.write(buffer, fits)?;
    Ok(guest.write_u32(used, u32::try_from(fits.len()).map_err(|_| Errno::INVAL)?)?)
}
