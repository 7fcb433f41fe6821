//! The plugins by name, kept up with a folder of `.wasm` files.
//!
//! Takes a folder and how to load from it; gives [`Plugin`]s, and the errors
//! of the files that gave none. A file that fails leaves the last good plugin
//! in place. Readers never wait: a whole new set is swapped in.

mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;

pub use self::watch::Watch;
use super::{LimitOverrides, Loader, LoaderOptions, Plugin, PluginError};
use crate::lock::lock;

/// Files in the folder that are looked at.
const MAX_FILES: usize = 256;

/// How long a file that failed is left alone, doubled at every failure.
const FIRST_RETRY: Duration = Duration::from_secs(10);
const LAST_RETRY: Duration = Duration::from_mins(10);

/// Where the plugins are and how they are loaded.
#[derive(Clone, Debug)]
pub struct RegistryOptions {
    /// The folder of `.wasm` files.
    pub folder: PathBuf,
    /// Compiler and caches.
    pub loader: LoaderOptions,
    /// Limits that differ from their world's, by the name of the file.
    pub limits: BTreeMap<String, LimitOverrides>,
}

/// A file that gave no plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryError {
    /// The file.
    pub file: PathBuf,
    /// Why, in one sentence.
    pub message: String,
    /// How often in a row.
    pub failures: u32,
}

/// The set of plugins.
pub struct Registry {
    folder: PathBuf,
    limits: ArcSwap<BTreeMap<String, LimitOverrides>>,
    loader: Loader,
    plugins: ArcSwap<BTreeMap<String, Arc<Plugin>>>,
    files: Mutex<BTreeMap<PathBuf, FileState>>,
}

/// What is known of one file.
struct FileState {
    stamp: Stamp,
    plugin: Option<Arc<Plugin>>,
    error: Option<String>,
    /// That another file has the plugin of the same name.
    clash: Option<String>,
    failures: u32,
    retry_at: Option<Instant>,
}

/// Changes whenever a file is replaced or written to.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

impl Registry {
    /// Loads every `.wasm` file of the folder. Files that fail are in
    /// [`Registry::errors`].
    ///
    /// # Errors
    /// [`PluginError::Load`] where the engine, a cache or the folder can't be
    /// opened.
    pub fn open(options: RegistryOptions) -> Result<Self, PluginError> {
        let loader = Loader::new(&options.loader)?;
        Self::with_loader(options.folder, options.limits, loader)
    }

    pub(crate) fn with_loader(
        folder: PathBuf,
        limits: BTreeMap<String, LimitOverrides>,
        loader: Loader,
    ) -> Result<Self, PluginError> {
        let registry = Self {
            folder,
            limits: ArcSwap::from_pointee(limits),
            loader,
            plugins: ArcSwap::default(),
            files: Mutex::new(BTreeMap::new()),
        };
        registry.rescan(Instant::now())?;
        Ok(registry)
    }

    /// The plugin of that name.
    pub fn get(&self, name: &str) -> Option<Arc<Plugin>> {
        self.plugins.load().get(name).cloned()
    }

    /// The plugin that a file of the folder gives.
    pub fn of_file(&self, name: &str) -> Option<Arc<Plugin>> {
        self.files().get(&self.folder.join(name))?.plugin.clone()
    }

    /// Changes the limits that differ from their world's, by the name of the
    /// file. The files that it concerns are loaded anew.
    pub fn set_limits(&self, limits: BTreeMap<String, LimitOverrides>) {
        let limits = Arc::new(limits);
        let before = self.limits.swap(limits.clone());
        let now = Instant::now();
        let mut concerned = false;
        for (file, state) in self.files().iter_mut() {
            let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if before.get(name) != limits.get(name) {
                state.retry_at = Some(now);
                concerned = true;
            }
        }
        if concerned && let Err(error) = self.rescan(now) {
            tracing::warn!(%error, "load plugins with other limits");
        }
    }

    /// All plugins, by name.
    pub fn iter(&self) -> impl Iterator<Item = Arc<Plugin>> {
        self.plugins.load_full().values().cloned().collect::<Vec<_>>().into_iter()
    }

    /// The files that give no plugin, or an older one than they hold.
    pub fn errors(&self) -> Vec<RegistryError> {
        let files = self.files();
        let failed = files.iter().filter_map(|(file, state)| {
            let message = state.error.clone().or_else(|| state.clash.clone())?;
            Some(RegistryError { file: file.clone(), message, failures: state.failures })
        });
        failed.collect()
    }

    /// Looks for files that came, changed or went since the last time, and for
    /// failed ones whose time has come. Gives the names of the plugins that
    /// are new, other or gone.
    ///
    /// # Errors
    /// [`PluginError::Load`] where the folder can't be read; nothing changes
    /// then.
    pub fn rescan(&self, now: Instant) -> Result<BTreeSet<String>, PluginError> {
        let found = list(&self.folder)?;
        let mut files = self.files();
        files.retain(|file, _| found.contains_key(file));
        for (file, stamp) in found {
            let due = match files.get(&file) {
                None => true,
                Some(state) => state.stamp != stamp || state.retry_at.is_some_and(|at| at <= now),
            };
            if due {
                let before = files.remove(&file);
                let state = self.load(&file, stamp, before, now);
                files.insert(file, state);
            }
        }
        Ok(self.publish(&mut files))
    }

    fn load(&self, file: &Path, stamp: Stamp, before: Option<FileState>, now: Instant) -> FileState {
        let loaded = self.load_tested(file);
        let (last_good, failures) = match before {
            Some(state) if state.stamp == stamp => (state.plugin, state.failures),
            Some(state) => (state.plugin, 0),
            None => (None, 0),
        };
        match loaded {
            Ok(plugin) => {
                let unchanged = last_good
                    .filter(|last| last.digest() == plugin.digest() && last.limits() == plugin.limits());
                let plugin = unchanged.unwrap_or_else(|| Arc::new(plugin));
                tracing::info!(plugin = plugin.name(), digest = %plugin.digest(), "plugin loaded");
                FileState {
                    stamp,
                    plugin: Some(plugin),
                    error: None,
                    clash: None,
                    failures: 0,
                    retry_at: None,
                }
            }
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "plugin not loaded");
                let wait = FIRST_RETRY.saturating_mul(1 << failures.min(10)).min(LAST_RETRY);
                FileState {
                    stamp,
                    plugin: last_good,
                    error: Some(error.to_string()),
                    clash: None,
                    failures: failures + 1,
                    retry_at: Some(now + wait),
                }
            }
        }
    }

    fn load_tested(&self, file: &Path) -> Result<Plugin, PluginError> {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let limits = self.limits.load().get(name).copied().unwrap_or_default();
        let plugin = self.loader.load(file, limits)?;
        plugin.self_test()?;
        Ok(plugin)
    }

    /// Swaps in what the files now give. Of two files with the same plugin the
    /// first one counts, by name.
    fn publish(&self, files: &mut BTreeMap<PathBuf, FileState>) -> BTreeSet<String> {
        let mut plugins: BTreeMap<String, Arc<Plugin>> = BTreeMap::new();
        let mut taken: BTreeMap<String, PathBuf> = BTreeMap::new();
        for (file, state) in files.iter_mut() {
            state.clash = None;
            let Some(plugin) = &state.plugin else { continue };
            let name = plugin.name();
            if let Some(first) = taken.get(name) {
                state.clash =
                    Some(format!("`{}` already is the plugin `{name}`; rename one of them", first.display()));
            } else {
                taken.insert(name.to_owned(), file.clone());
                plugins.insert(name.to_owned(), plugin.clone());
            }
        }
        let before = self.plugins.load_full();
        let changed = changed_names(&before, &plugins);
        if !changed.is_empty() {
            self.plugins.store(Arc::new(plugins));
        }
        changed
    }

    /// A panic while loading leaves the files that were looked at before.
    fn files(&self) -> MutexGuard<'_, BTreeMap<PathBuf, FileState>> {
        lock(&self.files)
    }
}

fn changed_names(
    before: &BTreeMap<String, Arc<Plugin>>,
    after: &BTreeMap<String, Arc<Plugin>>,
) -> BTreeSet<String> {
    let names = before.keys().chain(after.keys());
    let changed = names.filter(|name| match (before.get(*name), after.get(*name)) {
        (Some(before), Some(after)) => !Arc::ptr_eq(before, after),
        _ => true,
    });
    changed.cloned().collect()
}

fn list(folder: &Path) -> Result<BTreeMap<PathBuf, Stamp>, PluginError> {
    use std::os::unix::fs::MetadataExt;

    let failed = |error: std::io::Error| {
        PluginError::Load(format!("list the plugins in `{}`: {error}", folder.display()))
    };
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let hidden = path.file_name().and_then(|name| name.to_str()).is_none_or(|name| name.starts_with('.'));
        if hidden || path.extension().is_none_or(|extension| extension != "wasm") {
            continue;
        }
        // Through symlinks: a mounted ConfigMap has nothing else.
        let Ok(metadata) = std::fs::metadata(&path) else { continue };
        if !metadata.is_file() {
            continue;
        }
        let stamp =
            Stamp { bytes: metadata.len(), modified: metadata.modified().ok(), inode: metadata.ino() };
        found.insert(path, stamp);
        if found.len() > MAX_FILES {
            return Err(PluginError::Load(format!(
                "`{}` has more than {MAX_FILES} plugins",
                folder.display()
            )));
        }
    }
    Ok(found)
}
