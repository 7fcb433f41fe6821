//! `wasi:filesystem`'s look-ups: paths relative to an open directory, and what
//! a directory holds.

use wasmtime::component::{ComponentType, Lift, Lower, Resource};

use super::descriptor::Descriptor;
use super::filesystem::{DescriptorFlags, DescriptorType, ErrorCode, NewTimestamp, OpenFlags, PathFlags};
use super::{Interface, Renderer};
use crate::source::tree::EntryKind;

/// `directory-entry-stream`.
pub(super) struct DirectoryEntryStream {
    entries: std::vec::IntoIter<DirectoryEntry>,
}

/// `directory-entry`.
#[derive(ComponentType, Lift, Lower)]
#[component(record)]
pub(super) struct DirectoryEntry {
    #[component(name = "type")]
    kind: DescriptorType,
    name: String,
}

/// The longest path, as Linux has it: walking it can't be interrupted.
const PATH_BYTES: usize = 4096;

type Of = Resource<Descriptor>;

/// What stands at `path`, seen from the open directory `base`.
fn look_up(
    renderer: &Renderer,
    base: &Of,
    path: &str,
    flags: PathFlags,
) -> wasmtime::Result<Result<Descriptor, ErrorCode>> {
    let base = renderer.table.get(base)?;
    if base.kind != EntryKind::Directory {
        return Ok(Err(ErrorCode::NotDirectory));
    }
    if path.len() > PATH_BYTES {
        return Ok(Err(ErrorCode::NameTooLong));
    }
    // The standard forbids both; a relative path is always against the descriptor.
    if path.is_empty() {
        return Ok(Err(ErrorCode::NoEntry));
    }
    if path.starts_with('/') {
        return Ok(Err(ErrorCode::NotPermitted));
    }
    let follow = flags.contains(PathFlags::SYMLINK_FOLLOW);
    Ok(match renderer.sandbox.tree.resolve(&base.path, path, follow) {
        Ok((_, Some(entry))) if path.ends_with('/') && entry.kind != EntryKind::Directory => {
            Err(ErrorCode::NotDirectory)
        }
        Ok((path, Some(entry))) => Ok(Descriptor::new(path, &entry)),
        Ok((_, None)) => Err(ErrorCode::NoEntry),
        Err(error) => Err(error.into()),
    })
}

fn open(
    renderer: &mut Renderer,
    (base, path_flags, path, open_flags, flags): (Of, PathFlags, String, OpenFlags, DescriptorFlags),
) -> wasmtime::Result<Result<Of, ErrorCode>> {
    let writes = flags.intersects(DescriptorFlags::WRITE | DescriptorFlags::MUTATE_DIRECTORY)
        || open_flags.intersects(OpenFlags::CREATE | OpenFlags::EXCLUSIVE | OpenFlags::TRUNCATE);
    if writes {
        renderer.table.get(&base)?;
        return Ok(Err(ErrorCode::ReadOnly));
    }
    let descriptor = match look_up(renderer, &base, &path, path_flags)? {
        Ok(descriptor) => descriptor,
        Err(code) => return Ok(Err(code)),
    };
    let refusal = match descriptor.kind {
        EntryKind::Symlink => Some(ErrorCode::Loop),
        // The tree's own refusal says more to a person than a code does.
        EntryKind::Submodule => renderer.sandbox.tree.list(&descriptor.path).err().map(ErrorCode::from),
        EntryKind::File | EntryKind::Executable if open_flags.contains(OpenFlags::DIRECTORY) => {
            Some(ErrorCode::NotDirectory)
        }
        _ => None,
    };
    match refusal {
        Some(code) => Ok(Err(code)),
        None => Ok(Ok(renderer.table.push(descriptor)?)),
    }
}

pub(super) fn add_paths(types: &mut Interface<'_>) -> wasmtime::Result<()> {
    types.function("[method]descriptor.open-at", open)?;
    types.function(
        "[method]descriptor.stat-at",
        |renderer, (base, flags, path): (Of, PathFlags, String)| {
            Ok(look_up(renderer, &base, &path, flags)?.map(|found| found.stat()))
        },
    )?;
    types.function(
        "[method]descriptor.metadata-hash-at",
        |renderer, (base, flags, path): (Of, PathFlags, String)| {
            Ok(look_up(renderer, &base, &path, flags)?.map(|found| found.metadata_hash()))
        },
    )?;
    types.function("[method]descriptor.readlink-at", |renderer, (base, path): (Of, String)| {
        Ok(match look_up(renderer, &base, &path, PathFlags::empty())? {
            Ok(link) if link.kind == EntryKind::Symlink => {
                renderer.sandbox.tree.read_link(&link.path).map_err(ErrorCode::from)
            }
            Ok(_) => Err(ErrorCode::Invalid),
            Err(code) => Err(code),
        })
    })?;
    add_mutations(types)
}

/// Refuses, whatever it is that was to be changed.
#[expect(clippy::unnecessary_wraps, reason = "the linker wants functions that could trap")]
fn refuse<Params>(_: &mut Renderer, _: Params) -> wasmtime::Result<Result<(), ErrorCode>> {
    Ok(Err(ErrorCode::ReadOnly))
}

fn add_mutations(types: &mut Interface<'_>) -> wasmtime::Result<()> {
    type Times = (Of, PathFlags, String, NewTimestamp, NewTimestamp);
    types.function("[method]descriptor.set-times-at", refuse::<Times>)?;
    types.function("[method]descriptor.create-directory-at", refuse::<(Of, String)>)?;
    types.function("[method]descriptor.remove-directory-at", refuse::<(Of, String)>)?;
    types.function("[method]descriptor.unlink-file-at", refuse::<(Of, String)>)?;
    types.function("[method]descriptor.link-at", refuse::<(Of, PathFlags, String, Of, String)>)?;
    types.function("[method]descriptor.rename-at", refuse::<(Of, String, Of, String)>)?;
    types.function("[method]descriptor.symlink-at", refuse::<(Of, String, String)>)
}

pub(super) fn add_entries(types: &mut Interface<'_>) -> wasmtime::Result<()> {
    types.function("[method]descriptor.read-directory", |renderer, (this,): (Of,)| {
        let descriptor = renderer.table.get(&this)?;
        let names = match renderer.sandbox.tree.list(&descriptor.path) {
            Ok(names) => names,
            Err(error) => return Ok(Err(ErrorCode::from(error))),
        };
        // A stream keeps its names, and a program may hold many streams.
        let Some(left) = renderer.names_left.checked_sub(names.len()) else {
            return Ok(Err(ErrorCode::InsufficientMemory));
        };
        renderer.names_left = left;
        let entries: Vec<_> =
            names.into_iter().map(|(name, kind)| DirectoryEntry { kind: kind.into(), name }).collect();
        Ok(Ok(renderer.table.push(DirectoryEntryStream { entries: entries.into_iter() })?))
    })?;
    types.function(
        "[method]directory-entry-stream.read-directory-entry",
        |renderer, (this,): (Resource<DirectoryEntryStream>,)| {
            Ok(Ok::<_, ErrorCode>(renderer.table.get_mut(&this)?.entries.next()))
        },
    )
}
