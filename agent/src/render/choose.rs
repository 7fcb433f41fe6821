//! Finds the application's folder and the renderer for it. Everything is
//! looked up through the traced tree: a file that appears and changes the
//! choice is an input like any other.

use std::sync::Arc;

use super::{Absent, FALLBACK_RENDERER, RenderError, Renderer, Renderers};
use crate::source::trace::TracedTree;
use crate::source::tree::EntryKind;

/// The folder at `path`, without links.
pub(super) fn folder(tree: &TracedTree, path: &str) -> Result<String, RenderError> {
    let relative = path.trim_start_matches('/');
    let (folder, entry) = tree.resolve("", relative, true).map_err(RenderError::Tree)?;
    match entry.map(|entry| entry.kind) {
        Some(EntryKind::Directory) => Ok(folder),
        // A tree without a single file may have no entry for its root.
        None if folder.is_empty() => Ok(folder),
        None => Err(RenderError::PathMissing { path: path.to_owned() }),
        Some(_) => Err(RenderError::NotAFolder { path: path.to_owned() }),
    }
}

/// The renderer called `name`, or the one whose file is in the folder.
pub(super) fn renderer(
    tree: &TracedTree,
    folder: &str,
    name: Option<&str>,
    renderers: &dyn Renderers,
) -> Result<Arc<dyn Renderer>, RenderError> {
    if let Some(name) = name {
        return renderers
            .renderer(name)
            .map_err(|absent| RenderError::Absent { name: name.to_owned(), absent });
    }
    let mut chosen: Option<(Arc<dyn Renderer>, String)> = None;
    for candidate in renderers.detecting() {
        let Some(file) = recognised(tree, folder, candidate.detects())? else { continue };
        if let Some((first, first_file)) = &chosen {
            return Err(RenderError::Ambiguous {
                folder: folder.to_owned(),
                candidates: [(first.id().name, first_file.clone()), (candidate.id().name, file)],
            });
        }
        chosen = Some((candidate, file));
    }
    match chosen {
        Some((renderer, _)) => Ok(renderer),
        None => renderers.renderer(FALLBACK_RENDERER).map_err(|absent| match absent {
            Absent::Missing { known } => RenderError::NothingDetected { folder: folder.to_owned(), known },
            absent @ (Absent::WrongWorld(_) | Absent::Unusable(_)) => {
                RenderError::Absent { name: FALLBACK_RENDERER.to_owned(), absent }
            }
        }),
    }
}

fn recognised(tree: &TracedTree, folder: &str, files: &[String]) -> Result<Option<String>, RenderError> {
    for file in files {
        let (_, entry) = tree.resolve(folder, file, true).map_err(RenderError::Tree)?;
        if entry.is_some_and(|entry| matches!(entry.kind, EntryKind::File | EntryKind::Executable)) {
            return Ok(Some(file.clone()));
        }
    }
    Ok(None)
}
