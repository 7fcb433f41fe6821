//! The remotes of the Repositories: opens them with the credentials of their
//! Secrets, polls them, and opens the trees of their commits.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::keys::Keys;
use super::report::with_hint;
use crate::api::condition::Reason;
use crate::api::{ByteSize, GitRef, Repository, RepositoryLimits, RepositorySpec};
use crate::cluster::{Cluster, ClusterError};
use crate::lock::lock;
use crate::object::Name;
use crate::source::changes::Changes;
use crate::source::remote::{Credentials, FetchLimits, Polled, Reference, Remote, RemoteOptions};
use crate::source::tree::{ObjectId, Tree};
use crate::source::{Revision, SourceError};

/// Why a poll gave no revision.
#[derive(Debug)]
pub(crate) struct PollError {
    pub(crate) reason: Reason,
    /// What happened, and what to do.
    pub(crate) message: String,
    pub(crate) cancelled: bool,
    /// How long the server asks to be left alone.
    pub(crate) asked: Duration,
}

/// What a poll found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) revision: Arc<Revision>,
    /// Whether it is another one than before.
    pub(crate) moved: bool,
    /// Whether the one before is not an ancestor of it.
    pub(crate) rewritten: bool,
    /// The one before, and what differs from it, where that can be told.
    pub(crate) changes: Option<(Arc<Revision>, Arc<Changes>)>,
}

/// All remotes of one agent.
pub(crate) struct Sources {
    cluster: Cluster,
    folder: PathBuf,
    open: Mutex<HashMap<Name, Open>>,
}

#[derive(Clone)]
struct Open {
    version: u64,
    remote: Arc<Remote>,
    revision: Option<Arc<Revision>>,
    /// The files of the commit that was asked for last: all Applications of a
    /// Repository ask for the same, and share what was read of it.
    tree: Option<(ObjectId, Arc<dyn Tree>)>,
}

impl Sources {
    /// `folder` holds the object databases.
    pub(crate) fn new(cluster: Cluster, folder: PathBuf) -> Self {
        Self { cluster, folder, open: Mutex::default() }
    }

    /// Asks the remote where its ref points. `version` stands for everything
    /// in the spec that decides what is found.
    pub(crate) async fn poll(
        &self,
        name: &Name,
        version: u64,
        repository: &Repository,
        cancel: CancellationToken,
    ) -> Result<Found, PollError> {
        let open = self.open(name, version, &repository.spec).await?;
        let (remote, known) = (open.remote.clone(), open.revision.clone());
        let polled = tokio::task::spawn_blocking(move || {
            let polled = remote.poll(known.as_deref(), &cancel)?;
            let changes = match (&known, &polled) {
                (Some(former), Polled::Moved { revision, .. }) => {
                    remote.changes(former, revision).map(|changes| (former.clone(), Arc::new(changes)))
                }
                _ => None,
            };
            Ok((polled, changes))
        });
        let (polled, changes) = match polled.await {
            Ok(Ok(polled)) => polled,
            Ok(Err(error)) => {
                if matches!(error, SourceError::Unauthorized { .. } | SourceError::Tls { .. }) {
                    // The Secret may have been changed meanwhile: the next poll reads it again.
                    self.remotes().remove(name);
                }
                return Err(PollError::source(&error));
            }
            Err(error) => return Err(PollError::failed(Reason::FetchFailed, error.to_string())),
        };
        let (revision, moved, rewritten) = match (polled, open.revision) {
            (Polled::Unchanged, Some(revision)) => (revision, false, false),
            (Polled::Unchanged, None) => {
                let problem = "the remote answered that nothing changed, but nothing was known".to_owned();
                return Err(PollError::failed(Reason::FetchFailed, problem));
            }
            (Polled::Moved { revision, fast_forward }, _) => {
                (Arc::new(revision), true, fast_forward == Some(false))
            }
        };
        if let Some(open) = self.remotes().get_mut(name) {
            open.revision = Some(revision.clone());
        }
        Ok(Found { revision, moved, rewritten, changes })
    }

    /// The files of a commit that a poll gave.
    pub(crate) fn tree(&self, name: &Name, revision: &Revision) -> Result<Arc<dyn Tree>, SourceError> {
        let mut remotes = self.remotes();
        match remotes.get_mut(name) {
            Some(open) => match &open.tree {
                Some((commit, tree)) if *commit == revision.commit => Ok(tree.clone()),
                _ => {
                    let tree: Arc<dyn Tree> = Arc::new(open.remote.tree(revision)?);
                    open.tree = Some((revision.commit, tree.clone()));
                    Ok(tree)
                }
            },
            None => Err(not_open(name)),
        }
    }

    /// A commit by its id, and its files: from what is here, or fetched anew.
    pub(crate) async fn recall(
        &self,
        name: &Name,
        commit: &str,
        cancel: &CancellationToken,
    ) -> Result<(Revision, Arc<dyn Tree>), SourceError> {
        let commit = commit.parse::<ObjectId>().map_err(|_| SourceError::Corrupt {
            url: name.to_string(),
            problem: format!("`{commit}` is no commit id"),
        })?;
        let remote = self.remotes().get(name).map(|open| open.remote.clone());
        let remote = remote.ok_or_else(|| not_open(name))?;
        let cancel = cancel.clone();
        let recalled = tokio::task::spawn_blocking(move || {
            let revision = remote.recall(commit, &cancel)?;
            let tree: Arc<dyn Tree> = Arc::new(remote.tree(&revision)?);
            Ok((revision, tree))
        });
        recalled.await.unwrap_or_else(|error| {
            Err(SourceError::Internal { url: name.to_string(), problem: error.to_string() })
        })
    }

    /// The next poll of it fetches everything anew: its object database did not answer.
    pub(crate) fn distrust(&self, name: &Name) {
        let remote = self.remotes().get_mut(name).map(|open| {
            open.tree = None;
            open.remote.clone()
        });
        if let Some(Err(error)) = remote.map(|remote| remote.distrust()) {
            tracing::warn!(repository = %name, %error, "discard what was fetched");
        }
    }

    /// Closes a remote.
    pub(crate) fn forget(&self, name: &Name) {
        self.remotes().remove(name);
    }

    async fn open(&self, name: &Name, version: u64, spec: &RepositorySpec) -> Result<Open, PollError> {
        if let Some(open) = self.remotes().get(name).filter(|open| open.version == version) {
            return Ok(open.clone());
        }
        // One remote holds the lock of its folder.
        self.remotes().remove(name);
        let mut options = RemoteOptions::new(name.to_string(), &spec.url);
        options.reference = reference(spec.reference.as_ref())?;
        options.timeout = spec.timeout.get();
        options.limits = limits(spec.limits.as_ref());
        if let Some(secret) = &spec.secret_ref {
            let data = self.secret(&name.namespace, &secret.name).await?;
            options.credentials = credentials(&data)?;
            options.ca_pem = data.get("ca.crt").map_err(PollError::secret)?;
        }
        let folder = self.folder.clone();
        let remote = tokio::task::spawn_blocking(move || Remote::open(&folder, options)).await;
        let remote = match remote {
            Ok(remote) => Arc::new(remote.map_err(|error| PollError::source(&error))?),
            Err(error) => return Err(PollError::failed(Reason::FetchFailed, error.to_string())),
        };
        let open = Open { version, remote, revision: None, tree: None };
        self.remotes().insert(name.clone(), open.clone());
        Ok(open)
    }

    async fn secret(&self, namespace: &str, name: &str) -> Result<Keys, PollError> {
        Keys::read(&self.cluster, "Secret", namespace, name).await.map_err(|error| {
            let message = match &error {
                ClusterError::NotFound { .. } => {
                    format!("{error}; create it, or correct spec.secretRef.name")
                }
                _ => with_hint(error.to_string(), error.hint()),
            };
            PollError::secret(message)
        })
    }

    fn remotes(&self) -> MutexGuard<'_, HashMap<Name, Open>> {
        lock(&self.open)
    }
}

fn not_open(name: &Name) -> SourceError {
    SourceError::Corrupt { url: name.to_string(), problem: "its remote is being opened anew".to_owned() }
}

impl PollError {
    fn failed(reason: Reason, message: String) -> Self {
        Self { reason, message, cancelled: false, asked: Duration::ZERO }
    }

    fn secret(message: String) -> Self {
        Self::failed(Reason::SecretInvalid, message)
    }

    fn source(error: &SourceError) -> Self {
        let reason = match error {
            SourceError::Unauthorized { .. } => Reason::AuthenticationFailed,
            SourceError::ReferenceNotFound { .. } => Reason::RefNotFound,
            SourceError::Limit { .. } => Reason::LimitExceeded,
            SourceError::Refused { .. } => Reason::InvalidSpec,
            _ => Reason::FetchFailed,
        };
        Self {
            reason,
            message: with_hint(error.to_string(), error.hint()),
            cancelled: matches!(error, SourceError::Cancelled { .. }),
            asked: error.retry_after().unwrap_or_default(),
        }
    }
}

fn credentials(secret: &Keys) -> Result<Option<Credentials>, PollError> {
    let text = |key| secret.text(key).map_err(PollError::secret);
    match (text("username")?, text("password")?, text("bearerToken")?) {
        (None, None, None) => Ok(None),
        (None, None, Some(token)) => Ok(Some(Credentials::Bearer(token.trim_end().to_owned()))),
        (Some(username), Some(password), None) => Ok(Some(Credentials::Basic { username, password })),
        _ => {
            let problem = "it needs the keys `username` and `password`, or only `bearerToken`";
            Err(PollError::secret(secret.invalid(problem)))
        }
    }
}

fn limits(chosen: Option<&RepositoryLimits>) -> FetchLimits {
    let default = FetchLimits::default();
    let Some(chosen) = chosen else { return default };
    FetchLimits {
        pack_bytes: chosen.pack_size.map_or(default.pack_bytes, ByteSize::get),
        object_bytes: chosen.object_size.map_or(default.object_bytes, ByteSize::get),
        objects: chosen.objects.map_or(default.objects, u64::from),
        ..default
    }
}

fn reference(reference: Option<&GitRef>) -> Result<Reference, PollError> {
    let Some(reference) = reference else { return Ok(Reference::Head) };
    match (&reference.branch, &reference.tag, &reference.commit, &reference.name) {
        (Some(branch), None, None, None) => Ok(Reference::Branch(branch.clone())),
        (None, Some(tag), None, None) => Ok(Reference::Tag(tag.clone())),
        (None, None, Some(commit), None) => match commit.parse::<ObjectId>() {
            Ok(id) => Ok(Reference::Commit(id)),
            Err(_) => {
                Err(PollError::failed(Reason::InvalidSpec, "spec.ref.commit is no commit id".to_owned()))
            }
        },
        (None, None, None, Some(name)) => Ok(Reference::Name(name.clone())),
        _ => {
            let message = "spec.ref needs exactly one of branch, tag, commit and name".to_owned();
            Err(PollError::failed(Reason::InvalidSpec, message))
        }
    }
}
