//! The same templates and modules under Gatekeeper's client and OPA.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use regorus::unstable::BUILTINS;
use serde_json::Value;
use windlass_plugin_sdk::policy::Object;
use windlass_plugin_sdk::testing::{self, Surroundings};

use crate::Rego;
use crate::builtins::{ADDED, refused};

mod corpus;

/// Gatekeeper and OPA as a command, built once.
static ORACLE: LazyLock<PathBuf> = LazyLock::new(|| {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle");
    // The tests of one package stand in `deps` of the profile's folder.
    let deps = std::env::current_exe().unwrap().parent().unwrap().to_path_buf();
    let command = deps.join("rego-oracle");
    let mut go = Command::new("go");
    go.args(["build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o"]).arg(&command).arg(".");
    go.env("GOWORK", "off").env("GOFLAGS", "-mod=readonly").env("GOTOOLCHAIN", "local").current_dir(source);
    let built = go.status().expect("Go is one of the tools that the project needs");
    assert!(built.success(), "the oracle does not build");
    command
});

/// What the oracle says of jobs, in their order, and which functions OPA has.
fn ask(jobs: &[Value]) -> (Vec<Value>, Vec<String>) {
    let mut oracle = Command::new(&*ORACLE);
    let mut oracle = oracle.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let asked = serde_json::to_vec(jobs).unwrap();
    oracle.stdin.take().unwrap().write_all(&asked).unwrap();
    let output = oracle.wait_with_output().unwrap();
    assert!(output.status.success(), "the oracle failed");
    let mut output: Value = serde_json::from_slice(&output.stdout).unwrap();
    let functions = serde_json::from_value(output["functions"].take()).unwrap();
    (serde_json::from_value(output["answers"].take()).unwrap(), functions)
}

/// What is said of each object, one line for each finding, in order.
type Said = BTreeMap<String, Vec<String>>;

/// What the plugin says, or why it refuses.
fn ours(settings: &Value) -> Result<Said, String> {
    let cluster = Some(corpus::CLUSTER);
    let text = testing::check_in::<Rego>(
        &settings.to_string(),
        corpus::OBJECTS,
        &Surroundings { cluster, ..Surroundings::default() },
    );
    if text.starts_with("error ") {
        return Err(text);
    }
    let mut said = Said::new();
    let starts = |line: &str| ["deny ", "warn ", "audit "].iter().any(|action| line.starts_with(action));
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match lines.last_mut() {
            Some(last) if !starts(line) => last.extend(["\n", line]),
            _ => lines.push(line.to_owned()),
        }
    }
    for line in &lines {
        let (action, rest) = line.split_once(' ').unwrap();
        let (reference, rest) = rest.split_once(" [").unwrap();
        let (rule, rest) = rest.split_once(']').unwrap();
        let (_, message) = rest.split_once(": ").unwrap();
        said.entry(reference.to_owned()).or_default().push(format!("{action} {rule}: {message}"));
    }
    for lines in said.values_mut() {
        lines.sort();
    }
    Ok(said)
}

/// What the oracle says, or why it refuses.
fn theirs(answer: &Value) -> Result<Said, String> {
    if let Some(error) = answer["error"].as_str().filter(|error| !error.is_empty()) {
        return Err(error.to_owned());
    }
    let mut said = Said::new();
    for (object, found) in corpus::objects().into_iter().zip(answer["said"].as_array().unwrap()) {
        let reference = Object::new(object).reference().to_string();
        for one in found.as_array().unwrap() {
            let action = match one["action"].as_str().unwrap() {
                "dryrun" => "audit",
                other => other,
            };
            let line =
                format!("{action} {}: {}", one["rule"].as_str().unwrap(), one["message"].as_str().unwrap());
            said.entry(reference.clone()).or_default().push(line);
        }
    }
    for lines in said.values_mut() {
        lines.sort();
    }
    Ok(said)
}

/// Compares what both say, and gives the differences.
fn differences(cases: &[corpus::Case]) -> Vec<String> {
    let jobs: Vec<Value> = cases.iter().map(|case| case.job.clone()).collect();
    let (answers, _) = ask(&jobs);
    let mut differing = Vec::new();
    for (case, answer) in cases.iter().zip(&answers) {
        let (ours, theirs) = (ours(&case.settings), theirs(answer));
        match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) if ours == theirs => {}
            (Ok(ours), Ok(theirs)) => {
                let keys: std::collections::BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
                for key in keys.into_iter().filter(|key| ours.get(*key) != theirs.get(*key)) {
                    let (here, there) = (ours.get(key), theirs.get(key));
                    differing.push(format!("{} on {key}\n  here:  {here:?}\n  there: {there:?}", case.name));
                }
            }
            _ => differing.push(format!("{}\n  here:  {ours:?}\n  there: {theirs:?}", case.name)),
        }
    }
    differing
}

#[test]
fn templates_say_what_gatekeeper_says() {
    let cases = corpus::templates();
    assert!(cases.len() >= 25);
    let differing = differences(&cases);
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn constraints_are_about_what_gatekeeper_says() {
    let (refused, read): (Vec<_>, Vec<_>) =
        corpus::matches().into_iter().partition(|case| ours(&case.settings).is_err());
    let differing = differences(&read);
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    let jobs: Vec<Value> = refused.iter().map(|case| case.job.clone()).collect();
    let (answers, _) = ask(&jobs);
    let alone = refused.iter().zip(&answers).filter(|(_, answer)| theirs(answer).is_ok());
    let alone: Vec<&str> = alone.map(|(case, _)| case.name.as_str()).collect();
    // Gatekeeper takes a scope that there is not for no restriction at all.
    assert_eq!(alone, [r#"{"match":{"scope":"cluster"}}"#]);
}

#[test]
fn modules_say_what_opa_says() {
    let cases = corpus::modules();
    let differing = differences(&cases);
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn expressions_have_the_value_that_opa_gives_them() {
    let differing = differences(&corpus::expressions());
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn every_function_of_opa_is_there_or_refused_with_a_reason() {
    let (_, functions) = ask(&[]);
    let unknown: Vec<_> = functions
        .iter()
        .filter(|name| !name.starts_with("internal.") && *name != "print")
        .filter(|name| {
            let own = BUILTINS.contains_key(name.as_str()) || ADDED.iter().any(|added| added.name == **name);
            !own && refused(name).is_none()
        })
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

/// Expressions that have another value in OPA, what it is here, and there.
const DIFFERING: [(&str, &str, &str); 9] = [
    ("0.1 + 0.2", "0.30000000000000004", "0.3"),
    ("1.50", "1.5", "1.50"),
    ("10000000000 * 10000000000", "1e+20", "100000000000000000000"),
    ("sprintf(\"%v\", [1e21])", "\"1000000000000000000000\"", "\"1e+21\""),
    ("sprintf(\"%d\", [3.0])", "\"3\"", "\"%!d(float64=3)\""),
    ("yaml.unmarshal(\"a: yes\")", "{\"a\":\"yes\"}", "{\"a\":true}"),
    ("input.kind * 2", "fails", "undefined"),
    ("concat(\",\", [1])", "undefined", "refused"),
    ("{result | some result in [1]}", "refused", "[1]"),
];

#[test]
fn the_values_that_differ_are_those_that_the_readme_names() {
    let value = |said: Result<Said, String>| match said {
        Err(_) => "refused".to_owned(),
        Ok(said) => match said.get("ConfigMap/shop/web").and_then(|lines| lines.first()) {
            None => "undefined".to_owned(),
            Some(line) if line.contains("can't be evaluated") => "fails".to_owned(),
            Some(line) => line.strip_prefix("deny main.deny_json: ").unwrap().to_owned(),
        },
    };
    let cases: Vec<_> = DIFFERING.iter().map(|(expression, ..)| corpus::expression(expression)).collect();
    let jobs: Vec<Value> = cases.iter().map(|case| case.job.clone()).collect();
    let (answers, _) = ask(&jobs);
    for ((case, answer), (expression, here, there)) in cases.iter().zip(&answers).zip(DIFFERING) {
        assert_eq!(
            (value(ours(&case.settings)).as_str(), value(theirs(answer)).as_str()),
            (here, there),
            "{expression}"
        );
        // In a table a bar is escaped.
        let readme = include_str!("../../README.md").replace("\\|", "|");
        assert!(readme.contains(expression), "the README has no `{expression}`");
    }
}
