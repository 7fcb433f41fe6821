//! What a scalar means: YAML 1.1 as Kubernetes' own tools resolve it, so `on`
//! is true, `0644` is 420, and a date stays text.

use serde_json::{Number, Value};

/// Resolves a plain scalar without a tag.
pub(crate) fn plain(text: &str) -> Result<Value, String> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Ok(true.into());
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Ok(false.into());
        }
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf"
        | "-.Inf" | "-.INF" => {
            return Err(format!("`{text}` is a number that JSON has not; quote it if it is text"));
        }
        _ => {}
    }
    let number = match text.as_bytes()[0] {
        b'.' => float(text),
        b'0'..=b'9' | b'+' | b'-' => {
            let digits = text.replace('_', "");
            integer(&digits).or_else(|| looks_like_float(&digits).then(|| float(&digits)).flatten())
        }
        _ => None,
    };
    Ok(number.map_or_else(|| Value::String(text.to_owned()), Value::Number))
}

/// Resolves a scalar with one of YAML's own tags (`int` for `!!int`).
pub(crate) fn tagged(tag: &str, text: &str) -> Result<Value, String> {
    if matches!(tag, "str" | "timestamp") {
        return Ok(text.into());
    }
    if tag == "binary" {
        return Err("the tag `!!binary` is not supported; use the `data` of a Secret or ConfigMap".to_owned());
    }
    let value = plain(text)?;
    let fits = match (tag, &value) {
        ("int", Value::Number(number)) => !number.is_f64(),
        ("float", Value::Number(_)) | ("bool", Value::Bool(_)) | ("null", Value::Null) => true,
        _ => false,
    };
    if fits { Ok(value) } else { Err(format!("`{text}` is not a `!!{tag}`")) }
}

/// Whole numbers with Go's prefixes: `0x`, `0o`, `0b`, and `0` for octal.
fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    // `from_str_radix` takes a sign of its own.
    if !digits.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative { 0i64.checked_sub_unsigned(magnitude).map(Number::from) } else { Some(magnitude.into()) }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn looks_like_float(text: &str) -> bool {
    let unsigned = |text: &str| text.strip_prefix(['-', '+']).map(ToOwned::to_owned);
    let text = unsigned(text).unwrap_or_else(|| text.to_owned());
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text.as_str(), None),
    };
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && digits(fraction),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = unsigned(exponent).unwrap_or_else(|| exponent.to_owned());
        !exponent.is_empty() && digits(&exponent)
    });
    mantissa_fits && exponent_fits
}

/// A float, as a whole number where it is one: Go writes `1e3` into JSON as
/// `1000`, and a whole field accepts it. Out of range is text, as in Go.
fn float(text: &str) -> Option<Number> {
    /// Every whole number up to here is exact in a float.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let value: f64 = text.parse().ok()?;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole, and within the exact range")]
        return Some(Number::from(value as i64));
    }
    Number::from_f64(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_scalars_mean_what_kubernetes_reads() {
        for (text, value) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("NULL", json!(null)),
            ("nUll", json!("nUll")),
            ("y", json!(true)),
            ("Yes", json!(true)),
            ("yEs", json!("yEs")),
            ("on", json!(true)),
            ("N", json!(false)),
            ("off", json!(false)),
            ("0", json!(0)),
            ("-0", json!(0)),
            ("8080", json!(8080)),
            ("+1", json!(1)),
            ("0644", json!(420)),
            ("0o644", json!(420)),
            ("0x1F", json!(31)),
            ("-0x10", json!(-16)),
            ("0b101", json!(5)),
            ("08", json!(8)),
            ("1_000", json!(1000)),
            ("_1", json!("_1")),
            ("9007199254740993", json!(9_007_199_254_740_993_i64)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("18446744073709551615", json!(u64::MAX)),
            ("1.5", json!(1.5)),
            (".5", json!(0.5)),
            ("1e3", json!(1000)),
            ("1.0", json!(1)),
            ("1e400", json!("1e400")),
            ("1.2.3", json!("1.2.3")),
            ("-", json!("-")),
            ("--1", json!("--1")),
            ("+-1", json!("+-1")),
            ("0x", json!("0x")),
            ("1e", json!("1e")),
            ("12:30:45", json!("12:30:45")),
            ("2001-12-14", json!("2001-12-14")),
            ("500m", json!("500m")),
            ("infinity", json!("infinity")),
            ("é", json!("é")),
        ] {
            assert_eq!(plain(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn a_number_that_json_has_not_is_an_error() {
        assert!(plain(".inf").is_err());
        assert!(plain("-.Inf").is_err());
        assert!(plain(".NaN").is_err());
    }

    #[test]
    fn a_tag_decides_or_refuses() {
        assert_eq!(tagged("str", "yes"), Ok(json!("yes")));
        assert_eq!(tagged("int", "0x10"), Ok(json!(16)));
        assert_eq!(tagged("float", "3"), Ok(json!(3)));
        assert_eq!(tagged("int", "x").unwrap_err(), "`x` is not a `!!int`");
        assert_eq!(tagged("bool", "1").unwrap_err(), "`1` is not a `!!bool`");
    }
}
