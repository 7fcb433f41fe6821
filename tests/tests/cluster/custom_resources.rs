use serde_json::{Value, json};
use windlass::api;
use windlass::cluster::{ApplyOptions, ClusterError};

use crate::stage::{OURS, Stage, manifest};

/// What each kind says to a spec: nothing, or a part of the refusal.
fn cases() -> Vec<(&'static str, Value, Option<&'static str>)> {
    let repository = |extra: Value| {
        let mut spec = json!({"url": "https://git.example/a"});
        spec.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        ("Repository", spec)
    };
    let application = |extra: Value| {
        let mut spec = json!({"repository": {"name": "a"}});
        spec.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        ("Application", spec)
    };
    let refs = "exactly one of branch, tag, commit and name";
    [
        (repository(json!({})), None),
        (repository(json!({"url": "ssh://git@git.example/a"})), Some("https:// or http://")),
        (repository(json!({"url": "https://me:secret@git.example/a"})), Some("name a Secret")),
        (repository(json!({"url": "https://git.example/a b"})), Some("no spaces")),
        (repository(json!({"ref": {"branch": "feature/x.y"}})), None),
        (repository(json!({"ref": {"branch": "main", "tag": null}})), None),
        (repository(json!({"ref": {}})), Some(refs)),
        (repository(json!({"ref": {"branch": "a", "tag": "b"}})), Some(refs)),
        (repository(json!({"ref": {"branch": "--upload-pack"}})), Some("should match")),
        (repository(json!({"interval": "1m30s"})), None),
        (repository(json!({"interval": "500ms"})), Some("at least 1s")),
        (repository(json!({"interval": "soon"})), Some("should match")),
        (repository(json!({"intervall": "1m"})), Some("not declared")),
        (
            application(json!({"path": "a/b..c", "renderer": {"plugin": "x", "config": {"a": [1, null]}}})),
            None,
        ),
        (application(json!({"path": "/a"})), Some("without a leading slash")),
        (application(json!({"path": "a/../../b"})), Some("no `..`")),
        (application(json!({"path": ".."})), Some("no `..`")),
        (application(json!({"path": "a\\b"})), Some("no backslashes")),
        (application(json!({"renderer": {"plugin": "x", "config": [1]}})), Some("config")),
        (
            ("Plugin", json!({"file": "a.wasm", "limits": {"time": "5s", "memory": "64Mi", "hostCalls": 9}})),
            None,
        ),
        (("Plugin", json!({"file": "../a.wasm"})), Some("should match")),
        (("Plugin", json!({"file": "a.wasm", "limits": {"memory": "2Gi"}})), Some("from 64Ki to 1Gi")),
        (("Plugin", json!({"file": "a.wasm", "limits": {"time": "10m"}})), Some("from 1ms to 5m")),
        (
            (
                "Gate",
                json!({"selector": {"kinds": ["v1/Pod", "apps/*", "*/*"]}, "policies": [{"plugin": "a"}]}),
            ),
            None,
        ),
        (("Gate", json!({"policies": []})), Some("at least 1")),
        (("Gate", json!({"policies": [{"plugin": "a", "action": "Maybe"}]})), Some("supported values")),
        (
            ("Gate", json!({"selector": {"kinds": ["Pod"]}, "policies": [{"plugin": "a"}]})),
            Some("should match"),
        ),
    ]
    .into_iter()
    .map(|((kind, spec), refusal)| (kind, spec, refusal))
    .collect()
}

#[tokio::test]
async fn the_custom_resources_take_what_is_right_and_say_what_is_wrong() {
    let stage = Stage::new("custom-resources").await;
    let force = |dry_run| ApplyOptions { manager: OURS, force: true, precondition: None, dry_run };
    for crd in api::crds() {
        let mut crd = serde_json::to_value(crd).unwrap();
        crd["apiVersion"] = "apiextensions.k8s.io/v1".into();
        crd["kind"] = "CustomResourceDefinition".into();
        stage.cluster.apply(&manifest(crd), &force(false)).await.unwrap();
    }
    for (kind, spec, refusal) in cases() {
        let mut object = json!({
            "apiVersion": "windlass.dev/v1alpha1", "kind": kind, "metadata": {"name": "a"}, "spec": spec,
        });
        if ["Repository", "Application"].contains(&kind) {
            object["metadata"]["namespace"] = stage.namespace.as_str().into();
        }
        let manifest = manifest(object);
        // A definition is served some moments after it was written.
        let answer = loop {
            match stage.cluster.apply(&manifest, &force(true)).await {
                Err(ClusterError::UnknownKind { .. }) => stage.cluster.forget("windlass.dev/v1alpha1").await,
                answer => break answer,
            }
        };
        match (answer, refusal) {
            (Ok(_), None) => {}
            (Err(error), Some(part)) => {
                assert!(error.to_string().contains(part), "{kind} {spec}: {error}");
                assert!(matches!(error, ClusterError::Invalid { .. }), "{kind} {spec}: {error:?}");
            }
            (answer, _) => panic!("{kind} {spec}: {answer:?}"),
        }
    }
}
