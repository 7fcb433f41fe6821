//! The gates of `windlass check`: from files, from the repository, from the
//! cluster, and from the command line.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;

use super::super::fields;
use super::super::folder::Folder;
use super::super::output::note;
use super::super::settings::{self, Document};
use super::scan;
use super::sources::Sourced;
use super::written::Written;
use crate::api;
use crate::gate::{Action, Gate, GatePolicy};
use crate::source::folder_tree::FolderTree;

const KIND: &str = "Gate";

/// The name of the gate of policies that are given on the command line.
pub(super) const COMMAND_LINE: &str = "command-line";

/// A gate, and where it is written.
pub(super) struct Placed {
    pub(super) gate: Gate,
    /// For people; of several Gates of one name they are told.
    pub(super) place: String,
    pub(super) is_of_cluster: bool,
    /// The settings of each policy.
    pub(super) written: Vec<Written>,
}

/// The Gates in a file of one or more documents, or in all files of a folder.
pub(super) fn from_path(path: &Path) -> anyhow::Result<Vec<Placed>> {
    let shown = path.display().to_string();
    let documents = if path.is_dir() {
        let tree = FolderTree::open(path).with_context(|| format!("open `{shown}`"))?;
        scan::documents(&tree, KIND, &|below| path.join(below).display().to_string())?
    } else {
        let wanted = format!("{}/{}", api::GROUP, api::VERSION);
        let documents: Vec<_> = settings::documents(path)?.into_iter().flat_map(Document::objects).collect();
        for document in &documents {
            anyhow::ensure!(
                document.text("kind") == Some(KIND) && document.text("apiVersion") == Some(&wanted),
                "{}: this is {}, not `{wanted}` `{KIND}`",
                document.at,
                document.described()
            );
        }
        documents
    };
    anyhow::ensure!(!documents.is_empty(), "{shown} holds no Gate");
    documents.into_iter().map(parsed).collect()
}

/// Every Gate in the files of a repository.
pub(super) fn from_repository(root: &Folder) -> anyhow::Result<Vec<Placed>> {
    let documents = scan::documents(root.tree.as_ref(), KIND, &ToOwned::to_owned)?;
    if documents.is_empty() {
        note("--gate repository: no file of the repository holds a Gate");
    }
    documents.into_iter().map(parsed).collect()
}

fn parsed(document: Document) -> anyhow::Result<Placed> {
    let crd = fields::definition(KIND)?;
    fields::check_resource(&crd, &document.content).map_err(|misfit| document.misfit(&misfit))?;
    let Document { content, at } = document;
    let gate: api::Gate = serde_json::from_value(content).with_context(|| format!("{at}: read the Gate"))?;
    let written = |index| Written::in_document(at.at(&format!("/spec/policies/{index}/config")));
    Ok(Placed {
        place: at.to_string(),
        is_of_cluster: false,
        written: (0..gate.spec.policies.len()).map(written).collect(),
        gate: Gate::from(&gate),
    })
}

/// Gates that were read from a cluster.
pub(super) fn from_cluster(gates: &[api::Gate]) -> Vec<Placed> {
    let placed = |gate: &api::Gate| Placed {
        place: "the cluster".to_owned(),
        is_of_cluster: true,
        written: vec![Written::default(); gate.spec.policies.len()],
        gate: Gate::from(gate),
    };
    gates.iter().map(placed).collect()
}

/// A gate that denies by the policies of `--policy`.
pub(super) fn from_policies(policies: Vec<Sourced>) -> Option<Placed> {
    if policies.is_empty() {
        return None;
    }
    let (mut asked, mut written) = (Vec::new(), Vec::new());
    for Sourced { plugin, config, written: places } in policies {
        asked.push(GatePolicy { name: None, plugin, config, action: Action::Deny, grants: Vec::new() });
        written.push(places);
    }
    let gate = Gate::new(COMMAND_LINE, asked);
    Some(Placed { gate, place: "--policy".to_owned(), is_of_cluster: false, written })
}

/// Each Gate once: of the cluster's, those that no file changes. Two of one
/// name in files stay, and are told.
pub(super) fn settled(in_files: Vec<Placed>, in_cluster: Vec<Placed>) -> Vec<Placed> {
    let mut kept: Vec<Placed> = Vec::new();
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for placed in in_files {
        if kept.iter().any(|known| known.gate == placed.gate) {
            continue;
        }
        places.entry(placed.gate.name.clone()).or_default().push(placed.place.clone());
        kept.push(placed);
    }
    for (name, places) in &places {
        if places.len() > 1 {
            note(&format!("several Gates are called `{name}`, and all of them judge: {}", places.join(", ")));
        }
    }
    let others = in_cluster.into_iter().filter(|placed| !places.contains_key(&placed.gate.name));
    kept.extend(others);
    kept
}

#[cfg(test)]
mod tests;
