//! Keeps the last render of each application on disk, so that an agent that
//! starts anew renders only what changed meanwhile.
//!
//! Takes what the memo remembers; gives it back if every byte of it is what was
//! written. One file for each application, and a bound on all of them; whatever
//! can't be read or written costs a render and nothing else. A set that holds a
//! Secret is never written: its values leave the process towards the API server
//! alone. Failures are kept too, as what was told of them.

use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::memo::Outcome;
use super::{Kept, PluginId, RenderError, RenderFailure, Rendered, digest_of};
use crate::api::condition::Reason;
use crate::diagnostic::Diagnostic;
use crate::object::{ObjectKey, Origin, Packed};
use crate::source::trace::Inputs;

/// Changes with the agent's sources: with what is written, and with whatever
/// makes the same output of a renderer into other manifests.
const FORMAT: &str = env!("WINDLASS_SOURCES");
/// The largest file that is written or read.
const FILE_BYTES: u64 = 16 << 20;
/// What all files may hold together.
const STORE_BYTES: u64 = 512 << 20;
const UNFINISHED: &str = ".unfinished";

/// The renders on disk.
pub struct Store {
    folder: PathBuf,
    limit: u64,
    used: AtomicU64,
}

/// One render with the key under which it is valid.
pub(super) struct Stored {
    pub(super) key: [u8; 32],
    /// The commit's time, where it depends on it.
    pub(super) time: Option<i64>,
    pub(super) outcome: Outcome,
}

/// A file's content after its first line, which is the digest of the rest.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    key: String,
    time: Option<i64>,
    inputs: Inputs,
    result: Result<Set, Failure>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    renderer: PluginId,
    post_renderers: Vec<PluginId>,
    digest: String,
    warnings: Vec<Diagnostic>,
    manifests: Vec<Manifest>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Failure {
    reason: Reason,
    diagnostics: Vec<Diagnostic>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    key: ObjectKey,
    version: String,
    object: String,
    origin: Option<Origin>,
    span: Option<(u32, u32)>,
    changed_by: Vec<Origin>,
}

impl Store {
    /// Opens the folder, which is created for this process alone.
    ///
    /// # Errors
    /// Where it can't be used.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Self::bounded(folder, STORE_BYTES)
    }

    fn bounded(folder: &Path, limit: u64) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let store = Self { folder: folder.to_owned(), limit, used: AtomicU64::new(0) };
        for (path, bytes, _) in store.files()? {
            if path.to_string_lossy().ends_with(UNFINISHED) {
                fs::remove_file(path)?;
            } else {
                store.used.fetch_add(bytes, Ordering::Relaxed);
            }
        }
        Ok(store)
    }

    /// The last render of an application, if it is there and undamaged.
    pub(super) fn load(&self, namespace: &str, name: &str) -> Option<Stored> {
        let path = self.path(namespace, name);
        match read(&path) {
            Ok(stored) => Some(stored),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::info!(application = %format!("{namespace}/{name}"), %error, "a kept render is not believed");
                self.remove(namespace, name);
                None
            }
        }
    }

    /// Keeps a render in place of the application's former one.
    pub(super) fn save(&self, namespace: &str, name: &str, stored: &Stored) {
        let has_secret =
            |rendered: &Arc<Rendered>| rendered.manifests.iter().any(|kept| kept.key.is_secret());
        if stored.outcome.as_ref().is_ok_and(has_secret) {
            self.remove(namespace, name);
            return;
        }
        if let Err(error) = self.write(&self.path(namespace, name), stored) {
            tracing::warn!(application = %format!("{namespace}/{name}"), %error, "keep a render");
        }
    }

    /// Forgets an application.
    pub(super) fn remove(&self, namespace: &str, name: &str) {
        let path = self.path(namespace, name);
        let bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        if fs::remove_file(&path).is_ok() {
            self.used.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    fn write(&self, path: &Path, stored: &Stored) -> io::Result<()> {
        let body = serde_json::to_string(&File::from(stored)).map_err(io::Error::other)?;
        let text = format!("{}\n{body}", hex::encode(Sha256::digest(&body)));
        let bytes = text.len() as u64;
        if bytes > FILE_BYTES {
            return Ok(());
        }
        let former = fs::metadata(path).map_or(0, |metadata| metadata.len());
        if self.used.load(Ordering::Relaxed) + bytes > self.limit {
            self.evict()?;
        }
        let unfinished = path.with_extension(UNFINISHED.trim_start_matches('.'));
        fs::write(&unfinished, text)?;
        fs::rename(unfinished, path)?;
        self.used.fetch_add(bytes, Ordering::Relaxed);
        self.used.fetch_sub(former.min(self.used.load(Ordering::Relaxed)), Ordering::Relaxed);
        Ok(())
    }

    /// Makes room: a quarter of it, the oldest files first.
    fn evict(&self) -> io::Result<()> {
        let mut files = self.files()?;
        files.sort_by_key(|(_, _, modified)| *modified);
        let mut used: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (path, bytes, _) in files {
            if used <= self.limit / 4 * 3 {
                break;
            }
            fs::remove_file(path)?;
            used -= bytes;
        }
        self.used.store(used, Ordering::Relaxed);
        Ok(())
    }

    fn files(&self) -> io::Result<Vec<(PathBuf, u64, SystemTime)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let (path, metadata) = entry.and_then(|entry| Ok((entry.path(), entry.metadata()?)))?;
            if metadata.is_file() {
                files.push((path, metadata.len(), metadata.modified()?));
            }
        }
        Ok(files)
    }

    fn path(&self, namespace: &str, name: &str) -> PathBuf {
        let digest = Sha256::new().chain_update(namespace).chain_update([0]).chain_update(name).finalize();
        self.folder.join(hex::encode(digest.get(..16).unwrap_or_default()))
    }
}

fn read(path: &Path) -> io::Result<Stored> {
    let mut text = String::new();
    fs::File::open(path)?.take(FILE_BYTES + 1).read_to_string(&mut text)?;
    let damaged = |problem: &str| io::Error::new(io::ErrorKind::InvalidData, problem.to_owned());
    let (digest, body) = text.split_once('\n').ok_or_else(|| damaged("it is cut off"))?;
    if digest != hex::encode(Sha256::digest(body)) {
        return Err(damaged("its digest is another"));
    }
    let file: File = serde_json::from_str(body)?;
    if file.format != FORMAT {
        return Err(damaged("another version of the agent wrote it"));
    }
    let mut key = [0; 32];
    hex::decode_to_slice(&file.key, &mut key).map_err(|_| damaged("its key is none"))?;
    let File { inputs, time, result, .. } = file;
    let outcome = match result {
        Ok(Set { renderer, post_renderers, digest, warnings, manifests }) => {
            let manifests: Arc<[Kept]> = manifests.into_iter().map(Kept::from).collect();
            if digest_of(&manifests) != digest {
                return Err(damaged("its manifests are others"));
            }
            Ok(Arc::new(Rendered { manifests, warnings, inputs, renderer, post_renderers, digest }))
        }
        Err(Failure { reason, diagnostics }) => {
            Err(Arc::new(RenderFailure { error: RenderError::Remembered { reason, diagnostics }, inputs }))
        }
    };
    Ok(Stored { key, time, outcome })
}

impl From<&Stored> for File {
    fn from(stored: &Stored) -> Self {
        let (inputs, result) = match &stored.outcome {
            Ok(rendered) => {
                let Rendered { manifests, warnings, inputs, renderer, post_renderers, digest } =
                    (**rendered).clone();
                let manifests = manifests.iter().map(Manifest::from).collect();
                (inputs, Ok(Set { renderer, post_renderers, digest, warnings, manifests }))
            }
            Err(failure) => {
                let RenderFailure { error, inputs } = &**failure;
                let told = Failure { reason: error.reason(), diagnostics: error.diagnostics() };
                (inputs.clone(), Err(told))
            }
        };
        let (format, key) = (FORMAT.to_owned(), hex::encode(stored.key));
        Self { format, key, time: stored.time, inputs, result }
    }
}

impl From<&Kept> for Manifest {
    fn from(kept: &Kept) -> Self {
        let Kept { key, version, object, origin, changed_by } = kept.clone();
        let span = origin.as_ref().and_then(|origin| origin.span);
        // It was written from a value, and so is text.
        let object = String::from_utf8_lossy(object.text()).into_owned();
        Self { key, version, object, origin, span, changed_by }
    }
}

impl From<Manifest> for Kept {
    fn from(Manifest { key, version, object, origin, span, changed_by }: Manifest) -> Self {
        let origin = origin.map(|origin| Origin { span, ..origin });
        Self { key, version, object: Packed::from_text(object), origin, changed_by }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::render;
    use crate::render::testing::{FakeRenderers, config_map, job, plain, returning};
    use crate::source::memory_tree::MemoryTree;
    use crate::source::tree::Tree;

    fn stored() -> Stored {
        let tree: Arc<dyn Tree> =
            Arc::new(MemoryTree::new().file("apps/web/a.json", config_map("a").to_string()));
        let rendered = render(&job("apps/web"), &tree, 0, &FakeRenderers::one(plain())).unwrap();
        Stored { key: [7; 32], time: Some(3), outcome: Ok(Arc::new(rendered)) }
    }

    fn only_file(folder: &Path) -> PathBuf {
        fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
    }

    #[test]
    fn what_was_kept_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let before = stored();
        Store::open(folder.path()).unwrap().save("default", "web", &before);
        let store = Store::open(folder.path()).unwrap();
        let after = store.load("default", "web").unwrap();
        assert_eq!((after.key, after.time, &after.outcome), (before.key, before.time, &before.outcome));
        assert!(store.load("default", "other").is_none());
        store.remove("default", "web");
        assert!(store.load("default", "web").is_none());
        assert_eq!(store.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_file_with_a_single_other_byte_is_no_render() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        store.save("default", "web", &stored());
        let path = only_file(folder.path());
        let good = fs::read(&path).unwrap();
        for position in (0..good.len()).step_by(37).chain([good.len() - 1]) {
            let mut bad = good.clone();
            bad[position] ^= 1;
            fs::write(&path, bad).unwrap();
            assert!(store.load("default", "web").is_none(), "byte {position}");
            assert!(!path.exists());
        }
        for bad in [&good[..good.len() / 2], b"", b"\n"] {
            fs::write(&path, bad).unwrap();
            assert!(store.load("default", "web").is_none());
        }
    }

    #[test]
    fn a_set_with_a_secret_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        store.save("default", "web", &stored());
        let secret = serde_json::json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}});
        let tree: Arc<dyn Tree> = Arc::new(MemoryTree::new().file("apps/web/a.json", ""));
        let all = FakeRenderers::one(returning(vec![config_map("a"), secret]));
        let rendered = render(&job("apps/web"), &tree, 0, &all).unwrap();
        store.save("default", "web", &Stored { outcome: Ok(Arc::new(rendered)), ..stored() });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_oldest_make_room() {
        let folder = tempfile::tempdir().unwrap();
        let one = {
            let store = Store::open(folder.path()).unwrap();
            store.save("default", "web", &stored());
            store.used.load(Ordering::Relaxed)
        };
        let store = Store::bounded(folder.path(), one * 10).unwrap();
        for n in 0..50 {
            store.save("default", &format!("app-{n}"), &stored());
            assert!(store.used.load(Ordering::Relaxed) <= one * 10);
        }
        assert!(store.load("default", "app-49").is_some());
        let on_disk: u64 = store.files().unwrap().iter().map(|(_, bytes, _)| bytes).sum();
        assert_eq!(on_disk, store.used.load(Ordering::Relaxed));
    }

    #[test]
    fn what_a_killed_process_leaves_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("abc.unfinished"), "half").unwrap();
        Store::open(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
