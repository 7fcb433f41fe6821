//! A tree that resolves symlinks inside itself and remembers every look-up:
//! what was read, what was listed, and what was looked for in vain.
//!
//! Takes a [`Tree`]; gives answers and, at the end, the [`Inputs`] that they
//! were made from. A render whose inputs stand unchanged in a newer tree need
//! not run again. Never answers from outside of the tree.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::tree::{Entry, EntryKind, ObjectId, Tree, TreeError, wrong_kind};
use crate::lock::lock;

/// How many symlinks one path may go through, as Linux counts them.
const SYMLINK_LIMIT: u32 = 40;
/// Stands for the digest of a directory that can't be listed; no listing has it.
const UNLISTED: [u8; 32] = [0xff; 32];
/// The longest target of a symlink in bytes, as Linux has it.
const TARGET_BYTES: u64 = 4096;

/// What one look-up found. Only as much as the answer told: a directory that
/// was merely walked through does not depend on what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Input {
    /// Nothing was there.
    Missing,
    /// A directory was there.
    Directory,
    /// A submodule was there.
    Submodule,
    /// A file or symlink with this content and kind was there.
    Content(EntryKind, ObjectId),
}

/// Everything that a render depended on in its tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    entries: BTreeMap<String, Input>,
    /// Digest of the names and kinds in each listed directory.
    listings: BTreeMap<String, [u8; 32]>,
    time: bool,
}

impl Inputs {
    /// Whether every look-up would find the same in `tree`.
    ///
    /// # Errors
    /// Where the tree can't answer, which is not the same as a change.
    pub fn unchanged_in(&self, tree: &dyn Tree) -> Result<bool, TreeError> {
        for (path, input) in &self.entries {
            if input != &observe(tree.entry(path)?.as_ref()) {
                return Ok(false);
            }
        }
        for (path, digest) in &self.listings {
            let is_directory = tree.entry(path)?.is_some_and(|entry| entry.kind == EntryKind::Directory);
            if !is_directory || digest != &listing_digest(&tree.list(path)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the commit's time was asked for, which no file tells of.
    pub fn include_time(&self) -> bool {
        self.time
    }

    /// The paths that were looked up, with what was found.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Input)> {
        self.entries.iter().map(|(path, input)| (path.as_str(), input))
    }

    /// The paths that were listed.
    pub fn listings(&self) -> impl Iterator<Item = &str> {
        self.listings.keys().map(String::as_str)
    }

    /// The paths of the files that were read, with their object ids.
    pub fn files(&self) -> impl Iterator<Item = (&str, ObjectId)> {
        self.entries.iter().filter_map(|(path, input)| match input {
            Input::Content(_, id) => Some((path.as_str(), *id)),
            _ => None,
        })
    }
}

fn observe(entry: Option<&Entry>) -> Input {
    match entry {
        None => Input::Missing,
        Some(entry) => match entry.kind {
            EntryKind::Directory => Input::Directory,
            EntryKind::Submodule => Input::Submodule,
            kind => Input::Content(kind, entry.id),
        },
    }
}

fn listing_digest(names: &[(String, EntryKind)]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for (name, kind) in names {
        hasher.update((name.len() as u64).to_be_bytes());
        hasher.update(name.as_bytes());
        hasher.update([*kind as u8]);
    }
    hasher.finalize().into()
}

/// Limits on what one render may read from its tree.
#[derive(Clone, Copy, Debug)]
pub struct TreeLimits {
    /// Largest file in bytes.
    pub file_bytes: u64,
    /// All content together in bytes.
    pub total_bytes: u64,
    /// Distinct paths looked up.
    pub paths: u64,
}

impl Default for TreeLimits {
    fn default() -> Self {
        Self { file_bytes: 8 << 20, total_bytes: 64 << 20, paths: 20_000 }
    }
}

/// A [`Tree`] seen by one render.
pub struct TracedTree {
    tree: Arc<dyn Tree>,
    limits: TreeLimits,
    state: Mutex<State>,
}

struct Made {
    path: String,
    content: Bytes,
    id: ObjectId,
    read: bool,
}

#[derive(Default)]
struct State {
    inputs: Inputs,
    /// What was found where, so that a path is looked up once.
    known: BTreeMap<String, Option<Entry>>,
    /// A file that is in no commit; what it holds was made from the inputs.
    made: Option<Made>,
    bytes: u64,
    /// The gravest failure, which a renderer may have swallowed.
    failure: Option<TreeError>,
}

impl State {
    fn made(&mut self, path: &str) -> Option<&mut Made> {
        self.made.as_mut().filter(|made| made.path == path)
    }
}

impl TracedTree {
    /// Starts with nothing recorded.
    pub fn new(tree: Arc<dyn Tree>, limits: TreeLimits) -> Self {
        Self { tree, limits, state: Mutex::new(State::default()) }
    }

    /// Resolves `path` as a POSIX system would: relative to the directory
    /// `base`, or to the root when it starts with `/`. Symlinks in the middle
    /// are followed, the last one only with `follow`. Gives the path without
    /// links and what is there.
    ///
    /// # Errors
    /// [`TreeError::Outside`] when the path climbs above the root.
    pub fn resolve(
        &self,
        base: &str,
        path: &str,
        follow: bool,
    ) -> Result<(String, Option<Entry>), TreeError> {
        self.remember_failure(self.walk(base, path, follow))
    }

    /// The content of the file at a path that [`TracedTree::resolve`] gave.
    pub fn read(&self, path: &str) -> Result<Bytes, TreeError> {
        self.remember_failure(self.read_bounded(path))
    }

    /// The target of the symlink at a path that [`TracedTree::resolve`] gave.
    pub fn read_link(&self, path: &str) -> Result<String, TreeError> {
        self.remember_failure(self.link_target(path))
    }

    /// The names and kinds in the directory at a path that
    /// [`TracedTree::resolve`] gave.
    pub fn list(&self, path: &str) -> Result<Vec<(String, EntryKind)>, TreeError> {
        self.remember_failure(self.list_recorded(path))
    }

    /// The content of a file that was looked up before, for the host's own use:
    /// neither recorded nor counted.
    pub(crate) fn read_again(&self, path: &str) -> Option<Bytes> {
        if let Some(made) = self.state().made(path) {
            return Some(made.content.clone());
        }
        let known = self.state().known.get(path).cloned().flatten()?;
        let is_file = matches!(known.kind, EntryKind::File | EntryKind::Executable);
        if is_file && known.size <= self.limits.file_bytes { self.tree.read(path).ok() } else { None }
    }

    /// Adds a file that is in no commit, made from what was read so far. It is
    /// no input, and it is not limited: whoever made it was.
    pub(crate) fn put(&self, path: String, content: Bytes) {
        let id = ObjectId::of_blob(&content);
        self.state().made = Some(Made { path, content, id, read: false });
    }

    /// Whether the file was read.
    pub(crate) fn is_made_read(&self) -> bool {
        self.state().made.as_ref().is_some_and(|made| made.read)
    }

    /// Takes the file away again.
    pub(crate) fn take_back(&self) {
        self.state().made = None;
    }

    /// Takes note that the commit's time was asked for.
    pub(crate) fn ask_time(&self) {
        self.state().inputs.time = true;
    }

    /// What was looked up so far.
    pub fn inputs(&self) -> Inputs {
        self.state().inputs.clone()
    }

    /// The gravest failure of a look-up, the first of its sort. A renderer's own message about it says
    /// only what its language's error codes can.
    pub fn failure(&self) -> Option<TreeError> {
        self.state().failure.clone()
    }

    fn walk(&self, base: &str, path: &str, follow: bool) -> Result<(String, Option<Entry>), TreeError> {
        let mut resolved: Vec<String> =
            if path.starts_with('/') { Vec::new() } else { split(base).collect() };
        let mut pending: Vec<String> = split(path).collect();
        pending.reverse();
        let mut wants_directory = path.ends_with('/') || path.ends_with("/.");
        let mut links = 0;
        while let Some(part) = pending.pop() {
            if part == ".." {
                if resolved.pop().is_none() {
                    return Err(TreeError::Outside { path: path.to_owned() });
                }
                continue;
            }
            resolved.push(part);
            let here = resolved.join("/");
            let last = pending.is_empty();
            match self.entry(&here)? {
                Some(entry) if entry.kind == EntryKind::Symlink && (!last || follow || wants_directory) => {
                    links += 1;
                    if links > SYMLINK_LIMIT {
                        return Err(TreeError::SymlinkLoop { path: path.to_owned(), limit: SYMLINK_LIMIT });
                    }
                    let target = self.link_target(&here)?;
                    if target.is_empty() {
                        return Ok((here, None));
                    }
                    // An absolute target names a place on the machine of whoever committed it.
                    if target.starts_with('/') {
                        return Err(TreeError::Outside { path: here });
                    }
                    wants_directory |= last && target.ends_with('/');
                    resolved.pop();
                    pending.extend(split(&target).collect::<Vec<_>>().into_iter().rev());
                }
                Some(entry) if entry.kind == EntryKind::Submodule && !last => {
                    return Err(TreeError::Submodule { path: here });
                }
                Some(entry) if !last && entry.kind != EntryKind::Directory => return Ok((here, None)),
                Some(_) => {}
                None => {
                    resolved.extend(pending.into_iter().rev());
                    return Ok((resolved.join("/"), None));
                }
            }
        }
        let here = resolved.join("/");
        let entry = self.entry(&here)?;
        let fits = |entry: &Entry| {
            !wants_directory || matches!(entry.kind, EntryKind::Directory | EntryKind::Submodule)
        };
        Ok((here, entry.filter(fits)))
    }

    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        {
            let mut state = self.state();
            if let Some(Made { content, id, .. }) = state.made(path) {
                return Ok(Some(Entry { kind: EntryKind::File, id: *id, size: content.len() as u64 }));
            }
            if let Some(known) = state.known.get(path) {
                return Ok(known.clone());
            }
        }
        let entry = self.tree.entry(path)?;
        let mut state = self.state();
        if state.inputs.entries.len() as u64 >= self.limits.paths {
            return Err(limit(
                "the number of paths looked up".to_owned(),
                self.limits.paths,
                "spec.limits.paths",
            ));
        }
        state.inputs.entries.insert(path.to_owned(), observe(entry.as_ref()));
        state.known.insert(path.to_owned(), entry.clone());
        Ok(entry)
    }

    fn read_bounded(&self, path: &str) -> Result<Bytes, TreeError> {
        if let Some(made) = self.state().made(path) {
            made.read = true;
            return Ok(made.content.clone());
        }
        let entry = self.entry(path)?;
        match entry {
            Some(entry) if matches!(entry.kind, EntryKind::File | EntryKind::Executable) => {
                if entry.size > self.limits.file_bytes {
                    return Err(limit(
                        format!("the size of `{path}`"),
                        self.limits.file_bytes,
                        "spec.limits.fileSize",
                    ));
                }
                let mut state = self.state();
                state.bytes += entry.size;
                if state.bytes > self.limits.total_bytes {
                    let what = format!("all that was read, at `{path}`,");
                    return Err(limit(what, self.limits.total_bytes, "spec.limits.totalSize"));
                }
                drop(state);
                let content = self.tree.read(path)?;
                if content.starts_with(b"version https://git-lfs.github.com/spec/") {
                    return Err(TreeError::LfsPointer { path: path.to_owned() });
                }
                Ok(content)
            }
            Some(entry) if entry.kind == EntryKind::Submodule => {
                Err(TreeError::Submodule { path: path.to_owned() })
            }
            other => Err(wrong_kind(path, "a file", other.map(|entry| entry.kind))),
        }
    }

    fn link_target(&self, path: &str) -> Result<String, TreeError> {
        match self.entry(path)? {
            Some(entry) if entry.kind == EntryKind::Symlink => {
                if entry.size > TARGET_BYTES {
                    return Err(limit(format!("the target of the symlink `{path}`"), TARGET_BYTES, "fixed"));
                }
                let target = self.tree.read(path)?;
                String::from_utf8(target.to_vec()).map_err(|_| TreeError::Unreadable {
                    path: path.to_owned(),
                    problem: "the symlink's target is not UTF-8".to_owned(),
                })
            }
            other => Err(wrong_kind(path, "a symlink", other.map(|entry| entry.kind))),
        }
    }

    fn list_recorded(&self, path: &str) -> Result<Vec<(String, EntryKind)>, TreeError> {
        match self.entry(path)? {
            Some(entry) if entry.kind == EntryKind::Directory => {
                let names = self.tree.list(path);
                // What can't be listed is an input too: it can be mended.
                let digest = names.as_ref().map_or(UNLISTED, |names| listing_digest(names));
                let mut state = self.state();
                state.inputs.listings.insert(path.to_owned(), digest);
                let made =
                    state.made.as_ref().map(|made| made.path.rsplit_once('/').unwrap_or(("", &made.path)));
                let made = made.filter(|(folder, _)| *folder == path).map(|(_, name)| name.to_owned());
                names.map(|names| with(names, made))
            }
            Some(entry) if entry.kind == EntryKind::Submodule => {
                Err(TreeError::Submodule { path: path.to_owned() })
            }
            other => Err(wrong_kind(path, "a directory", other.map(|entry| entry.kind))),
        }
    }

    fn remember_failure<T>(&self, result: Result<T, TreeError>) -> Result<T, TreeError> {
        if let Err(error) = &result {
            let mut state = self.state();
            if state.failure.as_ref().is_none_or(|known| gravity(known) < gravity(error)) {
                state.failure = Some(error.clone());
            }
        }
        result
    }

    /// A panic elsewhere leaves the record usable: every change to it is one insertion.
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// A listing with one more file, in byte order.
fn with(mut names: Vec<(String, EntryKind)>, more: Option<String>) -> Vec<(String, EntryKind)> {
    if let Some(name) = more {
        let place = names.partition_point(|(known, _)| *known < name);
        names.insert(place, (name, EntryKind::File));
    }
    names
}

/// Which failure to tell of when there are several: renderers probe, so asking
/// for the wrong kind is often harmless, while the last group hides a part of
/// the tree that is there.
fn gravity(error: &TreeError) -> u8 {
    match error {
        TreeError::WrongKind { .. } => 0,
        TreeError::Outside { .. }
        | TreeError::SymlinkLoop { .. }
        | TreeError::Submodule { .. }
        | TreeError::LfsPointer { .. } => 1,
        TreeError::Name { .. } | TreeError::Limit { .. } | TreeError::Unreadable { .. } => 2,
    }
}

fn split(path: &str) -> impl Iterator<Item = String> + '_ {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned)
}

fn limit(what: String, limit: u64, setting: &'static str) -> TreeError {
    TreeError::Limit { what, limit, setting }
}

#[cfg(test)]
mod tests;
