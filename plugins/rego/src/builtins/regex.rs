//! Regular expressions, in the syntax that OPA takes.

mod syntax;

use std::cell::RefCell;
use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder};
use regorus::Value;

/// How large a compiled expression may be.
const MAX_COMPILED_BYTES: usize = 4 << 20;
/// How many compiled expressions are kept.
const MAX_KEPT: usize = 128;
/// How many of the matches are looked at, in functions that give them.
const MAX_MATCHES: usize = 10_000;

/// What a function gives: nothing where it is undefined, an error where it
/// would cost too much to say.
type Outcome = Result<Option<Value>, String>;

thread_local! {
    static KEPT: RefCell<BTreeMap<String, Result<Regex, Refused>>> = const { RefCell::new(BTreeMap::new()) };
}

/// Why there is no compiled expression.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Refused {
    /// The text is none.
    Syntax,
    /// It is, but a large one.
    Size,
}

/// Calls `with` on the compiled expression.
fn compiled(pattern: &str, with: impl FnOnce(&Regex) -> Option<Value>) -> Outcome {
    KEPT.with_borrow_mut(|kept| {
        if !kept.contains_key(pattern) {
            if kept.len() >= MAX_KEPT {
                kept.clear();
            }
            kept.insert(pattern.to_owned(), compile(pattern));
        }
        match kept.get(pattern) {
            Some(Ok(regex)) => Ok(with(regex)),
            Some(Err(Refused::Size)) => Err(format!(
                "a regular expression needs more than the {MAX_COMPILED_BYTES} bytes that one may have"
            )),
            _ => Ok(None),
        }
    })
}

fn compile(pattern: &str) -> Result<Regex, Refused> {
    let mut builder = RegexBuilder::new(&syntax::translate(pattern));
    builder.size_limit(MAX_COMPILED_BYTES).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => Refused::Size,
        _ => Refused::Syntax,
    })
}

/// Whether `pattern` matches somewhere in `text`; nothing if it is none.
///
/// # Errors
/// When it is too large to find out.
pub(crate) fn matches(pattern: &str, text: &str) -> Result<Option<bool>, String> {
    let outcome = compiled(pattern, |regex| Some(regex.is_match(text).into()))?;
    Ok(outcome.map(|matched| matched == Value::Bool(true)))
}

/// `regex.match(pattern, text)`.
pub(super) fn is_match(arguments: &[Value]) -> Outcome {
    let [Value::String(pattern), Value::String(text)] = arguments else { return Ok(None) };
    compiled(pattern, |regex| Some(regex.is_match(text).into()))
}

/// `regex.is_valid(pattern)`.
pub(super) fn is_valid(arguments: &[Value]) -> Outcome {
    let [Value::String(pattern)] = arguments else { return Ok(Some(false.into())) };
    Ok(compiled(pattern, |_| Some(true.into()))?.or(Some(false.into())))
}

/// `regex.split(pattern, text)`.
pub(super) fn split(arguments: &[Value]) -> Outcome {
    let [Value::String(pattern), Value::String(text)] = arguments else { return Ok(None) };
    compiled(pattern, |regex| {
        if !pattern.is_empty() && text.is_empty() {
            return Some(vec![Value::from("")].into());
        }
        let mut parts: Vec<Value> = Vec::new();
        let (mut begin, mut end) = (0, 0);
        for found in regex.find_iter(text) {
            end = found.start();
            if found.end() != 0 {
                parts.push(text[begin..end].into());
            }
            begin = found.end();
        }
        if end != text.len() {
            parts.push(text[begin..].into());
        }
        Some(parts.into())
    })
}

/// `regex.replace(text, pattern, value)`.
pub(super) fn replace(arguments: &[Value]) -> Outcome {
    let [Value::String(text), Value::String(pattern), Value::String(value)] = arguments else {
        return Ok(None);
    };
    compiled(pattern, |regex| Some(regex.replace_all(text, value.as_ref()).as_ref().into()))
}

/// `regex.find_n(pattern, text, number)`.
pub(super) fn find(arguments: &[Value]) -> Outcome {
    let [Value::String(pattern), Value::String(text), number] = arguments else { return Ok(None) };
    let Some(number) = count(number) else { return Ok(None) };
    compiled(pattern, |regex| {
        Some(
            regex
                .find_iter(text)
                .take(number)
                .map(|found| found.as_str().into())
                .collect::<Vec<Value>>()
                .into(),
        )
    })
}

/// `regex.find_all_string_submatch_n(pattern, text, number)`.
pub(super) fn find_groups(arguments: &[Value]) -> Outcome {
    let [Value::String(pattern), Value::String(text), number] = arguments else { return Ok(None) };
    let Some(number) = count(number) else { return Ok(None) };
    compiled(pattern, |regex| {
        let group = |group: Option<regex::Match<'_>>| Value::from(group.map_or("", |group| group.as_str()));
        let all = regex.captures_iter(text).take(number);
        Some(
            all.map(|groups| groups.iter().map(group).collect::<Vec<_>>().into())
                .collect::<Vec<Value>>()
                .into(),
        )
    })
}

fn count(number: &Value) -> Option<usize> {
    let number = number.as_i64().ok()?;
    Some(usize::try_from(number).unwrap_or(MAX_MATCHES).min(MAX_MATCHES))
}

/// `regex.template_match(template, text, open, close)`: expressions stand
/// between the two delimiters, and the rest stands for itself.
pub(super) fn template_match(arguments: &[Value]) -> Outcome {
    let [Value::String(template), Value::String(text), Value::String(open), Value::String(close)] = arguments
    else {
        return Ok(None);
    };
    let (Some(open), Some(close)) = (single(open), single(close)) else { return Ok(None) };
    let mut pattern = String::from("^");
    let mut level = 0_usize;
    let mut start = 0;
    for (at, letter) in template.char_indices() {
        if letter == open {
            level += 1;
            if level == 1 {
                pattern.push_str(&regex::escape(&template[start..at]));
                start = at + letter.len_utf8();
            }
        } else if letter == close {
            let Some(outer) = level.checked_sub(1) else { return Ok(None) };
            level = outer;
            if level == 0 {
                pattern.push('(');
                pattern.push_str(&template[start..at]);
                pattern.push(')');
                start = at + letter.len_utf8();
            }
        }
    }
    if level != 0 {
        return Ok(None);
    }
    pattern.push_str(&regex::escape(&template[start..]));
    pattern.push('$');
    compiled(&pattern, |regex| Some(regex.is_match(text).into()))
}

fn single(text: &str) -> Option<char> {
    let mut letters = text.chars();
    letters.next().filter(|letter| letter.is_ascii() && letters.next().is_none())
}
