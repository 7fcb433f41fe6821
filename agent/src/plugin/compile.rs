//! Makes plugins ready for the agent, ahead of time: first *prepared*, which
//! is still WebAssembly and what a plugin's digest is taken of, then
//! *precompiled*, which is machine code for one version of the engine.
//!
//! Takes the bytes of a module or component; gives bytes. Runs guest code once,
//! the initialisation of a preview-1 reactor, in a sandbox without files. The
//! agent is built without this: Cranelift must never run inside its memory
//! limit.

mod sections;
mod segments;
mod snapshot;
#[cfg(test)]
mod tests;

use std::path::Path;

use anyhow::Context;
use wasmparser::{Parser, Payload};
use wasmtime::{Config, Engine};
use wit_component::ComponentEncoder;

use super::artifact::Digest;
use super::cache::Cache;
use super::engine::{Allocation, engine_config};

/// The custom section in which a plugin describes itself.
pub const MANIFEST_SECTION: &str = "windlass:manifest";

/// What a preview-1 reactor calls its initialisation, and its entry.
const INITIALIZE: &str = "_initialize";
const RENDER: &str = "windlass_render";

/// Brings a plugin into the form that the agent loads. A core module that
/// speaks the component model becomes a component; a preview-1 reactor is
/// initialised and snapshotted; everything else stays what it is. Preparing
/// twice changes nothing. A `windlass:manifest` section ends up at the top
/// level of the result.
///
/// # Errors
/// Where the bytes are no valid WebAssembly, or initialising them fails.
pub fn prepare(wasm: &[u8]) -> anyhow::Result<Vec<u8>> {
    match kind(wasm)? {
        Kind::Component => sections::lift_manifest(wasm, wasm),
        Kind::Guest => {
            let component = ComponentEncoder::default()
                .validate(true)
                .module(wasm)
                .and_then(ComponentEncoder::encode)
                .context("encode the component")?;
            sections::lift_manifest(&component, wasm)
        }
        Kind::Reactor => {
            let merged = segments::merge(wasm).context("merge the data segments")?;
            let snapshot = snapshot::take(&merged).context("snapshot the initialised module")?;
            segments::merge(&snapshot).context("merge the data segments of the snapshot")
        }
        Kind::Module => segments::merge(wasm).context("merge the data segments"),
    }
}

/// Compiles a prepared plugin for the engine that `config` describes.
///
/// # Errors
/// Where the engine refuses the plugin.
pub fn precompile(config: &Config, wasm: &[u8]) -> anyhow::Result<Vec<u8>> {
    let engine = Engine::new(config).map_err(anyhow::Error::from).context("start the engine")?;
    let compiled = if Parser::is_component(wasm) {
        engine.precompile_component(wasm)
    } else {
        engine.precompile_module(wasm)
    };
    compiled.map_err(anyhow::Error::from).context("compile the plugin")
}

/// Prepares a plugin and compiles it for this version of the agent: what the
/// compiler process does.
///
/// # Errors
/// As [`prepare`] and [`precompile`].
pub fn compile(wasm: &[u8]) -> anyhow::Result<Vec<u8>> {
    let config =
        engine_config(Allocation::OnDemand).map_err(anyhow::Error::from).context("configure the engine")?;
    precompile(&config, &prepare(wasm)?)
}

/// Compiles a prepared plugin into a folder of compiled plugins, such as comes
/// with an image; false when it was there already.
///
/// # Errors
/// As [`precompile`], and where the folder can't be written.
pub fn precompile_into(folder: &Path, prepared: &[u8]) -> anyhow::Result<bool> {
    let cache = Cache::private(folder)?;
    let digest = Digest::of(prepared);
    if cache.find(&digest).is_some() {
        return Ok(false);
    }
    let scratch = cache.scratch(&digest);
    std::fs::write(&scratch, compile(prepared)?).with_context(|| format!("write {}", scratch.display()))?;
    cache.insert(&digest, &scratch)?;
    Ok(true)
}

/// Adds the plugin's description of itself, JSON, as a custom section.
pub fn append_manifest(wasm: &[u8], json: &[u8]) -> Vec<u8> {
    sections::append_custom(wasm, MANIFEST_SECTION, json)
}

/// What a plugin is made as.
enum Kind {
    /// A component.
    Component,
    /// A core module that wit-bindgen made, with its types in a custom section.
    Guest,
    /// A preview-1 module that is initialised once and then called.
    Reactor,
    /// Any other core module, such as a preview-1 program.
    Module,
}

fn kind(wasm: &[u8]) -> anyhow::Result<Kind> {
    if Parser::is_component(wasm) {
        return Ok(Kind::Component);
    }
    let (mut initialize, mut render) = (false, false);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.context("read the module")? {
            Payload::CustomSection(section) if section.name().starts_with("component-type") => {
                return Ok(Kind::Guest);
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let name = export.context("read the module's exports")?.name;
                    initialize |= name == INITIALIZE;
                    render |= name == RENDER;
                }
            }
            _ => {}
        }
    }
    Ok(if initialize && render { Kind::Reactor } else { Kind::Module })
}
