//! Settings of plugins as they are typed: a file, or JSON on the spot.

use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

/// Largest file of settings or gates, in bytes.
const FILE_BYTES: u64 = 1 << 20;

/// What `text` means: JSON where it begins as a mapping, otherwise the name of
/// a file of YAML or JSON.
pub(super) fn read(text: &str) -> anyhow::Result<Value> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).context("read the settings given as JSON");
    }
    let content = file(Path::new(text))?;
    serde_saphyr::from_str(&content).map_err(|error| yaml_error(text, &error))
}

/// The content of a file that a person named.
pub(super) fn file(path: &Path) -> anyhow::Result<String> {
    let read = || -> anyhow::Result<String> {
        let size = std::fs::metadata(path)?.len();
        anyhow::ensure!(
            size <= FILE_BYTES,
            "it has {size} bytes, more than the limit of {FILE_BYTES} (fixed)"
        );
        Ok(std::fs::read_to_string(path)?)
    };
    read().with_context(|| format!("read `{}`", path.display()))
}

/// The documents of a file of YAML or JSON, those that say nothing aside.
pub(super) fn documents(path: &Path) -> anyhow::Result<Vec<Value>> {
    let content = file(path)?;
    let documents: Vec<Value> = serde_saphyr::from_multiple(&content)
        .map_err(|error| yaml_error(&path.display().to_string(), &error))?;
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}

/// `file:line:column: problem`, without the excerpt that the parser adds.
pub(super) fn yaml_error(path: &str, error: &serde_saphyr::Error) -> anyhow::Error {
    let problem = error.without_snippet();
    match error.location() {
        Some(place) => anyhow::anyhow!("{path}:{}:{}: {problem}", place.line(), place.column()),
        None => anyhow::anyhow!("{path}: {problem}"),
    }
}
