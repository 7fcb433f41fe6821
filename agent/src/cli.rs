//! What a person types: parses it, runs it, and turns the outcome into text
//! and an exit code.
//!
//! Rendering and checking need no cluster and read no kubeconfig. This is the
//! only module that prints.
//!
//! Exit codes: 0, it worked, and nothing was refused; 1, the manifests were
//! refused or could not be rendered; 2, the command could not do its work: it
//! was mistyped, a file or a plugin is missing, a policy gave no answer.

mod agent;
mod application;
mod check;
mod diff;
mod fields;
mod folder;
mod install;
mod job;
mod output;
mod plugins;
mod progress;
mod remote;
mod render;
mod settings;
mod status;
mod yaml;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use output::{Color, Output, stdout};

/// The manifests were refused or could not be rendered.
const REFUSED: u8 = 1;

/// The command could not do its work.
const FAILED: u8 = 2;

/// Keeps Kubernetes equal to what Git says.
#[derive(Parser)]
#[command(name = "windlass", version, about, propagate_version = true)]
struct Cli {
    /// When to use colours. `auto`: on a terminal, unless `NO_COLOR` is set.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    color: Color,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the agent: keep a cluster equal to its Repositories.
    Agent(agent::Arguments),
    /// Print what has to be applied to a cluster so that agents run in it.
    Install {
        /// The agent's image.
        #[arg(long, default_value_t)]
        image: install::Image,
        /// Let the agent deploy everything. Without it, it may deploy only
        /// what an operator grants.
        #[arg(long)]
        cluster_admin: bool,
    },
    /// Print the manifests that a folder renders to. Needs no cluster.
    Render(render::Arguments),
    /// Judge the manifests that folders render to. Needs no cluster.
    Check(check::Arguments),
    /// Show what a change does to the manifests of a folder. Needs no cluster.
    Diff(diff::Arguments),
    /// Show the Applications and Repositories of a cluster.
    Status(status::Arguments),
    /// Print a completion script for a shell.
    Completion {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the version.
    Version,
}

/// Runs the command line; the first argument is the program's name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Asking for help is no error; clap knows which stream is right.
            let code = if error.use_stderr() { FAILED } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let output = Output::new(cli.color);
    match execute(cli.command, &output) {
        Ok(code) => ExitCode::from(code),
        // Whoever read the output has seen enough, as `head` does.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&error);
            ExitCode::from(FAILED)
        }
    }
}

fn execute(command: Command, output: &Output) -> anyhow::Result<u8> {
    match command {
        Command::Agent(arguments) => agent::run(&arguments, output),
        Command::Install { image, cluster_admin } => {
            let manifests = install::manifests(&install::InstallOptions { image, cluster_admin });
            stdout().write_all(manifests.as_bytes())?;
            Ok(0)
        }
        Command::Render(arguments) => render::run(&arguments, output),
        Command::Check(arguments) => check::run(&arguments, output),
        Command::Diff(arguments) => diff::run(&arguments, output),
        Command::Status(arguments) => status::run(&arguments),
        Command::Completion { shell } => {
            // Into memory first: clap's writer panics where the reader has gone.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "windlass", &mut script);
            stdout().write_all(&script)?;
            Ok(0)
        }
        Command::Version => {
            writeln!(stdout(), "windlass {}", env!("CARGO_PKG_VERSION"))?;
            Ok(0)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_shell_gets_its_completion_script() {
        for shell in [clap_complete::Shell::Bash, clap_complete::Shell::Zsh, clap_complete::Shell::Fish] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "windlass", &mut script);
            let script = String::from_utf8(script).unwrap();
            // Fish writes `-l cluster-data`.
            for word in ["render", "cluster-data", "baseline", "sarif", "junit", "github"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }
}
