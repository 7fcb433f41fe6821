//! One rule: how it is written, how it is compiled, what it says of an object.

use std::collections::BTreeSet;
use std::sync::Arc;

use cel::{Context, Env, ExecutionError, ParseErrors, Program, Value, extensions};
use serde::Deserialize;
use windlass_plugin_sdk::diagnostic::{Diagnostic, Diagnostics};
use windlass_plugin_sdk::policy::Object;

use crate::names;

/// How many rules one plugin takes.
const MAX_RULES: usize = 200;
/// How long an expression may be.
const MAX_EXPRESSION_BYTES: usize = 8 << 10;
/// How many selections, calls and operators an expression may have: a chain of
/// them nests, and what evaluates it has a stack.
const MAX_OPERATORS: usize = 500;
/// What expressions can name, besides what they bind themselves.
const VARIABLE: &str = "object";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    rules: Vec<Written>,
}

/// A rule as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Written {
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
pub(crate) struct Rule {
    written: Written,
    env: Arc<Env>,
    expression: Program,
    message: Option<Program>,
}

/// Reads the settings and compiles every rule.
///
/// # Errors
/// One diagnostic for each thing that is wrong, in all rules.
pub(crate) fn compile_all(settings: serde_json::Value) -> Result<Vec<Rule>, Diagnostics> {
    let settings: Settings = serde_json::from_value(settings)
        .map_err(|error| Diagnostics::error(format!("bad settings: {error}")))?;
    if settings.rules.is_empty() {
        return Err(Diagnostics::error("there are no rules, so everything would be admitted"));
    }
    if settings.rules.len() > MAX_RULES {
        let message =
            format!("there are {} rules, and one cel policy takes {MAX_RULES}", settings.rules.len());
        return Err(Diagnostic::error(message).at_pointer("/rules").into());
    }
    let env = environment().map_err(|error| Diagnostics::error(error.to_string()))?;
    let mut problems = Diagnostics::new();
    let mut names = BTreeSet::new();
    let mut rules = Vec::new();
    for (index, written) in settings.rules.into_iter().enumerate() {
        let place = format!("/rules/{index}");
        if !names.insert(written.name.clone()) {
            let message = format!("the name `{}` stands on two rules", written.name);
            problems.push(Diagnostic::error(message).at_pointer(format!("{place}/name")));
        }
        match Rule::compile(written, &env, &place) {
            Ok(rule) => rules.push(rule),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(rules) } else { Err(problems) }
}

/// The standard functions and macros, with those on text, lists and numbers.
fn environment() -> Result<Arc<Env>, cel::DeclarationError> {
    let mut env = Env::stdlib();
    env.add_extension(extensions::strings)?;
    env.add_extension(extensions::lists)?;
    env.add_extension(extensions::math)?;
    Ok(Arc::new(env))
}

impl Rule {
    fn compile(written: Written, env: &Arc<Env>, place: &str) -> Result<Self, Diagnostics> {
        let mut problems = Diagnostics::new();
        let mut compiled = |source: &str, field: &str| match compile(env, source) {
            Ok(program) => Some(program),
            Err(found) => {
                problems.extend(found.into_iter().map(|message| {
                    Diagnostic::error(format!("rule `{}`: {message}", written.name))
                        .at_pointer(format!("{place}/{field}"))
                }));
                None
            }
        };
        let expression = compiled(&written.expression, "expression");
        let message =
            written.message_expression.as_deref().and_then(|source| compiled(source, "messageExpression"));
        if !written.pointer.is_empty() && !written.pointer.starts_with('/') {
            let message = format!("rule `{}`: a JSON pointer starts with `/`", written.name);
            problems.push(Diagnostic::error(message).at_pointer(format!("{place}/pointer")));
        }
        match expression {
            Some(expression) if problems.is_empty() => {
                Ok(Self { written, env: Arc::clone(env), expression, message })
            }
            _ => Err(problems),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.written.name
    }

    /// Where its findings point at; empty for the whole object.
    pub(crate) fn pointer(&self) -> &str {
        &self.written.pointer
    }

    pub(crate) fn applies_to(&self, object: &Object) -> bool {
        self.written.matches.is_empty() || self.written.matches.iter().any(|pattern| object.matches(pattern))
    }

    /// Judges an object.
    ///
    /// # Errors
    /// What a finding says. Whatever is not a clear `true` is one.
    pub(crate) fn judge(&self, object: &Object, value: &Value) -> Result<(), String> {
        let mut context = Context::with_env(Arc::clone(&self.env));
        context.add_variable_from_value(VARIABLE, value.clone());
        match self.expression.execute(&context) {
            Ok(Value::Bool(true)) => Ok(()),
            Ok(Value::Bool(false)) => Err(self.message(&context)),
            Ok(other) => Err(format!("the expression gave {}, not a boolean", type_name(&other))),
            Err(error) => Err(format!("the expression can't be evaluated: {}", describe(object, &error))),
        }
    }

    fn message(&self, context: &Context<'_, '_>) -> String {
        if let Some(program) = &self.message
            && let Ok(Value::String(text)) = program.execute(context)
            && !text.trim().is_empty()
        {
            return text.as_str().to_owned();
        }
        match &self.written.message {
            Some(message) => message.clone(),
            None => format!("does not fulfil `{}`", self.written.expression.trim()),
        }
    }
}

/// Compiles one expression, and holds it to the names that there are.
fn compile(env: &Env, source: &str) -> Result<Program, Vec<String>> {
    if source.len() > MAX_EXPRESSION_BYTES {
        return Err(vec![format!(
            "the expression has {} bytes, more than the {MAX_EXPRESSION_BYTES} that one may have",
            source.len()
        )]);
    }
    let operators = operators(source);
    if operators > MAX_OPERATORS {
        return Err(vec![format!(
            "the expression has {operators} operators, more than the {MAX_OPERATORS} that one may have"
        )]);
    }
    let program = env.compile(source).map_err(|errors| positions(&errors))?;
    let unknown: Vec<String> = names::unknown(&program, VARIABLE)
        .into_iter()
        .map(|(name, place)| {
            let before: Vec<char> = source.chars().take(place).collect();
            let line = before.iter().filter(|letter| **letter == '\n').count() + 1;
            let column = before.iter().rev().take_while(|letter| **letter != '\n').count() + 1;
            format!("line {line}, column {column}: there is no variable `{name}`; the object is `{VARIABLE}`")
        })
        .collect();
    if unknown.is_empty() { Ok(program) } else { Err(unknown) }
}

/// Counts what makes an expression deep, outside of its texts. Where a text has
/// unusual quotes the count is off, and with it only the limit.
fn operators(source: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    let mut count = 0;
    for letter in source.chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if letter == '\\' => escaped = true,
            Some(open) if letter == open => quote = None,
            Some(_) => {}
            None if matches!(letter, '"' | '\'') => quote = Some(letter),
            None => count += usize::from(".+-*/%<>=!&|?[({".contains(letter)),
        }
    }
    count
}

fn positions(errors: &ParseErrors) -> Vec<String> {
    errors
        .errors
        .iter()
        .map(|error| {
            let (line, column) = error.pos;
            format!("line {line}, column {column}: {}", error.msg)
        })
        .collect()
}

/// Why an evaluation stopped, without the values that it met, which may be
/// secret.
fn describe(object: &Object, error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => format!("there is no field `{key}`"),
        ExecutionError::UndeclaredReference(name) => format!("there is no function `{name}`"),
        ExecutionError::NoSuchOverload(_)
        | ExecutionError::InvalidArgumentCount { .. }
        | ExecutionError::MissingArgumentOrTarget => error.to_string(),
        ExecutionError::IndexOutOfBounds(_) => "a list is shorter than the index".to_owned(),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "division by zero".to_owned()
        }
        ExecutionError::Overflow(..) => "a number grows too large".to_owned(),
        ExecutionError::FunctionError { function, message } if object.kind() != "Secret" => {
            format!("`{function}` failed: {message}")
        }
        ExecutionError::FunctionError { function, .. } => format!("`{function}` failed"),
        _ => "a value has a type that does not fit".to_owned(),
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Int(_) | Value::UInt(_) | Value::Float(_) => "a number",
        Value::String(_) => "text",
        Value::List(_) => "a list",
        Value::Map(_) => "an object",
        _ => "something else",
    }
}
