//! Patterns are written in RE2's language, and matched by another engine: where
//! the two read the same text differently, it is rewritten.

/// The same pattern for the engine here. There, `\d`, `\s`, `\w` and `\b` are of
/// ASCII, and a class knows no nesting and no operators.
pub(crate) fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut letters = pattern.chars().peekable();
    let mut class = false;
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('d') => out.push_str("[0-9]"),
                Some('D') => out.push_str("[^0-9]"),
                Some('s') => out.push_str(r"[\t\n\x0C\r ]"),
                Some('S') => out.push_str(r"[^\t\n\x0C\r ]"),
                Some('w') => out.push_str("[0-9A-Za-z_]"),
                Some('W') => out.push_str("[^0-9A-Za-z_]"),
                Some('b') if !class => out.push_str(r"(?-u:\b)"),
                Some('B') if !class => out.push_str(r"(?-u:\B)"),
                Some('Q') if !class => quote(&mut letters, &mut out),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            '[' if !class => {
                class = true;
                out.push('[');
                if letters.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                if letters.next_if_eq(&']').is_some() {
                    out.push_str(r"\]");
                }
            }
            '[' if letters.peek() == Some(&':') => {
                out.push('[');
                // A named class goes on to its own bracket.
                for inner in letters.by_ref() {
                    out.push(inner);
                    if inner == ']' {
                        break;
                    }
                }
            }
            '[' => out.push_str(r"\["),
            ']' if class => {
                class = false;
                out.push(']');
            }
            '&' | '~' if class => out.extend(['\\', letter]),
            _ => out.push(letter),
        }
    }
    out
}

/// `\Q` takes everything as it stands, up to `\E`.
fn quote(letters: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) {
    while let Some(letter) = letters.next() {
        if letter == '\\' && letters.next_if_eq(&'E').is_some() {
            return;
        }
        out.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4])));
    }
}

/// Whether a pattern repeats what is repeated already, as `a**`: RE2 has no use
/// for that.
pub(crate) fn repeats_a_repetition(pattern: &str) -> bool {
    let (mut class, mut repeated, mut lazy) = (false, false, false);
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                letters.next();
                (repeated, lazy) = (false, false);
            }
            '[' if !class => class = true,
            ']' if class => (class, repeated, lazy) = (false, false, false),
            '?' if !class && repeated && !lazy => lazy = true,
            '*' | '+' | '?' if !class && repeated => return true,
            '*' | '+' | '?' if !class => repeated = true,
            _ => (repeated, lazy) = (false, false),
        }
    }
    false
}
