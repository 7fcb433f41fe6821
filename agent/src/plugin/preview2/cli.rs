//! `wasi:cli`: captured streams, an empty environment, and the way out.

use wasmtime::component::{Linker, Resource};

use super::io::{InputStream, OutputStream};
use super::{Interface, State};
use crate::plugin::preview1::Exit;

/// `terminal-input`. There is none.
struct TerminalInput;

/// `terminal-output`. There is none.
struct TerminalOutput;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut environment = Interface::open(linker, "cli/environment")?;
    environment.function("get-environment", |_, ()| Ok(Vec::<(String, String)>::new()))?;
    environment.function("get-arguments", |_, ()| Ok(Vec::<String>::new()))?;
    environment.function("initial-cwd", |_, ()| Ok(Some("/".to_owned())))?;

    let mut exit = Interface::open(linker, "cli/exit")?;
    exit.procedure("exit", |_, (status,): (Result<(), ()>,)| Err(Exit(i32::from(status.is_err())).into()))?;
    exit.procedure("exit-with-code", |_, (code,): (u8,)| Err(Exit(i32::from(code)).into()))?;

    Interface::open(linker, "cli/stdin")?
        .function("get-stdin", |renderer, ()| Ok(renderer.table.push(InputStream::Stdin)?))?;
    Interface::open(linker, "cli/stdout")?
        .function("get-stdout", |renderer, ()| Ok(renderer.table.push(OutputStream::Stdout)?))?;
    Interface::open(linker, "cli/stderr")?
        .function("get-stderr", |renderer, ()| Ok(renderer.table.push(OutputStream::Stderr)?))?;

    Interface::open(linker, "cli/terminal-input")?.resource::<TerminalInput>("terminal-input")?;
    Interface::open(linker, "cli/terminal-output")?.resource::<TerminalOutput>("terminal-output")?;
    Interface::open(linker, "cli/terminal-stdin")?
        .function("get-terminal-stdin", |_, ()| Ok(None::<Resource<TerminalInput>>))?;
    Interface::open(linker, "cli/terminal-stdout")?
        .function("get-terminal-stdout", |_, ()| Ok(None::<Resource<TerminalOutput>>))?;
    Interface::open(linker, "cli/terminal-stderr")?
        .function("get-terminal-stderr", |_, ()| Ok(None::<Resource<TerminalOutput>>))
}
