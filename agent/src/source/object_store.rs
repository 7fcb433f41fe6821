//! A bare repository on disk, as far as it is read: opened without anyone's
//! configuration, with a bound on every allocation, and shared by threads.
//! A panic of the Git library on hostile data is an error of that look-up.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use gix::ThreadSafeRepository;
use gix::bstr::ByteSlice;
use gix::odb::store::init::Slots;

use super::Revision;
use super::error::{chain, plain};
use super::tree::ObjectId;
use crate::lock::lock;

/// How many handles with warm caches are kept for the next look-up.
const HANDLES: usize = 4;
/// Room for the packs of one repository; it is replaced long before.
pub(crate) const PACK_SLOTS: u16 = 256;
/// The largest commit or tag object, of which a message may be most.
const COMMIT_BYTES: u64 = 1 << 20;
/// How many annotated tags may point at each other.
const TAG_DEPTH: u32 = 5;
const SHOWN_CHARACTERS: usize = 200;

pub(crate) struct ObjectStore {
    shared: ThreadSafeRepository,
    handles: Mutex<Vec<gix::Repository>>,
    folder: PathBuf,
    is_obsolete: AtomicBool,
}

impl ObjectStore {
    /// Makes an empty repository in `folder`, which must not exist.
    pub(crate) fn create(folder: &Path, object_bytes: u64) -> Result<Self, String> {
        guarded(|| {
            let create = gix::create::Options { destination_must_be_empty: Some(true), ..Default::default() };
            ThreadSafeRepository::init_opts(folder, gix::create::Kind::Bare, create, options(object_bytes))
                .map_err(|error| chain(&error))?;
            Self::open(folder, object_bytes)
        })
    }

    pub(crate) fn open(folder: &Path, object_bytes: u64) -> Result<Self, String> {
        guarded(|| {
            let shared = options(object_bytes)
                .open_path_as_is(true)
                .with(gix::sec::Trust::Reduced)
                .open(folder)
                .map_err(|error| chain(&error))?;
            let folder = folder.to_owned();
            Ok(Self { shared, handles: Mutex::default(), folder, is_obsolete: AtomicBool::new(false) })
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A handle of one's own, for what is more than a look-up.
    pub(crate) fn repository(&self) -> gix::Repository {
        self.shared.to_thread_local()
    }

    /// Removes the repository from disk once nobody reads it any more.
    pub(crate) fn retire(&self) {
        self.is_obsolete.store(true, Ordering::Relaxed);
    }

    /// Runs `read` with a handle, which is thrown away after a panic.
    pub(crate) fn with<T>(
        &self,
        read: impl FnOnce(&gix::Repository) -> Result<T, String>,
    ) -> Result<T, String> {
        let handle = lock(&self.handles).pop();
        let handle = handle.unwrap_or_else(|| self.shared.to_thread_local());
        let result = guarded(|| {
            let value = read(&handle)?;
            Ok((value, ()))
        });
        let mut handles = lock(&self.handles);
        if handles.len() < HANDLES && result.is_ok() {
            handles.push(handle);
        }
        result.map(|(value, ())| value)
    }

    /// The object's size, without inflating it; `None` where there is no such object.
    pub(crate) fn size(&self, id: ObjectId) -> Result<Option<u64>, String> {
        self.with(|repository| {
            let header =
                repository.try_find_header(gix::ObjectId::from(id)).map_err(|error| chain(&error))?;
            Ok(header.map(|header| header.size()))
        })
    }

    /// The content of an object of the given kind and of at most `limit` bytes.
    pub(crate) fn read(&self, id: ObjectId, kind: gix::objs::Kind, limit: u64) -> Result<Vec<u8>, String> {
        self.with(|repository| read(repository, id, kind, limit))
    }

    /// Follows annotated tags to a commit and describes it.
    pub(crate) fn revision(&self, mut id: ObjectId) -> Result<Revision, String> {
        self.with(|repository| {
            for _ in 0..=TAG_DEPTH {
                let kind =
                    repository.find_header(gix::ObjectId::from(id)).map_err(|error| chain(&error))?.kind();
                match kind {
                    gix::objs::Kind::Commit => return describe(repository, id),
                    gix::objs::Kind::Tag => {
                        let content = read(repository, id, kind, COMMIT_BYTES)?;
                        let tag = gix::objs::TagRef::from_bytes(&content, gix::hash::Kind::Sha1)
                            .map_err(|error| chain(&error))?;
                        id = tag.target().into();
                    }
                    other => return Err(format!("object {id} is a {other}, not a commit")),
                }
            }
            Err(format!("more than {TAG_DEPTH} tags point at each other"))
        })
    }

    /// The parents that a commit names, whether or not they are here.
    pub(crate) fn parents(&self, commit: ObjectId) -> Result<Vec<ObjectId>, String> {
        let content = self.read(commit, gix::objs::Kind::Commit, COMMIT_BYTES)?;
        let commit = gix::objs::CommitRef::from_bytes(&content, gix::hash::Kind::Sha1)
            .map_err(|error| chain(&error))?;
        Ok(commit.parents().map(ObjectId::from).collect())
    }
}

impl Drop for ObjectStore {
    fn drop(&mut self) {
        if self.is_obsolete.load(Ordering::Relaxed) {
            // What stays behind is removed when the cache is opened next.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

fn options(object_bytes: u64) -> gix::open::Options {
    gix::open::Options::isolated().object_store_slots(Slots::Given(PACK_SLOTS)).config_overrides([
        format!("gitoxide.objects.allocLimit={object_bytes}"),
        "core.deltaBaseCacheLimit=16m".to_owned(),
        "gitoxide.objects.cacheLimit=0".to_owned(),
    ])
}

/// Turns a panic into an error.
pub(crate) fn guarded<T>(action: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(action)).unwrap_or_else(|panic| Err(panic_message(panic.as_ref())))
}

pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    format!("panic: {}", plain(text, SHOWN_CHARACTERS))
}

fn read(
    repository: &gix::Repository,
    id: ObjectId,
    kind: gix::objs::Kind,
    limit: u64,
) -> Result<Vec<u8>, String> {
    let id = gix::ObjectId::from(id);
    let header = repository.find_header(id).map_err(|error| chain(&error))?;
    if header.kind() != kind {
        return Err(format!("object {id} is a {}, not a {kind}", header.kind()));
    }
    if header.size() > limit {
        return Err(format!("object {id} is larger than {limit} bytes"));
    }
    let mut object = repository.find_object(id).map_err(|error| chain(&error))?;
    Ok(std::mem::take(&mut object.data))
}

fn describe(repository: &gix::Repository, id: ObjectId) -> Result<Revision, String> {
    let content = read(repository, id, gix::objs::Kind::Commit, COMMIT_BYTES)?;
    let commit =
        gix::objs::CommitRef::from_bytes(&content, gix::hash::Kind::Sha1).map_err(|error| chain(&error))?;
    let author = commit.author().map_err(|error| chain(&error))?;
    let committer = commit.committer().map_err(|error| chain(&error))?;
    let subject = commit.message.lines().next().unwrap_or_default();
    Ok(Revision {
        commit: id,
        tree: commit.tree().into(),
        time: committer.seconds(),
        author: plain(
            &format!("{} <{}>", author.name.to_str_lossy(), author.email.to_str_lossy()),
            SHOWN_CHARACTERS,
        ),
        subject: plain(&subject.to_str_lossy(), SHOWN_CHARACTERS),
    })
}
