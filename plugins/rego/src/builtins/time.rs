//! Points in time and durations as numbers of nanoseconds. What they are
//! compared with stands in the object or in the parameters: there is no clock.

use regorus::Value;

const SECOND: i128 = 1_000_000_000;

/// `time.parse_duration_ns("1h30m")`.
pub(super) fn parse_duration(arguments: &[Value]) -> Option<Value> {
    let Value::String(text) = arguments.first()? else { return None };
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, &text[..]),
    };
    let mut total: i128 = 0;
    if rest != "0" {
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let (part, after) = duration_part(rest)?;
            total = total.checked_add(part)?;
            rest = after;
        }
    }
    let total = i64::try_from(if negative { -total } else { total }).ok()?;
    Some(total.into())
}

/// A number with its unit, in nanoseconds, and what follows.
fn duration_part(text: &str) -> Option<(i128, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
    let (number, rest) = text.split_at(end);
    let (unit, rest) =
        ["ns", "us", "µs", "μs", "ms", "s", "m", "h", "d", "w", "y"].iter().find_map(|unit| {
            rest.strip_prefix(unit).filter(|after| ends_unit(after)).map(|after| (*unit, after))
        })?;
    let scale: i128 = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3_600 * SECOND,
        // OPA's own, beyond Go's.
        "d" => 86_400 * SECOND,
        "w" => 7 * 86_400 * SECOND,
        _ => 365 * 86_400 * SECOND,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') || number.len() > 30 {
        return None;
    }
    let digits = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<i128>().ok() };
    let mut total = digits(whole)?.checked_mul(scale)?;
    let mut place = scale;
    for digit in fraction.bytes() {
        place /= 10;
        total = total.checked_add(i128::from(digit - b'0').checked_mul(place)?)?;
    }
    Some((total, rest))
}

/// Whether a unit ends before `after`: `m` does not, in `ms`.
fn ends_unit(after: &str) -> bool {
    after.is_empty() || after.starts_with(|letter: char| letter.is_ascii_digit() || letter == '.')
}

/// `time.parse_rfc3339_ns("2026-01-31T12:00:00Z")`.
pub(super) fn parse_rfc3339(arguments: &[Value]) -> Option<Value> {
    let Value::String(text) = arguments.first()? else { return None };
    i64::try_from(nanoseconds(text.as_bytes())?).ok().map(Value::from)
}

fn nanoseconds(text: &[u8]) -> Option<i128> {
    let year = number(text.get(..4)?)?;
    let month = number(text.get(5..7)?)?;
    let day = number(text.get(8..10)?)?;
    let hour = number(text.get(11..13)?)?;
    let minute = number(text.get(14..16)?)?;
    let second = number(text.get(17..19)?)?;
    let separators = [text[4], text[7], text[10], text[13], text[16]];
    if separators != *b"--T::" || !(1..=12).contains(&month) || day < 1 || day > days_of(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut rest = text.get(19..)?;
    let mut fraction = 0;
    if let Some(digits) = rest.strip_prefix(b".") {
        let length = digits.iter().take_while(|digit| digit.is_ascii_digit()).count();
        if length == 0 {
            return None;
        }
        let mut place = SECOND;
        for digit in &digits[..length] {
            place /= 10;
            fraction += i128::from(digit - b'0') * place;
        }
        rest = &digits[length..];
    }
    let offset = match rest {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), hours @ .., b':', tens, ones] if hours.len() == 2 => {
            let (hours, minutes) = (number(hours)?, number(&[*tens, *ones])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = hours * 3_600 + minutes * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
        _ => return None,
    };
    let seconds = days_since_epoch(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset;
    Some(seconds * SECOND + fraction)
}

fn number(digits: &[u8]) -> Option<i128> {
    digits
        .iter()
        .try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i128::from(digit - b'0')))
}

fn is_leap(year: i128) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i128, month: i128) -> i128 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// The days from 1970-01-01, by the Gregorian calendar.
fn days_since_epoch(year: i128, month: i128, day: i128) -> i128 {
    let before = year - 1;
    let leaps = |year: i128| year / 4 - year / 100 + year / 400;
    let of_years = (year - 1970) * 365 + leaps(before) - leaps(1969);
    of_years + (1..month).map(|month| days_of(year, month)).sum::<i128>() + day - 1
}
