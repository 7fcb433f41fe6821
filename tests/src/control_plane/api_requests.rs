//! How many requests the API server has answered, from its own metric `apiserver_request_total`. Takes the
//! text of `/metrics`, gives counts by verb and resource; watches are left out, as one open watch is one
//! request however long it serves.

use std::collections::BTreeMap;

const METRIC: &str = "apiserver_request_total{";

/// Counts of answered requests without watches, as they stood when they were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiRequests {
    counts: BTreeMap<(String, String), u64>,
}

impl ApiRequests {
    /// Reads them from the text that kube-apiserver serves at `/metrics`.
    pub(crate) fn from_metrics(text: &str) -> Self {
        let mut counts = BTreeMap::new();
        for sample in text.lines().filter_map(|line| line.strip_prefix(METRIC)).filter_map(Sample::read) {
            if sample.verb != "WATCH" {
                *counts.entry((sample.verb, sample.resource)).or_default() += sample.value;
            }
        }
        Self { counts }
    }

    /// All requests.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Those with this verb (`GET`, `LIST`, `POST`, `PUT`, `PATCH`, `APPLY`, `DELETE`, …) on this resource
    /// (`configmaps`, `deployments/status`; for a path outside the API what kube-apiserver calls it,
    /// for example `/readyz`).
    pub fn of(&self, verb: &str, resource: &str) -> u64 {
        self.counts.get(&(verb.to_owned(), resource.to_owned())).copied().unwrap_or(0)
    }

    /// What came after `earlier`. Counts start again from zero with the API server.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let counts = self
            .counts
            .iter()
            .map(|(key, count)| {
                (key.clone(), count.saturating_sub(earlier.counts.get(key).copied().unwrap_or(0)))
            })
            .filter(|(_, count)| *count > 0)
            .collect();
        Self { counts }
    }

    /// Verb, resource and count, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        self.counts.iter().map(|((verb, resource), count)| (verb.as_str(), resource.as_str(), *count))
    }
}

struct Sample {
    verb: String,
    resource: String,
    value: u64,
}

impl Sample {
    /// Reads `name="value",…} 12`. No label of this metric holds a quote, a comma or a brace in its value.
    fn read(line: &str) -> Option<Self> {
        let (labels, value) = line.rsplit_once("} ")?;
        let label = |name: &str| {
            labels
                .split(',')
                .filter_map(|label| label.split_once('='))
                .find_map(|(key, value)| (key == name).then(|| value.trim_matches('"')))
                .unwrap_or_default()
        };
        let resource = match (label("resource"), label("subresource")) {
            (resource, "") => resource.to_owned(),
            ("", subresource) => subresource.to_owned(),
            (resource, subresource) => format!("{resource}/{subresource}"),
        };
        // Go writes large counters as 1.234567e+06.
        let value: f64 = value.trim().parse().ok()?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a counter is a whole number from 0 on, far below 2^53"
        )]
        let value = value as u64;
        Some(Self { verb: label("verb").to_owned(), resource, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# TYPE apiserver_request_total counter
apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="configmaps",scope="resource",subresource="",verb="GET",version="v1"} 3
apiserver_request_total{code="404",component="apiserver",dry_run="",group="",resource="configmaps",scope="resource",subresource="",verb="GET",version="v1"} 2
apiserver_request_total{code="200",component="apiserver",dry_run="",group="apps",resource="deployments",scope="resource",subresource="status",verb="APPLY",version="v1"} 1.5e+03
apiserver_request_total{code="0",component="apiserver",dry_run="",group="",resource="configmaps",scope="cluster",subresource="",verb="WATCH",version="v1"} 70
apiserver_request_total{code="200",component="",dry_run="",group="",resource="",scope="",subresource="/readyz",verb="GET",version=""} 4
apiserver_request_duration_seconds_count{verb="GET"} 9
"#;

    #[test]
    fn requests_are_summed_over_codes_and_watches_are_left_out() {
        let requests = ApiRequests::from_metrics(TEXT);
        assert_eq!(requests.of("GET", "configmaps"), 5);
        assert_eq!(requests.of("APPLY", "deployments/status"), 1500);
        assert_eq!(requests.of("GET", "/readyz"), 4);
        assert_eq!(requests.total(), 1509);
    }

    #[test]
    fn a_difference_names_only_what_grew() {
        let earlier = ApiRequests::from_metrics(TEXT);
        let later = ApiRequests::from_metrics(&TEXT.replace("} 2\n", "} 6\n"));
        let grown: Vec<_> = later.since(&earlier).iter().map(|(v, r, n)| format!("{v} {r} {n}")).collect();
        assert_eq!(grown, ["GET configmaps 4"]);
    }
}
