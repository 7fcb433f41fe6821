//! Leases, read and written by compare-and-swap. Who holds one, and for how
//! long, is decided elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::kind::{ObjectRef, Resource, View};
use super::{Call, Cluster, ClusterError, Verb, path};
use crate::object::ObjectKey;

/// What a Lease says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseRecord {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Who holds it; nobody when it was given back.
    pub holder: Option<String>,
    /// How long after each renewal it lasts, by the holder's own setting.
    pub duration: Duration,
    /// When it was taken, by the holder's clock: for people, never compared.
    pub acquired: Option<Timestamp>,
    /// When it was renewed, by the holder's clock: for people, never compared.
    pub renewed: Option<Timestamp>,
    /// How often it changed hands.
    pub transitions: i32,
    /// The version that was read. An update fails if it is no longer so.
    pub resource_version: Option<String>,
}

impl LeaseRecord {
    /// Reads a Lease as it comes from a list or watch; nothing for what is
    /// none.
    pub fn from_object(object: &Value) -> Option<Self> {
        let lease: Lease = serde_json::from_value(object.clone()).ok()?;
        let spec = lease.spec.unwrap_or_default();
        let seconds = u64::try_from(spec.lease_duration_seconds.unwrap_or(0)).unwrap_or(0);
        Some(Self {
            name: lease.metadata.name?,
            labels: lease.metadata.labels.unwrap_or_default(),
            holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
            duration: Duration::from_secs(seconds),
            acquired: spec.acquire_time.map(|time| time.0),
            renewed: spec.renew_time.map(|time| time.0),
            transitions: spec.lease_transitions.unwrap_or(0),
            resource_version: lease.metadata.resource_version,
        })
    }

    fn to_object(&self, namespace: &str) -> Result<Value, ClusterError> {
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                namespace: Some(namespace.to_owned()),
                labels: (!self.labels.is_empty()).then(|| self.labels.clone()),
                resource_version: self.resource_version.clone(),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: self.holder.clone(),
                // A part of a second counts as a whole one, and none is not valid.
                lease_duration_seconds: whole_seconds(self.duration),
                acquire_time: self.acquired.map(MicroTime),
                renew_time: self.renewed.map(MicroTime),
                lease_transitions: Some(self.transitions),
                ..LeaseSpec::default()
            }),
        };
        serde_json::to_value(lease).map_err(|error| ClusterError::BadRequest {
            object: format!("Lease/{namespace}/{}", self.name),
            message: error.to_string(),
        })
    }
}

impl Cluster {
    /// The kind of Leases, for watching and listing them.
    pub fn lease_resource() -> Resource {
        Resource::known("coordination.k8s.io", "v1", "Lease", "leases", true)
    }

    /// A Lease as it is now; nothing if there is none.
    pub async fn get_lease(&self, namespace: &str, name: &str) -> Result<Option<LeaseRecord>, ClusterError> {
        match self.get(&ObjectRef::new(key(namespace, name), "v1"), View::Full).await {
            Ok(object) => Ok(LeaseRecord::from_object(&object)),
            Err(ClusterError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates a Lease. `AlreadyExists` says that someone was faster.
    pub async fn create_lease(
        &self,
        namespace: &str,
        lease: &LeaseRecord,
    ) -> Result<LeaseRecord, ClusterError> {
        let new = LeaseRecord { resource_version: None, ..lease.clone() };
        let body = new.to_object(namespace)?;
        let created = self.create(&Self::lease_resource(), Some(namespace), &body, "windlass").await?;
        read(namespace, &lease.name, &created)
    }

    /// Replaces a Lease if it is still as it was read. `StaleVersion` says that
    /// someone was faster, `NotFound` that it is gone.
    pub async fn update_lease(
        &self,
        namespace: &str,
        lease: &LeaseRecord,
    ) -> Result<LeaseRecord, ClusterError> {
        let key = key(namespace, &lease.name);
        if lease.resource_version.is_none() {
            let message = "an update needs the version that was read".to_owned();
            return Err(ClusterError::BadRequest { object: key.to_string(), message });
        }
        let path = path::object(&Self::lease_resource(), Some(namespace), &lease.name, None)?;
        let path = path::with_query(path, &[("fieldManager", "windlass")]);
        let body = lease.to_object(namespace)?;
        let call = Call::new(Verb::Update, Method::PUT, path, &key).json("application/json", &body)?;
        read(namespace, &lease.name, &self.send(call).await?)
    }
}

/// A part of a second counts as a whole one, and none is not valid.
fn whole_seconds(duration: Duration) -> Option<i32> {
    let seconds = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
    i32::try_from(seconds).ok().filter(|seconds| *seconds > 0)
}

fn key(namespace: &str, name: &str) -> ObjectKey {
    ObjectKey {
        group: "coordination.k8s.io".to_owned(),
        kind: "Lease".to_owned(),
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
    }
}

fn read(namespace: &str, name: &str, object: &Value) -> Result<LeaseRecord, ClusterError> {
    LeaseRecord::from_object(object).ok_or_else(|| ClusterError::Server {
        object: format!("Lease/{namespace}/{name}"),
        code: 0,
        message: "the answer is no Lease".to_owned(),
    })
}
