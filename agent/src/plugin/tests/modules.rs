use super::guests::{IMPATIENT, PATIENT, load, objects, render, write};
use crate::plugin::{LimitOverrides, PluginError};
use crate::render::RawOutput;

/// A module that does `body`; `$say` prints the text at 100 on a descriptor.
fn module(export: &str, text: &str, body: &str) -> Vec<u8> {
    let (length, text) = (text.len(), text.replace('"', "\\\""));
    let wat = format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 2)
            (data (i32.const 100) "{text}")
            (func $say (param $to i32)
                (i32.store (i32.const 0) (i32.const 100))
                (i32.store (i32.const 4) (i32.const {length}))
                (drop (call $write (local.get $to) (i32.const 0) (i32.const 1) (i32.const 8))))
            (func (export "{export}") {body}))"#
    );
    wat::parse_str(wat).unwrap()
}

fn run(name: &str, wasm: &[u8], limits: LimitOverrides) -> Result<RawOutput, PluginError> {
    render(&load(&write(name, wasm), limits).unwrap(), "")
}

const MANIFEST: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}";

#[test]
fn a_preview_1_program_renders() {
    let wasm = module("_start", MANIFEST, "(call $say (i32.const 1))");
    assert_eq!(objects(&run("prints", &wasm, PATIENT).unwrap())[0]["kind"], "ConfigMap");
}

#[test]
fn json_values_need_nothing_between_them_and_what_only_begins_like_json_is_yaml() {
    let manifest =
        |name: &str| format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}"}}}}"#);
    for (name, text, expected) in [
        ("lines", format!("{} {}", manifest("a"), manifest("b")), 2),
        ("none-between", manifest("a") + &manifest("b") + &manifest("c"), 3),
        ("flow", MANIFEST.to_owned(), 1),
    ] {
        let wasm = module("_start", &text, "(call $say (i32.const 1))");
        let objects = objects(&run(name, &wasm, PATIENT).unwrap());
        assert_eq!((objects.len(), &objects[0]["metadata"]["name"]), (expected, &"a".into()), "{name}");
    }
}

#[test]
fn an_exit_code_other_than_zero_is_a_failure() {
    let zero = module("_start", MANIFEST, "(call $say (i32.const 1)) (call $exit (i32.const 0))");
    assert!(run("exits-well", &zero, PATIENT).is_ok());
    let three = module("_start", "no", "(call $exit (i32.const 3))");
    let error = run("exits-badly", &three, PATIENT).unwrap_err();
    assert_eq!(error.to_string(), "broke: exited with code 3 without a word");
    let reason = module("_start", "no chart", "(call $say (i32.const 2)) (call $exit (i32.const 3))");
    assert_eq!(run("says-why", &reason, PATIENT).unwrap_err().to_string(), "no chart");
}

#[test]
fn what_gos_runtime_says_at_a_panic_is_a_trap() {
    let wasm = module("_start", "panic: nil map", "(call $say (i32.const 2)) (call $exit (i32.const 2))");
    let error = run("panics", &wasm, PATIENT).unwrap_err();
    assert!(matches!(&error, PluginError::Trap { message, .. } if message == "panic: nil map"), "{error}");
}

#[test]
fn a_module_without_end_meets_its_deadline() {
    let wasm = module("_start", "", "(loop $again (br $again))");
    assert!(matches!(run("spins", &wasm, IMPATIENT), Err(PluginError::Deadline { .. })));
}

#[test]
fn a_module_that_floods_its_output_is_stopped_at_its_limit() {
    let wasm = module("_start", MANIFEST, "(loop $again (call $say (i32.const 1)) (br $again))");
    let limits = LimitOverrides { output_bytes: Some(1 << 20), ..PATIENT };
    assert_eq!(run("floods", &wasm, limits), Err(PluginError::Output { limit_bytes: 1 << 20 }));
}

#[test]
fn a_module_that_calls_without_end_runs_out_of_host_calls() {
    let wasm = module("_start", "", "(loop $again (call $say (i32.const 1)) (br $again))");
    let limits = LimitOverrides { host_calls: Some(100), ..PATIENT };
    assert_eq!(run("calls", &wasm, limits), Err(PluginError::HostCalls { limit: 100 }));
}

#[test]
fn a_reactor_answers_with_manifests_and_their_documents() {
    let json = r#"{"manifests":[{"object":{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}},
        "path":"./a.yaml","line":1}],"diagnostics":[{"severity":"warning","message":"old","path":"a.yaml","line":2}]}"#;
    let json = json.replace('\n', " ");
    let wasm = module("windlass_render", &json, "(result i32) (call $say (i32.const 1)) (i32.const 0)");
    let output = run("reacts", &wasm, PATIENT).unwrap();
    assert_eq!(objects(&output)[0]["metadata"]["name"], "a");
    assert_eq!(output.manifests[0].path.as_deref(), Some("a.yaml"));
    assert_eq!(output.diagnostics[0].to_string(), "a.yaml:2: old");
}

#[test]
fn a_reactor_refuses_with_its_diagnostics() {
    let json = r#"{"diagnostics":[{"severity":"error","message":"no such base","path":"k.yaml","line":3,
        "object":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"}}]}"#;
    let json = json.replace('\n', " ");
    let wasm = module("windlass_render", &json, "(result i32) (call $say (i32.const 1)) (i32.const 1)");
    let error = run("refuses", &wasm, PATIENT).unwrap_err();
    assert_eq!(error.to_string(), "k.yaml:3: Deployment/web: no such base");
}

#[test]
fn a_reactor_that_prints_something_else_breaks_the_contract() {
    let wasm = module("windlass_render", "done", "(result i32) (call $say (i32.const 1)) (i32.const 0)");
    let error = run("mumbles", &wasm, PATIENT).unwrap_err();
    assert!(matches!(error, PluginError::Contract(_)), "{error}");
}

#[test]
fn a_module_that_imports_something_else_is_refused_by_its_name() {
    let wat = r#"(module (import "env" "dial" (func)) (func (export "_start")))"#;
    let error = load(&write("imports", &wat::parse_str(wat).unwrap()), PATIENT).err().unwrap().to_string();
    assert!(error.contains("imports what a renderer does not get") && error.contains("env::dial"), "{error}");
}

#[test]
fn a_module_that_exports_nothing_to_run_is_refused() {
    let error = load(&write("idle", &wat::parse_str("(module)").unwrap()), PATIENT).err().unwrap();
    assert!(error.to_string().contains("exports neither `_start` nor `windlass_render`"), "{error}");
}
