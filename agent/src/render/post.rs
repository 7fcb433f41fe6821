//! Has a rendered set go through another renderer.
//!
//! That one sees the set as one more file of its folder, which is in no commit:
//! a stream of documents, in the order of the set. Every object still knows
//! where it was made before.

use std::fmt::Write as _;

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

/// The file that a set is passed on in.
struct Passed {
    path: String,
    documents: Vec<Document>,
}

/// One of its documents.
struct Document {
    /// Where it begins.
    start: u32,
    /// Where its object was made, and what has changed it since.
    origin: Option<Origin>,
    changed_by: Vec<Origin>,
}

impl Run<'_> {
    /// What the set becomes in another renderer.
    pub(super) fn again(&self, made: Made, post: &PostRenderer) -> Result<Made, RenderError> {
        let folder = choose::folder(self.traced, &post.path)?;
        let (passed, content) = Passed::new(&folder, &post.input, &made.manifests);
        // What an earlier post-renderer found is not there any more.
        self.traced.take_back();
        let (path, there) = self.traced.resolve("", &passed.path, false).map_err(RenderError::Tree)?;
        if there.is_some() {
            return Err(RenderError::InputExists { path });
        }
        self.traced.put(path.clone(), content.into());
        let renderer = choose::renderer(self.traced, &folder, post.renderer.as_deref(), self.renderers)?;
        let output = self
            .call(renderer.as_ref(), &folder, &post.config)
            .map_err(|error| passed.locate_error(error))?;
        // Without it the result would be another set, and the rest of this one would be pruned.
        if !self.traced.is_made_read() {
            return Err(RenderError::InputUnread { renderer: renderer.id().name, path });
        }
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
    /// With the content of the file.
    fn new(folder: &str, input: &str, manifests: &[Manifest]) -> (Self, String) {
        let path = if folder.is_empty() { input.to_owned() } else { format!("{folder}/{input}") };
        let mut content = String::new();
        let mut documents = Vec::with_capacity(manifests.len());
        for manifest in manifests {
            // A set is limited to far less than this holds.
            let start = u32::try_from(content.len()).unwrap_or(u32::MAX);
            let (origin, changed_by) = (manifest.origin.clone(), manifest.changed_by.clone());
            documents.push(Document { start, origin, changed_by });
            // JSON in one line is YAML, and its lines can be told apart.
            let _ = writeln!(content, "---\n{}", manifest.object);
        }
        (Self { path, documents }, content)
    }

    fn document_at(&self, byte: u32) -> Option<&Document> {
        let next = self.documents.partition_point(|document| document.start <= byte);
        self.documents.get(next.checked_sub(1)?)
    }

    fn is_it(&self, path: &str) -> bool {
        path.trim_start_matches('/') == self.path
    }

    fn locate_manifest(&self, mut raw: RawManifest) -> RawManifest {
        if raw.path.take_if(|path| self.is_it(path)).is_some() {
            let document = raw.span.take().and_then(|(start, _)| self.document_at(start));
            if let Some(Document { origin, changed_by, .. }) = document {
                raw.path = origin.as_ref().map(|origin| origin.path.clone());
                raw.span = origin.as_ref().and_then(|origin| origin.span);
                raw.changed_by.splice(0..0, changed_by.iter().cloned());
            }
        }
        raw
    }

    fn locate(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        if let Some(origin) = diagnostic.origin.as_ref().filter(|origin| self.is_it(&origin.path)) {
            // Each document has two lines.
            let document = origin.line.and_then(|line| self.documents.get((line.max(1) as usize - 1) / 2));
            diagnostic.origin = document.and_then(|document| document.origin.clone());
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
