//! Compiled code, linked: every form that a plugin can have.

use std::path::Path;

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, HasSelf, InstancePre, Linker};
use wasmtime::{Engine, Module, Precompiled};

use super::artifact::Artifact;
use super::bindings::policy::windlass::plugin::cluster;
use super::bindings::{health::HealthPre, policy::PolicyPre, renderer::RendererPre};
use super::engine::Host;
use super::judging::Judging;
use super::preview2::Renderer;
use super::store::CallState;
use super::{PluginError, World, kubewarden, preview1, preview2, wapc};

/// What a plain program exports to be run; any 0.2.x.
const RUN: &str = "wasi:cli/run@0.2.6";

/// The function of a core module that renders, once it was initialised.
pub(crate) const REACTOR_EXPORT: &str = "windlass_render";

/// The function of a core module that is a whole program.
pub(crate) const COMMAND_EXPORT: &str = "_start";

/// The one interface with functions that a policy may import, of any version.
const CLUSTER: &str = "windlass:plugin/cluster@";

/// A plugin, ready to be instantiated.
pub(crate) enum Program {
    Renderer(RendererPre<CallState<Renderer>>),
    Policy(PolicyPre<CallState<Judging>>),
    Health(HealthPre<CallState<()>>),
    /// A component with `wasi:cli/run`.
    Command {
        pre: InstancePre<CallState<Renderer>>,
        run: ComponentExportIndex,
    },
    /// A preview-1 core module that is a whole program.
    CoreCommand(wasmtime::InstancePre<CallState<Renderer>>),
    /// A preview-1 core module with a function that renders.
    CoreReactor(wasmtime::InstancePre<CallState<Renderer>>),
    /// A waPC core module that judges as Kubewarden has it.
    Kubewarden(Box<kubewarden::Policy>),
}

/// Mapped machine code.
pub(crate) enum Code {
    Component(Component),
    Module(Module),
}

impl Program {
    /// Maps the file at `path`, which [`super::cache::Cache`] has verified.
    pub(crate) fn map(host: &Host, path: &Path) -> wasmtime::Result<Code> {
        let engine = host.engine();
        match Engine::detect_precompiled_file(path)? {
            #[expect(unsafe_code, reason = "mapping machine code from a file is what the cache is for")]
            Some(Precompiled::Component) => {
                // SAFETY: the cache gives only files that the compiler of this agent wrote, unchanged
                // since, in a folder that nobody else can write to; they are replaced, never modified.
                let component = unsafe { Component::deserialize_file(engine, path) }?;
                Ok(Code::Component(component))
            }
            #[expect(unsafe_code, reason = "mapping machine code from a file is what the cache is for")]
            Some(Precompiled::Module) => {
                // SAFETY: as above.
                let module = unsafe { Module::deserialize_file(engine, path) }?;
                Ok(Code::Module(module))
            }
            None => wasmtime::bail!("it is not a compiled plugin"),
        }
    }
}

/// What the worlds give.
pub(crate) struct Linkers {
    engine: Engine,
    renderer: Linker<CallState<Renderer>>,
    policy: Linker<CallState<Judging>>,
    /// For health rules: empty, for ever.
    nothing: Linker<CallState<()>>,
    core: wasmtime::Linker<CallState<Renderer>>,
    kubewarden: wasmtime::Linker<kubewarden::World>,
}

impl Linkers {
    pub(crate) fn new(engine: &Engine) -> wasmtime::Result<Self> {
        let mut renderer = Linker::new(engine);
        preview2::add_to_linker(&mut renderer)?;
        let mut core = wasmtime::Linker::new(engine);
        preview1::add_to_linker(&mut core, |state: &mut CallState<Renderer>| &mut state.world.sandbox)?;
        let mut policy = Linker::new(engine);
        cluster::add_to_linker::<_, HasSelf<_>>(&mut policy, |state: &mut CallState<Judging>| {
            &mut state.world
        })?;
        let kubewarden = wapc::linker(engine)?;
        Ok(Self { engine: engine.clone(), renderer, policy, nothing: Linker::new(engine), core, kubewarden })
    }

    /// Links `code` as what it says it is; without a manifest it can only be a
    /// plain program.
    ///
    /// # Errors
    /// [`PluginError::Load`], naming the import that it must not have or the
    /// export that is missing.
    pub(crate) fn link(&self, code: &Code, artifact: &Artifact) -> Result<Program, PluginError> {
        let world = artifact.manifest.as_ref().map(|manifest| manifest.world);
        if let (Code::Module(module), Some(metadata)) = (code, &artifact.kubewarden) {
            return self.kubewarden(module, metadata);
        }
        match (code, world) {
            (Code::Module(module), None | Some(World::Renderer)) => self.core(module),
            (Code::Module(_), Some(_)) => {
                Err(load("a policy or health rule must be a component, and this is a core module".to_owned()))
            }
            (Code::Component(component), None | Some(World::Renderer)) => self.renderer(component, world),
            (Code::Component(component), Some(World::Policy)) => {
                let pre = self.policy.instantiate_pre(self.confined(component, Some(CLUSTER))?);
                pre.and_then(PolicyPre::new).map(Program::Policy).map_err(|error| not_of("policy", &error))
            }
            (Code::Component(component), Some(World::Health)) => {
                let pre = self.nothing.instantiate_pre(self.confined(component, None)?);
                pre.and_then(HealthPre::new).map(Program::Health).map_err(|error| not_of("health", &error))
            }
        }
    }

    fn renderer(&self, component: &Component, world: Option<World>) -> Result<Program, PluginError> {
        let pre = self
            .renderer
            .instantiate_pre(component)
            .map_err(|error| load(format!("it imports what a renderer does not get: {error:#}")))?;
        let run = component
            .get_export_index(None, RUN)
            .and_then(|interface| component.get_export_index(Some(&interface), "run"));
        match (run, world) {
            (Some(run), _) => Ok(Program::Command { pre, run }),
            (None, Some(_)) => {
                RendererPre::new(pre).map(Program::Renderer).map_err(|error| not_of("renderer", &error))
            }
            (None, None) => Err(load(
                "it has neither a `windlass:manifest` section nor a `wasi:cli/run` export, so it is no plugin"
                    .to_owned(),
            )),
        }
    }

    fn core(&self, module: &Module) -> Result<Program, PluginError> {
        let pre = self
            .core
            .instantiate_pre(module)
            .map_err(|error| load(format!("it imports what a renderer does not get: {error:#}")))?;
        if module.get_export(REACTOR_EXPORT).is_some() {
            Ok(Program::CoreReactor(pre))
        } else if module.get_export(COMMAND_EXPORT).is_some() {
            Ok(Program::CoreCommand(pre))
        } else {
            Err(load(format!("it exports neither `{COMMAND_EXPORT}` nor `{REACTOR_EXPORT}`")))
        }
    }

    fn kubewarden(&self, module: &Module, metadata: &kubewarden::Metadata) -> Result<Program, PluginError> {
        if module.get_export(wapc::GUEST_CALL).is_none() {
            return Err(load(format!("a Kubewarden policy exports `{}`", wapc::GUEST_CALL)));
        }
        let pre = self
            .kubewarden
            .instantiate_pre(module)
            .map_err(|error| load(format!("it imports what a Kubewarden policy does not get: {error:#}")))?;
        Ok(Program::Kubewarden(Box::new(kubewarden::Policy { pre, metadata: metadata.clone() })))
    }

    /// `component`, if it needs nothing but the `allowed` interface.
    fn confined<'a>(
        &self,
        component: &'a Component,
        allowed: Option<&str>,
    ) -> Result<&'a Component, PluginError> {
        let given = match allowed {
            Some(_) => "a policy imports nothing but `windlass:plugin/cluster`",
            None => "a health rule imports nothing",
        };
        for (name, item) in component.component_type().imports(&self.engine) {
            if allowed.is_some_and(|interface| name.starts_with(interface)) {
                continue;
            }
            // An interface of nothing but types is a name for them, not a need.
            let needed = match item.ty {
                ComponentItem::Type(_) => None,
                ComponentItem::ComponentInstance(interface) => interface
                    .exports(&self.engine)
                    .find(|(_, item)| !matches!(item.ty, ComponentItem::Type(_)))
                    .map(|(function, _)| format!("`{function}` of `{name}`")),
                _ => Some(format!("`{name}`")),
            };
            if let Some(needed) = needed {
                return Err(load(format!("it imports {needed}, and {given}")));
            }
        }
        Ok(component)
    }
}

fn not_of(world: &str, error: &wasmtime::Error) -> PluginError {
    load(format!("it does not follow the world `{world}` of windlass:plugin: {error:#}"))
}

fn load(problem: String) -> PluginError {
    PluginError::Load(problem)
}
