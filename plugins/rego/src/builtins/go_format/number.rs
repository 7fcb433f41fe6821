//! Numbers with a fraction, as Go writes them. They are not negative.

/// `%g`: scientific where the exponent is small or large.
pub(super) fn general(value: f64, precision: Option<usize>, upper: bool) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "NaN" } else { "+Inf" }.to_owned();
    }
    let negative = value < 0.0;
    let value = value.abs();
    let (digits, exponent) = match precision {
        // The shortest that reads back as the same number.
        None => parts(&format!("{value:e}")),
        Some(precision) => parts(&format!("{value:.*e}", precision.clamp(1, MAX_DIGITS) - 1)),
    };
    let digits = digits.trim_end_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    let length = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let limit = match precision.map(|precision| i32::try_from(precision.max(1)).unwrap_or(i32::MAX)) {
        None => 6,
        Some(precision) if precision > length && length > exponent => length,
        Some(precision) => precision,
    };
    let text = if exponent < -4 || exponent >= limit {
        in_scientific(digits, exponent, upper)
    } else {
        plain(digits, exponent)
    };
    if negative { format!("-{text}") } else { text }
}

/// Beyond these a double has no digits that mean anything.
const MAX_DIGITS: usize = 1_100;

/// `%f`.
pub(super) fn fixed(value: f64, precision: usize) -> String {
    format!("{value:.*}", precision.min(MAX_DIGITS))
}

/// `%e`.
pub(super) fn scientific(value: f64, precision: usize, upper: bool) -> String {
    let (digits, exponent) = parts(&format!("{value:.*e}", precision.min(MAX_DIGITS)));
    in_scientific(&digits, exponent, upper)
}

/// The digits of `1.25e-3`, and its exponent.
fn parts(scientific: &str) -> (String, i32) {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    (mantissa.replace('.', ""), exponent.parse().unwrap_or(0))
}

fn in_scientific(digits: &str, exponent: i32, upper: bool) -> String {
    let (first, rest) = digits.split_at(digits.len().min(1));
    let point = if rest.is_empty() { "" } else { "." };
    let letter = if upper { 'E' } else { 'e' };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{first}{point}{rest}{letter}{sign}{:02}", exponent.unsigned_abs())
}

fn plain(digits: &str, exponent: i32) -> String {
    match usize::try_from(exponent) {
        Ok(exponent) if digits.len() <= exponent + 1 => {
            format!("{digits}{}", "0".repeat(exponent + 1 - digits.len()))
        }
        Ok(exponent) => {
            let (whole, fraction) = digits.split_at(exponent + 1);
            format!("{whole}.{fraction}")
        }
        Err(_) => {
            let zeros = usize::try_from(exponent.unsigned_abs()).unwrap_or(1) - 1;
            format!("0.{}{digits}", "0".repeat(zeros))
        }
    }
}
