//! Plain WASI programs as renderers: the request as JSON on standard input,
//! manifests on standard output, words on standard error.
//!
//! A *command* prints YAML or JSON documents and ends; what it prints on
//! standard error are warnings, or, when it fails, the reasons. A *reactor*
//! was initialised before; its function prints one JSON document with
//! manifests and diagnostics, and returns whether that is a refusal.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use wasmtime::{AsContextMut, InstancePre};

use super::places::{Places, clean_path};
use super::preview1::Exit;
use super::preview2::Renderer;
use super::program::{COMMAND_EXPORT, Program, REACTOR_EXPORT};
use super::rendering::{NO_STDIN, RenderCall, last_words};
use super::results::{JsonBudget, at, bounded, refused};
use super::store::CallState;
use super::{PluginError, RenderRequest};
use crate::diagnostic::{Diagnostic, Severity};
use crate::dialect::of_kubernetes;
use crate::object::ObjectKey;
use crate::render::{RawManifest, RawOutput};
use crate::source::trace::TracedTree;

/// Lines on standard error that become diagnostics.
const MAX_LINES: usize = 200;

/// Places that are kept of what changed one object.
const MAX_CHANGES: usize = 32;

/// How a program ended.
enum Ended {
    Success,
    Failure(i32),
}

/// What a program finds on standard input.
pub(crate) fn stdin(program: &Program, request: &RenderRequest, config: &Value) -> Bytes {
    if matches!(program, Program::Renderer(_)) {
        return NO_STDIN;
    }
    let RenderRequest { path, name, namespace, seed: _ } = request;
    json!({"path": path, "name": name, "namespace": namespace, "config": config}).to_string().into()
}

/// Runs the program once.
pub(crate) fn render(
    call: &mut RenderCall<'_>,
    program: &Program,
    tree: &TracedTree,
) -> Result<RawOutput, PluginError> {
    let ran = run(call, program);
    let sandbox = &call.store.data().world.sandbox;
    if sandbox.stdout.overflowed || sandbox.stderr.overflowed {
        // Preview 1 tells the program, which may have gone on regardless.
        return Err(call.too_much_output());
    }
    let ended = match ran {
        Ok(ended) => ended,
        Err(error) => match error.downcast_ref::<Exit>() {
            Some(Exit(0)) => Ended::Success,
            Some(Exit(code)) => Ended::Failure(*code),
            None => return Err(call.explain(&error, words(call))),
        },
    };
    if let Ended::Failure(_) = ended
        && call.refused_memory()
    {
        return Err(call.out_of_memory());
    }
    let reactor = matches!(program, Program::CoreReactor(_));
    match ended {
        Ended::Success if reactor => reactor_output(call, tree),
        Ended::Success => command_output(call),
        Ended::Failure(code) => match reactor.then(|| reactor_refusal(call)).flatten() {
            Some(refusal) => Err(refusal),
            None => Err(failure(call, code)),
        },
    }
}

fn words(call: &RenderCall<'_>) -> String {
    last_words(&call.store.data().world.sandbox.stderr)
}

fn run(call: &mut RenderCall<'_>, program: &Program) -> wasmtime::Result<Ended> {
    let store = &mut call.store;
    let success = match program {
        Program::Command { pre, run } => {
            let instance = pre.instantiate(&mut *store)?;
            let run = instance.get_typed_func::<(), (Result<(), ()>,)>(&mut *store, run)?;
            run.call(store, ())?.0.is_ok()
        }
        Program::CoreCommand(pre) => {
            let instance = pre.instantiate(&mut *store)?;
            instance.get_typed_func::<(), ()>(&mut *store, COMMAND_EXPORT)?.call(store, ())?;
            true
        }
        Program::CoreReactor(pre) => reactor(store.as_context_mut(), pre)?,
        Program::Renderer(_) | Program::Policy(_) | Program::Kubewarden(_) | Program::Health(_) => {
            wasmtime::bail!("this form of plugin is not a program")
        }
    };
    Ok(if success { Ended::Success } else { Ended::Failure(1) })
}

fn reactor(
    mut store: wasmtime::StoreContextMut<'_, CallState<Renderer>>,
    pre: &InstancePre<CallState<Renderer>>,
) -> wasmtime::Result<bool> {
    let instance = pre.instantiate(&mut store)?;
    if instance.get_func(&mut store, "_initialize").is_some() {
        instance.get_typed_func::<(), ()>(&mut store, "_initialize")?.call(&mut store, ())?;
    }
    let render = instance.get_typed_func::<(), i32>(&mut store, REACTOR_EXPORT)?;
    Ok(render.call(&mut store, ())? == 0)
}

/// The documents that a command printed, with warnings.
fn command_output(call: &mut RenderCall<'_>) -> Result<RawOutput, PluginError> {
    let sandbox = &mut call.store.data_mut().world.sandbox;
    let warnings = lines(&sandbox.stderr.content, Severity::Warning);
    let stdout = std::mem::take(&mut sandbox.stdout.content);
    let manifests = documents(&stdout)?.iter().map(raw).collect();
    Ok(RawOutput { manifests, diagnostics: warnings })
}

fn raw(object: &Value) -> RawManifest {
    RawManifest { object: object.to_string().into(), ..RawManifest::default() }
}

/// JSON values one after the other, with or without lines between them, or else
/// YAML documents.
fn documents(stdout: &[u8]) -> Result<Vec<Value>, PluginError> {
    let text = std::str::from_utf8(stdout)
        .map_err(|error| PluginError::Contract(format!("standard output is not UTF-8: {error}")))?;
    if text.trim_start().starts_with('{') {
        JsonBudget::new().charge("standard output", stdout)?;
        // What only begins like JSON is a flow mapping of YAML.
        if let Ok(values) = serde_json::Deserializer::from_str(text).into_iter().collect() {
            return Ok(values);
        }
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 128,
            max_documents: 20_000,
            max_events: 2_000_000,
            max_nodes: 1_000_000,
        },
    };
    serde_saphyr::from_multiple_with_options(text, of_kubernetes(options)).map_err(|error| {
        PluginError::Contract(format!("standard output is not YAML: {}", bounded(error.to_string())))
    })
}

/// Why a program failed, in its own words.
fn failure(call: &RenderCall<'_>, code: i32) -> PluginError {
    let sandbox = &call.store.data().world.sandbox;
    let diagnostics = lines(&sandbox.stderr.content, Severity::Error);
    // Go's runtime ends like this when the program itself is broken.
    let crash = diagnostics.iter().find(|diagnostic| {
        diagnostic.message.starts_with("panic: ") || diagnostic.message.starts_with("fatal error: ")
    });
    match (crash, diagnostics.is_empty()) {
        (Some(crash), _) => PluginError::Trap { message: crash.message.clone(), output: words(call) },
        (None, true) => PluginError::Trap {
            message: format!("exited with code {code} without a word"),
            output: String::new(),
        },
        (None, false) => PluginError::Refused(diagnostics),
    }
}

fn lines(stderr: &[u8], severity: Severity) -> Vec<Diagnostic> {
    let text = String::from_utf8_lossy(stderr);
    let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    lines.take(MAX_LINES).map(|line| at(severity, line.to_owned(), None)).collect()
}

/// What a reactor prints.
#[derive(Deserialize)]
struct Printed {
    #[serde(default)]
    manifests: Vec<PrintedManifest>,
    #[serde(default)]
    diagnostics: Vec<PrintedDiagnostic>,
}

#[derive(Deserialize)]
struct PrintedManifest {
    object: Value,
    path: Option<String>,
    line: Option<u32>,
    #[serde(default, rename = "changedBy")]
    changed_by: Vec<PrintedPlace>,
}

#[derive(Deserialize)]
struct PrintedPlace {
    path: String,
    line: Option<u32>,
}

#[derive(Deserialize)]
struct PrintedDiagnostic {
    severity: PrintedSeverity,
    message: String,
    path: Option<String>,
    line: Option<u32>,
    object: Option<PrintedObject>,
    pointer: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PrintedSeverity {
    Error,
    Warning,
    Info,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PrintedObject {
    #[serde(default)]
    api_version: String,
    kind: String,
    namespace: Option<String>,
    name: String,
}

impl From<PrintedDiagnostic> for Diagnostic {
    fn from(printed: PrintedDiagnostic) -> Self {
        let severity = match printed.severity {
            PrintedSeverity::Error => Severity::Error,
            PrintedSeverity::Warning => Severity::Warning,
            PrintedSeverity::Info => Severity::Info,
        };
        let origin = Places::line(printed.path, printed.line);
        let object = printed.object.map(|object| ObjectKey {
            group: object
                .api_version
                .split_once('/')
                .map_or_else(String::new, |(group, _)| bounded(group.to_owned())),
            kind: bounded(object.kind),
            namespace: object.namespace.filter(|namespace| !namespace.is_empty()).map(bounded),
            name: bounded(object.name),
        });
        Self { object, pointer: printed.pointer.map(bounded), ..at(severity, printed.message, origin) }
    }
}

fn printed(call: &mut RenderCall<'_>) -> Result<Printed, PluginError> {
    let stdout = std::mem::take(&mut call.store.data_mut().world.sandbox.stdout.content);
    JsonBudget::new().charge("standard output", &stdout)?;
    serde_json::from_slice(&stdout).map_err(|error| {
        PluginError::Contract(format!("standard output is not the JSON of a reactor: {error}"))
    })
}

fn kept(diagnostics: Vec<PrintedDiagnostic>) -> Vec<Diagnostic> {
    diagnostics.into_iter().take(MAX_LINES).map(Diagnostic::from).collect()
}

fn reactor_output(call: &mut RenderCall<'_>, tree: &TracedTree) -> Result<RawOutput, PluginError> {
    let printed = printed(call)?;
    let mut places = Places::new(Some(tree));
    let manifests = printed.manifests.into_iter().map(|manifest| {
        let path = manifest.path.as_deref().and_then(clean_path);
        let span = path.as_ref().zip(manifest.line).and_then(|(path, line)| places.document(path, line));
        let changed_by = manifest.changed_by.into_iter().take(MAX_CHANGES);
        let changed_by = changed_by.filter_map(|place| Places::line(Some(place.path), place.line)).collect();
        RawManifest { path, span, changed_by, ..raw(&manifest.object) }
    });
    Ok(RawOutput { manifests: manifests.collect(), diagnostics: kept(printed.diagnostics) })
}

/// The reasons that a reactor printed; nothing, where it died before.
fn reactor_refusal(call: &mut RenderCall<'_>) -> Option<PluginError> {
    let diagnostics = kept(printed(call).ok()?.diagnostics);
    (!diagnostics.is_empty()).then(|| refused(diagnostics))
}
