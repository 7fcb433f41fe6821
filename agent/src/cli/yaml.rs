//! Writes objects as YAML that every reader understands alike: a text stays
//! without quotes only where no version of YAML could take it for a number, a
//! truth value, a time or nothing. Keys are texts like any other: `on` and `y`
//! are truth values to kubectl there too.

use std::fmt::Write as _;

use serde_json::Value;

/// Longer keys need YAML's explicit form.
const IMPLICIT_KEY_CHARACTERS: usize = 1000;

/// Words that are more than text to some reader, in any case of letters.
const WORDS: [&str; 11] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"];

/// One document, ended by a newline.
pub(super) fn document(object: &Value) -> String {
    let mut out = String::new();
    match object {
        Value::Object(fields) if !fields.is_empty() => block(&mut out, object, 0, false),
        Value::Array(items) if !items.is_empty() => block(&mut out, object, 0, false),
        other => {
            scalar(&mut out, other, 0);
            out.push('\n');
        }
    }
    out
}

/// A mapping or list that is not empty, each entry on lines of its own. With
/// `behind_dash`, the first one stands behind the dash of a list.
fn block(out: &mut String, value: &Value, indent: usize, behind_dash: bool) {
    let mut indented = behind_dash;
    let mut start_entry = |out: &mut String| {
        if !std::mem::take(&mut indented) {
            let _ = write!(out, "{:indent$}", "");
        }
    };
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                start_entry(out);
                if key.chars().count() > IMPLICIT_KEY_CHARACTERS {
                    out.push_str("? ");
                    line(out, key);
                    let _ = write!(out, "\n{:indent$}", "");
                } else {
                    line(out, key);
                }
                out.push(':');
                match value {
                    Value::Object(inner) if !inner.is_empty() => {
                        out.push('\n');
                        block(out, value, indent + 2, false);
                    }
                    // The dashes stand under the key, as kubectl writes them.
                    Value::Array(inner) if !inner.is_empty() => {
                        out.push('\n');
                        block(out, value, indent, false);
                    }
                    other => {
                        out.push(' ');
                        scalar(out, other, indent + 2);
                        out.push('\n');
                    }
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                start_entry(out);
                out.push_str("- ");
                match item {
                    Value::Object(inner) if !inner.is_empty() => block(out, item, indent + 2, true),
                    Value::Array(inner) if !inner.is_empty() => block(out, item, indent + 2, true),
                    other => {
                        scalar(out, other, indent + 2);
                        out.push('\n');
                    }
                }
            }
        }
        _ => {}
    }
}

/// What stands on the line of its key or dash; several lines of text go on
/// below it, indented.
fn scalar(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::String(text) if is_clean_block(text) => {
            let (content, header) = match text.strip_suffix('\n') {
                Some(content) => (content, "|"),
                None => (text.as_str(), "|-"),
            };
            out.push_str(header);
            for line in content.split('\n') {
                out.push('\n');
                if !line.is_empty() {
                    let _ = write!(out, "{:indent$}{line}", "");
                }
            }
        }
        Value::String(text) => line(out, text),
        // JSON's numbers, `true`, `null`, `{}` and `[]` mean the same in YAML.
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

/// A text on one line, in quotes unless it needs none.
fn line(out: &mut String, text: &str) {
    if is_plain(text) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_printable(c) => out.push(c),
            c if (c as u32) <= 0xff => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c if (c as u32) <= 0xffff => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => {
                let _ = write!(out, "\\U{:08x}", c as u32);
            }
        }
    }
    out.push('"');
}

/// A letter or slash, then only characters that mean nothing to YAML: all that
/// is not text begins otherwise, or is one of a few words.
fn is_plain(text: &str) -> bool {
    let means_nothing = |c: char| c.is_ascii_alphanumeric() || "_-./@+=%()<>;~^$".contains(c);
    let Some(first) = text.chars().next() else { return false };
    if !(first.is_ascii_alphabetic() || first == '/') || text.ends_with([' ', ':']) || text.contains(": ") {
        return false;
    }
    if !text.chars().all(|c| matches!(c, ':' | ' ') || means_nothing(c)) {
        return false;
    }
    !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Several lines that need no sign for how they are indented or ended.
fn is_clean_block(text: &str) -> bool {
    let content = text.strip_suffix('\n').unwrap_or(text);
    text.contains('\n')
        && !content.starts_with([' ', '\t', '\n'])
        && !content.is_empty()
        && !content.ends_with('\n')
        && text.chars().all(|c| matches!(c, '\n' | '\t') || is_printable(c))
        // Some readers take a tab, or spaces alone, for indentation.
        && content.split('\n').all(|line| {
            line.is_empty() || !(line.starts_with('\t') || line.chars().all(char::is_whitespace))
        })
}

/// What YAML allows to stand for itself, without its exotic line breaks.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
        && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

#[cfg(test)]
mod tests;
