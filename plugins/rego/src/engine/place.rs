//! Where in a text the engine's messages point.
//!
//! They are text for a terminal, with an arrow, the line itself and a caret;
//! what is wanted of them is the place and the sentence.

use std::ops::Range;

use windlass_plugin_sdk::diagnostic::Diagnostic;

use super::Text;

/// What a message of the engine says, and where.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Message {
    /// The index of the module, and line and column from 1.
    pub(super) place: Option<(usize, usize, usize)>,
    pub(super) sentence: String,
}

/// Takes a message apart. The first place is that of the error; what follows
/// its sentence tells how the evaluation got there.
pub(super) fn read(message: &str) -> Message {
    let mut place = None;
    let mut sentence = None;
    for line in message.lines() {
        if let Some(arrow) = line.strip_prefix("--> ") {
            if sentence.is_some() {
                break;
            }
            place = place.or_else(|| three(arrow));
        } else if let Some(said) = line.strip_prefix("error: ") {
            sentence.get_or_insert(said);
        }
    }
    let sentence =
        sentence.unwrap_or_else(|| message.lines().find(|line| !line.is_empty()).unwrap_or(message));
    Message { place, sentence: plain(sentence) }
}

fn three(arrow: &str) -> Option<(usize, usize, usize)> {
    let mut numbers = arrow.trim().split(':').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??, numbers.next()??))
}

/// A sentence without the engine's insides, which hold values too.
fn plain(sentence: &str) -> String {
    let sentence = sentence.split(" (path [").next().unwrap_or(sentence);
    let sentence = sentence.strip_suffix("rule:").unwrap_or(sentence);
    sentence.trim().trim_end_matches('.').to_owned()
}

/// A diagnostic for what the engine says of one of `texts`.
pub(super) fn diagnostic(error: &impl ToString, texts: &[Text]) -> Diagnostic {
    let message = read(&error.to_string());
    match message.place.and_then(|(index, ..)| texts.get(index)) {
        Some(text) => placed(&message, text),
        None => Diagnostic::error(message.sentence),
    }
}

/// The same for a text that is known.
pub(super) fn diagnostic_in(error: &impl ToString, text: &Text) -> Diagnostic {
    placed(&read(&error.to_string()), text)
}

fn placed(message: &Message, text: &Text) -> Diagnostic {
    let (_, line, column) = message.place.unwrap_or((0, 1, 1));
    at(text, word_at(&text.code.text, line, column), &message.sentence)
}

/// Line and column in the written text, of those in the one that the engine
/// reads.
pub(super) fn written(text: &Text, line: usize, column: usize) -> (usize, usize) {
    line_and_column(&text.rego, text.code.written(word_at(&text.code.text, line, column).start))
}

/// A diagnostic on some bytes of the text that the engine reads.
pub(super) fn at(text: &Text, bytes: Range<usize>, message: &str) -> Diagnostic {
    let bytes = text.code.written(bytes.start)..text.code.written(bytes.end);
    let (line, column) = line_and_column(&text.rego, bytes.start);
    Diagnostic::error(format!("{}, line {line}, column {column}: {message}", text.name))
        .at_pointer(text.pointer.clone())
        .at_bytes(bytes)
}

/// The bytes of the word at a line and a column, or of the one character.
fn word_at(text: &str, line: usize, column: usize) -> Range<usize> {
    let line_start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text.get(line_start..).unwrap_or_default();
    let line_text = rest.split('\n').next().unwrap_or_default();
    let offset = line_text.char_indices().nth(column.saturating_sub(1)).map_or(line_text.len(), |(at, _)| at);
    let start = line_start + offset;
    let after = text.get(start..).unwrap_or_default();
    let word = after.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(after.len());
    let one = after.chars().next().map_or(0, char::len_utf8);
    start..start + word.max(one)
}

/// Line and column of a byte, from 1, the column in characters.
pub(super) fn line_and_column(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
    (line, before.get(line_start..).unwrap_or_default().chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_the_engine_has_a_place_and_a_sentence() {
        let message = "\n--> 7:2:19\n  |\n2 | violation[{\"msg\": msg}] {\n  |                   ^\nerror: var msg is unsafe (path [\"a\"], scopes [{\"q\": 1}])";
        assert_eq!(
            read(message),
            Message { place: Some((7, 2, 19)), sentence: "var msg is unsafe".to_owned() }
        );
        assert_eq!(
            read("not a valid rule path"),
            Message { place: None, sentence: "not a valid rule path".to_owned() }
        );
    }

    #[test]
    fn words_and_places_are_found_behind_wide_letters() {
        let text = "a\nß := wort + 1\n";
        assert_eq!(word_at(text, 2, 6), 8..12);
        assert_eq!(line_and_column(text, 8), (2, 6));
        assert_eq!(word_at(text, 9, 9), text.len()..text.len());
    }
}
