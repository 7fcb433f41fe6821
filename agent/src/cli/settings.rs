//! Settings of plugins as they are typed: a file, or JSON on the spot.

use std::fs::File;
use std::io::Read as _;
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

/// The text in a file that a person named.
pub(super) fn file(path: &Path) -> anyhow::Result<String> {
    String::from_utf8(bytes(path)?).with_context(|| format!("read `{}`", path.display()))
}

/// The content of a file that a person named. What has no size, such as a pipe,
/// is bounded all the same.
pub(super) fn bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    let read = || -> anyhow::Result<Vec<u8>> {
        let mut content = Vec::new();
        File::open(path)?.take(FILE_BYTES + 1).read_to_end(&mut content)?;
        anyhow::ensure!(
            content.len() as u64 <= FILE_BYTES,
            "it has more bytes than the limit of {FILE_BYTES} (fixed)"
        );
        Ok(content)
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_has_no_end_is_bounded() {
        let error = format!("{:#}", bytes(Path::new("/dev/zero")).unwrap_err());
        assert_eq!(error, "read `/dev/zero`: it has more bytes than the limit of 1048576 (fixed)");
    }

    #[test]
    fn bytes_need_not_be_text() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&[0xff, 0xfe]).unwrap();
        assert_eq!(bytes(file.path()).unwrap(), [0xff, 0xfe]);
        assert!(super::file(file.path()).is_err());
    }
}
