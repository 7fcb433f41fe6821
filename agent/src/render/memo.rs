//! Remembers renders, and answers while what they were made from stands
//! unchanged: after a commit only those applications are rendered again whose
//! recorded inputs it touched.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use sha2::{Digest, Sha256};

use super::store::{Store, Stored};
use super::{
    Absent, FALLBACK_RENDERER, Job, PostRenderer, RenderFailure, Rendered, Renderer, Renderers, render,
};
use crate::lock::lock;
use crate::object::Name;
use crate::source::changes::Changes;
use crate::source::trace::Inputs;
use crate::source::tree::{ObjectId, Tree};

/// Entries per application: the newest, and the one before it, because a
/// revert is the commit that is most wanted fast.
const ENTRIES: usize = 2;

/// A result as it is shared.
pub(super) type Outcome = Result<Arc<Rendered>, Arc<RenderFailure>>;

/// The renders of all applications of one agent. Bounded by the number of
/// applications: [`Memo::forget`] one that is gone.
#[derive(Default)]
pub struct Memo {
    entries: Mutex<HashMap<(String, String), Vec<Remembered>>>,
    /// Where the newest of each application outlives the process.
    store: Option<Store>,
    hits: AtomicU64,
    misses: AtomicU64,
}

struct Remembered {
    key: [u8; 32],
    outcome: Outcome,
    /// The commit's time, in seconds since the Unix epoch, where the outcome depends on it.
    time: Option<i64>,
    /// The tree that its inputs were last found unchanged in.
    stands_in: Option<ObjectId>,
}

impl Remembered {
    fn inputs(&self) -> &Inputs {
        inputs(&self.outcome)
    }
}

fn inputs(outcome: &Outcome) -> &Inputs {
    match outcome {
        Ok(rendered) => &rendered.inputs,
        Err(failure) => &failure.inputs,
    }
}

/// How often the memo answered since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoCounts {
    /// Renders that were answered from memory.
    pub hits: u64,
    /// Renders that ran.
    pub misses: u64,
}

impl Memo {
    /// A memo that also remembers what an earlier process has left in `store`.
    pub fn on_disk(store: Store) -> Self {
        Self { store: Some(store), ..Self::default() }
    }

    /// The remembered outcome, if all of its inputs stand unchanged in `tree`;
    /// otherwise renders and remembers. A failure that another attempt might
    /// not meet is not remembered. Blocks while the plugin works.
    ///
    /// # Errors
    /// As [`render`].
    pub fn render(
        &self,
        job: &Job,
        tree: &Arc<dyn Tree>,
        clock: i64,
        renderers: &dyn Renderers,
    ) -> Result<Arc<Rendered>, Arc<RenderFailure>> {
        let key = key(job, renderers);
        if let Some(outcome) = self.lookup(job, &key, tree.as_ref(), clock) {
            self.hits.fetch_add(1, Ordering::Relaxed);
            return outcome;
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        let outcome = render(job, tree, clock, renderers);
        self.remember(job, key, outcome, tree.id(), clock)
    }

    /// The applications whose last outcome was made from the tree `old` and
    /// stands in `new` as well, which differs from it by `changes`.
    pub(crate) fn carry_over(&self, old: ObjectId, new: ObjectId, changes: &Changes) -> HashSet<Name> {
        let mut standing = HashSet::new();
        for ((namespace, name), known) in self.entries().iter_mut() {
            let last = known.first_mut().filter(|last| last.stands_in == Some(old) && last.time.is_none());
            if let Some(last) = last.filter(|last| !changes.concern(last.inputs())) {
                last.stands_in = Some(new);
                standing.insert(Name { namespace: namespace.clone(), name: name.clone() });
            }
        }
        standing
    }

    /// Drops what is known of an application.
    pub fn forget(&self, namespace: &str, name: &str) {
        self.entries().remove(&(namespace.to_owned(), name.to_owned()));
        if let Some(store) = &self.store {
            store.remove(namespace, name);
        }
    }

    /// For the metrics.
    pub fn counts(&self) -> MemoCounts {
        MemoCounts { hits: self.hits.load(Ordering::Relaxed), misses: self.misses.load(Ordering::Relaxed) }
    }

    fn lookup(&self, job: &Job, key: &[u8; 32], tree: &dyn Tree, clock: i64) -> Option<Outcome> {
        self.recall(job);
        // Looking into the tree may take long, so it is done outside of the lock.
        let candidates: Vec<Outcome> = self
            .entries()
            .get(&application(job))?
            .iter()
            .filter(|entry| entry.key == *key && entry.time.is_none_or(|time| time == clock))
            .map(|entry| entry.outcome.clone())
            .collect();
        let found = candidates.into_iter().find(|outcome| {
            // A tree that does not answer is no reason to believe anything: the render will say so.
            inputs(outcome).unchanged_in(tree).unwrap_or(false)
        })?;
        self.used(job, &found, tree.id());
        Some(found)
    }

    /// Takes in what is on disk of an application that nothing is known of yet.
    fn recall(&self, job: &Job) {
        let Some(store) = &self.store else { return };
        let application = application(job);
        if self.entries().contains_key(&application) {
            return;
        }
        let stored = store.load(&job.namespace, &job.name).map(|stored| Remembered {
            key: stored.key,
            outcome: stored.outcome,
            time: stored.time,
            stands_in: None,
        });
        self.entries().entry(application).or_insert_with(|| stored.into_iter().collect());
    }

    /// What was used last stands first.
    fn used(&self, job: &Job, outcome: &Outcome, tree: Option<ObjectId>) {
        let mut entries = self.entries();
        let Some(known) = entries.get_mut(&application(job)) else { return };
        let is_it = |entry: &Remembered| match (&entry.outcome, outcome) {
            (Ok(kept), Ok(used)) => Arc::ptr_eq(kept, used),
            (Err(kept), Err(used)) => Arc::ptr_eq(kept, used),
            _ => false,
        };
        if let Some(position) = known.iter().position(is_it) {
            known[..=position].rotate_right(1);
            known[0].stands_in = tree;
        }
    }

    fn remember(
        &self,
        job: &Job,
        key: [u8; 32],
        outcome: Result<Rendered, RenderFailure>,
        tree: Option<ObjectId>,
        clock: i64,
    ) -> Outcome {
        let mut entries = self.entries();
        let known = entries.entry(application(job)).or_default();
        let outcome = match outcome {
            Ok(rendered) => Ok(Arc::new(share(rendered, known))),
            Err(failure) if failure.error.is_deterministic() => Err(Arc::new(failure)),
            Err(failure) => return Err(Arc::new(failure)),
        };
        let time = inputs(&outcome).include_time().then_some(clock);
        known.insert(0, Remembered { key, outcome: outcome.clone(), time, stands_in: tree });
        known.truncate(ENTRIES);
        drop(entries);
        if let Some(store) = &self.store {
            if job.handover.confidential {
                store.remove(&job.namespace, &job.name);
            } else {
                store.save(&job.namespace, &job.name, &Stored { key, time, outcome: outcome.clone() });
            }
        }
        outcome
    }

    /// A panic elsewhere leaves the map usable: every change to it is one call.
    fn entries(&self) -> MutexGuard<'_, HashMap<(String, String), Vec<Remembered>>> {
        lock(&self.entries)
    }
}

fn application(job: &Job) -> (String, String) {
    (job.namespace.clone(), job.name.clone())
}

/// Most commits that touch an application's inputs change one object or none:
/// equal sets, origins included, are kept once.
fn share(mut rendered: Rendered, known: &[Remembered]) -> Rendered {
    let twin = known
        .iter()
        .filter_map(|entry| entry.outcome.as_ref().ok())
        .find(|older| older.digest == rendered.digest && older.manifests == rendered.manifests);
    if let Some(twin) = twin {
        rendered.manifests = Arc::clone(&twin.manifests);
    }
    rendered
}

/// Everything but the tree that the outcome depends on. Where the renderer is
/// detected, every renderer takes part in the choice.
fn key(job: &Job, renderers: &dyn Renderers) -> [u8; 32] {
    let mut hasher = Sha256::new();
    let mut field = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    for text in [&job.namespace, &job.name, &job.path, &job.target_namespace, &job.config.to_string()] {
        field(text.as_bytes());
    }
    field(format!("{:?}", job.limits).as_bytes());
    field(&job.handover.digest());
    for post in &job.post_renderers {
        let PostRenderer { renderer, path, config, input } = post;
        for text in [renderer.as_deref().unwrap_or_default(), path, &config.to_string(), input] {
            field(text.as_bytes());
        }
    }
    let posts = job.post_renderers.iter().map(|post| post.renderer.as_deref());
    for name in std::iter::once(job.renderer.as_deref()).chain(posts) {
        field(name.unwrap_or_default().as_bytes());
        for renderer in involved(name, renderers) {
            match renderer {
                Ok(renderer) => {
                    let id = renderer.id();
                    field(id.name.as_bytes());
                    field(id.digest.as_bytes());
                    field(format!("{:?}", renderer.limits()).as_bytes());
                }
                Err(absent) => field(format!("{absent:?}").as_bytes()),
            }
        }
    }
    hasher.finalize().into()
}

/// The renderers that decide what `name` leads to.
fn involved(name: Option<&str>, renderers: &dyn Renderers) -> Vec<Result<Arc<dyn Renderer>, Absent>> {
    if let Some(name) = name {
        return vec![renderers.renderer(name)];
    }
    let mut all: Vec<_> = renderers.detecting().into_iter().map(Ok).collect();
    all.push(renderers.renderer(FALLBACK_RENDERER));
    all
}
