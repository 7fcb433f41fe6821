//! The right to write, as a value that is asked right before each write.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Time since boot, counting suspend: a machine that slept must not believe
/// that its Lease is still fresh.
pub(crate) fn boot_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// Held by everything that writes. Clones share one end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claim {
    /// Milliseconds since boot up to which writing is allowed; 0 for never.
    until: Arc<AtomicU64>,
}

impl Claim {
    /// Allows writing up to `until`, in time since boot.
    pub(crate) fn extend(&self, until: Duration) {
        self.until.store(u64::try_from(until.as_millis()).unwrap_or(u64::MAX), Ordering::Release);
    }

    /// Allows no more writing.
    pub(crate) fn revoke(&self) {
        self.until.store(0, Ordering::Release);
    }

    /// Whether writing is allowed at this moment.
    pub(crate) fn allows(&self) -> bool {
        self.remaining(boot_time()).is_some()
    }

    /// How much longer writing is allowed; none when it is not.
    pub(crate) fn remaining(&self, now: Duration) -> Option<Duration> {
        let until = Duration::from_millis(self.until.load(Ordering::Acquire));
        until.checked_sub(now).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_ends_by_itself() {
        let claim = Claim::default();
        assert_eq!(claim.remaining(Duration::from_secs(1)), None);
        claim.extend(Duration::from_secs(10));
        assert_eq!(claim.remaining(Duration::from_secs(4)), Some(Duration::from_secs(6)));
        assert_eq!(claim.remaining(Duration::from_secs(10)), None);
    }

    #[test]
    fn every_clone_learns_of_a_revocation() {
        let claim = Claim::default();
        let clone = claim.clone();
        claim.extend(Duration::from_secs(10));
        claim.revoke();
        assert_eq!(clone.remaining(Duration::from_secs(1)), None);
    }
}
