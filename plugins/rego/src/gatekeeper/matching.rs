//! `spec.match` of a constraint: which objects it is about.

use regorus::Value as RegoValue;
use serde_json::Value;
use windlass_plugin_sdk::diagnostic::{Diagnostic, Diagnostics};

use super::selector::Selector;
use crate::refused;
use crate::review::{Identity, field, text};

/// Which objects a constraint is about: all of them by default.
#[derive(Debug, Default)]
pub(super) struct Match {
    kinds: Vec<Kinds>,
    scope: Scope,
    namespaces: Vec<Glob>,
    excluded_namespaces: Vec<Glob>,
    label_selector: Option<Selector>,
    namespace_selector: Option<Selector>,
    name: Option<Glob>,
    /// Only what Gatekeeper itself expands other objects to, which there is not.
    only_generated: bool,
}

#[derive(Debug)]
struct Kinds {
    groups: Vec<String>,
    kinds: Vec<String>,
}

#[derive(Debug, Default)]
enum Scope {
    #[default]
    Any,
    Cluster,
    Namespaced,
}

/// A text with `*` at its start, at its end, or both.
#[derive(Debug)]
struct Glob(String);

/// Whether an object is matched.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Matched {
    No,
    Yes,
    /// If the labels of its namespace fit.
    ByNamespace,
}

impl Match {
    /// Reads `spec.match`; everything is matched without it.
    pub(super) fn read(written: &Value, pointer: &str) -> Result<Self, Diagnostics> {
        let fields = match written {
            Value::Null => return Ok(Self::default()),
            Value::Object(fields) => fields,
            _ => return Err(refused(pointer, "a match is an object").into()),
        };
        let mut matching = Self::default();
        let mut problems = Diagnostics::new();
        for (key, value) in fields {
            if !value.is_null()
                && let Err(problem) = matching.set(key, value, &format!("{pointer}/{key}"))
            {
                problems.push(problem);
            }
        }
        if problems.is_empty() { Ok(matching) } else { Err(problems) }
    }

    fn set(&mut self, key: &str, value: &Value, at: &str) -> Result<(), Diagnostic> {
        match key {
            "kinds" => self.kinds = kinds(value, at)?,
            "scope" => {
                self.scope = match value.as_str() {
                    Some("Cluster") => Scope::Cluster,
                    Some("Namespaced") => Scope::Namespaced,
                    Some("*" | "") => Scope::Any,
                    _ => return Err(refused(at, "the scope is `*`, `Cluster` or `Namespaced`")),
                };
            }
            "namespaces" => self.namespaces = globs(value, at)?,
            "excludedNamespaces" => self.excluded_namespaces = globs(value, at)?,
            "labelSelector" => self.label_selector = Some(Selector::read(value, at)?),
            "namespaceSelector" => self.namespace_selector = Some(Selector::read(value, at)?),
            "name" => self.name = Some(Glob::read(value, at)?).filter(|glob| !glob.0.is_empty()),
            "source" => {
                self.only_generated = match value.as_str() {
                    Some("Generated") => true,
                    Some("All" | "Original" | "") => false,
                    _ => return Err(refused(at, "the source is `All`, `Original` or `Generated`")),
                };
            }
            _ => return Err(refused(at, format!("a match has no field `{key}`"))),
        }
        Ok(())
    }

    /// Whether it is about `object`, without the labels of its namespace.
    pub(super) fn of(&self, object: &RegoValue) -> Matched {
        let identity = Identity::of(object);
        let metadata = field(object, "metadata").unwrap_or(&RegoValue::Null);
        let labels = field(metadata, "labels");
        let is_namespace = identity.is_namespace();
        let namespace = if is_namespace { identity.name } else { identity.namespace };
        let namespaced = !identity.namespace.is_empty();
        let scope = match self.scope {
            Scope::Any => true,
            Scope::Cluster => is_namespace || !namespaced,
            Scope::Namespaced => !is_namespace && namespaced,
        };
        let in_namespaces = namespace.is_empty()
            || ((self.namespaces.is_empty() || self.namespaces.iter().any(|glob| glob.fits(namespace)))
                && !self.excluded_namespaces.iter().any(|glob| glob.fits(namespace)));
        let named = self.name.as_ref().is_none_or(|glob| {
            glob.fits(identity.name) || glob.fits_generated(text(metadata, "generateName"))
        });
        let fits = !self.only_generated
            && (self.kinds.is_empty() || self.kinds.iter().any(|kinds| kinds.fit(identity)))
            && scope
            && in_namespaces
            && named
            && self.label_selector.as_ref().is_none_or(|selector| selector.fits(labels));
        match &self.namespace_selector {
            _ if !fits => Matched::No,
            Some(selector) if is_namespace && !selector.fits(labels) => Matched::No,
            Some(_) if !is_namespace && namespaced => Matched::ByNamespace,
            _ => Matched::Yes,
        }
    }

    /// Whether the labels of a namespace fit.
    pub(super) fn fits_namespace(&self, namespace: &RegoValue) -> bool {
        let labels = field(namespace, "metadata").and_then(|metadata| field(metadata, "labels"));
        self.namespace_selector.as_ref().is_none_or(|selector| selector.fits(labels))
    }
}

impl Kinds {
    fn fit(&self, identity: Identity<'_>) -> bool {
        let fits = |list: &[String], name: &str| {
            list.is_empty() || list.iter().any(|element| element == "*" || element == name)
        };
        fits(&self.kinds, identity.kind) && fits(&self.groups, identity.group)
    }
}

impl Glob {
    fn read(value: &Value, at: &str) -> Result<Self, Diagnostic> {
        let text = value.as_str().ok_or_else(|| refused(at, "a name is a text"))?;
        let inner = text.strip_prefix('*').unwrap_or(text);
        let inner = inner.strip_suffix('*').unwrap_or(inner);
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-:".contains(&byte);
        if !inner.bytes().all(|byte| plain(byte) || byte == b'.') {
            let message = format!("`{text}` is not a name with `*` at its start or its end");
            return Err(refused(at, message));
        }
        Ok(Self(text.to_owned()))
    }

    fn fits(&self, name: &str) -> bool {
        match (self.0.strip_prefix('*'), self.0.strip_suffix('*')) {
            (Some(inner), Some(_)) => name.contains(inner.strip_suffix('*').unwrap_or(inner)),
            (Some(end), None) => name.ends_with(end),
            (None, Some(start)) => name.starts_with(start),
            (None, None) => self.0 == name,
        }
    }

    /// Whether every name fits that the API server makes of a prefix.
    fn fits_generated(&self, prefix: &str) -> bool {
        self.0.ends_with('*') && self.fits(prefix)
    }
}

fn globs(value: &Value, at: &str) -> Result<Vec<Glob>, Diagnostic> {
    let Value::Array(globs) = value else { return Err(refused(at, "the namespaces are a list")) };
    globs.iter().enumerate().map(|(index, glob)| Glob::read(glob, &format!("{at}/{index}"))).collect()
}

fn kinds(value: &Value, at: &str) -> Result<Vec<Kinds>, Diagnostic> {
    let Value::Array(kinds) = value else { return Err(refused(at, "the kinds are a list")) };
    kinds.iter().enumerate().map(|(index, kinds)| read_kinds(kinds, &format!("{at}/{index}"))).collect()
}

fn read_kinds(value: &Value, at: &str) -> Result<Kinds, Diagnostic> {
    let Value::Object(fields) = value else { return Err(refused(at, "kinds are an object")) };
    if let Some(key) = fields.keys().find(|key| !["apiGroups", "kinds"].contains(&key.as_str())) {
        return Err(refused(at, format!("kinds have `apiGroups` and `kinds`, and no `{key}`")));
    }
    let texts = |key: &str| match fields.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(texts)) => texts
            .iter()
            .map(|text| text.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or_else(|| refused(format!("{at}/{key}"), format!("`{key}` is a list of texts"))),
        Some(_) => Err(refused(format!("{at}/{key}"), format!("`{key}` is a list of texts"))),
    };
    Ok(Kinds { groups: texts("apiGroups")?, kinds: texts("kinds")? })
}
