//! Lists as sets.

use super::{Function, Outcome, Overload, Sig, global, no_such_overload};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::{List, Value};

const TWO: &[Overload] = &[Overload(&[Sig::List(&Sig::A), Sig::List(&Sig::A)], Sig::Bool)];

pub(super) const FUNCTIONS: &[Function] = &[
    global("sets.contains", TWO, contains),
    global("sets.equivalent", TWO, equivalent),
    global("sets.intersects", TWO, intersects),
];

fn contains<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(set), Value::List(subset)] = arguments else { return no_such_overload() };
    Ok(Value::Bool(holds_all(meter, set, subset)?))
}

fn equivalent<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(left), Value::List(right)] = arguments else { return no_such_overload() };
    Ok(Value::Bool(holds_all(meter, left, right)? && holds_all(meter, right, left)?))
}

fn intersects<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(left), Value::List(right)] = arguments else { return no_such_overload() };
    let right = right.to_vec();
    for element in left.iter() {
        if meter.position(right.iter().cloned(), &element)?.is_some() {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn holds_all<'a>(meter: &mut Meter<'_>, set: &List<'a>, subset: &List<'a>) -> Result<bool, Failure> {
    let set = set.to_vec();
    meter.spend(set.len())?;
    for element in subset.iter() {
        if meter.position(set.iter().cloned(), &element)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}
