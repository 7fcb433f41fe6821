//! A client and a namespace of one test, and the manifests that it plays with.

use serde_json::{Map, Value, json};
use windlass::cluster::{
    ApplyOptions, Cluster, ClusterError, ConnectOptions, ObjectRef, Ownership, Precondition, View, ownership,
};
use windlass::object::Manifest;
use windlass_tests::ControlPlane;

pub const OURS: &str = "windlass-ours";
pub const THEIRS: &str = "windlass-theirs";

pub struct Stage {
    pub cluster: Cluster,
    pub namespace: String,
}

impl Stage {
    pub async fn new(name: &str) -> Self {
        let control_plane = ControlPlane::shared().await.unwrap();
        Self {
            cluster: connect(control_plane).await,
            namespace: control_plane.namespace(name).await.unwrap(),
        }
    }

    pub fn config_map(&self, name: &str, data: Value) -> Manifest {
        manifest(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": self.namespace},
            "data": data,
        }))
    }

    pub async fn apply(&self, manifest: &Manifest) -> Result<Value, ClusterError> {
        self.cluster.apply(manifest, &options(OURS, true, None)).await
    }

    /// Changes an object as someone else would.
    pub async fn edit(&self, object: &ObjectRef, patch: Value) -> Value {
        let client = ControlPlane::shared().await.unwrap().client().unwrap();
        let resource = self.cluster.resolve(&object.gvk()).await.unwrap();
        let kind = kube::api::ApiResource {
            group: resource.gvk.group.clone(),
            version: resource.gvk.version.clone(),
            api_version: resource.gvk.api_version(),
            kind: resource.gvk.kind.clone(),
            plural: resource.plural.clone(),
        };
        let api = kube::Api::<kube::api::DynamicObject>::namespaced_with(client, &self.namespace, &kind);
        let params =
            kube::api::PatchParams { field_manager: Some("somebody".to_owned()), ..Default::default() };
        let edited = api.patch(&object.key.name, &params, &kube::api::Patch::Merge(patch)).await.unwrap();
        serde_json::to_value(edited).unwrap()
    }

    pub async fn owned(&self, object: &ObjectRef) -> Ownership {
        let live = self.cluster.get(object, View::Metadata).await.unwrap();
        ownership(&live["metadata"], OURS)
    }
}

pub async fn connect(control_plane: &ControlPlane) -> Cluster {
    let options =
        ConnectOptions { kubeconfig: Some(control_plane.kubeconfig_path()), ..ConnectOptions::default() };
    Cluster::connect(options).await.unwrap()
}

pub fn manifest(object: Value) -> Manifest {
    Manifest::from_object(object, None).unwrap()
}

pub fn options<'a>(
    manager: &'a str,
    force: bool,
    precondition: Option<&'a Precondition>,
) -> ApplyOptions<'a> {
    ApplyOptions { manager, force, precondition, dry_run: false }
}

pub fn annotation(name: &str, value: &str) -> Map<String, Value> {
    let mut metadata = Map::new();
    metadata.insert("annotations".to_owned(), json!({ name: value }));
    metadata
}
