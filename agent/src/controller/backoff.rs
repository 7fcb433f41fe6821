//! Waiting times that double, up to a bound.

use std::time::Duration;

/// Doubles from `first` to `most`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backoff {
    /// The first waiting time.
    pub(crate) first: Duration,
    /// The longest waiting time.
    pub(crate) most: Duration,
}

impl Backoff {
    /// How long to wait after `failures` earlier failures in a row.
    pub(crate) fn after(&self, failures: u32) -> Duration {
        self.first.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)).min(self.most)
    }

    /// The same, but not before the rest that a server asked for; which has the same bound.
    pub(crate) fn after_asked(&self, failures: u32, asked: Duration) -> Duration {
        self.after(failures).max(asked).min(self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_times_double_and_are_bounded_for_any_number_of_failures() {
        let backoff = Backoff { first: Duration::from_secs(2), most: Duration::from_mins(5) };
        let seconds: Vec<_> = [0, 1, 2, 7, 8, 31, 32, u32::MAX].map(|n| backoff.after(n).as_secs()).to_vec();
        assert_eq!(seconds, [2, 4, 8, 256, 300, 300, 300, 300]);
    }

    #[test]
    fn a_server_that_asks_for_rest_gets_it_within_the_bound() {
        let backoff = Backoff { first: Duration::from_secs(2), most: Duration::from_mins(5) };
        let after = |failures, asked| backoff.after_asked(failures, Duration::from_secs(asked)).as_secs();
        assert_eq!([after(0, 0), after(0, 30), after(5, 30), after(0, u64::MAX)], [2, 30, 64, 300]);
    }
}
