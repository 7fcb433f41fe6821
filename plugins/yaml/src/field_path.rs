//! Paths to fields, written as Kustomize's `replacements` write them.
//!
//! Parts are separated by dots, `\.` stands for a dot in a key, a number for a
//! place in a list, and `[key=value]` for the items of a list that have this
//! field.

use std::str::FromStr;

use serde_json::{Map, Value};

/// The most parts of a path.
const MAX_PARTS: usize = 64;

/// The fields that say which object it is.
const IDENTITY: [&[&str]; 4] =
    [&["apiVersion"], &["kind"], &["metadata", "name"], &["metadata", "namespace"]];

/// A path to one or more fields.
pub(crate) struct FieldPath(Vec<Part>);

enum Part {
    /// A key, or a place in a list.
    Key(String),
    /// The items of a list in which this field has this text.
    Items(String, String),
}

/// Why nothing was put anywhere.
pub(crate) enum Missing {
    /// The field decides which object it is.
    Identity,
    /// The object lacks what is at this path.
    Field(String),
}

impl FromStr for FieldPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (part, after) = if let Some(inside) = rest.strip_prefix('[') {
                let (selector, after) = inside.split_once(']').ok_or("has a `[` without its `]`")?;
                let (key, value) = selector.split_once('=').ok_or("has no `=` between `[` and `]`")?;
                (Part::Items(key.to_owned(), value.to_owned()), after)
            } else {
                let (key, after) = key(rest);
                (Part::Key(key), after)
            };
            if matches!(&part, Part::Key(key) if key.is_empty()) {
                return Err("has an empty part".to_owned());
            }
            parts.push(part);
            rest = match after.strip_prefix('.') {
                Some("") => return Err("ends with a dot".to_owned()),
                Some(more) => more,
                None if after.is_empty() || after.starts_with('[') => after,
                None => return Err("has no dot after a `]`".to_owned()),
            };
        }
        match parts.len() {
            0 => Err("is empty".to_owned()),
            1..=MAX_PARTS => Ok(Self(parts)),
            _ => Err(format!("has more than {MAX_PARTS} parts")),
        }
    }
}

/// The key at the start, and what comes after it.
fn key(text: &str) -> (String, &str) {
    let mut key = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' if text[at + 1..].starts_with('.') => {
                key.push('.');
                characters.next();
            }
            '.' | '[' => return (key, &text[at..]),
            other => key.push(other),
        }
    }
    (key, "")
}

impl FieldPath {
    /// The one value at the path.
    pub(crate) fn find<'a>(&self, values: &'a Map<String, Value>) -> Option<&'a Value> {
        let mut parts = self.0.iter();
        let Some(Part::Key(first)) = parts.next() else { return None };
        parts.try_fold(values.get(first)?, |value, part| match (part, value) {
            (Part::Key(key), Value::Object(map)) => map.get(key),
            (Part::Key(key), Value::Array(items)) => items.get(key.parse::<usize>().ok()?),
            (Part::Items(key, wanted), Value::Array(items)) => {
                items.iter().find(|item| has(item, key, wanted))
            }
            _ => None,
        })
    }

    /// Puts a value at every place of the path.
    pub(crate) fn put(&self, object: &mut Value, value: &Value, create: bool) -> Result<(), Missing> {
        let keys: Vec<&str> =
            self.0.iter().map(|part| if let Part::Key(key) = part { key.as_str() } else { "" }).collect();
        if IDENTITY.iter().any(|identity| identity.starts_with(&keys)) {
            return Err(Missing::Identity);
        }
        put(object, &self.0, value, create, &mut String::new())
    }
}

fn put(
    target: &mut Value,
    parts: &[Part],
    value: &Value,
    create: bool,
    walked: &mut String,
) -> Result<(), Missing> {
    let Some((part, rest)) = parts.split_first() else {
        *target = value.clone();
        return Ok(());
    };
    if !walked.is_empty() {
        walked.push('.');
    }
    match part {
        Part::Key(key) => walked.push_str(&key.replace('.', "\\.")),
        Part::Items(key, wanted) => walked.extend(["[", key, "=", wanted, "]"]),
    }
    let missing = |walked: &String| Missing::Field(walked.clone());
    if create && target.is_null() && matches!(part, Part::Key(_)) {
        *target = Value::Object(Map::new());
    }
    match (part, target) {
        (Part::Key(key), Value::Object(map)) => {
            let field = if create {
                map.entry(key).or_insert(Value::Null)
            } else {
                map.get_mut(key).ok_or_else(|| missing(walked))?
            };
            put(field, rest, value, create, walked)
        }
        (Part::Key(key), Value::Array(items)) => {
            let index = key.parse::<usize>().map_err(|_| missing(walked))?;
            put(items.get_mut(index).ok_or_else(|| missing(walked))?, rest, value, create, walked)
        }
        (Part::Items(key, wanted), Value::Array(items)) => {
            let mut found = items.iter_mut().filter(|item| has(item, key, wanted)).peekable();
            if found.peek().is_none() {
                return Err(missing(walked));
            }
            let start = walked.len();
            for item in found {
                put(item, rest, value, create, walked)?;
                walked.truncate(start);
            }
            Ok(())
        }
        _ => Err(missing(walked)),
    }
}

fn has(item: &Value, key: &str, wanted: &str) -> bool {
    item.get(key).and_then(Value::as_str) == Some(wanted)
}
