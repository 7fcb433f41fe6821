//! WASI preview 1, read-only, over the sandbox of one call: what Go's
//! `GOOS=wasip1` and Rust's `wasm32-wasip1` import.
//!
//! Takes a linker and the way from its store's data to the [`Sandbox`]; gives
//! all 46 functions of `wasi_snapshot_preview1`. The tree stands at `/`,
//! clocks stand still, and what would write fails with `EROFS`. Every call is
//! charged to the sandbox's host-call budget, larger transfers more than once.
//! Never touches the machine that it runs on.

mod clock;
mod directory;
mod errno;
mod file;
mod guest;
mod path;
mod stat;
mod table;
#[cfg(test)]
#[cfg(feature = "compiler")]
pub(super) mod tests;

use wasmtime::{Caller, Extern, Linker};

use self::errno::Errno;
use self::guest::Guest;
pub(crate) use self::table::FileTable;
use super::sandbox::Sandbox;
use super::store::HostCallsExhausted;

/// The name that all functions are imported from.
const MODULE: &str = "wasi_snapshot_preview1";

/// How many bytes of a transfer one host call pays for.
const BYTES_PER_CALL: u64 = 64 << 10;

/// The program ended itself with `proc_exit`. Travels as the error of the call
/// that it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("exited with code {0}")]
pub(crate) struct Exit(pub(crate) i32);

/// How a function of the interface ends when it does not succeed.
enum Failure {
    /// The guest is told.
    Errno(Errno),
    /// The call into the plugin ends.
    Trap(wasmtime::Error),
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<HostCallsExhausted> for Failure {
    fn from(exhausted: HostCallsExhausted) -> Self {
        Self::Trap(wasmtime::Error::new(exhausted))
    }
}

type Answer = Result<(), Failure>;

/// Takes one call, and one more for each full 64 KiB that it moves, from the
/// budget.
fn charge(sandbox: &mut Sandbox, bytes: u64) -> Result<(), HostCallsExhausted> {
    let price = 1 + bytes / BYTES_PER_CALL;
    if sandbox.host_calls_left < price {
        sandbox.host_calls_left = 0;
        return Err(HostCallsExhausted);
    }
    sandbox.host_calls_left -= price;
    Ok(())
}

/// Runs one function of the interface with the caller's memory and sandbox.
fn enter<T: 'static>(
    caller: &mut Caller<'_, T>,
    sandbox: fn(&mut T) -> &mut Sandbox,
    body: impl FnOnce(&mut Guest<'_>, &mut Sandbox) -> Answer,
) -> wasmtime::Result<i32> {
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        return Err(wasmtime::Error::msg("the module does not export its memory as `memory`"));
    };
    let (bytes, data) = memory.data_and_store_mut(caller);
    let sandbox = sandbox(data);
    charge(sandbox, 0)?;
    match body(&mut Guest::new(bytes), sandbox) {
        Ok(()) => Ok(0),
        Err(Failure::Errno(errno)) => Ok(i32::from(errno.0)),
        Err(Failure::Trap(error)) => Err(error),
    }
}

/// Defines one function: its name, its WebAssembly parameters (pointers and
/// unsigned numbers cross as `u32` and `u64`), and what it does.
macro_rules! define {
    ($linker:ident, $sandbox:ident, $name:literal, ($($parameter:ident: $ty:ty),*), $body:expr) => {
        $linker.func_wrap(MODULE, $name, move |mut caller: Caller<'_, T>, $($parameter: $ty),*| {
            enter(&mut caller, $sandbox, |guest, sandbox| {
                let body: fn(&mut Guest<'_>, &mut Sandbox, $($ty),*) -> Answer = $body;
                body(guest, sandbox, $($parameter),*)
            })
        })?;
    };
}

/// Adds the interface to `linker`; `sandbox` finds the call's sandbox in the
/// store's data.
pub(crate) fn add_to_linker<T: 'static>(
    linker: &mut Linker<T>,
    sandbox: fn(&mut T) -> &mut Sandbox,
) -> wasmtime::Result<()> {
    add_process(linker, sandbox)?;
    add_descriptors(linker, sandbox)?;
    add_paths(linker, sandbox)?;
    add_refusals(linker, sandbox)
}

fn add_process<T: 'static>(
    linker: &mut Linker<T>,
    sandbox: fn(&mut T) -> &mut Sandbox,
) -> wasmtime::Result<()> {
    define!(linker, sandbox, "args_get", (_argv: u32, _bytes: u32), |_, _, _, _| Ok(()));
    define!(linker, sandbox, "args_sizes_get", (count: u32, bytes: u32), no_strings);
    define!(linker, sandbox, "environ_get", (_variables: u32, _bytes: u32), |_, _, _, _| Ok(()));
    define!(linker, sandbox, "environ_sizes_get", (count: u32, bytes: u32), no_strings);
    define!(linker, sandbox, "clock_res_get", (id: u32, resolution: u32), clock::resolution);
    define!(linker, sandbox, "clock_time_get", (id: u32, _precision: u64, time: u32), clock::time);
    define!(linker, sandbox, "poll_oneoff", (subscriptions: u32, events: u32, count: u32, done: u32), clock::poll);
    define!(linker, sandbox, "random_get", (buffer: u32, length: u32), random);
    define!(linker, sandbox, "sched_yield", (), |_, _| Ok(()));
    define!(linker, sandbox, "proc_raise", (_signal: u32), |_, _, _| Err(Errno::NOTSUP.into()));
    linker.func_wrap(MODULE, "proc_exit", |code: i32| -> wasmtime::Result<()> {
        Err(wasmtime::Error::new(Exit(code)))
    })?;
    Ok(())
}

fn add_descriptors<T: 'static>(
    linker: &mut Linker<T>,
    sandbox: fn(&mut T) -> &mut Sandbox,
) -> wasmtime::Result<()> {
    define!(linker, sandbox, "fd_advise", (fd: u32, _offset: u64, _length: u64, _advice: u32), |_, s, fd, _, _, _| {
        open(s, fd)
    });
    define!(linker, sandbox, "fd_close", (fd: u32), |_, s, fd| Ok(s.files.close(fd)?));
    define!(linker, sandbox, "fd_datasync", (fd: u32), |_, s, fd| open(s, fd));
    define!(linker, sandbox, "fd_sync", (fd: u32), |_, s, fd| open(s, fd));
    define!(linker, sandbox, "fd_fdstat_get", (fd: u32, out: u32), stat::descriptor_state);
    define!(linker, sandbox, "fd_fdstat_set_flags", (fd: u32, _flags: u32), |_, s, fd, _| open(s, fd));
    define!(linker, sandbox, "fd_filestat_get", (fd: u32, out: u32), stat::of_descriptor);
    define!(linker, sandbox, "fd_prestat_get", (fd: u32, out: u32), directory::preopened);
    define!(linker, sandbox, "fd_prestat_dir_name", (fd: u32, name: u32, length: u32), directory::preopened_name);
    define!(linker, sandbox, "fd_readdir", (fd: u32, buffer: u32, length: u32, cookie: u64, used: u32), directory::read);
    define!(linker, sandbox, "fd_renumber", (from: u32, to: u32), |_, s, from, to| Ok(s.files.renumber(from, to)?));
    define!(linker, sandbox, "fd_read", (fd: u32, vectors: u32, count: u32, done: u32), file::read);
    define!(linker, sandbox, "fd_pread", (fd: u32, vectors: u32, count: u32, offset: u64, done: u32), file::read_at);
    define!(linker, sandbox, "fd_seek", (fd: u32, delta: i64, whence: u32, out: u32), file::seek);
    define!(linker, sandbox, "fd_tell", (fd: u32, out: u32), file::tell);
    define!(linker, sandbox, "fd_write", (fd: u32, vectors: u32, count: u32, done: u32), file::write);
    Ok(())
}

fn add_paths<T: 'static>(
    linker: &mut Linker<T>,
    sandbox: fn(&mut T) -> &mut Sandbox,
) -> wasmtime::Result<()> {
    define!(
        linker,
        sandbox,
        "path_open",
        (fd: u32, look: u32, at: u32, length: u32, flags: u32, rights: u64, _inherited: u64, _mode: u32, out: u32),
        |guest, sandbox, fd, look, at, length, flags, rights, _, _, out| {
            path::open(guest, sandbox, fd, (at, length), &path::Intent { look, flags, rights }, out)
        }
    );
    define!(
        linker,
        sandbox,
        "path_filestat_get",
        (fd: u32, look: u32, at: u32, length: u32, out: u32),
        |guest, sandbox, fd, look, at, length, out| stat::of_path(guest, sandbox, fd, look, (at, length), out)
    );
    define!(
        linker,
        sandbox,
        "path_readlink",
        (fd: u32, at: u32, length: u32, buffer: u32, room: u32, used: u32),
        |guest, sandbox, fd, at, length, buffer, room, used| {
            path::read_link(guest, sandbox, fd, (at, length), (buffer, room), used)
        }
    );
    Ok(())
}

/// What would write, and what speaks to sockets.
fn add_refusals<T: 'static>(
    linker: &mut Linker<T>,
    sandbox: fn(&mut T) -> &mut Sandbox,
) -> wasmtime::Result<()> {
    define!(linker, sandbox, "fd_allocate", (_a: u32, _b: u64, _c: u64), |_, _, _, _, _| read_only());
    define!(linker, sandbox, "fd_filestat_set_size", (_a: u32, _b: u64), |_, _, _, _| read_only());
    define!(linker, sandbox, "fd_filestat_set_times", (_a: u32, _b: u64, _c: u64, _d: u32), |_, _, _, _, _, _| {
        read_only()
    });
    define!(linker, sandbox, "fd_pwrite", (_a: u32, _b: u32, _c: u32, _d: u64, _e: u32), |_, _, _, _, _, _, _| {
        read_only()
    });
    define!(linker, sandbox, "path_create_directory", (_a: u32, _b: u32, _c: u32), |_, _, _, _, _| read_only());
    define!(
        linker,
        sandbox,
        "path_filestat_set_times",
        (_a: u32, _b: u32, _c: u32, _d: u32, _e: u64, _f: u64, _g: u32),
        |_, _, _, _, _, _, _, _, _| read_only()
    );
    define!(
        linker,
        sandbox,
        "path_link",
        (_a: u32, _b: u32, _c: u32, _d: u32, _e: u32, _f: u32, _g: u32),
        |_, _, _, _, _, _, _, _, _| read_only()
    );
    define!(linker, sandbox, "path_remove_directory", (_a: u32, _b: u32, _c: u32), |_, _, _, _, _| read_only());
    define!(
        linker,
        sandbox,
        "path_rename",
        (_a: u32, _b: u32, _c: u32, _d: u32, _e: u32, _f: u32),
        |_, _, _, _, _, _, _, _| read_only()
    );
    define!(
        linker,
        sandbox,
        "path_symlink",
        (_a: u32, _b: u32, _c: u32, _d: u32, _e: u32),
        |_, _, _, _, _, _, _| read_only()
    );
    define!(linker, sandbox, "path_unlink_file", (_a: u32, _b: u32, _c: u32), |_, _, _, _, _| read_only());
    define!(linker, sandbox, "fd_fdstat_set_rights", (_a: u32, _b: u64, _c: u64), |_, _, _, _, _| {
        Err(Errno::NOTSUP.into())
    });
    define!(linker, sandbox, "sock_accept", (_a: u32, _b: u32, _c: u32), |_, _, _, _, _| no_socket());
    define!(
        linker,
        sandbox,
        "sock_recv",
        (_a: u32, _b: u32, _c: u32, _d: u32, _e: u32, _f: u32),
        |_, _, _, _, _, _, _, _| no_socket()
    );
    define!(
        linker,
        sandbox,
        "sock_send",
        (_a: u32, _b: u32, _c: u32, _d: u32, _e: u32),
        |_, _, _, _, _, _, _| no_socket()
    );
    define!(linker, sandbox, "sock_shutdown", (_a: u32, _b: u32), |_, _, _, _| no_socket());
    Ok(())
}

fn read_only() -> Answer {
    Err(Errno::ROFS.into())
}

fn no_socket() -> Answer {
    Err(Errno::NOTSOCK.into())
}

/// Succeeds for a descriptor that is open: what has no effect here.
fn open(sandbox: &mut Sandbox, fd: u32) -> Answer {
    sandbox.files.get(fd)?;
    Ok(())
}

/// There are no arguments and no environment.
fn no_strings(guest: &mut Guest<'_>, _: &mut Sandbox, count: u32, bytes: u32) -> Answer {
    guest.write_u32(count, 0)?;
    guest.write_u32(bytes, 0)?;
    Ok(())
}

fn random(guest: &mut Guest<'_>, sandbox: &mut Sandbox, buffer: u32, length: u32) -> Answer {
    charge(sandbox, u64::from(length))?;
    sandbox.random.fill(guest.slice_mut(buffer, length)?);
    Ok(())
}
