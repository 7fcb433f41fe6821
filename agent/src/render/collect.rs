//! Checks what a renderer returned: normalised, each key once, and within the
//! limits.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use sha2::{Digest, Sha256};

use super::locate::locate_in;
use super::normalize::normalize;
use super::{Job, RenderError};
use crate::object::{Manifest, ObjectKey};
use crate::source::tree::Tree;

/// The manifests in the renderer's order, and the digest over their objects.
/// `tree` is only read to find the line of what is wrong.
pub(super) fn collect(
    mut manifests: Vec<Manifest>,
    job: &Job,
    folder: &str,
    tree: &dyn Tree,
) -> Result<(Vec<Manifest>, String), RenderError> {
    if manifests.len() > job.limits.objects {
        return Err(RenderError::TooManyObjects { folder: folder.to_owned(), limit: job.limits.objects });
    }
    let mut hasher = Sha256::new();
    for manifest in &mut manifests {
        if let Some(problem) = normalize(&mut manifest.object).into_iter().next() {
            let (mut origin, mut column) = (manifest.origin.clone(), None);
            locate_in(tree, std::iter::once((&mut origin, &mut column, Some(problem.pointer.as_str()))));
            return Err(RenderError::InvalidObject {
                object: manifest.key.clone(),
                origin,
                column,
                pointer: problem.pointer,
                problem: problem.message,
            });
        }
        // The map type sorts its keys, so equal objects have equal bytes.
        let json = manifest.object.to_string();
        if json.len() > job.limits.object_bytes {
            return Err(RenderError::ObjectTooLarge {
                object: manifest.key.clone(),
                origin: manifest.origin.clone(),
                bytes: json.len(),
                limit: job.limits.object_bytes,
            });
        }
        hasher.update(json);
        hasher.update([0]);
    }
    refuse_duplicates(&manifests, &job.target_namespace)?;
    Ok((manifests, hex::encode(hasher.finalize())))
}

/// An object without a namespace will be in the target namespace, or in none,
/// if its kind is such: either way it is the same as one that names it.
fn refuse_duplicates(manifests: &[Manifest], target_namespace: &str) -> Result<(), RenderError> {
    let mut seen: HashMap<ObjectKey, &Manifest> = HashMap::with_capacity(manifests.len());
    for manifest in manifests {
        let mut key = manifest.key.clone();
        key.namespace.get_or_insert_with(|| target_namespace.to_owned());
        match seen.entry(key) {
            Entry::Vacant(entry) => entry.insert(manifest),
            Entry::Occupied(first) => {
                return Err(RenderError::Duplicate {
                    object: manifest.key.clone(),
                    first: first.get().origin.clone(),
                    second: manifest.origin.clone(),
                });
            }
        };
    }
    Ok(())
}
