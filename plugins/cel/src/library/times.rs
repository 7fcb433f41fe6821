//! Timestamps and durations: how they are made, and their parts. There is no
//! clock, and no table of time zones: a zone is `UTC` or an offset.

use super::calendar::{self, Date, FIRST, LAST};
use super::{Function, Outcome, Overload, Sig, durations, global, member, no_such_overload};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::{Timestamp, Value};

const T: Sig = Sig::Timestamp;
const I: Sig = Sig::Int;
const PART: &[Overload] = &[Overload(&[T], I), Overload(&[T, Sig::String], I)];
const PART_OR_LENGTH: &[Overload] =
    &[Overload(&[T], I), Overload(&[T, Sig::String], I), Overload(&[Sig::Duration], I)];

pub(super) const FUNCTIONS: &[Function] = &[
    global(
        "duration",
        &[Overload(&[Sig::String], Sig::Duration), Overload(&[Sig::Duration], Sig::Duration)],
        duration,
    ),
    global("timestamp", &[Overload(&[Sig::String], T), Overload(&[I], T), Overload(&[T], T)], timestamp),
    member("getFullYear", PART, |_, arguments| part(arguments, |date, _| date.year)),
    member("getMonth", PART, |_, arguments| part(arguments, |date, _| date.month - 1)),
    member("getDate", PART, |_, arguments| part(arguments, |date, _| date.day)),
    member("getDayOfMonth", PART, |_, arguments| part(arguments, |date, _| date.day - 1)),
    member("getDayOfWeek", PART, |_, arguments| part(arguments, |date, _| date.weekday)),
    member("getDayOfYear", PART, |_, arguments| part(arguments, |date, _| date.day_of_year)),
    member("getHours", PART_OR_LENGTH, |_, arguments| {
        length(arguments, 3_600_000_000_000).map_or_else(|| part(arguments, |date, _| date.hour), Ok)
    }),
    member("getMinutes", PART_OR_LENGTH, |_, arguments| {
        length(arguments, 60_000_000_000).map_or_else(|| part(arguments, |date, _| date.minute), Ok)
    }),
    member("getSeconds", PART_OR_LENGTH, |_, arguments| {
        length(arguments, 1_000_000_000).map_or_else(|| part(arguments, |date, _| date.second), Ok)
    }),
    member("getMilliseconds", PART_OR_LENGTH, |_, arguments| {
        length(arguments, 1_000_000)
            .map_or_else(|| part(arguments, |_, time| i64::from(time.nanos / 1_000_000)), Ok)
    }),
];

fn duration<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::Duration(span)] => Ok(Value::Duration(*span)),
        [Value::String(text)] => match durations::parse(text) {
            Some(span) => Ok(Value::Duration(span)),
            None => Err(Failure::plain("type conversion error from 'string' to 'google.protobuf.Duration'")),
        },
        _ => no_such_overload(),
    }
}

fn timestamp<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let time = match arguments {
        [Value::Timestamp(time)] => *time,
        [Value::Int(seconds)] => Timestamp { seconds: *seconds, nanos: 0 },
        [Value::String(text)] => calendar::parse(text).ok_or_else(|| {
            Failure::plain("type conversion error from 'string' to 'google.protobuf.Timestamp'")
        })?,
        _ => return no_such_overload(),
    };
    within(time).map(Value::Timestamp)
}

/// A timestamp, unless it is before the year 1 or after 9999.
pub(crate) fn within(time: Timestamp) -> Result<Timestamp, Failure> {
    if (FIRST..=LAST).contains(&time.seconds) { Ok(time) } else { Err(Failure::plain("timestamp overflow")) }
}

/// How many units a duration has.
fn length<'a>(arguments: &[Value<'a>], unit: i64) -> Option<Value<'a>> {
    match arguments {
        [Value::Duration(span)] => Some(Value::Int(span / unit)),
        _ => None,
    }
}

fn part<'a>(arguments: &[Value<'a>], of: fn(&Date, &Timestamp) -> i64) -> Outcome<'a> {
    let (time, offset) = match arguments {
        [Value::Timestamp(time)] => (time, 0),
        [Value::Timestamp(time), Value::String(zone)] => (time, offset(zone)?),
        _ => return no_such_overload(),
    };
    Ok(Value::Int(of(&Date::of(time.seconds + offset), time)))
}

/// Seconds east of UTC.
fn offset(zone: &str) -> Result<i64, Failure> {
    let unknown = || Failure::showing(format!("unknown time zone {zone}"), "unknown time zone");
    if matches!(zone, "" | "UTC" | "Etc/UTC" | "GMT" | "Z") {
        return Ok(0);
    }
    let (hours, minutes) = zone.split_once(':').ok_or_else(unknown)?;
    let negative = hours.starts_with('-');
    let digits = hours.strip_prefix(['+', '-']).unwrap_or(hours);
    let number = |text: &str, most: i64| {
        let fits = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| text.parse::<i64>().ok()).flatten().filter(|number| *number <= most).ok_or_else(unknown)
    };
    let seconds = number(digits, 23)? * 3600 + number(minutes, 59)? * 60;
    Ok(if negative { -seconds } else { seconds })
}
