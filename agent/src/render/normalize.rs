//! Makes a manifest ready to be applied: takes out what only a live object
//! may have, and refuses what server-side apply would merge by accident.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// A field that can't be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// Where, as a JSON pointer.
    pub(super) pointer: String,
    /// What, to follow the object's name.
    pub(super) message: String,
}

/// Normalises `object` in place; gives what is wrong with it.
pub(super) fn normalize(object: &mut Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    let Some(fields) = object.as_object_mut() else { return problems };
    // Status belongs to controllers, and the rest of these to the API server.
    fields.remove("status");
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        for live in ["managedFields", "resourceVersion", "uid", "generation", "selfLink"] {
            metadata.remove(live);
        }
        metadata.remove("creationTimestamp");
    }
    if is_core(fields, "Secret") {
        encode_string_data(fields, &mut problems);
    }
    for template in templates_of(fields) {
        if let Some(metadata) =
            object.pointer_mut(&format!("{template}/metadata")).and_then(Value::as_object_mut)
        {
            // Go's encoder writes it where the type can't leave it out.
            if metadata.get("creationTimestamp").is_some_and(Value::is_null) {
                metadata.remove("creationTimestamp");
            }
        }
        refuse_duplicates_in_pod(object, &format!("{template}/spec"), &mut problems);
    }
    if object.as_object().is_some_and(|fields| is_core(fields, "Service")) {
        refuse_duplicates(object, "/spec/ports", &["name"], "ports", &mut problems);
        refuse_duplicates(object, "/spec/ports", &["port", "protocol"], "ports", &mut problems);
    }
    problems
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn is_core(fields: &Map<String, Value>, kind: &str) -> bool {
    text(fields, "apiVersion") == "v1" && text(fields, "kind") == kind
}

/// The API server never returns `stringData`, and keeps keys in `data` that
/// were once set through it: applying both ways would leave removed keys.
fn encode_string_data(fields: &mut Map<String, Value>, problems: &mut Vec<Problem>) {
    let strings = match fields.remove("stringData") {
        Some(Value::Object(strings)) => strings,
        None | Some(Value::Null) => return,
        Some(_) => {
            problems.push(Problem {
                pointer: "/stringData".to_owned(),
                message: "has a `stringData` that is not a mapping".to_owned(),
            });
            return;
        }
    };
    let data = fields.entry("data").or_insert(Value::Null);
    if data.is_null() {
        *data = Value::Object(Map::new());
    }
    for (key, value) in strings {
        let pointer = format!("/stringData/{}", escape(&key));
        match (value, data.as_object_mut()) {
            (Value::String(value), Some(data)) => {
                data.insert(key, Value::String(STANDARD.encode(value)));
            }
            // The value is a secret even where it has the wrong type.
            (_, Some(_)) => problems.push(Problem {
                pointer,
                message: format!("has a `stringData` whose `{key}` is not a string"),
            }),
            (_, None) => {
                problems.push(Problem {
                    pointer: "/data".to_owned(),
                    message: "has a `data` that is not a mapping".to_owned(),
                });
                return;
            }
        }
    }
}

/// Pointers to the pod templates in an object of a built-in kind; a Pod is its
/// own template.
fn templates_of(fields: &Map<String, Value>) -> &'static [&'static str] {
    let group = text(fields, "apiVersion").split_once('/').map_or("", |(group, _)| group);
    match (group, text(fields, "kind")) {
        ("", "Pod") => &[""],
        ("", "PodTemplate") => &["/template"],
        ("" | "apps" | "batch" | "extensions", kind) => match kind {
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ReplicationController" | "Job" => {
                &["/spec/template"]
            }
            "CronJob" => &["/spec/jobTemplate/spec/template"],
            _ => &[],
        },
        _ => &[],
    }
}

/// Lists that server-side apply merges by key: with a key twice it merges or
/// refuses, depending on what the object looked like before.
fn refuse_duplicates_in_pod(object: &Value, spec: &str, problems: &mut Vec<Problem>) {
    refuse_duplicates(object, &format!("{spec}/volumes"), &["name"], "volumes", problems);
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        let containers = format!("{spec}/{list}");
        refuse_duplicates(object, &containers, &["name"], list, problems);
        let count = object.pointer(&containers).and_then(Value::as_array).map_or(0, Vec::len);
        for index in 0..count {
            let container = format!("{containers}/{index}");
            refuse_duplicates(object, &format!("{container}/env"), &["name"], "env", problems);
            refuse_duplicates(
                object,
                &format!("{container}/volumeMounts"),
                &["mountPath"],
                "volumeMounts",
                problems,
            );
            let ports = format!("{container}/ports");
            refuse_duplicates(object, &ports, &["name"], "ports", problems);
            refuse_duplicates(object, &ports, &["containerPort", "protocol"], "ports", problems);
        }
    }
}

fn refuse_duplicates(object: &Value, list: &str, key: &[&str], name: &str, problems: &mut Vec<Problem>) {
    let Some(items) = object.pointer(list).and_then(Value::as_array) else { return };
    let mut seen = std::collections::HashSet::new();
    for (index, item) in items.iter().enumerate() {
        // An item without the first part of the key has no key of this sort.
        let Some(first) = item.get(key[0]).filter(|first| !first.is_null()) else { continue };
        let mut value = plain(first);
        for part in &key[1..] {
            // The only second part is the protocol, which defaults to TCP.
            value.push('/');
            value.push_str(item.get(*part).and_then(Value::as_str).unwrap_or("TCP"));
        }
        if !seen.insert(value.clone()) {
            problems.push(Problem {
                pointer: format!("{list}/{index}"),
                message: format!("has `{}` `{value}` twice in `{name}`", key[0]),
            });
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn normalized(mut object: Value) -> Value {
        assert_eq!(normalize(&mut object), []);
        object
    }

    fn problems(mut object: Value) -> Vec<String> {
        normalize(&mut object).into_iter().map(|p| format!("{}: {}", p.pointer, p.message)).collect()
    }

    #[test]
    fn what_only_a_live_object_has_is_taken_out() {
        let object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {
                "name": "a", "uid": "1", "resourceVersion": "7", "managedFields": [{}],
                "creationTimestamp": null, "generation": 3, "labels": {"uid": "kept"},
            },
            "spec": {"template": {"metadata": {"creationTimestamp": null, "labels": {}}}},
            "status": {"replicas": 1},
        });
        let expected = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "a", "labels": {"uid": "kept"}},
            "spec": {"template": {"metadata": {"labels": {}}}},
        });
        assert_eq!(normalized(object), expected);
    }

    #[test]
    fn string_data_of_a_secret_becomes_data_and_wins_over_it() {
        let object = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"},
            "data": {"a": "b2xk", "b": "a2VwdA=="}, "stringData": {"a": "new"},
        });
        assert_eq!(normalized(object)["data"], json!({"a": "bmV3", "b": "a2VwdA=="}));
    }

    #[test]
    fn a_secret_value_of_the_wrong_type_is_named_without_its_content() {
        let object = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": {"a/b": 31337},
        });
        assert_eq!(problems(object), ["/stringData/a~1b: has a `stringData` whose `a/b` is not a string"]);
    }

    #[test]
    fn string_data_of_another_kind_is_left_alone() {
        let object = json!({
            "apiVersion": "example.com/v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": {"a": "b"},
        });
        assert_eq!(normalized(object.clone()), object);
    }

    #[test]
    fn duplicate_keys_of_merged_lists_are_refused_by_their_place() {
        let object = json!({
            "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "a"},
            "spec": {"jobTemplate": {"spec": {"template": {"spec": {
                "volumes": [{"name": "v"}, {"name": "v"}],
                "containers": [
                    {"name": "c", "env": [{"name": "E"}, {"name": "F"}, {"name": "E"}]},
                    {"name": "d", "ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "TCP"}]},
                    {"name": "c"},
                ],
            }}}}},
        });
        let at = "/spec/jobTemplate/spec/template/spec";
        assert_eq!(
            problems(object),
            [
                format!("{at}/volumes/1: has `name` `v` twice in `volumes`"),
                format!("{at}/containers/2: has `name` `c` twice in `containers`"),
                format!("{at}/containers/0/env/2: has `name` `E` twice in `env`"),
                format!("{at}/containers/1/ports/1: has `containerPort` `80/TCP` twice in `ports`"),
            ]
        );
    }

    #[test]
    fn the_same_port_under_two_protocols_is_fine() {
        let object = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "dns"},
            "spec": {"ports": [
                {"name": "udp", "port": 53, "protocol": "UDP"},
                {"name": "tcp", "port": 53, "protocol": "TCP"},
            ]},
        });
        assert_eq!(problems(object), [] as [String; 0]);
    }
}
