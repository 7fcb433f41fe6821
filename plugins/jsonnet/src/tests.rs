mod config;
mod errors;
mod objects;
mod oracle;
mod places;

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use windlass_plugin_sdk::object::Object;
use windlass_plugin_sdk::testing;

use super::*;

/// Files of a repository.
fn repository(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    root
}

/// What the folder `app` renders to.
fn render(files: &[(&str, &str)], settings: &str) -> String {
    render_in(repository(files).path(), settings)
}

/// What a program of one file renders to.
fn run(main: &str) -> String {
    render(&[("app/main.jsonnet", main)], "")
}

/// One line for each manifest and diagnostic, with `:LINE` behind its file.
fn render_in(root: &Path, settings: &str) -> String {
    let line = |path: Option<&str>, start: Option<usize>| {
        let path = path.unwrap_or("?");
        let Some(start) = start else { return path.to_owned() };
        let content = fs::read_to_string(root.join(path)).unwrap();
        let line = content[..start].matches('\n').count() + 1;
        format!("{path}:{line}")
    };
    let told = |diagnostics: &Diagnostics| {
        let lines = diagnostics.iter().map(|one| {
            let place = line(one.path.as_deref(), one.span.map(|span| span.start as usize));
            let severity = one.to_string();
            let severity = severity.split(' ').next().unwrap_or_default();
            format!("{severity} {place}: {}", one.message)
        });
        lines.collect::<Vec<_>>()
    };
    let lines = match testing::render::<Jsonnet>(settings, root, "app") {
        Ok(output) => {
            let manifests = output.manifests.iter().map(|manifest| {
                let place = line(manifest.path.as_deref(), manifest.bytes.as_ref().map(|bytes| bytes.start));
                format!("{place}: {}", Object::new(manifest.object.clone()).reference())
            });
            manifests.chain(told(&output.warnings)).collect()
        }
        Err(diagnostics) => told(&diagnostics),
    };
    lines.join("\n")
}

/// The `data` of the one object of a program.
fn data(files: &[(&str, &str)], settings: &str) -> serde_json::Value {
    let root = repository(files);
    let output = testing::render::<Jsonnet>(settings, root.path(), "app").unwrap();
    output.manifests[0].object["data"].clone()
}

/// An object that holds what `expression` gives.
fn holding(expression: &str) -> String {
    format!("{{apiVersion: 'v1', kind: 'ConfigMap', metadata: {{name: 'a'}}, data: {expression}}}")
}

#[test]
fn the_version_is_the_engines() {
    let manifest = include_str!("../Cargo.toml");
    let engine = format!("rsjsonnet-lang = \"={}\"", env!("CARGO_PKG_VERSION"));
    assert!(manifest.contains(&engine), "Cargo.toml has no `{engine}`");
}
