use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use serde_json::json;

use super::guests::{HEALTH, POLICY, guest, loader, rustc};
use crate::gate::Policies;
use crate::plugin::registry::Registry;
use crate::render::{Absent, Renderers};

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(ToString::to_string).collect()
}

fn open(folder: &Path) -> Registry {
    Registry::with_loader(folder.to_owned(), BTreeMap::new(), loader(2)).unwrap()
}

/// As a deployment would do it: the whole new file by one rename.
fn replace(folder: &Path, name: &str, content: impl AsRef<[u8]>) {
    let new = folder.join(".new");
    std::fs::write(&new, content).unwrap();
    std::fs::rename(new, folder.join(name)).unwrap();
}

#[test]
fn plugins_are_found_by_the_name_of_their_file_and_by_world() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(&*POLICY, folder.path().join("policy-0.1.wasm")).unwrap();
    std::fs::copy(&*HEALTH, folder.path().join("Health_Rules.wasm")).unwrap();
    let registry = open(folder.path());
    // What no plugin can be called leaves it its own name.
    assert_eq!(registry.iter().map(|plugin| plugin.id().name).collect::<Vec<_>>(), ["health", "policy-0.1"]);
    assert!(registry.policy("policy-0.1").is_ok());
    assert!(matches!(registry.policy("health"), Err(Absent::WrongWorld(_))));
    assert!(matches!(registry.policy("policy"), Err(Absent::Missing { known }) if known == ["policy-0.1"]));
    assert!(registry.detecting().is_empty());
}

#[test]
fn a_broken_file_leaves_the_last_good_plugin_and_is_retried_later() {
    let folder = tempfile::tempdir().unwrap();
    replace(folder.path(), "policy.wasm", std::fs::read(&*POLICY).unwrap());
    let registry = open(folder.path());
    let good = registry.get("policy").unwrap();

    replace(folder.path(), "policy.wasm", "half a plugin");
    let now = Instant::now();
    assert_eq!(registry.rescan(now), Ok(names(&[])));
    assert!(Arc::ptr_eq(&good, &registry.get("policy").unwrap()));
    assert!(registry.errors()[0].message.contains("not a WebAssembly file"), "{:?}", registry.errors());

    registry.rescan(now).unwrap();
    assert_eq!(registry.errors()[0].failures, 1, "it is not retried at once");
    registry.rescan(now + Duration::from_secs(11)).unwrap();
    assert_eq!(registry.errors()[0].failures, 2);

    replace(folder.path(), "policy.wasm", std::fs::read(&*POLICY).unwrap());
    assert_eq!(registry.rescan(now), Ok(names(&[])), "the same bytes are the same plugin");
    assert!(registry.errors().is_empty());
}

#[test]
fn a_plugin_that_can_not_even_be_configured_does_not_replace_one_that_can() {
    let folder = tempfile::tempdir().unwrap();
    replace(folder.path(), "policy.wasm", std::fs::read(&*POLICY).unwrap());
    let registry = open(folder.path());
    let good = registry.get("policy").unwrap();
    let wat = r#"(component
        (@custom "windlass:manifest" "{\"name\":\"policy\",\"version\":\"0.2.0\",\"world\":\"policy\"}"))"#;
    replace(folder.path(), "policy.wasm", wat::parse_str(wat).unwrap());
    registry.rescan(Instant::now()).unwrap();
    assert!(Arc::ptr_eq(&good, &registry.get("policy").unwrap()));
    assert_eq!(registry.errors().len(), 1);
}

#[test]
fn a_changed_file_is_swapped_in_and_a_removed_one_goes() {
    let folder = tempfile::tempdir().unwrap();
    replace(folder.path(), "policy.wasm", std::fs::read(&*POLICY).unwrap());
    let registry = open(folder.path());
    let module = rustc("judge", "wasm32-unknown-unknown", &[]);
    let newer = guest("newer", &module, "policy", &json!({"name": "policy", "version": "0.2.0"}));
    replace(folder.path(), "policy.wasm", std::fs::read(newer).unwrap());
    assert_eq!(registry.rescan(Instant::now()), Ok(names(&["policy"])));
    assert_eq!(registry.get("policy").unwrap().manifest().version, "0.2.0");
    std::fs::remove_file(folder.path().join("policy.wasm")).unwrap();
    assert_eq!(registry.rescan(Instant::now()), Ok(names(&["policy"])));
    assert!(registry.get("policy").is_none());
}

#[test]
fn of_two_files_with_one_name_the_first_counts_and_the_second_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(&*POLICY, folder.path().join("A.wasm")).unwrap();
    std::fs::copy(&*POLICY, folder.path().join("policy.wasm")).unwrap();
    let registry = open(folder.path());
    assert_eq!(registry.iter().count(), 1);
    assert!(registry.errors()[0].message.contains("A.wasm` already is the plugin `policy`; rename"));
}

#[test]
fn a_watched_folder_tells_of_its_new_plugins() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Arc::new(open(folder.path()));
    let (sender, changes) = channel();
    let watch = registry.watch(move |names| sender.send(names).unwrap()).unwrap();
    replace(folder.path(), "policy.wasm", std::fs::read(&*POLICY).unwrap());
    assert_eq!(changes.recv_timeout(Duration::from_mins(1)), Ok(names(&["policy"])));
    drop(watch);
    assert!(changes.recv().is_err(), "the thread has ended");
}
