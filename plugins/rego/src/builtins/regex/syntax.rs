//! From the syntax of Go's regular expressions, which are OPA's, to that of
//! this engine. Both have the same roots; they differ in what a letter class
//! holds, and in what stands for itself.

use std::iter::Peekable;
use std::str::Chars;

/// The same expression in the syntax of the engine here.
pub(super) fn translate(pattern: &str) -> String {
    let mut letters = pattern.chars().peekable();
    let mut translated = String::with_capacity(pattern.len() + 16);
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => escape(&mut letters, false, &mut translated),
            '[' => class(&mut letters, &mut translated),
            '{' if !is_repetition(letters.clone()) => translated.push_str("\\{"),
            other => translated.push(other),
        }
    }
    translated
}

/// Whether `{` begins `{1}`, `{1,}` or `{1,2}`.
fn is_repetition(mut letters: Peekable<Chars<'_>>) -> bool {
    let mut digits = 0;
    while letters.next_if(char::is_ascii_digit).is_some() {
        digits += 1;
    }
    if letters.next_if_eq(&',').is_some() {
        while letters.next_if(char::is_ascii_digit).is_some() {}
    }
    digits > 0 && letters.next() == Some('}')
}

/// What follows a backslash. Letter classes hold ASCII alone.
fn escape(letters: &mut Peekable<Chars<'_>>, in_class: bool, translated: &mut String) {
    match letters.next() {
        Some('d') => translated.push_str("[0-9]"),
        Some('D') => translated.push_str("[^0-9]"),
        Some('w') => translated.push_str("[0-9A-Za-z_]"),
        Some('W') => translated.push_str("[^0-9A-Za-z_]"),
        Some('s') => translated.push_str("[\\t\\n\\x0c\\r ]"),
        Some('S') => translated.push_str("[^\\t\\n\\x0c\\r ]"),
        Some('b') if !in_class => translated.push_str("(?-u:\\b)"),
        Some('B') if !in_class => translated.push_str("(?-u:\\B)"),
        Some('Q') if !in_class => quoted(letters, translated),
        // Here these would be the borders of words.
        Some(letter @ ('<' | '>')) => translated.push(letter),
        Some(letter) => {
            translated.push('\\');
            translated.push(letter);
            // `\x{20}` and `\p{Greek}`: the braces belong to it.
            if matches!(letter, 'x' | 'p' | 'P') && letters.peek() == Some(&'{') {
                for letter in letters.by_ref() {
                    translated.push(letter);
                    if letter == '}' {
                        break;
                    }
                }
            }
        }
        None => translated.push('\\'),
    }
}

/// Everything up to `\E` stands for itself.
fn quoted(letters: &mut Peekable<Chars<'_>>, translated: &mut String) {
    while let Some(letter) = letters.next() {
        if letter == '\\' && letters.next_if_eq(&'E').is_some() {
            return;
        }
        translated.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4])));
    }
}

/// What follows a `[`. Here a class may hold others, and `&&` and `~~` join
/// them; in Go these stand for themselves.
fn class(letters: &mut Peekable<Chars<'_>>, translated: &mut String) {
    translated.push('[');
    if letters.next_if_eq(&'^').is_some() {
        translated.push('^');
    }
    if letters.next_if_eq(&']').is_some() {
        translated.push_str("\\]");
    }
    while let Some(letter) = letters.next() {
        match letter {
            ']' => return translated.push(']'),
            '\\' => escape(letters, true, translated),
            '[' if letters.peek() == Some(&':') => named(letters, translated),
            '[' | '&' | '~' => {
                translated.push('\\');
                translated.push(letter);
            }
            other => translated.push(other),
        }
    }
}

/// `[:alpha:]` inside of a class.
fn named(letters: &mut Peekable<Chars<'_>>, translated: &mut String) {
    translated.push('[');
    for letter in letters.by_ref() {
        translated.push(letter);
        if letter == ']' {
            return;
        }
    }
}
