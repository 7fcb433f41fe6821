//! How spans of time are written: `1h30m`, `1.5s`.

/// Nanoseconds of each unit.
const UNITS: [(&str, i128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Nanoseconds of a written duration.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_i128;
    while !rest.is_empty() {
        let whole_digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (whole, after) = rest.split_at(whole_digits);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => after.split_at(after.bytes().take_while(u8::is_ascii_digit).count()),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let letters =
            after.find(|letter: char| letter == '.' || letter.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
        // Longer numbers than these are out of range, or make no difference.
        let whole: i128 =
            if whole.is_empty() { 0 } else { whole.get(..whole.len().min(20))?.parse().ok()? };
        total = total.checked_add(whole.checked_mul(*scale)?)?;
        total = total.checked_add(fraction_of(fraction, *scale))?;
        rest = after;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

/// The part of a unit that its decimals say, cut off.
fn fraction_of(decimals: &str, scale: i128) -> i128 {
    let mut numerator = 0_i128;
    let mut denominator = 1_i128;
    for digit in decimals.bytes().take(18) {
        numerator = numerator * 10 + i128::from(digit - b'0');
        denominator *= 10;
    }
    numerator * scale / denominator
}

/// A duration in seconds, as CEL writes it: `5400s`, `1.5s`.
#[expect(clippy::cast_precision_loss, reason = "it is written as a fraction of seconds, with its precision")]
pub(super) fn format(nanoseconds: i64) -> String {
    let (seconds, rest) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    format!("{}s", seconds as f64 + rest as f64 / 1e9)
}
