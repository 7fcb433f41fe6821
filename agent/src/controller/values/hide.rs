//! Keeps what Secrets hold out of what is told: conditions, events and logs.
//!
//! It finds strings in the forms in which they are usually quoted. It is no
//! barrier against a template that means to give a Secret away: whoever may
//! write one can put it into any object.

use std::collections::BTreeSet;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// Shorter strings are in every other sentence.
const MIN_BYTES: usize = 4;
/// Lines of a longer text that are looked for by themselves.
const MIN_LINE_BYTES: usize = 8;
/// All strings together. Beyond, nothing is handed over.
const MAX_BYTES: usize = 2 << 20;
/// What stands in their place.
const WORD: &str = "(hidden)";
/// What a message ends with that was cut.
const CUT: char = '…';

/// Strings that are to be hidden. Has no `Debug`, so that it can't be logged.
#[derive(Default)]
pub(super) struct Secrets {
    strings: BTreeSet<String>,
    bytes: usize,
}

impl Secrets {
    /// Hides the content of a key, as it is.
    pub(super) fn add(&mut self, content: &str) {
        self.add_form(content);
        self.add_form(content.trim());
        self.add_form(&STANDARD.encode(content));
        self.add_form(&STANDARD.encode(content.trim()));
        // As JSON, Go's `%q` and most error messages quote it.
        let quoted = Value::String(content.trim().to_owned()).to_string();
        self.add_form(quoted.trim_matches('"'));
        let lines = content.lines().map(str::trim);
        lines.filter(|line| line.len() >= MIN_LINE_BYTES).for_each(|line| self.add_form(line));
    }

    /// Hides every text and number in `values`, which are not deep: they come
    /// from a parser with a bound.
    pub(super) fn add_all(&mut self, values: &Value) {
        match values {
            Value::String(text) => self.add(text),
            Value::Number(number) => self.add_form(&number.to_string()),
            Value::Array(items) => items.iter().for_each(|item| self.add_all(item)),
            Value::Object(map) => map.values().for_each(|item| self.add_all(item)),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn add_form(&mut self, text: &str) {
        if text.len() >= MIN_BYTES && self.bytes <= MAX_BYTES && self.strings.insert(text.to_owned()) {
            self.bytes += text.len();
        }
    }

    /// Ready to hide them; nothing, where they are too many.
    pub(super) fn ready(self) -> Option<Hidden> {
        if self.bytes > MAX_BYTES {
            return None;
        }
        if self.strings.is_empty() {
            return Some(Hidden::default());
        }
        let strings: Vec<String> = self.strings.into_iter().collect();
        // A string inside of another is hidden with it.
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&strings).ok()?;
        Some(Hidden { found: Some(Arc::new(Found { strings, finder })) })
    }
}

/// Hides strings. Clones are cheap.
#[derive(Clone, Default)]
pub(crate) struct Hidden {
    found: Option<Arc<Found>>,
}

struct Found {
    strings: Vec<String>,
    finder: AhoCorasick,
}

impl Hidden {
    /// The text without them.
    pub(crate) fn hide(&self, text: &str) -> String {
        let Some(Found { strings, finder }) = self.found.as_deref() else { return text.to_owned() };
        let mut hidden = String::with_capacity(text.len());
        finder.replace_all_with(text, &mut hidden, |_, _, hidden| {
            hidden.push_str(WORD);
            true
        });
        let Some(end) = hidden.strip_suffix(CUT).map(str::trim_end) else { return hidden };
        // Whoever cut it did not know what it was.
        let part = strings.iter().filter_map(|string| begun(string, end)).max();
        match part {
            Some(bytes) => format!("{}{WORD}{CUT}", &end[..end.len() - bytes]),
            None => hidden,
        }
    }
}

/// How many bytes at the end of `text` are the beginning of `string`.
fn begun(string: &str, text: &str) -> Option<usize> {
    let most = string.len().min(text.len());
    (MIN_BYTES..=most)
        .rev()
        .find(|bytes| text.as_bytes().ends_with(&string.as_bytes()[..*bytes]))
        .filter(|bytes| text.is_char_boundary(text.len() - bytes))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hiding(values: &Value) -> Hidden {
        let mut secrets = Secrets::default();
        secrets.add_all(values);
        secrets.ready().unwrap()
    }

    #[test]
    fn what_a_secret_holds_is_not_told() {
        let hidden =
            hiding(&json!({"db": {"password": "s3cret", "port": 543_210, "tls": true, "user": "db"}}));
        assert_eq!(
            hidden.hide("`s3cret` at 543210 for db, czNjcmV0 in base64"),
            "`(hidden)` at (hidden) for db, (hidden) in base64"
        );
    }

    #[test]
    fn a_part_does_not_show_what_is_around_it() {
        let hidden = hiding(&json!(["abcd", "xxabcdyy"]));
        assert_eq!(hidden.hide("xxabcdyy abcd"), "(hidden) (hidden)");
    }

    #[test]
    fn it_is_found_in_the_forms_in_which_it_is_quoted() {
        let key = "-----BEGIN KEY-----\nabcdefghij\"<&>\\\n-----END KEY-----\n";
        let hidden = hiding(&json!({ "key": key }));
        let json = json!(key).to_string();
        let one_line = key.replace('\n', " ");
        for quoted in [key.to_owned(), json, one_line, STANDARD.encode(key), STANDARD.encode(key.trim())] {
            let told = hidden.hide(&quoted);
            assert!(!told.contains("abcdefghij") && !told.contains("YWJjZG"), "{told}");
        }
    }

    #[test]
    fn what_is_left_of_it_at_a_cut_is_hidden_too() {
        let hidden = hiding(&json!(["correct-horse-battery"]));
        assert_eq!(hidden.hide("it was correct-horse…"), "it was (hidden)…");
        assert_eq!(hidden.hide("it was correct-horse"), "it was correct-horse");
    }

    #[test]
    fn many_strings_cost_little_and_too_many_are_refused() {
        let many: Vec<String> = (0..20_000).map(|n| format!("value-{n}")).collect();
        assert_eq!(hiding(&json!(many)).hide("value-19999"), "(hidden)");
        let mut secrets = Secrets::default();
        secrets.add(&"x".repeat(MAX_BYTES));
        assert!(secrets.ready().is_none());
    }
}
