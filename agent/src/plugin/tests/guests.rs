//! Builds the guests in `tests/guests` with the compiler that builds this, and
//! loads them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde_json::{Value, json};
use wit_component::StringEncoding;

use crate::plugin::child::{Compile, CompileLimits};
use crate::plugin::compile::{append_manifest, compile, prepare};
use crate::plugin::{LimitOverrides, Loader, LoaderOptions, Plugin, PluginError, RenderRequest};
use crate::render::RawOutput;
use crate::source::memory_tree::MemoryTree;
use crate::source::trace::{TracedTree, TreeLimits};

/// Enough for a call on any machine that runs tests.
pub(super) const PATIENT: LimitOverrides = LimitOverrides {
    time: Some(Duration::from_mins(2)),
    memory_bytes: None,
    output_bytes: None,
    host_calls: None,
};

/// For guests that would go on for ever.
pub(super) const IMPATIENT: LimitOverrides =
    LimitOverrides { time: Some(Duration::from_millis(50)), ..PATIENT };

/// The compiler, in this process.
pub(super) struct InProcess;

impl Compile for InProcess {
    fn compile(&self, input: &Path, output: &Path) -> Result<(), PluginError> {
        let failed = |error: &dyn std::fmt::Display| PluginError::Load(format!("compile it: {error:#}"));
        let wasm = std::fs::read(input).map_err(|error| failed(&error))?;
        let compiled = compile(&wasm).map_err(|error| failed(&error))?;
        std::fs::write(output, compiled).map_err(|error| failed(&error))
    }
}

/// One folder for the guests and one loader for all tests: there is one engine
/// in a process.
static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

pub(super) static LOADER: LazyLock<Loader> = LazyLock::new(|| loader(4));

pub(super) fn loader(calls: u32) -> Loader {
    let options = LoaderOptions {
        cache: FOLDER.path().join("cache"),
        bundled_cache: None,
        compiler: None,
        compile: CompileLimits::default(),
        calls,
    };
    Loader::with_compiler(&options, Box::new(InProcess)).unwrap()
}

/// Loads a guest with these limits.
pub(super) fn load(guest: &Path, limits: LimitOverrides) -> Result<Plugin, PluginError> {
    LOADER.load(guest, limits)
}

pub(super) static POLICY: LazyLock<PathBuf> = LazyLock::new(|| {
    let reads = json!({"reads": ["v1/Namespace"]});
    guest("policy", &rustc("judge", "wasm32-unknown-unknown", &[]), "policy", &reads)
});

pub(super) static HEALTH: LazyLock<PathBuf> = LazyLock::new(|| {
    guest("health", &rustc("judge", "wasm32-unknown-unknown", &["health"]), "health", &json!({}))
});

pub(super) static RENDERER: LazyLock<PathBuf> = LazyLock::new(|| {
    guest("renderer", &rustc("render", "wasm32-unknown-unknown", &[]), "renderer", &json!({}))
});

pub(super) static PROGRAM: LazyLock<PathBuf> =
    LazyLock::new(|| write("program", &rustc("program", "wasm32-wasip2", &[])));

/// Compiles `tests/guests/NAME.rs`.
pub(super) fn rustc(name: &str, target: &str, cfgs: &[&str]) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    // Two tests may want the same guest at once, and rustc writes more than its output beside it.
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("guest.wasm");
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.current_dir(&root).args([
        "--edition=2024",
        "-Copt-level=1",
        "-Cstrip=debuginfo",
        "--target",
        target,
    ]);
    if target == "wasm32-unknown-unknown" {
        rustc.args(["--crate-type=cdylib", "-Cpanic=abort"]);
    }
    for cfg in cfgs {
        rustc.args(["--cfg", cfg]);
    }
    let status =
        rustc.arg("-o").arg(&output).arg(root.join(format!("tests/guests/{name}.rs"))).status().unwrap();
    assert!(status.success(), "compile the guest {name}");
    std::fs::read(output).unwrap()
}

/// A component of the contract's `world` out of a core module, with a manifest
/// that has these fields too.
pub(super) fn guest(name: &str, module: &[u8], world: &str, fields: &Value) -> PathBuf {
    let mut resolve = wit_parser::Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    let (package, _) = resolve.push_dir(wit).unwrap();
    let id = resolve.select_world(&[package], Some(world)).unwrap();
    let mut module = module.to_vec();
    wit_component::embed_component_metadata(&mut module, &resolve, id, StringEncoding::UTF8).unwrap();
    let mut manifest = json!({"name": name, "version": "0.1.0", "world": world});
    manifest.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let module = append_manifest(&module, manifest.to_string().as_bytes());
    write(name, &prepare(&module).unwrap())
}

pub(super) fn write(name: &str, wasm: &[u8]) -> PathBuf {
    let path = FOLDER.path().join(format!("{name}.wasm"));
    std::fs::write(&path, wasm).unwrap();
    path
}

/// A small repository, with everything that a renderer might stumble over.
pub(super) fn tree() -> Arc<TracedTree> {
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";
    let tree = MemoryTree::new()
        .file("a.yaml", manifest)
        .file("apps/a.yaml", manifest)
        .symlink("out", "../etc/passwd")
        .symlink("absolute", "/etc/passwd")
        .symlink("apps/up", "../a.yaml")
        .submodule("module");
    Arc::new(TracedTree::new(Arc::new(tree), TreeLimits::default()))
}

/// Renders the small repository.
pub(super) fn render(plugin: &Plugin, config: &str) -> Result<RawOutput, PluginError> {
    render_in(&tree(), plugin, config)
}

pub(super) fn render_in(
    tree: &Arc<TracedTree>,
    plugin: &Plugin,
    config: &str,
) -> Result<RawOutput, PluginError> {
    let request = RenderRequest {
        path: "apps".to_owned(),
        name: "shop".to_owned(),
        namespace: "default".to_owned(),
        seed: None,
    };
    plugin.render(tree, &request, &json!(config), 1_700_000_000)
}

/// The objects that were rendered.
pub(super) fn objects(output: &RawOutput) -> Vec<Value> {
    output.manifests.iter().map(|manifest| serde_json::from_slice(&manifest.object).unwrap()).collect()
}
