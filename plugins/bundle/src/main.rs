//! Builds the plugins of this repository into one folder.

use std::io::Write;
use std::path::PathBuf;

use clap::Parser;
use windlass_bundle::{Options, build};

/// Builds the plugins of this repository into one folder that the agent loads.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The folder to write the plugins to.
    #[arg(long, default_value = "target/plugins/bundle")]
    out: PathBuf,
    /// Only these plugins.
    names: Vec<String>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // Progress that can't be shown is no reason to stop.
    let progress = |line: &str| drop(writeln!(std::io::stderr(), "{line}"));
    let mut options = Options::new(arguments.out, &progress);
    options.only = arguments.names;
    for path in build(&options)? {
        writeln!(std::io::stdout(), "{}", path.display())?;
    }
    Ok(())
}
