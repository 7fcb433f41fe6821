//! What judging needs of a plugin, so that it can be read and tested without
//! WebAssembly.

use std::sync::Arc;

use serde_json::Value;

use crate::plugin::{Finding, PluginError, Subject, Surroundings};
use crate::render::{Absent, PluginId};

/// A plugin of the world `policy`, as the gate sees it.
pub trait Policy: Send + Sync {
    /// Name and digest.
    fn id(&self) -> PluginId;

    /// Which objects it wants to see: `v1/Pod`, `apps/*`, `*`.
    fn matches(&self) -> &[String];

    /// Which objects around those that it judges it may ask for.
    fn reads(&self) -> &[String];

    /// Whether it wants to see what the objects were before.
    fn compares(&self) -> bool;

    /// Whether it takes these settings; judges nothing.
    fn check_config(&self, config: &Value) -> Result<(), PluginError>;

    /// Judges a batch: one list of findings per object, in their order. Blocks
    /// until the plugin answers or meets one of its limits.
    fn evaluate(
        &self,
        config: &Value,
        subjects: &[Subject],
        surroundings: &Arc<dyn Surroundings>,
    ) -> Result<Vec<Vec<Finding>>, PluginError>;
}

/// The policies that are loaded.
pub trait Policies: Send + Sync {
    /// The policy of that name.
    fn policy(&self, name: &str) -> Result<Arc<dyn Policy>, Absent>;
}
