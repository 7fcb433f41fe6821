//! Quantities of Kubernetes: `100m`, `1.5Gi`. Exact, in billionths.

use std::cmp::Ordering;

use super::{Function, Opaque, Outcome, Overload, Sig, global, member, no_such_overload, opaque};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::Value;

/// A quantity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantity {
    billionths: i128,
    /// Whether Kubernetes holds it as a whole number, which depends on how it
    /// is written too: `2000m` is none.
    whole: bool,
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.billionths == other.billionths
    }
}

const UNIT: i128 = 1_000_000_000;
/// What binary quantities are cut down to.
const MOST: i128 = i64::MAX as i128 * UNIT;

const Q: Sig = Sig::Quantity;
const COMPARE: &[Overload] = &[Overload(&[Q, Q], Sig::Bool)];
const ARITHMETIC: &[Overload] = &[Overload(&[Q, Q], Q), Overload(&[Q, Sig::Int], Q)];
const SIGN: &[Overload] = &[Overload(&[Q], Sig::Int)];

pub(super) const FUNCTIONS: &[Function] = &[
    global("quantity", &[Overload(&[Sig::String], Q)], quantity),
    global("isQuantity", &[Overload(&[Sig::String], Sig::Bool)], is_quantity),
    global("sign", SIGN, sign),
    member("sign", SIGN, sign),
    member("isGreaterThan", COMPARE, |_, arguments| compare(arguments, |order| Value::Bool(order.is_gt()))),
    member("isLessThan", COMPARE, |_, arguments| compare(arguments, |order| Value::Bool(order.is_lt()))),
    member("compareTo", &[Overload(&[Q, Q], Sig::Int)], |_, arguments| {
        compare(arguments, |order| Value::Int(order as i64))
    }),
    member("asApproximateFloat", &[Overload(&[Q], Sig::Double)], approximate),
    member("asInteger", &[Overload(&[Q], Sig::Int)], integer),
    member("isInteger", &[Overload(&[Q], Sig::Bool)], is_integer),
    member("add", ARITHMETIC, |_, arguments| combine(arguments, i128::checked_add)),
    member("sub", ARITHMETIC, |_, arguments| combine(arguments, i128::checked_sub)),
];

/// What a suffix multiplies with: a power of ten, or of two.
enum Scale {
    Ten(i32),
    Two(u32),
}

fn scale(suffix: &str) -> Option<Scale> {
    Some(match suffix {
        "n" => Scale::Ten(-9),
        "u" => Scale::Ten(-6),
        "m" => Scale::Ten(-3),
        "" => Scale::Ten(0),
        "k" => Scale::Ten(3),
        "M" => Scale::Ten(6),
        "G" => Scale::Ten(9),
        "T" => Scale::Ten(12),
        "P" => Scale::Ten(15),
        "E" => Scale::Ten(18),
        "Ki" => Scale::Two(10),
        "Mi" => Scale::Two(20),
        "Gi" => Scale::Two(30),
        "Ti" => Scale::Two(40),
        "Pi" => Scale::Two(50),
        "Ei" => Scale::Two(60),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            let number: i32 = exponent.parse().ok()?;
            Scale::Ten(number)
        }
    })
}

/// What a text says, rounded up to a billionth, away from zero.
fn parse(text: &str) -> Option<Quantity> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = rest.find(|letter: char| letter != '.' && !letter.is_ascii_digit()).unwrap_or(rest.len());
    let (number, suffix) = rest.split_at(end);
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    // A number without digits is nothing, as Kubernetes reads it.
    if text.is_empty() || decimals.contains('.') {
        return None;
    }
    let scale = scale(suffix)?;
    let written = i32::try_from(whole.len() + decimals.len()).ok()?;
    let is_whole = decimals.is_empty()
        && match scale {
            Scale::Ten(exponent) => exponent >= 0 && written <= 18,
            // About as many digits as a power of two has.
            Scale::Two(exponent) => 14 - written - i32::try_from(exponent).ok()? * 3 / 10 >= 0,
        };
    let digits = format!("{whole}{decimals}");
    let digits = digits.trim_start_matches('0');
    // More than a hundred million times the largest that a cluster has.
    let mantissa: i128 = match digits.len() {
        0 => 0,
        1..=38 => digits.parse().ok()?,
        _ => i128::MAX,
    };
    let decimals = i32::try_from(decimals.len()).ok()?;
    let billionths = match scale {
        Scale::Ten(exponent) => shift(mantissa, exponent.saturating_add(9).saturating_sub(decimals)),
        Scale::Two(exponent) => shift(mantissa.saturating_mul(1 << exponent), 9 - decimals).min(MOST),
    };
    Some(Quantity { billionths: if negative { -billionths } else { billionths }, whole: is_whole })
}

/// Whether a text is a number with what could be a suffix.
fn has_suffix(text: &str) -> bool {
    let rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    let suffix = rest.trim_start_matches(|letter: char| letter == '.' || letter.is_ascii_digit());
    let known = |letter: char| "eEinumkKMGTP".contains(letter);
    suffix.len() < rest.len() && !suffix.is_empty() && suffix.chars().all(known)
}

/// A number times a power of ten, rounded up, and as large as can be where it
/// is larger.
fn shift(number: i128, exponent: i32) -> i128 {
    if number == 0 {
        return 0;
    }
    match 10_i128.checked_pow(exponent.unsigned_abs()) {
        Some(power) if exponent >= 0 => number.saturating_mul(power),
        Some(power) => number.div_euclid(power) + i128::from(number.rem_euclid(power) > 0),
        None if exponent >= 0 => i128::MAX,
        None => 1,
    }
}

fn quantity<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = arguments else { return no_such_overload() };
    match parse(text) {
        Some(quantity) => opaque(Opaque::Quantity(quantity)),
        None if has_suffix(text) => Err(Failure::plain("unable to parse quantity's suffix")),
        None => Err(Failure::plain(
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        )),
    }
}

fn is_quantity<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = arguments else { return no_such_overload() };
    Ok(Value::Bool(parse(text).is_some()))
}

fn of(value: &Value<'_>) -> Option<Quantity> {
    match value {
        Value::Opaque(value) => match **value {
            Opaque::Quantity(quantity) => Some(quantity),
            _ => None,
        },
        _ => None,
    }
}

fn one(arguments: &[Value<'_>]) -> Result<Quantity, Failure> {
    arguments.first().and_then(of).ok_or_else(Failure::no_such_overload)
}

fn compare<'a>(arguments: &[Value<'a>], result: fn(Ordering) -> Value<'a>) -> Outcome<'a> {
    let other = arguments.get(1).and_then(of).ok_or_else(Failure::no_such_overload)?;
    Ok(result(one(arguments)?.billionths.cmp(&other.billionths)))
}

fn sign<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    Ok(Value::Int(one(arguments)?.billionths.cmp(&0) as i64))
}

#[expect(clippy::cast_precision_loss, reason = "it is called approximate")]
fn approximate<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let value = one(arguments)?.billionths;
    Ok(Value::Double(if value % UNIT == 0 { (value / UNIT) as f64 } else { value as f64 / 1e9 }))
}

fn whole(quantity: Quantity) -> Option<i64> {
    quantity.whole.then(|| i64::try_from(quantity.billionths / UNIT).ok())?
}

fn integer<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match whole(one(arguments)?) {
        Some(value) => Ok(Value::Int(value)),
        None => Err(Failure::plain("cannot convert value to integer")),
    }
}

fn is_integer<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    Ok(Value::Bool(whole(one(arguments)?).is_some()))
}

fn combine<'a>(arguments: &[Value<'a>], operation: fn(i128, i128) -> Option<i128>) -> Outcome<'a> {
    let left = one(arguments)?;
    let right = match arguments.get(1) {
        Some(Value::Int(value)) => Quantity { billionths: i128::from(*value) * UNIT, whole: true },
        Some(value) => of(value).ok_or_else(Failure::no_such_overload)?,
        None => return no_such_overload(),
    };
    // Nothing leaves the other as it is.
    let whole = match (left.billionths, right.billionths) {
        (_, 0) => left.whole,
        (0, _) => right.whole,
        _ => left.whole && right.whole,
    };
    match operation(left.billionths, right.billionths) {
        Some(billionths) => opaque(Opaque::Quantity(Quantity { billionths, whole })),
        None => Err(Failure::plain("a quantity grows too large")),
    }
}
