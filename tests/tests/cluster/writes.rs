use serde_json::json;
use windlass::cluster::{
    ApplyOptions, ClusterError, Deletion, EventType, LeaseRecord, NewEvent, ObjectRef, Precondition,
    Propagation, Verb, View,
};
use windlass::object::APPLICATION_ANNOTATION;

use crate::stage::{OURS, Stage, THEIRS, annotation, manifest, options};

#[tokio::test]
async fn a_new_object_is_created_by_one_request() {
    let stage = Stage::new("create").await;
    let new = stage.config_map("a", &json!({"key": "1"}));
    stage.cluster.resolve(&(&new).into()).await.unwrap();
    let before = stage.cluster.requests().total();
    let live = stage.cluster.apply(&new, &options(OURS, false, None)).await.unwrap();
    assert_eq!(live["data"]["key"], "1");
    assert!(live["metadata"]["uid"].is_string());
    assert_eq!(stage.cluster.requests().total() - before, 1);
}

#[tokio::test]
async fn an_object_of_another_application_is_a_conflict_that_names_it() {
    let stage = Stage::new("owners").await;
    let owned_by = |owner: &str| {
        let mut object = stage.config_map("a", &json!({"key": "1"})).object;
        object["metadata"]["annotations"] = json!({ APPLICATION_ANNOTATION: owner });
        manifest(object)
    };
    stage.cluster.apply(&owned_by("shop/one"), &options(THEIRS, false, None)).await.unwrap();
    let error = stage.cluster.apply(&owned_by("shop/two"), &options(OURS, false, None)).await.unwrap_err();
    let ClusterError::Conflict { conflicts, .. } = &error else { panic!("{error:?}") };
    assert_eq!(conflicts.len(), 1);
    assert_eq!(conflicts[0].manager, THEIRS);
    assert_eq!(conflicts[0].field, ".metadata.annotations.windlass.dev/application");
    // The same value is no conflict: both own it.
    stage.cluster.apply(&owned_by("shop/one"), &options(OURS, false, None)).await.unwrap();
}

#[tokio::test]
async fn an_apply_with_preconditions_never_touches_what_is_not_as_it_was_read() {
    let stage = Stage::new("fence").await;
    let first = stage.config_map("a", &json!({"key": "1"}));
    let second = stage.config_map("a", &json!({"key": "2"}));
    let object = ObjectRef::from(&first);
    let late =
        |result: Result<_, ClusterError>| assert!(matches!(result, Err(ClusterError::StaleVersion { .. })));

    let read = Precondition::of(&stage.apply(&first).await.unwrap()).unwrap();
    let unchanged = stage.cluster.apply(&second, &options(OURS, true, Some(&read))).await.unwrap();
    assert_eq!(unchanged["data"]["key"], "2");
    late(stage.cluster.apply(&first, &options(OURS, true, Some(&read))).await);

    let read = Precondition::of(&unchanged).unwrap();
    let only_uid = Precondition { resource_version: None, ..read.clone() };
    stage.cluster.delete(&object, &read, Propagation::Background).await.unwrap();
    for precondition in [&read, &only_uid] {
        late(stage.cluster.apply(&first, &options(OURS, true, Some(precondition))).await);
    }
    let gone = stage.cluster.get(&object, View::Metadata).await;
    assert!(matches!(gone, Err(ClusterError::NotFound { .. })), "{gone:?}");

    stage.apply(&first).await.unwrap();
    for precondition in [&read, &only_uid] {
        late(stage.cluster.apply(&second, &options(OURS, true, Some(precondition))).await);
    }
}

#[tokio::test]
async fn a_delete_hits_only_the_object_that_was_read_and_tells_what_finalizers_hold() {
    let stage = Stage::new("delete").await;
    let new = stage.config_map("a", &json!({}));
    let object = ObjectRef::from(&new);
    let read = Precondition::of(&stage.apply(&new).await.unwrap()).unwrap();
    let other = Precondition { uid: "another".to_owned(), ..read.clone() };
    let wrong = stage.cluster.delete(&object, &other, Propagation::Background).await;
    assert!(matches!(wrong, Err(ClusterError::StaleVersion { .. })), "{wrong:?}");

    let held = stage.edit(&object, &json!({"metadata": {"finalizers": ["example.com/held"]}})).await;
    let changed = stage.cluster.delete(&object, &read, Propagation::Background).await;
    assert!(matches!(changed, Err(ClusterError::StaleVersion { .. })), "{changed:?}");
    let read = Precondition::of(&held).unwrap();
    assert_eq!(
        stage.cluster.delete(&object, &read, Propagation::Background).await,
        Ok(Deletion::Terminating)
    );
    stage.edit(&object, &json!({"metadata": {"finalizers": null}})).await;

    let read = Precondition::of(&stage.apply(&new).await.unwrap()).unwrap();
    assert_eq!(stage.cluster.delete(&object, &read, Propagation::Background).await, Ok(Deletion::Gone));
    let again = stage.cluster.delete(&object, &read, Propagation::Background).await;
    assert!(matches!(again, Err(ClusterError::NotFound { .. })), "{again:?}");
}

#[tokio::test]
async fn what_can_not_be_written_is_told_apart() {
    let stage = Stage::new("refusals").await;
    let apply = |object| async { stage.apply(&manifest(object)).await.unwrap_err() };

    let unknown =
        apply(json!({"apiVersion": "example.com/v1", "kind": "Nothing", "metadata": {"name": "a"}})).await;
    assert!(matches!(unknown, ClusterError::UnknownKind { .. }), "{unknown:?}");
    let scope = apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})).await;
    assert!(matches!(scope, ClusterError::BadRequest { .. }), "{scope:?}");

    let elsewhere =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "nowhere"}});
    let missing = apply(elsewhere).await;
    assert_eq!(missing.to_string(), "Namespace/nowhere does not exist");

    let mut object = stage.config_map("a", &json!({"key": "x".repeat(2 << 20)})).object;
    assert!(matches!(apply(object.clone()).await, ClusterError::TooLarge { .. }));
    object["data"] = json!({"key": {"not": "text"}});
    assert!(matches!(apply(object.clone()).await, ClusterError::Invalid { .. }));

    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": stage.namespace},
        "stringData": {"bad key hunter2": "hunter2"}, "type": "kubernetes.io/tls", "data": {"tls.crt": "aHVudGVyMg==!"},
    });
    let refused = apply(secret).await;
    assert!(!format!("{refused} {refused:?}").contains("aHVudGVyMg"), "{refused:?}");
}

#[tokio::test]
async fn an_admission_policy_that_refuses_is_no_missing_right() {
    let stage = Stage::new("admission").await;
    let namespace = stage.namespace.as_str();
    let policy = |kind: &str, spec| {
        let mut object = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind});
        object["metadata"] = json!({"name": namespace});
        object["spec"] = spec;
        manifest(object)
    };
    let rules = json!([{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"]}]);
    let spec = json!({
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}, "resourceRules": rules,
        },
        "validations": [{"expression": "!has(object.data) || !('forbidden' in object.data)", "message": "not this key"}],
    });
    stage.apply(&policy("ValidatingAdmissionPolicy", spec)).await.unwrap();
    let binding = json!({"policyName": namespace, "validationActions": ["Deny"]});
    stage.apply(&policy("ValidatingAdmissionPolicyBinding", binding)).await.unwrap();

    let dry = ApplyOptions { manager: OURS, force: true, precondition: None, dry_run: true };
    let refused = stage.config_map("a", &json!({"forbidden": "1"}));
    // A policy is in force some moments after it was written.
    let error = loop {
        if let Err(error) = stage.cluster.apply(&refused, &dry).await {
            break error;
        }
    };
    assert!(
        matches!(&error, ClusterError::Denied { message, .. } if message.contains("not this key")),
        "{error:?}"
    );
    stage.cluster.apply(&stage.config_map("a", &json!({"allowed": "1"})), &dry).await.unwrap();
}

#[tokio::test]
async fn metadata_and_status_are_merged_only_into_the_version_that_was_read() {
    let stage = Stage::new("merge").await;
    let new = manifest(json!({
        "apiVersion": "v1", "kind": "ReplicationController",
        "metadata": {"name": "a", "namespace": stage.namespace},
        "spec": {"replicas": 0, "selector": {"a": "b"}, "template": {
            "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "a"}]},
        }},
    }));
    let object = ObjectRef::from(&new);
    let read = stage.apply(&new).await.unwrap();
    let precondition = Precondition::of(&read).unwrap();
    let note = annotation("example.com/note", "1");
    let noted = stage.cluster.patch_metadata(&object, &note, Some(&precondition), OURS).await.unwrap();
    assert_eq!(noted["metadata"]["annotations"]["example.com/note"], "1");
    let late = stage.cluster.patch_metadata(&object, &note, Some(&precondition), OURS).await;
    assert!(matches!(late, Err(ClusterError::StaleVersion { .. })), "{late:?}");

    let status = json!({"conditions": [{"type": "Custom", "status": "True"}]});
    let old = read["metadata"]["resourceVersion"].as_str();
    let late = stage.cluster.patch_status(&object, &status, old, OURS).await;
    assert!(matches!(late, Err(ClusterError::StaleVersion { .. })), "{late:?}");
    let patched = stage.cluster.patch_status(&object, &status, None, OURS).await.unwrap();
    assert_eq!(patched["status"]["conditions"][0]["type"], "Custom");
}

#[tokio::test]
async fn of_two_who_update_a_lease_one_wins() {
    let stage = Stage::new("lease").await;
    let namespace = stage.namespace.as_str();
    assert_eq!(stage.cluster.get_lease(namespace, "a").await, Ok(None));
    let lease = LeaseRecord {
        name: "a".to_owned(),
        labels: [("windlass.dev/member".to_owned(), "true".to_owned())].into(),
        holder: Some("one".to_owned()),
        duration: std::time::Duration::from_secs(15),
        ..LeaseRecord::default()
    };
    let created = stage.cluster.create_lease(namespace, &lease).await.unwrap();
    let twice = stage.cluster.create_lease(namespace, &lease).await;
    assert!(matches!(twice, Err(ClusterError::AlreadyExists { .. })), "{twice:?}");

    let mut next = created.clone();
    next.holder = None;
    let given_back = stage.cluster.update_lease(namespace, &next).await.unwrap();
    assert_eq!(given_back.holder, None);
    let late = stage.cluster.update_lease(namespace, &created).await;
    assert!(matches!(late, Err(ClusterError::StaleVersion { .. })), "{late:?}");
    assert_eq!(stage.cluster.get_lease(namespace, "a").await, Ok(Some(given_back)));
}

#[tokio::test]
async fn events_are_recorded_where_describe_looks_for_them() {
    let stage = Stage::new("events").await;
    let new = stage.config_map("a", &json!({}));
    let live = stage.apply(&new).await.unwrap();
    let event = NewEvent {
        regarding: &ObjectRef::from(&new),
        uid: live["metadata"]["uid"].as_str(),
        kind: EventType::Warning,
        reason: "Denied",
        action: "Apply",
        note: "policy `pinned-images` refuses the revision",
        instance: "node-1",
    };
    stage.cluster.create_event(&event, k8s_openapi::jiff::Timestamp::now()).await.unwrap();
    assert_eq!(stage.cluster.requests().get(Verb::Create), 1);
    let events = windlass::cluster::Resource::known("", "v1", "Event", "events", true);
    let events = stage.cluster.list(&events, Some(&stage.namespace), None, View::Full).await.unwrap();
    assert_eq!(events[0]["involvedObject"]["uid"], live["metadata"]["uid"]);
    assert_eq!(events[0]["message"], event.note);
}
