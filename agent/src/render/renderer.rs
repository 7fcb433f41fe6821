//! What the steps need of a plugin, so that they can be read and tested
//! without WebAssembly.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::object::Origin;
use crate::plugin::{Limits, PluginError, Receives, RenderRequest, World};
use crate::source::trace::TracedTree;

/// Which plugin answered: its name, and the digest that says exactly which
/// bytes of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PluginId {
    /// The name that it goes by here.
    pub name: String,
    /// Lower-case hexadecimal SHA-256 of the component.
    pub digest: String,
}

impl fmt::Display for PluginId {
    /// `name@0123456789ab`: enough of the digest to tell versions apart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = self.digest.strip_prefix("sha256:").unwrap_or(&self.digest);
        write!(f, "{}@{}", self.name, digest.get(..12).unwrap_or(digest))
    }
}

/// Why a name leads to no usable plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absent {
    /// No plugin goes by the name.
    Missing {
        /// The names that would do, sorted.
        known: Vec<String>,
    },
    /// The plugin is for something else.
    WrongWorld(World),
    /// The plugin is there and can't be used; says why.
    Unusable(String),
}

/// One object as a renderer returned it: nothing about it is checked yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawManifest {
    /// UTF-8 encoded JSON.
    pub object: Bytes,
    /// The file that it was made from, relative to the root of the repository.
    pub path: Option<String>,
    /// The document's bytes in that file, end exclusive.
    pub span: Option<(u32, u32)>,
    /// What changed it after that, such as patches.
    pub changed_by: Vec<Origin>,
}

/// What a renderer returned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawOutput {
    /// The objects, in the renderer's order.
    pub manifests: Vec<RawManifest>,
    /// Warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// A plugin of the world `renderer`, as rendering sees it.
pub trait Renderer: Send + Sync {
    /// Name and digest.
    fn id(&self) -> PluginId;

    /// File names that make a folder this renderer's.
    fn detects(&self) -> &[String];

    /// Which of its settings take what an Application hands over.
    fn receives(&self) -> &Receives;

    /// What one call may use: more of it may end in another result.
    fn limits(&self) -> Limits;

    /// Renders one application. Blocks until the plugin answers or meets one
    /// of its limits. `clock` is in seconds since the Unix epoch.
    fn render(
        &self,
        request: &RenderRequest,
        config: &Value,
        tree: &Arc<TracedTree>,
        clock: i64,
    ) -> Result<RawOutput, PluginError>;
}

/// The renderers that are loaded.
pub trait Renderers: Send + Sync {
    /// The renderer of that name.
    fn renderer(&self, name: &str) -> Result<Arc<dyn Renderer>, Absent>;

    /// Those that may recognise a folder as theirs, in the order of their
    /// names. Of a plugin in several versions it is one at most.
    fn detecting(&self) -> Vec<Arc<dyn Renderer>>;
}
