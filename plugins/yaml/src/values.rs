//! Values that an Application gives, and the fields that they go to.
//!
//! A folder declares both in documents of the kind `Values`, with defaults.
//! Only what is declared can be given, with its type, and nothing but the
//! declared fields changes: no text is looked into.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::Deserialize;
use serde_json::{Map, Value};
use windlass_plugin_sdk::diagnostic::Diagnostic;
use windlass_plugin_sdk::object::Object;
use windlass_plugin_sdk::render::Manifest;

use crate::document::{Document, Problem};
use crate::field_path::{FieldPath, Missing};

const API_VERSION: &str = "windlass.dev/v1alpha1";
const KIND: &str = "Values";

/// The most keys that one message names.
const NAMED: usize = 10;

/// A document that declares values.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Declaration {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    /// Nobody asks for it: the document never leaves the folder.
    #[serde(default, rename = "metadata")]
    _metadata: Value,
    #[serde(default)]
    values: Map<String, Value>,
    #[serde(default)]
    replacements: Vec<Replacement>,
}

/// Where one value goes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Replacement {
    /// Its place among the values.
    value: String,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Target {
    select: Selector,
    field_paths: Vec<String>,
    #[serde(default)]
    options: Options,
}

/// Which objects; what is absent is not asked for.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Selector {
    group: Option<String>,
    kind: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Options {
    /// Make the field where the object has none.
    create: bool,
}

/// The declarations of a folder.
#[derive(Default)]
pub(crate) struct Values {
    declared: Vec<(Place, Declaration)>,
}

#[derive(Clone)]
struct Place {
    path: String,
    bytes: Range<usize>,
}

impl Place {
    fn problem(&self, message: impl Into<String>) -> Diagnostic {
        Problem::at(message, self.bytes.clone()).in_file(&self.path)
    }
}

impl Values {
    /// Takes a document that declares values, and gives any other back.
    pub(crate) fn take(&mut self, path: &str, document: Document) -> Result<Option<Document>, Diagnostic> {
        let text = |key| document.content.get(key).and_then(Value::as_str);
        if text("apiVersion") != Some(API_VERSION) || text("kind") != Some(KIND) {
            return Ok(Some(document));
        }
        let place = Place { path: path.to_owned(), bytes: document.bytes };
        match serde_json::from_value(document.content) {
            Ok(declaration) => {
                self.declared.push((place, declaration));
                Ok(None)
            }
            Err(error) => Err(place.problem(format!("is no declaration of values: {error}"))),
        }
    }

    /// Lays what is given over the defaults, and puts it all into the objects.
    pub(crate) fn apply(
        mut self,
        given: &Map<String, Value>,
        folder: &str,
        manifests: &mut [Manifest],
    ) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        let mut taken = BTreeSet::new();
        for (place, declaration) in &mut self.declared {
            lay(&mut declaration.values, given, "", &mut taken, &mut |message| {
                problems.push(place.problem(message));
            });
        }
        let mut missing = Vec::new();
        untaken(given, "", &taken, &mut missing);
        if !missing.is_empty() {
            problems.push(Diagnostic::error(undeclared(&missing, &self.declared)).in_file(folder));
        }
        for (place, declaration) in &self.declared {
            for replacement in &declaration.replacements {
                let result = put(replacement, &declaration.values, manifests);
                problems.extend(result.into_iter().map(|message| place.problem(message)));
            }
        }
        problems
    }
}

/// Lays the given values over those of one document that it declares.
fn lay(
    declared: &mut Map<String, Value>,
    given: &Map<String, Value>,
    prefix: &str,
    taken: &mut BTreeSet<String>,
    problem: &mut dyn FnMut(String),
) {
    for (key, default) in declared {
        let Some(given) = given.get(key) else { continue };
        let path = path_of(prefix, key);
        match (default, given) {
            (Value::Object(default), Value::Object(given)) if !default.is_empty() => {
                taken.extend(given.is_empty().then(|| path.clone()));
                lay(default, given, &path, taken, problem);
            }
            (default, given) => {
                taken.insert(path.clone());
                if !default.is_null() && kind(default) != kind(given) {
                    problem(format!(
                        "the value `{path}` is declared as {}, and {} is given",
                        kind(default),
                        kind(given)
                    ));
                } else {
                    *default = given.clone();
                }
            }
        }
    }
}

/// The given keys that no document has taken.
fn untaken(given: &Map<String, Value>, prefix: &str, taken: &BTreeSet<String>, missing: &mut Vec<String>) {
    for (key, value) in given {
        let path = path_of(prefix, key);
        match value {
            _ if taken.contains(&path) => {}
            Value::Object(fields) if !fields.is_empty() => untaken(fields, &path, taken, missing),
            _ => missing.push(path),
        }
    }
}

fn undeclared(missing: &[String], declared: &[(Place, Declaration)]) -> String {
    let mut named: Vec<_> = missing.iter().take(NAMED).map(|key| format!("`{key}`")).collect();
    if missing.len() > NAMED {
        named.push(format!("{} more", missing.len() - NAMED));
    }
    let files: BTreeSet<_> = declared.iter().map(|(place, _)| place.path.as_str()).take(NAMED).collect();
    let known = if files.is_empty() {
        format!("there is no document of the kind {KIND} ({API_VERSION}) in the folder")
    } else {
        format!("what can be given stands in {}", files.into_iter().collect::<Vec<_>>().join(", "))
    };
    format!(
        "the value {} is given and not declared: {known}; correct the key, or declare it there",
        named.join(", ")
    )
}

/// Puts one value into its fields; gives what is wrong.
fn put(replacement: &Replacement, values: &Map<String, Value>, manifests: &mut [Manifest]) -> Vec<String> {
    let Replacement { value: path, targets } = replacement;
    let source = match path.parse::<FieldPath>() {
        Ok(parsed) => parsed.find(values),
        Err(problem) => return vec![format!("the path `{path}` {problem}")],
    };
    let Some(value) = source else {
        return vec![format!("the value `{path}` is not declared in this document")];
    };
    targets.iter().flat_map(|target| put_into(target, value, manifests)).collect()
}

fn put_into(target: &Target, value: &Value, manifests: &mut [Manifest]) -> Vec<String> {
    let mut problems = Vec::new();
    let selected: Vec<&mut Manifest> =
        manifests.iter_mut().filter(|manifest| target.select.matches(&manifest.object)).collect();
    if selected.is_empty() {
        problems.push(format!("no object in the folder is {}", target.select));
    }
    for manifest in selected {
        for path in &target.field_paths {
            let put = path.parse::<FieldPath>().map_err(|problem| format!("the path `{path}` {problem}"));
            let put = put.and_then(|parsed| {
                parsed.put(&mut manifest.object, value, target.options.create).map_err(|missing| match missing {
                    Missing::Identity => format!("`{path}` is a part of what the object is, and can't be replaced"),
                    Missing::Field(at) => {
                        let object = Object::new(manifest.object.clone()).reference();
                        format!("{object} has no field `{at}`; write it with a default, or set `options: {{create: true}}`")
                    }
                })
            });
            problems.extend(put.err());
        }
    }
    problems
}

impl Selector {
    fn matches(&self, object: &Value) -> bool {
        let object = Object::new(object.clone());
        let is =
            |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        is(&self.group, object.group())
            && is(&self.kind, object.kind())
            && is(&self.namespace, object.namespace().unwrap_or_default())
            && is(&self.name, object.name())
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            ("group", &self.group),
            ("kind", &self.kind),
            ("namespace", &self.namespace),
            ("name", &self.name),
        ];
        let named: Vec<_> = parts
            .into_iter()
            .filter_map(|(key, value)| Some(format!("{key}: {}", value.as_deref()?)))
            .collect();
        write!(f, "{{{}}}", named.join(", "))
    }
}

/// Names a key as field paths do, so that no two have one name.
fn path_of(prefix: &str, key: &str) -> String {
    let key = key.replace('.', "\\.");
    if prefix.is_empty() { key } else { format!("{prefix}.{key}") }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
