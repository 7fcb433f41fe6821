//! For test reports: a suite for each set of objects, a case for each policy
//! and object that it judged.
//!
//! A case fails by what denies, and is skipped where all that would deny is
//! known or let pass. Warnings are its output. What was never judged is an
//! error.

use std::fmt::Write as _;

use super::super::report::{Asked, Findings, Outcome, Report, Reported, Weight};
use crate::diagnostic::{Diagnostic, Severity};
use crate::gate::Action;

/// What one case ends in.
enum End {
    Passed,
    Skipped(String),
    Failed { what: String, text: String },
    Error { what: String, text: String },
}

struct Case {
    class: String,
    name: String,
    place: Option<(String, Option<u32>)>,
    end: End,
    output: String,
}

pub(super) fn suites(findings: &Findings) -> String {
    let mut suites: Vec<(String, Vec<Case>)> = Vec::new();
    if !findings.problems.is_empty() {
        suites.push(("settings".to_owned(), findings.problems.iter().map(problem).collect()));
    }
    suites.extend(findings.reports.iter().map(|report| (report.called.clone(), cases(report))));
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let all = || suites.iter().flat_map(|(_, cases)| cases);
    let _ = writeln!(out, "<testsuites name=\"windlass check\"{}>", counts(all()));
    for (name, cases) in &suites {
        let _ = writeln!(out, "  <testsuite name=\"{}\"{}>", escape(name), counts(cases.iter()));
        for case in cases {
            write_case(&mut out, case);
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn counts<'a>(cases: impl Iterator<Item = &'a Case>) -> String {
    let (mut tests, mut failures, mut errors, mut skipped) = (0, 0, 0, 0);
    for case in cases {
        tests += 1;
        match case.end {
            End::Passed => {}
            End::Failed { .. } => failures += 1,
            End::Error { .. } => errors += 1,
            End::Skipped(_) => skipped += 1,
        }
    }
    format!(" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\"")
}

fn cases(report: &Report) -> Vec<Case> {
    let mut cases = vec![rendering(report)];
    for failure in report.failures.iter().filter(|failure| failure.refuses) {
        cases.push(Case {
            class: format!("{}.{}", failure.gate, failure.policy),
            name: "gives an answer".to_owned(),
            place: None,
            end: End::Error { what: "no answer".to_owned(), text: failure.message.clone() },
            output: String::new(),
        });
    }
    for asked in &report.asked {
        let is_of = |one: &&Reported| {
            (&one.verdict.gate, &one.verdict.policy, &one.verdict.object)
                == (&asked.gate, &asked.policy, &asked.object)
        };
        cases.push(judged(asked, &report.verdicts.iter().filter(is_of).collect::<Vec<_>>()));
    }
    cases
}

/// Whether there is a set at all.
fn rendering(report: &Report) -> Case {
    let told = |wanted: Severity| -> String {
        let of = report.diagnostics.iter().filter(|one| one.severity == wanted);
        of.map(shown).collect::<Vec<_>>().join("\n")
    };
    let errors = told(Severity::Error);
    let what = || "no set of objects".to_owned();
    let end = match report.outcome {
        Outcome::DoesNotRender => End::Failed { what: what(), text: errors },
        Outcome::NotJudged if !errors.is_empty() => End::Error { what: what(), text: errors },
        _ => End::Passed,
    };
    let output = [told(Severity::Warning), told(Severity::Info)].join("\n");
    let output = output.trim().to_owned();
    Case { class: "render".to_owned(), name: report.called.clone(), place: None, end, output }
}

fn judged(asked: &Asked, found: &[&Reported]) -> Case {
    let of = |weight: Weight| found.iter().filter(move |one| one.weight() == weight);
    let told = |one: &&&Reported| {
        let excuse = one.excuse().map(|excuse| format!(" ({excuse})")).unwrap_or_default();
        format!("{}{excuse} [{}]\n", shown(&without_names(one)), one.rule())
    };
    let denials: String = of(Weight::Denies).map(|one| told(&one)).collect();
    let excused: Vec<String> = of(Weight::Noted)
        .filter(|one| one.verdict.action == Action::Deny)
        .filter_map(|one| one.excuse())
        .collect();
    let first = of(Weight::Denies).next();
    let end = match (first, excused.first()) {
        (Some(first), _) => End::Failed { what: first.verdict.message.clone(), text: denials },
        (None, Some(excuse)) => End::Skipped(excuse.clone()),
        (None, None) => End::Passed,
    };
    let output = of(Weight::Warns).chain(of(Weight::Noted)).map(|one| told(&one)).collect();
    let origin = first.and_then(|one| one.verdict.origin.as_ref()).or(asked.origin.as_ref());
    Case {
        class: format!("{}.{}", asked.gate, asked.policy),
        name: asked.object.to_string(),
        place: origin.map(|origin| (origin.path.clone(), origin.line)),
        end,
        output,
    }
}

fn problem(problem: &Diagnostic) -> Case {
    Case {
        class: "settings".to_owned(),
        name: problem.pointer.clone().unwrap_or_default(),
        place: problem.origin.as_ref().map(|origin| (origin.path.clone(), origin.line)),
        end: End::Error { what: problem.message.clone(), text: shown(problem) },
        output: String::new(),
    }
}

fn without_names(reported: &Reported) -> Diagnostic {
    Diagnostic { message: reported.verdict.message.clone(), ..reported.diagnostic() }
}

/// `path:line:column: message`, leaving out what is unknown.
fn shown(diagnostic: &Diagnostic) -> String {
    let place = diagnostic.origin.as_ref().map(|origin| match (origin.line, diagnostic.column) {
        (Some(_), Some(column)) => format!("{origin}:{column}: "),
        _ => format!("{origin}: "),
    });
    format!("{}{}", place.unwrap_or_default(), diagnostic.message)
}

fn write_case(out: &mut String, case: &Case) {
    let _ =
        write!(out, "    <testcase name=\"{}\" classname=\"{}\"", escape(&case.name), escape(&case.class));
    if let Some((file, line)) = &case.place {
        let _ = write!(out, " file=\"{}\"", escape(file));
        if let Some(line) = line {
            let _ = write!(out, " line=\"{line}\"");
        }
    }
    if matches!(case.end, End::Passed) && case.output.is_empty() {
        out.push_str("/>\n");
        return;
    }
    out.push_str(">\n");
    let mut ended = |element: &str, what: &str, text: &str| {
        let _ = writeln!(
            out,
            "      <{element} message=\"{}\" type=\"windlass\">{}</{element}>",
            escape(what),
            escape(text.trim_end())
        );
    };
    match &case.end {
        End::Passed => {}
        End::Skipped(why) => {
            let _ = writeln!(out, "      <skipped message=\"{}\"/>", escape(why));
        }
        End::Failed { what, text } => ended("failure", what, text),
        End::Error { what, text } => ended("error", what, text),
    }
    if !case.output.is_empty() {
        let _ = writeln!(out, "      <system-out>{}</system-out>", escape(case.output.trim_end()));
    }
    out.push_str("    </testcase>\n");
}

/// As content or as the value of an attribute: characters that XML or a
/// terminal would obey are written out, and what XML can't hold too.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\n' => escaped.push_str("&#10;"),
            '\u{fffe}' | '\u{ffff}' => escaped.extend(c.escape_unicode()),
            c => escaped.push_str(&crate::diagnostic::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::testing::{HOSTILE, broken, excepted, findings, problem, report, reported, warning};
    use super::*;

    #[test]
    fn every_object_is_a_case_of_every_policy_that_judged_it() {
        let reports = vec![report(vec![reported("3 of 2"), reported("and more"), warning("floats")])];
        assert_eq!(
            suites(&findings(reports)),
            "\
<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<testsuites name=\"windlass check\" tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"0\">
  <testsuite name=\"apps/web\" tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"0\">
    <testcase name=\"apps/web\" classname=\"render\"/>
    <testcase name=\"Deployment/prod/web\" classname=\"baseline.cel\" file=\"apps/web/web.yaml\" line=\"7\">
      <failure message=\"3 of 2\" type=\"windlass\">apps/web/web.yaml:7:9: 3 of 2 [cel/replicas]&#10;apps/web/web.yaml:7:9: and more [cel/replicas]</failure>
    </testcase>
    <testcase name=\"Deployment/prod/web\" classname=\"baseline.images\" file=\"apps/web/web.yaml\" line=\"1\">
      <system-out>floats [images]</system-out>
    </testcase>
  </testsuite>
</testsuites>
"
        );
    }

    #[test]
    fn what_is_let_pass_is_skipped_and_what_was_not_judged_is_an_error() {
        let mut all = findings(vec![report(vec![excepted("3 of 2")]), broken()]);
        all.problems.push(problem());
        assert_eq!(
            suites(&all),
            "\
<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<testsuites name=\"windlass check\" tests=\"8\" failures=\"0\" errors=\"2\" skipped=\"1\">
  <testsuite name=\"settings\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\">
    <testcase name=\"/rules/0/expression\" classname=\"settings\" file=\"gates/g.yaml\" line=\"10\">
      <error message=\"no such overload [baseline: cel]\" type=\"windlass\">gates/g.yaml:10:13: no such overload [baseline: cel]</error>
    </testcase>
  </testsuite>
  <testsuite name=\"apps/web\" tests=\"3\" failures=\"0\" errors=\"0\" skipped=\"1\">
    <testcase name=\"apps/web\" classname=\"render\"/>
    <testcase name=\"Deployment/prod/web\" classname=\"baseline.cel\" file=\"apps/web/web.yaml\" line=\"1\">
      <skipped message=\"let pass until 2027-01-01T00:00:00Z: the registry has no tags\"/>
      <system-out>apps/web/web.yaml:7:9: 3 of 2 (let pass until 2027-01-01T00:00:00Z: the registry has no tags) [cel/replicas]</system-out>
    </testcase>
    <testcase name=\"Deployment/prod/web\" classname=\"baseline.images\" file=\"apps/web/web.yaml\" line=\"1\"/>
  </testsuite>
  <testsuite name=\"apps/web\" tests=\"4\" failures=\"0\" errors=\"1\" skipped=\"0\">
    <testcase name=\"apps/web\" classname=\"render\">
      <system-out>apps/web/kustomization.yaml:3: `commonLabels` is deprecated</system-out>
    </testcase>
    <testcase name=\"gives an answer\" classname=\"baseline.rego\">
      <error message=\"no answer\" type=\"windlass\">the gate `baseline` can&apos;t judge: the policy `rego@000000000000`: broke: boom</error>
    </testcase>
    <testcase name=\"Deployment/prod/web\" classname=\"baseline.cel\" file=\"apps/web/web.yaml\" line=\"1\"/>
    <testcase name=\"Deployment/prod/web\" classname=\"baseline.images\" file=\"apps/web/web.yaml\" line=\"1\"/>
  </testsuite>
</testsuites>
"
        );
    }

    #[test]
    fn hostile_text_stays_text() {
        assert_eq!(
            escape(HOSTILE),
            "\\u{1b}[2J]]&gt;&#10;::error::&lt;&amp;&quot;&apos;&gt;,:%##[add-mask]x\\u{0}\\u{fffe}"
        );
        assert_eq!(escape("a\u{202e}\tb\r"), "a\\u{202e}\\tb\\r");
    }
}
