//! Calls into renderers: files in, manifests out, whichever form the plugin
//! has.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::bindings::renderer::RendererPre;
use super::bindings::renderer::exports::windlass::plugin::rendering::Request;
use super::bindings::types;
use super::places::Places;
use super::preview1::FileTable;
use super::preview2::Renderer;
use super::program::Program;
use super::results::{diagnostics, manifests, refused};
use super::sandbox::{Captured, Sandbox, SeededRandom};
use super::store::{Call, CallState};
use super::{Plugin, PluginError, RenderRequest, wasi_program};
use crate::render::RawOutput;
use crate::source::trace::TracedTree;

/// The most that a renderer may print on standard error, in bytes.
const STDERR_BYTES: usize = 1 << 20;

/// How much of its last words a trap is reported with.
const LAST_WORDS_BYTES: usize = 4 << 10;
const LAST_WORDS_LINES: usize = 20;

/// A renderer's call in flight.
pub(crate) type RenderCall<'host> = Call<'host, Renderer>;

impl Plugin {
    /// Renders one application out of `tree`, which remembers what was read.
    /// `clock_seconds` is the time that the renderer sees: the commit's, in
    /// seconds since the Unix epoch.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where the files do not make a complete set of
    /// manifests (the tree's own [`TracedTree::failure`] may know better why), [`PluginError::Config`] where `config` does not fit, and
    /// otherwise what stopped the plugin.
    pub fn render(
        &self,
        tree: &Arc<TracedTree>,
        request: &RenderRequest,
        config: &Value,
        clock_seconds: i64,
    ) -> Result<RawOutput, PluginError> {
        let config_json = self.checked_config(config)?;
        let mut call = self.start_render(tree, request, config, &config_json, clock_seconds);
        match &self.program {
            Program::Renderer(pre) => render_component(&mut call, pre, tree, request, &config_json),
            Program::Command { .. } | Program::CoreCommand(_) | Program::CoreReactor(_) => {
                wasi_program::render(&mut call, &self.program, tree)
            }
            Program::Policy(_) | Program::Kubewarden(_) | Program::Health(_) => Err(self.not_a("renderer")),
        }
    }

    /// A call with everything that a renderer can see.
    pub(crate) fn start_render(
        &self,
        tree: &Arc<TracedTree>,
        request: &RenderRequest,
        config: &Value,
        config_json: &[u8],
        clock_seconds: i64,
    ) -> RenderCall<'_> {
        let sandbox = Sandbox {
            tree: tree.clone(),
            stdin: wasi_program::stdin(&self.program, request, config),
            stdout: Captured::with_limit(self.limits.output_bytes),
            stderr: Captured::with_limit(STDERR_BYTES.min(self.limits.output_bytes)),
            wall_clock_seconds: clock_seconds,
            monotonic_nanoseconds: 0,
            random: SeededRandom::new(self.seed(request, config_json)),
            host_calls_left: self.limits.host_calls,
            files: FileTable::default(),
        };
        Call::start(&self.host, &self.limits, Renderer::new(sandbox))
    }

    /// Two renders of the same thing see the same randomness.
    fn seed(&self, request: &RenderRequest, config: &[u8]) -> [u8; 32] {
        let mut hasher = Sha256::new().chain_update(self.digest.0);
        for part in [request.path.as_bytes(), request.name.as_bytes(), request.namespace.as_bytes(), config] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        if let Some(seed) = &request.seed {
            hasher.update(seed.bytes());
        }
        hasher.finalize().into()
    }
}

fn render_component(
    call: &mut RenderCall<'_>,
    pre: &RendererPre<CallState<Renderer>>,
    tree: &TracedTree,
    request: &RenderRequest,
    config: &types::Json,
) -> Result<RawOutput, PluginError> {
    let store = &mut call.store;
    let returned = || -> wasmtime::Result<_> {
        let renderer = pre.instantiate(&mut *store)?;
        if let Err(refusal) = renderer.windlass_plugin_lifecycle().call_configure(&mut *store, config)? {
            return Ok(Err(refusal));
        }
        let request = Request {
            path: request.path.clone(),
            name: request.name.clone(),
            namespace: request.namespace.clone(),
        };
        renderer.windlass_plugin_rendering().call_render(store, &request)
    }();
    let mut places = Places::new(Some(tree));
    match returned {
        Ok(Ok(returned)) => {
            let diagnostics = diagnostics(returned.diagnostics, &mut places);
            Ok(RawOutput { manifests: manifests(returned.manifests)?, diagnostics })
        }
        Ok(Err(refusal)) => Err(refused(diagnostics(refusal, &mut places))),
        Err(error) => Err(call.explain(&error, last_words(&call.store.data().world.sandbox.stderr))),
    }
}

/// The last lines on standard error.
pub(crate) fn last_words(stderr: &Captured) -> String {
    let start = stderr.content.len().saturating_sub(LAST_WORDS_BYTES);
    let text = String::from_utf8_lossy(&stderr.content[start..]);
    let lines: Vec<_> = text.lines().collect();
    super::results::bounded(lines[lines.len().saturating_sub(LAST_WORDS_LINES)..].join("\n"))
}

/// Nothing to read.
pub(crate) const NO_STDIN: Bytes = Bytes::new();
