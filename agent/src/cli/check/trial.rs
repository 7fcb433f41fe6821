//! Has every policy take its settings before anything is judged, and tells
//! what is wrong with them where they are written.

use super::gates::Placed;
use super::written::Written;
use crate::diagnostic::{Diagnostic, Severity};
use crate::gate::{Gate, GatePolicy, OnFailure, Policies, PolicyFailure, PolicyProblem};
use crate::plugin::{ConfigProblem, PluginError};

/// All problems of all settings, in the order of the gates. A plugin that is
/// not there is told where it would have judged.
pub(super) fn problems(placed: &[Placed], policies: &dyn Policies) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for Placed { gate, written, .. } in placed {
        for (asked, written) in gate.policies.iter().zip(written) {
            let Ok(policy) = policies.policy(&asked.plugin) else { continue };
            let Err(error) = policy.check_config(&asked.config) else { continue };
            let of = Of { gate, asked, written };
            match error {
                PluginError::Refused(own) => problems.extend(own.into_iter().map(|one| of.place(one))),
                PluginError::Config(own) => {
                    problems.extend(own.into_iter().map(|ConfigProblem { pointer, message }| {
                        of.place(Diagnostic { pointer: Some(pointer), ..Diagnostic::error(message) })
                    }));
                }
                broken => problems.push(of.broken(policy.id().digest, broken)),
            }
        }
    }
    problems
}

/// Whose settings they are.
struct Of<'a> {
    gate: &'a Gate,
    asked: &'a GatePolicy,
    written: &'a Written,
}

impl Of<'_> {
    /// The same, at the place of its field, where that is known.
    fn place(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        let pointer = diagnostic.pointer.clone().unwrap_or_default();
        let span = diagnostic.span.filter(|_| diagnostic.pointer.is_some());
        if diagnostic.origin.is_none() {
            match self.written.find(&pointer, span.map(|(start, _)| start)) {
                Some((origin, column)) => {
                    diagnostic.origin = Some(origin);
                    diagnostic.column = column;
                }
                None if pointer.is_empty() => {}
                None => diagnostic.message = format!("`{pointer}`: {}", diagnostic.message),
            }
        }
        diagnostic.message = format!("{} [{}: {}]", diagnostic.message, self.gate.name, self.asked.called());
        diagnostic
    }

    fn broken(&self, digest: String, error: PluginError) -> Diagnostic {
        let failure = PolicyFailure {
            gate: self.gate.name.clone(),
            policy: self.asked.called().to_owned(),
            plugin: self.asked.plugin.clone(),
            digest: Some(digest),
            problem: PolicyProblem::Plugin(error),
            refuses: self.gate.on_failure == OnFailure::Refuse,
        };
        let place = self.written.find("", None);
        let (origin, column) = place.map_or((None, None), |(origin, column)| (Some(origin), column));
        Diagnostic { severity: Severity::Error, origin, column, ..failure.diagnostic() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::output::draw;
    use super::super::super::settings::documents_in;
    use super::*;
    use crate::diagnostic::Terminal;
    use crate::gate::Action;
    use crate::gate::testing::{FakePolicies, FakePolicy, gate};

    const GATE: &str = "\
kind: Gate
spec:
  policies:
  - plugin: images
    config:
      rules:
      - name: one
        expression: |
          object.spec.replicas >
            \"two\"
";

    fn told(refusal: PluginError, is_in_a_file: bool) -> String {
        let mut policy = FakePolicy::new("images", |_| Vec::new());
        policy.refusal = Some(refusal);
        let mut gate = gate("baseline", "images", Action::Warn);
        gate.policies[0].config = json!({"rules": []});
        let at = documents_in("gates/g.yaml", GATE).unwrap().remove(0).at;
        let written = if is_in_a_file {
            Written::in_document(at.at("/spec/policies/0/config"))
        } else {
            Written::default()
        };
        let placed = Placed { gate, place: String::new(), is_of_cluster: false, written: vec![written] };
        let problems = problems(std::slice::from_ref(&placed), &FakePolicies::one(policy));
        draw(Terminal { color: false }, &problems, &Written::files(placed.written.iter()))
    }

    fn refused(pointer: &str, span: Option<(u32, u32)>) -> Diagnostic {
        Diagnostic { pointer: Some(pointer.to_owned()), span, ..Diagnostic::error("no such overload") }
    }

    #[test]
    fn a_byte_of_an_expression_is_shown_in_its_file() {
        let error = PluginError::Refused(vec![refused("/rules/0/expression", Some((25, 30)))]);
        assert_eq!(
            told(error, true),
            "\
error: no such overload [baseline: images]
  --> gates/g.yaml:10:13
   |
10 |             \"two\"
   |             ^^^^^

"
        );
    }

    #[test]
    fn all_problems_are_told_each_at_its_field() {
        let problem = |pointer: &str| ConfigProblem { pointer: pointer.to_owned(), message: "no".to_owned() };
        let text = told(PluginError::Config(vec![problem("/rules/0/name"), problem("")]), true);
        assert!(
            text.contains(" --> gates/g.yaml:7:15\n") && text.contains(" --> gates/g.yaml:5:5\n"),
            "{text}"
        );
    }

    #[test]
    fn without_a_file_the_pointer_tells_the_place() {
        let error = PluginError::Refused(vec![refused("/rules/0", None)]);
        assert_eq!(told(error, false), "error: `/rules/0`: no such overload [baseline: images]\n\n");
    }

    #[test]
    fn a_policy_that_breaks_over_its_settings_is_told_at_them() {
        let error = PluginError::Trap { message: "boom".to_owned(), output: String::new() };
        let text = told(error, true);
        assert!(
            text.starts_with(
                "error: the gate `baseline` can't judge: the policy `images@000000000000`: broke: boom\n"
            ) && text.contains(" --> gates/g.yaml:5:5\n"),
            "{text}"
        );
    }
}
