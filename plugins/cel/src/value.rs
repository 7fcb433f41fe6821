//! What expressions compute with.

mod compare;
mod key;
mod map;
mod text;

use std::rc::Rc;

use crate::json::{Content, Json};
use crate::library::Opaque;

pub(crate) use compare::Order;
pub(crate) use map::{Made, Refused};
pub(crate) use text::Text;

/// A value. Those that are read from objects borrow from them.
#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(Text<'a>),
    Bytes(Rc<[u8]>),
    List(List<'a>),
    Map(Map<'a>),
    /// Nanoseconds.
    Duration(i64),
    Timestamp(Timestamp),
    Type(&'static str),
    Optional(Option<Rc<Value<'a>>>),
    /// What the libraries add: quantities, addresses and so on.
    Opaque(Rc<Opaque>),
}

/// A point in time: seconds since 1970, and nanoseconds of the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp {
    pub(crate) seconds: i64,
    pub(crate) nanos: u32,
}

/// A list, of an object or made by an expression.
#[derive(Clone, Debug)]
pub(crate) enum List<'a> {
    Json(Json<'a>),
    Made(Rc<Vec<Value<'a>>>),
}

/// A map, of an object or made by an expression.
#[derive(Clone, Debug)]
pub(crate) enum Map<'a> {
    Json(Json<'a>),
    Made(Rc<Made<'a>>),
}

impl<'a> Value<'a> {
    /// What stands in a document.
    pub(crate) fn of(content: Content<'a>) -> Self {
        match content {
            Content::Null => Self::Null,
            Content::Bool(value) => Self::Bool(value),
            Content::Text(text) => Self::String(Text::Borrowed(text)),
            Content::Owned(text) => Self::text(text),
            Content::List(json) => Self::List(List::Json(json)),
            Content::Object(json) => Self::Map(Map::Json(json)),
            // As the API server reads it: a whole number that does not fit is a
            // fraction.
            Content::Whole(number) => match number.parse() {
                Ok(value) => Self::Int(value),
                Err(_) => Self::Double(number.parse().unwrap_or(f64::NAN)),
            },
            Content::Float(number) => Self::Double(number.parse().unwrap_or(f64::NAN)),
        }
    }

    pub(crate) fn text(text: impl Into<Rc<str>>) -> Self {
        Self::String(Text::Shared(text.into()))
    }

    pub(crate) fn list(elements: Vec<Value<'a>>) -> Self {
        Self::List(List::Made(Rc::new(elements)))
    }

    pub(crate) fn some(value: Value<'a>) -> Self {
        Self::Optional(Some(Rc::new(value)))
    }

    pub(crate) fn index(number: usize) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }

    /// The name of its type.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::Timestamp(_) => "google.protobuf.Timestamp",
            Self::Type(_) => "type",
            Self::Optional(_) => "optional_type",
            Self::Opaque(opaque) => opaque.type_name(),
        }
    }
}

impl<'a> List<'a> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Json(json) => json.len(),
            Self::Made(elements) => elements.len(),
        }
    }

    pub(crate) fn get(&self, index: usize) -> Option<Value<'a>> {
        match self {
            Self::Json(json) => json.at(index).map(Value::of),
            Self::Made(elements) => elements.get(index).cloned(),
        }
    }

    /// Its elements.
    pub(crate) fn iter(&self) -> Box<dyn Iterator<Item = Value<'a>> + 'a> {
        match self {
            Self::Json(json) => Box::new(json.elements().map(Value::of)),
            Self::Made(elements) => {
                let elements = Rc::clone(elements);
                Box::new((0..elements.len()).map_while(move |index| elements.get(index).cloned()))
            }
        }
    }

    pub(crate) fn to_vec(&self) -> Vec<Value<'a>> {
        self.iter().collect()
    }
}

impl<'a> Map<'a> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Json(json) => json.len(),
            Self::Made(made) => made.len(),
        }
    }

    /// The value of a text key.
    pub(crate) fn field(&self, name: &str) -> Option<Value<'a>> {
        match self {
            Self::Json(json) => json.get(name).map(Value::of),
            Self::Made(made) => made.field(name),
        }
    }

    /// The value of any key; `None` as well where nothing of its type can be
    /// one.
    pub(crate) fn get(&self, key: &Value<'a>) -> Option<Value<'a>> {
        match (self, key) {
            (_, Value::String(name)) => self.field(name),
            (Self::Json(_), _) => None,
            (Self::Made(made), key) => made.get(key),
        }
    }

    /// Its members.
    pub(crate) fn iter(&self) -> Box<dyn Iterator<Item = (Value<'a>, Value<'a>)> + 'a> {
        match self {
            Self::Json(json) => {
                Box::new(json.members().map(|(key, value)| (Value::of(key), Value::of(value))))
            }
            Self::Made(made) => {
                let made = Rc::clone(made);
                Box::new((0..made.len()).map_while(move |index| made.entry(index)))
            }
        }
    }
}
