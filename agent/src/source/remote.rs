//! Polls one Git remote over HTTP(S).
//!
//! Takes an address, a reference and credentials; gives the [`Revision`] that
//! the reference points at, and its tree. An unchanged poll is one request,
//! after the first. Starts no program, reads no one's Git configuration, and
//! gives no tree that was not received completely.

mod cache;
mod complete;
mod credentials;
mod fetch;
mod guard;
mod http;
mod location;
mod reference;

use std::collections::{HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use gix::bstr::ByteSlice;
use gix::protocol::handshake::Ref;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

pub use credentials::Credentials;
pub use reference::Reference;

use self::cache::Cache;
use self::fetch::{Bounds, Conversation};
use self::guard::{Allowance, Guard};
use self::http::Client;
use super::changes::Changes;
use super::error::chain;
use super::git_tree::GitTree;
use super::object_store::{ObjectStore, panic_message};
use super::tree::ObjectId;
use super::{Revision, SourceError};
use crate::lock::lock;

/// How far back a former revision is looked for.
const ANCESTORS: usize = 20_000;
/// How many changed paths of a commit are told one by one.
const CHANGES: usize = 10_000;
/// How many names an error offers in place of one that is missing.
const OFFERED: usize = 8;
/// What a fetch may always add to what is here: less is not worth starting afresh.
const SMALLEST_BUDGET: u64 = 16 << 20;

/// Which remote, and how.
#[derive(Clone, Debug)]
pub struct RemoteOptions {
    /// Whose remote this is, such as `namespace/name`: remotes of different
    /// names share nothing, not even the cache of the same address.
    pub name: String,
    /// An http or https address without user name, query or fragment.
    pub url: String,
    /// What to follow.
    pub reference: Reference,
    /// Sent to the address's scheme, host and port, and nowhere else.
    pub credentials: Option<Credentials>,
    /// Trusted certificate authorities in PEM form, in place of the public ones.
    pub ca_pem: Option<Vec<u8>>,
    /// How long one poll may last, a fetch included.
    pub timeout: Duration,
    /// How much it may receive.
    pub limits: FetchLimits,
}

impl RemoteOptions {
    /// The remote's `HEAD`, without credentials, with default limits.
    pub fn new(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            url: url.into(),
            reference: Reference::Head,
            credentials: None,
            ca_pem: None,
            timeout: Duration::from_mins(5),
            limits: FetchLimits::default(),
        }
    }
}

/// Bounds on what a server may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchLimits {
    /// One pack on the wire in bytes.
    pub pack_bytes: u64,
    /// Objects in one pack.
    pub objects: u64,
    /// The largest object in bytes, inflated.
    pub object_bytes: u64,
    /// One list of refs in bytes.
    pub refs_bytes: u64,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self { pack_bytes: 256 << 20, objects: 1_000_000, object_bytes: 64 << 20, refs_bytes: 16 << 20 }
    }
}

/// What a poll found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    /// The known revision is still the one, and its tree can be opened.
    Unchanged,
    /// Another revision, whose tree can be opened.
    Moved {
        /// The revision.
        revision: Revision,
        /// Whether the known revision is an ancestor of it; `None` where
        /// nothing was known or the history at hand does not tell.
        fast_forward: Option<bool>,
    },
}

/// One remote. Polls one at a time; trees may be opened meanwhile.
pub struct Remote {
    url: String,
    reference: Reference,
    timeout: Duration,
    limits: FetchLimits,
    guard: Arc<Guard>,
    client: Client,
    /// Held during a poll.
    polling: Mutex<()>,
    cache: Mutex<Cache>,
}

impl Remote {
    /// Checks the options and opens the remote's cache, a folder in `cache_dir`
    /// whose name is a digest of the remote's name and address. Asks nothing
    /// of the network.
    ///
    /// # Errors
    /// [`SourceError::Refused`] for options that are never followed,
    /// [`SourceError::Cache`] for a folder that can't be used.
    pub fn open(cache_dir: &Path, options: RemoteOptions) -> Result<Self, SourceError> {
        let RemoteOptions { name, url, reference, credentials, ca_pem, timeout, limits } = options;
        let (url, origin) = location::check(&url)?;
        reference.check(&url)?;
        let guard = Arc::new(Guard::new(url.clone(), refs_allowance(limits)));
        let client = Client::new(origin, credentials.as_ref(), ca_pem.as_deref(), guard.clone())?;
        let digest = Sha256::new().chain_update(&url).chain_update([0]).chain_update(&name).finalize();
        let folder = cache_dir.join(hex::encode(digest.get(..16).unwrap_or_default()));
        let cache = Cache::open(&folder, limits.object_bytes).map_err(|error| SourceError::Cache {
            url: url.clone(),
            problem: format!("{}: {error}", folder.display()),
        })?;
        Ok(Self {
            url,
            reference,
            timeout,
            limits,
            guard,
            client,
            polling: Mutex::default(),
            cache: Mutex::new(cache),
        })
    }

    /// Asks where the reference points, and fetches that commit if it is not
    /// here. Blocks; returns within a second of `cancelled`.
    ///
    /// # Errors
    /// Each variant of [`SourceError`] but `Refused` for options, which
    /// [`Remote::open`] gives. The former revision's tree stays readable.
    pub fn poll(
        &self,
        known: Option<&Revision>,
        cancelled: &CancellationToken,
    ) -> Result<Polled, SourceError> {
        let result = self.guarded(cancelled, || self.poll_guarded(known));
        let is_about_the_server = |error: &SourceError| {
            !matches!(
                error,
                SourceError::ReferenceNotFound { .. }
                    | SourceError::Unreachable { .. }
                    | SourceError::Cancelled { .. }
                    | SourceError::Cache { .. }
            )
        };
        if result.as_ref().is_err_and(is_about_the_server) {
            self.client.forget();
        }
        result
    }

    /// Describes a commit, and fetches it if it is not here. The next poll is
    /// not concerned. Blocks as [`Remote::poll`] does.
    ///
    /// # Errors
    /// As [`Remote::poll`]; [`SourceError::Protocol`] where the server has no such commit any more.
    pub fn recall(&self, commit: ObjectId, cancelled: &CancellationToken) -> Result<Revision, SourceError> {
        self.guarded(cancelled, || {
            let (store, tip) = {
                let cache = self.cache();
                (cache.store().cloned(), cache.tip())
            };
            let (Some(store), Some(tip)) = (store, tip) else {
                return Err(self.corrupt("nothing was fetched yet".to_owned()));
            };
            if !self.holds(&store, commit) {
                self.receive_into(&store, commit, None, self.limits.pack_bytes, None)?;
                self.adopt(store.clone(), tip)?;
            }
            store.revision(commit).map_err(|problem| self.protocol(problem))
        })
    }

    /// Runs what talks to the server, one at a time, within the time limit. A
    /// panic of the Git library is an error.
    fn guarded<T>(
        &self,
        cancelled: &CancellationToken,
        action: impl FnOnce() -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        let _polling = lock(&self.polling);
        self.guard.begin(cancelled, self.timeout);
        catch_unwind(AssertUnwindSafe(action)).unwrap_or_else(|panic| {
            Err(SourceError::Internal { url: self.url.clone(), problem: panic_message(panic.as_ref()) })
        })
    }

    /// The tree of a revision that a poll of this remote gave.
    ///
    /// # Errors
    /// [`SourceError::Corrupt`] when it is not here any more: poll again.
    pub fn tree(&self, revision: &Revision) -> Result<GitTree, SourceError> {
        let store = self.cache().store().cloned();
        let is_here = |store: &Arc<ObjectStore>| {
            store.revision(revision.commit).is_ok_and(|here| here.tree == revision.tree)
        };
        match store.filter(is_here) {
            Some(store) => Ok(GitTree::new(store, revision.tree, self.limits.object_bytes)),
            None => Err(self.corrupt(format!("commit {} is not in the cache", revision.commit))),
        }
    }

    /// What a revision changes against an older one; none where that is too
    /// much, or where one of them is not here any more.
    pub(crate) fn changes(&self, old: &Revision, new: &Revision) -> Option<Changes> {
        let (old, new) = (self.tree(old).ok()?, self.tree(new).ok()?);
        Changes::between(&old, &new, CHANGES).ok()?
    }

    /// Makes the next poll fetch everything anew. For a caller whose tree
    /// could not be read.
    pub fn distrust(&self) -> Result<(), SourceError> {
        self.cache().discard().map_err(|error| self.cache_error(&error.to_string()))
    }

    /// How many HTTP requests were made so far.
    pub fn requests(&self) -> u64 {
        self.guard.requests()
    }

    fn poll_guarded(&self, known: Option<&Revision>) -> Result<Polled, SourceError> {
        let remembered = self.client.remembers();
        let (target, conversation) = match self.locate() {
            // The server may have changed since it said what it can do.
            Err(
                SourceError::Protocol { .. }
                | SourceError::Unauthorized { .. }
                | SourceError::NotFound { .. },
            ) if remembered => {
                self.client.forget();
                self.locate()?
            }
            other => other?,
        };
        let store = match self.at_hand(target)? {
            Some(store) => store,
            None => self.receive(target, conversation)?,
        };
        let revision = store.revision(target).map_err(|problem| self.protocol(problem))?;
        match known {
            Some(known) if known.commit == revision.commit => Ok(Polled::Unchanged),
            known => {
                let fast_forward = known.and_then(|known| descends(&store, revision.commit, known.commit));
                Ok(Polled::Moved { revision, fast_forward })
            }
        }
    }

    /// The commit or tag that the reference points at, with the conversation
    /// that told it.
    fn locate(&self) -> Result<(ObjectId, Option<Conversation>), SourceError> {
        let name = match (&self.reference, self.reference.full_name()) {
            (Reference::Commit(id), _) => return Ok((*id, None)),
            (_, name) => name.unwrap_or_default(),
        };
        let mut conversation = self.converse()?;
        let refs = conversation.refs(&name).map_err(|error| self.explain(&error))?;
        let found = refs.iter().find_map(|found| target(found, &name));
        match found {
            Some(id) => Ok((id, Some(conversation))),
            None => Err(self.not_found(conversation)),
        }
    }

    fn converse(&self) -> Result<Conversation, SourceError> {
        self.guard.allow(refs_allowance(self.limits));
        Conversation::open(self.client.clone(), &self.url).map_err(|error| self.explain(&error))
    }

    /// The repository here, if it holds `target` completely.
    fn at_hand(&self, target: ObjectId) -> Result<Option<Arc<ObjectStore>>, SourceError> {
        let (store, tip) = {
            let cache = self.cache();
            (cache.store().cloned(), cache.tip())
        };
        let Some(store) = store else { return Ok(None) };
        if tip == Some(target) {
            return Ok(Some(store));
        }
        if self.holds(&store, target) { self.adopt(store, target).map(Some) } else { Ok(None) }
    }

    /// Whether a commit is here with its tree: an older one may have come without.
    fn holds(&self, store: &ObjectStore, commit: ObjectId) -> bool {
        let revision = store.revision(commit);
        revision.is_ok_and(|here| complete::check(store, here.tree, self.limits.objects).is_ok())
    }

    /// Fetches `target` on top of what is here, or afresh where that is not
    /// possible or would bring more than it is worth.
    fn receive(
        &self,
        target: ObjectId,
        conversation: Option<Conversation>,
    ) -> Result<Arc<ObjectStore>, SourceError> {
        let (store, tip, fresh_bytes, is_outgrown) = {
            let cache = self.cache();
            (cache.store().cloned(), cache.tip(), cache.fresh_bytes(), cache.is_outgrown())
        };
        let mut conversation = conversation;
        if let (Some(store), Some(tip), false) = (store, tip, is_outgrown) {
            let budget = fresh_bytes.saturating_mul(4).max(SMALLEST_BUDGET).min(self.limits.pack_bytes);
            match self.receive_into(&store, target, Some(tip), budget, conversation.take()) {
                Ok(()) => return self.adopt(store, target),
                Err(error @ (SourceError::Unreachable { .. } | SourceError::Cancelled { .. })) => {
                    return Err(error);
                }
                Err(error) => tracing::info!(url = self.url, %error, "fetching afresh"),
            }
        }
        let store = self.cache().fresh().map_err(|problem| self.cache_error(&problem))?;
        let result = self.receive_into(&store, target, None, self.limits.pack_bytes, conversation);
        let store = Arc::new(store);
        match result {
            Ok(()) => self.adopt(store, target),
            Err(error) => {
                store.retire();
                Err(error)
            }
        }
    }

    fn receive_into(
        &self,
        store: &ObjectStore,
        target: ObjectId,
        have: Option<ObjectId>,
        pack_bytes: u64,
        conversation: Option<Conversation>,
    ) -> Result<(), SourceError> {
        let conversation = conversation.map_or_else(|| self.converse(), Ok)?;
        self.guard.allow(Allowance {
            what: "the pack in bytes",
            bytes: pack_bytes,
            setting: "spec.limits.packSize",
        });
        let bounds = Bounds { objects: self.limits.objects, object_bytes: self.limits.object_bytes };
        conversation.fetch(store, target, have, bounds, &self.guard).map_err(|error| self.explain(&error))?;
        let revision = store.revision(target).map_err(|problem| self.protocol(problem))?;
        complete::check(store, revision.tree, self.limits.objects).map_err(|problem| self.corrupt(problem))
    }

    fn adopt(&self, store: Arc<ObjectStore>, tip: ObjectId) -> Result<Arc<ObjectStore>, SourceError> {
        self.cache().adopt(store.clone(), tip).map_err(|error| self.cache_error(&error.to_string()))?;
        Ok(store)
    }

    /// Asks for names of the same kind, to offer them.
    fn not_found(&self, mut conversation: Conversation) -> SourceError {
        let siblings = self.reference.siblings();
        let mut known: Vec<String> = conversation
            .refs(siblings)
            .unwrap_or_default()
            .iter()
            .filter_map(|found| Some(name(found).strip_prefix(siblings)?.to_owned()))
            .take(OFFERED)
            .map(|name| super::error::plain(&name, 100))
            .collect();
        known.sort();
        let reference = self.reference.to_string();
        // What went wrong while looking for names is of no interest.
        self.guard.take_failure();
        SourceError::ReferenceNotFound { url: self.url.clone(), reference, known }
    }

    /// What really went wrong below an error of the Git library.
    fn explain(&self, error: &gix::Error) -> SourceError {
        if let Some(failure) = self.guard.take_failure() {
            return failure;
        }
        if error.classify().is_resource_exhausted() {
            return self.guard.exceeded(
                "an object in bytes",
                self.limits.object_bytes,
                "spec.limits.objectSize",
            );
        }
        let text = chain(error);
        if text.contains("not our ref") {
            let reference = self.reference.to_string();
            return SourceError::ReferenceNotFound { url: self.url.clone(), reference, known: Vec::new() };
        }
        self.protocol(text)
    }

    fn protocol(&self, problem: String) -> SourceError {
        SourceError::Protocol { url: self.url.clone(), problem }
    }

    fn corrupt(&self, problem: String) -> SourceError {
        SourceError::Corrupt { url: self.url.clone(), problem }
    }

    fn cache_error(&self, problem: &str) -> SourceError {
        SourceError::Cache { url: self.url.clone(), problem: problem.to_owned() }
    }

    /// A panic elsewhere leaves the cache usable: it changes by assignment.
    fn cache(&self) -> MutexGuard<'_, Cache> {
        lock(&self.cache)
    }
}

fn refs_allowance(limits: FetchLimits) -> Allowance {
    Allowance { what: "the list of refs in bytes", bytes: limits.refs_bytes, setting: "fixed" }
}

fn name(found: &Ref) -> String {
    let (Ref::Peeled { full_ref_name, .. }
    | Ref::Direct { full_ref_name, .. }
    | Ref::Symbolic { full_ref_name, .. }
    | Ref::Unborn { full_ref_name, .. }) = found;
    full_ref_name.to_str_lossy().into_owned()
}

/// The commit or outermost tag of the ref with exactly this name.
fn target(found: &Ref, wanted: &str) -> Option<ObjectId> {
    let id = match found {
        Ref::Peeled { tag, .. } => *tag,
        Ref::Direct { object, .. } => *object,
        Ref::Symbolic { tag, object, .. } => tag.unwrap_or(*object),
        Ref::Unborn { .. } => return None,
    };
    (name(found) == wanted).then(|| id.into())
}

/// Whether `ancestor` is one of `commit`, as far as the history here tells.
fn descends(store: &ObjectStore, commit: ObjectId, ancestor: ObjectId) -> Option<bool> {
    let mut seen = HashSet::from([commit]);
    let mut pending = VecDeque::from([commit]);
    let mut is_whole = true;
    while let Some(next) = pending.pop_front() {
        // A commit that is not here ends a shallow history.
        let Ok(parents) = store.parents(next) else {
            is_whole = false;
            continue;
        };
        if parents.contains(&ancestor) {
            return Some(true);
        }
        pending.extend(parents.into_iter().filter(|parent| seen.insert(*parent)));
        if seen.len() > ANCESTORS {
            return None;
        }
    }
    is_whole.then_some(false)
}

#[cfg(test)]
mod tests;
