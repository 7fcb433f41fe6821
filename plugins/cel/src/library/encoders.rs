//! Texts for other languages: base64, keys of JSON patches.

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::{Function, Outcome, Overload, Sig, global, no_such_overload, text};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    global("base64.encode", &[Overload(&[Sig::Bytes], Sig::String)], encode),
    global("base64.decode", &[Overload(&[Sig::String], Sig::Bytes)], decode),
    global("jsonpatch.escapeKey", &[Overload(&[Sig::String], Sig::String)], escape_key),
];

fn encode<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Bytes(bytes)] = arguments else { return no_such_overload() };
    meter.spend(bytes.len() / 10)?;
    text(STANDARD.encode(bytes))
}

fn decode<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(subject)] = arguments else { return no_such_overload() };
    meter.read(subject)?;
    match STANDARD.decode(subject.as_bytes()).or_else(|_| STANDARD_NO_PAD.decode(subject.as_bytes())) {
        Ok(bytes) => Ok(Value::Bytes(Rc::from(bytes))),
        Err(_) => Err(Failure::plain("illegal base64 data")),
    }
}

fn escape_key<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(key)] = arguments else { return no_such_overload() };
    meter.read(key)?;
    text(key.replace('~', "~0").replace('/', "~1"))
}
