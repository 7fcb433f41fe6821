//! Findings to print, for the tests of the formats.

use std::collections::BTreeSet;

use super::super::report::{ApplicationName, Asked, Failure, Findings, Outcome, Report, Reported};
use crate::diagnostic::{Diagnostic, Severity};
use crate::gate::{Action, Excepted, Verdict};
use crate::object::{ObjectKey, Origin};
use crate::render::PluginId;

pub(in super::super) fn key() -> ObjectKey {
    ObjectKey {
        group: "apps".to_owned(),
        kind: "Deployment".to_owned(),
        namespace: Some("prod".to_owned()),
        name: "web".to_owned(),
    }
}

fn origin(path: &str, line: u32) -> Origin {
    Origin { path: path.to_owned(), line: Some(line), span: None }
}

/// A denial at `apps/web/web.yaml:7:9`.
pub(in super::super) fn reported(message: &str) -> Reported {
    let verdict = Verdict {
        gate: "baseline".to_owned(),
        policy: "cel".to_owned(),
        plugin: PluginId { name: "cel".to_owned(), digest: "c".repeat(64) },
        rule: Some("replicas".to_owned()),
        action: Action::Deny,
        exception: None,
        object: key(),
        pointer: Some("/spec/replicas".to_owned()),
        message: message.to_owned(),
        origin: Some(origin("apps/web/web.yaml", 7)),
        column: Some(9),
    };
    Reported { verdict, known: false }
}

/// A warning of a policy without rules, without a place.
pub(in super::super) fn warning(message: &str) -> Reported {
    let mut reported = reported(message);
    let verdict = &mut reported.verdict;
    verdict.action = Action::Warn;
    verdict.policy = "images".to_owned();
    verdict.rule = None;
    verdict.pointer = None;
    verdict.origin = None;
    verdict.column = None;
    reported
}

pub(in super::super) fn excepted(message: &str) -> Reported {
    let mut reported = reported(message);
    reported.verdict.exception = Some(Excepted {
        reason: "the registry has no tags".to_owned(),
        expires: "2027-01-01T00:00:00Z".parse().unwrap(),
        expired: false,
    });
    reported
}

pub(in super::super) fn report(verdicts: Vec<Reported>) -> Report {
    let asked = |policy: &str| Asked {
        gate: "baseline".to_owned(),
        policy: policy.to_owned(),
        object: key(),
        origin: Some(origin("apps/web/web.yaml", 1)),
    };
    Report {
        path: "apps/web".to_owned(),
        called: "apps/web".to_owned(),
        application: ApplicationName { namespace: "team".to_owned(), name: "web".to_owned() },
        revision: None,
        before: None,
        outcome: Outcome::Denied,
        objects: 2,
        verdicts,
        failures: Vec::new(),
        diagnostics: Vec::new(),
        asked: vec![asked("cel"), asked("images")],
    }
}

/// With a policy that gave no answer, and a file that does not render.
pub(in super::super) fn broken() -> Report {
    let told = "the gate `baseline` can't judge: the policy `rego@000000000000`: broke: boom";
    let failure = Failure {
        gate: "baseline".to_owned(),
        policy: "rego".to_owned(),
        plugin: "rego".to_owned(),
        digest: Some("0".repeat(64)),
        message: told.to_owned(),
        refuses: true,
        diagnostic: Diagnostic::error(told),
    };
    Report {
        outcome: Outcome::NotJudged,
        failures: vec![failure],
        diagnostics: vec![Diagnostic {
            severity: Severity::Warning,
            origin: Some(origin("apps/web/kustomization.yaml", 3)),
            ..Diagnostic::error("`commonLabels` is deprecated")
        }],
        ..report(Vec::new())
    }
}

/// What every format has to stand.
pub(in super::super) const HOSTILE: &str = "\u{1b}[2J]]>\n::error::<&\"'>,:%##[add-mask]x\u{0}\u{fffe}";

pub(in super::super) fn findings(reports: Vec<Report>) -> Findings {
    let plugins = BTreeSet::from([PluginId { name: "cel".to_owned(), digest: "c".repeat(64) }]);
    Findings { plugins, ..Findings::of(reports) }
}

/// Settings that a policy does not take.
pub(in super::super) fn problem() -> Diagnostic {
    Diagnostic {
        origin: Some(origin("gates/g.yaml", 10)),
        column: Some(13),
        pointer: Some("/rules/0/expression".to_owned()),
        ..Diagnostic::error("no such overload [baseline: cel]")
    }
}
