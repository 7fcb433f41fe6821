//! A client and a namespace of one test, and the manifests that it plays with.

use serde_json::{Map, Value, json};
use windlass::cluster::{
    ApplyOptions, Cluster, ClusterError, ConnectOptions, ObjectRef, Ownership, Precondition, View, ownership,
};
use windlass::object::Manifest;
use windlass_tests::ControlPlane;

pub(crate) const OURS: &str = "windlass-ours";
pub(crate) const THEIRS: &str = "windlass-theirs";

pub(crate) struct Stage {
    pub(crate) cluster: Cluster,
    pub(crate) namespace: String,
    /// Someone else's way to the same cluster.
    others: kube::Client,
}

impl Stage {
    /// In the control plane that all tests share.
    pub(crate) async fn new(name: &str) -> Self {
        Self::on(ControlPlane::shared().await.unwrap(), name).await
    }

    pub(crate) async fn on(control_plane: &ControlPlane, name: &str) -> Self {
        let options =
            ConnectOptions { kubeconfig: Some(control_plane.kubeconfig_path()), ..Default::default() };
        Self {
            cluster: Cluster::connect(options).await.unwrap(),
            namespace: control_plane.namespace(name).await.unwrap(),
            others: control_plane.client().unwrap(),
        }
    }

    pub(crate) fn config_map(&self, name: &str, data: &Value) -> Manifest {
        manifest(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": self.namespace},
            "data": data,
        }))
    }

    pub(crate) async fn apply(&self, manifest: &Manifest) -> Result<Value, ClusterError> {
        self.cluster.apply(manifest, &options(OURS, true, None)).await
    }

    /// Changes an object as someone else would.
    pub(crate) async fn edit(&self, object: &ObjectRef, patch: &Value) -> Value {
        let resource = self.cluster.resolve(&object.gvk()).await.unwrap();
        let kind = kube::api::ApiResource {
            group: resource.gvk.group.clone(),
            version: resource.gvk.version.clone(),
            api_version: resource.gvk.api_version(),
            kind: resource.gvk.kind.clone(),
            plural: resource.plural.clone(),
        };
        let api = kube::Api::<kube::api::DynamicObject>::namespaced_with(
            self.others.clone(),
            &self.namespace,
            &kind,
        );
        let params =
            kube::api::PatchParams { field_manager: Some("somebody".to_owned()), ..Default::default() };
        let edited = api.patch(&object.key.name, &params, &kube::api::Patch::Merge(patch)).await.unwrap();
        serde_json::to_value(edited).unwrap()
    }

    pub(crate) async fn owned(&self, object: &ObjectRef) -> Ownership {
        let live = self.cluster.get(object, View::Metadata).await.unwrap();
        ownership(&live["metadata"], OURS)
    }
}

pub(crate) fn manifest(object: Value) -> Manifest {
    Manifest::from_object(object, None).unwrap()
}

pub(crate) fn options<'a>(
    manager: &'a str,
    force: bool,
    precondition: Option<&'a Precondition>,
) -> ApplyOptions<'a> {
    ApplyOptions { manager, force, precondition, dry_run: false }
}

pub(crate) fn annotation(name: &str, value: &str) -> Map<String, Value> {
    let mut metadata = Map::new();
    metadata.insert("annotations".to_owned(), json!({ name: value }));
    metadata
}
