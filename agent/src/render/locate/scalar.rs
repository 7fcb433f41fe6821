//! From a byte of a text to the place where a file of YAML writes it.
//!
//! Characters that are not blank stand in the file in the order of the text,
//! whatever the style: indentation, folded lines and escapes only change what
//! is between them. So they are counted on both sides, and a blank is looked
//! for behind the last one before it.

use saphyr_parser::ScalarStyle;

/// Line (from 1) and column (from 0, in characters) of byte `byte` of
/// `decoded`, whose scalar begins with character `start` of `text`. `None`
/// where the file does not have it.
pub(super) fn position(
    text: &str,
    start: usize,
    style: ScalarStyle,
    decoded: &str,
    byte: usize,
) -> Option<(usize, usize)> {
    let before = decoded.get(..decoded.floor_char_boundary(byte.min(decoded.len())))?;
    let is_blank = decoded[before.len()..].chars().next().is_none_or(is_blank_character);
    let solid = before.chars().filter(|c| !is_blank_character(*c)).count();
    let mut written = Written::new(text, start, style);
    if !is_blank {
        return written.nth(solid).map(|sign| sign.at);
    }
    let blanks = before.chars().rev().take_while(|c| matches!(c, ' ' | '\t')).count();
    match solid.checked_sub(1) {
        // Behind the last character that is to be seen, as far as its line goes.
        Some(last) => written.nth(last).map(|sign| {
            let (line, column) = sign.after;
            (line, column + if before.ends_with('\n') { 0 } else { blanks })
        }),
        None => Some(written.at),
    }
}

fn is_blank_character(c: char) -> bool {
    c.is_whitespace()
}

/// The characters that a scalar writes and that are not blank.
struct Written<'t> {
    rest: std::iter::Peekable<std::str::Chars<'t>>,
    at: (usize, usize),
    style: ScalarStyle,
}

/// One of them.
struct Sign {
    at: (usize, usize),
    after: (usize, usize),
}

impl<'t> Written<'t> {
    fn new(text: &'t str, start: usize, style: ScalarStyle) -> Self {
        let offset = text.char_indices().nth(start).map_or(text.len(), |(offset, _)| offset);
        let (before, rest) = text.split_at(offset);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count());
        let mut written = Self { rest: rest.chars().peekable(), at: (line, column), style };
        if matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted) {
            written.step();
        }
        written
    }

    fn step(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        let (line, column) = self.at;
        self.at = if c == '\n' { (line + 1, 0) } else { (line, column + 1) };
        Some(c)
    }

    fn nth(&mut self, n: usize) -> Option<Sign> {
        let mut left = n;
        loop {
            let sign = self.next_sign()?;
            match left.checked_sub(1) {
                None => return Some(sign),
                Some(fewer) => left = fewer,
            }
        }
    }

    fn next_sign(&mut self) -> Option<Sign> {
        loop {
            let at = self.at;
            let c = self.step()?;
            let is_blank = match (self.style, c) {
                (ScalarStyle::SingleQuoted, '\'') => {
                    // Twice is once; once is the end.
                    self.rest.next_if_eq(&'\'')?;
                    self.at.1 += 1;
                    false
                }
                (ScalarStyle::DoubleQuoted, '"') => return None,
                (ScalarStyle::DoubleQuoted, '\\') => self.escape()?,
                (_, c) => is_blank_character(c),
            };
            if !is_blank {
                return Some(Sign { at, after: self.at });
            }
        }
    }

    /// Takes what stands behind a backslash. Whether it means a blank.
    fn escape(&mut self) -> Option<bool> {
        let digits = match self.step()? {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            c => {
                return Some(matches!(
                    c,
                    't' | 'n' | 'v' | 'f' | 'r' | ' ' | '\t' | '\n' | 'N' | '_' | 'L' | 'P'
                ));
            }
        };
        let code = self.hexadecimal(digits)?;
        Some(char::from_u32(code).is_some_and(is_blank_character))
    }

    fn hexadecimal(&mut self, digits: u32) -> Option<u32> {
        (0..digits).try_fold(0, |code: u32, _| Some((code << 4) | self.step()?.to_digit(16)?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;

    /// Where the file has what follows `mark` in the text at `/a`.
    fn found(file: &str, mark: &str) -> (u32, u32) {
        let decoded: serde_json::Value = serde_saphyr::from_str(file).unwrap();
        let decoded = decoded["a"].as_str().unwrap();
        let byte = decoded.find(mark).unwrap_or_else(|| panic!("{mark} in {decoded:?}"));
        let origin = Origin { path: "f".to_owned(), line: None, span: None };
        let place = locate_within(file.as_bytes(), &origin, "/a", byte).unwrap();
        (place.line, place.column)
    }

    #[test]
    fn a_byte_of_a_text_is_found_in_every_style() {
        for (file, mark, expected) in [
            ("a: object.x > 1\n", "x", (1, 11)),
            ("# é\na:  é.x  # c\n", "x", (2, 7)),
            ("a: one\n  two x\n", "x", (2, 7)),
            ("a: 'it''s x'\n", "x", (1, 11)),
            ("a: 'it''s x'\n", "'s", (1, 7)),
            ("a: 'it\n\n   x'\n", "x", (3, 4)),
            (r#"a: "q\" \\ \u00e9 \x41 x""#, "x", (1, 24)),
            (r#"{"a": "\u003cx"}"#, "x", (1, 14)),
            ("a: \"x\\n\\\n    y\"\n", "y", (2, 5)),
            ("a: |\n  one\n\n    two\n", "two", (4, 5)),
            ("a: |2-   # comment\n   one\n  two\n", "two", (3, 3)),
            ("a: >-\n  one\n  two x\n\n  three\n", "x", (3, 7)),
            ("a: >-\n  one\n  two x\n\n  three\n", "three", (5, 3)),
        ] {
            assert_eq!(found(file, mark), expected, "{file}");
        }
    }

    #[test]
    fn a_blank_is_behind_what_stands_before_it() {
        for (file, mark, expected) in [
            ("a: one  two\n", " two", (1, 8)),
            ("a: |\n  one\n  two\n", "\ntwo", (2, 6)),
            ("a: |\n   x\n", "\n", (2, 5)),
        ] {
            assert_eq!(found(file, mark), expected, "{file}");
        }
    }

    #[test]
    fn what_the_text_does_not_have_is_at_its_end_and_what_is_no_text_at_its_key() {
        let place = |file: &str, pointer: &str, byte| {
            let origin = Origin { path: "f".to_owned(), line: None, span: None };
            locate_within(file.as_bytes(), &origin, pointer, byte).map(|place| (place.line, place.column))
        };
        assert_eq!(place("a: one\n", "/a", 99), Some((1, 7)));
        assert_eq!(place("a: ''\n", "/a", 1), Some((1, 5)));
        assert_eq!(place("b:\n  a: [x]\n", "/b/a", 7), Some((2, 3)));
        assert_eq!(place("b:\n  a: text\n", "/b/a/c", 2), Some((2, 6)));
        assert_eq!(place("b: x\n", "/a", 2), None);
        for hostile in ["a: '", "a: \"\\", "a: \"\\u\"", "a: |\n"] {
            let _ = place(hostile, "/a", 3);
        }
    }
}
