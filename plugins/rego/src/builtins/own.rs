//! The engine's own functions, for those that differ from OPA's by a little.

use regorus::Value;
use regorus::unstable::{BUILTINS, Expr, Ref, Source, Span};

/// How many arguments a function that is called here may have.
const MAX_ARGUMENTS: usize = 2;

thread_local! {
    /// What a function takes for the place that it is called from.
    static NOWHERE: Option<(Span, [Ref<Expr>; MAX_ARGUMENTS])> = nowhere();
}

fn nowhere() -> Option<(Span, [Ref<Expr>; MAX_ARGUMENTS])> {
    let source = Source::from_contents(String::new(), String::new()).ok()?;
    let span = Span { source, line: 1, col: 1, start: 0, end: 0 };
    let null = || Ref::new(Expr::Null { span: span.clone(), value: Value::Null, eidx: 0 });
    let arguments = [null(), null()];
    Some((span, arguments))
}

fn call(name: &str, arguments: &[Value]) -> Option<Value> {
    let (function, _) = BUILTINS.get(name)?;
    NOWHERE.with(|nowhere| {
        let (span, places) = nowhere.as_ref()?;
        function(span, places.get(..arguments.len())?, arguments, true).ok()
    })
}

/// `json.marshal(value)`: Go writes what HTML would mistake as escapes.
pub(super) fn json_marshal(arguments: &[Value]) -> Option<Value> {
    let Value::String(json) = call("json.marshal", arguments)? else { return None };
    let mut escaped = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            '<' => escaped.push_str("\\u003c"),
            '>' => escaped.push_str("\\u003e"),
            '&' => escaped.push_str("\\u0026"),
            '\u{2028}' => escaped.push_str("\\u2028"),
            '\u{2029}' => escaped.push_str("\\u2029"),
            other => escaped.push(other),
        }
    }
    Some(escaped.into())
}

/// `semver.compare(one, other)`: OPA lets a version begin with `v`.
pub(super) fn semver_compare(arguments: &[Value]) -> Option<Value> {
    let [one, other] = arguments else { return None };
    call("semver.compare", &[without_v(one), without_v(other)])
}

/// `semver.is_valid(version)`.
pub(super) fn semver_is_valid(arguments: &[Value]) -> Option<Value> {
    call("semver.is_valid", &[without_v(arguments.first()?)]).or(Some(false.into()))
}

fn without_v(version: &Value) -> Value {
    match version {
        Value::String(text) => text.strip_prefix('v').unwrap_or(text).into(),
        other => other.clone(),
    }
}

/// `strings.count(text, part)`: parts do not overlap.
pub(super) fn strings_count(arguments: &[Value]) -> Option<Value> {
    let [Value::String(text), Value::String(part)] = arguments else { return None };
    let count = if part.is_empty() { text.chars().count() + 1 } else { text.matches(part.as_ref()).count() };
    Some(count.into())
}
