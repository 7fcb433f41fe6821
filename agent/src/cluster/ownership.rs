//! Whether anyone has touched what we applied, told from an object's metadata
//! alone.
//!
//! The API server keeps, for each manager, the set of fields that it owns. Any
//! foreign change to one of ours takes its path out of our entry, so the hash
//! of that entry moves when something of ours was changed. Writes to
//! the status, and fields that others add, don't touch the entry.
//!
//! Pure: takes a `metadata` value, gives a hash.
//!
//! An unmoved hash proves that no value of ours was changed. The order of lists
//! whose items have keys is nobody's, so a foreign reordering is not seen. A
//! moved hash or a missing entry is no proof of drift, so the caller asks the
//! server by a dry run: an empty map or list is owned itself and lost to
//! whoever fills it, and a zero that the server doesn't store is lost to whoever
//! writes it too.

use std::fmt;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// What `metadata.managedFields` says about one manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// The manager owns fields by apply; the hash stands for which.
    Owned(OwnershipHash),
    /// No such entry. Besides a foreign takeover of everything, an API server
    /// that ran out of room or stopped serving the version leaves this behind.
    Missing,
}

/// 128 bits over the version and the owned fields of our apply entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OwnershipHash([u8; 16]);

impl OwnershipHash {
    /// The bytes, for storing.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

impl From<[u8; 16]> for OwnershipHash {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for OwnershipHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The ownership of `manager` by its apply entries in `metadata`, the object's
/// `metadata` field. Entries of subresources don't count: `scale` and `status`
/// have their own.
pub fn ownership(metadata: &Value, manager: &str) -> Ownership {
    let mut entries: Vec<(&str, &Value)> = apply_entries(metadata, manager).collect();
    if entries.is_empty() {
        return Ownership::Missing;
    }
    entries.sort_by_key(|(version, _)| *version);
    let mut hash = Sha256::new();
    for (version, fields) in entries {
        text(&mut hash, version);
        value(&mut hash, fields);
    }
    let digest = hash.finalize();
    let mut short = [0; 16];
    short.copy_from_slice(&digest[..16]);
    Ownership::Owned(OwnershipHash(short))
}

fn apply_entries<'a>(metadata: &'a Value, manager: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let entries = metadata.get("managedFields").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    entries.iter().filter_map(move |entry| {
        let is = |field: &str, wanted: &str| entry.get(field).and_then(Value::as_str) == Some(wanted);
        let main = matches!(entry.get("subresource").and_then(Value::as_str), None | Some(""));
        let ours = main && is("manager", manager) && is("operation", "Apply");
        let version = entry.get("apiVersion").and_then(Value::as_str)?;
        ours.then(|| (version, entry.get("fieldsV1").unwrap_or(&Value::Null)))
    })
}

/// Every text is preceded by its length, so that no two trees look alike.
fn text(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_le_bytes());
    hash.update(text);
}

/// The order of a map's keys is nobody's, so they are sorted. The depth is
/// bounded by the parser that read the object.
fn value(hash: &mut Sha256, tree: &Value) {
    match tree {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            hash.update([b'{']);
            hash.update((keys.len() as u64).to_le_bytes());
            for key in keys {
                text(hash, key);
                value(hash, &map[key]);
            }
        }
        // fieldsV1 is made of maps; anything else is hashed as it is printed.
        other => {
            hash.update([b'=']);
            text(hash, &other.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(manager: &str, operation: &str, version: &str, fields: &Value) -> Value {
        json!({"manager": manager, "operation": operation, "apiVersion": version,
               "fieldsType": "FieldsV1", "fieldsV1": fields, "time": "2026-01-01T00:00:00Z"})
    }

    fn metadata(entries: &[Value]) -> Value {
        json!({"name": "a", "managedFields": entries})
    }

    fn fields() -> Value {
        json!({"f:spec": {"f:replicas": {}, "f:paused": {}}})
    }

    #[test]
    fn a_field_less_is_another_hash_and_other_managers_are_none() {
        let ours = entry("windlass", "Apply", "apps/v1", &fields());
        let before = ownership(&metadata(std::slice::from_ref(&ours)), "windlass");
        let status = entry("controller", "Update", "apps/v1", &json!({"f:status": {}}));
        assert_eq!(ownership(&metadata(&[status, ours]), "windlass"), before);
        let taken = entry("windlass", "Apply", "apps/v1", &json!({"f:spec": {"f:replicas": {}}}));
        assert_ne!(ownership(&metadata(&[taken]), "windlass"), before);
    }

    #[test]
    fn the_time_and_the_order_of_keys_are_not_hashed() {
        let one: Value = serde_json::from_str(r#"{"f:a":{},"f:b":{"k:{\"x\":1}":{".":{}}}}"#).unwrap();
        let two: Value = serde_json::from_str(r#"{"f:b":{"k:{\"x\":1}":{".":{}}},"f:a":{}}"#).unwrap();
        let mut later = entry("w", "Apply", "v1", &two);
        later["time"] = json!("2027-01-01T00:00:00Z");
        assert_eq!(
            ownership(&metadata(&[entry("w", "Apply", "v1", &one)]), "w"),
            ownership(&metadata(&[later]), "w")
        );
    }

    #[test]
    fn another_version_is_another_hash() {
        let hash = |version| ownership(&metadata(&[entry("w", "Apply", version, &fields())]), "w");
        assert_ne!(hash("apps/v1"), hash("apps/v1beta1"));
    }

    #[test]
    fn updates_subresources_and_absent_lists_are_missing() {
        let mut scale = entry("w", "Apply", "v1", &fields());
        scale["subresource"] = json!("scale");
        for metadata in [
            metadata(&[entry("w", "Update", "v1", &fields()), scale]),
            json!({}),
            json!({"managedFields": null}),
        ] {
            assert_eq!(ownership(&metadata, "w"), Ownership::Missing);
        }
    }

    #[test]
    fn nesting_can_not_be_confused_with_listing() {
        let hash = |fields| ownership(&metadata(&[entry("w", "Apply", "v1", &fields)]), "w");
        assert_ne!(hash(json!({"f:a": {"f:b": {}}})), hash(json!({"f:a": {}, "f:b": {}})));
    }
}
