//! Compiled plugins on disk: machine code, so nothing but what the compiler of
//! this very agent wrote is ever mapped.
//!
//! Takes a plugin's digest; gives the file to map, or nothing. A file's name
//! holds the plugin's digest, what it was compiled for, and the digest of its
//! own content, so that it arrives whole by one rename or not at all. What
//! doesn't match its name is deleted.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::PluginError;
use super::artifact::Digest;
use super::engine::compatibility;

const EXTENSION: &str = "cwasm";

/// Compiled plugins that are kept, the newest ones.
const MAX_ENTRIES: usize = 64;

/// What a compiler leaves behind that was killed.
const SCRATCH_EXTENSION: &str = "part";

/// After this long without a write, no compiler is at it any more: none may take as long.
const SCRATCH_LIFE: Duration = Duration::from_hours(1);

/// A folder of compiled plugins.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
    writable: bool,
}

impl Cache {
    /// The user's own folder: made with mode 0700 where it is missing. Several
    /// processes of the user may use it at the same time.
    ///
    /// # Errors
    /// [`PluginError::Load`] where others may look into it or write to it.
    pub fn private(folder: &Path) -> Result<Self, PluginError> {
        let make = || -> io::Result<u32> {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            Ok(fs::metadata(folder)?.permissions().mode())
        };
        let mode = make().map_err(|error| failed("open the plugin cache", folder, &error))?;
        if mode & 0o077 != 0 {
            return Err(PluginError::Load(format!(
                "the plugin cache `{}` holds executable code and must have the mode 0700, not {:04o}",
                folder.display(),
                mode & 0o7777
            )));
        }
        let cache = Self { folder: folder.to_owned(), writable: true };
        cache.remove_scratch();
        Ok(cache)
    }

    /// A folder that came with the agent's image, compiled when the image was
    /// built.
    ///
    /// # Errors
    /// [`PluginError::Load`] where others than its owner may write to it.
    pub fn bundled(folder: &Path) -> Result<Self, PluginError> {
        let metadata =
            fs::metadata(folder).map_err(|error| failed("open the bundled plugins", folder, &error))?;
        if metadata.permissions().mode() & 0o022 != 0 {
            return Err(PluginError::Load(format!(
                "the bundled plugins in `{}` are executable code and must not be writable by others",
                folder.display()
            )));
        }
        Ok(Self { folder: folder.to_owned(), writable: false })
    }

    /// Where a compiler may write before [`Cache::insert`].
    /// Another one each time: the same plugin may be compiled twice at once.
    pub(crate) fn scratch(&self, plugin: &Digest) -> PathBuf {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let (process, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        self.folder.join(format!(".{plugin}-{process}-{number}.{SCRATCH_EXTENSION}"))
    }

    /// Takes over the compiled form of `plugin` that stands at `compiled`, in
    /// the same file system; gives where it stands now.
    ///
    /// # Errors
    /// [`PluginError::Load`] where the file can't be read, synced or renamed.
    pub fn insert(&self, plugin: &Digest, compiled: &Path) -> Result<PathBuf, PluginError> {
        let move_in = || -> io::Result<PathBuf> {
            let file = File::open(compiled)?;
            file.set_permissions(fs::Permissions::from_mode(0o444))?;
            file.sync_all()?;
            let name = format!("{}.{}.{EXTENSION}", stem(plugin), content_digest(compiled)?);
            let path = self.folder.join(name);
            fs::rename(compiled, &path)?;
            File::open(&self.folder)?.sync_all()?;
            Ok(path)
        };
        self.make_room();
        move_in().map_err(|error| failed("keep the compiled plugin", compiled, &error))
    }

    /// Removes the oldest entries, until one more is not too many. What is
    /// mapped stays mapped.
    fn make_room(&self) {
        let mut entries: Vec<_> = self
            .files(EXTENSION)
            .filter_map(|path| Some((fs::metadata(&path).ok()?.modified().ok()?, path)))
            .collect();
        entries.sort();
        let too_many = (entries.len() + 1).saturating_sub(MAX_ENTRIES);
        for (_, path) in &entries[..too_many.min(entries.len())] {
            self.discard(path, "the cache is full of newer ones");
        }
    }

    fn remove_scratch(&self) {
        for path in self.files(SCRATCH_EXTENSION) {
            let modified = fs::metadata(&path).and_then(|metadata| metadata.modified());
            if modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > SCRATCH_LIFE)) {
                self.discard(&path, "its compiler never finished");
            }
        }
    }

    fn files(&self, extension: &'static str) -> impl Iterator<Item = PathBuf> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.filter(move |path| path.extension().is_some_and(|actual| actual == extension))
    }

    /// The compiled form of `plugin`, verified; nothing where there is none.
    pub(crate) fn find(&self, plugin: &Digest) -> Option<PathBuf> {
        let prefix = format!("{}.", stem(plugin));
        let entries = fs::read_dir(&self.folder).ok()?;
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(&prefix)) else { continue };
            let path = entry.path();
            let intact = entry.file_type().is_ok_and(|kind| kind.is_file())
                && content_digest(&path).is_ok_and(|digest| rest == format!("{digest}.{EXTENSION}"));
            if intact {
                return Some(path);
            }
            self.discard(&path, "its content does not match its name");
        }
        None
    }

    /// Removes an entry that can't be used.
    pub(crate) fn discard(&self, path: &Path, reason: &str) {
        tracing::warn!(path = %path.display(), reason, "a compiled plugin is not used");
        if self.writable {
            let _ = fs::remove_file(path);
        }
    }
}

fn stem(plugin: &Digest) -> String {
    format!("{plugin}-{}", compatibility())
}

fn content_digest(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 128 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex::encode(hasher.finalize())),
            read => hasher.update(&buffer[..read]),
        }
    }
}

fn failed(what: &str, path: &Path, error: &io::Error) -> PluginError {
    PluginError::Load(format!("{what} at `{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn insert(cache: &Cache, plugin: &Digest) -> PathBuf {
        let scratch = cache.scratch(plugin);
        fs::write(&scratch, b"compiled").unwrap();
        cache.insert(plugin, &scratch).unwrap()
    }

    fn cache_with_one_entry() -> (tempfile::TempDir, Cache, Digest, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::private(&folder.path().join("cache")).unwrap();
        let plugin = Digest::of(b"plugin");
        let path = insert(&cache, &plugin);
        (folder, cache, plugin, path)
    }

    #[test]
    fn what_was_inserted_is_found_by_the_plugins_digest_alone() {
        let (_folder, cache, plugin, path) = cache_with_one_entry();
        assert_eq!(cache.find(&plugin), Some(path));
        assert_eq!(cache.find(&Digest::of(b"another")), None);
    }

    #[test]
    fn an_entry_whose_content_changed_is_deleted_and_missing() {
        let (_folder, cache, plugin, path) = cache_with_one_entry();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, b"compilee").unwrap();
        assert_eq!(cache.find(&plugin), None);
        assert!(!path.exists());
    }

    #[test]
    fn an_entry_under_a_foreign_name_is_never_used() {
        let (_folder, cache, plugin, path) = cache_with_one_entry();
        let foreign = path.with_file_name(format!("{}.{}.cwasm", stem(&plugin), "0".repeat(64)));
        fs::rename(&path, &foreign).unwrap();
        assert_eq!(cache.find(&plugin), None);
    }

    #[test]
    fn only_so_many_entries_are_kept_and_what_a_dead_compiler_left_goes() {
        let (folder, cache, _, _) = cache_with_one_entry();
        for number in 0..MAX_ENTRIES {
            let plugin = Digest::of(&number.to_be_bytes());
            insert(&cache, &plugin);
        }
        assert_eq!(cache.files(EXTENSION).count(), MAX_ENTRIES);
        let dead = cache.scratch(&Digest::of(b"dead"));
        fs::write(&dead, b"half").unwrap();
        let long_ago = SystemTime::now() - SCRATCH_LIFE * 2;
        File::options().write(true).open(&dead).unwrap().set_modified(long_ago).unwrap();
        let living = cache.scratch(&Digest::of(b"living"));
        fs::write(&living, b"half").unwrap();
        let cache = Cache::private(&folder.path().join("cache")).unwrap();
        assert_eq!(cache.files(SCRATCH_EXTENSION).collect::<Vec<_>>(), [living]);
    }

    #[test]
    fn the_same_plugin_may_be_compiled_twice_at_once() {
        let (_folder, cache, plugin, first) = cache_with_one_entry();
        let (one, other) = (cache.scratch(&plugin), cache.scratch(&plugin));
        for scratch in [&one, &other] {
            fs::write(scratch, b"compiled").unwrap();
        }
        assert_eq!(cache.insert(&plugin, &one).unwrap(), first);
        assert_eq!(cache.insert(&plugin, &other).unwrap(), first);
        assert_eq!(cache.find(&plugin), Some(first));
    }

    #[test]
    fn a_folder_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let error = Cache::private(folder.path()).unwrap_err();
        assert!(error.to_string().contains("must have the mode 0700, not 0755"), "{error}");
    }
}
