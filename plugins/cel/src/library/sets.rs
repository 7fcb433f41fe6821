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
    meter.spend(left.len().saturating_mul(right.len()))?;
    let right = right.to_vec();
    Ok(Value::Bool(left.iter().any(|element| right.iter().any(|other| element.equals(other)))))
}

fn holds_all(meter: &mut Meter<'_>, set: &List<'_>, subset: &List<'_>) -> Result<bool, Failure> {
    meter.spend(set.len().saturating_mul(subset.len()))?;
    let set = set.to_vec();
    Ok(subset.iter().all(|element| set.iter().any(|other| same(other, &element))))
}

/// Values of two lifetimes compare as well.
fn same(left: &Value<'_>, right: &Value<'_>) -> bool {
    left.equals(right)
}
