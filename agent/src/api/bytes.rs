//! An amount of memory as Kubernetes writes it: `64Mi`, `1G`, `4096`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The same rule as [`ByteSize::from_str`], for the API server.
const PATTERN: &str = "^[0-9]{1,15}(Ki|Mi|Gi|k|M|G)?$";

const UNITS: [(&str, u64); 6] =
    [("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10), ("G", 1_000_000_000), ("M", 1_000_000), ("k", 1_000)];

/// A number of bytes, written as a whole number with an optional unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

impl ByteSize {
    /// The number of bytes.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl From<u64> for ByteSize {
    fn from(bytes: u64) -> Self {
        Self(bytes)
    }
}

/// Why a text is not an amount of memory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a size: write a whole number with one of the units Ki, Mi, Gi, k, M or G, for example `64Mi`",
    .text.chars().take(32).collect::<String>().escape_debug())]
pub struct InvalidByteSize {
    text: String,
}

impl FromStr for ByteSize {
    type Err = InvalidByteSize;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map(Self).ok_or_else(|| InvalidByteSize { text: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<u64> {
    let (number, factor) = UNITS
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))
        .unwrap_or((text, 1));
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    if digits { number.parse::<u64>().ok()?.checked_mul(factor) } else { None }
}

impl fmt::Display for ByteSize {
    /// The largest binary unit that divides the number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS[..3].iter().find(|(_, factor)| self.0 > 0 && self.0.is_multiple_of(*factor)) {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{}", self.0),
        }
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": PATTERN, "maxLength": 20 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units_and_printed_in_binary_ones() {
        for (text, bytes, printed) in [
            ("4096", 4096, "4Ki"),
            ("64Mi", 64 << 20, "64Mi"),
            ("1G", 1_000_000_000, "1000000000"),
            ("0", 0, "0"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!((size.get(), size.to_string().as_str()), (bytes, printed), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused_with_an_example() {
        for text in ["", "Mi", "-1", "1.5Gi", "64MB", "64 Mi", "+1", "99999999999999999Gi"] {
            assert!(text.parse::<ByteSize>().unwrap_err().to_string().contains("`64Mi`"), "{text}");
        }
    }
}
