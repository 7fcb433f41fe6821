//! Whether a plugin can be instantiated and configured at all, before it takes
//! the place of one that could.

use std::sync::Arc;

use serde_json::Value;

use super::program::Program;
use super::rendering::RenderCall;
use super::{Plugin, PluginError, RenderRequest, kubewarden};
use crate::source::memory_tree::MemoryTree;
use crate::source::trace::{TracedTree, TreeLimits};

impl Plugin {
    /// Instantiates the plugin once, within its limits, and configures it with
    /// nothing. That it refuses nothing as a config is its right.
    ///
    /// # Errors
    /// What stopped it.
    pub fn self_test(&self) -> Result<(), PluginError> {
        let nothing = Value::Null;
        let result = match &self.program {
            Program::Policy(_) => self.try_config(&nothing),
            Program::Kubewarden(policy) => {
                kubewarden::self_test(self, policy).and_then(|()| self.try_config(&nothing))
            }
            Program::Health(_) => self.assess(&[], &nothing).map(drop),
            Program::Renderer(pre) => self.try_instance(|call| {
                let renderer = pre.instantiate(&mut call.store)?;
                renderer
                    .windlass_plugin_lifecycle()
                    .call_configure(&mut call.store, &b"null".to_vec())
                    .map(drop)
            }),
            Program::Command { pre, .. } => {
                self.try_instance(|call| pre.instantiate(&mut call.store).map(drop))
            }
            Program::CoreCommand(pre) | Program::CoreReactor(pre) => {
                self.try_instance(|call| pre.instantiate(&mut call.store).map(drop))
            }
        };
        match result {
            Err(PluginError::Refused(_) | PluginError::Config(_)) => Ok(()),
            other => other,
        }
    }

    fn try_instance(
        &self,
        instantiate: impl FnOnce(&mut RenderCall<'_>) -> wasmtime::Result<()>,
    ) -> Result<(), PluginError> {
        let tree = Arc::new(TracedTree::new(Arc::new(MemoryTree::new()), TreeLimits::default()));
        let request =
            RenderRequest { path: String::new(), name: String::new(), namespace: String::new(), seed: None };
        let mut call = self.start_render(&tree, &request, &Value::Null, b"null", 0);
        instantiate(&mut call).map_err(|error| call.explain(&error, String::new()))
    }
}
