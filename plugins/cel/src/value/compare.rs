//! Equality and order: numbers of different types compare by their value.

use std::cmp::Ordering;

use super::{List, Map, Value};

/// How deep values are compared: deeper than objects are.
const MAX_DEPTH: usize = 256;

/// How one value stands to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Is(Ordering),
    /// Numbers of which one is none.
    None,
    /// Values that have no order with each other.
    Unlike,
}

impl<'a> Value<'a> {
    /// Whether two values are equal. Those of different types are not, except
    /// numbers. Each value that is looked at is a step; nothing where `steps`, or
    /// the depth, end before that is known.
    pub(crate) fn equals(&self, other: &Value<'a>, steps: &mut u64) -> Option<bool> {
        self.is_same(other, steps, 0)
    }

    fn is_same(&self, other: &Value<'a>, steps: &mut u64, depth: usize) -> Option<bool> {
        *steps = steps.checked_sub(1)?;
        if depth > MAX_DEPTH {
            return None;
        }
        Some(match (self, other) {
            (Self::Null, Self::Null) | (Self::Optional(None), Self::Optional(None)) => true,
            (Self::Bool(left), Self::Bool(right)) => left == right,
            (Self::String(left), Self::String(right)) => {
                *steps = steps.checked_sub(left.len().min(right.len()) as u64 / 10)?;
                **left == **right
            }
            (Self::Bytes(left), Self::Bytes(right)) => left == right,
            (Self::Duration(left), Self::Duration(right)) => left == right,
            (Self::Timestamp(left), Self::Timestamp(right)) => left == right,
            (Self::Type(left), Self::Type(right)) => left == right,
            (Self::Opaque(left), Self::Opaque(right)) => left.equals(right),
            (Self::Optional(Some(left)), Self::Optional(Some(right))) => {
                left.is_same(right, steps, depth + 1)?
            }
            (Self::List(left), Self::List(right)) => lists(left, right, steps, depth + 1)?,
            (Self::Map(left), Self::Map(right)) => maps(left, right, steps, depth + 1)?,
            _ => numbers(self, other) == Some(Ordering::Equal),
        })
    }

    /// The order of two values.
    pub(crate) fn order(&self, other: &Value<'a>) -> Order {
        let order = match (self, other) {
            (Self::Bool(left), Self::Bool(right)) => left.cmp(right),
            (Self::String(left), Self::String(right)) => left.cmp(right),
            (Self::Bytes(left), Self::Bytes(right)) => left.cmp(right),
            (Self::Duration(left), Self::Duration(right)) => left.cmp(right),
            (Self::Timestamp(left), Self::Timestamp(right)) => left.cmp(right),
            _ if self.is_number() && other.is_number() => match numbers(self, other) {
                Some(order) => order,
                None => return Order::None,
            },
            _ => return Order::Unlike,
        };
        Order::Is(order)
    }

    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Self::Int(_) | Self::Uint(_) | Self::Double(_))
    }
}

fn lists<'a>(left: &List<'a>, right: &List<'a>, steps: &mut u64, depth: usize) -> Option<bool> {
    if left.len() != right.len() {
        return Some(false);
    }
    for (left, right) in left.iter().zip(right.iter()) {
        if !left.is_same(&right, steps, depth)? {
            return Some(false);
        }
    }
    Some(true)
}

fn maps<'a>(left: &Map<'a>, right: &Map<'a>, steps: &mut u64, depth: usize) -> Option<bool> {
    if left.len() != right.len() {
        return Some(false);
    }
    for (key, value) in left.iter() {
        match right.get(&key) {
            Some(other) if value.is_same(&other, steps, depth)? => {}
            _ => return Some(false),
        }
    }
    Some(true)
}

fn numbers(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Uint(left), Value::Uint(right)) => Some(left.cmp(right)),
        (Value::Double(left), Value::Double(right)) => left.partial_cmp(right),
        (Value::Int(left), Value::Uint(right)) => Some(i128::from(*left).cmp(&i128::from(*right))),
        (Value::Uint(left), Value::Int(right)) => Some(i128::from(*left).cmp(&i128::from(*right))),
        (left, right) => fraction(left)?.partial_cmp(&fraction(right)?),
    }
}

/// A number as a fraction: that is what one is compared with, as Kubernetes does
/// it, so that very large numbers may be equal that are not the same.
#[expect(clippy::cast_precision_loss, reason = "that is how they compare")]
fn fraction(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Uint(number) => Some(*number as f64),
        Value::Double(number) => Some(*number),
        _ => None,
    }
}
