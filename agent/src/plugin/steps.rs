//! Plugins as the steps of a sync see them: the names, and nothing of
//! WebAssembly.

use std::sync::Arc;

use serde_json::Value;

use super::registry::Registry;
use super::{Finding, Limits, Plugin, PluginError, Receives, RenderRequest, Subject, Surroundings, World};
use crate::gate::{Policies, Policy};
use crate::render::{Absent, PluginId, RawOutput, Renderer, Renderers};
use crate::source::trace::TracedTree;

impl Plugin {
    /// Name and digest.
    pub fn id(&self) -> PluginId {
        PluginId { name: self.name.clone(), digest: self.digest.to_string() }
    }
}

impl Renderer for Plugin {
    fn id(&self) -> PluginId {
        Self::id(self)
    }

    fn detects(&self) -> &[String] {
        &self.manifest.detects
    }

    fn receives(&self) -> &Receives {
        &self.manifest.receives
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn render(
        &self,
        request: &RenderRequest,
        config: &Value,
        tree: &Arc<TracedTree>,
        clock: i64,
    ) -> Result<RawOutput, PluginError> {
        Self::render(self, tree, request, config, clock)
    }
}

impl Policy for Plugin {
    fn id(&self) -> PluginId {
        Self::id(self)
    }

    fn matches(&self) -> &[String] {
        &self.manifest.matches
    }

    fn reads(&self) -> &[String] {
        &self.manifest.reads
    }

    fn compares(&self) -> bool {
        self.manifest.old
    }

    fn check_config(&self, config: &Value) -> Result<(), PluginError> {
        self.try_config(config)
    }

    fn evaluate(
        &self,
        config: &Value,
        subjects: &[Subject],
        surroundings: &Arc<dyn Surroundings>,
    ) -> Result<Vec<Vec<Finding>>, PluginError> {
        Self::evaluate(self, config, subjects, surroundings)
    }
}

impl Registry {
    /// The plugin of that name, if it is for `world`.
    fn of_world(&self, name: &str, world: World) -> Result<Arc<Plugin>, Absent> {
        match self.get(name) {
            Some(plugin) if plugin.manifest.world == world => Ok(plugin),
            Some(plugin) => Err(Absent::WrongWorld(plugin.manifest.world)),
            None => {
                Err(Absent::Missing { known: self.all_of_world(world).map(|one| one.id().name).collect() })
            }
        }
    }

    fn all_of_world(&self, world: World) -> impl Iterator<Item = Arc<Plugin>> {
        self.iter().filter(move |plugin| plugin.manifest.world == world)
    }
}

impl Renderers for Registry {
    fn renderer(&self, name: &str) -> Result<Arc<dyn Renderer>, Absent> {
        Ok(self.of_world(name, World::Renderer)?)
    }

    fn detecting(&self) -> Vec<Arc<dyn Renderer>> {
        let own = self.all_of_world(World::Renderer).filter(|plugin| plugin.goes_by_its_own_name());
        own.map(|plugin| plugin as Arc<dyn Renderer>).collect()
    }
}

impl Policies for Registry {
    fn policy(&self, name: &str) -> Result<Arc<dyn Policy>, Absent> {
        Ok(self.of_world(name, World::Policy)?)
    }
}
