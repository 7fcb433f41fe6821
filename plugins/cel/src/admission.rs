//! Policies that are written for an API server, and what they say of objects.
//!
//! `configure` makes them of Kubernetes objects; nothing is judged before all of
//! them compile.

mod bindings;
mod build;
mod judge;
mod kyverno;
mod matching;
mod params;
mod plural;
mod request;
mod rule;
mod spec;
mod store;

pub(crate) use judge::check;

use windlass_plugin_sdk::diagnostic::{Diagnostic, Diagnostics};
use windlass_plugin_sdk::policy::Action;

use crate::evaluate::Variable;
use crate::meter::Patterns;
use crate::plan::Node;
use crate::syntax::Problem;

/// How many policies, rules and other objects the settings may hold.
const MAX_RESOURCES: usize = 2_000;

/// Everything that is judged by.
#[derive(Default)]
pub(crate) struct Policies {
    written: Vec<Policy>,
    rules: Vec<rule::Rule>,
    params: Vec<params::Param>,
    patterns: Patterns,
}

/// A policy, compiled.
struct Policy {
    name: String,
    /// Whether what can't be evaluated admits.
    fails_open: bool,
    matching: spec::Match,
    conditions: Vec<Expression>,
    variables: Vec<Variable>,
    validations: Vec<Validation>,
    annotations: Vec<Annotation>,
    /// None: it judges what it matches, with the Gate's action.
    bindings: Vec<bindings::Binding>,
    param_kind: Option<spec::ParamKind>,
    reads: Reads,
    /// Kyverno's end with the first that is false.
    ends_at_the_first: bool,
    /// What it asks for if it has no bindings.
    actions: Vec<Option<Action>>,
}

/// Which of what they are given the expressions of a policy or a rule read.
#[derive(Clone, Copy, Default)]
struct Reads {
    request: bool,
    namespace: bool,
    params: bool,
}

/// An expression, with its text for messages.
struct Expression {
    source: String,
    node: Node,
}

struct Validation {
    expression: Expression,
    message: String,
    message_expression: Option<Node>,
}

struct Annotation {
    key: String,
    expression: Expression,
}

/// Compiles all that the settings hold.
///
/// # Errors
/// Everything that is wrong with them.
pub(crate) fn configure(settings: serde_json::Value) -> Result<Policies, Diagnostics> {
    build::build(settings)
}

/// An error in a text of the settings.
fn at_text(pointer: &str, what: &str, problem: &Problem) -> Diagnostic {
    Diagnostic::error(format!("{what}: {}", problem.message))
        .at_pointer(pointer)
        .at_bytes(problem.span.clone())
}
