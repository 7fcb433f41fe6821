//! How single values of a manifest are read: as the API server reads them,
//! where `null` stands for what is not there.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A string; `null` is an empty one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<'a>(PhantomData<&'a str>);

        impl<'de: 'a, 'a> Visitor<'de> for Reader<'a> {
            type Value = Text<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Text::default())
            }
        }

        deserializer.deserialize_any(Reader(PhantomData))
    }
}

/// The longest list: three bytes of text may be hundreds here.
const ITEMS: usize = 10_000;

/// A list; `null` is an empty one, and in it an empty item.
#[derive(Clone, Debug)]
pub(crate) struct List<T>(Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for Reader<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element::<Option<T>>()? {
                    if list.len() == ITEMS {
                        return Err(A::Error::custom(format_args!("more items than the limit of {ITEMS}")));
                    }
                    list.push(item.unwrap_or_default());
                }
                Ok(List(list))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(List::default())
            }
        }

        deserializer.deserialize_any(Reader(PhantomData))
    }
}

/// An object with known fields. What is derived alone would read them from a
/// list, too. In memory of its own, since most of what may be there is not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields<T>(Box<T>);

impl<T> Fields<T> {
    pub(crate) fn into_inner(self) -> T {
        *self.0
    }
}

impl<T> Deref for Fields<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Fields<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reader<T> {
            type Value = Fields<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(fields)).map(|fields| Fields(Box::new(fields)))
            }
        }

        deserializer.deserialize_map(Reader(PhantomData))
    }
}

/// An object of which only matters that it is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Present;

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Present;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
                while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Present)
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

/// Labels or annotations, of which only those of the given prefixes are kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tags<'a>(Vec<(Text<'a>, Text<'a>)>);

/// Whose keys matter: `AppArmor`'s and seccomp's, from before these were fields,
/// and the labels that say to what pods are held.
const PREFIXES: [&str; 4] = [
    "container.apparmor.security.beta.kubernetes.io/",
    "seccomp.security.alpha.kubernetes.io/pod",
    "container.seccomp.security.alpha.kubernetes.io/",
    "pod-security.kubernetes.io/",
];

impl<'a> Tags<'a> {
    pub(crate) const NONE: Self = Self(Vec::new());

    /// The value of a key; the last one, where it stands twice.
    pub(crate) fn get(&self, key: &str) -> Option<&Text<'a>> {
        self.0.iter().rev().find(|(own, _)| **own == *key).map(|(_, value)| value)
    }

    /// Those whose keys begin so.
    pub(crate) fn starting<'p>(&'p self, prefix: &'p str) -> impl Iterator<Item = &'p (Text<'a>, Text<'a>)> {
        self.0.iter().filter(move |(key, _)| key.starts_with(prefix))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Tags<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<'a>(PhantomData<&'a str>);

        impl<'de: 'a, 'a> Visitor<'de> for Reader<'a> {
            type Value = Tags<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut tags = Vec::new();
                while let Some((key, value)) = entries.next_entry::<Text<'a>, Text<'a>>()? {
                    if PREFIXES.iter().any(|prefix| key.starts_with(prefix)) {
                        tags.push((key, value));
                    }
                }
                Ok(Tags(tags))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Tags::default())
            }
        }

        deserializer.deserialize_any(Reader(PhantomData))
    }
}
