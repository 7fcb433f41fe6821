//! Findings that were there before: an earlier report of this command as JSON.
//!
//! Takes the report; marks those findings that are in it, wherever their lines
//! are now, and counts those that are gone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

use super::super::settings::within;
use super::report::{ApplicationName, Counts, Identity, Report, VERSION};
use crate::object::ObjectKey;

/// Largest report that is read, in bytes.
const BASELINE_BYTES: u64 = 64 << 20;

/// What is read of a report; the rest of it may be of a later time.
#[derive(Deserialize)]
struct Former {
    version: u32,
    reports: Vec<FormerReport>,
}

#[derive(Deserialize)]
struct FormerReport {
    application: FormerName,
    verdicts: Vec<FormerVerdict>,
}

#[derive(Deserialize)]
struct FormerName {
    namespace: String,
    name: String,
}

#[derive(Deserialize)]
struct FormerVerdict {
    gate: String,
    policy: String,
    rule: Option<String>,
    object: ObjectKey,
    pointer: Option<String>,
    message: String,
}

/// The findings of a baseline.
pub(super) struct Baseline {
    /// How often each is in it.
    findings: BTreeMap<Identity, usize>,
}

impl Baseline {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let file = File::open(path).with_context(|| format!("read `{shown}`"))?;
        let content = within(file, BASELINE_BYTES).with_context(|| format!("read `{shown}`"))?;
        Self::parse(&content)
            .with_context(|| format!("`{shown}` is no report of `windlass check --output json`"))
    }

    fn parse(content: &[u8]) -> anyhow::Result<Self> {
        let former: Former = serde_json::from_slice(content)?;
        anyhow::ensure!(former.version == VERSION, "its version is {}, not {VERSION}", former.version);
        let mut findings = BTreeMap::new();
        for report in former.reports {
            let FormerName { namespace, name } = report.application;
            let application = ApplicationName { namespace, name };
            for verdict in report.verdicts {
                let FormerVerdict { gate, policy, rule, object, pointer, message } = verdict;
                let application = application.clone();
                let identity = Identity { application, gate, policy, rule, object, pointer, message };
                *findings.entry(identity).or_default() += 1;
            }
        }
        Ok(Self { findings })
    }

    /// Marks those findings that are known, each as often as it was there.
    pub(super) fn mark(&mut self, report: &mut Report) {
        for reported in &mut report.verdicts {
            let left = self.findings.get_mut(&reported.identity(&report.application));
            if let Some(left) = left.filter(|left| **left > 0) {
                *left -= 1;
                reported.known = true;
            }
        }
    }

    /// Once all reports are marked.
    pub(super) fn counts(&self, reports: &[Report]) -> Counts {
        let checked: BTreeSet<&ApplicationName> = reports.iter().map(|report| &report.application).collect();
        let left = self.findings.iter().filter(|(identity, _)| checked.contains(&identity.application));
        let all = reports.iter().flat_map(|report| &report.verdicts);
        let (known, new): (Vec<_>, Vec<_>) = all.partition(|reported| reported.known);
        Counts { known: known.len(), new: new.len(), gone: left.map(|(_, count)| count).sum() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::print::testing::{report, reported};
    use super::*;

    fn json(report: &Report) -> Vec<u8> {
        serde_json::json!({"version": 1, "more": [], "reports": [report]}).to_string().into_bytes()
    }

    #[test]
    fn a_finding_is_known_wherever_its_line_is_now() {
        let mut moved = reported("nginx floats");
        moved.verdict.origin = None;
        let mut now = report(vec![moved, reported("another"), reported("nginx floats")]);
        let former = report(vec![reported("nginx floats"), reported("mended")]);
        let mut baseline = Baseline::parse(&json(&former)).unwrap();
        baseline.mark(&mut now);
        let known: Vec<bool> = now.verdicts.iter().map(|one| one.known).collect();
        assert_eq!(known, [true, false, false]);
        assert_eq!(baseline.counts(&[now]), Counts { known: 1, new: 2, gone: 1 });
    }

    #[test]
    fn every_field_of_its_identity_makes_it_another_one() {
        let changes: [fn(&mut Report); 7] = [
            |report| report.application.namespace = "other".to_owned(),
            |report| report.verdicts[0].verdict.gate = "other".to_owned(),
            |report| report.verdicts[0].verdict.policy = "other".to_owned(),
            |report| report.verdicts[0].verdict.rule = None,
            |report| report.verdicts[0].verdict.object.name = "other".to_owned(),
            |report| report.verdicts[0].verdict.pointer = None,
            |report| report.verdicts[0].verdict.message = "other".to_owned(),
        ];
        for change in changes {
            let mut now = report(vec![reported("nginx floats")]);
            let mut baseline = Baseline::parse(&json(&now)).unwrap();
            change(&mut now);
            baseline.mark(&mut now);
            assert!(!now.verdicts[0].known);
        }
    }

    #[test]
    fn what_is_gone_counts_for_applications_that_were_checked() {
        let mut other = report(vec![reported("nginx floats")]);
        other.application.name = "other".to_owned();
        let baseline = Baseline::parse(&json(&other)).unwrap();
        assert_eq!(baseline.counts(&[report(Vec::new())]).gone, 0);
    }

    #[test]
    fn what_is_no_report_is_refused() {
        for (content, told) in [
            ("{}", "missing field `version`"),
            (r#"{"version": 9, "reports": []}"#, "its version is 9, not 1"),
            ("[]", "invalid"),
        ] {
            let error = format!("{:#}", Baseline::parse(content.as_bytes()).err().unwrap());
            assert!(error.contains(told), "{error}");
        }
    }
}
