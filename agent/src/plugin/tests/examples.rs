//! The examples of the SDK: plain programs as renderers, built as their README
//! says and put into a folder of plugins as they are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::guests::loader;
use crate::plugin::registry::Registry;
use crate::plugin::{LimitOverrides, PluginError, RenderRequest};
use crate::render::RawOutput;
use crate::source::memory_tree::MemoryTree;
use crate::source::trace::{TracedTree, TreeLimits};

/// A folder with both.
static PLUGINS: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugin-sdk/examples");

    let target = target_folder().join("examples");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--locked", "--target", "wasm32-wasip2", "--target-dir"]).arg(&target);
    run(cargo
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .current_dir(examples.join("wasi-rust")));
    let built = target.join("wasm32-wasip2/release/env-files.wasm");
    std::fs::copy(built, folder.path().join("env-files.wasm")).unwrap();

    let mut go = Command::new("go");
    go.args(["build", "-trimpath", "-ldflags", "-s -w", "-o"])
        .arg(folder.path().join("templates.wasm"))
        .arg(".");
    go.env("GOOS", "wasip1").env("GOARCH", "wasm").env("GOWORK", "off").env("GOFLAGS", "-buildvcs=false");
    run(go.env("GOTOOLCHAIN", "local").current_dir(examples.join("wasi-go")));
    folder
});

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let patient = LimitOverrides { time: Some(std::time::Duration::from_mins(2)), ..Default::default() };
    let limits = ["env-files.wasm", "templates.wasm"].map(|file| (file.to_owned(), patient));
    Registry::with_loader(PLUGINS.path().to_owned(), BTreeMap::from(limits), loader(2)).unwrap()
});

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}

/// Cargo's target folder, above the folder of the profile that this was built in.
fn target_folder() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    program.ancestors().nth(3).unwrap().to_owned()
}

/// What the program of that name makes of the folder `app`.
fn render(name: &str, files: &[(&str, &str)], config: &Value) -> Result<RawOutput, PluginError> {
    let plugin = REGISTRY.get(name).unwrap_or_else(|| panic!("{name}: {:?}", REGISTRY.errors()));
    let tree = files.iter().fold(MemoryTree::new(), |tree, (path, text)| tree.file(path, (*text).to_owned()));
    let tree = Arc::new(TracedTree::new(Arc::new(tree), TreeLimits::default()));
    let request = RenderRequest {
        path: "app".to_owned(),
        name: "shop".to_owned(),
        namespace: "default".to_owned(),
        seed: None,
    };
    plugin.render(&tree, &request, config, 0)
}

/// Each object as JSON, and each warning.
fn rendered(name: &str, files: &[(&str, &str)], config: &Value) -> (Vec<Value>, Vec<String>) {
    let output = render(name, files, config).unwrap();
    let warnings = output.diagnostics.iter().map(ToString::to_string).collect();
    (super::guests::objects(&output), warnings)
}

fn refusal(name: &str, files: &[(&str, &str)], config: &Value) -> Vec<String> {
    match render(name, files, config) {
        Err(PluginError::Refused(diagnostics)) => diagnostics.into_iter().map(|one| one.message).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_rust_example_makes_config_maps_of_env_files() {
    let files = [
        ("app/web.env", "# the shop\nCOLOUR=blue\nTITLE=\"all: of it\"\nCOLOUR=green\n"),
        ("app/api.env", "PORT = 80\n"),
        ("app/notes.txt", ""),
    ];
    let map = |name: &str, data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data});
    let (objects, warnings) = rendered("env-files", &files, &json!({"prefix": "shop-"}));
    assert_eq!(
        objects,
        [
            map("shop-api", json!({"PORT": "80"})),
            map("shop-web", json!({"COLOUR": "green", "TITLE": "all: of it"})),
        ]
    );
    assert_eq!(warnings, ["/app/web.env:4: `COLOUR` is set again"]);
    assert_eq!(rendered("env-files", &files, &Value::Null).0[0]["metadata"]["name"], "api");
}

#[test]
fn the_rust_example_refuses_in_its_own_words() {
    let files = [("app/web.env", "COLOUR\n\nSIZE 3\n")];
    assert_eq!(
        refusal("env-files", &files, &Value::Null),
        ["/app/web.env:1: `COLOUR` has no `=`", "/app/web.env:3: `SIZE 3` has no `=`"]
    );
    assert_eq!(refusal("env-files", &[("app/a", "")], &json!({"prefix": 1})), ["`prefix` must be text"]);
}

const TEMPLATE: &str = "apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Name }}-settings
data:
  colour: {{ toJson .Values.colour }}
  port: {{ toJson (print .Values.net.port) }}
  host: {{ .Values.net.host }}
";

#[test]
fn the_go_example_renders_templates_with_values_over_values() {
    let files = [
        ("app/b.yaml.tmpl", TEMPLATE),
        (
            "app/a.yaml.tmpl",
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: {{ .Namespace }}}}",
        ),
        ("app/values.json", r#"{"colour": "green: dark", "net": {"port": 80, "host": "web"}}"#),
    ];
    let (objects, warnings) = rendered("templates", &files, &json!({"values": {"net": {"port": 8080}}}));
    assert_eq!(objects[0]["metadata"], json!({"name": "a", "namespace": "default"}));
    assert_eq!(objects[1]["metadata"]["name"], "shop-settings");
    assert_eq!(objects[1]["data"], json!({"colour": "green: dark", "port": "8080", "host": "web"}));
    assert_eq!((objects.len(), warnings), (2, Vec::new()));
    let (objects, warnings) = rendered("templates", &[("app/values.json", "{}")], &Value::Null);
    assert_eq!((objects.len(), warnings), (0, vec!["there is no *.yaml.tmpl file in /app".to_owned()]));
}

#[test]
fn the_go_example_refuses_in_its_own_words() {
    let files = [("app/a.yaml.tmpl", "x: {{ .Values.colour }}")];
    let words = refusal("templates", &files, &Value::Null);
    assert!(words[0].ends_with(r#"map has no entry for key "colour""#), "{words:?}");
    let words = refusal("templates", &files, &json!({"value": {}}));
    assert_eq!(words, [r#"bad settings: json: unknown field "value""#]);
}

#[test]
fn a_program_is_called_as_its_file_is() {
    let names: Vec<_> = REGISTRY.iter().map(|plugin| plugin.manifest().name.clone()).collect();
    assert_eq!(names, ["env-files", "templates"]);
    assert!(REGISTRY.errors().is_empty());
}
