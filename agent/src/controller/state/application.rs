//! One Application as the decisions see it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::fight::Fight;
use crate::controller::event::{Attempt, Target, Waiting};
use crate::object::{Name, ObjectKey};
use crate::source::Revision;
use crate::source::tree::ObjectId;

pub(super) struct Application {
    pub(super) version: u64,
    /// Counts changes of its values in other objects.
    pub(super) values: u64,
    pub(super) repository: Name,
    pub(super) suspended: bool,
    pub(super) health_timeout: Duration,
    pub(super) held: Held,
    pub(super) failed: Option<Failed>,
    pub(super) running: Option<Running>,
    pub(super) queued: bool,
    pub(super) drifted: BTreeMap<ObjectKey, Fight>,
    pub(super) health_deadline: Option<Instant>,
    pub(super) waiting: Option<Waiting>,
    /// Deleted while an attempt was running.
    pub(super) gone: bool,
}

/// Which manifests are in hand, from which drift can be corrected.
#[derive(Default)]
pub(super) enum Held {
    /// None.
    #[default]
    Nothing,
    /// Those of what is applied, which is not all that any target wants.
    LastGood,
    /// All that this target wants, and they are applied.
    Synced(Target),
}

impl Held {
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// What was synced completely, last.
    pub(super) fn synced(&self) -> Option<&Target> {
        match self {
            Self::Synced(target) => Some(target),
            Self::Nothing | Self::LastGood => None,
        }
    }
}

pub(super) struct Failed {
    pub(super) target: Target,
    pub(super) failures: u32,
    /// Absent when only a change can help.
    pub(super) retry_at: Option<Instant>,
}

pub(super) struct Running {
    pub(super) attempt: Attempt,
    pub(super) kind: Kind,
    pub(super) cancelled: bool,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Sync(Target),
    Correction,
}

pub(super) enum Step {
    Sync(Target),
    Correct(Vec<ObjectKey>),
}

impl Application {
    pub(super) fn new(repository: Name) -> Self {
        Self {
            version: 0,
            values: 0,
            repository,
            suspended: false,
            health_timeout: Duration::ZERO,
            held: Held::Nothing,
            failed: None,
            running: None,
            queued: false,
            drifted: BTreeMap::new(),
            health_deadline: None,
            waiting: None,
            gone: false,
        }
    }

    pub(super) fn forget_outcome(&mut self) {
        self.held = Held::Nothing;
        self.failed = None;
        self.drifted.clear();
        self.health_deadline = None;
    }

    /// Takes everything that was done for the revision `since` as done for
    /// `revision`; true when that leaves nothing to do for it.
    pub(super) fn carry_over(&mut self, since: ObjectId, revision: &Arc<Revision>) -> bool {
        let running = self.running.as_mut().and_then(|running| match &mut running.kind {
            Kind::Sync(target) => Some(target),
            Kind::Correction => None,
        });
        let is_running = running.is_some();
        let synced = match &mut self.held {
            Held::Synced(target) => Some(target),
            Held::Nothing | Held::LastGood => None,
        };
        let failed = self.failed.as_mut().map(|failed| &mut failed.target);
        let mut carried = false;
        for target in [running, synced, failed].into_iter().flatten() {
            if target.revision.commit == since {
                target.revision = Arc::clone(revision);
                carried = true;
            }
        }
        carried && !is_running
    }

    /// What is to do now: a sync first, for it corrects drift as well; a
    /// correction of the last good state while a sync can't be tried.
    pub(super) fn next_step(&self, now: Instant, target: Option<&Target>) -> Option<Step> {
        let target = target?;
        let held = self
            .failed
            .as_ref()
            .is_some_and(|failed| failed.target == *target && failed.retry_at.is_none_or(|at| at > now));
        if self.held.synced() != Some(target) && !held {
            return Some(Step::Sync(target.clone()));
        }
        if self.held.is_nothing() {
            return None;
        }
        let objects: Vec<_> = self
            .drifted
            .iter()
            .filter(|(_, fight)| fight.ready(now))
            .map(|(object, _)| object.clone())
            .collect();
        (!objects.is_empty()).then_some(Step::Correct(objects))
    }
}
