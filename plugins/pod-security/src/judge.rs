//! Judges one object by what holds in its namespace.

use windlass_plugin_sdk::policy::{Action, Finding, Findings};

use crate::check::{self, Subject};
use crate::namespace::{Demands, Labels, RULE};
use crate::pod::{Metadata, Pod, PodSpec};
use crate::settings::Settings;
use crate::workload::Root;

/// The most findings on one object. Those that deny come first, so that none
/// of them is the one that is left out while another is told.
pub(crate) const FINDINGS: usize = 100;

/// Says what of a pod violates the demands.
pub(crate) fn pod(
    pod: &Pod<'_>,
    root: Root,
    demands: &Demands,
    settings: &Settings,
    findings: &mut Findings,
) {
    let (no_metadata, no_spec) = (Metadata::default(), PodSpec::default());
    let metadata = pod.metadata.as_deref().unwrap_or(&no_metadata);
    let spec = pod.spec.as_deref().unwrap_or(&no_spec);
    if settings.runtime_classes.contains(&*spec.runtime_class_name) {
        return;
    }
    let subject = Subject { metadata, spec };
    let mut told = Told { findings, said: Vec::new(), left_out: 0 };
    for mode in &demands.modes {
        let verb = if mode.action.is_none() { "violates" } else { "would violate" };
        for violation in mode.rules.violations(subject) {
            for place in &violation.places {
                if told.is_full() {
                    continue;
                }
                let said = (place.pointer(root), violation.message(place));
                let prefix = format!("{verb} PodSecurity \"{}\": ", mode.standard);
                told.tell(violation.check, &prefix, said, mode.action);
            }
        }
    }
    told.finish();
    tell_of_labels(&demands.labels, subject, findings);
}

fn tell_of_labels(labels: &Labels, pod: Subject<'_>, findings: &mut Findings) {
    const POINTER: &str = "/metadata/namespace";
    match labels {
        Labels::Unknown if !check::is_admitted_by_all(pod) => {
            let message = "the labels of the Namespace can't be known, and they could deny this: let the Gate grant \
                           `v1/Namespace`, or set `namespaceLabels: WhenKnown` to hold pods to the defaults then";
            findings.deny_by(RULE, POINTER, message);
        }
        Labels::Invalid(message) => findings.push(Finding {
            message: message.clone(),
            pointer: Some(POINTER.to_owned()),
            rule: Some(RULE.to_owned()),
            action: Some(Action::Warn),
        }),
        Labels::Known | Labels::Unknown => {}
    }
}

/// What was said already: the modes often find the same.
struct Told<'f> {
    findings: &'f mut Findings,
    said: Vec<(String, String)>,
    left_out: usize,
}

impl Told<'_> {
    /// Counts what is left out because there is too much.
    fn is_full(&mut self) -> bool {
        let full = self.said.len() == FINDINGS;
        self.left_out += usize::from(full);
        full
    }

    fn tell(&mut self, check: &str, prefix: &str, said: (String, String), action: Option<Action>) {
        if self.said.contains(&said) {
            return;
        }
        self.findings.push(Finding {
            message: format!("{prefix}{}", said.1),
            pointer: Some(said.0.clone()),
            rule: Some(check.to_owned()),
            action,
        });
        self.said.push(said);
    }

    fn finish(self) {
        if self.left_out > 0 {
            self.findings.push(Finding {
                message: format!("{} more findings; the limit for an object is {FINDINGS}", self.left_out),
                pointer: None,
                rule: None,
                action: Some(Action::Warn),
            });
        }
    }
}
