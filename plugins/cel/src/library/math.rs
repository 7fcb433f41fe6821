//! Numbers: CEL's extension, which Kubernetes itself does not have.

use std::cmp::Ordering;

use super::{Function, Outcome, Overload, Sig, global, no_such_overload};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::Value;

const D: Sig = Sig::Double;
const I: Sig = Sig::Int;
const U: Sig = Sig::Uint;
const FRACTION: &[Overload] = &[Overload(&[D], D)];
const ASK: &[Overload] = &[Overload(&[D], Sig::Bool)];
const ANY: &[Overload] = &[Overload(&[I], I), Overload(&[U], U), Overload(&[D], D)];
const WHOLE_PAIR: &[Overload] = &[Overload(&[I, I], I), Overload(&[U, U], U)];
const SHIFT: &[Overload] = &[Overload(&[I, I], I), Overload(&[U, I], U)];
const DYN: Sig = Sig::Dyn;
/// Numbers may be mixed; more than a handful come as a list.
const EXTREME: &[Overload] = &[
    Overload(&[Sig::List(&Sig::A)], Sig::A),
    Overload(&[Sig::A], Sig::A),
    Overload(&[Sig::A, Sig::A], Sig::A),
    Overload(&[DYN, DYN], DYN),
    Overload(&[DYN, DYN, DYN], DYN),
    Overload(&[DYN, DYN, DYN, DYN], DYN),
    Overload(&[DYN, DYN, DYN, DYN, DYN], DYN),
];

pub(super) const FUNCTIONS: &[Function] = &[
    global("math.greatest", EXTREME, |meter, arguments| extreme(meter, arguments, Ordering::Greater)),
    global("math.least", EXTREME, |meter, arguments| extreme(meter, arguments, Ordering::Less)),
    global("math.ceil", FRACTION, |_, arguments| fraction(arguments, f64::ceil)),
    global("math.floor", FRACTION, |_, arguments| fraction(arguments, f64::floor)),
    global("math.round", FRACTION, |_, arguments| fraction(arguments, f64::round)),
    global("math.trunc", FRACTION, |_, arguments| fraction(arguments, f64::trunc)),
    global("math.isInf", ASK, |_, arguments| ask(arguments, f64::is_infinite)),
    global("math.isNaN", ASK, |_, arguments| ask(arguments, f64::is_nan)),
    global("math.isFinite", ASK, |_, arguments| ask(arguments, f64::is_finite)),
    global("math.abs", ANY, abs),
    global("math.sign", ANY, sign),
    global("math.sqrt", &[Overload(&[I], D), Overload(&[U], D), Overload(&[D], D)], sqrt),
    global("math.bitAnd", WHOLE_PAIR, |_, arguments| bits(arguments, |a, b| a & b, |a, b| a & b)),
    global("math.bitOr", WHOLE_PAIR, |_, arguments| bits(arguments, |a, b| a | b, |a, b| a | b)),
    global("math.bitXor", WHOLE_PAIR, |_, arguments| bits(arguments, |a, b| a ^ b, |a, b| a ^ b)),
    global("math.bitNot", &[Overload(&[I], I), Overload(&[U], U)], bit_not),
    global("math.bitShiftLeft", SHIFT, |_, arguments| shift(arguments, true)),
    global("math.bitShiftRight", SHIFT, |_, arguments| shift(arguments, false)),
];

fn extreme<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>], wanted: Ordering) -> Outcome<'a> {
    let numbers = match arguments {
        [Value::List(list)] => list.to_vec(),
        numbers => numbers.to_vec(),
    };
    meter.spend(numbers.len())?;
    if !numbers.iter().all(Value::is_number) {
        return no_such_overload();
    }
    let mut numbers = numbers.into_iter();
    let Some(mut best) = numbers.next() else {
        return Err(Failure::plain("the list of numbers must not be empty"));
    };
    for number in numbers {
        if meter.order(&number, &best)? == wanted {
            best = number;
        }
    }
    Ok(best)
}

fn fraction<'a>(arguments: &[Value<'a>], function: fn(f64) -> f64) -> Outcome<'a> {
    let [Value::Double(value)] = arguments else { return no_such_overload() };
    Ok(Value::Double(function(*value)))
}

fn ask<'a>(arguments: &[Value<'a>], function: fn(f64) -> bool) -> Outcome<'a> {
    let [Value::Double(value)] = arguments else { return no_such_overload() };
    Ok(Value::Bool(function(*value)))
}

fn abs<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::Int(value)] => match value.checked_abs() {
            Some(value) => Ok(Value::Int(value)),
            None => Err(Failure::plain("integer overflow")),
        },
        [Value::Uint(value)] => Ok(Value::Uint(*value)),
        [Value::Double(value)] => Ok(Value::Double(value.abs())),
        _ => no_such_overload(),
    }
}

fn sign<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::Int(value)] => Ok(Value::Int(value.signum())),
        [Value::Uint(value)] => Ok(Value::Uint(u64::from(*value > 0))),
        [Value::Double(value)] if *value == 0.0 || value.is_nan() => Ok(Value::Double(*value)),
        [Value::Double(value)] => Ok(Value::Double(value.signum())),
        _ => no_such_overload(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a root is a fraction anyway")]
fn sqrt<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let value = match arguments {
        [Value::Int(value)] => *value as f64,
        [Value::Uint(value)] => *value as f64,
        [Value::Double(value)] => *value,
        _ => return no_such_overload(),
    };
    Ok(Value::Double(value.sqrt()))
}

fn bits<'a>(arguments: &[Value<'a>], int: fn(i64, i64) -> i64, uint: fn(u64, u64) -> u64) -> Outcome<'a> {
    match arguments {
        [Value::Int(left), Value::Int(right)] => Ok(Value::Int(int(*left, *right))),
        [Value::Uint(left), Value::Uint(right)] => Ok(Value::Uint(uint(*left, *right))),
        _ => no_such_overload(),
    }
}

fn bit_not<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::Int(value)] => Ok(Value::Int(!value)),
        [Value::Uint(value)] => Ok(Value::Uint(!value)),
        _ => no_such_overload(),
    }
}

/// Shifts bits; those past the end are lost, and a shift to the right fills
/// with zeros.
fn shift<'a>(arguments: &[Value<'a>], left: bool) -> Outcome<'a> {
    let (value, by) = match arguments {
        [Value::Int(value), Value::Int(by)] => (value.cast_unsigned(), by),
        [Value::Uint(value), Value::Int(by)] => (*value, by),
        _ => return no_such_overload(),
    };
    let by = u32::try_from(*by).ok().or((*by > 0).then_some(64));
    let Some(by) = by else { return Err(Failure::plain("a shift by a negative number")) };
    let shifted = if left { value.checked_shl(by) } else { value.checked_shr(by) }.unwrap_or(0);
    Ok(match arguments[0] {
        Value::Int(_) => Value::Int(shifted.cast_signed()),
        _ => Value::Uint(shifted),
    })
}
