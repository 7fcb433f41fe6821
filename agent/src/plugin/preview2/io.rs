//! `wasi:io`: byte streams that are ready at once, and waiting that only moves
//! the clock.

use bytes::{Buf, Bytes};
use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource};

use super::filesystem::ErrorCode;
use super::{Interface, Renderer, State};
use crate::plugin::store::OutputExceeded;

/// The most that one read gives.
const READ_BYTES: u64 = 1 << 20;

/// The most that one write may take; standard output is in memory.
const WRITE_BYTES: u64 = 1 << 20;

/// `error`.
pub(super) struct IoError {
    message: String,
    pub(super) code: Option<ErrorCode>,
}

/// `pollable`: ready at this time of the monotonic clock, or always.
pub(super) struct Pollable {
    pub(super) ready_at: Option<u64>,
}

/// `input-stream`.
pub(super) enum InputStream {
    /// Standard input; all its streams share one position.
    Stdin,
    /// The rest of a file.
    Content(Bytes),
}

/// `output-stream`. Nothing else can be written to.
pub(super) enum OutputStream {
    Stdout,
    Stderr,
}

/// `stream-error`.
#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
pub(super) enum StreamError {
    #[component(name = "last-operation-failed")]
    LastOperationFailed(Resource<IoError>),
    #[component(name = "closed")]
    Closed,
}

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut error = Interface::open(linker, "io/error")?;
    error.resource::<IoError>("error")?;
    error.function("[method]error.to-debug-string", |renderer, (this,): (Resource<IoError>,)| {
        Ok(renderer.table.get(&this)?.message.clone())
    })?;

    let mut poll = Interface::open(linker, "io/poll")?;
    poll.resource::<Pollable>("pollable")?;
    poll.function("[method]pollable.ready", |renderer, (this,): (Resource<Pollable>,)| {
        let now = renderer.sandbox.monotonic_nanoseconds;
        Ok(renderer.table.get(&this)?.ready_at.is_none_or(|at| at <= now))
    })?;
    poll.procedure("[method]pollable.block", |renderer, (this,): (Resource<Pollable>,)| {
        let at = renderer.table.get(&this)?.ready_at;
        sleep_until(renderer, at);
        Ok(())
    })?;
    poll.function("poll", |renderer, (all,): (Vec<Resource<Pollable>>,)| poll_all(renderer, &all))?;

    let mut streams = Interface::open(linker, "io/streams")?;
    streams.resource::<InputStream>("input-stream")?;
    streams.resource::<OutputStream>("output-stream")?;
    add_input(&mut streams)?;
    add_output(&mut streams)
}

fn sleep_until(renderer: &mut Renderer, at: Option<u64>) {
    let clock = &mut renderer.sandbox.monotonic_nanoseconds;
    *clock = (*clock).max(at.unwrap_or(0));
}

fn poll_all(renderer: &mut Renderer, all: &[Resource<Pollable>]) -> wasmtime::Result<Vec<u32>> {
    let mut times = Vec::with_capacity(all.len());
    for pollable in all {
        times.push(renderer.table.get(pollable)?.ready_at.unwrap_or(0));
    }
    let Some(earliest) = times.iter().min().copied() else {
        wasmtime::bail!("polled an empty list, which would wait for ever");
    };
    sleep_until(renderer, Some(earliest));
    let now = renderer.sandbox.monotonic_nanoseconds;
    Ok((0..).zip(times).filter(|(_, at)| *at <= now).map(|(index, _)| index).collect())
}

fn add_input(streams: &mut Interface<'_>) -> wasmtime::Result<()> {
    type Read = (Resource<InputStream>, u64);
    for name in ["[method]input-stream.read", "[method]input-stream.blocking-read"] {
        streams.function(name, |renderer, (this, length): Read| {
            Ok(take(renderer, &this, length)?.map(|bytes| bytes.to_vec()))
        })?;
    }
    for name in ["[method]input-stream.skip", "[method]input-stream.blocking-skip"] {
        streams.function(name, |renderer, (this, length): Read| {
            Ok(take(renderer, &this, length)?.map(|bytes| bytes.len() as u64))
        })?;
    }
    streams.function("[method]input-stream.subscribe", |renderer, (this,): (Resource<InputStream>,)| {
        renderer.table.get(&this)?;
        Ok(renderer.table.push(Pollable { ready_at: None })?)
    })
}

/// The next bytes of a stream; `Closed` at its end.
fn take(
    renderer: &mut Renderer,
    stream: &Resource<InputStream>,
    length: u64,
) -> wasmtime::Result<Result<Bytes, StreamError>> {
    let rest = match renderer.table.get_mut(stream)? {
        InputStream::Stdin => &mut renderer.sandbox.stdin,
        InputStream::Content(content) => content,
    };
    if length == 0 {
        return Ok(Ok(Bytes::new()));
    }
    if !rest.has_remaining() {
        return Ok(Err(StreamError::Closed));
    }
    let length = usize::try_from(length.min(READ_BYTES))?.min(rest.len());
    Ok(Ok(rest.split_to(length)))
}

type Written = Result<(), StreamError>;

fn add_output(streams: &mut Interface<'_>) -> wasmtime::Result<()> {
    type Splice = (Resource<OutputStream>, Resource<InputStream>, u64);
    streams.function(
        "[method]output-stream.check-write",
        |renderer, (this,): (Resource<OutputStream>,)| {
            renderer.table.get(&this)?;
            Ok(Ok::<u64, StreamError>(WRITE_BYTES))
        },
    )?;
    for name in ["[method]output-stream.write", "[method]output-stream.blocking-write-and-flush"] {
        streams.function(name, |renderer, (this, content): (Resource<OutputStream>, Vec<u8>)| {
            write(renderer, &this, &content)
        })?;
    }
    for name in
        ["[method]output-stream.write-zeroes", "[method]output-stream.blocking-write-zeroes-and-flush"]
    {
        streams.function(name, |renderer, (this, length): (Resource<OutputStream>, u64)| {
            let zeroes = vec![0; usize::try_from(length.min(WRITE_BYTES))?];
            write(renderer, &this, &zeroes)
        })?;
    }
    for name in ["[method]output-stream.flush", "[method]output-stream.blocking-flush"] {
        streams.function(name, |renderer, (this,): (Resource<OutputStream>,)| {
            renderer.table.get(&this)?;
            Ok(Written::Ok(()))
        })?;
    }
    for name in ["[method]output-stream.splice", "[method]output-stream.blocking-splice"] {
        streams.function(name, |renderer, (this, source, length): Splice| {
            let bytes = match take(renderer, &source, length)? {
                Ok(bytes) => bytes,
                Err(closed) => return Ok(Err(closed)),
            };
            Ok(write(renderer, &this, &bytes)?.map(|()| bytes.len() as u64))
        })?;
    }
    streams.function("[method]output-stream.subscribe", |renderer, (this,): (Resource<OutputStream>,)| {
        renderer.table.get(&this)?;
        Ok(renderer.table.push(Pollable { ready_at: None })?)
    })
}

fn write(
    renderer: &mut Renderer,
    stream: &Resource<OutputStream>,
    content: &[u8],
) -> wasmtime::Result<Written> {
    let captured = match renderer.table.get(stream)? {
        OutputStream::Stdout => &mut renderer.sandbox.stdout,
        OutputStream::Stderr => &mut renderer.sandbox.stderr,
    };
    if captured.write(content) { Ok(Ok(())) } else { Err(OutputExceeded.into()) }
}
