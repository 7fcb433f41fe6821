//! Where the settings of a policy are written: in which files, and where there.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::settings::At;
use crate::object::Origin;
use crate::source::memory_tree::MemoryTree;

/// The files of one policy's settings. Settings that come from none, such as
/// those of a Gate in the cluster, have no part.
#[derive(Clone, Default)]
pub(super) struct Written {
    parts: Vec<Part>,
}

/// What stands at one pointer of the settings.
#[derive(Clone)]
struct Part {
    pointer: String,
    at: At,
    /// Whether it is a text by itself, without a form of YAML or JSON.
    is_text: bool,
}

impl Written {
    /// All of the settings, as a part of a document.
    pub(super) fn in_document(at: At) -> Self {
        let mut written = Self::default();
        written.add("", at);
        written
    }

    /// A part of a document stands at `pointer` of the settings.
    pub(super) fn add(&mut self, pointer: &str, at: At) {
        self.parts.push(Part { pointer: pointer.to_owned(), at, is_text: false });
    }

    /// The whole of a file is the text at `pointer` of the settings.
    pub(super) fn add_text(&mut self, pointer: &str, file: &str, text: &str) {
        self.parts.push(Part { pointer: pointer.to_owned(), at: At::all_of(file, text), is_text: true });
    }

    /// The place of a field of the settings, or of a byte of its text, and the
    /// column; as near to it as the files tell.
    pub(super) fn find(&self, pointer: &str, byte: Option<u32>) -> Option<(Origin, Option<u32>)> {
        let below = |part: &&Part| {
            pointer.strip_prefix(&part.pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let nearest = self.parts.iter().filter(below).max_by_key(|part| part.pointer.len());
        let byte = byte.and_then(|byte| usize::try_from(byte).ok());
        let (part, place) = match nearest {
            Some(part) if part.is_text => (part, Some(in_text(&part.at.text, byte.unwrap_or_default()))),
            Some(part) => {
                let rest = &pointer[part.pointer.len()..];
                let place = part.at.place(rest, byte).or_else(|| part.at.place("", None));
                (part, place.map(|place| (place.line, place.column)))
            }
            // What is about no file is told at the first.
            None => {
                let first = self.parts.first()?;
                let place = if first.is_text { None } else { first.at.place("", None) };
                (first, place.map(|place| (place.line, place.column)))
            }
        };
        let path = part.at.file.clone();
        Some((
            Origin { path, line: place.map(|(line, _)| line), span: None },
            place.map(|(_, column)| column),
        ))
    }

    /// The files, by the names that [`Written::find`] gives.
    pub(super) fn files<'a>(all: impl Iterator<Item = &'a Self>) -> MemoryTree {
        let parts = all.flat_map(|written| &written.parts);
        let files: BTreeMap<&str, &Arc<str>> =
            parts.map(|part| (part.at.file.as_str(), &part.at.text)).collect();
        files
            .into_iter()
            .fold(MemoryTree::new(), |tree, (file, text)| tree.file(file, text.as_bytes().to_vec()))
    }
}

/// Line and column of a byte of a text.
fn in_text(text: &str, byte: usize) -> (u32, u32) {
    let before = &text[..text.floor_char_boundary(byte.min(text.len()))];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::super::settings::documents_in;
    use super::*;

    fn found(written: &Written, pointer: &str, byte: Option<u32>) -> Option<String> {
        let (origin, column) = written.find(pointer, byte)?;
        Some(format!("{origin}:{}", column.map_or("?".to_owned(), |column| column.to_string())))
    }

    #[test]
    fn a_field_of_the_settings_is_found_in_the_document_that_holds_them() {
        let text = "kind: Gate\nspec:\n  policies:\n  - plugin: cel\n    config:\n      rules:\n      - expression: |-\n          a &&\n            b\n";
        let documents = documents_in("gate.yaml", text).unwrap();
        let written = Written::in_document(documents[0].at.at("/spec/policies/0/config"));
        for (pointer, byte, expected) in [
            ("", None, "gate.yaml:5:5"),
            ("/rules", None, "gate.yaml:6:7"),
            ("/rules/0/expression", None, "gate.yaml:8:11"),
            ("/rules/0/expression", Some(7), "gate.yaml:9:13"),
            ("/rules/7/name", Some(7), "gate.yaml:6:7"),
        ] {
            assert_eq!(found(&written, pointer, byte).as_deref(), Some(expected), "{pointer} {byte:?}");
        }
    }

    #[test]
    fn each_source_is_a_part_of_its_own() {
        let documents = documents_in("p.yaml", "kind: A\n---\nkind: B\nname: b\n").unwrap();
        let mut written = Written::default();
        written.add("/resources/0", documents[0].at.clone());
        written.add("/resources/1", documents[1].at.clone());
        written.add_text("/modules/lib~1a.rego", "lib/a.rego", "package ä\nallow\n");
        for (pointer, byte, expected) in [
            ("/resources/1/name", None, "p.yaml:4:7"),
            ("/resources/1/missing/x", None, "p.yaml:3:1"),
            ("/resources/12", None, "p.yaml:1:1"),
            ("/modules/lib~1a.rego", Some(11), "lib/a.rego:2:1"),
            ("/modules/lib~1a.rego", Some(10), "lib/a.rego:1:10"),
            ("/modules/lib~1a.rego", Some(99), "lib/a.rego:3:1"),
            ("/modules/lib~1a.rego", None, "lib/a.rego:1:1"),
        ] {
            assert_eq!(found(&written, pointer, byte).as_deref(), Some(expected), "{pointer} {byte:?}");
        }
        assert_eq!(found(&Written::default(), "/a", Some(1)), None);
    }
}
