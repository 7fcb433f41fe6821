//! A place of a pod that violates a rule, and what upstream says of several of
//! them together.

use std::borrow::Cow;
use std::collections::BTreeSet;

use windlass_plugin_sdk::object::pointer_step;

use crate::pod::Container;
use crate::text::{clipped, plural, quoted_list};
use crate::workload::Root;

/// One field, there or missing.
#[derive(Clone, Debug)]
pub(crate) struct Place<'p> {
    pub(crate) owner: Owner<'p>,
    /// Where the field is in its owner, as a JSON pointer.
    field: Cow<'static, str>,
    /// What stands there; nothing where something must.
    pub(crate) value: Option<Cow<'p, str>>,
}

/// Whose field it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Owner<'p> {
    Pod,
    Container { list: &'static str, index: usize, name: Cow<'p, str> },
    Volume { index: usize, name: Cow<'p, str> },
    Annotation { key: &'p str },
}

impl<'p> Place<'p> {
    /// A field of the pod's spec.
    pub(crate) fn pod(field: impl Into<Cow<'static, str>>, value: &'p str) -> Self {
        Self::new(Owner::Pod, field, Some(value))
    }

    /// A field of a container that must not be as it is.
    pub(crate) fn container(
        (list, index, container): (&'static str, usize, &'p Container<'p>),
        field: impl Into<Cow<'static, str>>,
        value: &'p str,
    ) -> Self {
        let name = clipped(&container.name);
        Self::new(Owner::Container { list, index, name }, field, Some(value))
    }

    /// A field of a container that must be set.
    pub(crate) fn missing(
        (list, index, container): (&'static str, usize, &'p Container<'p>),
        field: &'static str,
    ) -> Self {
        let name = clipped(&container.name);
        Self::new(Owner::Container { list, index, name }, field, None)
    }

    pub(crate) fn volume(index: usize, name: &'p str, field: String, value: &'p str) -> Self {
        Self::new(Owner::Volume { index, name: clipped(name) }, field, Some(value))
    }

    /// An annotation; its text is the key with the value.
    pub(crate) fn annotation(key: &'p str, text: String) -> Self {
        let value = Some(Cow::Owned(text));
        Self { owner: Owner::Annotation { key }, field: Cow::Borrowed(""), value }
    }

    /// The same place with a value that does not stand in the object as text.
    pub(crate) fn valued(self, value: String) -> Self {
        Self { value: Some(Cow::Owned(value)), ..self }
    }

    fn new(owner: Owner<'p>, field: impl Into<Cow<'static, str>>, value: Option<&'p str>) -> Self {
        Self { owner, field: field.into(), value: value.map(clipped) }
    }

    /// The name of the field.
    pub(crate) fn field_name(&self) -> &str {
        self.field.rsplit('/').next().unwrap_or_default()
    }

    /// Where it is in the object.
    pub(crate) fn pointer(&self, root: Root) -> String {
        let (Root { metadata, spec }, field) = (root, &self.field);
        match &self.owner {
            Owner::Pod => format!("{spec}{field}"),
            Owner::Container { list, index, .. } => format!("{spec}/{list}/{index}{field}"),
            Owner::Volume { index, .. } => format!("{spec}/volumes/{index}{field}"),
            Owner::Annotation { key } => format!("{metadata}/annotations{}", pointer_step(key)),
        }
    }
}

/// The names of the containers and of the volumes among the owners, each once.
pub(crate) fn names<'n>(places: &'n [Place<'_>]) -> Vec<&'n str> {
    let mut names = Vec::new();
    let mut last = None;
    for place in places {
        if let Owner::Container { name, .. } | Owner::Volume { name, .. } = &place.owner
            && last.replace(&place.owner) != Some(&place.owner)
        {
            names.push(&**name);
        }
    }
    names
}

/// `container "a"`, `containers "a", "b"`
pub(crate) fn containers(places: &[Place<'_>]) -> String {
    let names = names(places);
    format!("{} {}", plural("container", "containers", names.len()), quoted_list(&names))
}

/// `pod and container "a"`
pub(crate) fn setters(places: &[Place<'_>]) -> String {
    let mut setters = Vec::new();
    if places.iter().any(|place| place.owner == Owner::Pod) {
        setters.push("pod".to_owned());
    }
    if !names(places).is_empty() {
        setters.push(containers(places));
    }
    let annotations = places.iter().filter(|place| matches!(place.owner, Owner::Annotation { .. })).count();
    if annotations > 0 {
        setters.push(plural("annotation", "annotations", annotations).to_owned());
    }
    setters.join(" and ")
}

/// The values, sorted, each once.
pub(crate) fn values<'v>(places: impl IntoIterator<Item = &'v Place<'v>>) -> Vec<&'v str> {
    let values: BTreeSet<&str> = places.into_iter().filter_map(|place| place.value.as_deref()).collect();
    values.into_iter().collect()
}
