//! What `+`, `-`, `*`, `/` and `%` do.

use crate::failure::Failure;
use crate::library::{Outcome, within};
use crate::meter::Meter;
use crate::value::{Timestamp, Value};

fn checked<'a, T>(result: Option<T>, value: fn(T) -> Value<'a>, overflow: &'static str) -> Outcome<'a> {
    result.map(value).ok_or_else(|| Failure::plain(overflow))
}

const INT: &str = "integer overflow";
const UINT: &str = "unsigned integer overflow";
const SPAN: &str = "integer overflow";

/// Puts two values together.
pub(crate) fn add<'a>(meter: &mut Meter<'_>, left: Value<'a>, right: Value<'a>) -> Outcome<'a> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => checked(left.checked_add(right), Value::Int, INT),
        (Value::Uint(left), Value::Uint(right)) => checked(left.checked_add(right), Value::Uint, UINT),
        (Value::Double(left), Value::Double(right)) => Ok(Value::Double(left + right)),
        (Value::String(left), Value::String(right)) => {
            meter.spend((left.len() + right.len()) / 10)?;
            Ok(Value::text([&*left, &*right].concat()))
        }
        (Value::Bytes(left), Value::Bytes(right)) => {
            meter.spend((left.len() + right.len()) / 10)?;
            Ok(Value::Bytes([&*left, &*right].concat().into()))
        }
        (Value::List(left), Value::List(right)) => {
            meter.spend(left.len() + right.len())?;
            let mut elements = left.to_vec();
            elements.extend(right.iter());
            Ok(Value::list(elements))
        }
        (Value::Duration(left), Value::Duration(right)) => {
            checked(left.checked_add(right), Value::Duration, SPAN)
        }
        (Value::Timestamp(time), Value::Duration(span)) | (Value::Duration(span), Value::Timestamp(time)) => {
            moved(time, span)
        }
        _ => Err(Failure::no_such_overload()),
    }
}

/// A time some nanoseconds later.
fn moved<'a>(time: Timestamp, span: i64) -> Outcome<'a> {
    const SECOND: i64 = 1_000_000_000;
    let nanos = i64::from(time.nanos) + span.rem_euclid(SECOND);
    let seconds = time.seconds + span.div_euclid(SECOND) + nanos / SECOND;
    let nanos = u32::try_from(nanos % SECOND).unwrap_or(0);
    within(Timestamp { seconds, nanos }).map(Value::Timestamp)
}

pub(crate) fn subtract<'a>(left: &Value<'a>, right: &Value<'a>) -> Outcome<'a> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => checked(left.checked_sub(*right), Value::Int, INT),
        (Value::Uint(left), Value::Uint(right)) => checked(left.checked_sub(*right), Value::Uint, UINT),
        (Value::Double(left), Value::Double(right)) => Ok(Value::Double(left - right)),
        (Value::Duration(left), Value::Duration(right)) => {
            checked(left.checked_sub(*right), Value::Duration, SPAN)
        }
        (Value::Timestamp(time), Value::Duration(span)) => match span.checked_neg() {
            Some(span) => moved(*time, span),
            None => Err(Failure::plain("timestamp overflow")),
        },
        (Value::Timestamp(left), Value::Timestamp(right)) => {
            let seconds = i128::from(left.seconds) - i128::from(right.seconds);
            let span = seconds * 1_000_000_000 + i128::from(left.nanos) - i128::from(right.nanos);
            checked(i64::try_from(span).ok(), Value::Duration, SPAN)
        }
        _ => Err(Failure::no_such_overload()),
    }
}

pub(crate) fn multiply<'a>(left: &Value<'a>, right: &Value<'a>) -> Outcome<'a> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => checked(left.checked_mul(*right), Value::Int, INT),
        (Value::Uint(left), Value::Uint(right)) => checked(left.checked_mul(*right), Value::Uint, UINT),
        (Value::Double(left), Value::Double(right)) => Ok(Value::Double(left * right)),
        _ => Err(Failure::no_such_overload()),
    }
}

pub(crate) fn divide<'a>(left: &Value<'a>, right: &Value<'a>) -> Outcome<'a> {
    match (left, right) {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => {
            Err(Failure::plain("division by zero"))
        }
        (Value::Int(left), Value::Int(right)) => checked(left.checked_div(*right), Value::Int, INT),
        (Value::Uint(left), Value::Uint(right)) => checked(left.checked_div(*right), Value::Uint, UINT),
        (Value::Double(left), Value::Double(right)) => Ok(Value::Double(left / right)),
        _ => Err(Failure::no_such_overload()),
    }
}

pub(crate) fn modulo<'a>(left: &Value<'a>, right: &Value<'a>) -> Outcome<'a> {
    match (left, right) {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => {
            Err(Failure::plain("modulus by zero"))
        }
        (Value::Int(left), Value::Int(right)) => checked(left.checked_rem(*right), Value::Int, INT),
        (Value::Uint(left), Value::Uint(right)) => checked(left.checked_rem(*right), Value::Uint, UINT),
        _ => Err(Failure::no_such_overload()),
    }
}

pub(crate) fn negate(value: &Value<'_>) -> Outcome<'static> {
    match value {
        Value::Int(value) => checked(value.checked_neg(), Value::Int, INT),
        Value::Double(value) => Ok(Value::Double(-value)),
        Value::Duration(span) => checked(span.checked_neg(), Value::Duration, SPAN),
        _ => Err(Failure::no_such_overload()),
    }
}
