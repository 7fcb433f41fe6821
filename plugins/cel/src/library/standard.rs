//! What every CEL has: sizes, types and conversions.

use std::rc::Rc;

use super::{Function, Outcome, Overload, Sig, calendar, durations, global, member, no_such_overload, text};
use super::{Opaque, formatting};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::Value;

const SIZE: &[Overload] = &[
    Overload(&[Sig::String], Sig::Int),
    Overload(&[Sig::Bytes], Sig::Int),
    Overload(&[Sig::List(&Sig::A)], Sig::Int),
    Overload(&[Sig::Map(&Sig::A, &Sig::B)], Sig::Int),
];

pub(super) const FUNCTIONS: &[Function] = &[
    global("size", SIZE, size),
    member("size", SIZE, size),
    global("dyn", &[Overload(&[Sig::A], Sig::Dyn)], same),
    global("type", &[Overload(&[Sig::Dyn], Sig::Type)], type_of),
    global("bool", &[Overload(&[Sig::Bool], Sig::Bool), Overload(&[Sig::String], Sig::Bool)], to_bool),
    global("bytes", &[Overload(&[Sig::Bytes], Sig::Bytes), Overload(&[Sig::String], Sig::Bytes)], to_bytes),
    global(
        "double",
        &[
            Overload(&[Sig::Double], Sig::Double),
            Overload(&[Sig::Int], Sig::Double),
            Overload(&[Sig::Uint], Sig::Double),
            Overload(&[Sig::String], Sig::Double),
        ],
        to_double,
    ),
    global(
        "int",
        &[
            Overload(&[Sig::Int], Sig::Int),
            Overload(&[Sig::Uint], Sig::Int),
            Overload(&[Sig::Double], Sig::Int),
            Overload(&[Sig::String], Sig::Int),
            Overload(&[Sig::Timestamp], Sig::Int),
            Overload(&[Sig::Duration], Sig::Int),
        ],
        to_int,
    ),
    global(
        "uint",
        &[
            Overload(&[Sig::Uint], Sig::Uint),
            Overload(&[Sig::Int], Sig::Uint),
            Overload(&[Sig::Double], Sig::Uint),
            Overload(&[Sig::String], Sig::Uint),
        ],
        to_uint,
    ),
    global(
        "string",
        &[
            Overload(&[Sig::String], Sig::String),
            Overload(&[Sig::Bool], Sig::String),
            Overload(&[Sig::Int], Sig::String),
            Overload(&[Sig::Uint], Sig::String),
            Overload(&[Sig::Double], Sig::String),
            Overload(&[Sig::Bytes], Sig::String),
            Overload(&[Sig::Timestamp], Sig::String),
            Overload(&[Sig::Duration], Sig::String),
            Overload(&[Sig::Ip], Sig::String),
            Overload(&[Sig::Cidr], Sig::String),
        ],
        to_string,
    ),
];

fn size<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    Ok(Value::index(match arguments {
        [Value::String(text)] => {
            meter.read(text)?;
            text.chars().count()
        }
        [Value::Bytes(bytes)] => bytes.len(),
        [Value::List(list)] => list.len(),
        [Value::Map(map)] => map.len(),
        _ => return no_such_overload(),
    }))
}

fn same<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = arguments else { return no_such_overload() };
    Ok(value.clone())
}

fn type_of<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = arguments else { return no_such_overload() };
    Ok(Value::Type(value.type_name()))
}

fn unconvertible<'a>(message: &'static str) -> Outcome<'a> {
    Err(Failure::plain(message))
}

fn to_bool<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::Bool(value)] => Ok(Value::Bool(*value)),
        [Value::String(text)] => match &**text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => unconvertible("type conversion error from 'string' to 'bool'"),
        },
        _ => no_such_overload(),
    }
}

fn to_bytes<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::Bytes(bytes)] => Ok(Value::Bytes(Rc::clone(bytes))),
        [Value::String(text)] => {
            meter.read(text)?;
            Ok(Value::Bytes(text.as_bytes().into()))
        }
        _ => no_such_overload(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a fraction holds no more")]
fn to_double<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::Double(value)] => Ok(Value::Double(*value)),
        [Value::Int(value)] => Ok(Value::Double(*value as f64)),
        [Value::Uint(value)] => Ok(Value::Double(*value as f64)),
        [Value::String(text)] => match text.parse::<f64>() {
            // What does not fit is an infinity here, and an error there.
            Ok(value) if value.is_finite() || !text.contains(|letter: char| letter.is_ascii_digit()) => {
                Ok(Value::Double(value))
            }
            _ => unconvertible("type conversion error from 'string' to 'double'"),
        },
        _ => no_such_overload(),
    }
}

const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

#[expect(clippy::cast_possible_truncation, reason = "the range is checked, and decimals are cut off")]
fn to_int<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::Int(value) | Value::Duration(value)] => Ok(Value::Int(*value)),
        [Value::Timestamp(time)] => Ok(Value::Int(time.seconds)),
        [Value::Uint(value)] => match i64::try_from(*value) {
            Ok(value) => Ok(Value::Int(value)),
            Err(_) => unconvertible("integer overflow"),
        },
        [Value::Double(value)] if *value > -TWO_TO_63 && *value < TWO_TO_63 => Ok(Value::Int(*value as i64)),
        [Value::Double(_)] => unconvertible("integer overflow"),
        [Value::String(text)] => match text.parse() {
            Ok(value) => Ok(Value::Int(value)),
            Err(_) => unconvertible("type conversion error from 'string' to 'int'"),
        },
        _ => no_such_overload(),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
fn to_uint<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::Uint(value)] => Ok(Value::Uint(*value)),
        [Value::Int(value)] => match u64::try_from(*value) {
            Ok(value) => Ok(Value::Uint(value)),
            Err(_) => unconvertible("unsigned integer overflow"),
        },
        [Value::Double(value)] if *value >= 0.0 && *value < 2.0 * TWO_TO_63 => Ok(Value::Uint(*value as u64)),
        [Value::Double(_)] => unconvertible("unsigned integer overflow"),
        [Value::String(text)] => match text.parse() {
            Ok(value) if !text.starts_with('+') => Ok(Value::Uint(value)),
            _ => unconvertible("type conversion error from 'string' to 'uint'"),
        },
        _ => no_such_overload(),
    }
}

fn to_string<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::String(value)] => Ok(Value::String(value.clone())),
        [Value::Bool(value)] => text(value.to_string()),
        [Value::Int(value)] => text(value.to_string()),
        [Value::Uint(value)] => text(value.to_string()),
        [Value::Double(value)] => text(formatting::general(*value)),
        [Value::Duration(value)] => text(durations::format(*value)),
        [Value::Timestamp(value)] => text(calendar::format(*value)),
        [Value::Bytes(bytes)] => {
            meter.spend(bytes.len() / 10)?;
            match std::str::from_utf8(bytes) {
                Ok(decoded) => text(decoded),
                Err(_) => unconvertible("invalid UTF-8 in bytes, cannot convert to string"),
            }
        }
        [Value::Opaque(value)] => match &**value {
            Opaque::Ip(address) => text(address.to_string()),
            Opaque::Cidr(cidr) => text(cidr.to_string()),
            _ => no_such_overload(),
        },
        _ => no_such_overload(),
    }
}
