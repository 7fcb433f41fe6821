//! `format`: texts with values in them.

use super::{Function, Outcome, Overload, Sig, calendar, durations, member, no_such_overload, strings, text};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::{List, Value};

/// How many decimals may be asked for.
const MAX_PRECISION: usize = 100;
/// How deep lists and maps are written.
const MAX_DEPTH: usize = 32;
const DEFAULT_PRECISION: usize = 6;

pub(super) const FUNCTIONS: &[Function] =
    &[member("format", &[Overload(&[Sig::String, Sig::List(&Sig::Dyn)], Sig::String)], format)];

/// A fraction with as many digits as it takes, with an exponent where it is
/// large or small.
pub(crate) fn general(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..21).contains(&exponent) || (!(-4..6).contains(&exponent) && value != 0.0) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => format!("{value}"),
    }
}

fn format<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(pattern), Value::List(values)] = arguments else { return no_such_overload() };
    text(interpolate(meter, pattern, values)?)
}

fn interpolate(meter: &mut Meter<'_>, pattern: &str, values: &List<'_>) -> Result<String, Failure> {
    let mut out = String::with_capacity(pattern.len());
    let mut used = 0;
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let value = values.get(used).ok_or_else(|| {
            Failure::showing(format!("index {used} out of range"), "there are too few values to format")
        })?;
        used += 1;
        let (precision, after) = precision(after)?;
        let Some(clause) = after.chars().next() else {
            return Err(Failure::plain("unexpected end of string"));
        };
        rest = &after[clause.len_utf8()..];
        write(meter, &value, clause, precision, &mut out)?;
    }
    out.push_str(rest);
    meter.read(&out)?;
    Ok(out)
}

/// The precision at the start of a clause, `.2`.
fn precision(clause: &str) -> Result<(usize, &str), Failure> {
    let Some(rest) = clause.strip_prefix('.') else { return Ok((DEFAULT_PRECISION, clause)) };
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = rest.split_at(length);
    match digits.parse() {
        Ok(precision) if precision <= MAX_PRECISION => Ok((precision, rest)),
        _ => Err(Failure::plain("a precision of `format` is a number up to 100")),
    }
}

fn write(
    meter: &mut Meter<'_>,
    value: &Value<'_>,
    clause: char,
    precision: usize,
    out: &mut String,
) -> Result<(), Failure> {
    let given = value.type_name();
    let refused = |what: &str| {
        let text = format!("error during formatting: {what}, was given {given}");
        Err(Failure::showing(text, "a value has a type that can't be formatted so"))
    };
    let written = match (clause, value) {
        ('s', _) => return write_text(meter, value, false, 0, out),
        ('d', Value::Int(value)) => value.to_string(),
        ('d', Value::Uint(value)) => value.to_string(),
        ('d', _) => return refused("decimal clause can only be used on integers"),
        ('b', Value::Int(value)) => radix(*value, |size| format!("{size:b}")),
        ('b', Value::Uint(value)) => format!("{value:b}"),
        ('b', Value::Bool(value)) => u8::from(*value).to_string(),
        ('b', _) => return refused("only integers and bools can be formatted as binary"),
        ('o', Value::Int(value)) => radix(*value, |size| format!("{size:o}")),
        ('o', Value::Uint(value)) => format!("{value:o}"),
        ('o', _) => return refused("octal clause can only be used on integers"),
        ('x', Value::Int(value)) => radix(*value, |size| format!("{size:x}")),
        ('X', Value::Int(value)) => radix(*value, |size| format!("{size:X}")),
        ('x', Value::Uint(value)) => format!("{value:x}"),
        ('X', Value::Uint(value)) => format!("{value:X}"),
        ('x' | 'X', Value::String(text)) => hex(text.as_bytes(), clause == 'X'),
        ('x' | 'X', Value::Bytes(bytes)) => hex(bytes, clause == 'X'),
        ('x' | 'X', _) => {
            return refused("only integers, byte buffers, and strings can be formatted as hex");
        }
        ('f', value) => match fraction(value) {
            Some(value) => fixed(value, precision),
            None => return refused("fixed-point clause can only be used on doubles"),
        },
        ('e', value) => match fraction(value) {
            Some(value) => scientific(value, precision),
            None => return refused("scientific clause can only be used on doubles"),
        },
        _ => {
            let text =
                format!("could not parse formatting clause: unrecognized formatting clause \"{clause}\"");
            return Err(Failure::showing(text, "a clause of `format` is unknown"));
        }
    };
    out.push_str(&written);
    Ok(())
}

fn fraction(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Double(value) => Some(*value),
        Value::String(text) => match &**text {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// The sign stands before the digits.
fn radix(value: i64, digits: impl Fn(u64) -> String) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}", digits(value.unsigned_abs()))
}

fn hex(bytes: &[u8], upper: bool) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    let text: String = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    if upper { text.to_ascii_uppercase() } else { text }
}

fn unusual(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value.is_infinite() {
        Some(if value > 0.0 { "\u{221e}" } else { "-\u{221e}" })
    } else {
        None
    }
}

/// With a comma after each three digits, as people write it in English.
fn fixed(value: f64, precision: usize) -> String {
    if let Some(text) = unusual(value) {
        return text.to_owned();
    }
    let text = format!("{:.precision$}", value.abs());
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::from(if value.is_sign_negative() { "-" } else { "" });
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !decimals.is_empty() {
        out.push('.');
        out.push_str(decimals);
    }
    out
}

/// Always with six decimals: what is asked for is how wide it is, at least.
fn scientific(value: f64, width: usize) -> String {
    if let Some(text) = unusual(value) {
        return text.to_owned();
    }
    let text = format!("{value:.DEFAULT_PRECISION$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let raised = |digit: char| match digit {
        '-' => '\u{207b}',
        '1' => '\u{b9}',
        '2' => '\u{b2}',
        '3' => '\u{b3}',
        digit => char::from_u32(0x2070 + digit.to_digit(10).unwrap_or(0)).unwrap_or(digit),
    };
    let (sign, number) = exponent.strip_prefix('-').map_or(("", exponent), |number| ("-", number));
    let padded = format!("{sign}{number:0>2}");
    let text = format!("{digits}\u{d7}10{}", padded.chars().map(raised).collect::<String>());
    format!("{text:>width$}")
}

/// Without the commas.
fn fixed_plain(value: f64) -> String {
    format!("{value:.DEFAULT_PRECISION$}")
}

/// A value as text: inside of a list or a map, as it would stand in an
/// expression.
fn write_text(
    meter: &mut Meter<'_>,
    value: &Value<'_>,
    inside: bool,
    depth: usize,
    out: &mut String,
) -> Result<(), Failure> {
    meter.spend(1)?;
    if depth > MAX_DEPTH {
        return Err(Failure::plain("a value nests deeper than the 32 levels that `format` writes"));
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) => out.push_str(&value.to_string()),
        Value::Uint(value) => out.push_str(&value.to_string()),
        Value::Double(value) if inside => match unusual(*value) {
            Some(_) => out.push_str(&strings::quote(&general(*value))),
            None => out.push_str(&fixed_plain(*value)),
        },
        Value::Double(value) => out.push_str(&general(*value)),
        Value::String(text) => {
            meter.read(text)?;
            if inside {
                out.push_str(&strings::quote(text));
            } else {
                out.push_str(text);
            }
        }
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if inside => {
                out.push('b');
                out.push_str(&strings::quote(text));
            }
            Ok(text) => out.push_str(text),
            Err(_) => return Err(Failure::plain("invalid UTF-8 in bytes, cannot convert to string")),
        },
        Value::Type(name) => out.push_str(name),
        Value::Duration(span) => wrapped("duration", &durations::format(*span), inside, out),
        Value::Timestamp(time) => wrapped("timestamp", &calendar::format(*time), inside, out),
        Value::List(list) => {
            out.push('[');
            for (index, element) in list.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_text(meter, &element, true, depth + 1, out)?;
            }
            out.push(']');
        }
        Value::Map(map) => {
            let mut entries = Vec::with_capacity(map.len());
            for (key, value) in map.iter() {
                let (mut left, mut right) = (String::new(), String::new());
                write_text(meter, &key, true, depth + 1, &mut left)?;
                write_text(meter, &value, true, depth + 1, &mut right)?;
                entries.push(format!("{left}:{right}"));
            }
            entries.sort();
            out.push('{');
            out.push_str(&entries.join(", "));
            out.push('}');
        }
        Value::Optional(_) | Value::Opaque(_) => {
            let text = format!(
                "error during formatting: string clause can only be used on strings, bools, bytes, ints, \
                 doubles, maps, lists, types, durations, and timestamps, was given {}",
                value.type_name()
            );
            return Err(Failure::showing(text, "a value has a type that can't be formatted so"));
        }
    }
    Ok(())
}

fn wrapped(function: &str, text: &str, inside: bool, out: &mut String) {
    if inside {
        out.push_str(function);
        out.push('(');
        out.push_str(&strings::quote(text));
        out.push(')');
    } else {
        out.push_str(text);
    }
}
