//! What an Application hands to its renderer beside its settings: typed
//! values, what the cluster serves, and a seed of its own.
//!
//! A renderer says in its manifest which of its settings take them. Values are
//! merged as JSON, by key; no text is ever replaced in a file.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::RenderError;
use crate::plugin::{Receives, Seed};

/// What is handed over. All of it decides the render, like the settings do.
#[derive(Clone, Default, PartialEq)]
pub struct Handover {
    /// Values, merged from all sources.
    pub values: Option<Map<String, Value>>,
    /// What the cluster serves.
    pub capabilities: Option<Arc<Capabilities>>,
    /// What randomness starts from, beside what is public.
    pub seed: Option<Seed>,
    /// Whether a part of it is from a Secret: what is made of it stays in memory.
    pub confidential: bool,
}

/// What a cluster serves, as Helm's `.Capabilities` tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// The API server's version, such as `v1.37.0`.
    pub kube_version: String,
    /// `group/version` and `group/version/Kind`, sorted.
    pub api_versions: Vec<String>,
}

impl Handover {
    /// The settings with everything that the renderer receives in them.
    ///
    /// # Errors
    /// [`RenderError::NotReceived`] where it does not take what is handed over.
    pub(super) fn complete(
        &self,
        config: &Value,
        renderer: &str,
        receives: &Receives,
    ) -> Result<Value, RenderError> {
        let mut config = config.clone();
        if !config.is_object() && !config.is_null() {
            // What else they are is the schema's to judge.
            return Ok(config);
        }
        let refused = |what| RenderError::NotReceived { renderer: renderer.to_owned(), what };
        if let Some(values) = &self.values {
            let property = receives.values.as_ref().ok_or_else(|| refused("the Application's values"))?;
            let mut merged = property_of(&mut config, property).take();
            merge(&mut merged, Value::Object(values.clone()));
            *property_of(&mut config, property) = merged;
        }
        if let Some(capabilities) = &self.capabilities {
            let (Some(version), Some(served)) = (&receives.kube_version, &receives.api_versions) else {
                return Err(refused("the cluster's capabilities"));
            };
            // What is written out in the settings is meant.
            let written = property_of(&mut config, version);
            if written.is_null() {
                *written = capabilities.kube_version.clone().into();
            }
            let written = property_of(&mut config, served);
            if written.is_null() {
                *written = capabilities.api_versions.clone().into();
            }
        }
        Ok(config)
    }

    /// A digest of all of it.
    pub(super) fn digest(&self) -> [u8; 32] {
        let Self { values, capabilities, seed, confidential } = self;
        let mut hasher = Sha256::new();
        let mut field = |part: Option<&[u8]>| {
            hasher.update(part.map_or(u64::MAX, |part| part.len() as u64).to_be_bytes());
            hasher.update(part.unwrap_or_default());
        };
        // The map sorts its keys, so equal values have equal text.
        field(
            values
                .as_ref()
                .map(|values| Value::Object(values.clone()).to_string())
                .as_deref()
                .map(str::as_bytes),
        );
        field(capabilities.as_ref().map(|known| format!("{known:?}")).as_deref().map(str::as_bytes));
        field(seed.as_ref().map(Seed::bytes));
        field(Some(&[u8::from(*confidential)]));
        hasher.finalize().into()
    }
}

/// Without the values: they may be from a Secret.
impl fmt::Debug for Handover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { values, capabilities, seed, confidential } = self;
        f.debug_struct("Handover")
            .field("values", &values.as_ref().map(|values| values.keys().collect::<Vec<_>>()))
            .field("capabilities", capabilities)
            .field("seed", &seed.is_some())
            .field("confidential", confidential)
            .finish()
    }
}

/// The property of the settings, which are made an object where there are none.
fn property_of<'a>(config: &'a mut Value, property: &str) -> &'a mut Value {
    if config.is_null() {
        *config = Value::Object(Map::new());
    }
    &mut config[property]
}

/// Puts `over` into `base`: objects by key, everything else as a whole. A null
/// stands, for it means something to renderers.
pub fn merge(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                match base.get_mut(&key) {
                    Some(known) => merge(known, value),
                    None => drop(base.insert(key, value)),
                }
            }
        }
        (base, over) => *base = over,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn receives() -> Receives {
        Receives {
            values: Some("values".to_owned()),
            kube_version: Some("kubeVersion".to_owned()),
            api_versions: Some("apiVersions".to_owned()),
        }
    }

    fn values(value: Value) -> Handover {
        let Value::Object(values) = value else { panic!("no object") };
        Handover { values: Some(values), ..Handover::default() }
    }

    #[test]
    fn values_are_stronger_than_those_of_the_settings_key_by_key() {
        let config =
            json!({"releaseName": "a", "values": {"image": {"tag": "1", "name": "web"}, "list": [1, 2]}});
        let handed = values(json!({"image": {"tag": "2", "pull": null}, "list": [3], "replicas": 3}));
        assert_eq!(
            handed.complete(&config, "helm", &receives()).unwrap(),
            json!({
                "releaseName": "a",
                "values": {"image": {"tag": "2", "name": "web", "pull": null}, "list": [3], "replicas": 3},
            })
        );
    }

    #[test]
    fn settings_that_nobody_wrote_become_an_object() {
        let handed = values(json!({"a": 1}));
        let complete = handed.complete(&Value::Null, "helm", &receives()).unwrap();
        assert_eq!(complete, json!({"values": {"a": 1}}));
    }

    #[test]
    fn a_renderer_that_takes_no_values_is_not_silently_given_them() {
        let error = values(json!({})).complete(&Value::Null, "plain", &Receives::default()).unwrap_err();
        assert_eq!(error.to_string(), "the renderer `plain` does not take the Application's values");
    }

    #[test]
    fn capabilities_that_the_settings_name_are_those_that_count() {
        let capabilities =
            Capabilities { kube_version: "v1.34.0".to_owned(), api_versions: vec!["v1".to_owned()] };
        let handed = Handover { capabilities: Some(Arc::new(capabilities)), ..Handover::default() };
        assert_eq!(
            handed.complete(&json!({"kubeVersion": "1.30"}), "helm", &receives()).unwrap(),
            json!({"kubeVersion": "1.30", "apiVersions": ["v1"]})
        );
    }

    #[test]
    fn every_part_of_it_changes_the_digest() {
        let seed = |letter: u8| Some(Seed::from_secret(&[letter; 16]).unwrap());
        let all = [
            Handover::default(),
            values(json!({})),
            values(json!({"a": 1})),
            values(json!({"a": "1"})),
            Handover { capabilities: Some(Arc::default()), ..Handover::default() },
            Handover { seed: seed(b'1'), ..Handover::default() },
            Handover { seed: seed(b'2'), ..Handover::default() },
            Handover { confidential: true, ..Handover::default() },
        ];
        let digests: std::collections::BTreeSet<_> = all.iter().map(Handover::digest).collect();
        assert_eq!(digests.len(), all.len());
    }

    #[test]
    fn values_are_not_in_what_is_logged() {
        let shown = format!("{:?}", values(json!({"password": "s3cret"})));
        assert!(shown.contains("password") && !shown.contains("s3cret"), "{shown}");
    }
}
