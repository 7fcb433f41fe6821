//! Settings of plugins as they are typed: a file, or JSON on the spot.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::Value;
use serde_saphyr::Options;

use super::fields::Misfit;
use crate::dialect::of_kubernetes;
use crate::object::Origin;
use crate::render::locate::locate;

/// Largest file of settings or gates, in bytes.
const FILE_BYTES: u64 = 1 << 20;

/// What `text` means: JSON where it begins as a mapping, otherwise the name of
/// a file of YAML or JSON.
pub(super) fn read(text: &str) -> anyhow::Result<Value> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).context("read the settings given as JSON");
    }
    let content = file(Path::new(text))?;
    serde_saphyr::from_str_with_options(&content, of_kubernetes(Options::default()))
        .map_err(|error| yaml_error(text, &error))
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

/// One document of a file.
pub(super) struct Document {
    pub(super) content: Value,
    file: String,
    text: Arc<str>,
    line: Option<u32>,
}

impl Document {
    /// `file:line:column: problem`, as near to the field as the file tells.
    pub(super) fn misfit(&self, misfit: &Misfit) -> anyhow::Error {
        let Self { file, text, line, .. } = self;
        let origin = Origin { path: file.clone(), line: *line, span: None };
        match locate(text.as_bytes(), &origin, &misfit.pointer) {
            Some(place) => anyhow::anyhow!("{file}:{}:{}: {misfit}", place.line, place.column),
            None => anyhow::anyhow!("{file}: {misfit}"),
        }
    }

    /// A text at its top.
    pub(super) fn text(&self, field: &str) -> Option<&str> {
        self.content.get(field).and_then(Value::as_str)
    }

    /// What it says that it is.
    pub(super) fn described(&self) -> String {
        match (self.text("apiVersion"), self.text("kind")) {
            (Some(version), Some(kind)) => format!("`{version}` `{kind}`"),
            (None, Some(kind)) => format!("`{kind}` without `apiVersion`"),
            (Some(version), None) => format!("`{version}` without `kind`"),
            (None, None) => "a document without `apiVersion` and `kind`".to_owned(),
        }
    }
}

/// The documents of a file of YAML or JSON, those that say nothing aside.
pub(super) fn documents(path: &Path) -> anyhow::Result<Vec<Document>> {
    let text: Arc<str> = file(path)?.into();
    let file = path.display().to_string();
    let contents: Vec<Value> =
        serde_saphyr::from_multiple_with_options(&text, of_kubernetes(Options::default()))
            .map_err(|error| yaml_error(&file, &error))?;
    let contents: Vec<Value> = contents.into_iter().filter(|content| !content.is_null()).collect();
    let lines = first_lines(&text);
    // Another count is another opinion of what is empty: then no line is better than a wrong one.
    let line = |index: usize| lines.get(index).copied().filter(|_| lines.len() == contents.len());
    let lines: Vec<Option<u32>> = (0..contents.len()).map(line).collect();
    Ok(contents
        .into_iter()
        .zip(lines)
        .map(|(content, line)| Document { content, file: file.clone(), text: Arc::clone(&text), line })
        .collect())
}

/// The line of the first node of each document that says something.
fn first_lines(text: &str) -> Vec<u32> {
    let mut lines = Vec::new();
    let mut begins = false;
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else { break };
        match event {
            Event::DocumentStart(_) => begins = true,
            Event::Scalar(word, ScalarStyle::Plain, ..)
                if begins && matches!(&*word, "" | "~" | "null" | "Null" | "NULL") =>
            {
                begins = false;
            }
            _ if begins => {
                lines.extend(u32::try_from(span.start.line()));
                begins = false;
            }
            _ => {}
        }
    }
    lines
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
    fn the_first_line_of_each_document_is_known() {
        let text = "# head\n---\n\na: 1\n---\n---\nnull\n---\n# again\n- b\n...\n---\n{c: d}\n";
        assert_eq!(first_lines(text), [4, 10, 13]);
        assert_eq!(first_lines("{\"a\": 1}"), [1]);
    }

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
