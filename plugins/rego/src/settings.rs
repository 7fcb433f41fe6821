//! The settings, sorted by what they are for.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use windlass_plugin_sdk::diagnostic::Diagnostics;

use crate::engine::Version;
use crate::refused;

/// How many objects one policy takes.
const MAX_RESOURCES: usize = 1_000;
/// How many modules one policy takes.
const MAX_MODULES: usize = 500;

/// What is read of the cluster for `data.inventory`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Inventory {
    /// All of it, or the constraint denies: what is not seen could be what it
    /// is there to find.
    #[default]
    Required,
    /// What the Gate grants, and always the set's own objects.
    Available,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
#[derive(Default)]
struct Written {
    resources: Vec<Value>,
    modules: BTreeMap<String, String>,
    namespaces: Option<Vec<String>>,
    data: Map<String, Value>,
    version: Option<String>,
    inventory: Inventory,
}

/// The settings of a policy.
pub(crate) struct Settings {
    /// Templates and constraints, as they were written.
    pub(crate) resources: Vec<Value>,
    /// The modules' texts by their paths.
    pub(crate) modules: BTreeMap<String, String>,
    /// The packages whose rules judge.
    pub(crate) namespaces: Vec<String>,
    /// What modules find in `data`.
    pub(crate) data: Map<String, Value>,
    /// The syntax of the modules. Templates say theirs themselves.
    pub(crate) version: Version,
    pub(crate) inventory: Inventory,
}

/// Reads the settings.
///
/// # Errors
/// What they are not.
pub(crate) fn read(settings: Value) -> Result<Settings, Diagnostics> {
    let written: Written = serde_json::from_value(settings)
        .map_err(|error| Diagnostics::error(format!("bad settings: {error}")))?;
    let mut problems = Diagnostics::new();
    let mut limit = |setting: &str, count: usize, limit: usize| {
        if count > limit {
            let message = format!("there are {count} {setting}, and one rego policy takes {limit}");
            problems.push(refused(format!("/{setting}"), message));
        }
    };
    limit("resources", written.resources.len(), MAX_RESOURCES);
    limit("modules", written.modules.len(), MAX_MODULES);
    let version = written.version.as_deref().unwrap_or("v1");
    let version = Version::from_name(version).unwrap_or_else(|| {
        problems.push(refused("/version", format!("there is no version `{version}` of Rego: `v0` or `v1`")));
        Version::V1
    });
    let namespaces = written.namespaces.unwrap_or_else(|| vec!["main".to_owned()]);
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Settings {
        resources: written.resources,
        modules: written.modules,
        namespaces,
        data: written.data,
        version,
        inventory: written.inventory,
    })
}
