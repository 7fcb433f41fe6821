//! The containers of a pod spec, with the place of each.

use serde_json::Value;

use super::Object;

/// One container of a Pod or of a pod template.
#[derive(Clone, Debug)]
pub struct Container<'a> {
    content: &'a Value,
    list: &'static str,
    pointer: String,
}

/// All containers of `object`, in the order of the three lists.
pub(super) fn of(object: &Object) -> impl Iterator<Item = Container<'_>> {
    let spec = object.pod_spec_pointer();
    ["containers", "initContainers", "ephemeralContainers"].into_iter().flat_map(move |list| {
        let place = spec.map(|spec| format!("{spec}/{list}")).unwrap_or_default();
        let containers = if place.is_empty() { &[] } else { object.list(&place) };
        containers.iter().enumerate().map(move |(index, content)| Container {
            content,
            list,
            pointer: format!("{place}/{index}"),
        })
    })
}

impl<'a> Container<'a> {
    /// Its name; empty where it is missing.
    pub fn name(&self) -> &'a str {
        self.text("/name").unwrap_or_default()
    }

    /// Its image; empty where it is missing.
    pub fn image(&self) -> &'a str {
        self.text("/image").unwrap_or_default()
    }

    /// The whole container.
    pub fn value(&self) -> &'a Value {
        self.content
    }

    /// What stands at a JSON pointer within the container, for example
    /// `/securityContext/privileged`.
    pub fn pointer(&self, pointer: &str) -> Option<&'a Value> {
        super::walk(self.content, pointer)
    }

    /// The string at a JSON pointer within the container.
    pub fn text(&self, pointer: &str) -> Option<&'a str> {
        self.pointer(pointer)?.as_str()
    }

    /// The boolean at a JSON pointer within the container; `false` where there
    /// is none.
    pub fn flag(&self, pointer: &str) -> bool {
        self.pointer(pointer).and_then(Value::as_bool).unwrap_or_default()
    }

    /// Where one of its fields stands in the object, for a finding: `image`,
    /// `securityContext/privileged`; the container itself for an empty field.
    pub fn at(&self, field: &str) -> String {
        let field = field.trim_start_matches('/');
        if field.is_empty() { self.pointer.clone() } else { format!("{}/{field}", self.pointer) }
    }

    /// Whether it runs before the others.
    pub fn is_init(&self) -> bool {
        self.list == "initContainers"
    }

    /// Whether it was put into a running Pod.
    pub fn is_ephemeral(&self) -> bool {
        self.list == "ephemeralContainers"
    }
}
