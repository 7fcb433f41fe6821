//! Turns an application's files into manifests.
//!
//! Takes a tree, what the Application says, and the renderers; gives the
//! complete set of manifests with the inputs it was made from, or the reason
//! why there is none. Never a part of a set, never a look at the cluster: what
//! a renderer may know of it is handed over as a value.

mod choose;
mod collect;
mod error;
mod handover;
pub mod locate;
mod memo;
mod normalize;
mod post;
mod renderer;
mod resource;
mod store;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use error::{RenderError, RenderFailure};
pub(crate) use error::{absent_message, plugin_hint};
pub use handover::{Capabilities, Handover, merge};
pub use memo::{Memo, MemoCounts};
pub use post::PostRenderer;
pub use renderer::{Absent, PluginId, RawManifest, RawOutput, Renderer, Renderers};
pub use store::Store;

use crate::diagnostic::Diagnostic;
use crate::object::{Manifest, ObjectKey, Origin, Packed};
use crate::plugin::RenderRequest;
use crate::source::trace::{Inputs, TracedTree, TreeLimits};
use crate::source::tree::{Tree, TreeError};

/// The renderer of a folder in which no other renderer recognises a file.
pub const FALLBACK_RENDERER: &str = "yaml";

/// What an Application says about its rendering.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The Application's name.
    pub name: String,
    /// The Application's namespace.
    pub namespace: String,
    /// Its folder, relative to the root of the repository; empty for the root.
    pub path: String,
    /// The renderer's name; detected from the folder's files where absent.
    pub renderer: Option<String>,
    /// The renderer's settings; `null` where none were given.
    pub config: Value,
    /// What the renderer is handed beside its settings.
    pub handover: Handover,
    /// The renderers that the result goes through, one after the other.
    pub post_renderers: Vec<PostRenderer>,
    /// Where objects go that name no namespace. Rendering leaves them as they
    /// are; it only tells that two of them are the same.
    pub target_namespace: String,
    /// Bounds on the result and on what may be read for it.
    pub limits: RenderLimits,
}

impl Job {
    /// An Application of which nothing is said but its name and its folder.
    pub fn new(namespace: &str, name: &str, path: &str) -> Self {
        Self {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            path: path.to_owned(),
            renderer: None,
            config: Value::Null,
            handover: Handover::default(),
            post_renderers: Vec::new(),
            target_namespace: namespace.to_owned(),
            limits: RenderLimits::default(),
        }
    }
}

/// Bounds on one render.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenderLimits {
    /// Most objects in a set.
    pub objects: usize,
    /// Largest object, in bytes of JSON. The API server refuses more than
    /// about 1.5 MiB, and can't track the ownership of fields near that.
    pub object_bytes: usize,
    /// Largest file, in bytes.
    pub file_bytes: u64,
    /// All content read, in bytes.
    pub total_bytes: u64,
    /// Distinct paths looked up.
    pub paths: u64,
}

impl Default for RenderLimits {
    fn default() -> Self {
        let TreeLimits { file_bytes, total_bytes, paths } = TreeLimits::default();
        Self { objects: 1000, object_bytes: 1 << 20, file_bytes, total_bytes, paths }
    }
}

/// A complete set of manifests. Only [`render`] makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    manifests: Arc<[Kept]>,
    warnings: Vec<Diagnostic>,
    inputs: Inputs,
    renderer: PluginId,
    post_renderers: Vec<PluginId>,
    digest: String,
}

/// A manifest whose object is JSON text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item<'a> {
    /// The object's identity, as it is written in the manifest.
    pub(crate) key: &'a ObjectKey,
    /// The object.
    pub(crate) text: &'a Bytes,
    /// Where it came from.
    pub(crate) origin: Option<&'a Origin>,
}

/// A manifest as it is kept.
#[derive(Clone, Debug, PartialEq)]
struct Kept {
    key: ObjectKey,
    version: String,
    object: Packed,
    origin: Option<Origin>,
    changed_by: Vec<Origin>,
}

impl Rendered {
    /// The objects in the renderer's order, each key once. They are kept as
    /// text and made from it at each call.
    pub fn manifests(&self) -> Vec<Manifest> {
        self.manifests.iter().map(Manifest::from).collect()
    }

    /// The same as texts, which takes no reading.
    pub(crate) fn items(&self) -> impl Iterator<Item = Item<'_>> {
        self.manifests.iter().map(|kept| Item {
            key: &kept.key,
            text: kept.object.text(),
            origin: kept.origin.as_ref(),
        })
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.manifests.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.manifests.is_empty()
    }

    /// What the renderer warned of.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Everything in the tree that the set depends on.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// The plugin that made it.
    pub fn renderer(&self) -> &PluginId {
        &self.renderer
    }

    /// The plugins that the result went through then.
    pub fn post_renderers(&self) -> &[PluginId] {
        &self.post_renderers
    }

    /// Lower-case hexadecimal SHA-256 over the canonical JSON of all objects
    /// in their order. Origins do not count.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

/// Renders one application. `clock` is the commit's time in seconds since the
/// Unix epoch, the only time that a renderer sees. Blocks while the plugin
/// works.
///
/// # Errors
/// There is no set then, not even an empty one. The failure carries the inputs
/// that it depended on, so that it need not be repeated while they stand.
pub fn render(
    job: &Job,
    tree: &Arc<dyn Tree>,
    clock: i64,
    renderers: &dyn Renderers,
) -> Result<Rendered, RenderFailure> {
    let limits = job.limits;
    let traced = Arc::new(TracedTree::new(
        Arc::clone(tree),
        TreeLimits { file_bytes: limits.file_bytes, total_bytes: limits.total_bytes, paths: limits.paths },
    ));
    let run = Run { job, traced: &traced, tree: tree.as_ref(), clock, renderers };
    let made = run
        .first()
        .and_then(|made| job.post_renderers.iter().try_fold(made, |made, post| run.again(made, post)));
    let inputs = traced.inputs();
    match made {
        Ok(Made { manifests, warnings, renderer, post_renderers }) => {
            let manifests: Arc<[Kept]> = manifests.into_iter().map(Kept::from).collect();
            let digest = digest_of(&manifests);
            Ok(Rendered { manifests, warnings, inputs, renderer, post_renderers, digest })
        }
        Err(error) => Err(RenderFailure { error, inputs }),
    }
}

/// One render under way.
struct Run<'a> {
    job: &'a Job,
    traced: &'a Arc<TracedTree>,
    /// The same tree without the trace.
    tree: &'a dyn Tree,
    clock: i64,
    renderers: &'a dyn Renderers,
}

/// A set as one renderer leaves it to the next.
struct Made {
    manifests: Vec<Manifest>,
    warnings: Vec<Diagnostic>,
    renderer: PluginId,
    post_renderers: Vec<PluginId>,
}

impl Run<'_> {
    /// What the Application's own folder renders to.
    fn first(&self) -> Result<Made, RenderError> {
        let Job { path, renderer, config, handover, .. } = self.job;
        let folder = choose::folder(self.traced, path)?;
        let renderer = choose::renderer(self.traced, &folder, renderer.as_deref(), self.renderers)?;
        let config = handover.complete(config, &renderer.id().name, renderer.receives())?;
        let output = self.call(renderer.as_ref(), &folder, &config)?;
        let manifests = self.collect(output.manifests, &folder, &renderer.id())?;
        Ok(Made {
            manifests,
            warnings: output.diagnostics,
            renderer: renderer.id(),
            post_renderers: Vec::new(),
        })
    }

    /// Runs a renderer on a folder.
    fn call(&self, renderer: &dyn Renderer, folder: &str, config: &Value) -> Result<RawOutput, RenderError> {
        let request = RenderRequest {
            path: folder.to_owned(),
            name: self.job.name.clone(),
            namespace: self.job.namespace.clone(),
            seed: self.job.handover.seed,
        };
        let result = renderer.render(&request, config, self.traced, self.clock);
        let tree_failure = self.traced.failure();
        if let Some(error) = tree_failure.as_ref().filter(|error| leaves_a_part(error)) {
            return Err(RenderError::Tree(error.clone()));
        }
        result.map_err(|error| RenderError::Plugin {
            plugin: renderer.id(),
            folder: request.path,
            error,
            tree: tree_failure.filter(|error| !matches!(error, TreeError::WrongKind { .. })),
        })
    }

    fn collect(
        &self,
        raw: Vec<RawManifest>,
        folder: &str,
        renderer: &PluginId,
    ) -> Result<Vec<Manifest>, RenderError> {
        collect::collect(raw, self.job, folder, renderer, self.tree, &self.traced.inputs())
    }
}

/// Whether a renderer that met this saw less than what is in the tree. It may
/// have taken the failed read for "nothing there", so its result can't count
/// as complete, whatever it says.
fn leaves_a_part(error: &TreeError) -> bool {
    matches!(error, TreeError::Name { .. } | TreeError::Unreadable { .. } | TreeError::Limit { .. })
}

impl From<Manifest> for Kept {
    fn from(Manifest { key, version, object, origin, changed_by }: Manifest) -> Self {
        Self { key, version, object: Packed::from(&object), origin, changed_by }
    }
}

impl From<&Kept> for Manifest {
    fn from(kept: &Kept) -> Self {
        let Kept { key, version, object, origin, changed_by } = kept.clone();
        Self { key, version, object: object.unpack(), origin, changed_by }
    }
}

fn digest_of(manifests: &[Kept]) -> String {
    let mut hasher = Sha256::new();
    for manifest in manifests {
        // The map type sorts its keys, so equal objects have equal bytes.
        hasher.update(manifest.object.text());
        hasher.update([0]);
    }
    hex::encode(hasher.finalize())
}
