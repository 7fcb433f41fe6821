//! Checks what a renderer returned, and turns it into manifests.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde_json::Value;

use super::locate::locate_in;
use super::normalize::normalize;
use super::{Job, PluginId, RawManifest, RenderError};
use crate::object::{Manifest, ObjectKey, Origin};
use crate::source::trace::Inputs;
use crate::source::tree::Tree;

/// The manifests in the renderer's order: complete, normalised, each key once.
pub(super) fn collect(
    raw: Vec<RawManifest>,
    job: &Job,
    folder: &str,
    renderer: &PluginId,
    tree: &dyn Tree,
    inputs: &Inputs,
) -> Result<Vec<Manifest>, RenderError> {
    let mut lines = Lines { tree, inputs, starts: HashMap::new() };
    let mut manifests: Vec<Manifest> = Vec::with_capacity(raw.len().min(job.limits.objects));
    let mut seen: HashMap<ObjectKey, usize> = HashMap::new();
    for raw in raw {
        let origin = lines.origin(raw.path, raw.span);
        let bytes = raw.object.len();
        if bytes > job.limits.object_bytes.saturating_mul(job.limits.objects) {
            return Err(too_large(None, origin, bytes, job));
        }
        let value: Value =
            serde_json::from_slice(&raw.object).map_err(|error| RenderError::InvalidObject {
                renderer: renderer.clone(),
                origin: origin.clone(),
                column: None,
                object: None,
                pointer: None,
                problem: format!("is not JSON: {error}"),
            })?;
        for object in items(value) {
            if manifests.len() == job.limits.objects {
                return Err(RenderError::TooManyObjects {
                    folder: folder.to_owned(),
                    limit: job.limits.objects,
                });
            }
            let mut manifest = admit(object, origin.clone(), bytes, job, renderer, tree)?;
            manifest.changed_by.clone_from(&raw.changed_by);
            let mut key = manifest.key.clone();
            key.namespace.get_or_insert_with(|| job.target_namespace.clone());
            match seen.entry(key) {
                Entry::Vacant(entry) => entry.insert(manifests.len()),
                Entry::Occupied(first) => {
                    return Err(RenderError::Duplicate {
                        object: manifest.key,
                        first: manifests[*first.get()].origin.clone(),
                        second: manifest.origin,
                    });
                }
            };
            manifests.push(manifest);
        }
    }
    Ok(manifests)
}

fn admit(
    mut object: Value,
    origin: Option<Origin>,
    raw_bytes: usize,
    job: &Job,
    renderer: &PluginId,
    tree: &dyn Tree,
) -> Result<Manifest, RenderError> {
    let problems = normalize(&mut object);
    let hint = hint_for(&object);
    let manifest = Manifest::from_object(object, origin.clone()).map_err(|error| {
        let problem = match hint {
            Some(hint) => format!("is not a Kubernetes object: {error} ({hint})"),
            None => format!("is not a Kubernetes object: {error}"),
        };
        RenderError::InvalidObject {
            renderer: renderer.clone(),
            origin: origin.clone(),
            column: None,
            object: None,
            pointer: None,
            problem,
        }
    })?;
    if let Some(problem) = problems.into_iter().next() {
        let (mut origin, mut column) = (origin, None);
        locate_in(tree, std::iter::once((&mut origin, &mut column, Some(problem.pointer.as_str()))));
        return Err(RenderError::InvalidObject {
            renderer: renderer.clone(),
            origin,
            column,
            object: Some(manifest.key),
            pointer: Some(problem.pointer),
            problem: problem.message,
        });
    }
    // Serialising again is only worth it where the raw size says that it may be too much.
    if raw_bytes > job.limits.object_bytes / 2 {
        let bytes = manifest.object.to_string().len();
        if bytes > job.limits.object_bytes {
            return Err(too_large(Some(manifest.key), origin, bytes, job));
        }
    }
    Ok(manifest)
}

fn hint_for(object: &Value) -> Option<&'static str> {
    if !object.is_object() {
        return Some("it is not a mapping");
    }
    object
        .pointer("/metadata/generateName")
        .map(|_| "`generateName` would make another object at each sync; give it a `metadata.name`")
}

fn too_large(object: Option<ObjectKey>, origin: Option<Origin>, bytes: usize, job: &Job) -> RenderError {
    RenderError::ObjectTooLarge { object, origin, bytes, limit: job.limits.object_bytes }
}

/// The objects in a list such as kubectl prints, or the object itself.
fn items(mut value: Value) -> Vec<Value> {
    let is_list = value.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"))
        && value.pointer("/metadata/name").is_none();
    match value.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) if is_list => items,
        Some(other) => {
            value["items"] = other;
            vec![value]
        }
        None => vec![value],
    }
}

/// Counts lines. Reads past the trace: only files that are inputs already.
struct Lines<'a> {
    tree: &'a dyn Tree,
    inputs: &'a Inputs,
    /// The bytes at which each line of a file starts.
    starts: HashMap<String, Option<Vec<u32>>>,
}

impl Lines<'_> {
    fn origin(&mut self, path: Option<String>, span: Option<(u32, u32)>) -> Option<Origin> {
        let path = path?.trim_start_matches('/').to_owned();
        let line = span.and_then(|(start, _)| self.line_at(&path, start));
        Some(Origin { path, line, span })
    }

    fn line_at(&mut self, path: &str, offset: u32) -> Option<u32> {
        if !self.starts.contains_key(path) {
            let starts = self.line_starts(path);
            self.starts.insert(path.to_owned(), starts);
        }
        let starts = self.starts.get(path)?.as_ref()?;
        u32::try_from(starts.partition_point(|start| *start <= offset)).ok()
    }

    /// `None` where the renderer names a file that it did not read: a wrong
    /// origin costs the line, not the render.
    fn line_starts(&self, path: &str) -> Option<Vec<u32>> {
        if !self.inputs.files().any(|(file, _)| file == path) {
            return None;
        }
        let content = self.tree.read(path).ok()?;
        let newlines = content.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let after = newlines.filter_map(|(index, _)| u32::try_from(index + 1).ok());
        Some(std::iter::once(0).chain(after).collect())
    }
}
