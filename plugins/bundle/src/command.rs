//! Runs a tool and turns its failure into a message.

use std::io::ErrorKind;
use std::process::Command;

use anyhow::{Context, bail};

/// The most lines of a failed tool's output that a message repeats.
const LINES: usize = 40;

/// Runs `command`; gives what it wrote to standard output.
pub(crate) fn run(command: &mut Command, hint: &str) -> anyhow::Result<Vec<u8>> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = match command.output() {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => bail!("`{name}` is not installed: {hint}"),
        Err(error) => return Err(error).with_context(|| format!("start `{name}`")),
    };
    if !output.status.success() {
        let printed = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<_> = printed.lines().collect();
        let end = lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default().join("\n");
        bail!("`{name}` failed ({}):\n{end}", output.status);
    }
    Ok(output.stdout)
}
