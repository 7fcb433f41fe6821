//! Compiles one plugin ahead of time, in a process of its own with a memory
//! limit of its own.
//!
//! Takes a WebAssembly file; gives machine code for this version of the agent,
//! written by rename, or exit code 1 and a message on standard error.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Parser;
use rustix::process::{Resource, Rlimit, setrlimit};

/// Compiles a plugin for this version of windlass.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where to write the compiled plugin.
    #[arg(long)]
    output: PathBuf,
    /// The most memory that compiling may take, in bytes.
    #[arg(long, env = "WINDLASS_COMPILE_MEMORY_LIMIT", value_name = "BYTES")]
    memory_limit: Option<u64>,
    /// The plugin: a component, or a preview-1 module.
    input: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(bytes) = arguments.memory_limit {
        let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
        // Data, not address space: initialising a reactor reserves gigabytes and uses few.
        setrlimit(Resource::Data, limit).context("limit the memory")?;
    }
    let wasm =
        std::fs::read(&arguments.input).with_context(|| format!("read {}", arguments.input.display()))?;
    let compiled = windlass::plugin::compile::compile(&wasm)
        .with_context(|| format!("compile {}", arguments.input.display()))?;
    write_by_rename(&arguments.output, &compiled)
}

/// A reader of `path` sees the old file or the whole new one.
fn write_by_rename(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let mut name = path.file_name().context("the output has no file name")?.to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    std::fs::write(&part, content).with_context(|| format!("write {}", part.display()))?;
    std::fs::rename(&part, path).with_context(|| format!("write {}", path.display()))
}
