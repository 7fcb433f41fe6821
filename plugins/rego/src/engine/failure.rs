//! Why an evaluation ended without a value.

use super::Text;
use super::place;

/// An evaluation that ended without a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Failure {
    /// The module and its line and column, if the engine knows them.
    place: Option<String>,
    sentence: String,
}

impl Failure {
    pub(super) fn new(error: &impl ToString, texts: &[Text]) -> Self {
        let message = place::read(&error.to_string());
        let place = message.place.and_then(|(index, line, column)| {
            let text = texts.get(index)?;
            let (line, column) = place::written(text, line, column);
            Some(format!("{}, line {line}, column {column}", text.name))
        });
        Self { place, sentence: message.sentence }
    }

    /// What happened and where. The sentence may quote what the rule read, so
    /// it is left out for objects whose values are `secret`.
    pub(crate) fn describe(&self, secret: bool) -> String {
        match (&self.place, secret) {
            (Some(place), true) => place.clone(),
            (None, true) => "evaluation failed".to_owned(),
            (Some(place), false) => format!("{place}: {}", self.sentence),
            (None, false) => self.sentence.clone(),
        }
    }
}

/// The sentence alone.
pub(super) fn text_of(error: &impl ToString) -> String {
    place::read(&error.to_string()).sentence
}
