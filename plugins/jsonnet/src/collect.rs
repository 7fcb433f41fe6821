//! Finds the objects in the program's value.
//!
//! Takes JSON; gives the objects with their places, arrays in their order and
//! fields in the order of their keys. Never leaves anything out but `null`.

use serde_json::{Map, Value};
use windlass_plugin_sdk::diagnostic::{Diagnostic, Diagnostics};

use crate::place::{Place, Step};

/// How deep objects may stand in others that only hold them.
const MAX_SEARCH: usize = 32;
/// How many problems are told.
const MAX_PROBLEMS: usize = 50;

/// An object, and where it stands.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) object: Value,
    pub(crate) place: Place,
}

/// The objects of `value`, the value of the program in the file `main`.
///
/// # Errors
/// What is no object, by its place.
pub(crate) fn collect(value: Value, main: &str) -> Result<Vec<Found>, Diagnostics> {
    let mut search = Search { place: Place::default(), found: Vec::new(), problems: Vec::new(), left_out: 0 };
    search.visit(value);
    let Search { found, problems, left_out, .. } = search;
    if problems.is_empty() {
        return Ok(found);
    }
    let mut diagnostics: Diagnostics =
        problems.into_iter().map(|problem| Diagnostic::error(problem).in_file(main)).collect();
    if left_out > 0 {
        diagnostics.push(Diagnostic::error(format!("and {left_out} more such problems")).in_file(main));
    }
    Err(diagnostics)
}

struct Search {
    place: Place,
    found: Vec<Found>,
    problems: Vec<String>,
    left_out: usize,
}

impl Search {
    fn visit(&mut self, value: Value) {
        match value {
            Value::Null => {}
            Value::Array(items) => self.visit_items(items),
            Value::Object(fields) => self.visit_object(fields),
            Value::String(_) => self.no_object("text"),
            Value::Number(_) => self.no_object("a number"),
            Value::Bool(_) => self.no_object("a boolean"),
        }
    }

    fn visit_items(&mut self, items: Vec<Value>) {
        for (index, item) in items.into_iter().enumerate() {
            self.visit_at(Step::Index(index), item);
        }
    }

    fn visit_at(&mut self, step: Step, value: Value) {
        self.place.0.push(step);
        if self.place.0.len() > MAX_SEARCH {
            self.problem(&format!("nests deeper than {MAX_SEARCH} levels without being an object"));
        } else {
            self.visit(value);
        }
        self.place.0.pop();
    }

    fn visit_object(&mut self, mut fields: Map<String, Value>) {
        let is_text = |name| fields.get(name).is_some_and(Value::is_string);
        if !is_text("apiVersion") && !is_text("kind") {
            // It only holds others.
            for (key, value) in fields {
                self.visit_at(Step::Key(key), value);
            }
            return;
        }
        if let Some((items, kind)) = take_items(&mut fields) {
            self.place.0.push(Step::Key("items".to_owned()));
            let items = items.into_iter().map(|item| infer_kind(item, &fields, &kind)).collect();
            self.visit_items(items);
            self.place.0.pop();
            return;
        }
        let object = Value::Object(fields);
        for (pointer, name) in
            [("/apiVersion", "apiVersion"), ("/kind", "kind"), ("/metadata/name", "metadata.name")]
        {
            if object.pointer(pointer).and_then(Value::as_str).is_none_or(str::is_empty) {
                let hint = if name == "metadata.name" && object.pointer("/metadata/generateName").is_some() {
                    "; `generateName` makes another object at each apply"
                } else {
                    ""
                };
                return self.problem(&format!("`{name}` is missing or not text{hint}"));
            }
        }
        self.found.push(Found { object, place: self.place.clone() });
    }

    fn no_object(&mut self, what: &str) {
        self.problem(&format!("is {what}, not a Kubernetes object; hide what is no object with `::`"));
    }

    fn problem(&mut self, message: &str) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(format!("{}: {message}", self.place));
        } else {
            self.left_out += 1;
        }
    }
}

/// The items of a `List` or of a typed list such as `DeploymentList`, with the
/// kind that items without one have.
fn take_items(fields: &mut Map<String, Value>) -> Option<(Vec<Value>, String)> {
    let kind = fields.get("kind")?.as_str()?.strip_suffix("List")?.to_owned();
    if !fields.get("apiVersion")?.is_string() || !fields.get("items")?.is_array() {
        return None;
    }
    match fields.remove("items")? {
        Value::Array(items) => Some((items, kind)),
        _ => None,
    }
}

fn infer_kind(mut item: Value, list: &Map<String, Value>, kind: &str) -> Value {
    if let Value::Object(item) = &mut item
        && !kind.is_empty()
        && !item.contains_key("kind")
        && !item.contains_key("apiVersion")
    {
        item.insert("kind".to_owned(), kind.into());
        item.insert("apiVersion".to_owned(), list.get("apiVersion").cloned().unwrap_or_default());
    }
    item
}
