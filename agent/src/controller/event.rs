//! What can happen to the controller, and what it can decide to do. Both are
//! closed on purpose: a new cause or a new effect needs a new variant.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::object::{Name, ObjectKey};
use crate::observe::Notice;
use crate::plugin::HealthState;
use crate::source::Revision;
use crate::source::tree::ObjectId;

/// Numbers polls and attempts, so that a late answer is told from the current one.
pub(crate) type Attempt = u64;

/// Everything that the outcome of a sync depends on. Two syncs to equal
/// targets do the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The commit.
    pub(crate) revision: Arc<Revision>,
    /// Version of the Repository's spec that the commit was polled under.
    pub(crate) repository: u64,
    /// Version of the Application's spec.
    pub(crate) version: u64,
    /// Version of the Gates and Plugins.
    pub(crate) rules: u64,
    /// Counts the times that its values in other objects were found to be others.
    pub(crate) values: u64,
    /// Which of this agent's terms as the leader it is.
    pub(crate) term: u64,
}

/// How a poll ended.
#[derive(Clone, Debug)]
pub(crate) enum Polled {
    /// The ref points here, as before or anew.
    Revision {
        revision: Arc<Revision>,
        /// Which Applications the way here from an older revision does not concern.
        standing: Option<Standing>,
    },
    /// It could not be told.
    Failed {
        /// How long the server asked to be left alone.
        asked: Duration,
    },
    /// It was told to stop.
    Cancelled,
}

/// Applications whose inputs are in a new revision what they were in an older
/// one: whatever was done for that is done for the new one too.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// The older revision's commit.
    pub(crate) since: ObjectId,
    pub(crate) applications: HashSet<Name>,
}

/// How a sync ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SyncEnd {
    /// Everything is as the target wants it.
    Done {
        /// Whether something had to be written for it.
        touched: bool,
    },
    /// It failed.
    Failed {
        /// Whether it may succeed later without a change of the target.
        retry: Retry,
        /// Whether something was written.
        touched: bool,
        /// Whether the manifests of what is applied are in hand, so that drift can be corrected.
        in_hand: bool,
    },
    /// It was told to stop.
    Cancelled {
        /// Whether something was written.
        touched: bool,
    },
}

/// Whether what failed may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Only a change of Git, Gates, Plugins or the Application can help.
    Never,
    /// Without anyone's doing, but not before the server that asked for it has had this rest.
    After(Duration),
}

/// How the correction of one object ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Correction {
    pub(crate) object: ObjectKey,
    pub(crate) succeeded: bool,
}

/// Why an Application has nothing to be synced to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// It names a Repository that does not exist.
    RepositoryMissing,
    /// Its Repository was not polled successfully yet.
    NoRevision,
    /// It is suspended.
    Suspended,
}

/// Everything that can wake the controller.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A Repository exists with this spec; `version` changes with whatever
    /// decides what a poll finds.
    RepositorySet { name: Name, version: u64, interval: Duration, suspended: bool },
    /// A Repository was deleted.
    RepositoryGone(Name),
    /// An Application exists with this spec; `version` changes with its spec.
    ApplicationSet { name: Name, version: u64, repository: Name, suspended: bool, health_timeout: Duration },
    /// An Application was deleted.
    ApplicationGone(Name),
    /// What an Application takes from other objects is not what it was synced with.
    ValuesChanged(Name),
    /// A Gate or a Plugin changed.
    RulesChanged,
    /// A poll ended.
    Polled { name: Name, attempt: Attempt, outcome: Polled },
    /// A sync ended.
    Synced { name: Name, attempt: Attempt, end: SyncEnd },
    /// A correction ended.
    Corrected { name: Name, attempt: Attempt, corrections: Vec<Correction> },
    /// A live object is not as it was applied.
    Drifted { name: Name, object: ObjectKey },
    /// The health of an Application's objects, all together, is now this.
    HealthChanged { name: Name, state: HealthState },
    /// This agent may write, or may not any more.
    Leadership(bool),
    /// The time that [`super::state::State::next_wake`] named has come.
    Tick,
    /// The process is to end.
    Shutdown,
}

impl From<Notice> for Event {
    fn from(notice: Notice) -> Self {
        match notice {
            Notice::Drifted { application, object } => Self::Drifted { name: application, object },
            Notice::Health { application, state } => Self::HealthChanged { name: application, state },
        }
    }
}

/// Everything that the controller can decide.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Ask the remote.
    Poll { name: Name, attempt: Attempt },
    /// Stop asking; the poll still ends with an event.
    CancelPoll(Attempt),
    /// Make the cluster equal to the target.
    Sync { name: Name, attempt: Attempt, target: Target },
    /// Restore these objects from the manifests that were applied last.
    Correct { name: Name, attempt: Attempt, objects: Vec<ObjectKey> },
    /// Stop before the next write; the attempt still ends with an event.
    Cancel(Attempt),
    /// Tell the user why nothing happens.
    Explain { name: Name, waiting: Waiting },
    /// Tell the user that somebody else keeps changing an object.
    ReportFight { name: Name, object: ObjectKey },
    /// Tell the user how the objects do.
    PublishHealth(Name),
    /// Tell the user that health was awaited for too long.
    ReportHealthTimeout(Name),
    /// Tell the user which Gates and Plugins can be used.
    PublishRules,
    /// Count Applications that a new revision does not concern.
    CountStanding(u64),
    /// Drop what is held for an Application that was deleted.
    Forget(Name),
}

/// Hands an event to the controller, and waits while its queue is full.
pub(crate) async fn send(events: &mpsc::Sender<Event>, event: Event) {
    // The controller is gone only when everything ends.
    let _ = events.send(event).await;
}
