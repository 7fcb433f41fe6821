//! The metrics. Every label is a closed set, so that their number is bounded.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeLabelValue, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::cluster::{Cluster, Verb};
use crate::gate::{PolicyFailure, Verdict};
use crate::lock::lock;
use crate::render::Memo;

/// A step of the data flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Step {
    Poll,
    Render,
    Gate,
    Plan,
    Apply,
    Sync,
    Correct,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Outcome {
    Done,
    /// There was nothing to do.
    Unchanged,
    Failed,
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepLabels {
    step: Step,
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepLabel {
    step: Step,
}

/// A finding by who made it and what it leads to. Gates and their policies are
/// an operator's, and bounded in number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerdictLabels {
    gate: String,
    policy: String,
    action: &'static str,
}

/// A policy of a gate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PolicyLabels {
    gate: String,
    policy: String,
}

/// Gate, policy, and what is counted of it.
type Series = (String, String, &'static str);

/// Most series about policies. Gates that come and go without end must not
/// grow them without end.
const MAX_POLICY_SERIES: usize = 4_096;

/// Counts what happens. Clones share their counts.
#[derive(Clone)]
pub(crate) struct Metrics {
    steps: Family<StepLabels, Counter>,
    seconds: Family<StepLabel, Histogram>,
    verdicts: Family<VerdictLabels, Counter>,
    policy_failures: Family<PolicyLabels, Counter>,
    /// How many series the two above have.
    policy_series: Arc<Mutex<BTreeSet<Series>>>,
    drift_to_correction: Histogram,
    pub(crate) leader: Gauge,
    pub(crate) repositories: Gauge,
    pub(crate) applications: Gauge,
    pub(crate) ready_applications: Gauge,
    pub(crate) objects: Gauge,
}

impl Metrics {
    /// Registers everything under the prefix `windlass`.
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            steps: Family::default(),
            seconds: Family::new_with_constructor(histogram),
            verdicts: Family::default(),
            policy_failures: Family::default(),
            policy_series: Arc::default(),
            drift_to_correction: histogram(),
            leader: Gauge::default(),
            repositories: Gauge::default(),
            applications: Gauge::default(),
            ready_applications: Gauge::default(),
            objects: Gauge::default(),
        };
        let registry = registry.sub_registry_with_prefix("windlass");
        registry.register("steps", "Steps of the data flow that ended", metrics.steps.clone());
        registry.register_with_unit(
            "step_duration",
            "How long steps took",
            Unit::Seconds,
            metrics.seconds.clone(),
        );
        registry.register(
            "verdicts",
            "Findings of policies in the sets that were judged, by what they lead to",
            metrics.verdicts.clone(),
        );
        registry.register(
            "policy_failures",
            "Judgements in which a policy gave no answer",
            metrics.policy_failures.clone(),
        );
        registry.register_with_unit(
            "drift_correction_duration",
            "From the report of a foreign change to its correction",
            Unit::Seconds,
            metrics.drift_to_correction.clone(),
        );
        registry.register("leader", "1 while this agent writes", metrics.leader.clone());
        registry.register("repositories", "Repositories known", metrics.repositories.clone());
        registry.register("applications", "Applications known", metrics.applications.clone());
        registry.register(
            "ready_applications",
            "Applications whose Ready is True",
            metrics.ready_applications.clone(),
        );
        registry.register("objects", "Live objects owned by Applications", metrics.objects.clone());
        metrics
    }

    /// One step ended.
    pub(crate) fn step(&self, step: Step, outcome: Outcome, took: Duration) {
        self.steps.get_or_create(&StepLabels { step, outcome }).inc();
        self.seconds.get_or_create(&StepLabel { step }).observe(took.as_secs_f64());
    }

    /// A set was judged.
    pub(crate) fn judged(&self, verdicts: &[Verdict], failures: &[PolicyFailure]) {
        for verdict in verdicts {
            let Verdict { gate, policy, .. } = verdict;
            let action = if verdict.is_excepted() { "excepted" } else { verdict.action.as_str() };
            if self.has_room_for(gate, policy, action) {
                let (gate, policy) = (gate.clone(), policy.clone());
                self.verdicts.get_or_create(&VerdictLabels { gate, policy, action }).inc();
            }
        }
        for PolicyFailure { gate, policy, .. } in failures {
            if self.has_room_for(gate, policy, "failure") {
                let (gate, policy) = (gate.clone(), policy.clone());
                self.policy_failures.get_or_create(&PolicyLabels { gate, policy }).inc();
            }
        }
    }

    fn has_room_for(&self, gate: &str, policy: &str, what: &'static str) -> bool {
        let mut series = lock(&self.policy_series);
        let this = (gate.to_owned(), policy.to_owned(), what);
        series.contains(&this) || (series.len() < MAX_POLICY_SERIES && series.insert(this))
    }

    /// Steps that were found to need no work, without being begun.
    pub(crate) fn steps_without_work(&self, step: Step, count: u64) {
        self.steps.get_or_create(&StepLabels { step, outcome: Outcome::Unchanged }).inc_by(count);
    }

    /// A drifted object was corrected this long after it was noticed.
    pub(crate) fn corrected(&self, after: Duration) {
        self.drift_to_correction.observe(after.as_secs_f64());
    }
}

/// Adds the requests that were sent to the API server, by verb.
pub(crate) fn register_requests(registry: &mut Registry, cluster: Cluster) {
    registry.register_collector(Box::new(Requests(cluster)));
}

/// Adds how often a render was answered from memory.
pub(crate) fn register_memo(registry: &mut Registry, memo: Arc<Memo>) {
    registry.register_collector(Box::new(Renders(memo)));
}

struct Requests(Cluster);

impl std::fmt::Debug for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Requests")
    }
}

impl Collector for Requests {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut encoder = encoder.encode_descriptor(
            "windlass_api_requests",
            "Requests sent to the API server",
            None,
            MetricType::Counter,
        )?;
        for verb in Verb::ALL {
            let counter = ConstCounter::new(self.0.requests().get(verb));
            counter.encode(encoder.encode_family(&[("verb", verb.as_str())])?)?;
        }
        Ok(())
    }
}

struct Renders(Arc<Memo>);

impl std::fmt::Debug for Renders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Renders")
    }
}

impl Collector for Renders {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let counts = self.0.counts();
        let mut encoder = encoder.encode_descriptor(
            "windlass_renders",
            "Renders by whether they ran or were answered from memory",
            None,
            MetricType::Counter,
        )?;
        for (answered, count) in [("memory", counts.hits), ("plugin", counts.misses)] {
            ConstCounter::new(count).encode(encoder.encode_family(&[("answered_from", answered)])?)?;
        }
        Ok(())
    }
}

fn histogram() -> Histogram {
    Histogram::new([0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0])
}
