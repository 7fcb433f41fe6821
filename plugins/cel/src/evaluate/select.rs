//! Fields of maps and elements of lists.

use std::rc::Rc;

use crate::failure::Failure;
use crate::library::Outcome;
use crate::value::Value;

/// `a.b`. What has no fields has none of that name. Of an optional, what is found is optional too.
pub(super) fn field<'a>(operand: &Value<'a>, name: &str, optional: bool) -> Outcome<'a> {
    match operand {
        Value::Map(map) => found(map.field(name), optional, || Failure::no_such_key(name)),
        Value::Optional(None) => Ok(Value::Optional(None)),
        Value::Optional(Some(inner)) => field(inner, name, true),
        _ => found(None, optional, || Failure::no_such_key(name)),
    }
}

pub(super) fn has<'a>(operand: &Value<'a>, name: &str) -> Outcome<'a> {
    match operand {
        Value::Map(map) => Ok(Value::Bool(map.field(name).is_some())),
        Value::Optional(Some(inner)) => has(inner, name),
        _ => Ok(Value::Bool(false)),
    }
}

/// `a[b]`
pub(super) fn index<'a>(operand: &Value<'a>, at: &Value<'a>, optional: bool) -> Outcome<'a> {
    match operand {
        Value::Map(map) => {
            let missing = || match at {
                Value::String(text) => Failure::no_such_key(text),
                Value::Int(number) => Failure::no_such_key(number),
                Value::Uint(number) => Failure::no_such_key(number),
                _ => Failure::plain("no such key"),
            };
            found(map.get(at), optional, missing)
        }
        Value::List(list) => {
            let place = position(at)?;
            let value = usize::try_from(place).ok().and_then(|place| list.get(place));
            found(value, optional, || {
                Failure::showing(format!("index out of bounds: {place}"), "an index is out of bounds")
            })
        }
        Value::Optional(None) => Ok(Value::Optional(None)),
        Value::Optional(Some(inner)) => index(inner, at, true),
        _ => Err(Failure::no_such_overload()),
    }
}

fn found(value: Option<Value<'_>>, optional: bool, missing: impl FnOnce() -> Failure) -> Outcome<'_> {
    match (value, optional) {
        (value, true) => Ok(Value::Optional(value.map(Rc::new))),
        (Some(value), false) => Ok(value),
        (None, false) => Err(missing()),
    }
}

/// The number of an element.
#[expect(clippy::cast_possible_truncation, reason = "the number is whole, and small")]
fn position(at: &Value<'_>) -> Result<i64, Failure> {
    match at {
        Value::Int(number) => Ok(*number),
        Value::Uint(number) => Ok(i64::try_from(*number).unwrap_or(i64::MAX)),
        Value::Double(number) if number.fract() == 0.0 && number.abs() < 1e15 => Ok(*number as i64),
        other => {
            let text = format!("unsupported index type '{}' in list", other.type_name());
            Err(Failure::showing(text, "unsupported index type in list"))
        }
    }
}
