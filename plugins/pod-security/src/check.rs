//! The checks of the standards: which of them hold for a level and a version,
//! and what they find in a pod.

mod apparmor;
mod capabilities;
mod host;
mod place;
mod privilege;
mod seccomp;
mod selinux;
mod sysctls;
mod table;
mod users;
mod volumes;

use crate::level::{Level, Standard, Version};
use crate::pod::{Metadata, PodSpec};
use table::{BASELINE, RESTRICTED};

pub(crate) use place::Place;

/// Of a pod, what rules look at.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'p> {
    pub(crate) metadata: &'p Metadata<'p>,
    pub(crate) spec: &'p PodSpec<'p>,
}

/// What a check does from some version on.
pub(crate) struct Rule {
    /// Every place that violates it.
    find: for<'p> fn(&Subject<'p>) -> Vec<Place<'p>>,
    /// Upstream's reason, and its details: of some places together, or of a
    /// single one.
    reason: fn(&[Place<'_>]) -> &'static str,
    detail: fn(&[Place<'_>]) -> String,
}

/// A rule, and from which minor version on it holds.
struct Since {
    minor: u64,
    rule: Rule,
    /// The check of the baseline level whose place it takes.
    overrides: Option<&'static str>,
}

/// A check, with its rules in the order of their versions.
struct Check {
    id: &'static str,
    rules: &'static [Since],
}

impl Check {
    fn at(&self, version: Version) -> Option<&'static Since> {
        self.rules.iter().rev().find(|since| Version::Minor(since.minor) <= version)
    }
}

/// A rule that a pod violates.
pub(crate) struct Violation<'p> {
    pub(crate) check: &'static str,
    pub(crate) places: Vec<Place<'p>>,
    rule: &'static Rule,
}

impl Violation<'_> {
    /// In upstream's words: what is violated, by all of the places.
    #[cfg(test)]
    pub(crate) fn reason_and_detail(&self) -> (&'static str, String) {
        ((self.rule.reason)(&self.places), (self.rule.detail)(&self.places))
    }

    /// In upstream's words, as if the place were the only one.
    pub(crate) fn message(&self, place: &Place<'_>) -> String {
        let places = std::slice::from_ref(place);
        format!("{} ({})", (self.rule.reason)(places), (self.rule.detail)(places))
    }
}

/// The rules of a standard.
#[derive(Clone)]
pub(crate) struct Rules(Vec<(&'static str, &'static Rule)>);

impl Rules {
    /// In upstream's order: by level, and by the names of the checks.
    pub(crate) fn of(standard: Standard) -> Self {
        let held = |checks: &'static [Check]| {
            checks.iter().filter_map(move |check| Some((check.id, check.at(standard.version)?)))
        };
        let rules = match standard.level {
            Level::Privileged => Vec::new(),
            Level::Baseline => held(BASELINE).map(|(id, since)| (id, &since.rule)).collect(),
            Level::Restricted => {
                let overridden = |id: &str| held(RESTRICTED).any(|(_, since)| since.overrides == Some(id));
                let baseline = held(BASELINE).filter(|(id, _)| !overridden(id));
                baseline.chain(held(RESTRICTED)).map(|(id, since)| (id, &since.rule)).collect()
            }
        };
        Self(rules)
    }

    /// The names of their checks.
    #[cfg(test)]
    pub(crate) fn ids(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(id, _)| *id)
    }

    /// What of the pod violates them.
    pub(crate) fn violations<'p>(&self, pod: Subject<'p>) -> impl Iterator<Item = Violation<'p>> {
        self.0.iter().filter_map(move |(check, rule)| {
            let places = (rule.find)(&pod);
            (!places.is_empty()).then_some(Violation { check, places, rule })
        })
    }
}

/// Whether there is no standard that the pod violates, of whatever level and
/// version.
pub(crate) fn is_admitted_by_all(pod: Subject<'_>) -> bool {
    let checks = BASELINE.iter().chain(RESTRICTED);
    checks.flat_map(|check| check.rules).all(|since| (since.rule.find)(&pod).is_empty())
}

/// The minor versions since which something is different.
#[cfg(test)]
pub(crate) fn changes() -> std::collections::BTreeSet<u64> {
    let checks = BASELINE.iter().chain(RESTRICTED);
    checks.flat_map(|check| check.rules).map(|since| since.minor).collect()
}
