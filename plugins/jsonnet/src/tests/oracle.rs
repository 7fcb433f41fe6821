//! The same programs under go-jsonnet, which is another implementation.

mod programs;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::{Map, Value, json};
use windlass_plugin_sdk::testing;

use super::{Jsonnet, repository};
use programs::{DIFFERING, PROGRAMS, Program, REFUSED};

/// go-jsonnet as a command, built once.
static ORACLE: LazyLock<PathBuf> = LazyLock::new(|| {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle");
    // The tests of one package stand in `deps` of the profile's folder.
    let deps = std::env::current_exe().unwrap().parent().unwrap().to_path_buf();
    let command = deps.join("jsonnet-oracle");
    let mut go = Command::new("go");
    go.args(["build", "-trimpath", "-buildvcs=false", "-o"]).arg(&command).arg(".");
    go.env("GOWORK", "off").env("GOFLAGS", "-mod=readonly").env("GOTOOLCHAIN", "local").current_dir(source);
    let built = go.status().expect("Go is one of the tools that the project needs");
    assert!(built.success(), "the oracle does not build");
    command
});

/// What go-jsonnet gives for programs, in their order, or why it refuses.
fn ask(programs: &[Value]) -> Vec<Result<Value, String>> {
    let mut oracle = Command::new(&*ORACLE);
    let mut oracle = oracle.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let asked = serde_json::to_vec(programs).unwrap();
    oracle.stdin.take().unwrap().write_all(&asked).unwrap();
    let output = oracle.wait_with_output().unwrap();
    assert!(output.status.success(), "the oracle failed");
    let answers: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let answers = answers.into_iter().map(|answer| match answer["error"].as_str() {
        Some("") => Ok(answer["output"].clone()),
        error => Err(error.unwrap_or_default().to_owned()),
    });
    answers.collect()
}

/// The object that a program makes here and in go-jsonnet, or why it is
/// refused.
fn both(programs: &[Program]) -> Vec<(Result<Value, String>, Result<Value, String>)> {
    let folders: Vec<_> = programs.iter().map(folder).collect();
    let asked: Vec<_> = programs
        .iter()
        .zip(&folders)
        .map(|(program, folder)| {
            let settings = settings(program);
            json!({
                "file": folder.path().join("app/main.jsonnet"),
                "libs": [folder.path().join("vendor"), folder.path().join("lib")],
                "extVars": settings.get("extVars").cloned().unwrap_or(json!({})),
                "tlas": settings.get("tlas").cloned().unwrap_or(json!({})),
            })
        })
        .collect();
    let theirs = ask(&asked);
    let ours = programs.iter().zip(&folders).map(|(program, folder)| {
        let rendered = testing::render::<Jsonnet>(program.settings, folder.path(), "app");
        match rendered {
            Ok(output) => Ok(output.manifests.into_iter().next().unwrap().object),
            Err(why) => Err(why.to_string()),
        }
    });
    ours.zip(theirs).collect()
}

fn folder(program: &Program) -> tempfile::TempDir {
    let main = if program.text.contains("apiVersion") {
        program.text.to_owned()
    } else {
        let data = program.text;
        format!(
            "local data = (\n{data}\n);\n{{apiVersion: 'v1', kind: 'ConfigMap', metadata: {{name: 'a'}}, data: data}}"
        )
    };
    let mut files = vec![("app/main.jsonnet", main.as_str())];
    files.extend(program.files.iter().copied());
    repository(&files)
}

fn settings(program: &Program) -> Map<String, Value> {
    if program.settings.is_empty() { Map::new() } else { serde_json::from_str(program.settings).unwrap() }
}

/// Numbers as Jsonnet has them, however they are written.
fn normal(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64().unwrap()),
        Value::Array(items) => items.iter().map(normal).collect(),
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), normal(value))).collect(),
        other => other.clone(),
    }
}

#[test]
fn programs_have_the_value_that_go_jsonnet_gives_them() {
    let mut differing = Vec::new();
    for (program, (ours, theirs)) in PROGRAMS.iter().zip(both(PROGRAMS)) {
        let equal = matches!((&ours, &theirs), (Ok(ours), Ok(theirs)) if normal(ours) == normal(theirs));
        if !equal {
            differing.push(format!("{}\nhere: {ours:?}\nthere: {theirs:?}", program.text));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n\n"));
}

#[test]
fn what_go_jsonnet_refuses_is_refused() {
    for (program, (ours, theirs)) in REFUSED.iter().zip(both(REFUSED)) {
        assert!(ours.is_err() && theirs.is_err(), "{}\nhere: {ours:?}\nthere: {theirs:?}", program.text);
    }
}

#[test]
fn the_values_that_differ_are_those_that_the_readme_names() {
    let programs: Vec<_> =
        DIFFERING.iter().map(|(text, ..)| Program { text, files: &[], settings: "" }).collect();
    for ((text, here, there), (ours, theirs)) in DIFFERING.iter().zip(both(&programs)) {
        let data = |value: Result<Value, String>| value.unwrap()["data"].to_string();
        assert_eq!((data(ours).as_str(), data(theirs).as_str()), (*here, *there), "{text}");
        assert!(include_str!("../../README.md").contains(text), "the README has no `{text}`");
    }
}
