//! Finds the line of a field: from the document that a manifest was made from
//! and a JSON pointer, to a line and column in the file as it was written.
//!
//! A renderer may have changed the object on the way, so a pointer is followed
//! as far as the document has it, and the nearest parent stands for the rest.
//! Never fails: what can't be found leaves the place as it was.

mod scalar;

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use crate::object::Origin;
use crate::source::tree::Tree;

/// Largest document in which fields are looked for, in bytes.
const DOCUMENT_BYTES: usize = 1 << 20;

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Counted from 1.
    pub line: u32,
    /// In characters, counted from 1.
    pub column: u32,
}

/// Moves each origin from the first line of its document to the line of its
/// field, and sets the column. Each file is read once.
pub(crate) fn locate_in<'a>(
    tree: &dyn Tree,
    fields: impl Iterator<Item = (&'a mut Option<Origin>, &'a mut Option<u32>, Option<&'a str>)>,
) {
    let mut files = HashMap::new();
    for (origin, column, pointer) in fields {
        let (Some(origin), Some(pointer)) = (origin, pointer) else { continue };
        let file = files.entry(origin.path.clone()).or_insert_with(|| {
            let content = tree.read(&origin.path).ok()?;
            let lines = Lines::of(&content);
            Some((content, lines))
        });
        let Some((content, lines)) = file else { continue };
        if let Some(place) = locate_by(content, lines, origin, pointer) {
            origin.line = Some(place.line);
            *column = Some(place.column);
        }
    }
}

/// The place of the field at `pointer` in the document of `origin`, in a file
/// of YAML or JSON. `None` where the document has not even its first part.
pub fn locate(content: &[u8], origin: &Origin, pointer: &str) -> Option<Place> {
    locate_by(content, &Lines::of(content), origin, pointer)
}

fn locate_by(content: &[u8], lines: &Lines, origin: &Origin, pointer: &str) -> Option<Place> {
    let (document, lines_before) = document(content, lines, origin)?;
    let text = std::str::from_utf8(&document).ok()?;
    let found = follow(text, &parts(pointer))?;
    place(lines_before, found.span.start.line(), found.span.start.col())
}

/// The place of a byte of the text that the field at `pointer` holds, such as
/// of an expression: of the text as a reader of YAML sees it, without its
/// indentation, quotes and escapes. The place of the field where it holds none,
/// or none that long.
pub fn locate_within(content: &[u8], origin: &Origin, pointer: &str, byte: usize) -> Option<Place> {
    let (document, lines_before) = document(content, &Lines::of(content), origin)?;
    let text = std::str::from_utf8(&document).ok()?;
    let parts = parts(pointer);
    let found = follow(text, &parts)?;
    let start = (found.span.start.line(), found.span.start.col());
    let (line, column) = match &found.scalar {
        Some((style, decoded)) if found.is_all_of_the_path => {
            scalar::position(text, found.span.start.index(), *style, decoded, byte).unwrap_or(start)
        }
        _ => start,
    };
    place(lines_before, line, column)
}

fn place(lines_before: u32, line: usize, column: usize) -> Option<Place> {
    Some(Place {
        line: u32::try_from(line).ok()?.checked_add(lines_before)?,
        column: u32::try_from(column).ok()?.checked_add(1)?,
    })
}

/// The document's bytes, and how many lines stand before it. What stands before
/// a span in its first line is blanked, so that columns are those of the file.
fn document<'a>(content: &'a [u8], lines: &Lines, origin: &Origin) -> Option<(Cow<'a, [u8]>, u32)> {
    let (start, end) = match (origin.span, origin.line) {
        (Some((start, end)), _) => (start as usize, (end as usize).min(content.len())),
        (None, Some(line)) => (lines.start(line.max(1))?, content.len()),
        (None, None) => (0, content.len()),
    };
    content.get(start..)?;
    let (lines, line) = lines.around(start)?;
    let document = content.get(line..end)?;
    if document.len() > DOCUMENT_BYTES {
        return None;
    }
    let (others, own) = document.split_at_checked(start - line)?;
    let document = if others.is_ascii() && others.trim_ascii().is_empty() {
        Cow::Borrowed(document)
    } else {
        let mut blanked = vec![b' '; std::str::from_utf8(others).ok()?.chars().count()];
        blanked.extend_from_slice(own);
        Cow::Owned(blanked)
    };
    Some((document, u32::try_from(lines).ok()?))
}

/// Where each line of a file begins.
pub(crate) struct Lines(Vec<usize>);

impl Lines {
    pub(crate) fn of(content: &[u8]) -> Self {
        let newlines = content.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        Self(std::iter::once(0).chain(newlines.map(|(index, _)| index + 1)).collect())
    }

    /// A line of the file, counted from 1, without its end.
    pub(crate) fn line<'a>(&self, content: &'a [u8], line: u32) -> Option<&'a [u8]> {
        let rest = content.get(self.start(line)?..)?;
        rest.split(|byte| *byte == b'\n').next()
    }

    fn start(&self, line: u32) -> Option<usize> {
        self.0.get(line.checked_sub(1)? as usize).copied()
    }

    /// How many lines stand before the one with this byte, and its start.
    fn around(&self, byte: usize) -> Option<(usize, usize)> {
        let before = self.0.partition_point(|start| *start <= byte).checked_sub(1)?;
        Some((before, *self.0.get(before)?))
    }
}

fn parts(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
}

/// What was begun and not ended yet while walking through the events.
enum Open {
    /// A mapping; the next node is a key.
    Mapping,
    /// A sequence; the index of its next item.
    Sequence(usize),
}

/// The node that a path leads to, or the deepest one on it.
struct Found {
    /// Of a scalar, its own; of anything larger, its key's.
    span: Span,
    scalar: Option<(ScalarStyle, String)>,
    is_all_of_the_path: bool,
}

/// Walks along the events to the deepest node on the path. Nodes beside it are
/// skipped without being kept, so depth costs nothing.
fn follow(text: &str, path: &[String]) -> Option<Found> {
    let mut events = Parser::new_from_str(text);
    let mut next = move || events.next_event()?.ok();
    let mut best = None;
    let mut path = path.iter();
    let mut wanted = path.next();
    let mut open = loop {
        match next()? {
            (Event::StreamStart | Event::DocumentStart(_), _) => {}
            (Event::MappingStart(..), span) => {
                if wanted.is_none() {
                    return Some(Found { span, scalar: None, is_all_of_the_path: true });
                }
                break Open::Mapping;
            }
            _ => return None,
        }
    };
    while let Some(part) = wanted {
        let (event, span) = match &mut open {
            Open::Mapping => match next() {
                Some((Event::Scalar(key, ..), key_span)) => {
                    let Some((value, value_span)) = next() else { return best };
                    if key != part.as_str() {
                        if skip(&mut next, &value).is_none() {
                            return best;
                        }
                        continue;
                    }
                    // A scalar is shown itself; anything larger by its key.
                    let plain = matches!(value, Event::Scalar(..)) && !value_span.is_empty();
                    let shown = if plain { value_span } else { key_span };
                    (value, shown)
                }
                Some((Event::Alias(_), _)) => {
                    let Some((value, _)) = next() else { return best };
                    if skip(&mut next, &value).is_none() {
                        return best;
                    }
                    continue;
                }
                // A mapping or list as a key has no name in a pointer.
                Some((key @ (Event::MappingStart(..) | Event::SequenceStart(..)), _)) => {
                    let value = skip(&mut next, &key).and_then(|()| next());
                    if value.and_then(|(value, _)| skip(&mut next, &value)).is_none() {
                        return best;
                    }
                    continue;
                }
                _ => return best,
            },
            Open::Sequence(index) => match next() {
                None | Some((Event::SequenceEnd, _)) => return best,
                Some((item, span)) => {
                    let here = part.parse() == Ok(*index);
                    *index += 1;
                    if !here {
                        if skip(&mut next, &item).is_none() {
                            return best;
                        }
                        continue;
                    }
                    (item, span)
                }
            },
        };
        wanted = path.next();
        let is_all_of_the_path = wanted.is_none();
        let (inner, scalar) = match event {
            Event::MappingStart(..) => (Some(Open::Mapping), None),
            Event::SequenceStart(..) => (Some(Open::Sequence(0)), None),
            Event::Scalar(text, style, ..) => (None, Some((style, text.into_owned()))),
            _ => (None, None),
        };
        best = Some(Found { span, scalar, is_all_of_the_path });
        match inner {
            Some(inner) => open = inner,
            None => return best,
        }
    }
    best
}

/// Skips the rest of the node that began with `first`; `None` where the text
/// ends or breaks before the node does.
fn skip<'t>(next: &mut impl FnMut() -> Option<(Event<'t>, Span)>, first: &Event<'t>) -> Option<()> {
    let mut depth = opens(first);
    while depth > 0 {
        depth += opens(&next()?.0);
    }
    Some(())
}

fn opens(event: &Event<'_>) -> i32 {
    match event {
        Event::MappingStart(..) | Event::SequenceStart(..) => 1,
        Event::MappingEnd | Event::SequenceEnd => -1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# a comment
apiVersion: v1
kind: ConfigMap
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {a/b: c}}
spec:
  template:
    spec:
      containers:
        - name: first
        - name: second
          image: \"nginx\"
          env: []
";

    fn place(pointer: &str) -> Option<(u32, u32)> {
        let start = FILE.find("apiVersion: apps").unwrap();
        let span = Some((u32::try_from(start).unwrap(), u32::try_from(FILE.len()).unwrap()));
        let origin = Origin { path: "f.yaml".to_owned(), line: None, span };
        locate(FILE.as_bytes(), &origin, pointer).map(|place| (place.line, place.column))
    }

    #[test]
    fn a_pointer_leads_to_the_scalar_or_to_the_key_of_something_larger() {
        for (pointer, expected) in [
            ("/kind", (6, 7)),
            ("/spec/template/spec/containers/1/image", (14, 18)),
            ("/spec/template/spec/containers/1", (13, 11)),
            ("/spec/template/spec/containers/1/env", (15, 11)),
            ("/spec/template", (9, 3)),
            ("/metadata/annotations/a~1b", (7, 42)),
        ] {
            assert_eq!(place(pointer), Some(expected), "{pointer}");
        }
    }

    #[test]
    fn a_field_that_the_file_lacks_is_shown_at_its_nearest_parent() {
        for (pointer, expected) in [
            ("/spec/template/spec/containers/1/securityContext/runAsNonRoot", (13, 11)),
            ("/spec/template/spec/containers/7/image", (11, 7)),
            ("/spec/replicas", (8, 1)),
            ("/kind/deeper", (6, 7)),
        ] {
            assert_eq!(place(pointer), Some(expected), "{pointer}");
        }
        assert_eq!(place("/nothing/here"), None);
    }

    #[test]
    fn without_a_span_the_line_of_the_document_says_where_to_look() {
        let origin = |line| Origin { path: "f.yaml".to_owned(), line, span: None };
        let found = |line| locate(FILE.as_bytes(), &origin(line), "/kind").map(|place| place.line);
        assert_eq!(
            (found(Some(5)), found(Some(4)), found(Some(1)), found(None)),
            (Some(6), Some(6), Some(3), Some(3))
        );
        assert_eq!(found(Some(99)), None);
    }

    #[test]
    fn json_is_found_like_yaml() {
        let file = br#"{"kind": "Pod", "spec": {"containers": [{"image": "a"}]}}"#;
        let origin = Origin { path: "f.json".to_owned(), line: Some(1), span: None };
        let found = locate(file, &origin, "/spec/containers/0/image");
        assert_eq!(found, Some(Place { line: 1, column: 51 }));
    }

    #[test]
    fn what_stands_before_a_document_in_its_line_is_none_of_it() {
        let find = |file: &str, start: &str, pointer: &str| {
            let start = u32::try_from(file.find(start).unwrap()).unwrap();
            let span = Some((start, u32::try_from(file.len()).unwrap()));
            let origin = Origin { path: "f".to_owned(), line: None, span };
            locate(file.as_bytes(), &origin, pointer).map(|place| (place.line, place.column))
        };
        let json = r#"{"kind": "ä"} {"kind": "Pod"}"#;
        assert_eq!(find(json, r#"{"kind": "Pod"#, "/kind"), Some((1, 24)));
        // An object of Jsonnet is, more often than not, a mapping of YAML too.
        let jsonnet = "local n = 'ä';\n{ 'ä': n, web: {\n    kind: 'Pod', spec: {\n      containers: [{image: n}],\n    },\n  }";
        assert_eq!(find(jsonnet, "{\n    kind", "/kind"), Some((3, 11)));
        assert_eq!(find(jsonnet, "{\n    kind", "/spec/containers/0/image"), Some((4, 28)));
    }

    #[test]
    fn broken_and_hostile_files_cost_the_place_and_nothing_more() {
        let deep = "[".repeat(100_000);
        for text in ["", "\t- : {", "- a\n- b\n", "a: &x [*x", "? {a: b}\n: c\nkind: d\n", &deep] {
            let origin = Origin { path: "f".to_owned(), line: None, span: Some((0, u32::MAX)) };
            let _ = locate(text.as_bytes(), &origin, "/kind/0/x");
        }
        let beyond = Origin { path: "f".to_owned(), line: None, span: Some((7, 3)) };
        assert_eq!(locate(b"a: b", &beyond, "/a"), None);
    }
}
