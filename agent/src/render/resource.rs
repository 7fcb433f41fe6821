//! Reads an Application resource, and says what goes back into its status.

use serde_json::{Map, Value};

use super::{Absent, Handover, Job, PostRenderer, RenderError, RenderLimits};
use crate::api::condition::Reason;
use crate::api::{Application, ApplicationLimits, ByteSize, PostRendererSpec};
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
            config: settings(renderer.and_then(|renderer| renderer.config.clone())),
            handover: Handover::default(),
            post_renderers: resource
                .spec
                .post_renderers
                .iter()
                .map(|post| post_renderer(post, &resource.spec.path))
                .collect(),
            target_namespace: resource.spec.target_namespace.clone().unwrap_or_else(|| namespace.clone()),
            namespace,
            limits: resource.spec.limits.as_ref().map_or_else(RenderLimits::default, RenderLimits::from),
        }
    }
}

fn settings(config: Option<Map<String, Value>>) -> Value {
    config.map_or(Value::Null, Value::Object)
}

fn post_renderer(spec: &PostRendererSpec, own: &str) -> PostRenderer {
    PostRenderer {
        renderer: spec.plugin.clone(),
        path: spec.path.clone().unwrap_or_else(|| own.to_owned()),
        config: settings(spec.config.clone()),
        input: spec.input.clone(),
    }
}

impl From<&ApplicationLimits> for RenderLimits {
    fn from(chosen: &ApplicationLimits) -> Self {
        let default = Self::default();
        Self {
            file_bytes: chosen.file_size.map_or(default.file_bytes, ByteSize::get),
            total_bytes: chosen.total_size.map_or(default.total_bytes, ByteSize::get),
            paths: chosen.paths.map_or(default.paths, u64::from),
            ..default
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
            Self::Absent { .. }
            | Self::Ambiguous { .. }
            | Self::NotReceived { .. }
            | Self::InputExists { .. }
            | Self::InputUnread { .. } => Reason::InvalidSpec,
            Self::Remembered { reason, .. } => *reason,
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
