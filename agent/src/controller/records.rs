//! Writes the agent's own resources: their status, their metadata, and events.
//! Asks for the right to write before each request, as every other write does.

use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value};

use crate::cluster::{ApplyOptions, Cluster, ClusterError, NewEvent, ObjectRef, View};
use crate::object::Manifest;
use crate::shard::claim::Claim;

/// The field manager of the agent's own resources.
const MANAGER: &str = "windlass";

/// Why something is not on record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// Another agent may have the right to write by now, and it tells.
    #[error("this agent may not write at the moment")]
    NotLeading,
    /// The API server did not take it.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

/// The agent's own resources, written for as long as this agent may.
#[derive(Clone)]
pub(crate) struct Records {
    cluster: Cluster,
    claim: Claim,
}

impl Records {
    pub(crate) fn new(cluster: Cluster, claim: Claim) -> Self {
        Self { cluster, claim }
    }

    /// The resource as it is now.
    pub(crate) async fn read(&self, object: &ObjectRef) -> Result<Value, ClusterError> {
        self.cluster.get(object, View::Full).await
    }

    /// Merges into a status; with a version, only if the resource still has it.
    pub(crate) async fn patch_status(
        &self,
        object: &ObjectRef,
        patch: &Value,
        resource_version: Option<&str>,
    ) -> Result<Value, RecordError> {
        self.permit()?;
        Ok(self.cluster.patch_status(object, patch, resource_version, MANAGER).await?)
    }

    /// Merges into the metadata.
    pub(crate) async fn patch_metadata(
        &self,
        object: &ObjectRef,
        metadata: &Map<String, Value>,
    ) -> Result<Value, RecordError> {
        self.permit()?;
        Ok(self.cluster.patch_metadata(object, metadata, None, MANAGER).await?)
    }

    /// Makes an object of the agent's own what `manifest` says.
    pub(crate) async fn apply(&self, manifest: &Manifest) -> Result<(), RecordError> {
        self.permit()?;
        let options = ApplyOptions { manager: MANAGER, force: true, precondition: None, dry_run: false };
        self.cluster.apply(manifest, &options).await?;
        Ok(())
    }

    /// Writes an event.
    pub(crate) async fn create_event(&self, event: &NewEvent<'_>) -> Result<(), RecordError> {
        self.permit()?;
        Ok(self.cluster.create_event(event, Timestamp::now()).await?)
    }

    fn permit(&self) -> Result<(), RecordError> {
        if self.claim.allows() { Ok(()) } else { Err(RecordError::NotLeading) }
    }
}

impl RecordError {
    /// Tells the log of what could not be recorded. That another agent leads is no fault.
    pub(crate) fn log(&self, what: &str) {
        match self {
            Self::NotLeading => tracing::debug!(what, "not recorded: {self}"),
            Self::Cluster(error) => tracing::warn!(what, %error, "not recorded"),
        }
    }
}
