//! Settings of plugins as they are typed: a file, or JSON on the spot.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::Value;
use serde_saphyr::Options;

use super::fields::Misfit;
use crate::dialect::of_kubernetes;
use crate::object::Origin;
use crate::render::locate::{Place, locate, locate_within};

/// Largest file of settings or gates, in bytes.
pub(super) const FILE_BYTES: u64 = 1 << 20;

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
    let open = || File::open(path).map_err(anyhow::Error::new);
    open().and_then(|file| within(file, FILE_BYTES)).with_context(|| format!("read `{}`", path.display()))
}

/// All that `source` gives, if it is not more than so many bytes.
pub(super) fn within(source: impl Read, limit: u64) -> anyhow::Result<Vec<u8>> {
    let mut content = Vec::new();
    source.take(limit + 1).read_to_end(&mut content)?;
    anyhow::ensure!(content.len() as u64 <= limit, "it has more bytes than the limit of {limit} (fixed)");
    Ok(content)
}

/// One document of a file, or one object of a list in it.
#[derive(Clone)]
pub(super) struct Document {
    pub(super) content: Value,
    pub(super) at: At,
}

/// Where a document is written.
#[derive(Clone)]
pub(super) struct At {
    /// As a person names it.
    pub(super) file: String,
    pub(super) text: Arc<str>,
    line: Option<u32>,
    /// Of an object in a list, where it is in the list.
    pointer: String,
}

impl At {
    /// All of a file, as one document.
    pub(super) fn all_of(file: &str, text: &str) -> Self {
        Self { file: file.to_owned(), text: text.into(), line: None, pointer: String::new() }
    }

    /// The place of a field, as near as the file tells; with `byte`, of that
    /// byte of its text.
    pub(super) fn place(&self, pointer: &str, byte: Option<usize>) -> Option<Place> {
        let origin = Origin { path: self.file.clone(), line: self.line, span: None };
        let (content, pointer) = (self.text.as_bytes(), format!("{}{pointer}", self.pointer));
        match byte {
            Some(byte) => locate_within(content, &origin, &pointer, byte),
            None => locate(content, &origin, &pointer),
        }
    }

    /// What stands at this pointer of the document.
    pub(super) fn at(&self, pointer: &str) -> Self {
        Self { pointer: format!("{}{pointer}", self.pointer), ..self.clone() }
    }
}

impl fmt::Display for At {
    /// `file:line:column`, or `file` where its text does not tell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place("", None) {
            Some(place) => write!(f, "{}:{}:{}", self.file, place.line, place.column),
            None => f.write_str(&self.file),
        }
    }
}

impl Document {
    /// `file:line:column: problem`, as near to the field as the file tells.
    pub(super) fn misfit(&self, misfit: &Misfit) -> anyhow::Error {
        anyhow::anyhow!("{}: {misfit}", self.at.at(&misfit.pointer))
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

    /// Its group and its kind; the core group is empty.
    pub(super) fn group_and_kind(&self) -> Option<(&str, &str)> {
        let group = self.text("apiVersion")?.split_once('/').map_or("", |(group, _)| group);
        Some((group, self.text("kind")?))
    }

    /// The objects of a list such as kubectl prints, or the object itself.
    pub(super) fn objects(mut self) -> Vec<Self> {
        let is_list = self.text("kind").is_some_and(|kind| kind.ends_with("List"))
            && self.content.pointer("/metadata/name").is_none();
        let Some(items) = self.content.get_mut("items").and_then(Value::as_array_mut).filter(|_| is_list)
        else {
            return vec![self];
        };
        let items = std::mem::take(items).into_iter().enumerate();
        items.map(|(index, content)| Self { content, at: self.at.at(&format!("/items/{index}")) }).collect()
    }
}

/// The documents of a file of YAML or JSON, those that say nothing aside.
pub(super) fn documents(path: &Path) -> anyhow::Result<Vec<Document>> {
    documents_in(&path.display().to_string(), &file(path)?)
}

/// The documents of a text of YAML or JSON, those that say nothing aside.
pub(super) fn documents_in(file: &str, text: &str) -> anyhow::Result<Vec<Document>> {
    let contents: Vec<Value> =
        serde_saphyr::from_multiple_with_options(text, of_kubernetes(Options::default()))
            .map_err(|error| yaml_error(file, &error))?;
    let contents: Vec<Value> = contents.into_iter().filter(|content| !content.is_null()).collect();
    let lines = first_lines(text);
    let text: Arc<str> = text.into();
    // Another count is another opinion of what is empty: then no line is better than a wrong one.
    let is_same_count = lines.len() == contents.len();
    let at = |index: usize| At {
        file: file.to_owned(),
        text: Arc::clone(&text),
        line: lines.get(index).copied().filter(|_| is_same_count),
        pointer: String::new(),
    };
    let documents = contents.into_iter().enumerate();
    Ok(documents.map(|(index, content)| Document { content, at: at(index) }).collect())
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
