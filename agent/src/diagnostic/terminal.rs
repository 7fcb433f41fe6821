//! Diagnostics as a person reads them in a terminal: the message, the place,
//! the source line with the field underlined, and what to do.
//!
//! All text may be hostile: nothing of it reaches the terminal as a control
//! sequence, and no line grows without bound.

use std::fmt::Write as _;

use super::{Diagnostic, Severity, escape};

/// The most of a source line that is shown, in characters.
const LINE_WIDTH: usize = 140;

/// What of a long line is kept before the underlined part, in characters.
const CONTEXT_BEFORE: usize = 40;

/// How to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Whether to use colours.
    pub color: bool,
}

impl Terminal {
    /// The diagnostic in several lines, the last ended. `source` is the
    /// content of the file that it is about, if that is at hand.
    pub fn draw(self, diagnostic: &Diagnostic, source: Option<&[u8]>) -> String {
        let line = diagnostic.origin.as_ref().and_then(|origin| origin.line?.checked_sub(1));
        self.draw_line(
            diagnostic,
            line.and_then(|line| source?.split(|byte| *byte == b'\n').nth(line as usize)),
        )
    }

    /// The same, with only the source line that it is about.
    pub(crate) fn draw_line(self, diagnostic: &Diagnostic, source: Option<&[u8]>) -> String {
        let mut out = String::new();
        let (label, style) = match diagnostic.severity {
            Severity::Error => ("error", "1;31"),
            Severity::Warning => ("warning", "1;33"),
            Severity::Info => ("info", "1;36"),
        };
        self.paint(&mut out, style, label);
        let mut message = diagnostic.message.lines();
        self.paint(&mut out, "1", &format!(": {}", escape(message.next().unwrap_or_default())));
        out.push('\n');

        let line = diagnostic.origin.as_ref().and_then(|origin| origin.line);
        let shown = source.filter(|_| line.is_some()).map(|source| Shown::new(source, diagnostic.column));
        let number = shown.as_ref().map(|_| line.unwrap_or_default().to_string()).unwrap_or_default();
        let margin = " ".repeat(number.len());
        if let Some(origin) = &diagnostic.origin {
            let _ = write!(out, "{margin}");
            self.paint(&mut out, "1;34", "-->");
            let _ = write!(out, " {}", escape(&origin.to_string()));
            if let (Some(_), Some(column)) = (line, diagnostic.column) {
                let _ = write!(out, ":{column}");
            }
            out.push('\n');
        }
        if let Some(shown) = &shown {
            self.paint(&mut out, "1;34", &format!("{margin} |\n{number} |"));
            let _ = writeln!(out, " {}", shown.text);
            self.paint(&mut out, "1;34", &format!("{margin} |"));
            if let Some((before, length)) = shown.underline {
                let _ = write!(out, " {}", " ".repeat(before));
                self.paint(&mut out, style, &"^".repeat(length));
            }
            out.push('\n');
        }
        let mut note = |name: &str, text: &str| {
            let _ = write!(out, "{margin} ");
            self.paint(&mut out, "1;34", "=");
            let _ = writeln!(out, " {name}: {}", escape(text));
        };
        for more in message {
            note("detail", more);
        }
        if let Some(object) = &diagnostic.object {
            let field = diagnostic.pointer.as_deref().filter(|pointer| !pointer.is_empty());
            match field {
                Some(pointer) => note("object", &format!("{object} at {pointer}")),
                None => note("object", &object.to_string()),
            }
        }
        if let Some(hint) = &diagnostic.hint {
            note("help", hint);
        }
        out
    }

    fn paint(self, out: &mut String, style: &str, text: &str) {
        if self.color {
            let _ = write!(out, "\x1b[{style}m{text}\x1b[0m");
        } else {
            out.push_str(text);
        }
    }
}

/// A line as it is shown.
struct Shown {
    text: String,
    /// Characters before the underline, and its length.
    underline: Option<(usize, usize)>,
}

impl Shown {
    fn new(line: &[u8], column: Option<u32>) -> Self {
        let text = String::from_utf8_lossy(line);
        let characters: Vec<char> = text.trim_end().chars().collect();
        let field = column.and_then(|column| field(&characters, column as usize - 1));
        let skipped = match field {
            Some((start, _)) if characters.len() > LINE_WIDTH => start.saturating_sub(CONTEXT_BEFORE),
            _ => 0,
        };
        let end = characters.len().min(skipped + LINE_WIDTH);
        let draw = |range: std::ops::Range<usize>| -> String {
            // A tab is as wide as a terminal likes; a space keeps the underline in its place.
            let text: String = characters[range].iter().map(|c| if *c == '\t' { ' ' } else { *c }).collect();
            escape(&text).into_owned()
        };
        let (left, right) =
            (if skipped > 0 { "…" } else { "" }, if end < characters.len() { "…" } else { "" });
        let underline = field.map(|(start, length)| {
            let stop = (start + length).min(end);
            let before = left.chars().count() + draw(skipped..start).chars().count();
            (before, draw(start..stop).chars().count().max(1))
        });
        Self { text: format!("{left}{}{right}", draw(skipped..end)), underline }
    }
}

/// Where the field at `start` ends: a quoted text at its quote, anything else
/// before a comment or what closes it.
fn field(line: &[char], start: usize) -> Option<(usize, usize)> {
    let rest = line.get(start..).filter(|rest| !rest.is_empty())?;
    let length = match rest[0] {
        quote @ ('"' | '\'') => rest[1..].iter().position(|c| *c == quote).map(|end| end + 2),
        _ => rest.iter().enumerate().position(|(index, c)| match c {
            '#' => index > 0 && rest[index - 1].is_whitespace(),
            ',' | '}' | ']' => true,
            _ => false,
        }),
    };
    let field = &rest[..length.unwrap_or(rest.len())];
    let trimmed = field.iter().rposition(|c| !c.is_whitespace()).map_or(1, |last| last + 1);
    Some((start, trimmed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{ObjectKey, Origin};

    fn diagnostic(line: u32, column: u32) -> Diagnostic {
        Diagnostic {
            origin: Some(Origin { path: "web/deployment.yaml".to_owned(), line: Some(line), span: None }),
            column: Some(column),
            object: Some(ObjectKey {
                group: "apps".to_owned(),
                kind: "Deployment".to_owned(),
                namespace: Some("web".to_owned()),
                name: "api".to_owned(),
            }),
            pointer: Some("/spec/image".to_owned()),
            hint: Some("write a tag or a digest".to_owned()),
            ..Diagnostic::error("image `nginx` is not pinned")
        }
    }

    fn plain(diagnostic: &Diagnostic, source: &str) -> String {
        Terminal { color: false }.draw(diagnostic, Some(source.as_bytes()))
    }

    #[test]
    fn a_diagnostic_shows_the_line_with_its_field_underlined() {
        let source = format!("{}spec:\n  image: nginx  # floats\n", "\n".repeat(9));
        assert_eq!(
            plain(&diagnostic(11, 10), &source),
            "\
error: image `nginx` is not pinned
  --> web/deployment.yaml:11:10
   |
11 |   image: nginx  # floats
   |          ^^^^^
   = object: Deployment/web/api at /spec/image
   = help: write a tag or a digest
"
        );
    }

    #[test]
    fn without_its_file_the_place_stands_alone() {
        let mut without = diagnostic(3, 1);
        without.severity = Severity::Warning;
        without.object = None;
        assert_eq!(
            Terminal { color: false }.draw(&without, None),
            "\
warning: image `nginx` is not pinned
--> web/deployment.yaml:3:1
 = help: write a tag or a digest
"
        );
        assert_eq!(plain(&Diagnostic::error("no place"), ""), "error: no place\n");
    }

    #[test]
    fn quoted_and_flow_values_are_underlined_to_their_end() {
        for (source, column, expected) in [
            ("a: 'b c', d", 4, "   ^^^^^"),
            ("{a: b, c: d}", 5, "    ^"),
            ("{a: b}", 2, " ^^^^"),
            ("\ta: b", 5, "    ^"),
            ("key:", 1, "^^^^"),
        ] {
            let drawn = plain(&diagnostic(1, column), source);
            assert_eq!(drawn.lines().nth(4).unwrap(), format!("  | {expected}"), "{source}");
        }
    }

    #[test]
    fn control_characters_of_hostile_text_are_shown_and_not_sent() {
        let mut hostile = diagnostic(1, 1);
        hostile.message = "\x1b[2J\u{202e}gone\rback\nsecond\x07 line".to_owned();
        hostile.origin.as_mut().unwrap().path = "a\x1b]0;b".to_owned();
        hostile.hint = None;
        assert_eq!(
            plain(&hostile, "\x1b[31mred\u{9b}"),
            "\
error: \\u{1b}[2J\\u{202e}gone\\rback
 --> a\\u{1b}]0;b:1:1
  |
1 | \\u{1b}[31mred\\u{9b}
  | ^^^^^^^^^^^^^^^^^^^
  = detail: second\\u{7} line
  = object: Deployment/web/api at /spec/image
"
        );
    }

    #[test]
    fn a_long_line_is_cut_around_its_field() {
        let source = format!("{}image: nginx{}", "x".repeat(1000), "y".repeat(1000));
        let drawn = plain(&diagnostic(1, 1001), &source);
        let line = drawn.lines().nth(3).unwrap();
        assert_eq!(line.chars().count(), 4 + LINE_WIDTH + 2);
        assert!(line.starts_with(&format!("1 | …{}image: nginx", "x".repeat(CONTEXT_BEFORE))), "{line}");
        let underline = drawn.lines().nth(4).unwrap();
        assert!(underline.starts_with(&format!("  |  {}^", " ".repeat(CONTEXT_BEFORE))), "{underline}");
    }

    #[test]
    fn colours_stand_only_where_they_are_wanted() {
        let drawn = Terminal { color: true }.draw(&Diagnostic::error("no"), None);
        assert_eq!(drawn, "\x1b[1;31merror\x1b[0m\x1b[1m: no\x1b[0m\n");
    }
}
