//! Which files of the application's folder are manifests.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use windlass_plugin_sdk::diagnostic::{Diagnostic, Diagnostics};
use windlass_plugin_sdk::render::Request;

use crate::glob;

/// How many files and folders are looked at; links that lead in circles end
/// here.
const MAX_ENTRIES: usize = 20_000;
/// How deep folders may nest below the application's.
const MAX_FOLDERS: usize = 32;

/// What the settings select.
#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Selection {
    include: Vec<String>,
    exclude: Vec<String>,
    recursive: bool,
}

impl Default for Selection {
    fn default() -> Self {
        Self { include: Vec::new(), exclude: Vec::new(), recursive: true }
    }
}

impl Selection {
    /// Whether a file is wanted; `path` is relative to the application's folder.
    fn wants(&self, path: &str) -> bool {
        let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
        let covers = |globs: &[String]| globs.iter().any(|pattern| glob::matches(pattern, path));
        matches!(extension, "yaml" | "yml" | "json")
            && (self.include.is_empty() || covers(&self.include))
            && !covers(&self.exclude)
    }
}

/// The files to read, in byte order of their paths.
///
/// # Errors
/// Names the folder that can't be listed.
pub(crate) fn find(request: &Request, selection: &Selection) -> Result<Vec<PathBuf>, Diagnostics> {
    let folder = request.folder();
    let problem = |path: &Path, message: String| {
        let shown = request.display_path(path);
        Diagnostics::from(Diagnostic::error(message).in_file(if shown.is_empty() { "." } else { &shown }))
    };
    let metadata = fs::metadata(&folder)
        .map_err(|error| problem(&folder, format!("the application's folder can't be opened: {error}")))?;
    if metadata.is_file() {
        return Ok(vec![folder]);
    }

    let mut found = Vec::new();
    let mut entries = 0;
    let mut pending = vec![(folder.clone(), 0)];
    while let Some((current, depth)) = pending.pop() {
        let listed =
            fs::read_dir(&current).map_err(|error| problem(&current, format!("can't be listed: {error}")))?;
        for entry in listed {
            let entry = entry.map_err(|error| problem(&current, format!("can't be listed: {error}")))?;
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            entries += 1;
            if entries > MAX_ENTRIES {
                let message =
                    format!("has more than {MAX_ENTRIES} files and folders, the most that are read");
                return Err(problem(&folder, message));
            }
            let path = entry.path();
            let relative = path.strip_prefix(&folder).unwrap_or(&path).to_string_lossy().into_owned();
            let kind =
                entry.file_type().map_err(|error| problem(&path, format!("can't be read: {error}")))?;
            // Only what may be read is followed: a broken link elsewhere is nobody's business.
            let is_folder = if kind.is_symlink() && (selection.recursive || selection.wants(&relative)) {
                match fs::metadata(&path) {
                    Ok(metadata) => metadata.is_dir(),
                    Err(_) if !selection.wants(&relative) => continue,
                    Err(error) => return Err(problem(&path, format!("can't be followed: {error}"))),
                }
            } else {
                kind.is_dir()
            };
            if !is_folder {
                if selection.wants(&relative) {
                    found.push((request.display_path(&path), path));
                }
            } else if selection.recursive {
                if depth == MAX_FOLDERS {
                    return Err(problem(&path, format!("nests deeper than {MAX_FOLDERS} folders")));
                }
                pending.push((path, depth + 1));
            }
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}
