//! How names and values of manifests stand in messages: as upstream writes
//! them, and never longer than a person would read.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The longest text of a manifest that stands in a message as a whole, in
/// bytes.
pub(crate) const LONGEST: usize = 256;

/// `text`, or its beginning.
pub(crate) fn clipped(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(LONGEST);
    Cow::Owned(format!("{}…", &text[..end]))
}

/// `"a", "b"`
pub(crate) fn quoted_list<T: AsRef<str>>(items: &[T]) -> String {
    let mut list = String::new();
    for (index, item) in items.iter().enumerate() {
        let comma = if index > 0 { ", " } else { "" };
        let _ = write!(list, "{comma}\"{}\"", item.as_ref());
    }
    list
}

/// The word for `count` of them.
pub(crate) fn plural<'w>(one: &'w str, many: &'w str, count: usize) -> &'w str {
    if count == 1 { one } else { many }
}

/// A string as Go writes it with `%q`.
pub(crate) fn go_quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\x07' => quoted.push_str("\\a"),
            '\x08' => quoted.push_str("\\b"),
            '\x0c' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\x0b' => quoted.push_str("\\v"),
            ' '..='~' => quoted.push(character),
            '\0'..='\x7f' => {
                let _ = write!(quoted, "\\x{:02x}", u32::from(character));
            }
            _ if is_printable(character) => quoted.push(character),
            '\u{80}'..='\u{ffff}' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            _ => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(character));
            }
        }
    }
    quoted.push('"');
    quoted
}

/// Beyond ASCII. Rust escapes what is not; but not only that where a character
/// joins the one before it.
fn is_printable(character: char) -> bool {
    let pair: [char; 2] = ['a', character];
    let text: String = pair.iter().collect();
    text.escape_debug().count() == 2
}
