//! What a `ConfigMap` or a Secret holds, key by key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::cluster::{Cluster, ClusterError, ObjectRef, View};
use crate::object::ObjectKey;

/// An object with data. Has no `Debug`, so that it can't be logged.
pub(crate) struct Keys {
    key: ObjectKey,
    /// As it stands there.
    plain: Value,
    /// In base64.
    encoded: Value,
    resource_version: String,
}

impl Keys {
    /// Reads an object of the kind `ConfigMap` or `Secret`.
    pub(crate) async fn read(
        cluster: &Cluster,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Self, ClusterError> {
        let key = ObjectKey {
            group: String::new(),
            kind: kind.to_owned(),
            namespace: Some(namespace.to_owned()),
            name: name.to_owned(),
        };
        let mut object = cluster.get(&ObjectRef::new(key.clone(), "v1"), View::Full).await?;
        let resource_version = object.pointer("/metadata/resourceVersion").and_then(Value::as_str);
        let resource_version = resource_version.unwrap_or_default().to_owned();
        let data = object["data"].take();
        let (plain, encoded) =
            if key.is_secret() { (Value::Null, data) } else { (data, object["binaryData"].take()) };
        Ok(Self { key, plain, encoded, resource_version })
    }

    /// The state that was read.
    pub(crate) fn resource_version(&self) -> &str {
        &self.resource_version
    }

    /// The content of a key, if it is there.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(crate) fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        if let Some(text) = self.plain.get(key).and_then(Value::as_str) {
            return Ok(Some(text.as_bytes().to_vec()));
        }
        let Some(encoded) = self.encoded.get(key).and_then(Value::as_str) else { return Ok(None) };
        STANDARD
            .decode(encoded)
            .map(Some)
            .map_err(|_| self.invalid(&format!("its key `{key}` is not base64")))
    }

    /// The content of a key as text, if it is there.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(crate) fn text(&self, key: &str) -> Result<Option<String>, String> {
        let content = self.get(key)?.map(String::from_utf8).transpose();
        content.map_err(|_| self.invalid(&format!("its key `{key}` is not UTF-8")))
    }

    /// `the Secret shop/web can't be used: …`
    pub(crate) fn invalid(&self, problem: &str) -> String {
        let ObjectKey { kind, name, .. } = &self.key;
        format!("the {kind} `{name}` can't be used: {problem}")
    }
}
