//! What a schema says of one value, but for what stands in it.

use serde_json::Value;

use crate::builtins::regex;

/// The types that there are.
pub(super) const TYPES: [&str; 6] = ["object", "array", "string", "integer", "number", "boolean"];

/// Reports what is wrong with a value.
pub(super) fn check(schema: &Value, value: &Value, report: &mut dyn FnMut(String)) {
    if let Some(name) = schema["type"].as_str()
        && !is(name, value)
        && !(schema["x-kubernetes-int-or-string"] == true && (value.is_string() || is("integer", value)))
    {
        report(format!("the value is not of the type {name}"));
        return;
    }
    if schema["x-kubernetes-int-or-string"] == true && !value.is_string() && !is("integer", value) {
        report("the value is neither a whole number nor a text".to_owned());
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        report(format!("the value is none of {}", allowed.join(", ")));
    }
    match value {
        Value::String(text) => text_of(schema, text, report),
        Value::Number(number) => number_of(schema, number.as_f64().unwrap_or(f64::NAN), report),
        Value::Array(items) => {
            sized(schema, "minItems", "maxItems", items.len(), "items", report);
            if schema["uniqueItems"] == true
                && items.iter().enumerate().any(|(index, item)| items[..index].contains(item))
            {
                report("an item stands in the list twice".to_owned());
            }
        }
        Value::Object(fields) => {
            sized(schema, "minProperties", "maxProperties", fields.len(), "fields", report);
        }
        _ => {}
    }
    combined(schema, value, report);
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        _ => true,
    }
}

fn text_of(schema: &Value, text: &str, report: &mut dyn FnMut(String)) {
    sized(schema, "minLength", "maxLength", text.chars().count(), "characters", report);
    if let Some(expression) = schema["pattern"].as_str()
        && regex::matches(expression, text) != Ok(Some(true))
    {
        report(format!("the value does not match `{expression}`"));
    }
}

fn number_of(schema: &Value, number: f64, report: &mut dyn FnMut(String)) {
    if let Some(least) = schema["minimum"].as_f64() {
        let exclusive = schema["exclusiveMinimum"] == true;
        if number < least || exclusive && number <= least {
            report(format!("the value is less than it may be: {least} is the least"));
        }
    }
    if let Some(most) = schema["maximum"].as_f64() {
        let exclusive = schema["exclusiveMaximum"] == true;
        if number > most || exclusive && number >= most {
            report(format!("the value is more than it may be: {most} is the most"));
        }
    }
    if let Some(step) = schema["multipleOf"].as_f64()
        && step > 0.0
        && (number / step).fract() != 0.0
    {
        report(format!("the value is not a multiple of {step}"));
    }
}

fn sized(schema: &Value, least: &str, most: &str, size: usize, unit: &str, report: &mut dyn FnMut(String)) {
    let size = u64::try_from(size).unwrap_or(u64::MAX);
    if let Some(least) = schema[least].as_u64()
        && size < least
    {
        report(format!("the value has {size} {unit}, and needs {least}"));
    }
    if let Some(most) = schema[most].as_u64()
        && size > most
    {
        report(format!("the value has {size} {unit}, and may have {most}"));
    }
}

/// `allOf`, `anyOf`, `oneOf` and `not`, which in a structural schema say no
/// more than `check` does, and what is required.
fn combined(schema: &Value, value: &Value, report: &mut dyn FnMut(String)) {
    let alternatives = |key: &str| schema[key].as_array().filter(|list| !list.is_empty());
    let fitting = |list: &Vec<Value>| list.iter().filter(|schema| fits(schema, value)).count();
    if let Some(list) = alternatives("allOf")
        && fitting(list) < list.len()
    {
        report("the value does not fit all that `allOf` says".to_owned());
    }
    if let Some(list) = alternatives("anyOf")
        && fitting(list) == 0
    {
        report("the value fits nothing that `anyOf` says".to_owned());
    }
    if let Some(list) = alternatives("oneOf")
        && fitting(list) != 1
    {
        report("the value does not fit exactly one that `oneOf` says".to_owned());
    }
    if schema["not"].is_object() && fits(&schema["not"], value) {
        report("the value fits what `not` says".to_owned());
    }
}

/// Whether a value fits a schema in all depths.
fn fits(schema: &Value, value: &Value) -> bool {
    let mut fit = true;
    check(schema, value, &mut |_| fit = false);
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let complete =
        required.into_iter().all(|key| value.as_object().is_none_or(|fields| fields.contains_key(key)));
    let properties = schema["properties"].as_object().into_iter().flatten();
    let inner =
        properties.into_iter().all(|(key, schema)| value.get(key).is_none_or(|value| fits(schema, value)));
    let items = value.as_array().is_none_or(|items| {
        schema["items"].is_null() || items.iter().all(|item| fits(&schema["items"], item))
    });
    fit && complete && inner && items
}

/// Why the pattern of a schema is none.
pub(super) fn bad_pattern(schema: &Value) -> Option<String> {
    let expression = schema["pattern"].as_str()?;
    match regex::matches(expression, "") {
        Ok(Some(_)) => None,
        Ok(None) => Some(format!("`{expression}` is not a regular expression")),
        Err(message) => Some(message),
    }
}
