//! What one evaluation may cost, and the patterns that it has compiled.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::rc::Rc;

use regex::{Regex, RegexBuilder};

use crate::failure::Failure;
use crate::library::pattern;
use crate::value::{Order, Value};

/// How many steps one expression may take; Kubernetes has the same number,
/// though it counts somewhat otherwise.
pub(crate) const STEPS: u64 = 1_000_000;
/// How much memory a compiled pattern may take.
const MAX_PATTERN_BYTES: usize = 1 << 20;
/// How long a pattern may be.
const MAX_PATTERN: usize = 4 << 10;
/// How many patterns that are no constants are kept compiled.
const KEPT_PATTERNS: usize = 16;

/// Counts steps down.
#[derive(Debug)]
pub(crate) struct Meter<'k> {
    left: u64,
    patterns: &'k Patterns,
}

/// Compiled patterns, by their text.
#[derive(Debug, Default)]
pub(crate) struct Patterns(RefCell<Vec<(String, Rc<Regex>)>>);

impl<'k> Meter<'k> {
    pub(crate) fn new(patterns: &'k Patterns) -> Self {
        Self { left: STEPS, patterns }
    }

    /// Starts again, for the next expression.
    pub(crate) fn refill(&mut self) {
        self.left = STEPS;
    }

    /// Takes steps.
    ///
    /// # Errors
    /// When there are none left.
    pub(crate) fn spend(&mut self, steps: usize) -> Result<(), Failure> {
        if let Some(left) = self.left.checked_sub(steps as u64) {
            self.left = left;
            return Ok(());
        }
        self.left = 0;
        Err(too_expensive())
    }

    /// Whether two values are equal.
    ///
    /// # Errors
    /// When it takes more steps than there are left to find out.
    pub(crate) fn equal<'a>(&mut self, left: &Value<'a>, right: &Value<'a>) -> Result<bool, Failure> {
        left.equals(right, &mut self.left).ok_or_else(|| {
            self.left = 0;
            too_expensive()
        })
    }

    /// Whether one of some values equals another: which.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn position<'a>(
        &mut self,
        values: impl Iterator<Item = Value<'a>>,
        wanted: &Value<'a>,
    ) -> Result<Option<usize>, Failure> {
        for (place, value) in values.enumerate() {
            if self.equal(&value, wanted)? {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// The order of two values.
    ///
    /// # Errors
    /// When they can't be compared.
    pub(crate) fn order<'a>(&mut self, left: &Value<'a>, right: &Value<'a>) -> Result<Ordering, Failure> {
        if let (Value::String(left), Value::String(right)) = (left, right) {
            self.spend(left.len().min(right.len()) / 10)?;
        }
        match left.order(right) {
            Order::Is(order) => Ok(order),
            Order::None => Err(Failure::plain("NaN values cannot be ordered")),
            Order::Unlike => Err(Failure::no_such_overload()),
        }
    }

    /// A text is looked at ten characters a step.
    pub(crate) fn read(&mut self, text: &str) -> Result<(), Failure> {
        self.spend(text.len() / 10)
    }

    /// A compiled pattern.
    ///
    /// # Errors
    /// When it is none, or too large.
    pub(crate) fn pattern(&mut self, text: &str) -> Result<Rc<Regex>, Failure> {
        let mut known = self.patterns.0.borrow_mut();
        if let Some((_, pattern)) = known.iter().find(|(known, _)| known == text) {
            return Ok(Rc::clone(pattern));
        }
        self.left = self.left.saturating_sub(text.len() as u64 * 10);
        let compiled = Rc::new(compile(text)?);
        if known.len() == KEPT_PATTERNS {
            known.remove(0);
        }
        known.push((text.to_owned(), Rc::clone(&compiled)));
        Ok(compiled)
    }
}

fn too_expensive() -> Failure {
    Failure::plain("too expensive: the expression takes more than 1000000 steps")
}

/// Compiles a pattern of RE2's language.
///
/// # Errors
/// When it is none, or too large.
pub(crate) fn compile(text: &str) -> Result<Regex, Failure> {
    if text.len() > MAX_PATTERN {
        return Err(Failure::plain("the pattern has more than the 4096 bytes that one may have"));
    }
    if pattern::repeats_a_repetition(text) {
        return Err(Failure::plain("error parsing regexp: invalid nested repetition operator"));
    }
    let built = RegexBuilder::new(&pattern::translate(text)).size_limit(MAX_PATTERN_BYTES).build();
    built.map_err(|error| {
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
        Failure::showing(format!("error parsing regexp: {last}"), "the pattern is none")
    })
}
