//! What a key of a map is, so that equal numbers of different types are one.

use std::rc::Rc;

use super::Value;

/// A key, by its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Bool(bool),
    Int(i64),
    /// Larger than an `Int` can be.
    Uint(u64),
    Text(Rc<str>),
}

impl Key {
    /// The key that a value stands for, where it can be one.
    pub(super) fn of(value: &Value<'_>) -> Option<Self> {
        Some(match value {
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Uint(value) => i64::try_from(*value).map_or(Self::Uint(*value), Self::Int),
            Value::Double(value) => whole(*value)?,
            Value::String(text) => Self::Text(Rc::from(&**text)),
            _ => return None,
        })
    }
}

/// A fraction that is a whole number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the ranges are checked")]
fn whole(value: f64) -> Option<Key> {
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    if value.fract() != 0.0 {
        None
    } else if (-TWO_TO_63..TWO_TO_63).contains(&value) {
        Some(Key::Int(value as i64))
    } else if (TWO_TO_63..2.0 * TWO_TO_63).contains(&value) {
        Some(Key::Uint(value as u64))
    } else {
        None
    }
}
