//! Has a rendered set go through another renderer.
//!
//! That one sees the set as one more file of its folder, which is in no commit:
//! a stream of documents, in the order of the set. Every object still knows
//! where it was made before.

use std::fmt::Write as _;

use bytes::Bytes;
use serde_json::Value;

use super::{Made, RawManifest, RawOutput, RenderError, Run, choose};
use crate::diagnostic::Diagnostic;
use crate::object::{Manifest, Origin};
use crate::plugin::PluginError;
use crate::source::tree::TreeError;

/// A renderer that another one's result goes through.
#[derive(Clone, Debug, PartialEq)]
pub struct PostRenderer {
    /// The renderer's name; detected from the folder's files where absent.
    pub renderer: Option<String>,
    /// Its folder, relative to the root of the repository.
    pub path: String,
    /// Its settings; `null` where none were given.
    pub config: Value,
    /// The name of the file in the folder that it finds the set in.
    pub input: String,
}

/// The documents of a set, and where each of them came from.
struct Passed {
    path: String,
    content: String,
    /// Where each document begins, with where its object was made.
    documents: Vec<(u32, Option<Origin>)>,
}

impl Run<'_> {
    /// What the set becomes in another renderer.
    pub(super) fn again(&self, made: Made, post: &PostRenderer) -> Result<Made, RenderError> {
        let folder = choose::folder(self.traced, &post.path)?;
        let passed = Passed::new(&folder, &post.input, &made.manifests);
        let (path, there) = self.traced.resolve("", &passed.path, false).map_err(RenderError::Tree)?;
        if there.is_some() {
            return Err(RenderError::InputExists { path });
        }
        self.traced.put(&path, Bytes::from(passed.content.clone()));
        let renderer = choose::renderer(self.traced, &folder, post.renderer.as_deref(), self.renderers)?;
        let output = self
            .call(renderer.as_ref(), &folder, &post.config)
            .map_err(|error| passed.locate_error(error))?;
        let RawOutput { manifests, diagnostics } = output;
        let manifests = manifests.into_iter().map(|raw| passed.locate_manifest(raw)).collect();
        let manifests = self.collect(manifests, &folder, &renderer.id())?;
        let Made { mut warnings, renderer: first, mut post_renderers, .. } = made;
        warnings.extend(diagnostics.into_iter().map(|warning| passed.locate(warning)));
        post_renderers.push(renderer.id());
        Ok(Made { manifests, warnings, renderer: first, post_renderers })
    }
}

impl Passed {
    fn new(folder: &str, input: &str, manifests: &[Manifest]) -> Self {
        let path = if folder.is_empty() { input.to_owned() } else { format!("{folder}/{input}") };
        let mut content = String::new();
        let mut documents = Vec::with_capacity(manifests.len());
        for manifest in manifests {
            // A set is limited to far less than this holds.
            let start = u32::try_from(content.len()).unwrap_or(u32::MAX);
            documents.push((start, manifest.origin.clone()));
            // JSON in one line is YAML, and its lines can be told apart.
            let _ = writeln!(content, "---\n{}", manifest.object);
        }
        Self { path, content, documents }
    }

    /// Where the object was made that stands at this byte of the stream.
    fn origin_at(&self, offset: u32) -> Option<&Origin> {
        let next = self.documents.partition_point(|(start, _)| *start <= offset);
        self.documents.get(next.checked_sub(1)?)?.1.as_ref()
    }

    fn is_it(&self, path: &str) -> bool {
        path.trim_start_matches('/') == self.path
    }

    fn locate_manifest(&self, raw: RawManifest) -> RawManifest {
        let RawManifest { object, path: Some(path), span } = raw else { return raw };
        if !self.is_it(&path) {
            return RawManifest { object, path: Some(path), span };
        }
        let origin = span.and_then(|(start, _)| self.origin_at(start));
        let (path, span) = origin.map_or((None, None), |origin| (Some(origin.path.clone()), origin.span));
        RawManifest { object, path, span }
    }

    fn locate(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        if let Some(origin) = diagnostic.origin.as_ref().filter(|origin| self.is_it(&origin.path)) {
            // Each document has two lines.
            let document = origin.line.and_then(|line| self.documents.get((line.max(1) as usize - 1) / 2));
            diagnostic.origin = document.and_then(|(_, origin)| origin.clone());
            diagnostic.column = None;
        }
        diagnostic
    }

    fn locate_error(&self, error: RenderError) -> RenderError {
        match error {
            RenderError::Plugin { plugin, folder, error: PluginError::Refused(own), tree } => {
                let own = own.into_iter().map(|diagnostic| self.locate(diagnostic)).collect();
                let tree = tree
                    .filter(|error| !matches!(error, TreeError::WrongKind { path, .. } if self.is_it(path)));
                RenderError::Plugin { plugin, folder, error: PluginError::Refused(own), tree }
            }
            other => other,
        }
    }
}
