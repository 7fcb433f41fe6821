//! Functions that OPA 1.0 took out of the language. Templates for the syntax
//! before it still call them.

use regorus::Value;

/// Whether every element is `true`.
pub(super) fn all(arguments: &[Value]) -> Option<Value> {
    let yes = |value: &Value| *value == Value::Bool(true);
    match arguments.first()? {
        Value::Array(items) => Some(items.iter().all(yes).into()),
        Value::Set(items) => Some(items.iter().all(yes).into()),
        _ => None,
    }
}

/// Whether any element is `true`.
pub(super) fn any(arguments: &[Value]) -> Option<Value> {
    let yes = |value: &Value| *value == Value::Bool(true);
    match arguments.first()? {
        Value::Array(items) => Some(items.iter().any(yes).into()),
        Value::Set(items) => Some(items.iter().any(yes).into()),
        _ => None,
    }
}

pub(super) fn cast_array(arguments: &[Value]) -> Option<Value> {
    match arguments.first()? {
        array @ Value::Array(_) => Some(array.clone()),
        Value::Set(items) => Some(items.iter_sorted().cloned().collect::<Vec<_>>().into()),
        _ => None,
    }
}

pub(super) fn cast_set(arguments: &[Value]) -> Option<Value> {
    match arguments.first()? {
        set @ Value::Set(_) => Some(set.clone()),
        Value::Array(items) => {
            let mut set = Value::new_set();
            let inner = set.as_set_mut().ok()?;
            for item in items.iter() {
                inner.insert(item.clone());
            }
            Some(set)
        }
        _ => None,
    }
}

pub(super) fn cast_boolean(arguments: &[Value]) -> Option<Value> {
    arguments.first().filter(|value| matches!(value, Value::Bool(_))).cloned()
}

pub(super) fn cast_null(arguments: &[Value]) -> Option<Value> {
    arguments.first().filter(|value| matches!(value, Value::Null)).cloned()
}

pub(super) fn cast_object(arguments: &[Value]) -> Option<Value> {
    arguments.first().filter(|value| matches!(value, Value::Object(_))).cloned()
}

pub(super) fn cast_string(arguments: &[Value]) -> Option<Value> {
    arguments.first().filter(|value| matches!(value, Value::String(_))).cloned()
}

pub(super) fn set_diff(arguments: &[Value]) -> Option<Value> {
    let [Value::Set(left), Value::Set(right)] = arguments else { return None };
    Some(left.difference(right).into_value())
}
