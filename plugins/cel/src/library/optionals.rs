//! Values that may be absent.

use std::rc::Rc;

use super::{Function, Outcome, Overload, Sig, global, member, no_such_overload};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::Value;

const OPTIONAL_A: Sig = Sig::Optional(&Sig::A);
const LIST_OF_OPTIONALS: &[Overload] = &[Overload(&[Sig::List(&OPTIONAL_A)], Sig::List(&Sig::A))];

pub(super) const FUNCTIONS: &[Function] = &[
    global("optional.of", &[Overload(&[Sig::A], OPTIONAL_A)], of),
    global("optional.ofNonZeroValue", &[Overload(&[Sig::A], OPTIONAL_A)], of_non_zero),
    global("optional.none", &[Overload(&[], Sig::Optional(&Sig::Dyn))], none),
    global("optional.unwrap", LIST_OF_OPTIONALS, unwrap),
    member("unwrapOpt", LIST_OF_OPTIONALS, unwrap),
    member("hasValue", &[Overload(&[OPTIONAL_A], Sig::Bool)], has_value),
    member("value", &[Overload(&[OPTIONAL_A], Sig::A)], value),
    member("or", &[Overload(&[OPTIONAL_A, OPTIONAL_A], OPTIONAL_A)], or),
    // What Kyverno means with it: also what is no optional has a value. No
    // expression can write this name.
    member("@orValue", &[Overload(&[Sig::Dyn, Sig::Dyn], Sig::Dyn)], or_own_value),
    member("orValue", &[Overload(&[OPTIONAL_A, Sig::A], Sig::A)], or_value),
    member("first", &[Overload(&[Sig::List(&Sig::A)], OPTIONAL_A)], first),
    member("last", &[Overload(&[Sig::List(&Sig::A)], OPTIONAL_A)], last),
];

fn of<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = arguments else { return no_such_overload() };
    Ok(Value::some(value.clone()))
}

fn of_non_zero<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = arguments else { return no_such_overload() };
    Ok(if is_zero(value) { Value::Optional(None) } else { Value::some(value.clone()) })
}

/// Whether a value is what one of its type is without being given.
pub(crate) fn is_zero(value: &Value<'_>) -> bool {
    match value {
        Value::Null | Value::Optional(None) => true,
        Value::Bool(value) => !value,
        Value::Int(value) | Value::Duration(value) => *value == 0,
        Value::Uint(value) => *value == 0,
        Value::Double(value) => *value == 0.0,
        Value::String(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::List(list) => list.len() == 0,
        Value::Map(map) => map.len() == 0,
        Value::Timestamp(_) | Value::Type(_) | Value::Optional(Some(_)) | Value::Opaque(_) => false,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is a function like the others")]
fn none<'a>(_: &mut Meter<'_>, _: &[Value<'a>]) -> Outcome<'a> {
    Ok(Value::Optional(None))
}

fn has_value<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Optional(inner)] = arguments else { return no_such_overload() };
    Ok(Value::Bool(inner.is_some()))
}

fn value<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Optional(inner)] = arguments else { return no_such_overload() };
    match inner {
        Some(inner) => Ok(Value::clone(inner)),
        None => Err(Failure::plain("optional.none() dereference")),
    }
}

fn or<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Optional(first), Value::Optional(second)] = arguments else { return no_such_overload() };
    Ok(Value::Optional(first.as_ref().or(second.as_ref()).map(Rc::clone)))
}

fn or_value<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Optional(inner), otherwise] = arguments else { return no_such_overload() };
    Ok(inner.as_ref().map_or_else(|| otherwise.clone(), |inner| Value::clone(inner)))
}

fn or_own_value<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::Optional(_), _] => or_value(meter, arguments),
        [value, _] => Ok(value.clone()),
        _ => no_such_overload(),
    }
}

fn unwrap<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(list)] = arguments else { return no_such_overload() };
    meter.spend(list.len())?;
    let mut found = Vec::new();
    for element in list.iter() {
        match element {
            Value::Optional(Some(inner)) => found.push(Value::clone(&inner)),
            Value::Optional(None) => {}
            _ => return no_such_overload(),
        }
    }
    Ok(Value::list(found))
}

fn first<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(list)] = arguments else { return no_such_overload() };
    Ok(Value::Optional(list.get(0).map(Rc::new)))
}

fn last<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(list)] = arguments else { return no_such_overload() };
    Ok(Value::Optional(list.len().checked_sub(1).and_then(|last| list.get(last)).map(Rc::new)))
}
