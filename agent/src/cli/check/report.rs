//! What came out of a check: the one structure behind all formats.
//!
//! As JSON it is what programs may rely on: fields may come, none goes or
//! changes its meaning while [`VERSION`] stays.

use std::collections::BTreeSet;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::super::{FAILED, REFUSED};
use crate::diagnostic::{Diagnostic, Severity};
use crate::gate::{Action, Applicant, PolicyFailure, Verdict};
use crate::object::{ObjectKey, Origin};
use crate::render::PluginId;

/// Of the JSON form.
pub(super) const VERSION: u32 = 1;

/// All that one command found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Findings {
    pub(super) version: u32,
    pub(super) outcome: Outcome,
    /// The plugins that rendered and judged.
    pub(super) plugins: BTreeSet<PluginId>,
    pub(super) reports: Vec<Report>,
    /// Settings that a policy does not take. Nothing was judged then.
    pub(super) problems: Vec<Diagnostic>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) baseline: Option<Counts>,
}

impl Findings {
    /// All of these reports, and nothing else.
    pub(super) fn of(reports: Vec<Report>) -> Self {
        Self {
            version: VERSION,
            outcome: reports.iter().map(|report| report.outcome).max().unwrap_or(Outcome::Admitted),
            plugins: BTreeSet::new(),
            reports,
            problems: Vec::new(),
            baseline: None,
        }
    }
}

/// How the findings compare with those of a baseline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    /// In both.
    pub(super) known: usize,
    /// Not in the baseline.
    pub(super) new: usize,
    /// In the baseline only, of the Applications that were checked.
    pub(super) gone: usize,
}

/// What came out for one set of objects.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// The folder, as it was typed or as its Application names it.
    pub(super) path: String,
    /// What people call it.
    #[serde(skip)]
    pub(super) called: String,
    pub(super) application: ApplicationName,
    /// The commit, where one was named, and the one that it is compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) revision: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<String>,
    pub(super) outcome: Outcome,
    /// How many objects were judged.
    pub(super) objects: usize,
    /// What the policies found.
    pub(super) verdicts: Vec<Reported>,
    /// The policies that gave no answer.
    pub(super) failures: Vec<Failure>,
    /// What else there is to know: warnings, or why there was no judgement.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Which policy was asked about which object, where somebody wants to know.
    #[serde(skip)]
    pub(super) asked: Vec<Asked>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct ApplicationName {
    pub(super) namespace: String,
    pub(super) name: String,
}

impl From<&Applicant> for ApplicationName {
    fn from(applicant: &Applicant) -> Self {
        Self { namespace: applicant.namespace.clone(), name: applicant.name.clone() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Outcome {
    Admitted,
    Denied,
    DoesNotRender,
    NotJudged,
}

impl Outcome {
    pub(super) fn exit_code(self) -> u8 {
        match self {
            Self::Admitted => 0,
            Self::Denied | Self::DoesNotRender => REFUSED,
            Self::NotJudged => FAILED,
        }
    }
}

/// A verdict, and whether it was there before.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reported {
    #[serde(flatten)]
    pub(super) verdict: Verdict,
    /// Whether it is in the baseline, and so fails nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) known: bool,
}

/// How much a finding counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Denies,
    Warns,
    /// Recorded, or let pass by an exception or by the baseline.
    Noted,
}

impl Reported {
    pub(super) fn weight(&self) -> Weight {
        match self.verdict.action {
            _ if self.known || self.verdict.is_excepted() => Weight::Noted,
            Action::Deny => Weight::Denies,
            Action::Warn => Weight::Warns,
            Action::Audit => Weight::Noted,
        }
    }

    /// As a person reads it.
    pub(super) fn diagnostic(&self) -> Diagnostic {
        let mut diagnostic = self.verdict.diagnostic();
        if self.known {
            diagnostic.severity = Severity::Info;
            diagnostic.message.push_str("; known from the baseline");
        }
        diagnostic
    }

    /// `policy/rule`, or `policy`.
    pub(super) fn rule(&self) -> String {
        match &self.verdict.rule {
            Some(rule) => format!("{}/{rule}", self.verdict.policy),
            None => self.verdict.policy.clone(),
        }
    }

    /// What it says after its message: why it does not count.
    pub(super) fn excuse(&self) -> Option<String> {
        let excepted = self.verdict.exception.as_ref().filter(|exception| !exception.expired);
        let excepted = excepted.map(|one| format!("let pass until {}: {}", one.expires, one.reason));
        excepted.or_else(|| self.known.then(|| "known from the baseline".to_owned()))
    }

    pub(super) fn identity(&self, application: &ApplicationName) -> Identity {
        let Verdict { gate, policy, rule, object, pointer, message, .. } = self.verdict.clone();
        Identity { application: application.clone(), gate, policy, rule, object, pointer, message }
    }
}

/// What makes two findings the same one, whatever moved around it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Identity {
    pub(super) application: ApplicationName,
    pub(super) gate: String,
    pub(super) policy: String,
    pub(super) rule: Option<String>,
    pub(super) object: ObjectKey,
    pub(super) pointer: Option<String>,
    pub(super) message: String,
}

impl Identity {
    /// A digest of all of it.
    pub(super) fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(format!("{self:?}")))
    }
}

/// A policy that gave no answer.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failure {
    pub(super) gate: String,
    pub(super) policy: String,
    pub(super) plugin: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<String>,
    pub(super) message: String,
    /// Whether nothing is admitted for it.
    pub(super) refuses: bool,
    #[serde(skip)]
    pub(super) diagnostic: Diagnostic,
}

impl Failure {
    pub(super) fn new(failure: &PolicyFailure, diagnostic: Diagnostic) -> Self {
        Self {
            gate: failure.gate.clone(),
            policy: failure.policy.clone(),
            plugin: failure.plugin.clone(),
            digest: failure.digest.clone(),
            message: diagnostic.message.clone(),
            refuses: failure.refuses,
            diagnostic,
        }
    }
}

/// That a policy was asked about an object.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) gate: String,
    pub(super) policy: String,
    pub(super) object: ObjectKey,
    pub(super) origin: Option<Origin>,
}

impl Report {
    /// All that a person has to know: what is about no object first.
    pub(super) fn told(&self) -> Vec<Diagnostic> {
        let failures = self.failures.iter().map(|failure| failure.diagnostic.clone());
        let verdicts = self.verdicts.iter().map(Reported::diagnostic);
        self.diagnostics.iter().cloned().chain(failures).chain(verdicts).collect()
    }

    /// The outcome in one line, with the numbers.
    pub(super) fn summary(&self) -> String {
        let number =
            |is_it: &dyn Fn(&Reported) -> bool| self.verdicts.iter().filter(|one| is_it(one)).count();
        let recorded = |one: &Reported| one.verdict.action == Action::Audit && one.excuse().is_none();
        let mut parts = vec![plural(self.objects, "object")];
        for (count, what) in [
            (number(&|one| one.weight() == Weight::Denies), "denial"),
            (number(&|one| one.weight() == Weight::Warns), "warning"),
            (number(&recorded), "audit finding"),
        ] {
            if count > 0 {
                parts.push(plural(count, what));
            }
        }
        for (count, what) in [
            (number(&|one| !one.known && one.verdict.is_excepted()), "let pass"),
            (number(&|one| one.known), "known"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        let (called, parts) = (&self.called, parts.join(", "));
        match self.outcome {
            Outcome::Admitted => format!("{called}: admitted ({parts})"),
            Outcome::Denied => format!("{called}: denied ({parts})"),
            Outcome::DoesNotRender => format!("{called}: does not render"),
            Outcome::NotJudged => format!("{called}: could not be judged"),
        }
    }
}

pub(super) fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
