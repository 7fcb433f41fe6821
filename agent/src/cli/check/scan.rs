//! Finds the resources of windlass in the files of a repository.
//!
//! Takes a tree; gives the documents of one kind, in the order of their paths.
//! Follows no symlink. What can't be read and may be one is an error: whoever
//! asks for all of them must not get some.

use crate::api;
use crate::source::tree::{EntryKind, Tree};

use super::super::output::note;
use super::super::settings::{Document, FILE_BYTES, documents_in};

/// Most files and folders that are looked at.
const MAX_ENTRIES: usize = 500_000;

/// All documents of `kind` in files of YAML or JSON; `shown` says how a person
/// calls a path of the tree.
pub(super) fn documents(
    tree: &dyn Tree,
    kind: &str,
    shown: &dyn Fn(&str) -> String,
) -> anyhow::Result<Vec<Document>> {
    let mut found = Vec::new();
    let (mut folders, mut entries) = (vec![String::new()], 0);
    // The last one is next, so what it holds comes before what follows it.
    while let Some(path) = folders.pop() {
        let mut inner = Vec::new();
        for (name, entry) in tree.list(&path)? {
            entries += 1;
            anyhow::ensure!(
                entries <= MAX_ENTRIES,
                "the repository has more files and folders than the limit of {MAX_ENTRIES} (fixed)"
            );
            let below = if path.is_empty() { name } else { format!("{path}/{name}") };
            match entry {
                EntryKind::Directory => inner.push(below),
                EntryKind::File | EntryKind::Executable if is_yaml_or_json(&below) => {
                    found.extend(of_file(tree, &below, kind, &shown(&below))?);
                }
                _ => {}
            }
        }
        inner.reverse();
        folders.extend(inner);
    }
    Ok(found)
}

pub(super) fn is_yaml_or_json(path: &str) -> bool {
    let ending = path.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| matches!(ending, "yaml" | "yml" | "json"))
}

fn of_file(tree: &dyn Tree, path: &str, kind: &str, shown: &str) -> anyhow::Result<Vec<Document>> {
    let content = tree.read(path)?;
    // Most files are of no interest, and are not parsed.
    let Ok(text) = std::str::from_utf8(&content) else { return Ok(Vec::new()) };
    if !text.contains(api::GROUP) || !text.contains(kind) {
        return Ok(Vec::new());
    }
    if content.len() as u64 > FILE_BYTES {
        anyhow::bail!("{shown}: it has more bytes than the limit of {FILE_BYTES} (fixed)");
    }
    let documents = match documents_in(shown, text) {
        Ok(documents) => documents,
        Err(_) if text.contains("{{") => {
            note(&format!("{shown}: a template is not looked into"));
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let group = |document: &Document| document.group_and_kind() == Some((api::GROUP, kind));
    let mut found = Vec::new();
    for document in documents.into_iter().flat_map(Document::objects).filter(group) {
        let wanted = format!("{}/{}", api::GROUP, api::VERSION);
        anyhow::ensure!(
            document.text("apiVersion") == Some(&wanted),
            "{}: this is {}; write `apiVersion: {wanted}`",
            document.at,
            document.described()
        );
        found.push(document);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::memory_tree::MemoryTree;

    fn gate(name: &str) -> String {
        format!("apiVersion: windlass.dev/v1alpha1\nkind: Gate\nmetadata: {{name: {name}}}\n")
    }

    fn found(tree: &MemoryTree) -> Result<Vec<String>, String> {
        let documents = documents(tree, "Gate", &ToOwned::to_owned).map_err(|error| error.to_string())?;
        let name = |document: &Document| document.content["metadata"]["name"].as_str().map(ToOwned::to_owned);
        Ok(documents.iter().map(|one| format!("{} {}", one.at, name(one).unwrap_or_default())).collect())
    }

    #[test]
    fn documents_are_found_in_all_folders_and_in_lists() {
        let list = format!("kind: List\nitems:\n- {}", gate("c").trim_end().replace('\n', "\n  "));
        let tree = MemoryTree::new()
            .file("z.yaml", gate("z"))
            .file("a/b/c.yml", list)
            .file("a/a.yaml", format!("kind: Pod\n---\n{}", gate("a")))
            .file("a/text.txt", gate("no"))
            .file("broken.yaml", "a: [")
            .symlink("link.yaml", "z.yaml");
        assert_eq!(found(&tree).unwrap(), ["z.yaml:1:1 z", "a/a.yaml:3:1 a", "a/b/c.yml:3:3 c"]);
    }

    #[test]
    fn what_may_be_one_and_can_not_be_read_is_an_error() {
        let broken = MemoryTree::new().file("a.yaml", gate("a") + "spec: [\n");
        assert!(found(&broken).unwrap_err().starts_with("a.yaml:"));
        let other = MemoryTree::new().file("a.yaml", gate("a").replace("v1alpha1", "v9"));
        assert_eq!(
            found(&other).unwrap_err(),
            "a.yaml:1:1: this is `windlass.dev/v9` `Gate`; write `apiVersion: windlass.dev/v1alpha1`"
        );
        let large = MemoryTree::new().file("a.yaml", gate("a") + &"#".repeat(2 << 20));
        assert!(found(&large).unwrap_err().ends_with("more bytes than the limit of 1048576 (fixed)"));
    }

    #[test]
    fn a_template_is_no_resource() {
        let template = MemoryTree::new().file("a.yaml", gate("{{ .Name }}") + "{{ end }}\n");
        assert_eq!(found(&template).unwrap(), [""; 0]);
    }
}
