//! The plugins as the resources of kind Plugin allow them: by the name of the
//! resource, with the digest that it pins.
//!
//! A plugin of the folder that no resource speaks of goes by its file's name.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use bytes::Bytes;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

use crate::api;
use crate::api::condition::{ConditionStatus, Reason};
use crate::gate::{Policies, Policy};
use crate::observe::watch::HealthRules;
use crate::plugin::registry::Registry;
use crate::plugin::{Assessment, LimitOverrides, Plugin, PluginError, World};
use crate::render::{Absent, Renderer, Renderers, absent_message};

/// The plugin that assesses live objects.
const HEALTH: &str = "kstatus";

/// The plugins of the folder, under the resources of kind Plugin.
pub(crate) struct PluginSet {
    registry: Arc<Registry>,
    changed: watch::Receiver<u64>,
    resources: RwLock<BTreeMap<String, api::PluginSpec>>,
}

/// What the status of a Plugin says.
pub(crate) struct Readiness {
    pub(crate) status: ConditionStatus,
    pub(crate) reason: Reason,
    pub(crate) message: String,
    /// The loaded plugin, where there is one.
    pub(crate) plugin: Option<Arc<Plugin>>,
}

impl PluginSet {
    /// `changed` sees a new value whenever the registry changed.
    pub(crate) fn new(registry: Arc<Registry>, changed: watch::Receiver<u64>) -> Self {
        Self { registry, changed, resources: RwLock::default() }
    }

    /// Sees a new value whenever a plugin of the folder changed.
    pub(crate) fn changed(&self) -> watch::Receiver<u64> {
        self.changed.clone()
    }

    /// Takes the resources of kind Plugin as they are now.
    pub(crate) fn set_resources(&self, resources: BTreeMap<String, api::PluginSpec>) {
        let limits = resources
            .values()
            .filter_map(|spec| Some((spec.file.clone(), overrides(spec.limits.as_ref()?))))
            .collect();
        self.registry.set_limits(limits);
        *self.resources.write().unwrap_or_else(PoisonError::into_inner) = resources;
    }

    /// Whether the plugin of that name can be used, and if not, what to do.
    pub(crate) fn readiness(&self, name: &str) -> Readiness {
        let unready = |reason, message: String, plugin| Readiness {
            status: ConditionStatus::False,
            reason,
            message,
            plugin,
        };
        let spec = self.resources().get(name).cloned();
        let Some(plugin) = self.find(name, spec.as_ref()) else {
            let file = spec.map_or_else(|| format!("{name}.wasm"), |spec| spec.file);
            let failed = self.registry.errors().into_iter().find(|error| error.file.ends_with(&file));
            return match failed {
                Some(error) => unready(Reason::Incompatible, error.message, None),
                None => unready(
                    Reason::FileNotFound,
                    format!("the plugin folder has no file `{file}`; put it there, or correct spec.file"),
                    None,
                ),
            };
        };
        let digest = format!("sha256:{}", plugin.digest());
        if let Some(pinned) = spec.and_then(|spec| spec.digest).filter(|pinned| *pinned != digest) {
            let message = format!("the file has the digest {digest}, but spec.digest pins {pinned}");
            return unready(Reason::DigestMismatch, message, Some(plugin));
        }
        let manifest = plugin.manifest();
        Readiness {
            status: ConditionStatus::True,
            reason: Reason::Loaded,
            message: format!("{} {} is loaded", manifest.name, manifest.version),
            plugin: Some(plugin),
        }
    }

    /// Whether every policy of a Gate can be asked: each of them takes its
    /// settings and judges nothing. Blocks meanwhile.
    pub(crate) fn gate_readiness(
        &self,
        gate: &api::GateSpec,
        now: Timestamp,
    ) -> (ConditionStatus, Reason, String) {
        for policy in &gate.policies {
            let plugin = match self.usable(&policy.plugin, World::Policy) {
                Ok(plugin) => plugin,
                Err(absent) => {
                    let message = absent_message("a policy", &policy.plugin, World::Policy, &absent);
                    return (ConditionStatus::False, Reason::PluginNotReady, message);
                }
            };
            let config = policy.config.clone().map_or(Value::Null, Value::Object);
            if let Err(error) = plugin.try_config(&config) {
                let reason = match error {
                    PluginError::Refused(_) | PluginError::Config(_) => Reason::InvalidConfig,
                    _ => Reason::PluginFailed,
                };
                let called = policy.name.as_ref().unwrap_or(&policy.plugin);
                return (ConditionStatus::False, reason, format!("the policy `{called}`: {error}"));
            }
        }
        let selectors = gate.selector.iter().flat_map(|selector| {
            selector.namespace_selector.iter().chain(&selector.application_selector).cloned()
        });
        if let Err(error) = selectors.map(api::Labels::try_from).collect::<Result<Vec<_>, _>>() {
            let message = format!("spec.selector: {error}; until then it is taken as one that selects all");
            return (ConditionStatus::False, Reason::InvalidSpec, message);
        }
        let expired = gate.exceptions.iter().filter(|exception| exception.expires.0 <= now).count();
        let expired = match expired {
            0 => String::new(),
            1 => "; 1 exception has expired".to_owned(),
            many => format!("; {many} exceptions have expired"),
        };
        let message = format!("{} policies are loaded{expired}", gate.policies.len());
        (ConditionStatus::True, Reason::Succeeded, message)
    }

    fn find(&self, name: &str, spec: Option<&api::PluginSpec>) -> Option<Arc<Plugin>> {
        match spec {
            Some(spec) => self.registry.of_file(&spec.file),
            None => self.registry.get(name),
        }
    }

    fn usable(&self, name: &str, world: World) -> Result<Arc<Plugin>, Absent> {
        let readiness = self.readiness(name);
        match (readiness.status, readiness.plugin) {
            (ConditionStatus::True, Some(plugin)) if plugin.manifest().world == world => Ok(plugin),
            (ConditionStatus::True, Some(plugin)) => Err(Absent::WrongWorld(plugin.manifest().world)),
            _ if self.resources().contains_key(name) || readiness.reason == Reason::Incompatible => {
                Err(Absent::Unusable(readiness.message))
            }
            _ => Err(Absent::Missing { known: self.names(world) }),
        }
    }

    /// The names that lead to plugins of a world, sorted.
    fn names(&self, world: World) -> Vec<String> {
        let resources = self.resources().clone();
        let mut names: Vec<String> = resources.keys().cloned().collect();
        names.extend(self.registry.iter().map(|plugin| plugin.name().to_owned()));
        names.sort();
        names.dedup();
        names.retain(|name| {
            self.find(name, resources.get(name)).is_some_and(|plugin| plugin.manifest().world == world)
        });
        names
    }

    /// A panic elsewhere leaves the map usable: it is replaced as a whole.
    fn resources(&self) -> RwLockReadGuard<'_, BTreeMap<String, api::PluginSpec>> {
        self.resources.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Renderers for PluginSet {
    fn renderer(&self, name: &str) -> Result<Arc<dyn Renderer>, Absent> {
        Ok(self.usable(name, World::Renderer)?)
    }

    /// The one that goes by the plugin's own name, or that a resource gives
    /// that name to.
    fn detecting(&self) -> Vec<Arc<dyn Renderer>> {
        let usable = |name: &String| {
            let plugin = self.usable(name, World::Renderer).ok()?;
            (plugin.manifest().name == *name).then_some(plugin as Arc<dyn Renderer>)
        };
        self.names(World::Renderer).iter().filter_map(usable).collect()
    }
}

impl Policies for PluginSet {
    fn policy(&self, name: &str) -> Result<Arc<dyn Policy>, Absent> {
        Ok(self.usable(name, World::Policy)?)
    }
}

impl HealthRules for PluginSet {
    fn assess(&self, objects: &[Bytes]) -> Result<Vec<Assessment>, PluginError> {
        match self.usable(HEALTH, World::Health) {
            Ok(plugin) => plugin.assess(objects, &Value::Null),
            Err(_) => Err(PluginError::Load(format!("the health plugin `{HEALTH}` is not usable"))),
        }
    }
}

fn overrides(limits: &api::PluginLimits) -> LimitOverrides {
    let bytes = |size: api::ByteSize| usize::try_from(size.get()).unwrap_or(usize::MAX);
    LimitOverrides {
        time: limits.time.map(api::Period::get),
        memory_bytes: limits.memory.map(bytes),
        output_bytes: limits.output.map(bytes),
        host_calls: limits.host_calls.map(u64::from),
    }
}
