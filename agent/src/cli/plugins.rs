//! The plugins of a folder, and where their compiled form is kept.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;

use super::output::note;
use super::progress::Progress;
use crate::plugin::registry::{Registry, RegistryOptions};
use crate::plugin::{CompileLimits, LoaderOptions};

/// What stands beside the program and in the plugins' folder.
const FOLDER: &str = "plugins";
const BUNDLED_CACHE: &str = "compiled";

/// A person's own machine compiles what an agent's memory limit would not
/// allow, once.
const COMPILE: CompileLimits =
    CompileLimits { module_bytes: 256 << 20, memory_bytes: 8 << 30, time: Duration::from_mins(10) };

/// Where plugins are, and where what is compiled of them is kept.
#[derive(clap::Args)]
pub(super) struct PluginArguments {
    /// The folder with the plugins. Without it, `plugins` beside this program.
    #[arg(long, value_name = "DIR", env = "WINDLASS_PLUGINS")]
    plugins: Option<PathBuf>,

    /// Where compiled plugins and, for an agent, Git objects are kept. Without
    /// it, `windlass` in the user's cache folder. Losing it costs a compilation
    /// and a fetch. Holds executable code: nobody else may write to it.
    #[arg(long, value_name = "DIR", env = "WINDLASS_CACHE")]
    cache: Option<PathBuf>,
}

impl PluginArguments {
    /// The folder of everything that is kept.
    pub(super) fn cache(&self) -> anyhow::Result<PathBuf> {
        match &self.cache {
            Some(cache) => Ok(cache.clone()),
            None => default_cache(&|name| std::env::var_os(name).map(PathBuf::from)),
        }
    }

    /// Loads every plugin of the folder, for so many calls at once. Those that
    /// can't be loaded are in [`Registry::errors`].
    pub(super) fn open(&self, compile: CompileLimits, calls: u32) -> anyhow::Result<Registry> {
        let folder = match &self.plugins {
            Some(folder) => folder.clone(),
            None => std::env::current_exe().context("find this program")?.with_file_name(FOLDER),
        };
        anyhow::ensure!(
            folder.is_dir(),
            "there is no plugin folder `{}` (name one with --plugins)",
            folder.display()
        );
        let bundled = folder.join(BUNDLED_CACHE);
        let loader = LoaderOptions {
            cache: self.cache()?.join("plugins"),
            bundled_cache: bundled.is_dir().then_some(bundled),
            compiler: None,
            compile,
            calls,
        };
        Ok(Registry::open(RegistryOptions { loader, folder, limits: BTreeMap::new() })?)
    }
}

/// Loads every plugin of the folder. Those that can't be loaded are told of,
/// and missing.
pub(super) fn load(arguments: &PluginArguments) -> anyhow::Result<Registry> {
    let progress = Progress::start("loading the plugins".to_owned());
    let registry = arguments.open(COMPILE, 1)?;
    drop(progress);
    for error in registry.errors() {
        note(&format!("the plugin in {} is not loaded: {}", error.file.display(), error.message));
    }
    Ok(registry)
}

/// By the XDG base directory specification, which ignores relative paths.
fn default_cache(variable: &dyn Fn(&str) -> Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".cache")))
        .map(|folder| folder.join("windlass"))
        .context("find a cache folder: neither HOME nor XDG_CACHE_HOME is set (name one with --cache)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_stands_where_the_user_keeps_caches() {
        let cache = |variables: &'static [(&str, &str)]| {
            default_cache(&|name| {
                let known = variables.iter().find(|(known, _)| *known == name)?;
                Some(PathBuf::from(known.1))
            })
        };
        let path = |variables| cache(variables).unwrap().display().to_string();
        assert_eq!(path(&[("HOME", "/home/a"), ("XDG_CACHE_HOME", "/tmp/c")]), "/tmp/c/windlass");
        assert_eq!(path(&[("HOME", "/home/a"), ("XDG_CACHE_HOME", "c")]), "/home/a/.cache/windlass");
        assert!(cache(&[]).is_err());
    }
}
