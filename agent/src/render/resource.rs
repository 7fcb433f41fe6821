//! Reads an Application resource, and says what goes back into its status.

use serde_json::Value;

use super::{Absent, Job, RenderError, RenderLimits};
use crate::api::Application;
use crate::api::condition::Reason;
use crate::plugin::PluginError;
use crate::source::tree::TreeError;

impl From<&Application> for Job {
    fn from(resource: &Application) -> Self {
        let namespace = resource.metadata.namespace.clone().unwrap_or_default();
        let renderer = resource.spec.renderer.as_ref();
        Self {
            name: resource.metadata.name.clone().unwrap_or_default(),
            path: resource.spec.path.clone(),
            renderer: renderer.map(|renderer| renderer.plugin.clone()),
            config: renderer.and_then(|r| r.config.clone()).map_or(Value::Null, Value::Object),
            target_namespace: resource.spec.target_namespace.clone().unwrap_or_else(|| namespace.clone()),
            namespace,
            limits: RenderLimits::default(),
        }
    }
}

impl RenderError {
    /// The word for it in the condition `Rendered`.
    pub fn reason(&self) -> Reason {
        match self {
            Self::PathMissing { .. } | Self::NotAFolder { .. } => Reason::PathNotFound,
            Self::Absent { absent: Absent::Missing { .. } | Absent::Unusable(_), .. }
            | Self::NothingDetected { .. }
            | Self::Plugin { error: PluginError::Load(_), .. } => Reason::PluginNotReady,
            Self::Absent { .. } | Self::Ambiguous { .. } => Reason::InvalidSpec,
            Self::Plugin { error: PluginError::Config(_), .. } => Reason::InvalidConfig,
            Self::Plugin { error: PluginError::Trap { .. } | PluginError::Contract(_), .. } => {
                Reason::PluginFailed
            }
            Self::Plugin { error: PluginError::Refused(_), .. }
            | Self::Duplicate { .. }
            | Self::InvalidObject { .. } => Reason::RenderFailed,
            Self::Plugin { .. }
            | Self::TooManyObjects { .. }
            | Self::ObjectTooLarge { .. }
            | Self::Tree(TreeError::Limit { .. }) => Reason::LimitExceeded,
            Self::Tree(TreeError::Unreadable { .. }) => Reason::FetchFailed,
            Self::Tree(_) => Reason::RenderFailed,
        }
    }
}
