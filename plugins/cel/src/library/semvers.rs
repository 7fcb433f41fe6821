//! Semantic versions.

use std::cmp::Ordering;

use semver::Version;

use super::{Function, Opaque, Outcome, Overload, Sig, global, member, no_such_overload, opaque};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::Value;

const V: Sig = Sig::Semver;
const COMPARE: &[Overload] = &[Overload(&[V, V], Sig::Bool)];
const PART: &[Overload] = &[Overload(&[V], Sig::Int)];

pub(super) const FUNCTIONS: &[Function] = &[
    global("semver", &[Overload(&[Sig::String], V), Overload(&[Sig::String, Sig::Bool], V)], semver),
    global(
        "isSemver",
        &[Overload(&[Sig::String], Sig::Bool), Overload(&[Sig::String, Sig::Bool], Sig::Bool)],
        is_semver,
    ),
    member("isGreaterThan", COMPARE, |_, arguments| compare(arguments, |order| Value::Bool(order.is_gt()))),
    member("isLessThan", COMPARE, |_, arguments| compare(arguments, |order| Value::Bool(order.is_lt()))),
    member("compareTo", &[Overload(&[V, V], Sig::Int)], |_, arguments| {
        compare(arguments, |order| Value::Int(order as i64))
    }),
    member("major", PART, |_, arguments| part(arguments, |version| version.major)),
    member("minor", PART, |_, arguments| part(arguments, |version| version.minor)),
    member("patch", PART, |_, arguments| part(arguments, |version| version.patch)),
];

/// A version; `lenient` takes `v1`, `1.2` and `01.2.3` as well.
fn parse(text: &str, lenient: bool) -> Result<Version, Failure> {
    let refused = || Failure::plain("the text is no semantic version");
    if !lenient {
        return Version::parse(text).map_err(|_| refused());
    }
    let text = text.strip_prefix('v').unwrap_or(text);
    let mut parts: Vec<String> = text.splitn(3, '.').map(without_zeros).collect();
    if parts.len() < 3 && parts.last().is_some_and(|last| last.contains(['+', '-'])) {
        return Err(Failure::plain("short version cannot contain PreRelease/Build meta data"));
    }
    parts.resize(3, "0".to_owned());
    Version::parse(&parts.join(".")).map_err(|_| refused())
}

fn without_zeros(part: &str) -> String {
    let rest = part.trim_start_matches('0');
    if part.len() > 1 && !rest.starts_with(|letter: char| letter.is_ascii_digit()) {
        format!("0{rest}")
    } else if part.len() > 1 {
        rest.to_owned()
    } else {
        part.to_owned()
    }
}

fn asked<'v>(arguments: &'v [Value<'_>]) -> Result<(&'v str, bool), Failure> {
    match arguments {
        [Value::String(text)] => Ok((text, false)),
        [Value::String(text), Value::Bool(lenient)] => Ok((text, *lenient)),
        _ => Err(Failure::no_such_overload()),
    }
}

fn semver<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (text, lenient) = asked(arguments)?;
    opaque(Opaque::Semver(parse(text, lenient)?))
}

fn is_semver<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (text, lenient) = asked(arguments)?;
    Ok(Value::Bool(parse(text, lenient).is_ok()))
}

fn of<'v>(value: Option<&'v Value<'_>>) -> Result<&'v Version, Failure> {
    match value {
        Some(Value::Opaque(value)) => match &**value {
            Opaque::Semver(version) => Ok(version),
            _ => Err(Failure::no_such_overload()),
        },
        _ => Err(Failure::no_such_overload()),
    }
}

fn compare<'a>(arguments: &[Value<'a>], result: fn(Ordering) -> Value<'a>) -> Outcome<'a> {
    Ok(result(of(arguments.first())?.cmp_precedence(of(arguments.get(1))?)))
}

fn part<'a>(arguments: &[Value<'a>], part: fn(&Version) -> u64) -> Outcome<'a> {
    match i64::try_from(part(of(arguments.first())?)) {
        Ok(part) => Ok(Value::Int(part)),
        Err(_) => no_such_overload(),
    }
}
