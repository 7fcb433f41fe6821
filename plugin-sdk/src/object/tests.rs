use serde_json::{Value, json};

use super::*;

fn images(content: Value) -> Vec<String> {
    Object::new(content)
        .containers()
        .map(|container| format!("{} {}", container.at("image"), container.image()))
        .collect()
}

#[test]
fn every_list_of_containers_of_a_pod_is_seen_with_its_place() {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": {
        "containers": [{"image": "a"}, {"image": "b"}],
        "initContainers": [{"image": "c"}],
        "ephemeralContainers": [{"image": "d"}],
    }});
    assert_eq!(
        images(pod),
        [
            "/spec/containers/0/image a",
            "/spec/containers/1/image b",
            "/spec/initContainers/0/image c",
            "/spec/ephemeralContainers/0/image d",
        ]
    );
}

#[test]
fn every_workload_keeps_its_pod_spec_where_its_kind_says() {
    let spec = json!({"containers": [{"image": "x"}]});
    let template = json!({"template": {"spec": spec}});
    for (api_version, kind) in [
        ("v1", "ReplicationController"),
        ("apps/v1", "Deployment"),
        ("apps/v1", "ReplicaSet"),
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "DaemonSet"),
        ("batch/v1", "Job"),
        ("argoproj.io/v1alpha1", "Rollout"),
    ] {
        let object = json!({"apiVersion": api_version, "kind": kind, "spec": template});
        assert_eq!(images(object), ["/spec/template/spec/containers/0/image x"], "{kind}");
    }
    let job =
        json!({"apiVersion": "batch/v1", "kind": "CronJob", "spec": {"jobTemplate": {"spec": template}}});
    assert_eq!(images(job), ["/spec/jobTemplate/spec/template/spec/containers/0/image x"]);
    let pods = json!({"apiVersion": "v1", "kind": "PodTemplate", "template": {"spec": spec}});
    assert_eq!(images(pods), ["/template/spec/containers/0/image x"]);
}

#[test]
fn an_object_without_pods_has_no_containers() {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "containers": [{"image": "x"}]});
    assert_eq!(images(secret), Vec::<String>::new());
}

#[test]
fn a_pattern_names_group_and_kind() {
    let pod = Object::new(json!({"apiVersion": "v1", "kind": "Pod"}));
    let deployment = Object::new(json!({"apiVersion": "apps/v1", "kind": "Deployment"}));
    for (pattern, covers_pod, covers_deployment) in [
        ("*", true, true),
        ("v1/Pod", true, false),
        ("v1/*", true, false),
        ("apps/*", false, true),
        ("apps/Deployment", false, true),
        ("apps/StatefulSet", false, false),
        ("*/Pod", true, false),
        ("Pod", false, false),
    ] {
        assert_eq!(pod.matches(pattern), covers_pod, "{pattern}");
        assert_eq!(deployment.matches(pattern), covers_deployment, "{pattern}");
    }
}

#[test]
fn a_key_with_slashes_is_one_step_of_a_pointer() {
    assert_eq!(pointer_step("app.kubernetes.io/name~x"), "/app.kubernetes.io~1name~0x");
}

#[test]
fn a_pointer_means_what_rfc_6901_says() {
    let content = json!({"a": [{"b": 1}, 2], "": {"": 3}, "x/y": {"m~n": 4}, "01": 5, "list": [[6]]});
    let object = Object::new(content.clone());
    for pointer in [
        "",
        "/",
        "//",
        "/a",
        "/a/0/b",
        "/a/1",
        "/a/2",
        "/a/01",
        "/a/+0",
        "/a/-",
        "/a/0/b/c",
        "a",
        "/x~1y/m~0n",
        "/01",
        "/list/0/0",
        "/nothing",
        "/nothing/at/all",
    ] {
        assert_eq!(object.pointer(pointer), content.pointer(pointer), "{pointer}");
    }
    assert_eq!(object.integer("/a/0/b"), Some(1));
}
