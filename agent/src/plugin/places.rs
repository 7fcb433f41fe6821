//! From bytes of a file to its lines and columns, so that every plugin counts
//! alike.
//!
//! Takes what a plugin says of a place; gives an [`Origin`] and a column.
//! Looks only into files that the plugin has read itself, and leaves no trace
//! of doing so.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::object::Origin;
use crate::source::trace::TracedTree;

/// The longest path that a plugin may name, as Linux has it.
const PATH_BYTES: usize = 4096;

/// Columns are counted in lines up to this length.
const LINE_BYTES: usize = 16 << 10;

/// The files of one call.
pub(crate) struct Places<'a> {
    tree: Option<&'a TracedTree>,
    files: BTreeMap<String, Option<Lines>>,
}

/// A file, with where its lines begin.
struct Lines {
    content: Bytes,
    starts: Vec<usize>,
}

/// A place, as far as it is known.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) origin: Option<Origin>,
    /// In characters, from 1.
    pub(crate) column: Option<u32>,
}

impl<'a> Places<'a> {
    /// In the files of `tree`; nowhere, for a plugin that sees no files.
    pub(crate) fn new(tree: Option<&'a TracedTree>) -> Self {
        Self { tree, files: BTreeMap::new() }
    }

    /// The bytes `span` of the file at `path`.
    pub(crate) fn span(&mut self, path: Option<String>, span: Option<(u32, u32)>) -> Place {
        let Some(path) = path.and_then(|path| clean_path(&path)) else { return Place::default() };
        let position = span.and_then(|(start, _)| self.lines(&path)?.position(usize::try_from(start).ok()?));
        match position {
            Some((line, column)) => {
                Place { origin: Some(Origin { path, line: Some(line), span }), column: Some(column) }
            }
            None => Place { origin: Some(Origin { path, line: None, span: None }), column: None },
        }
    }

    /// The place of a line, as the plugin counted it.
    pub(crate) fn line(path: Option<String>, line: Option<u32>) -> Option<Origin> {
        let path = path.and_then(|path| clean_path(&path))?;
        Some(Origin { path, line: line.filter(|line| *line > 0), span: None })
    }

    /// The YAML document that begins at `line` of the file at `path`.
    pub(crate) fn document(&mut self, path: &str, line: u32) -> Option<(u32, u32)> {
        self.lines(path)?.document(line)
    }

    fn lines(&mut self, path: &str) -> Option<&Lines> {
        if !self.files.contains_key(path) {
            let lines = self.tree.and_then(|tree| tree.read_again(path)).map(Lines::new);
            self.files.insert(path.to_owned(), lines);
        }
        self.files.get(path)?.as_ref()
    }
}

impl Lines {
    fn new(content: Bytes) -> Self {
        let newlines = content.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let starts = std::iter::once(0).chain(newlines.map(|(newline, _)| newline + 1)).collect();
        Self { content, starts }
    }

    /// From the line (counted from 1) to before the next document.
    fn document(&self, line: u32) -> Option<(u32, u32)> {
        let first = usize::try_from(line.checked_sub(1)?).ok()?;
        let start = *self.starts.get(first)?;
        let next = self.starts[first + 1..].iter().find(|next| self.content[**next..].starts_with(b"---"));
        let end = next.copied().unwrap_or(self.content.len());
        Some((u32::try_from(start).ok()?, u32::try_from(end).ok()?))
    }

    /// Line and column, both from 1. Nothing behind the end.
    fn position(&self, offset: usize) -> Option<(u32, u32)> {
        if offset > self.content.len() {
            return None;
        }
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = *self.starts.get(line.checked_sub(1)?)?;
        // The first column of a line without end is as good as any.
        let before = &self.content[start..offset];
        let column =
            if before.len() > LINE_BYTES { 0 } else { String::from_utf8_lossy(before).chars().count() };
        Some((u32::try_from(line).ok()?, u32::try_from(column).ok()? + 1))
    }
}

/// A path relative to the root, however a program wrote it; nothing, where it
/// could not be one.
pub(crate) fn clean_path(path: &str) -> Option<String> {
    if path.len() > PATH_BYTES || path.chars().any(char::is_control) {
        return None;
    }
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    (!parts.is_empty() && !parts.contains(&"..")).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_in_characters() {
        let content = Bytes::from_static("a: 1\nä: größe\n".as_bytes());
        let end = content.len();
        let lines = Lines::new(content);
        assert_eq!(lines.position(0), Some((1, 1)));
        assert_eq!(lines.position(4), Some((1, 5)));
        assert_eq!(lines.position(5), Some((2, 1)));
        assert_eq!(lines.position(9), Some((2, 4)));
        assert_eq!(lines.position(end), Some((3, 1)));
        assert_eq!(lines.position(end + 1), None);
    }

    #[test]
    fn a_document_ends_before_the_next_one() {
        let lines = Lines::new(Bytes::from_static(b"a: 1\nb: 2\n---\nc: 3\n"));
        assert_eq!(lines.document(1), Some((0, 10)));
        assert_eq!(lines.document(4), Some((14, 19)));
        assert_eq!(lines.document(0), None);
        assert_eq!(lines.document(99), None);
    }

    #[test]
    fn a_path_that_leads_out_of_the_repository_is_no_place() {
        assert_eq!(Places::line(Some("../../etc/passwd".to_owned()), Some(1)), None);
        assert_eq!(
            Places::line(Some("/apps//./a.yaml".to_owned()), Some(0)).unwrap().to_string(),
            "apps/a.yaml"
        );
    }
}
