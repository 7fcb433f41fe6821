//! A map that an expression makes.

use std::collections::BTreeMap;

use super::Value;
use super::key::Key;

/// Members in the order in which they were given, found by their keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Made<'a> {
    entries: Vec<(Value<'a>, Value<'a>)>,
    places: BTreeMap<Key, usize>,
}

/// Why a member was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Nothing of that type is a key.
    Type,
    /// The key is there already.
    Twice,
}

impl<'a> Made<'a> {
    pub(crate) fn insert(&mut self, key: Value<'a>, value: Value<'a>) -> Result<(), Refused> {
        if matches!(key, Value::Double(_)) {
            return Err(Refused::Type);
        }
        let place = Key::of(&key).ok_or(Refused::Type)?;
        if self.places.contains_key(&place) {
            return Err(Refused::Twice);
        }
        self.places.insert(place, self.entries.len());
        self.entries.push((key, value));
        Ok(())
    }

    /// The same, and the last of equal keys counts.
    pub(crate) fn set(&mut self, key: Value<'a>, value: Value<'a>) -> Result<(), Refused> {
        match Key::of(&key).and_then(|place| self.places.get(&place)) {
            Some(place) => self.entries[*place].1 = value,
            None => return self.insert(key, value),
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn entry(&self, index: usize) -> Option<(Value<'a>, Value<'a>)> {
        self.entries.get(index).cloned()
    }

    pub(super) fn field(&self, name: &str) -> Option<Value<'a>> {
        let is_it = |key: &Value<'_>| matches!(key, Value::String(text) if **text == *name);
        if self.entries.len() <= 8 {
            return self.entries.iter().find(|(key, _)| is_it(key)).map(|(_, value)| value.clone());
        }
        self.places.get(&Key::Text(name.into())).map(|place| self.entries[*place].1.clone())
    }

    pub(super) fn get(&self, key: &Value<'a>) -> Option<Value<'a>> {
        self.places.get(&Key::of(key)?).map(|place| self.entries[*place].1.clone())
    }
}
