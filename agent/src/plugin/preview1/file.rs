//! Reads from files and standard input; writes to the captured streams.

use super::errno::Errno;
use super::guest::Guest;
use super::table::{Descriptor, OpenFile};
use super::{Answer, Failure, charge};
use crate::plugin::sandbox::Sandbox;
use crate::source::trace::TracedTree;

pub(super) fn read(
    guest: &mut Guest<'_>,
    sandbox: &mut Sandbox,
    fd: u32,
    vectors: u32,
    count: u32,
    done: u32,
) -> Answer {
    let total = match sandbox.files.get(fd)? {
        Descriptor::Stdin => {
            let mut total = 0;
            for (at, length) in guest.vectors(vectors, count)? {
                let length = sandbox.stdin.len().min(length as usize);
                let part = sandbox.stdin.split_to(length);
                guest.write(at, &part)?;
                total += part.len() as u64;
            }
            total
        }
        Descriptor::File(file) => {
            let total = scatter(guest, &sandbox.tree, file, file.position, (vectors, count))?;
            file.position += total;
            total
        }
        Descriptor::Directory(_) => return Err(Errno::ISDIR.into()),
        Descriptor::Stdout | Descriptor::Stderr => return Err(Errno::BADF.into()),
    };
    finish(guest, sandbox, total, done)
}

pub(super) fn read_at(
    guest: &mut Guest<'_>,
    sandbox: &mut Sandbox,
    fd: u32,
    vectors: u32,
    count: u32,
    offset: u64,
    done: u32,
) -> Answer {
    let total = match sandbox.files.get(fd)? {
        Descriptor::File(file) => scatter(guest, &sandbox.tree, file, offset, (vectors, count))?,
        Descriptor::Directory(_) => return Err(Errno::ISDIR.into()),
        _ => return Err(Errno::SPIPE.into()),
    };
    finish(guest, sandbox, total, done)
}

pub(super) fn write(
    guest: &mut Guest<'_>,
    sandbox: &mut Sandbox,
    fd: u32,
    vectors: u32,
    count: u32,
    done: u32,
) -> Answer {
    let stream = match sandbox.files.get(fd)? {
        Descriptor::Stdout => &mut sandbox.stdout,
        Descriptor::Stderr => &mut sandbox.stderr,
        Descriptor::Directory(_) => return Err(Errno::ISDIR.into()),
        Descriptor::File(_) => return Err(Errno::ROFS.into()),
        Descriptor::Stdin => return Err(Errno::BADF.into()),
    };
    let mut total = 0;
    for (at, length) in guest.vectors(vectors, count)? {
        if !stream.write(guest.slice(at, length)?) {
            return Err(Errno::NOSPC.into());
        }
        total += u64::from(length);
    }
    finish(guest, sandbox, total, done)
}

pub(super) fn seek(
    guest: &mut Guest<'_>,
    sandbox: &mut Sandbox,
    fd: u32,
    delta: i64,
    whence: u32,
    out: u32,
) -> Answer {
    let file = file(sandbox, fd)?;
    let base = match whence {
        0 => 0,
        1 => file.position,
        2 => file.size,
        _ => return Err(Errno::INVAL.into()),
    };
    file.position = base.checked_add_signed(delta).ok_or(Errno::INVAL)?;
    Ok(guest.write_u64(out, file.position)?)
}

pub(super) fn tell(guest: &mut Guest<'_>, sandbox: &mut Sandbox, fd: u32, out: u32) -> Answer {
    let position = file(sandbox, fd)?.position;
    Ok(guest.write_u64(out, position)?)
}

fn file(sandbox: &mut Sandbox, fd: u32) -> Result<&mut OpenFile, Errno> {
    match sandbox.files.get(fd)? {
        Descriptor::File(file) => Ok(file),
        Descriptor::Directory(_) => Err(Errno::ISDIR),
        _ => Err(Errno::SPIPE),
    }
}

/// Fills the vectors with the file's content from `offset` on; gives how many
/// bytes that were.
fn scatter(
    guest: &mut Guest<'_>,
    tree: &TracedTree,
    file: &mut OpenFile,
    offset: u64,
    (vectors, count): (u32, u32),
) -> Result<u64, Failure> {
    let content = match &file.content {
        Some(content) => content,
        None => file.content.insert(tree.read(&file.path)?),
    };
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    let mut rest = content.get(offset..).unwrap_or_default();
    let mut total = 0;
    for (at, length) in guest.vectors(vectors, count)? {
        let (part, after) = rest.split_at(rest.len().min(length as usize));
        guest.write(at, part)?;
        total += part.len() as u64;
        rest = after;
    }
    Ok(total)
}

/// Charges a transfer and tells the guest its size.
fn finish(guest: &mut Guest<'_>, sandbox: &mut Sandbox, total: u64, done: u32) -> Answer {
    if total >= super::BYTES_PER_CALL {
        charge(sandbox, total)?;
    }
    Ok(guest.write_u32(done, u32::try_from(total).map_err(|_| Errno::INVAL)?)?)
}
