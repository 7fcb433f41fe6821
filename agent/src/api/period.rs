//! A span of time as people write it: `30s`, `5m`, `1h30m`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest text that is read.
const MAX_LENGTH: usize = 32;

/// The same rule as [`Period::from_str`], for the API server.
const PATTERN: &str = "^([0-9]+(ms|s|m|h))+$";

/// A non-negative duration, written with the units `ms`, `s`, `m` and `h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(Duration);

impl Period {
    /// `seconds` seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The duration itself.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl From<Duration> for Period {
    /// Cuts below the millisecond, the smallest unit that can be written.
    fn from(duration: Duration) -> Self {
        Self(Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// Why a text is not a period.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a duration: write numbers with the units ms, s, m or h, for example `90s` or `1h30m`",
    .text.chars().take(MAX_LENGTH).collect::<String>().escape_debug())]
pub struct InvalidPeriod {
    text: String,
}

impl FromStr for Period {
    type Err = InvalidPeriod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map(Self).ok_or_else(|| InvalidPeriod { text: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<Duration> {
    if text.is_empty() || text.len() > MAX_LENGTH {
        return None;
    }
    let mut rest = text;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let unit_end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let millis: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(millis)?)?;
        rest = tail;
    }
    Some(Duration::from_millis(total))
}

impl fmt::Display for Period {
    /// The canonical form: the largest units first, none of them zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, millis) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
            let count = rest / millis;
            if count > 0 {
                write!(f, "{count}{unit}")?;
            }
            rest %= millis;
        }
        Ok(())
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        "Period".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": PATTERN, "maxLength": MAX_LENGTH })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_read_and_printed_in_one_form() {
        for (text, seconds, printed) in [
            ("30s", 30, "30s"),
            ("5m", 300, "5m"),
            ("90m", 5400, "1h30m"),
            ("1h0m10s", 3610, "1h10s"),
            ("0s", 0, "0s"),
        ] {
            let period: Period = text.parse().unwrap();
            assert_eq!((period.get().as_secs(), period.to_string().as_str()), (seconds, printed), "{text}");
        }
        assert_eq!("1500ms".parse::<Period>().unwrap().to_string(), "1s500ms");
    }

    #[test]
    fn what_is_no_duration_is_refused_with_an_example() {
        for text in [
            "",
            "5",
            "m",
            "5d",
            "-5s",
            "1.5s",
            "5 s",
            "5s ",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            let error = text.parse::<Period>().unwrap_err();
            assert!(error.to_string().contains("for example `90s`"), "{text}: {error}");
        }
    }
}
