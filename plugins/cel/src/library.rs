//! The functions that expressions may call: those of CEL, of its extensions and
//! of Kubernetes. Each declares what it takes, and does it.

mod addresses;
mod calendar;
mod durations;
mod encoders;
mod formats;
mod formatting;
mod lists;
mod math;
mod optionals;
pub(crate) mod pattern;
mod quantities;
mod regexes;
mod semvers;
mod sets;
mod standard;
mod strings;
mod times;
mod urls;

use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::Value;

pub(crate) use formats::Format;
#[cfg(test)]
pub(crate) use formatting::general;
pub(crate) use lists::sorted;
pub(crate) use times::within;

/// What a function gives.
pub(crate) type Outcome<'a> = Result<Value<'a>, Failure>;
/// What a function does. Of types that it does not take it says `no such
/// overload`.
pub(crate) type Run = for<'a> fn(&mut Meter<'_>, &[Value<'a>]) -> Outcome<'a>;

/// A function: of a member, the first argument is what stands before the dot.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) member: bool,
    pub(crate) overloads: &'static [Overload],
    pub(crate) run: Run,
}

/// The types of the arguments, and of the result.
pub(crate) struct Overload(pub(crate) &'static [Sig], pub(crate) Sig);

/// A type, as functions declare it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Sig {
    Dyn,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Duration,
    Timestamp,
    Type,
    Quantity,
    Ip,
    Cidr,
    Url,
    Semver,
    Format,
    /// Any one type, the same wherever it stands.
    A,
    B,
    List(&'static Sig),
    Map(&'static Sig, &'static Sig),
    Optional(&'static Sig),
}

/// What libraries add to the values.
#[derive(Clone, Debug)]
pub(crate) enum Opaque {
    Quantity(quantities::Quantity),
    Ip(std::net::IpAddr),
    Cidr(addresses::Cidr),
    Url(urls::Url),
    Semver(semver::Version),
    Format(&'static Format),
}

impl Opaque {
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Quantity(_) => "kubernetes.Quantity",
            Self::Ip(_) => "net.IP",
            Self::Cidr(_) => "net.CIDR",
            Self::Url(_) => "kubernetes.URL",
            Self::Semver(_) => "kubernetes.Semver",
            Self::Format(_) => "kubernetes.NamedFormat",
        }
    }

    pub(crate) fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Quantity(left), Self::Quantity(right)) => left == right,
            (Self::Ip(left), Self::Ip(right)) => left == right,
            (Self::Cidr(left), Self::Cidr(right)) => left == right,
            (Self::Url(left), Self::Url(right)) => left == right,
            (Self::Semver(left), Self::Semver(right)) => left.cmp_precedence(right).is_eq(),
            (Self::Format(left), Self::Format(right)) => left.name == right.name,
            _ => false,
        }
    }
}

/// All of them.
const LIBRARIES: [&[Function]; 15] = [
    standard::FUNCTIONS,
    strings::FUNCTIONS,
    lists::FUNCTIONS,
    sets::FUNCTIONS,
    math::FUNCTIONS,
    optionals::FUNCTIONS,
    times::FUNCTIONS,
    quantities::FUNCTIONS,
    addresses::FUNCTIONS,
    urls::FUNCTIONS,
    semvers::FUNCTIONS,
    formats::FUNCTIONS,
    regexes::FUNCTIONS,
    encoders::FUNCTIONS,
    formatting::FUNCTIONS,
];

/// The functions of a name.
pub(crate) fn find(name: &str, member: bool) -> impl Iterator<Item = &'static Function> {
    LIBRARIES
        .iter()
        .flat_map(|functions| functions.iter())
        .filter(move |it| it.member == member && it.name == name)
}

const fn global(name: &'static str, overloads: &'static [Overload], run: Run) -> Function {
    Function { name, member: false, overloads, run }
}

const fn member(name: &'static str, overloads: &'static [Overload], run: Run) -> Function {
    Function { name, member: true, overloads, run }
}

fn no_such_overload<'a>() -> Outcome<'a> {
    Err(Failure::no_such_overload())
}

#[expect(clippy::unnecessary_wraps, reason = "it is what a function gives")]
fn text<'a>(text: impl Into<std::rc::Rc<str>>) -> Outcome<'a> {
    Ok(Value::text(text))
}

#[expect(clippy::unnecessary_wraps, reason = "it is what a function gives")]
fn opaque<'a>(value: Opaque) -> Outcome<'a> {
    Ok(Value::Opaque(std::rc::Rc::new(value)))
}
