//! The custom resources: what an operator writes, and what the agent reports.
//!
//! Takes nothing and gives types, their schemas and the rules of conditions;
//! the install manifests are generated from them. Never talks to a cluster,
//! and holds no secret: a status is readable by everyone who may read the
//! object.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt as _;

pub use self::application::{
    Application, ApplicationLimits, ApplicationSpec, ApplicationStatus, CapabilitiesFrom, HealthCounts,
    HealthState, HealthSummary, InventoryEntry, PostRendererSpec, RendererSpec, RendererStatus,
    RepositoryRef, SecretKeyRef, ValuesKind, ValuesSource, VerdictSummary,
};
pub use self::bytes::ByteSize;
pub use self::gate::{
    Action, FailurePolicy, Gate, GateException, GatePolicy, GateSelector, GateSpec, GateStatus,
};
pub use self::labels::{Labels, UnknownOperator};
pub use self::period::Period;
pub use self::plugin::{Plugin, PluginLimits, PluginSpec, PluginStatus};
pub use self::repository::{
    GitRef, Repository, RepositoryLimits, RepositorySpec, RepositoryStatus, RevisionStatus, SecretRef,
};

mod application;
mod bytes;
pub mod condition;
mod gate;
mod labels;
mod period;
mod plugin;
mod repository;
mod schema;

/// The API group of the custom resources.
pub const GROUP: &str = "windlass.dev";

/// The version that is served and stored.
pub const VERSION: &str = "v1alpha1";

/// How many objects one Application can own. More would not fit into its
/// status safely; split the Application.
pub const MAX_INVENTORY: usize = 1000;

/// The definitions, in the order in which they are installed.
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![Repository::crd(), Application::crd(), Plugin::crd(), Gate::crd()]
}

#[cfg(test)]
mod tests;
