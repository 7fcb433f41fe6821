//! For GitHub Actions: workflow commands that become annotations of a change.
//!
//! The runner takes every line that begins as a command, and one older form
//! anywhere in a line, for a command: no text of others may look like one.

use std::fmt::Write as _;

use super::super::report::{Findings, Reported, Weight};
use crate::diagnostic::{Diagnostic, Severity, escape};

pub(super) fn annotations(findings: &Findings) -> String {
    let mut out = String::new();
    for problem in &findings.problems {
        annotate(&mut out, problem, "settings");
    }
    for report in &findings.reports {
        for diagnostic in &report.diagnostics {
            annotate(&mut out, diagnostic, &report.path);
        }
        for failure in &report.failures {
            annotate(&mut out, &failure.diagnostic, &format!("{}: {}", failure.gate, failure.policy));
        }
        for reported in &report.verdicts {
            annotate(
                &mut out,
                &diagnostic(reported),
                &format!("{}: {}", reported.verdict.gate, reported.rule()),
            );
        }
        let _ = writeln!(out, "checked {}", line(&report.summary()));
    }
    out
}

fn diagnostic(reported: &Reported) -> Diagnostic {
    let severity = match reported.weight() {
        Weight::Denies => Severity::Error,
        Weight::Warns => Severity::Warning,
        Weight::Noted => Severity::Info,
    };
    let excuse = reported.excuse().map(|excuse| format!(" ({excuse})")).unwrap_or_default();
    let message = format!("{}{excuse}", reported.verdict.message);
    Diagnostic { severity, message, ..reported.diagnostic() }
}

fn annotate(out: &mut String, diagnostic: &Diagnostic, title: &str) {
    let command = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let mut properties = Vec::new();
    if let Some(origin) = &diagnostic.origin {
        properties.push(format!("file={}", property(&origin.path)));
        properties.extend(origin.line.map(|line| format!("line={line}")));
        properties.extend(origin.line.and(diagnostic.column).map(|column| format!("col={column}")));
    }
    properties.push(format!("title={}", property(title)));
    let mut message = diagnostic.message.clone();
    if let Some(object) = &diagnostic.object {
        let _ = write!(message, "\n{object}");
        if let Some(pointer) = diagnostic.pointer.as_deref().filter(|pointer| !pointer.is_empty()) {
            let _ = write!(message, " at {pointer}");
        }
    }
    if let Some(hint) = &diagnostic.hint {
        let _ = write!(message, "\nhelp: {hint}");
    }
    let message: Vec<String> = message.lines().map(|one| line(one).replace('%', "%25")).collect();
    let _ = writeln!(out, "::{command} {}::{}", properties.join(","), message.join("%0A"));
}

/// On one line, and no command.
fn line(text: &str) -> String {
    escape(text).replace("##[", "# #[")
}

fn property(text: &str) -> String {
    line(text).replace('%', "%25").replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{HOSTILE, broken, excepted, findings, problem, report, reported, warning};
    use super::*;

    #[test]
    fn every_finding_is_an_annotation_at_its_place() {
        let mut known = reported("it is old");
        known.known = true;
        let reports =
            vec![report(vec![reported("3 of 2"), warning("floats"), excepted("floats"), known]), broken()];
        assert_eq!(
            annotations(&findings(reports)),
            "\
::error file=apps/web/web.yaml,line=7,col=9,title=baseline%3A cel/replicas::3 of 2%0ADeployment/prod/web at /spec/replicas
::warning title=baseline%3A images::floats%0ADeployment/prod/web
::notice file=apps/web/web.yaml,line=7,col=9,title=baseline%3A cel/replicas::floats (let pass until 2027-01-01T00:00:00Z: the registry has no tags)%0ADeployment/prod/web at /spec/replicas
::notice file=apps/web/web.yaml,line=7,col=9,title=baseline%3A cel/replicas::it is old (known from the baseline)%0ADeployment/prod/web at /spec/replicas
checked apps/web: denied (2 objects, 1 denial, 1 warning, 1 let pass, 1 known)
::warning file=apps/web/kustomization.yaml,line=3,title=apps/web::`commonLabels` is deprecated
::error title=baseline%3A rego::the gate `baseline` can't judge: the policy `rego@000000000000`: broke: boom
checked apps/web: could not be judged
"
        );
    }

    #[test]
    fn problems_with_settings_are_annotations_too() {
        let mut all = findings(Vec::new());
        all.problems.push(problem());
        assert_eq!(
            annotations(&all),
            "::error file=gates/g.yaml,line=10,col=13,title=settings::no such overload [baseline: cel]\n"
        );
    }

    #[test]
    fn no_text_becomes_a_command() {
        let mut one = reported(HOSTILE);
        one.verdict.rule = Some(HOSTILE.to_owned());
        one.verdict.origin.as_mut().unwrap().path = HOSTILE.to_owned();
        one.verdict.object.name = HOSTILE.to_owned();
        let mut report = report(vec![one]);
        report.called = HOSTILE.to_owned();
        let text = annotations(&findings(vec![report]));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(
            lines[0]
                .starts_with("::error file=\\u{1b}[2J]]>\\n%3A%3Aerror%3A%3A<&\"'>%2C%3A%25# #[add-mask]x"),
            "{text}"
        );
        assert!(lines[1].starts_with("checked \\u{1b}"), "{text}");
        assert!(!text.contains("##[") && !text.contains('\u{1b}') && !text.contains('\0'), "{text}");
    }
}
