//! What a `ConfigMap` or a Secret holds, key by key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::values::watch::content_of;
use crate::cluster::{Cluster, ClusterError, ObjectRef, View};
use crate::object::ObjectKey;

/// The label of a Secret that Applications may read in the agent's name.
pub(crate) const GIVEN_LABEL: &str = "windlass.dev/values";

/// An object with data. Has no `Debug`, so that it can't be logged.
pub(crate) struct Keys {
    key: ObjectKey,
    /// As it stands there.
    plain: Value,
    /// In base64.
    encoded: Value,
    content: [u8; 32],
    /// Whether its owner lets Applications have it.
    given: bool,
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
        let content = content_of(&object);
        let given =
            object.get("metadata").and_then(|metadata| metadata.get("labels")?.get(GIVEN_LABEL)?.as_str())
                == Some("true");
        let data = object["data"].take();
        let (plain, encoded) =
            if key.is_secret() { (Value::Null, data) } else { (data, object["binaryData"].take()) };
        Ok(Self { key, plain, encoded, content, given })
    }

    /// What it holds, as a digest.
    pub(crate) fn content(&self) -> [u8; 32] {
        self.content
    }

    /// Whether it has the label by which its owner lets Applications of its
    /// namespace have what it holds.
    pub(crate) fn is_given(&self) -> bool {
        self.given
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
