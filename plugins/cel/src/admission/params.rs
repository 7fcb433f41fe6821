//! Parameters: the objects that a binding hands to its policy.

use serde_json::Value as Json;

use super::spec::{NotFound, ParamKind, ParamRef};
use super::store::{Store, label, metadata, not_granted};
use crate::failure::Failure;
use crate::value::Value;

/// An object that the settings hold.
pub(crate) struct Param {
    pub(super) place: String,
    pub(super) kind: String,
    group: String,
    json: Vec<u8>,
}

impl Param {
    pub(super) fn read(place: String, object: &Json) -> Self {
        let text = |name: &str| object.get(name).and_then(Json::as_str).unwrap_or_default();
        let (kind, group) = (text("kind").to_owned(), group(text("apiVersion")).to_owned());
        Self { place, kind, group, json: object.to_string().into_bytes() }
    }

    pub(super) fn is_of(&self, kind: &ParamKind) -> bool {
        self.kind == kind.kind && self.group == group(&kind.api_version)
    }

    pub(super) fn json(&self) -> &[u8] {
        &self.json
    }
}

fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// The parameters for an object in `namespace`: those of the settings, or else
/// those of the cluster. A single null where the binding names none; none where
/// there are none and the binding allows that.
///
/// # Errors
/// Why the binding can't be used.
pub(super) fn collect<'d>(
    kind: &ParamKind,
    param_ref: &ParamRef,
    namespace: Option<&str>,
    own: &[(&Param, Value<'d>)],
    store: &Store<'d, '_>,
) -> Result<Vec<Value<'d>>, Failure> {
    let own = own.iter().filter(|(param, _)| param.is_of(kind)).map(|(_, object)| object);
    let mut found = choose(own, param_ref, namespace)?;
    if found.is_empty() {
        let name = Some(param_ref.name.as_str()).filter(|name| !name.is_empty());
        let group = group(&kind.api_version);
        let full = format!("{}/{}", if group.is_empty() { "v1" } else { group }, kind.kind);
        let answer = store.find(&full, name);
        found = choose(answer.objects.iter(), param_ref, namespace)?;
        if !answer.complete && (found.is_empty() || param_ref.selector.is_some()) {
            return Err(not_granted(&full, name));
        }
    }
    if found.is_empty() && param_ref.parameter_not_found_action != Some(NotFound::Allow) {
        return Err(Failure::plain("no params found for policy binding with `Deny` parameterNotFoundAction"));
    }
    Ok(found)
}

/// Those that a binding names: in its own namespace, or in the object's, where
/// they have one.
fn choose<'d: 'v, 'v>(
    objects: impl Iterator<Item = &'v Value<'d>>,
    param_ref: &ParamRef,
    namespace: Option<&str>,
) -> Result<Vec<Value<'d>>, Failure> {
    let mut found = Vec::new();
    for object in objects {
        let named = match &param_ref.selector {
            Some(selector) => selector.matches(&|key| label(object, key)),
            None => metadata(object, "name").is_some_and(|name| *name == *param_ref.name),
        };
        if !named {
            continue;
        }
        let wanted =
            if param_ref.namespace.is_empty() { namespace } else { Some(param_ref.namespace.as_str()) };
        let fits = match (metadata(object, "namespace"), wanted) {
            (None, _) => true,
            (Some(own), Some(wanted)) => *own == *wanted,
            (Some(_), None) => {
                return Err(Failure::plain(
                    "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources",
                ));
            }
        };
        if fits {
            found.push(object.clone());
        }
    }
    Ok(found)
}
