//! What agent and API server have used so far, and the difference of two such moments. Subtracts what the API
//! server asks itself and what the benchmark asked.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::agent_metrics::AgentMetrics;
use crate::control_plane::ApiRequests;
use crate::{Agent, ControlPlane, ProcessUsage};

/// One moment.
pub(super) struct Snapshot {
    pub(super) at: Instant,
    usage: ProcessUsage,
    api: ApiRequests,
    metrics: AgentMetrics,
}

/// Requests by verb and resource.
pub(super) type Counts = BTreeMap<(String, String), f64>;

/// What the API server answers in a second when nobody uses it: its own clients' requests.
#[derive(Debug, Clone, Default)]
pub(super) struct IdleRate {
    per_second: Counts,
}

/// What was used between two moments.
pub(super) struct Spent {
    /// Processor seconds of the agent.
    pub(super) cpu: f64,
    /// Requests that the API server answered, by verb and resource, without its own and the benchmark's.
    pub(super) answered: Vec<(String, u64)>,
    /// Requests that the agent counted itself, without watches and Lease.
    pub(super) sent: f64,
    /// Renders that a plugin ran for.
    pub(super) renders: f64,
    /// Corrections that ended.
    pub(super) corrections: f64,
}

impl Snapshot {
    pub(super) async fn take(control: &ControlPlane, agent: &Agent) -> anyhow::Result<Self> {
        Ok(Self {
            at: Instant::now(),
            usage: ProcessUsage::of(agent.pid())?,
            metrics: AgentMetrics::read(agent).await?,
            api: control.api_requests().await?,
        })
    }

    /// What was used since; `ours` are the benchmark's own requests meanwhile, apart from reading counters.
    pub(super) fn since(&self, earlier: &Self, idle: &IdleRate, ours: &Counts) -> Spent {
        let seconds = self.at.duration_since(earlier.at);
        Spent {
            cpu: self.usage.cpu.saturating_sub(earlier.usage.cpu).as_secs_f64(),
            answered: idle.subtract(&counts(&self.api.since(&earlier.api)), seconds, ours),
            sent: self.metrics.requests() - earlier.metrics.requests(),
            renders: self.metrics.renders() - earlier.metrics.renders(),
            corrections: self.metrics.corrections() - earlier.metrics.corrections(),
        }
    }
}

impl IdleRate {
    /// Watches a control plane that nobody else uses for `during`.
    pub(super) async fn measure(control: &ControlPlane, during: Duration) -> anyhow::Result<Self> {
        let before = control.api_requests().await?;
        tokio::time::sleep(during).await;
        let grown = control.api_requests().await?.since(&before);
        Ok(Self::from_counts(counts(&grown), during))
    }

    /// The one request for the counters is no traffic of its own.
    fn from_counts(mut grown: Counts, during: Duration) -> Self {
        grown.retain(|(_, resource), _| resource != METRICS);
        for count in grown.values_mut() {
            *count /= during.as_secs_f64();
        }
        Self { per_second: grown }
    }

    /// All of it, in a second.
    pub(super) fn total(&self) -> f64 {
        self.per_second.values().sum()
    }

    fn subtract(&self, grown: &Counts, during: Duration, ours: &Counts) -> Vec<(String, u64)> {
        let rest = grown.iter().filter(|((_, resource), _)| resource != METRICS).map(|(key, count)| {
            let idle = self.per_second.get(key).copied().unwrap_or(0.0) * during.as_secs_f64();
            (format!("{} {}", key.0, key.1), whole(count - idle - ours.get(key).copied().unwrap_or(0.0)))
        });
        rest.filter(|(_, count)| *count > 0).collect()
    }
}

impl Spent {
    /// All requests that the API server answered.
    pub(super) fn answered_in_all(&self) -> f64 {
        self.answered.iter().map(|(_, count)| as_f64(*count)).sum()
    }
}

/// Where counters are read: only the benchmark does.
const METRICS: &str = "/metrics";

fn counts(requests: &ApiRequests) -> Counts {
    requests
        .iter()
        .map(|(verb, resource, count)| ((verb.to_owned(), resource.to_owned()), as_f64(count)))
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^53")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

/// The next whole number, and never less than nothing.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is not negative and far below 2^53"
)]
fn whole(count: f64) -> u64 {
    count.max(0.0).round() as u64
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these figures are exact")]
mod tests {
    use super::*;

    fn counts(list: &[(&str, &str, f64)]) -> Counts {
        list.iter().map(|(verb, resource, n)| (((*verb).to_owned(), (*resource).to_owned()), *n)).collect()
    }

    #[test]
    fn what_the_server_asks_itself_and_what_we_asked_is_taken_off() {
        let idle = counts(&[("GET", "leases", 5.0), ("GET", METRICS, 1.0)]);
        let idle = IdleRate::from_counts(idle, Duration::from_secs(10));
        assert_eq!(idle.total(), 0.5);
        let grown = counts(&[
            ("GET", "leases", 11.0),
            ("APPLY", "configmaps", 3.0),
            ("POST", "applications", 20.0),
            ("GET", METRICS, 1.0),
        ]);
        let ours = counts(&[("POST", "applications", 20.0)]);
        let rest = idle.subtract(&grown, Duration::from_secs(20), &ours);
        assert_eq!(rest, [("APPLY configmaps".to_owned(), 3), ("GET leases".to_owned(), 1)]);
    }

    #[test]
    fn fewer_requests_than_at_idle_are_none() {
        let idle = IdleRate::from_counts(counts(&[("GET", "leases", 5.0)]), Duration::from_secs(1));
        let rest = idle.subtract(&counts(&[("GET", "leases", 3.0)]), Duration::from_secs(1), &Counts::new());
        assert_eq!(rest, []);
    }
}
