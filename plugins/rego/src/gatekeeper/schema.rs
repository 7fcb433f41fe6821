//! The schema of a template's parameters: what the API server would refuse or
//! add when a constraint is created.

mod values;

use serde_json::{Map, Value};
use windlass_plugin_sdk::diagnostic::Diagnostics;
use windlass_plugin_sdk::object::pointer_step;

use crate::refused;

/// How deep a schema may be.
const MAX_DEPTH: usize = 32;
/// After how many problems of one constraint no more are looked for.
const MAX_PROBLEMS: usize = 20;

/// The schema of parameters.
#[derive(Debug)]
pub(super) struct Schema {
    root: Option<Value>,
    /// Fields that it does not know are let through, and types may be missing.
    legacy: bool,
}

impl Schema {
    /// Reads a schema, which may be missing.
    ///
    /// # Errors
    /// Why the API server would not take it.
    pub(super) fn read(written: &Value, pointer: &str, legacy: bool) -> Result<Self, Diagnostics> {
        if written.is_null() {
            return Ok(Self { root: None, legacy });
        }
        let mut problems = Diagnostics::new();
        structure(written, pointer, legacy, 0, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self { root: Some(written.clone()), legacy })
    }

    /// Adds the defaults to parameters, and checks them. Those that were not
    /// given at all are not checked, like every field that is not required.
    ///
    /// # Errors
    /// Everything that does not fit.
    pub(super) fn check(&self, value: &mut Value, pointer: &str, absent: bool) -> Result<(), Diagnostics> {
        let Some(root) = &self.root else {
            if self.legacy || value.as_object().is_some_and(Map::is_empty) {
                return Ok(());
            }
            return Err(refused(pointer, "the template takes no parameters").into());
        };
        if absent {
            match root.get("default") {
                Some(default) => *value = default.clone(),
                None => return Ok(()),
            }
        }
        let mut problems = Problems { found: Diagnostics::new(), count: 0 };
        self.visit(root, value, pointer, &mut problems);
        if problems.count == 0 { Ok(()) } else { Err(problems.found) }
    }

    fn visit(&self, schema: &Value, value: &mut Value, pointer: &str, problems: &mut Problems) {
        if value.is_null() && schema["nullable"] == true {
            return;
        }
        values::check(schema, value, &mut |message| problems.push(pointer, message));
        match value {
            Value::Object(fields) => self.visit_fields(schema, fields, pointer, problems),
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    if let Some(schema) = schema.get("items") {
                        self.visit(schema, item, &format!("{pointer}/{index}"), problems);
                    }
                }
            }
            _ => {}
        }
    }

    fn visit_fields(
        &self,
        schema: &Value,
        fields: &mut Map<String, Value>,
        pointer: &str,
        problems: &mut Problems,
    ) {
        let none = Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&none);
        for (key, property) in properties {
            let missing = fields.get(key).is_none_or(|value| value.is_null() && property["nullable"] != true);
            if missing && let Some(default) = property.get("default") {
                fields.insert(key.clone(), default.clone());
            }
        }
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(required) {
                problems.push(pointer, format!("the field `{required}` is required"));
            }
        }
        let others = schema.get("additionalProperties").filter(|others| **others != Value::Bool(false));
        let open = self.legacy || schema["x-kubernetes-preserve-unknown-fields"] == true;
        for (key, value) in fields {
            let at = format!("{pointer}{}", pointer_step(key));
            match (properties.get(key), others) {
                (Some(property), _) => self.visit(property, value, &at, problems),
                (None, Some(schema @ Value::Object(_))) => self.visit(schema, value, &at, problems),
                (None, Some(_)) => {}
                (None, None) if open => {}
                (None, None) => problems.push(pointer, format!("the template has no parameter `{key}`")),
            }
        }
    }
}

struct Problems {
    found: Diagnostics,
    count: usize,
}

impl Problems {
    fn push(&mut self, pointer: &str, message: String) {
        self.count += 1;
        if self.count <= MAX_PROBLEMS {
            self.found.push(refused(pointer, message));
        }
    }
}

/// Reports where a schema is none, or does not say the types that it has to.
fn structure(schema: &Value, pointer: &str, legacy: bool, depth: usize, problems: &mut Diagnostics) {
    let Some(fields) = schema.as_object() else {
        problems.push(refused(pointer, "a schema is an object"));
        return;
    };
    if depth > MAX_DEPTH {
        problems.push(refused(pointer, format!("a schema may be {MAX_DEPTH} levels deep")));
        return;
    }
    let free = ["x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string"]
        .iter()
        .any(|key| schema[*key] == true);
    match fields.get("type") {
        Some(Value::String(name)) if values::TYPES.contains(&name.as_str()) => {}
        None | Some(Value::Null) if legacy || free => {}
        None | Some(Value::Null) => problems.push(refused(pointer, "the schema says no `type`")),
        Some(other) => {
            let message = format!("there is no type {other}: it is one of {}", values::TYPES.join(", "));
            problems.push(refused(pointer, message));
        }
    }
    if let Some(message) = values::bad_pattern(schema) {
        problems.push(refused(format!("{pointer}/pattern"), message));
    }
    if fields.contains_key("x-kubernetes-validations") {
        let message = "`x-kubernetes-validations` are not evaluated here: leave them out, and let the template check it";
        problems.push(refused(pointer, message));
    }
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        let at = format!("{pointer}/properties{}", pointer_step(key));
        structure(property, &at, legacy, depth + 1, problems);
    }
    for key in ["items", "additionalProperties"] {
        match fields.get(key) {
            None | Some(Value::Null | Value::Bool(_)) => {}
            Some(inner) => structure(inner, &format!("{pointer}/{key}"), legacy, depth + 1, problems),
        }
    }
}
