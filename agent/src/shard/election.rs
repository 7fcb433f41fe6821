//! Decides about a Lease: when to renew, when to take it, when to stop.
//!
//! Takes observations with the observer's own monotonic time. Only a *change*
//! of the Lease counts as a sign of life, and only for the duration that its
//! holder wrote into it.

use std::time::Duration;

/// How long a Lease lasts without renewal, in this agent's own Leases.
pub(crate) const LEASE_DURATION: Duration = Duration::from_secs(15);
/// How often the holder renews.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// How long before its Lease's end the holder stops writing. Clocks may run at
/// rates that differ by up to the factor two.
const SAFETY_MARGIN: Duration = Duration::from_millis(7_500);
/// How long after a renewal its holder may write.
const MAY_WRITE_FOR: Duration = LEASE_DURATION.saturating_sub(SAFETY_MARGIN);
/// How often one that stands by looks at the Lease.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What a Lease says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    /// Who holds it; none when it was released.
    pub(crate) holder: Option<String>,
    /// For how long it is held after each renewal.
    pub(crate) duration: Duration,
    /// Changes with every write.
    pub(crate) resource_version: String,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing for this long.
    Wait(Duration),
    /// Read the Lease.
    Look,
    /// Write oneself into it, on the condition that it is still this version;
    /// create it where there is none.
    Take { resource_version: Option<String> },
}

/// One candidate's view.
#[derive(Debug)]
pub(crate) struct Election {
    identity: String,
    /// The Lease as it was seen last, and when it was first seen so.
    seen: Option<(Option<Lease>, Duration)>,
    looked_at: Option<Duration>,
    /// When the last successful renewal was begun.
    renewed_at: Option<Duration>,
}

impl Election {
    pub(crate) fn new(identity: String) -> Self {
        Self { identity, seen: None, looked_at: None, renewed_at: None }
    }

    /// What to do at `now`.
    pub(crate) fn next(&self, now: Duration) -> Step {
        let Some((lease, since)) = &self.seen else { return self.look_or_wait(now) };
        if self.renewed_at.is_some() {
            let due = self.renewed_at.unwrap_or_default() + RENEW_EVERY;
            return match due.checked_sub(now).filter(|left| !left.is_zero()) {
                Some(left) => Step::Wait(left),
                None => self.take(lease.as_ref()),
            };
        }
        match lease {
            None => self.take(None),
            Some(lease) if lease.holder.is_none() => self.take(Some(lease)),
            Some(lease) if now.saturating_sub(*since) >= lease.duration => self.take(Some(lease)),
            Some(_) => self.look_or_wait(now),
        }
    }

    /// The Lease was read, or written with this result.
    pub(crate) fn observed(&mut self, now: Duration, lease: Option<Lease>) {
        self.looked_at = Some(now);
        if lease.as_ref().and_then(|lease| lease.holder.as_ref()) != Some(&self.identity) {
            self.renewed_at = None;
        }
        if self.seen.as_ref().is_none_or(|(seen, _)| *seen != lease) {
            self.seen = Some((lease, now));
        }
    }

    /// A write that was begun at `began` made this agent the holder.
    pub(crate) fn renewed(&mut self, began: Duration, lease: Lease) {
        self.renewed_at = Some(began);
        self.looked_at = Some(began);
        self.seen = Some((Some(lease), began));
    }

    /// Something went wrong, a conflict or the network: what was seen last is
    /// no longer a basis for a write.
    pub(crate) fn failed(&mut self, now: Duration) {
        if self.may_write_until().is_none_or(|until| until <= now) {
            self.renewed_at = None;
        }
        self.looked_at = None;
    }

    /// Up to when this agent may write.
    pub(crate) fn may_write_until(&self) -> Option<Duration> {
        self.renewed_at.map(|renewed_at| renewed_at + MAY_WRITE_FOR)
    }

    fn take(&self, lease: Option<&Lease>) -> Step {
        // After a failure the Lease is read again before it is written.
        if self.looked_at.is_none() {
            return Step::Look;
        }
        Step::Take { resource_version: lease.map(|lease| lease.resource_version.clone()) }
    }

    fn look_or_wait(&self, now: Duration) -> Step {
        match self.looked_at.map(|at| (at + LOOK_EVERY).saturating_sub(now)) {
            Some(left) if !left.is_zero() => Step::Wait(left),
            _ => Step::Look,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lease(holder: Option<&str>, version: u64) -> Lease {
        Lease {
            holder: holder.map(str::to_owned),
            duration: LEASE_DURATION,
            resource_version: version.to_string(),
        }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_lease_that_is_absent_or_released_is_taken_at_once() {
        let mut election = Election::new("a".to_owned());
        assert_eq!(election.next(at(1)), Step::Look);
        election.observed(at(1), None);
        assert_eq!(election.next(at(1)), Step::Take { resource_version: None });
        election.observed(at(2), Some(lease(None, 4)));
        assert_eq!(election.next(at(2)), Step::Take { resource_version: Some("4".to_owned()) });
    }

    #[test]
    fn anothers_lease_is_taken_only_after_it_was_watched_for_its_duration_without_a_change() {
        let mut election = Election::new("a".to_owned());
        election.observed(at(100), Some(lease(Some("b"), 1)));
        election.observed(at(110), Some(lease(Some("b"), 2)));
        assert!(!matches!(election.next(at(124)), Step::Take { .. }));
        election.observed(at(124), Some(lease(Some("b"), 2)));
        assert!(matches!(election.next(at(125)), Step::Take { .. }));
    }

    #[test]
    fn a_conflict_is_followed_by_a_look_and_not_by_another_write() {
        let mut election = Election::new("a".to_owned());
        election.observed(at(1), None);
        election.failed(at(1));
        assert_eq!(election.next(at(1)), Step::Look);
    }

    #[test]
    fn a_holder_that_can_not_renew_stops_before_its_lease_ends() {
        let mut election = Election::new("a".to_owned());
        election.renewed(at(100), lease(Some("a"), 1));
        let until = election.may_write_until().unwrap();
        assert!(until < at(100) + LEASE_DURATION);
        election.failed(until);
        assert_eq!(election.may_write_until(), None);
    }

    /// A Lease on a server that two candidates compete for.
    struct World {
        candidates: [Election; 2],
        lease: Option<Lease>,
        version: u64,
    }

    impl World {
        fn act(&mut self, who: usize, now: Duration, reachable: bool) {
            let name = ["a", "b"][who];
            let step = self.candidates[who].next(now);
            match step {
                Step::Wait(_) => {}
                _ if !reachable => self.candidates[who].failed(now),
                Step::Look => {
                    let lease = self.lease.clone();
                    self.candidates[who].observed(now, lease);
                }
                Step::Take { resource_version } => {
                    let current = self.lease.as_ref().map(|lease| lease.resource_version.clone());
                    if current == resource_version {
                        self.version += 1;
                        let taken = lease(Some(name), self.version);
                        self.lease = Some(taken.clone());
                        self.candidates[who].renewed(now, taken);
                    } else {
                        self.candidates[who].failed(now);
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn two_candidates_never_may_write_at_the_same_time(
            steps in prop::collection::vec((0..2_usize, 0..4_000_u64, any::<bool>()), 1..200)
        ) {
            let mut world = World {
                candidates: [Election::new("a".to_owned()), Election::new("b".to_owned())],
                lease: None,
                version: 0,
            };
            let mut now = at(1_000);
            for (who, milliseconds, reachable) in steps {
                now += Duration::from_millis(milliseconds);
                world.act(who, now, reachable);
                let writers = world
                    .candidates
                    .iter()
                    .filter(|candidate| candidate.may_write_until().is_some_and(|until| until > now))
                    .count();
                prop_assert!(writers <= 1);
            }
        }
    }
}
