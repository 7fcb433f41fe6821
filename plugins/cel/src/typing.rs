//! What is known of a value before there is one.

use std::fmt;
use std::rc::Rc;

use crate::library::Sig;

/// A type. `Dyn` may turn out to be any.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Duration,
    Timestamp,
    /// A type itself.
    Meta,
    Quantity,
    Ip,
    Cidr,
    Url,
    Semver,
    Format,
    List(Rc<Type>),
    Map(Rc<Type>, Rc<Type>),
    Optional(Rc<Type>),
    Record(&'static Record),
    /// Who may do what, which is not known here.
    Unavailable(&'static str),
}

/// An object whose fields are known.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [(&'static str, Field)],
}

impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// What a field of a record is.
#[derive(Debug)]
pub(crate) enum Field {
    Plain(Sig),
    Record(&'static Record),
    Records(&'static Record),
    /// There is such a field, but not here.
    Unavailable(&'static str),
}

impl Type {
    pub(crate) fn list(element: Type) -> Self {
        Self::List(Rc::new(element))
    }

    pub(crate) fn optional(inner: Type) -> Self {
        Self::Optional(Rc::new(inner))
    }

    /// The inner type of an optional, or the type itself.
    pub(crate) fn unwrapped(&self) -> (Type, bool) {
        match self {
            Self::Optional(inner) => ((**inner).clone(), true),
            other => (other.clone(), false),
        }
    }

    /// Whether a value may be of both types.
    pub(crate) fn agrees(&self, other: &Type) -> bool {
        match (self, other) {
            (Self::Dyn | Self::Unavailable(_), _) | (_, Self::Dyn | Self::Unavailable(_)) => true,
            (Self::List(left), Self::List(right)) | (Self::Optional(left), Self::Optional(right)) => {
                left.agrees(right)
            }
            (Self::Map(left, first), Self::Map(right, second)) => left.agrees(right) && first.agrees(second),
            (Self::Null, other) | (other, Self::Null) => !matches!(
                other,
                Self::Bool
                    | Self::Int
                    | Self::Uint
                    | Self::Double
                    | Self::String
                    | Self::Bytes
                    | Self::Meta
                    | Self::List(_)
                    | Self::Map(..)
            ),
            (left, right) => left == right,
        }
    }

    /// What fits both, which agree.
    pub(crate) fn join(&self, other: &Type) -> Type {
        match (self, other) {
            (left, right) if left == right => left.clone(),
            (Self::List(left), Self::List(right)) => Self::list(left.join(right)),
            (Self::Optional(left), Self::Optional(right)) => Self::optional(left.join(right)),
            (Self::Map(left, first), Self::Map(right, second)) => {
                Self::Map(Rc::new(left.join(right)), Rc::new(first.join(second)))
            }
            (Self::Null, other) | (other, Self::Null) => other.clone(),
            _ => Self::Dyn,
        }
    }

    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double)
    }
}

/// What `A` and `B` of a signature stand for.
#[derive(Default)]
pub(crate) struct Bound {
    a: Option<Type>,
    b: Option<Type>,
}

impl Bound {
    /// Whether a declared type takes a value.
    pub(crate) fn takes(&mut self, sig: Sig, given: &Type) -> bool {
        if matches!(given, Type::Dyn | Type::Unavailable(_)) {
            self.loosen(sig);
            return true;
        }
        match (sig, given) {
            (Sig::A, _) => Self::bind(&mut self.a, given),
            (Sig::B, _) => Self::bind(&mut self.b, given),
            (Sig::List(element), Type::List(inner)) | (Sig::Optional(element), Type::Optional(inner)) => {
                self.takes(*element, inner)
            }
            (Sig::Map(key, value), Type::Map(left, right)) => {
                self.takes(*key, left) && self.takes(*value, right)
            }
            (Sig::Dyn, _) => true,
            (Sig::List(_) | Sig::Map(..) | Sig::Optional(_), _) => false,
            (sig, given) => self.given(sig) == *given,
        }
    }

    fn bind(place: &mut Option<Type>, given: &Type) -> bool {
        match place {
            Some(known) if !known.agrees(given) => false,
            Some(known) => {
                *place = Some(known.join(given));
                true
            }
            None => {
                *place = Some(given.clone());
                true
            }
        }
    }

    /// What an unknown value says of `A` and `B`: nothing.
    fn loosen(&mut self, sig: Sig) {
        match sig {
            Sig::A => self.a = Some(Type::Dyn),
            Sig::B => self.b = Some(Type::Dyn),
            Sig::List(inner) | Sig::Optional(inner) => self.loosen(*inner),
            Sig::Map(key, value) => {
                self.loosen(*key);
                self.loosen(*value);
            }
            _ => {}
        }
    }

    /// The type that a declared one is now.
    pub(crate) fn given(&self, sig: Sig) -> Type {
        match sig {
            Sig::Dyn => Type::Dyn,
            Sig::Bool => Type::Bool,
            Sig::Int => Type::Int,
            Sig::Uint => Type::Uint,
            Sig::Double => Type::Double,
            Sig::String => Type::String,
            Sig::Bytes => Type::Bytes,
            Sig::Duration => Type::Duration,
            Sig::Timestamp => Type::Timestamp,
            Sig::Type => Type::Meta,
            Sig::Quantity => Type::Quantity,
            Sig::Ip => Type::Ip,
            Sig::Cidr => Type::Cidr,
            Sig::Url => Type::Url,
            Sig::Semver => Type::Semver,
            Sig::Format => Type::Format,
            Sig::A => self.a.clone().unwrap_or(Type::Dyn),
            Sig::B => self.b.clone().unwrap_or(Type::Dyn),
            Sig::List(element) => Type::list(self.given(*element)),
            Sig::Map(key, value) => Type::Map(Rc::new(self.given(*key)), Rc::new(self.given(*value))),
            Sig::Optional(inner) => Type::optional(self.given(*inner)),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dyn => "dyn",
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Duration => "duration",
            Self::Timestamp => "timestamp",
            Self::Meta => "type",
            Self::Quantity => "kubernetes.Quantity",
            Self::Ip => "net.IP",
            Self::Cidr => "net.CIDR",
            Self::Url => "kubernetes.URL",
            Self::Semver => "kubernetes.Semver",
            Self::Format => "kubernetes.NamedFormat",
            Self::List(element) => return write!(f, "list({element})"),
            Self::Map(key, value) => return write!(f, "map({key}, {value})"),
            Self::Optional(inner) => return write!(f, "optional({inner})"),
            Self::Record(record) => record.name,
            Self::Unavailable(name) => name,
        })
    }
}
