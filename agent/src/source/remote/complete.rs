//! Whether everything that a tree names is there: a server that left something
//! out must not look like a commit that deleted it.

use std::collections::HashSet;

use gix::objs::TreeRefIter;
use gix::objs::tree::EntryKind;

use crate::source::error::chain;
use crate::source::git_tree::DEPTH;
use crate::source::object_store::ObjectStore;
use crate::source::tree::ObjectId;

const FOLDER_BYTES: u64 = 16 << 20;

/// Looks for each object below `root`, once, without reading the files.
///
/// A folder that is deeper or larger than can be read is taken as it is: who
/// looks into it gets an error anyway.
pub(crate) fn check(store: &ObjectStore, root: ObjectId, objects: u64) -> Result<(), String> {
    store.with(|repository| {
        let mut seen = HashSet::from([root]);
        let mut pending = vec![(root, 0)];
        while let Some((id, depth)) = pending.pop() {
            let header = repository.find_header(gix::ObjectId::from(id)).map_err(|error| chain(&error))?;
            if header.size() > FOLDER_BYTES || depth >= DEPTH {
                continue;
            }
            let tree = repository.find_object(gix::ObjectId::from(id)).map_err(|error| chain(&error))?;
            for entry in TreeRefIter::from_bytes(&tree.data, gix::hash::Kind::Sha1) {
                let entry = entry.map_err(|error| format!("tree {id} is damaged: {error}"))?;
                let entry_id = ObjectId::from(entry.oid.to_owned());
                if !seen.insert(entry_id) {
                    continue;
                }
                match entry.mode.kind() {
                    EntryKind::Commit => {}
                    EntryKind::Tree => pending.push((entry_id, depth + 1)),
                    _ if repository.has_object(entry.oid) => {}
                    _ => return Err(format!("file {entry_id} is missing")),
                }
            }
            if seen.len() as u64 > objects {
                return Err(format!("the tree names more than {objects} objects (spec.limits.objects)"));
            }
        }
        Ok(())
    })
}
