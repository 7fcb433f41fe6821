//! An object as policies see it.

use regorus::Value;
use windlass_plugin_sdk::policy::Subject;

/// What is judged, as values of the engine.
#[derive(Clone, Debug)]
pub(crate) struct Reviewed {
    pub(crate) object: Value,
    /// What it was before.
    pub(crate) old: Option<Value>,
}

impl Reviewed {
    /// Reads what the host sends.
    ///
    /// # Errors
    /// When it is not JSON that the engine can hold.
    pub(crate) fn read(subject: &Subject) -> Result<Self, String> {
        Ok(Self { object: parse(subject.json())?, old: subject.old_json().map(parse).transpose()? })
    }

    /// Whether its values must not be quoted.
    pub(crate) fn is_secret(&self) -> bool {
        text(&self.object, "kind") == "Secret"
    }

    /// `input.review`, but for the namespace.
    pub(crate) fn review(&self) -> Value {
        let identity = Identity::of(&self.object);
        let empty = Value::from("");
        let kind = map([
            ("group", identity.group.into()),
            ("version", identity.version.into()),
            ("kind", identity.kind.into()),
        ]);
        let resource =
            map([("group", empty.clone()), ("version", empty.clone()), ("resource", empty.clone())]);
        let mut review = map([
            ("uid", empty),
            ("kind", kind),
            ("resource", resource),
            ("operation", if self.old.is_some() { "UPDATE" } else { "CREATE" }.into()),
            ("userInfo", Value::new_object()),
            ("object", self.object.clone()),
            ("oldObject", self.old.clone().unwrap_or(Value::Null)),
            ("options", Value::Null),
        ]);
        set(&mut review, "name", identity.name.into());
        if !identity.namespace.is_empty() {
            set(&mut review, "namespace", identity.namespace.into());
        }
        review
    }
}

/// What an object is called. What is not there is empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity<'a> {
    pub(crate) group: &'a str,
    pub(crate) version: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
}

impl<'a> Identity<'a> {
    pub(crate) fn of(object: &'a Value) -> Self {
        let (group, version) =
            text(object, "apiVersion").rsplit_once('/').unwrap_or(("", text(object, "apiVersion")));
        let metadata = field(object, "metadata").unwrap_or(&Value::Null);
        Self {
            group,
            version,
            kind: text(object, "kind"),
            namespace: text(metadata, "namespace"),
            name: text(metadata, "name"),
        }
    }

    /// Whether it is itself a namespace.
    pub(crate) fn is_namespace(self) -> bool {
        self.kind == "Namespace" && self.group.is_empty()
    }
}

/// Reads JSON.
///
/// # Errors
/// When it is none.
pub(crate) fn parse(json: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(json).map_err(|_| "the object is not text".to_owned())?;
    Value::from_json_str(text).map_err(|_| "the object is not JSON that the engine can read".to_owned())
}

/// The field of an object.
pub(crate) fn field<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value {
        Value::Object(fields) => fields.get(&Value::from(key)),
        _ => None,
    }
}

/// The text in the field of an object, or none.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    match field(value, key) {
        Some(Value::String(text)) => text,
        _ => "",
    }
}

/// An object of these fields.
pub(crate) fn map<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let mut object = Value::new_object();
    for (key, value) in fields {
        set(&mut object, key, value);
    }
    object
}

/// Sets a field of an object.
pub(crate) fn set(object: &mut Value, key: &str, value: Value) {
    if let Ok(fields) = object.as_object_mut() {
        fields.insert(key.into(), value);
    }
}
