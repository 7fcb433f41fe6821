//! One verb of a format, with its flags.

use std::fmt::Write as _;

use super::{Argument, MAX_WIDTH, number};

/// `%-08.3f`, taken apart.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "Go has that many flags")]
pub(super) struct Verb {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
    /// It names its argument, as `%[1]d` does.
    named: bool,
    /// A `*` whose argument is no width.
    complaint: &'static str,
    letter: Option<char>,
}

impl Verb {
    /// Reads what follows a `%`, and gives what follows the verb. A `*` takes
    /// the next of `values`.
    pub(super) fn read<'a>(format: &'a str, values: &[Argument], next: &mut usize) -> (Self, &'a str) {
        let mut verb = Self::default();
        let mut rest = format;
        while let Some(flag) = rest.chars().next() {
            match flag {
                '-' => (verb.minus, verb.zero) = (true, false),
                '+' => verb.plus = true,
                '#' => verb.sharp = true,
                ' ' => verb.space = true,
                '0' => verb.zero = !verb.minus,
                _ => break,
            }
            rest = &rest[1..];
        }
        (verb.width, rest) = number_in(rest);
        if let Some(after) = rest.strip_prefix('*') {
            rest = after;
            match star(values, next) {
                Some(width) => {
                    verb.minus |= width < 0;
                    verb.zero &= !verb.minus;
                    verb.width = usize::try_from(width.unsigned_abs()).ok();
                }
                None => verb.complaint = "%!(BADWIDTH)",
            }
        }
        if let Some(after) = rest.strip_prefix('.') {
            (verb.precision, rest) = number_in(after);
            verb.precision = verb.precision.or(Some(0));
            if let Some(after) = after.strip_prefix('*') {
                rest = after;
                verb.precision = star(values, next).and_then(|precision| usize::try_from(precision).ok());
                if verb.precision.is_none() {
                    verb.complaint = "%!(BADPREC)";
                }
            }
        }
        if let Some((index, after)) = rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            rest = after;
            verb.named = true;
            // Beyond the last, so that it is found to be missing.
            *next = index.parse::<usize>().ok().and_then(|index| index.checked_sub(1)).unwrap_or(usize::MAX);
        }
        verb.letter = rest.chars().next();
        let length = verb.letter.map_or(0, char::len_utf8);
        (verb, &rest[length..])
    }

    /// Whether it names its argument: then Go does not count them any more.
    pub(super) fn is_named(&self) -> bool {
        self.named
    }

    pub(super) fn write(&self, values: &[Argument], next: &mut usize, text: &mut String) {
        text.push_str(self.complaint);
        let Some(letter) = self.letter else { return text.push_str("%!(NOVERB)") };
        if letter == '%' {
            return text.push('%');
        }
        let Some(value) = values.get(*next) else {
            let what = if self.named { "BADINDEX" } else { "MISSING" };
            let _ = write!(text, "%!{letter}({what})");
            return;
        };
        *next += 1;
        let written = match (letter, value) {
            ('T', value) => Some(self.pad_text(value.go_type())),
            (_, Argument::Whole(whole)) => self.whole(letter, *whole),
            (_, Argument::Fraction(fraction)) => self.fraction(letter, *fraction),
            (_, Argument::Text(content)) => self.text(letter, content),
        };
        if let Some(written) = written {
            text.push_str(&written);
            return;
        }
        let plain = match value {
            Argument::Whole(whole) => self.whole('v', *whole),
            Argument::Fraction(fraction) => self.fraction('v', *fraction),
            Argument::Text(content) => self.text('v', content),
        };
        let _ = write!(text, "%!{letter}({}={})", value.go_type(), plain.unwrap_or_default());
    }

    fn whole(&self, letter: char, whole: i128) -> Option<String> {
        let digits = match letter {
            'v' | 'd' => whole.unsigned_abs().to_string(),
            'b' => format!("{:b}", whole.unsigned_abs()),
            'o' | 'O' => format!("{:o}", whole.unsigned_abs()),
            'x' => format!("{:x}", whole.unsigned_abs()),
            'X' => format!("{:X}", whole.unsigned_abs()),
            'c' | 'q' | 'U' => return Some(self.letter_of(letter, whole)),
            _ => return None,
        };
        let prefix = match letter {
            'O' => "0o",
            'x' if self.sharp => "0x",
            'X' if self.sharp => "0X",
            'b' if self.sharp => "0b",
            'o' if self.sharp && !digits.starts_with('0') => "0",
            _ => "",
        };
        let mut digits = digits;
        if let Some(precision) = self.precision {
            if precision == 0 && whole == 0 {
                return Some(self.pad("", ""));
            }
            let missing = precision.min(MAX_WIDTH).saturating_sub(digits.len());
            digits.insert_str(0, &"0".repeat(missing));
        }
        let sign = self.sign(whole < 0);
        let zeros = if self.precision.is_none() { self } else { &Self { zero: false, ..self.flags() } };
        Some(zeros.pad(&format!("{sign}{prefix}"), &digits))
    }

    fn letter_of(&self, letter: char, whole: i128) -> String {
        let code = u32::try_from(whole).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
        match letter {
            'U' => self.pad_text(&format!("U+{:04X}", whole.unsigned_abs())),
            'c' => self.pad_text(code.encode_utf8(&mut [0; 4])),
            _ if code == '\'' => self.pad_text("'\\''"),
            _ => self.pad_text(&format!("'{code}'")),
        }
    }

    fn fraction(&self, letter: char, value: f64) -> Option<String> {
        let absolute = value.abs();
        let digits = match letter {
            'v' => number::general(absolute, self.precision, false),
            'g' | 'G' => number::general(absolute, self.precision, letter == 'G'),
            'f' | 'F' => number::fixed(absolute, self.precision.unwrap_or(6)),
            'e' | 'E' => number::scientific(absolute, self.precision.unwrap_or(6), letter == 'E'),
            _ => return None,
        };
        Some(self.pad(self.sign(value.is_sign_negative()), &digits))
    }

    fn text(&self, letter: char, content: &str) -> Option<String> {
        let cut: String = match self.precision {
            Some(precision) => content.chars().take(precision).collect(),
            None => content.to_owned(),
        };
        Some(match letter {
            'v' if self.sharp => self.pad_text(&quoted(content)),
            'v' | 's' => self.pad_text(&cut),
            'q' => self.pad_text(&quoted(&cut)),
            'x' | 'X' => self.pad_text(&self.hex(letter, content)),
            _ => return None,
        })
    }

    fn hex(&self, letter: char, content: &str) -> String {
        let mut hex = String::new();
        for (index, byte) in content.bytes().take(self.precision.unwrap_or(usize::MAX)).enumerate() {
            if index > 0 && self.space {
                hex.push(' ');
            }
            let _ = if letter == 'x' { write!(hex, "{byte:02x}") } else { write!(hex, "{byte:02X}") };
        }
        hex
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        }
    }

    fn pad_text(&self, text: &str) -> String {
        self.pad("", text)
    }

    /// Fills up to the width; zeros stand behind the sign.
    fn pad(&self, before: &str, text: &str) -> String {
        let length = before.chars().count() + text.chars().count();
        let missing = self.width.unwrap_or(0).min(MAX_WIDTH).saturating_sub(length);
        if self.minus {
            format!("{before}{text}{}", " ".repeat(missing))
        } else if self.zero {
            format!("{before}{}{text}", "0".repeat(missing))
        } else {
            format!("{}{before}{text}", " ".repeat(missing))
        }
    }

    fn flags(&self) -> Self {
        Self {
            minus: self.minus,
            plus: self.plus,
            sharp: self.sharp,
            space: self.space,
            zero: self.zero,
            width: self.width,
            ..Self::default()
        }
    }
}

fn number_in(text: &str) -> (Option<usize>, &str) {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(length);
    // A number that is too large is wider than any text may be.
    let number = (length > 0).then(|| digits.parse().unwrap_or(MAX_WIDTH).min(MAX_WIDTH));
    (number, rest)
}

fn star(values: &[Argument], next: &mut usize) -> Option<i128> {
    let value = values.get(*next);
    *next += usize::from(value.is_some());
    match value {
        Some(Argument::Whole(whole)) if whole.unsigned_abs() <= MAX_WIDTH as u128 => Some(*whole),
        _ => None,
    }
}

fn quoted(content: &str) -> String {
    let mut text = String::new();
    quote(content, &mut text);
    text
}

/// A text in double quotes, as Go writes it.
pub(super) fn quote(content: &str, text: &mut String) {
    text.push('"');
    for letter in content.chars() {
        match letter {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\x07' => text.push_str("\\a"),
            '\x08' => text.push_str("\\b"),
            '\x0c' => text.push_str("\\f"),
            '\x0b' => text.push_str("\\v"),
            control if u32::from(control) < 0x20 || control == '\x7f' => {
                let _ = write!(text, "\\x{:02x}", u32::from(control));
            }
            control if control.is_control() => {
                let _ = write!(text, "\\u{:04x}", u32::from(control));
            }
            other => text.push(other),
        }
    }
    text.push('"');
}
