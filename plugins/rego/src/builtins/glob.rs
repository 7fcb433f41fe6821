//! `glob.match`, as a regular expression.

use std::fmt::Write as _;

use regorus::Value;

use super::regex;

/// How deep alternatives may stand in each other.
const MAX_DEPTH: usize = 16;

/// `glob.match(pattern, delimiters, text)`: `*` and `?` stop at a delimiter,
/// `**` does not. Without delimiters there are none; an empty list means `.`.
pub(super) fn matches(arguments: &[Value]) -> Result<Option<Value>, String> {
    let [Value::String(glob), delimiters, Value::String(text)] = arguments else { return Ok(None) };
    let delimiters: Option<Vec<char>> = match delimiters {
        Value::Null => Some(Vec::new()),
        Value::Array(given) if given.iter().next().is_none() => Some(vec!['.']),
        Value::Array(given) => given.iter().map(one_letter).collect(),
        _ => None,
    };
    let Some(expression) = delimiters.and_then(|delimiters| translate(glob, &delimiters)) else {
        return Ok(None);
    };
    Ok(regex::matches(&expression, text)?.map(Value::from))
}

fn one_letter(value: &Value) -> Option<char> {
    let Value::String(text) = value else { return None };
    let mut letters = text.chars();
    letters.next().filter(|_| letters.next().is_none())
}

/// `glob.quote_meta(text)`.
pub(super) fn quote_meta(arguments: &[Value]) -> Option<Value> {
    let [Value::String(text)] = arguments else { return None };
    let mut quoted = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '*' | '?' | '\\' | '[' | ']' | '{' | '}') {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    Some(quoted.into())
}

fn translate(glob: &str, delimiters: &[char]) -> Option<String> {
    let mut any = String::from("[^");
    for letter in delimiters {
        literal(*letter, &mut any);
    }
    any.push(']');
    let any = if delimiters.is_empty() { "." } else { any.as_str() };
    let mut expression = String::from("(?s)^(?:");
    let mut letters = glob.chars().peekable();
    let mut depth = 0;
    while let Some(letter) = letters.next() {
        match letter {
            '*' if letters.next_if_eq(&'*').is_some() => {
                while letters.next_if_eq(&'*').is_some() {}
                expression.push_str(".*");
            }
            '*' => {
                expression.push_str(any);
                expression.push('*');
            }
            '?' => expression.push_str(any),
            '\\' => literal(letters.next()?, &mut expression),
            '[' => class(&mut letters, &mut expression)?,
            '{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return None;
                }
                expression.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth -= 1;
                expression.push(')');
            }
            ',' if depth > 0 => expression.push('|'),
            other => literal(other, &mut expression),
        }
    }
    expression.push_str(")$");
    (depth == 0).then_some(expression)
}

/// `[abc]`, `[a-z]`, and both with `!` for what is not in it.
fn class(letters: &mut std::iter::Peekable<std::str::Chars<'_>>, expression: &mut String) -> Option<()> {
    expression.push('[');
    if letters.next_if_eq(&'!').is_some() {
        expression.push('^');
    }
    let mut empty = true;
    loop {
        match letters.next()? {
            ']' if empty => return None,
            ']' => break,
            '-' if !empty && letters.peek().is_some_and(|next| *next != ']') => expression.push('-'),
            '\\' => literal(letters.next()?, expression),
            letter => literal(letter, expression),
        }
        empty = false;
    }
    expression.push(']');
    Some(())
}

/// A letter that stands for itself, inside and outside of a class.
fn literal(letter: char, expression: &mut String) {
    if letter.is_alphanumeric() {
        expression.push(letter);
    } else {
        let _ = write!(expression, "\\x{{{:x}}}", u32::from(letter));
    }
}
