//! `wasi:filesystem`'s `descriptor`: an open file or directory.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use wasmtime::component::Resource;

use super::filesystem::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, ErrorCode, MetadataHashValue, NewTimestamp,
};
use super::io::{InputStream, OutputStream};
use super::{Interface, Renderer};
use crate::source::tree::{Entry, EntryKind, ObjectId};

/// The most that one read gives.
const READ_BYTES: u64 = 1 << 20;

/// Something open at a path.
#[derive(Clone)]
pub(super) struct Descriptor {
    /// Without links, relative to the root.
    pub(super) path: String,
    pub(super) kind: EntryKind,
    id: ObjectId,
    size: u64,
    /// Of a file, once it was read.
    content: Option<Bytes>,
}

impl Descriptor {
    pub(super) fn root() -> Self {
        Self {
            path: String::new(),
            kind: EntryKind::Directory,
            id: ObjectId([0; 20]),
            size: 0,
            content: None,
        }
    }

    pub(super) fn new(path: String, entry: &Entry) -> Self {
        Self { path, kind: entry.kind, id: entry.id, size: entry.size, content: None }
    }

    /// Without times: Git keeps none, and the commit's would make every render depend on it.
    pub(super) fn stat(&self) -> DescriptorStat {
        DescriptorStat {
            kind: self.kind.into(),
            link_count: 1,
            size: self.size,
            data_access_timestamp: None,
            data_modification_timestamp: None,
            status_change_timestamp: None,
        }
    }

    /// Stands for an inode: the same for the same path and content.
    pub(super) fn metadata_hash(&self) -> MetadataHashValue {
        let digest = Sha256::new().chain_update(self.id.0).chain_update(&self.path).finalize();
        let (lower, rest) = digest.split_at(8);
        let number =
            |bytes: &[u8]| bytes.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
        MetadataHashValue { lower: number(lower), upper: number(rest) }
    }
}

type This = (Resource<Descriptor>,);

/// The content of an open file, read from the tree at most once.
fn content(
    renderer: &mut Renderer,
    this: &Resource<Descriptor>,
) -> wasmtime::Result<Result<Bytes, ErrorCode>> {
    let descriptor = renderer.table.get_mut(this)?;
    if let Some(content) = &descriptor.content {
        return Ok(Ok(content.clone()));
    }
    if descriptor.kind == EntryKind::Directory {
        return Ok(Err(ErrorCode::IsDirectory));
    }
    match renderer.sandbox.tree.read(&descriptor.path) {
        Ok(content) => {
            descriptor.content = Some(content.clone());
            Ok(Ok(content))
        }
        Err(error) => Ok(Err(error.into())),
    }
}

fn from_offset(content: &Bytes, offset: u64) -> Bytes {
    usize::try_from(offset)
        .ok()
        .filter(|offset| *offset < content.len())
        .map_or_else(Bytes::new, |offset| content.slice(offset..))
}

pub(super) fn add_reading(types: &mut Interface<'_>) -> wasmtime::Result<()> {
    types.function(
        "[method]descriptor.read-via-stream",
        |renderer, (this, offset): (Resource<Descriptor>, u64)| {
            Ok(match content(renderer, &this)? {
                Ok(content) => {
                    Ok(renderer.table.push(InputStream::Content(from_offset(&content, offset)))?)
                }
                Err(code) => Err(code),
            })
        },
    )?;
    types.function(
        "[method]descriptor.read",
        |renderer, (this, length, offset): (Resource<Descriptor>, u64, u64)| {
            Ok(content(renderer, &this)?.map(|content| {
                let rest = from_offset(&content, offset);
                let length = usize::try_from(length.min(READ_BYTES)).unwrap_or(usize::MAX).min(rest.len());
                (rest[..length].to_vec(), length == rest.len())
            }))
        },
    )?;
    types.function("[method]descriptor.get-flags", |renderer, (this,): This| {
        renderer.table.get(&this)?;
        Ok(Ok::<_, ErrorCode>(DescriptorFlags::READ))
    })?;
    types.function("[method]descriptor.get-type", |renderer, (this,): This| {
        Ok(Ok::<_, ErrorCode>(DescriptorType::from(renderer.table.get(&this)?.kind)))
    })?;
    types.function("[method]descriptor.stat", |renderer, (this,): This| {
        Ok(Ok::<_, ErrorCode>(renderer.table.get(&this)?.stat()))
    })?;
    types.function("[method]descriptor.metadata-hash", |renderer, (this,): This| {
        Ok(Ok::<_, ErrorCode>(renderer.table.get(&this)?.metadata_hash()))
    })?;
    types.function(
        "[method]descriptor.is-same-object",
        |renderer, (this, other): (Resource<Descriptor>, Resource<Descriptor>)| {
            Ok(renderer.table.get(&this)?.path == renderer.table.get(&other)?.path)
        },
    )?;
    types.function(
        "[method]descriptor.advise",
        |renderer, (this, _, _, _): (Resource<Descriptor>, u64, u64, Advice)| {
            renderer.table.get(&this)?;
            Ok(Ok::<(), ErrorCode>(()))
        },
    )?;
    // What is never written is always in step with the disk.
    for name in ["[method]descriptor.sync", "[method]descriptor.sync-data"] {
        types.function(name, |renderer, (this,): This| {
            renderer.table.get(&this)?;
            Ok(Ok::<(), ErrorCode>(()))
        })?;
    }
    Ok(())
}

/// Refuses, whatever it is that was to be written.
#[expect(clippy::unnecessary_wraps, reason = "the linker wants functions that could trap")]
fn refuse<Params, T>(_: &mut Renderer, _: Params) -> wasmtime::Result<Result<T, ErrorCode>> {
    Ok(Err(ErrorCode::ReadOnly))
}

pub(super) fn add_writing(types: &mut Interface<'_>) -> wasmtime::Result<()> {
    type Of = Resource<Descriptor>;
    type Stream = Resource<OutputStream>;
    types.function("[method]descriptor.write-via-stream", refuse::<(Of, u64), Stream>)?;
    types.function("[method]descriptor.append-via-stream", refuse::<(Of,), Stream>)?;
    types.function("[method]descriptor.write", refuse::<(Of, Vec<u8>, u64), u64>)?;
    types.function("[method]descriptor.set-size", refuse::<(Of, u64), ()>)?;
    types.function("[method]descriptor.set-times", refuse::<(Of, NewTimestamp, NewTimestamp), ()>)
}
