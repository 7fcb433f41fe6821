//! Keeps what Secrets hold out of what is told: conditions, events and logs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::gate::Verdict;

/// Shorter strings are in every other sentence.
const MIN_BYTES: usize = 4;
/// What stands in their place.
const WORD: &str = "(hidden)";

/// Strings that must not be told. Has no `Debug`, so that it can't be logged.
#[derive(Default)]
pub(crate) struct Hidden {
    strings: Vec<String>,
}

impl Hidden {
    /// Hides a string from now on, in base64 too, as it is in a Secret.
    pub(crate) fn add(&mut self, text: &str) {
        let text = text.trim();
        if text.len() >= MIN_BYTES {
            self.strings.push(text.to_owned());
            self.strings.push(STANDARD.encode(text));
            // A string inside of another is hidden with it.
            self.strings.sort_by_key(|known| std::cmp::Reverse(known.len()));
        }
    }

    /// Hides every string and number in `values`, which are not deep: they come from a parser with a bound.
    pub(crate) fn add_all(&mut self, values: &Value) {
        match values {
            Value::String(text) => self.add(text),
            Value::Number(number) => self.add(&number.to_string()),
            Value::Array(items) => items.iter().for_each(|item| self.add_all(item)),
            Value::Object(map) => map.values().for_each(|item| self.add_all(item)),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// The text without them.
    pub(crate) fn hide(&self, text: &str) -> String {
        self.strings.iter().fold(text.to_owned(), |text, known| text.replace(known, WORD))
    }

    /// What a policy found.
    pub(crate) fn verdict(&self, mut verdict: Verdict) -> Verdict {
        verdict.message = self.hide(&verdict.message);
        verdict
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_secret_holds_is_not_told() {
        let mut hidden = Hidden::default();
        hidden.add_all(&json!({"db": {"password": "s3cret", "port": 543_210, "tls": true, "user": "db"}}));
        assert_eq!(
            hidden.hide("`s3cret` at 543210 for db, czNjcmV0 in base64"),
            "`(hidden)` at (hidden) for db, (hidden) in base64"
        );
    }

    #[test]
    fn a_part_does_not_show_what_is_around_it() {
        let mut hidden = Hidden::default();
        hidden.add("abcd");
        hidden.add("xxabcdyy");
        assert_eq!(hidden.hide("xxabcdyy abcd"), "(hidden) (hidden)");
    }
}
