//! Builds the plugins of this repository into one folder that the agent loads.
//!
//! Takes the repository's sources; gives one prepared `<name>.wasm` per plugin,
//! written by rename, and beside them what the agent of this tree compiles of
//! each, so that no agent has to. What is up to date is left alone. The files
//! themselves hold no machine code: it belongs to one version of the agent, and
//! they don't.

mod collector;
mod command;
mod inputs;
mod output;
mod sources;

use std::path::{Path, PathBuf};

use anyhow::Context;

use self::output::Folder;
use self::sources::{Language, Source};

/// The folder of the compiled plugins, in the bundle: the agent looks for it there.
const COMPILED: &str = "compiled";

/// What to build, and where.
pub struct Options<'a> {
    /// The root of this repository.
    pub root: PathBuf,
    /// The folder that the plugins are written to. It is created.
    pub out_dir: PathBuf,
    /// Only the plugins with these names; all of them when empty.
    pub only: Vec<String>,
    /// Is told what happens, one line at a time.
    pub progress: &'a dyn Fn(&str),
}

impl<'a> Options<'a> {
    /// All plugins of the repository that this crate was built from.
    pub fn new(out_dir: impl Into<PathBuf>, progress: &'a dyn Fn(&str)) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.ancestors().nth(2).unwrap_or(here).to_path_buf();
        Self { root, out_dir: out_dir.into(), only: Vec::new(), progress }
    }
}

/// Builds what is not up to date, and gives the paths of all plugins, by name.
///
/// # Errors
/// Where a tool is missing, with what installs it; where a build fails, with
/// the end of what it printed.
pub fn build(options: &Options<'_>) -> anyhow::Result<Vec<PathBuf>> {
    let workspace = sources::Workspace::open(&options.root)?;
    let mut sources = workspace.plugins()?;
    if let Some(unknown) =
        options.only.iter().find(|name| !sources.iter().any(|source| source.name == **name))
    {
        anyhow::bail!("there is no plugin `{unknown}` in {}", options.root.join("plugins").display());
    }
    sources.retain(|source| options.only.is_empty() || options.only.contains(&source.name));
    let folder = Folder::lock(&options.out_dir, options.progress)?;
    let hasher = inputs::Hasher::new(&options.root)?;
    let mut stale = Vec::new();
    for source in &sources {
        let hash = hasher.hash(source)?;
        if !folder.is_current(&source.name, &hash)? {
            stale.push((source, hash));
        }
    }
    if stale.is_empty() {
        (options.progress)(&format!("{} plugins are up to date", sources.len()));
    }
    build_rust(options, &workspace, &stale)?;
    for (source, hash) in &stale {
        let wasm = match source.language {
            Language::Rust { .. } => workspace.read_rust(source)?,
            Language::Go => {
                (options.progress)(&format!("building {} with Go", source.name));
                workspace.build_go(source)?
            }
        };
        (options.progress)(&format!("preparing {}", source.name));
        let prepared = windlass::plugin::compile::prepare(&wasm)
            .with_context(|| format!("prepare the plugin {}", source.name))?;
        folder.write(&source.name, &prepared, hash)?;
    }
    let paths: Vec<PathBuf> = sources.iter().map(|source| folder.path(&source.name)).collect();
    compile(options, &sources, &paths)?;
    Ok(paths)
}

/// Compiles what is not compiled yet, so that no agent has to.
fn compile(options: &Options<'_>, sources: &[Source], paths: &[PathBuf]) -> anyhow::Result<()> {
    let compiled = options.out_dir.join(COMPILED);
    for (source, path) in sources.iter().zip(paths) {
        let prepared = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
        let anew = windlass::plugin::compile::precompile_into(&compiled, &prepared)
            .with_context(|| format!("compile the plugin {}", source.name))?;
        if anew {
            (options.progress)(&format!("compiled {}", source.name));
        }
    }
    Ok(())
}

/// Builds all Rust plugins of one target with one run of cargo.
fn build_rust(
    options: &Options<'_>,
    workspace: &sources::Workspace,
    stale: &[(&Source, String)],
) -> anyhow::Result<()> {
    for target in sources::RUST_TARGETS {
        let wanted: Vec<_> = stale
            .iter()
            .map(|(source, _)| *source)
            .filter(|source| matches!(&source.language, Language::Rust { target: own, .. } if own == target))
            .collect();
        if !wanted.is_empty() {
            let names: Vec<_> = wanted.iter().map(|source| source.name.as_str()).collect();
            (options.progress)(&format!("building {} for {target}", names.join(", ")));
            workspace.build_rust(target, &wanted)?;
        }
    }
    Ok(())
}
