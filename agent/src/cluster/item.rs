//! One object of an answer. One that nests too deep must not hide the others
//! that came with it.
//!
//! Whoever may write an object decides how deep it nests, and a parser has to
//! stop somewhere. What can be read of such an object is given, without the
//! rest, and a mark says why. What is skipped is skipped without recursion.
//!
//! `serde_json`'s raw values would do that too, but must stay off: with them, a
//! map with a certain key is read as something else than what it says, here
//! and in every other place where objects are read.

use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::error::clean;

/// The key of the mark. What the server sends under it is dropped, so that
/// nobody else can set it.
const UNREADABLE: &str = "windlass.dev/unreadable";

/// How deep an object may nest. The parser stops at 127 levels, and a list of
/// objects has some of its own around them.
const MAX_DEPTH: usize = 120;

/// An object of an answer. Reading it fails only where it is no JSON.
pub(crate) struct Item(pub(crate) Value);

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut why = None;
        let reading = Reading { at: At::Object, room: MAX_DEPTH, why: &mut why };
        let mut item = reading.deserialize(deserializer)?.unwrap_or_default();
        if let Value::Object(object) = &mut item {
            object.remove(UNREADABLE);
            object.extend(why.map(|why| (UNREADABLE.to_owned(), why.into())));
        }
        Ok(Self(item))
    }
}

/// Why an object is not complete: what could not be read of it.
pub(crate) fn unreadable(object: &Value) -> Option<&str> {
    object.get(UNREADABLE)?.as_str()
}

/// Only the metadata of an object, and its mark.
pub(crate) fn only_metadata(mut object: Value) -> Value {
    if let Value::Object(object) = &mut object {
        object.retain(|field, _| field == "metadata" || field == UNREADABLE);
    }
    object
}

/// What a value is of its object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Object,
    Metadata,
    /// One manager's entry can be too deep, and those of others not.
    ManagedFields,
    Inside,
}

impl At {
    fn below(self, key: &str) -> Self {
        match (self, key) {
            (Self::Object, "metadata") => Self::Metadata,
            (Self::Metadata, "managedFields") => Self::ManagedFields,
            _ => Self::Inside,
        }
    }
}

/// Reads a value, or gives nothing where it nests deeper than there is room.
/// An object, its metadata, and the list of who manages which fields go
/// without such a part; anything else is given whole or not at all.
struct Reading<'a> {
    at: At,
    room: usize,
    /// The first part that could not be read.
    why: &'a mut Option<String>,
}

impl Reading<'_> {
    fn too_deep(&mut self, part: &str) {
        let path = match self.at {
            At::Metadata => format!("metadata.{part}"),
            At::ManagedFields => "metadata.managedFields".to_owned(),
            At::Object | At::Inside => part.to_owned(),
        };
        self.why.get_or_insert_with(|| {
            clean(&format!("`{path}` nests deeper than the limit of {MAX_DEPTH} levels"))
        });
    }

    fn below(&mut self, at: At) -> Reading<'_> {
        Reading { at, room: self.room - 1, why: self.why }
    }
}

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Some(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Self::Value, A::Error> {
        if self.room == 0 {
            return IgnoredAny.visit_seq(seq).map(|_| None);
        }
        let (mut list, mut whole) = (Vec::new(), true);
        while let Some(item) = seq.next_element_seed(self.below(At::Inside))? {
            match item {
                Some(item) => list.push(item),
                None if self.at == At::ManagedFields => self.too_deep(""),
                None => whole = false,
            }
        }
        Ok(whole.then_some(Value::Array(list)))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        if self.room == 0 {
            return IgnoredAny.visit_map(map).map(|_| None);
        }
        let (mut object, mut whole) = (Map::new(), true);
        while let Some(key) = map.next_key::<String>()? {
            let at = self.at.below(&key);
            match map.next_value_seed(self.below(at))? {
                Some(value) => drop(object.insert(key, value)),
                None if matches!(self.at, At::Object | At::Metadata) => self.too_deep(&key),
                None => whole = false,
            }
        }
        Ok(whole.then_some(Value::Object(object)))
    }
}

#[cfg(test)]
mod tests;
