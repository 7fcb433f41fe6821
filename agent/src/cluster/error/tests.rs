use serde_json::json;

use super::*;

fn read(code: u16, body: &Value) -> ClusterError {
    let status = status_of(code, body.to_string().as_bytes());
    ClusterError::from_status("Deployment/default/web".to_owned(), &status, None, false)
}

fn status(reason: &str, message: &str, details: Value) -> Value {
    let mut status = json!({"kind": "Status", "reason": reason, "message": message});
    status["details"] = details;
    status
}

#[test]
fn a_field_conflict_names_the_managers_once_and_every_field() {
    let error = read(
        409,
        &status(
            "Conflict",
            "Apply failed with 2 conflicts",
            json!({"causes": [
                {"reason": "FieldManagerConflict", "message": "conflict with \"kubectl\" using apps/v1", "field": ".spec.replicas"},
                {"reason": "FieldManagerConflict", "message": "conflict with \"kubectl\" using apps/v1", "field": ".spec.paused"},
            ]}),
        ),
    );
    assert_eq!(error.to_string(), "Deployment/default/web: .spec.replicas, .spec.paused owned by kubectl");
}

#[test]
fn other_conflicts_are_stale_versions_or_existing_objects() {
    assert!(matches!(
        read(409, &status("Conflict", "the object has been modified", json!({}))),
        ClusterError::StaleVersion { .. }
    ));
    assert!(matches!(read(409, &status("AlreadyExists", "", json!({}))), ClusterError::AlreadyExists { .. }));
}

#[test]
fn a_missing_namespace_and_a_missing_path_are_told_from_a_missing_object() {
    let namespace = read(404, &status("NotFound", "", json!({"name": "shop", "kind": "namespaces"})));
    assert_eq!(namespace.to_string(), "Namespace/shop does not exist");
    let object = read(404, &status("NotFound", "", json!({"name": "web", "kind": "deployments"})));
    assert_eq!(object.to_string(), "Deployment/default/web does not exist");
    let path = read(404, &status("NotFound", "the server could not find the requested resource", json!({})));
    assert!(matches!(path, ClusterError::UnknownKind { .. }));
}

#[test]
fn a_missing_right_is_told_from_a_refusal_by_admission() {
    let right = "deployments.apps \"web\" is forbidden: User \"bob\" cannot patch resource \"deployments\"";
    assert!(matches!(read(403, &status("Forbidden", right, json!({}))), ClusterError::Forbidden { .. }));
    let pods = "pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\"";
    assert!(matches!(read(403, &status("Forbidden", pods, json!({}))), ClusterError::Denied { .. }));
    let policy = "web is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no";
    assert!(matches!(read(422, &status("Invalid", policy, json!({}))), ClusterError::Denied { .. }));
}

#[test]
fn what_is_said_about_a_secret_is_withheld() {
    let body = status(
        "Invalid",
        "data[a]: Invalid value: \"hunter2\"",
        json!({"causes": [{"reason": "FieldValueInvalid", "message": "Invalid value: \"hunter2\"", "field": "data[a]"}]}),
    );
    let status = status_of(422, body.to_string().as_bytes());
    let error = ClusterError::from_status("Secret/default/a".to_owned(), &status, None, true);
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    assert!(error.to_string().contains("data[a]"));
}

#[test]
fn an_answer_that_is_no_status_is_the_servers_failure_with_its_words() {
    let status = status_of(502, b"<html>\x1b[31mbad gateway</html>");
    let error = ClusterError::from_status("Pod/a/b".to_owned(), &status, None, false);
    assert!(error.is_transient());
    assert!(!error.to_string().contains('\x1b'), "{error}");
}

#[test]
fn a_busy_server_says_how_long_to_wait() {
    let error = read(429, &status("TooManyRequests", "", json!({"retryAfterSeconds": 3})));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
    assert!(error.is_transient());
}

#[test]
fn a_manifest_that_does_not_fit_the_schema_is_invalid_though_the_server_calls_it_its_own_failure() {
    let one = "failed to create typed patch object (a/b; apps/v1, Kind=Deployment): .spec.replica: field not declared in schema";
    let error = read(500, &status("", one, json!({})));
    assert_eq!(
        error.to_string(),
        "Deployment/default/web is not valid: .spec.replica: field not declared in schema"
    );
    assert!(!error.is_transient());
    let two = "failed to create typed patch object (a/b; v1, Kind=ConfigMap): errors:\n  .a: field not declared in schema\n  .data.k: expected string, got &value.valueUnstructured{}";
    let ClusterError::Invalid { causes, .. } = read(500, &status("", two, json!({}))) else { panic!() };
    assert_eq!((causes[0].field.as_str(), causes[1].message.as_str()), (".a", "expected string"));
}

#[test]
fn an_object_that_was_made_anew_is_stale_also_by_its_uid_alone() {
    let causes = json!({"causes": [{"reason": "FieldValueInvalid", "field": "metadata.uid", "message": "field is immutable"}]});
    assert!(matches!(read(422, &status("Invalid", "", causes)), ClusterError::StaleVersion { .. }));
}
