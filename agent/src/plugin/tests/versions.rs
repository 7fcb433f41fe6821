use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use tokio::sync::watch;

use super::guests::{loader, rustc};
use crate::api::PluginSpec;
use crate::controller::plugins::PluginSet;
use crate::plugin::compile::{append_manifest, prepare};
use crate::plugin::registry::Registry;
use crate::render::{Job, Memo, MemoCounts, Renderers};
use crate::source::memory_tree::MemoryTree;
use crate::source::tree::Tree;

/// Puts a version of the plugin `program` into a folder, by a rename.
fn install(folder: &Path, file: &str, version: &str, cfgs: &[&str]) {
    let manifest =
        json!({"name": "program", "version": version, "world": "renderer", "detects": ["program.txt"]});
    let component =
        append_manifest(&rustc("program", "wasm32-wasip2", cfgs), manifest.to_string().as_bytes());
    let new = folder.join(".new");
    std::fs::write(&new, prepare(&component).unwrap()).unwrap();
    std::fs::rename(new, folder.join(file)).unwrap();
}

/// A folder with a newer version under the plugin's own name, and an older one beside it.
fn two_versions() -> (tempfile::TempDir, Arc<Registry>) {
    let folder = tempfile::tempdir().unwrap();
    install(folder.path(), "program.wasm", "2.0.0", &["newer"]);
    install(folder.path(), "program-1.0.wasm", "1.0.0", &[]);
    let registry = Registry::with_loader(folder.path().to_owned(), BTreeMap::new(), loader(2)).unwrap();
    assert_eq!(registry.errors(), []);
    (folder, Arc::new(registry))
}

/// What an Application renders to that names this renderer, or none.
fn said(memo: &Memo, renderers: &dyn Renderers, name: &str, renderer: Option<&str>) -> String {
    let tree: Arc<dyn Tree> = Arc::new(MemoryTree::new().file("app/program.txt", ""));
    let renderer = renderer.map(str::to_owned);
    let job = Job { renderer, config: json!("version"), ..Job::new("team", name, "app") };
    let set = memo.render(&job, &tree, 0, renderers).unwrap();
    let text = set.manifests()[0].object["data"]["text"].as_str().unwrap().to_owned();
    format!("{} says {text}", set.renderer().name)
}

#[test]
fn each_application_has_the_version_that_it_names_and_only_those_of_an_updated_one_render_again() {
    let (folder, registry) = two_versions();
    let memo = Memo::default();
    let all = || {
        [("new", Some("program")), ("old", Some("program-1.0")), ("any", None)]
            .map(|(name, renderer)| said(&memo, &*registry, name, renderer))
    };
    let expected = ["program says newer", "program-1.0 says older", "program says newer"];
    assert_eq!(all(), expected, "another version never takes a folder by itself");
    assert_eq!(memo.counts(), MemoCounts { hits: 0, misses: 3 });

    install(folder.path(), "program-1.0.wasm", "1.0.1", &[]);
    let changed = registry.rescan(Instant::now()).unwrap();
    assert_eq!(changed.into_iter().collect::<Vec<_>>(), ["program-1.0"]);
    assert_eq!(registry.get("program-1.0").unwrap().manifest().version, "1.0.1");
    assert_eq!(all(), expected);
    assert_eq!(memo.counts(), MemoCounts { hits: 2, misses: 4 });
}

#[test]
fn a_resource_gives_a_version_a_name_and_the_plugins_own_name_makes_it_the_one_that_detects() {
    let (_folder, registry) = two_versions();
    let plugins = PluginSet::new(registry, watch::channel(0).1);
    let memo = Memo::default();
    let set = |names: &[(&str, &str)]| {
        let spec = |file: &str| PluginSpec { file: file.to_owned(), digest: None, limits: None };
        plugins.set_resources(names.iter().map(|(name, file)| ((*name).to_owned(), spec(file))).collect());
    };
    set(&[("stable", "program-1.0.wasm"), ("next", "program.wasm")]);
    assert_eq!(said(&memo, &plugins, "a", Some("stable")), "program-1.0 says older");
    assert_eq!(said(&memo, &plugins, "b", Some("next")), "program says newer");
    assert_eq!(said(&memo, &plugins, "c", None), "program says newer");
    set(&[("program", "program-1.0.wasm")]);
    assert_eq!(said(&memo, &plugins, "c", None), "program-1.0 says older");
}
