//! Tells a correction that holds from a tug-of-war with another writer.

use std::time::{Duration, Instant};

use crate::controller::backoff::Backoff;

/// Corrections of one object that may follow each other closely.
const FREE_CORRECTIONS: u32 = 5;
/// After this long without a correction, an object counts as calm again.
const CALM_AFTER: Duration = Duration::from_mins(1);
/// Waiting times once it is a fight.
const FIGHT_BACKOFF: Backoff = Backoff { first: Duration::from_secs(5), most: Duration::from_mins(5) };
/// Waiting times after corrections that failed.
const FAILURE_BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_mins(1) };

/// The drift of one object.
#[derive(Default)]
pub(super) struct Fight {
    /// Whether it differs and no correction was started since.
    pub(super) pending: bool,
    corrections: u32,
    failures: u32,
    last: Option<Instant>,
    held_until: Option<Instant>,
}

impl Fight {
    /// Whether it may be corrected now.
    pub(super) fn ready(&self, now: Instant) -> bool {
        self.pending && self.held_until.is_none_or(|until| until <= now)
    }

    /// Takes note of a correction; true when it just became a fight.
    pub(super) fn corrected(&mut self, now: Instant, succeeded: bool) -> bool {
        if !succeeded {
            self.pending = true;
            self.held_until = Some(now + FAILURE_BACKOFF.after(self.failures));
            self.failures = self.failures.saturating_add(1);
            return false;
        }
        self.failures = 0;
        if !self.recent(now) {
            self.corrections = 0;
        }
        self.corrections = self.corrections.saturating_add(1);
        self.last = Some(now);
        let rounds = self.corrections.saturating_sub(FREE_CORRECTIONS);
        self.held_until = (rounds > 0).then(|| now + FIGHT_BACKOFF.after(rounds - 1));
        rounds == 1
    }

    /// When a held correction may be tried.
    pub(super) fn held_until(&self) -> Option<Instant> {
        self.held_until
    }

    /// Whether there is anything to remember of it.
    pub(super) fn remembered(&self, now: Instant) -> bool {
        self.pending || self.recent(now)
    }

    /// A held fight stays recent for as long as it is held.
    fn recent(&self, now: Instant) -> bool {
        let since = self.held_until.max(self.last);
        since.is_some_and(|since| now.saturating_duration_since(since) < CALM_AFTER)
    }
}
