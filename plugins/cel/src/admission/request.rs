//! `request`, as the API server would fill it.

use serde_json::json;

use super::matching::Facts;

/// The JSON of it. The user and the options are not known here, and expressions
/// that read them do not get this far.
pub(super) fn json(facts: &Facts<'_>, kind: &str) -> Vec<u8> {
    let of_kind = json!({"group": facts.group, "version": facts.version, "kind": kind});
    let resource = json!({"group": facts.group, "version": facts.version, "resource": facts.resource});
    // Of a Namespace, the API server says that it is in itself.
    let is_namespace = facts.group.is_empty() && kind == "Namespace";
    let namespace = if is_namespace { facts.name } else { facts.namespace.unwrap_or_default() };
    let mut request = json!({
        "kind": of_kind,
        "resource": resource,
        "requestKind": of_kind,
        "requestResource": resource,
        "name": facts.name,
        "operation": if facts.create { "CREATE" } else { "UPDATE" },
        "dryRun": false,
    });
    if !namespace.is_empty() {
        request["namespace"] = namespace.into();
    }
    request.to_string().into_bytes()
}
