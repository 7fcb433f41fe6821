use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use wasmtime::{Engine, Instance, Linker, Module, Store};

use super::segments::{Segment, coalesce, merge};
use super::*;
use crate::plugin::preview1::tests::FileTree;
use crate::plugin::preview1::{self, FileTable};
use crate::plugin::sandbox::{Captured, Sandbox, SeededRandom};
use crate::source::trace::{TracedTree, TreeLimits};

const MEMORY: usize = 64 << 10;

fn image(segments: &[Segment<'_>]) -> Vec<u8> {
    let mut memory = vec![0; MEMORY];
    for segment in segments {
        let start = usize::try_from(segment.start).unwrap();
        memory[start..start + segment.data.len()].copy_from_slice(&segment.data);
    }
    memory
}

proptest! {
    #[test]
    fn merged_segments_give_the_same_memory(parts in vec((0_u64..4000, vec(any::<u8>(), 0..40)), 0..60)) {
        let segments: Vec<_> = parts.iter().map(|(start, data)| Segment { start: *start, data: data.into() }).collect();
        let merged = coalesce(&segments);
        prop_assert_eq!(image(&segments), image(&merged));
        for pair in merged.windows(2) {
            prop_assert!(pair[0].start + (pair[0].data.len() as u64) < pair[1].start, "unmerged neighbours");
        }
    }
}

fn instantiate(wasm: &[u8]) -> (Store<()>, Instance) {
    let engine = Engine::default();
    let module = Module::new(&engine, wasm).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    (store, instance)
}

fn memory_of(wasm: &[u8]) -> Vec<u8> {
    let (mut store, instance) = instantiate(wasm);
    instance.get_memory(&mut store, "memory").unwrap().data(&store).to_vec()
}

fn count_segments(wasm: &[u8]) -> u32 {
    Parser::new(0)
        .parse_all(wasm)
        .filter_map(|payload| {
            if let Payload::DataSection(section) = payload.unwrap() { Some(section.count()) } else { None }
        })
        .sum()
}

fn custom_sections(wasm: &[u8]) -> Vec<String> {
    Parser::new(0)
        .parse_all(wasm)
        .filter_map(|payload| match payload.unwrap() {
            Payload::CustomSection(section) => Some(section.name().to_owned()),
            _ => None,
        })
        .collect()
}

#[test]
fn given_neighbouring_segments_when_merged_then_one_is_left_and_the_memory_is_the_same() {
    let wasm = wat::parse_str(
        r#"(module (memory (export "memory") 1)
            (data (i32.const 8) "abc") (data (i32.const 13) "de") (data (i32.const 9) "X") (data (i32.const 40000) "far"))"#,
    )
    .unwrap();
    let merged = merge(&wasm).unwrap();
    assert_eq!(count_segments(&merged), 2);
    assert_eq!(memory_of(&merged), memory_of(&wasm));
    assert_eq!(&memory_of(&merged)[8..15], b"aXc\0\0de");
}

#[test]
fn given_segments_that_code_names_when_merged_then_the_module_stays_as_it_is() {
    let wasm = wat::parse_str(
        r#"(module (memory 1) (data (i32.const 0) "a") (data $later "b")
            (func (memory.init $later (i32.const 1) (i32.const 0) (i32.const 1))))"#,
    )
    .unwrap();
    assert_eq!(merge(&wasm).unwrap(), wasm);
}

#[test]
fn given_an_imported_memory_when_merged_then_the_module_stays_as_it_is() {
    let wasm = wat::parse_str(
        r#"(module (import "a" "b" (memory 1)) (data (i32.const 0) "a") (data (i32.const 2) "b"))"#,
    )
    .unwrap();
    assert_eq!(merge(&wasm).unwrap(), wasm);
}

const REACTOR: &str = r#"(module
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (global $ready (mut i32) (i32.const 0))
    (data (i32.const 0) "start") (data (i32.const 8) "more")
    (func (export "_initialize")
        (global.set $ready (i32.const 42))
        (i32.store8 (i32.const 100) (i32.const 7))
        (drop (memory.grow (i32.const 3)))
        (i32.store8 (i32.const 200000) (i32.const 9))
        (drop (call $random (i32.const 300) (i32.const 4))))
    (func (export "windlass_render") (result i32)
        (i32.add (global.get $ready) (i32.load8_u (i32.const 200000))))
    (@custom "windlass:manifest" "{}"))"#;

#[test]
fn given_a_reactor_when_prepared_then_it_starts_initialised_and_keeps_its_manifest() {
    let prepared = prepare(&wat::parse_str(REACTOR).unwrap()).unwrap();
    assert!(custom_sections(&prepared).contains(&"windlass:manifest".to_owned()));
    let engine = Engine::default();
    let module = Module::new(&engine, &prepared).unwrap();
    assert!(module.get_export("_initialize").is_none());
    let mut linker = Linker::new(&engine);
    linker.func_wrap("wasi_snapshot_preview1", "random_get", |_: u32, _: u32| 0).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let render = instance.get_typed_func::<(), i32>(&mut store, "windlass_render").unwrap();
    assert_eq!(render.call(&mut store, ()).unwrap(), 51);
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    assert_eq!(memory.data_size(&store), 4 * MEMORY);
    assert_eq!(&memory.data(&store)[..12], b"start\0\0\0more");
}

#[test]
fn given_a_prepared_plugin_when_prepared_again_then_nothing_changes() {
    let once = prepare(&wat::parse_str(REACTOR).unwrap()).unwrap();
    assert_eq!(prepare(&once).unwrap(), once);
}

#[test]
fn given_the_same_reactor_when_prepared_twice_then_the_bytes_are_equal() {
    let wasm = wat::parse_str(REACTOR).unwrap();
    assert_eq!(prepare(&wasm).unwrap(), prepare(&wasm).unwrap());
}

#[test]
fn given_a_reactor_that_traps_when_prepared_then_the_error_says_where() {
    let wasm = wat::parse_str(
        r#"(module (memory (export "memory") 1) (func (export "_initialize") unreachable)
            (func (export "windlass_render") (result i32) (i32.const 0)))"#,
    )
    .unwrap();
    let error = format!("{:#}", prepare(&wasm).unwrap_err());
    assert!(error.contains("_initialize"), "{error}");
}

#[test]
fn given_a_component_with_a_manifest_inside_when_prepared_then_it_is_at_the_top_too() {
    let wasm = wat::parse_str(r#"(component (core module (@custom "windlass:manifest" "{1}")))"#).unwrap();
    let prepared = prepare(&wasm).unwrap();
    assert_eq!(custom_sections(&prepared), ["windlass:manifest", "windlass:manifest"]);
    assert_eq!(prepare(&prepared).unwrap(), prepared);
}

#[test]
fn given_what_is_no_webassembly_when_prepared_then_it_is_refused() {
    assert!(prepare(b"hello").is_err());
    assert!(prepare(b"").is_err());
}

#[test]
fn given_a_manifest_when_appended_then_the_module_carries_it() {
    let wasm = append_manifest(&wat::parse_str("(module)").unwrap(), b"{}");
    assert_eq!(custom_sections(&wasm), ["windlass:manifest"]);
    Module::new(&Engine::default(), &wasm).unwrap();
}

/// Renders `app` from `files` with a compiled kustomize; gives its exit code and
/// standard output.
fn render(linker: &Linker<Sandbox>, module: &Module, files: &[(&str, &str)]) -> (i32, String) {
    let (code, store) = call(linker, module, files);
    (code, String::from_utf8(store.into_data().stdout.content).unwrap())
}

fn call(linker: &Linker<Sandbox>, module: &Module, files: &[(&str, &str)]) -> (i32, Store<Sandbox>) {
    let tree = FileTree::new(files);
    let sandbox = Sandbox {
        tree: Arc::new(TracedTree::new(Arc::new(tree), TreeLimits::default())),
        stdin: Bytes::from_static(br#"{"path":"app","name":"a","namespace":"b","config":null}"#),
        stdout: Captured::with_limit(1 << 20),
        stderr: Captured::with_limit(1 << 16),
        wall_clock_seconds: 1_700_000_000,
        monotonic_nanoseconds: 0,
        random: SeededRandom::new([1; 32]),
        host_calls_left: 100_000,
        files: FileTable::default(),
    };
    let mut store = Store::new(module.engine(), sandbox);
    store.set_epoch_deadline(1000);
    let instance = linker.instantiate(&mut store, module).unwrap();
    if let Ok(initialize) = instance.get_typed_func::<(), ()>(&mut store, INITIALIZE) {
        initialize.call(&mut store, ()).unwrap();
    }
    let code = match instance.get_typed_func::<(), i32>(&mut store, RENDER).unwrap().call(&mut store, ()) {
        Ok(code) => code,
        Err(error) => panic!("{error:?}\n{}", String::from_utf8_lossy(&store.data().stderr.content)),
    };
    (code, store)
}

const OVERLAY: &[(&str, &str)] = &[
    (
        "app/kustomization.yaml",
        "resources: [../base]\nnamePrefix: p-\npatches: [{path: patch.yaml}]\nconfigMapGenerator: [{name: c, literals: [a=b]}]\n",
    ),
    ("app/patch.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n"),
    ("base/kustomization.yaml", "resources: [all.yaml]\n"),
    (
        "base/all.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n---\napiVersion: apps/v1\nkind: Deployment\n\
         metadata: {name: web}\nspec: {template: {spec: {containers: [{name: a, image: b}]}}}\n",
    ),
];

fn build_kustomize() -> Vec<u8> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/kustomize");
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("kustomize.wasm");
    let status = Command::new("go")
        .args(["build", "-buildmode=c-shared", "-trimpath", "-ldflags", "-s -w", "-o"])
        .arg(&output)
        .arg(".")
        .current_dir(source)
        .env("GOOS", "wasip1")
        .env("GOARCH", "wasm")
        .status()
        .unwrap();
    assert!(status.success());
    std::fs::read(output).unwrap()
}

/// Loads machine code of this process's own making.
fn load(engine: &Engine, compiled: &[u8]) -> Module {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plugin.cwasm");
    std::fs::write(&file, compiled).unwrap();
    #[expect(unsafe_code, reason = "wasmtime can't know where machine code comes from")]
    // SAFETY: an engine of the same configuration made it just now, and nobody else can change it.
    unsafe { Module::deserialize_file(engine, &file) }.unwrap()
}

fn linker(engine: &Engine) -> Linker<Sandbox> {
    let mut linker = Linker::new(engine);
    preview1::add_to_linker(&mut linker, |sandbox: &mut Sandbox| sandbox).unwrap();
    linker
}

/// Slow, for it builds a Go program and compiles 27 MB of WebAssembly.
#[test]
fn given_upstream_kustomize_when_prepared_and_compiled_then_it_renders_the_same_bytes_each_time() {
    let prepared = prepare(&build_kustomize()).unwrap();
    let config = engine_config(Allocation::OnDemand).unwrap();
    let engine = Engine::new(&config).unwrap();
    let module = load(&engine, &precompile(&config, &prepared).unwrap());
    let linker = linker(&engine);
    let (code, first) = render(&linker, &module, OVERLAY);
    assert_eq!(code, 0, "{first}");
    assert!(first.contains(r#""path":"base/all.yaml","line":5"#), "{first}");
    assert!(first.contains("p-web"), "{first}");
    let (_, second) = render(&linker, &module, OVERLAY);
    assert_eq!(first, second);
    let (code, refused) = render(&linker, &module, &[("app/kustomization.yaml", "resources: [gone.yaml]\n")]);
    assert_eq!(code, 1);
    assert!(refused.contains("gone.yaml") && refused.contains(r#""severity":"error""#), "{refused}");
}

#[expect(clippy::print_stderr, reason = "a measurement is for whoever runs it")]
fn timed<T>(what: &str, body: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let value = body();
    eprintln!("{what}: {:.1} ms", start.elapsed().as_secs_f64() * 1000.0);
    value
}

/// Resident memory of this process in KiB.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
#[ignore = "a measurement: run it alone, with --nocapture"]
#[expect(clippy::print_stderr, reason = "a measurement is for whoever runs it")]
fn measure_kustomize_with_and_without_its_snapshot() {
    let wasm = timed("go build", build_kustomize);
    let merged = timed("merge", || merge(&wasm).unwrap());
    let prepared = timed("prepare", || prepare(&wasm).unwrap());
    let config = engine_config(Allocation::OnDemand).unwrap();
    let engine = Engine::new(&config).unwrap();
    for (name, wasm) in [("built", &merged), ("prepared", &prepared)] {
        eprintln!("{name}: {} bytes, {} segments", wasm.len(), count_segments(wasm));
        let compiled = timed("precompile", || precompile(&config, wasm).unwrap());
        eprintln!("compiled: {} bytes", compiled.len());
        let module = load(&engine, &compiled);
        drop(compiled);
        let linker = linker(&engine);
        for _ in 0..8 {
            let before = resident();
            let (code, store) = timed("render", || call(&linker, &module, OVERLAY));
            assert_eq!(code, 0);
            eprintln!(
                "  {} host calls, {} KiB more resident",
                100_000 - store.data().host_calls_left,
                resident() - before
            );
            timed("  drop", || drop(store));
        }
    }
}
