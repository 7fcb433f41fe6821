//! `sprintf`, as Go's `fmt` has it: almost every message is made by it, and
//! people compare messages.

mod number;
mod verb;

use regorus::Value;

use verb::Verb;

/// How wide or precise a verb may ask to be.
const MAX_WIDTH: usize = 10_000;
/// How long a text may become.
const MAX_BYTES: usize = 1 << 20;

/// `sprintf(format, arguments)`.
pub(super) fn sprintf(arguments: &[Value]) -> Option<Value> {
    let [Value::String(format), Value::Array(values)] = arguments else { return None };
    let values: Vec<Argument> = values.iter().map(Argument::of).collect();
    let mut text = String::with_capacity(format.len());
    let mut rest: &str = format;
    let mut next = 0;
    let mut named = false;
    while let Some(percent) = rest.find('%') {
        text.push_str(&rest[..percent]);
        let (verb, after) = Verb::read(&rest[percent + 1..], &values, &mut next);
        named |= verb.is_named();
        verb.write(&values, &mut next, &mut text);
        rest = after;
        if text.len() > MAX_BYTES {
            return None;
        }
    }
    text.push_str(rest);
    if next < values.len() && !named {
        let extra: Vec<String> =
            values[next..].iter().map(|value| format!("{}={}", value.go_type(), value.plain())).collect();
        text.push_str("%!(EXTRA ");
        text.push_str(&extra.join(", "));
        text.push(')');
    }
    Some(text.into())
}

/// An argument as OPA hands it to Go: whole numbers, other numbers, and texts,
/// which everything else becomes.
enum Argument {
    Whole(i128),
    Fraction(f64),
    Text(String),
}

impl Argument {
    fn of(value: &Value) -> Self {
        match value {
            Value::Number(number) => match (number.as_i128(), number.as_f64()) {
                (Some(whole), _) if number.is_integer() => Self::Whole(whole),
                (_, Some(fraction)) => Self::Fraction(fraction),
                _ => Self::Text(value.to_string()),
            },
            Value::String(text) => Self::Text(text.as_ref().to_owned()),
            other => Self::Text(term(other)),
        }
    }

    fn go_type(&self) -> &'static str {
        match self {
            Self::Whole(whole) if i64::try_from(*whole).is_err() => "*big.Int",
            Self::Whole(_) => "int",
            Self::Fraction(_) => "float64",
            Self::Text(_) => "string",
        }
    }

    /// What `%v` makes of it.
    fn plain(&self) -> String {
        match self {
            Self::Whole(whole) => whole.to_string(),
            Self::Fraction(fraction) => number::general(*fraction, None, false),
            Self::Text(text) => text.clone(),
        }
    }
}

/// A value as OPA writes it.
fn term(value: &Value) -> String {
    let mut text = String::new();
    write_term(value, &mut text);
    text
}

fn write_term(value: &Value, text: &mut String) {
    match value {
        Value::Set(items) if items.is_empty() => text.push_str("set()"),
        Value::Set(items) => write_list(('{', '}'), items.iter_sorted(), text),
        Value::Array(items) => write_list(('[', ']'), items.iter(), text),
        Value::Object(fields) => {
            text.push('{');
            for (index, (key, value)) in fields.iter_sorted().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                write_term(key, text);
                text.push_str(": ");
                write_term(value, text);
            }
            text.push('}');
        }
        Value::String(content) => verb::quote(content, text),
        Value::Null => text.push_str("null"),
        Value::Bool(yes) => text.push_str(if *yes { "true" } else { "false" }),
        other => text.push_str(&other.to_string()),
    }
}

fn write_list<'a>(brackets: (char, char), items: impl Iterator<Item = &'a Value>, text: &mut String) {
    text.push(brackets.0);
    for (index, item) in items.enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        write_term(item, text);
    }
    text.push(brackets.1);
}
