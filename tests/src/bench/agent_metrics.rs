//! The agent's own counters at one moment, from the text of its `/metrics`.

use std::collections::BTreeMap;

use crate::Agent;

/// Every series with its value.
#[derive(Debug, Clone, Default)]
pub(super) struct AgentMetrics {
    series: BTreeMap<String, f64>,
}

impl AgentMetrics {
    pub(super) async fn read(agent: &Agent) -> anyhow::Result<Self> {
        Ok(Self::parse(&agent.get("/metrics").await?))
    }

    fn parse(text: &str) -> Self {
        let series = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| {
                let (series, value) = line.rsplit_once(' ')?;
                Some((series.to_owned(), value.parse().ok()?))
            })
            .collect();
        Self { series }
    }

    /// The sum of all series that begin so.
    fn sum(&self, prefix: &str) -> f64 {
        self.series.iter().filter(|(series, _)| series.starts_with(prefix)).map(|(_, value)| value).sum()
    }

    /// Requests to the API server that are neither watches nor renewals of the Lease, the only thing that the
    /// agent replaces as a whole.
    pub(super) fn requests(&self) -> f64 {
        let all = self.sum("windlass_api_requests_total{");
        let left_out = ["watch", "update"].map(|verb| self.sent(verb));
        all - left_out.iter().sum::<f64>()
    }

    fn sent(&self, verb: &str) -> f64 {
        self.sum(&format!("windlass_api_requests_total{{verb=\"{verb}\"}}"))
    }

    /// Renders that a plugin ran for.
    pub(super) fn renders(&self) -> f64 {
        self.sum("windlass_renders_total{answered_from=\"plugin\"}")
    }

    /// Syncs that ended, whatever came of them.
    pub(super) fn syncs(&self) -> f64 {
        self.sum("windlass_steps_total{step=\"Sync\",")
    }

    /// Corrections that ended.
    pub(super) fn corrections(&self) -> f64 {
        self.sum("windlass_steps_total{step=\"Correct\",")
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these figures are exact")]
mod tests {
    use super::*;

    const TEXT: &str = r#"# TYPE windlass_steps counter
windlass_steps_total{step="Sync",outcome="Done"} 5
windlass_steps_total{step="Sync",outcome="Failed"} 1
windlass_steps_total{step="Correct",outcome="Done"} 2
windlass_api_requests_total{verb="watch"} 9
windlass_api_requests_total{verb="apply"} 4
windlass_api_requests_total{verb="update"} 7
windlass_api_requests_total{verb="patch"} 3
windlass_renders_total{answered_from="memory"} 11
windlass_renders_total{answered_from="plugin"} 6
# EOF
"#;

    #[test]
    fn watches_and_the_lease_are_no_requests_for_something() {
        assert_eq!(AgentMetrics::parse(TEXT).requests(), 7.0);
    }

    #[test]
    fn steps_are_summed_over_their_outcomes() {
        let metrics = AgentMetrics::parse(TEXT);
        assert_eq!((metrics.syncs(), metrics.corrections(), metrics.renders()), (6.0, 2.0, 6.0));
    }
}
