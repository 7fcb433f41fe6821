//! Where a remote's objects are kept between polls.
//!
//! One folder for each remote: a `current.json` that names the repository in
//! use, every file of it with its digest, and the object that was fetched last.
//! It is written last and replaced as a whole, so what a killed process leaves
//! behind is not believed; neither is a file that does not have its digest.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::source::object_store::ObjectStore;
use crate::source::tree::ObjectId;

const RECORD: &str = "current.json";
const RECORD_BYTES: u64 = 1 << 20;
/// A cache is fetched afresh once it is this many times as large as a fresh one, …
const GROWTH: u64 = 4;
/// … but never while it is smaller than this, …
const GROWTH_FLOOR_BYTES: u64 = 16 << 20;
/// … and always when it has so many packs, since each look-up may try all.
const PACKS: usize = 64;

/// One remote's cache. Only one process uses it at a time.
pub(crate) struct Cache {
    folder: PathBuf,
    object_bytes: u64,
    current: Option<Current>,
    /// Held locked.
    lock: File,
}

struct Current {
    store: Arc<ObjectStore>,
    record: Record,
}

/// `current.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    /// The repository's folder.
    repository: String,
    /// The commit or tag that was fetched last.
    tip: String,
    /// Bytes in its packs when it was fetched afresh.
    fresh_bytes: u64,
    files: Vec<FileRecord>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRecord {
    name: String,
    bytes: u64,
    sha256: String,
}

impl Cache {
    /// Opens the cache in `folder`, and removes what is not believed.
    pub(crate) fn open(folder: &Path, object_bytes: u64) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let lock = File::options().create(true).truncate(false).write(true).open(folder.join("lock"))?;
        lock.try_lock().map_err(|_| io::Error::other("another process or Repository uses it"))?;
        let mut cache = Self { folder: folder.to_owned(), object_bytes, current: None, lock };
        match cache.read_record() {
            Ok(current) => cache.current = current,
            Err(problem) => tracing::warn!(%problem, folder = %folder.display(), "cache discarded"),
        }
        cache.sweep()?;
        Ok(cache)
    }

    /// The repository in use, if it is complete.
    pub(crate) fn store(&self) -> Option<&Arc<ObjectStore>> {
        self.current.as_ref().map(|current| &current.store)
    }

    /// The commit or tag that was fetched last.
    pub(crate) fn tip(&self) -> Option<ObjectId> {
        self.current.as_ref().and_then(|current| current.record.tip.parse().ok())
    }

    /// Bytes in the packs of a fresh fetch.
    pub(crate) fn fresh_bytes(&self) -> u64 {
        self.current.as_ref().map_or(0, |current| current.record.fresh_bytes)
    }

    /// Whether fetching afresh is better than adding to what is here.
    pub(crate) fn is_outgrown(&self) -> bool {
        let Some(current) = &self.current else { return false };
        let packs = current.record.files.iter().filter(|file| has_extension(&file.name, "pack")).count();
        let bound = current.record.fresh_bytes.saturating_mul(GROWTH).max(GROWTH_FLOOR_BYTES);
        packs >= PACKS || pack_bytes(&current.record.files) > bound
    }

    /// An empty repository beside the one in use.
    pub(crate) fn fresh(&self) -> Result<ObjectStore, String> {
        let taken = repositories(&self.folder).map_err(|error| error.to_string())?;
        let number = taken.iter().filter_map(|name| name.strip_prefix("git-")?.parse::<u64>().ok()).max();
        let name = format!("git-{}", number.unwrap_or(0) + 1);
        ObjectStore::create(&self.folder.join(name), self.object_bytes)
    }

    /// Makes `store` the one in use, complete up to `tip`.
    pub(crate) fn adopt(&mut self, store: Arc<ObjectStore>, tip: ObjectId) -> io::Result<()> {
        let former = self.current.as_ref().filter(|current| Arc::ptr_eq(&current.store, &store));
        let known = former.map(|current| current.record.files.as_slice()).unwrap_or_default();
        let files = digest(store.folder(), known)?;
        let fresh_bytes = former.map_or_else(|| pack_bytes(&files), |current| current.record.fresh_bytes);
        let repository =
            store.folder().file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let record = Record { repository, tip: tip.to_string(), fresh_bytes, files };
        self.write_record(&record)?;
        let replaced = self.current.replace(Current { store, record });
        if let (Some(replaced), Some(current)) = (replaced, &self.current)
            && !Arc::ptr_eq(&replaced.store, &current.store)
        {
            replaced.store.retire();
        }
        Ok(())
    }

    /// Believes nothing of what is here any more. Trees that are open stay readable.
    pub(crate) fn discard(&mut self) -> io::Result<()> {
        if let Some(current) = self.current.take() {
            current.store.retire();
        }
        match fs::remove_file(self.folder.join(RECORD)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn read_record(&self) -> Result<Option<Current>, String> {
        let file = match File::open(self.folder.join(RECORD)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|error| error.to_string())?,
        };
        let mut text = String::new();
        file.take(RECORD_BYTES).read_to_string(&mut text).map_err(|error| error.to_string())?;
        let record: Record = serde_json::from_str(&text).map_err(|error| format!("{RECORD}: {error}"))?;
        if !is_repository(&record.repository) {
            return Err(format!("{RECORD} names `{}`", record.repository));
        }
        let folder = self.folder.join(&record.repository);
        let files = digest(&folder, &[]).map_err(|error| error.to_string())?;
        if let Some(bad) = record.files.iter().find(|file| !files.contains(file)) {
            return Err(format!("{} is damaged or missing", bad.name));
        }
        for file in files.iter().filter(|file| !record.files.contains(file)) {
            fs::remove_file(folder.join(&file.name)).map_err(|error| error.to_string())?;
        }
        let store = Arc::new(ObjectStore::open(&folder, self.object_bytes)?);
        let tip = record.tip.parse().map_err(|_| format!("{RECORD} names no object"))?;
        store.revision(tip)?;
        Ok(Some(Current { store, record }))
    }

    fn write_record(&self, record: &Record) -> io::Result<()> {
        let text = serde_json::to_vec(record).map_err(io::Error::other)?;
        let unfinished = self.folder.join("next.json");
        let mut file = File::create(&unfinished)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(unfinished, self.folder.join(RECORD))
    }

    /// Removes every repository but the one in use.
    fn sweep(&self) -> io::Result<()> {
        let used = self.current.as_ref().map(|current| current.record.repository.as_str());
        for name in repositories(&self.folder)?.iter().filter(|name| Some(name.as_str()) != used) {
            fs::remove_dir_all(self.folder.join(name))?;
        }
        Ok(())
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        // A process that is just being started may hold a copy of the handle for a moment.
        let _ = self.lock.unlock();
    }
}

fn is_repository(name: &str) -> bool {
    name.strip_prefix("git-")
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn repositories(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.extend(entry?.file_name().into_string().ok().filter(|name| is_repository(name)));
    }
    Ok(names)
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|actual| actual == extension)
}

fn pack_bytes(files: &[FileRecord]) -> u64 {
    files.iter().filter(|file| has_extension(&file.name, "pack")).map(|file| file.bytes).sum()
}

/// All files in a repository's folder by name. Packs and their indices never
/// change, so what is `known` of them is taken over.
fn digest(folder: &Path, known: &[FileRecord]) -> io::Result<Vec<FileRecord>> {
    let mut files = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(folder.join(&inner))? {
            let entry = entry?;
            let name =
                entry.file_name().into_string().map_err(|_| io::Error::other("a file name is not UTF-8"))?;
            let name = if inner.is_empty() { name } else { format!("{inner}/{name}") };
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(name);
            } else if kind.is_file() {
                let bytes = entry.metadata()?.len();
                let is_same = |file: &&FileRecord| {
                    file.name == name && file.bytes == bytes && name.starts_with("objects/")
                };
                let sha256 = match known.iter().find(is_same) {
                    Some(file) => file.sha256.clone(),
                    None => sha256(&folder.join(&name))?,
                };
                files.push(FileRecord { name, bytes, sha256 });
            } else {
                return Err(io::Error::other(format!("`{name}` is neither a file nor a folder")));
            }
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok(hex::encode(hasher.finalize()))
}
