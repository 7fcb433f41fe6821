//! Lists: Kubernetes' functions and those of CEL's extension.

use std::cmp::Ordering;

use super::{Function, Outcome, Overload, Sig, global, member, no_such_overload};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::{List, Order, Value};

const LIST_A: Sig = Sig::List(&Sig::A);
const SAME_LIST: &[Overload] = &[Overload(&[LIST_A], LIST_A)];
const INDEX: &[Overload] = &[Overload(&[LIST_A, Sig::A], Sig::Int)];
/// Lists of what has an order.
macro_rules! of_comparable {
    ($($element:ident),*; $result:expr) => {
        &[$(Overload(&[Sig::List(&Sig::$element)], $result)),*]
    };
}
macro_rules! giving_element {
    ($($element:ident),*) => { &[$(Overload(&[Sig::List(&Sig::$element)], Sig::$element)),*] };
}
const SUMMABLE: &[Overload] = giving_element!(Int, Uint, Double, Duration);
const EXTREME: &[Overload] = giving_element!(Int, Uint, Double, Bool, Duration, Timestamp, String, Bytes);
macro_rules! giving_list {
    ($($element:ident),*) => {
        &[$(Overload(&[Sig::List(&Sig::$element)], Sig::List(&Sig::$element))),*]
    };
}
const SORTED: &[Overload] = giving_list!(Int, Uint, Double, Bool, Duration, Timestamp, String, Bytes);
const SORTABLE: &[Overload] =
    of_comparable!(Int, Uint, Double, Bool, Duration, Timestamp, String, Bytes; Sig::Bool);

pub(super) const FUNCTIONS: &[Function] = &[
    member("isSorted", SORTABLE, is_sorted),
    member("sum", SUMMABLE, sum),
    member("max", EXTREME, max),
    member("min", EXTREME, min),
    member("indexOf", INDEX, index_of),
    member("lastIndexOf", INDEX, last_index_of),
    member("includes", &[Overload(&[Sig::Dyn, Sig::Dyn], Sig::Bool)], includes),
    member("slice", &[Overload(&[LIST_A, Sig::Int, Sig::Int], LIST_A)], slice),
    member(
        "flatten",
        &[
            Overload(&[Sig::List(&LIST_A)], LIST_A),
            Overload(&[Sig::List(&Sig::Dyn), Sig::Int], Sig::List(&Sig::Dyn)),
        ],
        flatten,
    ),
    member("sort", SORTED, sort),
    member("reverse", SAME_LIST, reverse),
    member("distinct", SAME_LIST, distinct),
    global("lists.range", &[Overload(&[Sig::Int], Sig::List(&Sig::Int))], range),
];

/// The order of two elements; those that have none count as in order.
fn order<'a>(
    meter: &mut Meter<'_>,
    left: &Value<'a>,
    right: &Value<'a>,
) -> Result<Option<Ordering>, Failure> {
    match meter.order(left, right) {
        Ok(order) => Ok(Some(order)),
        Err(_) => meter.spend(1).map(|()| None),
    }
}

fn is_sorted<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(list)] = arguments else { return no_such_overload() };
    meter.spend(list.len())?;
    for pair in list.to_vec().windows(2) {
        if order(meter, &pair[0], &pair[1])? == Some(Ordering::Greater) {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}

fn sum<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(list)] = arguments else { return no_such_overload() };
    meter.spend(list.len())?;
    let mut elements = list.iter();
    let Some(mut total) = elements.next() else { return Ok(Value::Int(0)) };
    if !total.is_number() && !matches!(total, Value::Duration(_)) {
        return no_such_overload();
    }
    for element in elements {
        total = crate::arithmetic::add(meter, total, element)?;
    }
    Ok(total)
}

fn extreme<'a>(meter: &mut Meter<'_>, list: &List<'a>, wanted: Ordering, name: &'static str) -> Outcome<'a> {
    meter.spend(list.len())?;
    let mut elements = list.iter();
    let Some(mut best) = elements.next() else { return Err(Failure::plain(name)) };
    for element in elements {
        if order(meter, &element, &best)? == Some(wanted) {
            best = element;
        }
    }
    Ok(best)
}

fn max<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(list)] = arguments else { return no_such_overload() };
    extreme(meter, list, Ordering::Greater, "max called on empty list")
}

fn min<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(list)] = arguments else { return no_such_overload() };
    extreme(meter, list, Ordering::Less, "min called on empty list")
}

fn index_of<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(list), wanted] = arguments else { return no_such_overload() };
    Ok(meter.position(list.iter(), wanted)?.map_or(Value::Int(-1), Value::index))
}

fn last_index_of<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(list), wanted] = arguments else { return no_such_overload() };
    meter.spend(list.len())?;
    let found = meter.position(list.to_vec().into_iter().rev(), wanted)?;
    Ok(found.map_or(Value::Int(-1), |place| Value::index(list.len() - 1 - place)))
}

fn includes<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::List(list), wanted] => Ok(Value::Bool(meter.position(list.iter(), wanted)?.is_some())),
        [one, other] => Ok(Value::Bool(meter.equal(one, other)?)),
        _ => no_such_overload(),
    }
}

fn slice<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(list), Value::Int(start), Value::Int(end)] = arguments else {
        return no_such_overload();
    };
    let elements = list.to_vec();
    meter.spend(elements.len())?;
    if *start < 0 || *end < 0 {
        let text = format!("cannot slice({start}, {end}), negative indexes not supported");
        return Err(Failure::showing(text, "a negative index"));
    }
    if start > end {
        let text =
            format!("cannot slice({start}, {end}), start index must be less than or equal to end index");
        return Err(Failure::showing(text, "the start is after the end"));
    }
    let bounds = usize::try_from(*start).unwrap_or(usize::MAX)..usize::try_from(*end).unwrap_or(usize::MAX);
    if let Some(part) = elements.get(bounds) {
        return Ok(Value::list(part.to_vec()));
    }
    let text = format!("cannot slice({start}, {end}), list is length {}", elements.len());
    Err(Failure::showing(text, "a list is shorter than the index"))
}

fn flatten<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (list, depth) = match arguments {
        [Value::List(list)] => (list, 1),
        [Value::List(list), Value::Int(depth)] => (list, *depth),
        _ => return no_such_overload(),
    };
    let Ok(depth) = usize::try_from(depth) else {
        return Err(Failure::plain("level must be non-negative"));
    };
    let mut found = Vec::new();
    flatten_into(meter, list, depth.min(64), &mut found)?;
    Ok(Value::list(found))
}

fn flatten_into<'a>(
    meter: &mut Meter<'_>,
    list: &List<'a>,
    depth: usize,
    found: &mut Vec<Value<'a>>,
) -> Result<(), Failure> {
    meter.spend(list.len())?;
    for element in list.iter() {
        match element {
            Value::List(inner) if depth > 0 => flatten_into(meter, &inner, depth - 1, found)?,
            other => found.push(other),
        }
    }
    Ok(())
}

fn sort<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(list)] = arguments else { return no_such_overload() };
    let elements = list.iter().map(|element| (element.clone(), element)).collect();
    Ok(Value::list(sorted(meter, elements)?))
}

/// Values in the order of the keys before them.
pub(crate) fn sorted<'a>(
    meter: &mut Meter<'_>,
    mut keyed: Vec<(Value<'a>, Value<'a>)>,
) -> Result<Vec<Value<'a>>, Failure> {
    let longest = |(key, _): &(Value<'a>, Value<'a>)| match key {
        Value::String(text) => text.len() / 10,
        _ => 0,
    };
    let each = 1 + keyed.iter().map(longest).max().unwrap_or(0);
    let rounds = keyed.len().max(1).ilog2() as usize + 1;
    meter.spend(keyed.len().saturating_mul(rounds).saturating_mul(each))?;
    if let Some((first, _)) = keyed.first().cloned() {
        for (key, _) in &keyed {
            if let Order::Unlike = first.order(key) {
                return Err(Failure::plain("list elements must have the same type"));
            }
        }
    }
    keyed.sort_by(|(left, _), (right, _)| match left.order(right) {
        Order::Is(order) => order,
        Order::None | Order::Unlike => Ordering::Equal,
    });
    Ok(keyed.into_iter().map(|(_, element)| element).collect())
}

fn reverse<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(list)] = arguments else { return no_such_overload() };
    meter.spend(list.len())?;
    let mut elements = list.to_vec();
    elements.reverse();
    Ok(Value::list(elements))
}

fn distinct<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(list)] = arguments else { return no_such_overload() };
    let mut found: Vec<Value<'a>> = Vec::new();
    for element in list.iter() {
        meter.spend(1)?;
        if meter.position(found.iter().cloned(), &element)?.is_none() {
            found.push(element);
        }
    }
    Ok(Value::list(found))
}

fn range<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Int(end)] = arguments else { return no_such_overload() };
    meter.spend(usize::try_from(*end).unwrap_or(0))?;
    Ok(Value::list((0..*end).map(Value::Int).collect()))
}
