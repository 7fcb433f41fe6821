use std::time::Duration;

use serde_json::json;
use windlass::cluster::{ClusterError, ObjectRef, View};

use crate::stage::{OURS, Stage, manifest, options};

#[tokio::test]
async fn a_service_account_can_do_what_it_was_granted_and_no_more() {
    let stage = Stage::new("tenant").await;
    let namespace = stage.namespace.as_str();
    let tenant = stage.cluster.impersonate(namespace, "deployer").unwrap();
    let new = stage.config_map("a", &json!({"key": "1"}));

    let error = tenant.apply(&new, &options(OURS, false, None)).await.unwrap_err();
    let ClusterError::Forbidden { message, .. } = &error else { panic!("{error:?}") };
    assert!(message.contains(&format!("system:serviceaccount:{namespace}:deployer")), "{message}");

    let metadata = json!({"name": "deployer", "namespace": namespace});
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata,
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "create", "patch"]}],
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deployer"},
        "subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": namespace}],
    });
    stage.apply(&manifest(role)).await.unwrap();
    stage.apply(&manifest(binding)).await.unwrap();
    // A right is in force some moments after it was granted.
    loop {
        match tenant.apply(&new, &options(OURS, false, None)).await {
            Err(ClusterError::Forbidden { .. }) => {}
            answer => {
                answer.unwrap();
                break;
            }
        }
    }
    let object = ObjectRef::from(&new);
    tenant.get(&object, View::Full).await.unwrap();
    let read =
        windlass::cluster::Precondition::of(&stage.cluster.get(&object, View::Metadata).await.unwrap())
            .unwrap();
    let refused = tenant.delete(&object, &read, windlass::cluster::Propagation::Background).await;
    assert!(matches!(refused, Err(ClusterError::Forbidden { .. })), "{refused:?}");
}

#[tokio::test]
async fn service_accounts_of_the_system_can_not_be_borrowed() {
    let stage = Stage::new("borrow").await;
    for (namespace, name) in [("kube-system", "default"), ("a", "b:c"), ("a", ""), ("a\nb", "c")] {
        assert!(stage.cluster.impersonate(namespace, name).is_err(), "{namespace}:{name}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_and_one_that_is_silent_are_told_apart() {
    let connect = |port: u16| async move {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kubeconfig");
        let text = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "a",
            "clusters": [{"name": "a", "cluster": {"server": format!("http://127.0.0.1:{port}")}}],
            "users": [{"name": "a", "user": {}}],
            "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        });
        std::fs::write(&file, text.to_string()).unwrap();
        let options = windlass::cluster::ConnectOptions {
            kubeconfig: Some(file),
            timeout: Duration::from_millis(300),
            ..Default::default()
        };
        windlass::cluster::Cluster::connect(options).await.unwrap()
    };
    // Accepts, by the kernel, and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let cluster = connect(silent.local_addr().unwrap().port()).await;
    let lease = cluster.update_lease("a", &lease()).await.unwrap_err();
    assert!(matches!(lease, ClusterError::Timeout { .. }), "{lease:?}");

    let closed = silent.local_addr().unwrap().port();
    drop(silent);
    let error = connect(closed).await.update_lease("a", &self::lease()).await.unwrap_err();
    assert!(matches!(error, ClusterError::Unreachable { .. }) && error.is_transient(), "{error:?}");
    let kind = windlass::cluster::Gvk::new("apps", "v1", "Deployment");
    let unknown = connect(closed).await.resolve(&kind).await.unwrap_err();
    assert!(matches!(unknown, ClusterError::DiscoveryFailed { .. }), "{unknown:?}");
}

fn lease() -> windlass::cluster::LeaseRecord {
    windlass::cluster::LeaseRecord {
        name: "a".to_owned(),
        resource_version: Some("1".to_owned()),
        duration: Duration::from_secs(1),
        ..Default::default()
    }
}
