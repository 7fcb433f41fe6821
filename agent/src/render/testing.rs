//! A renderer without WebAssembly, for the tests of this crate.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Absent, Job, PluginId, RawManifest, RawOutput, Renderer, Renderers};
use crate::plugin::{Limits, PluginError, Receives, RenderRequest, World};
use crate::source::trace::TracedTree;

type Body = dyn Fn(&RenderRequest, &TracedTree) -> Result<RawOutput, PluginError> + Send + Sync;

/// Calls a closure, and counts its calls.
pub(crate) struct FakeRenderer {
    id: PluginId,
    detects: Vec<String>,
    pub(crate) receives: Receives,
    pub(crate) limits: Limits,
    body: Box<Body>,
    pub(crate) calls: AtomicUsize,
    /// The settings of the last call.
    pub(crate) config: Mutex<Value>,
}

impl FakeRenderer {
    pub(crate) fn new(
        name: &str,
        detects: &[&str],
        body: impl Fn(&RenderRequest, &TracedTree) -> Result<RawOutput, PluginError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            id: PluginId { name: name.to_owned(), digest: format!("{name:0>64}") },
            detects: detects.iter().map(ToString::to_string).collect(),
            receives: Receives::default(),
            limits: Limits {
                time: Duration::from_secs(1),
                memory_bytes: 1 << 20,
                output_bytes: 1 << 20,
                host_calls: 1000,
            },
            body: Box::new(body),
            calls: AtomicUsize::new(0),
            config: Mutex::default(),
        }
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

impl Renderer for FakeRenderer {
    fn id(&self) -> PluginId {
        self.id.clone()
    }

    fn detects(&self) -> &[String] {
        &self.detects
    }

    fn receives(&self) -> &Receives {
        &self.receives
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn render(
        &self,
        request: &RenderRequest,
        config: &Value,
        tree: &Arc<TracedTree>,
        _: i64,
    ) -> Result<RawOutput, PluginError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        *crate::lock::lock(&self.config) = config.clone();
        (self.body)(request, tree)
    }
}

/// Some renderers, and the name of a policy.
pub(crate) struct FakeRenderers(pub(crate) Vec<Arc<FakeRenderer>>);

impl FakeRenderers {
    pub(crate) fn one(renderer: FakeRenderer) -> Self {
        Self(vec![Arc::new(renderer)])
    }
}

impl Renderers for FakeRenderers {
    fn renderer(&self, name: &str) -> Result<Arc<dyn Renderer>, Absent> {
        if name == "a-policy" {
            return Err(Absent::WrongWorld(World::Policy));
        }
        match self.0.iter().find(|renderer| renderer.id.name == name) {
            Some(renderer) => Ok(Arc::clone(renderer) as Arc<dyn Renderer>),
            None => Err(Absent::Missing { known: self.0.iter().map(|r| r.id.name.clone()).collect() }),
        }
    }

    fn detecting(&self) -> Vec<Arc<dyn Renderer>> {
        self.0.iter().map(|renderer| Arc::clone(renderer) as Arc<dyn Renderer>).collect()
    }
}

/// The plain renderer: one JSON object per file of the folder.
pub(crate) fn plain() -> FakeRenderer {
    FakeRenderer::new("yaml", &[], |request, tree| {
        let refused = |error: &dyn std::fmt::Display| {
            PluginError::Refused(vec![crate::diagnostic::Diagnostic::error(error.to_string())])
        };
        let mut output = RawOutput::default();
        for (name, _) in tree.list(&request.path).map_err(|e| refused(&e))? {
            let (path, _) = tree.resolve(&request.path, &name, true).map_err(|e| refused(&e))?;
            let object = tree.read(&path).map_err(|e| refused(&e))?;
            let span = Some((0, u32::try_from(object.len()).unwrap()));
            output.manifests.push(RawManifest { object, path: Some(path), span, changed_by: Vec::new() });
        }
        Ok(output)
    })
}

/// A renderer that returns these objects, from nowhere.
pub(crate) fn returning(objects: Vec<Value>) -> FakeRenderer {
    FakeRenderer::new("yaml", &[], move |_, _| {
        let raw = |object: &Value| RawManifest {
            object: Bytes::from(object.to_string()),
            ..RawManifest::default()
        };
        Ok(RawOutput { manifests: objects.iter().map(raw).collect(), diagnostics: Vec::new() })
    })
}

pub(crate) fn job(path: &str) -> Job {
    Job { target_namespace: "prod".to_owned(), ..Job::new("team", "web", path) }
}

pub(crate) fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})
}
