//! The short form: a rule is an expression with a name.

use serde::Deserialize;
use windlass_plugin_sdk::diagnostic::{Diagnostic, Diagnostics};

use super::{Reads, at_text};
use crate::compile::{self, Names, Purpose};
use crate::plan::Node;

/// How many rules one plugin takes.
const MAX_RULES: usize = 200;

/// A rule as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Written {
    name: String,
    expression: String,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    message_expression: Option<String>,
    #[serde(default)]
    pointer: String,
    #[serde(default)]
    matches: Vec<String>,
}

/// A rule, compiled.
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) source: String,
    pub(super) node: Node,
    pub(super) message: Option<String>,
    pub(super) message_expression: Option<Node>,
    /// Where its findings point at; empty for where the reason is found.
    pub(super) pointer: String,
    pub(super) reads: Reads,
    matches: Vec<String>,
}

impl Rule {
    /// Whether it is about objects of a group and kind.
    pub(super) fn is_about(&self, group: &str, kind: &str) -> bool {
        let group = if group.is_empty() { "v1" } else { group };
        let about = |pattern: &String| {
            let (space, name) = pattern.split_once('/').unwrap_or((pattern, "*"));
            (space == "*" || space == group) && (name == "*" || name == kind)
        };
        self.matches.is_empty() || self.matches.iter().any(about)
    }
}

/// Compiles the rules.
pub(super) fn compile_all(written: Vec<Written>, problems: &mut Diagnostics) -> Vec<Rule> {
    if written.len() > MAX_RULES {
        let message =
            format!("there are {} rules, more than the {MAX_RULES} that one plugin takes", written.len());
        problems.push(Diagnostic::error(message).at_pointer("/rules"));
        return Vec::new();
    }
    let mut rules: Vec<Rule> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for (index, written) in written.into_iter().enumerate() {
        let place = format!("/rules/{index}");
        if names.contains(&written.name) {
            let message = format!("the name `{}` stands on two rules", written.name);
            problems.push(Diagnostic::error(message).at_pointer(format!("{place}/name")));
        }
        names.push(written.name.clone());
        rules.extend(compile_one(&place, written, problems));
    }
    rules
}

fn compile_one(place: &str, written: Written, problems: &mut Diagnostics) -> Option<Rule> {
    let what = format!("rule `{}`", written.name);
    let mut compiled = |source: &str, field: &str, purpose| {
        compile::compile(source, Names::default(), purpose)
            .map_err(|found| {
                let pointer = format!("{place}/{field}");
                problems.extend(found.iter().map(|problem| at_text(&pointer, &what, problem)));
            })
            .ok()
    };
    let expression = compiled(&written.expression, "expression", Purpose::Rule);
    let message = written
        .message_expression
        .as_deref()
        .map(|source| compiled(source, "messageExpression", Purpose::Variable));
    if !written.pointer.is_empty() && !written.pointer.starts_with('/') {
        let message = format!("{what}: a JSON pointer starts with `/`");
        problems.push(Diagnostic::error(message).at_pointer(format!("{place}/pointer")));
    }
    let (expression, message) = (expression?, message.flatten());
    let mut reads = Reads::default();
    reads.add(&expression);
    if let Some(message) = &message {
        reads.add(message);
    }
    Some(Rule {
        reads,
        name: written.name,
        source: written.expression,
        node: expression.node,
        message: written.message,
        message_expression: message.map(|message| message.node),
        pointer: written.pointer,
        matches: written.matches,
    })
}
