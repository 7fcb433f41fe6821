//! What differs between two trees, as far as a render may have seen it.
//!
//! Takes two trees; gives the paths that changed. Looks only into folders that
//! differ, so its cost grows with the change and not with the repository. A
//! render whose inputs the changes do not concern would give the same again.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use super::git_tree::DEPTH;
use super::trace::{Input, Inputs};
use super::tree::{EntryKind, ObjectId, TreeError};

/// A tree whose folders can be compared.
pub(crate) trait Compare {
    /// The entries of a folder.
    fn children(&self, path: &str) -> Result<Children, TreeError>;
}

/// The entries of one folder, by name in byte order.
pub(crate) struct Children {
    pub(crate) entries: Vec<Child>,
    /// Whether it can't be listed, because a name in it can't be shown.
    pub(crate) refused: bool,
}

/// One entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Child {
    pub(crate) name: String,
    pub(crate) kind: EntryKind,
    pub(crate) id: ObjectId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// Another content.
    Content,
    /// Something else is there, or nothing any more; below it, nothing is as it was.
    Kind,
}

/// The differences between two trees.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    by_path: HashMap<String, Change>,
    /// Folders whose names or kinds are others.
    relisted: HashSet<String>,
}

impl Changes {
    /// Compares two trees; none where more than `limit` entries differ.
    ///
    /// # Errors
    /// Where a folder can't be read: nothing is known then.
    pub(crate) fn between(
        old: &dyn Compare,
        new: &dyn Compare,
        limit: usize,
    ) -> Result<Option<Self>, TreeError> {
        let mut changes = Self::default();
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            let (before, after) = (old.children(&folder)?, new.children(&folder)?);
            if before.refused != after.refused {
                changes.by_path.insert(folder.clone(), Change::Kind);
            }
            for (former, current) in pairs(&before.entries, &after.entries) {
                let Some(name) = former.or(current).map(|child| &child.name) else { continue };
                let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
                match (former, current) {
                    (Some(former), Some(current)) if former == current => continue,
                    (Some(former), Some(current)) if former.kind == current.kind => {
                        if current.kind == EntryKind::Directory {
                            folders.push(path);
                            continue;
                        }
                        changes.by_path.insert(path, Change::Content);
                    }
                    _ => {
                        changes.by_path.insert(path, Change::Kind);
                        changes.relisted.insert(folder.clone());
                    }
                }
                if changes.by_path.len() > limit {
                    return Ok(None);
                }
            }
            if folder.matches('/').count() > DEPTH || folders.len() > limit {
                return Ok(None);
            }
        }
        Ok(Some(changes))
    }

    /// Whether a look-up may find something else than it did.
    pub(crate) fn concern(&self, inputs: &Inputs) -> bool {
        let entry = |(path, input): (&str, &Input)| {
            self.is_replaced(path) || matches!(input, Input::Content(..)) && self.by_path.contains_key(path)
        };
        inputs.entries().any(entry)
            || inputs.listings().any(|path| self.relisted.contains(path) || self.is_replaced(path))
    }

    /// Whether something else stands at a path, or at a folder on the way to it.
    fn is_replaced(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(end, _)| end).chain([0, path.len()]);
        ends.filter_map(|end| path.get(..end)).any(|part| self.by_path.get(part) == Some(&Change::Kind))
    }
}

/// The entries of two folders, side by side by name.
fn pairs<'a>(
    before: &'a [Child],
    after: &'a [Child],
) -> impl Iterator<Item = (Option<&'a Child>, Option<&'a Child>)> {
    let (mut before, mut after) = (before.iter().peekable(), after.iter().peekable());
    std::iter::from_fn(move || {
        let order = match (before.peek(), after.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(former), Some(current)) => former.name.cmp(&current.name),
        };
        Some(match order {
            Ordering::Less => (before.next(), None),
            Ordering::Greater => (None, after.next()),
            Ordering::Equal => (before.next(), after.next()),
        })
    })
}

#[cfg(test)]
mod tests;
