//! `matches`, `find` and `findAll`.

use super::{Function, Outcome, Overload, Sig, global, member, no_such_overload, text};
use crate::meter::Meter;
use crate::value::Value;

const MATCHES: &[Overload] = &[Overload(&[Sig::String, Sig::String], Sig::Bool)];

pub(super) const FUNCTIONS: &[Function] = &[
    global("matches", MATCHES, matches),
    member("matches", MATCHES, matches),
    member("find", &[Overload(&[Sig::String, Sig::String], Sig::String)], find),
    member(
        "findAll",
        &[
            Overload(&[Sig::String, Sig::String], Sig::List(&Sig::String)),
            Overload(&[Sig::String, Sig::String, Sig::Int], Sig::List(&Sig::String)),
        ],
        find_all,
    ),
];

fn matches<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(subject), Value::String(pattern)] = arguments else { return no_such_overload() };
    // Each state of the pattern may look at each character.
    meter.spend(subject.len() * (pattern.len() / 4 + 1) / 10)?;
    Ok(Value::Bool(meter.pattern(pattern)?.is_match(subject)))
}

fn find<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(subject), Value::String(pattern)] = arguments else { return no_such_overload() };
    meter.spend(subject.len() * (pattern.len() / 4 + 1) / 10)?;
    text(meter.pattern(pattern)?.find(subject).map_or("", |found| found.as_str()))
}

fn find_all<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (subject, pattern, most) = match arguments {
        [Value::String(subject), Value::String(pattern)] => (subject, pattern, usize::MAX),
        [Value::String(subject), Value::String(pattern), Value::Int(most)] => {
            (subject, pattern, usize::try_from(*most).unwrap_or(usize::MAX))
        }
        _ => return no_such_overload(),
    };
    meter.spend(subject.len() * (pattern.len() / 4 + 1) / 10)?;
    let pattern = meter.pattern(pattern)?;
    let found: Vec<_> =
        pattern.find_iter(subject).take(most).map(|found| Value::text(found.as_str())).collect();
    meter.spend(found.len())?;
    Ok(Value::list(found))
}
