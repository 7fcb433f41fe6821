//! The same expressions and policies under Kubernetes' own code.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::{Value as Json, json};
use windlass_plugin_sdk::testing;

use crate::Cel;
use crate::compile::{self, Names, Purpose};
use crate::evaluate::{Given, Lookup, Machine};
use crate::failure::Failure;
use crate::json::Document;
use crate::library::Outcome;
use crate::meter::Patterns;
use crate::value::Value;

const EXPRESSIONS: &str = include_str!("expressions.txt");
pub(super) const OBJECT: &str = include_str!("object.json");

/// What is known to differ: the expression, what it gives here, and there. The
/// README says why.
const DIFFERING: [(&str, &str, &str); 21] = [
    // Only worded otherwise.
    ("ip('1.2.3')", "error: IP Address", "error: IP Address"),
    ("ip('01.2.3.4')", "error: IP Address", "error: IP Address"),
    ("ip.isCanonical('x')", "error: IP Address", "error: IP Address"),
    ("cidr('192.168.0.0/33')", "error: network address", "error: network address"),
    ("cidr('192.168.0.0')", "error: network address", "error: network address"),
    ("semver('x')", "error: ", "error: "),
    // Taken here, and refused there.
    ("[1, [2, 3], [4, [5]]].flatten().size()", "int 5", "refused"),
    ("{?'a': object.spec.?missing, 'b': 1}.size()", "int 1", "refused"),
    ("{1: 'a', 2u: 'b'}[2]", "string b", "refused"),
    ("[1, 'a']", "list", "refused"),
    ("object.spec.list.existsOne(x, x > 1)", "bool false", "refused"),
    ("cel.bind(x, object.spec.replicas, x + x)", "int 6", "refused"),
    (
        "object.spec.list.map(x, {'n': x, 's': string(x)}).all(m, m.n > 0 && m.s != '')",
        "bool true",
        "refused",
    ),
    ("object.spec.mixed == [1, 'a', 10]", "bool true", "refused"),
    ("[[1, [2]], [[3]]].flatten().size()", "int 3", "refused"),
    ("'abc'.reverse()", "string cba", "refused"),
    ("math.greatest(1, 2)", "int 2", "refused"),
    ("math.abs(-1)", "int 1", "refused"),
    ("base64.encode(b'a')", "string YQ==", "refused"),
    // Refused here.
    ("{1.5: 'a'}", "refused", "map"),
    // A time is written in UTC.
    (
        "string(timestamp('2024-01-01T02:00:00+02:00'))",
        "string 2024-01-01T00:00:00Z",
        "string 2024-01-01T02:00:00+02:00",
    ),
];

/// Kubernetes' evaluation as a command, built once.
static ORACLE: LazyLock<PathBuf> = LazyLock::new(|| {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle");
    // The tests of one package stand in `deps` of the profile's folder.
    let deps = std::env::current_exe().unwrap().parent().unwrap().to_path_buf();
    let command = deps.join("cel-oracle");
    let mut go = Command::new("go");
    go.args(["build", "-trimpath", "-buildvcs=false", "-o"]).arg(&command).arg(".");
    go.env("GOWORK", "off").env("GOFLAGS", "-mod=readonly").env("GOTOOLCHAIN", "local").current_dir(source);
    let built = go.status().expect("Go is one of the tools that the project needs");
    assert!(built.success(), "the oracle does not build");
    command
});

/// What Kubernetes says of cases, in their order.
fn ask(cases: &[Json]) -> Vec<Json> {
    let mut oracle = Command::new(&*ORACLE);
    let mut oracle = oracle.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let asked = serde_json::to_vec(cases).unwrap();
    oracle.stdin.take().unwrap().write_all(&asked).unwrap();
    let output = oracle.wait_with_output().unwrap();
    assert!(output.status.success(), "the oracle failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

struct Nowhere;

impl<'a> Lookup<'a> for Nowhere {
    fn fetch(&self, _: &[&str]) -> Outcome<'a> {
        Err(Failure::plain("there is no cluster"))
    }
}

/// What an expression gives on an object, as the oracle writes it.
pub(super) fn evaluate(expression: &str, object: &str) -> String {
    let compiled = match compile::compile(expression, Names::default(), Purpose::Variable) {
        Ok(compiled) => compiled,
        Err(problems) => return format!("refused: {}", problems[0].message),
    };
    let document = Document::parse(object.as_bytes()).unwrap();
    let given = Given {
        object: Value::of(document.root()),
        old: Value::Null,
        request: Value::Null,
        params: Value::Null,
        namespace: Ok(Value::Null),
    };
    let patterns = Patterns::default();
    let mut machine = Machine::new(&given, &[], &Nowhere, &patterns);
    match machine.evaluate(&compiled.node) {
        Ok(value) => text(&value),
        Err(failure) => format!("error: {failure}"),
    }
}

fn text(value: &Value<'_>) -> String {
    match value {
        Value::Bool(value) => format!("bool {value}"),
        Value::Int(value) => format!("int {value}"),
        Value::Uint(value) => format!("uint {value}"),
        Value::Double(value) => format!("double {}", crate::library::general(*value)),
        Value::String(text) => format!("string {text}"),
        other => other.type_name().to_owned(),
    }
}

pub(super) fn expressions() -> Vec<&'static str> {
    // A line that does not start a new expression goes on with the one before.
    let mut found: Vec<&str> = Vec::new();
    let mut rest = EXPRESSIONS;
    while let Some((line, _)) = rest.split_once('\n') {
        let length = if line.matches("\"\"\"").count() % 2 == 1 {
            let end = rest[line.len()..].find("\"\"\"").unwrap() + line.len() + 3;
            end + rest[end..].find('\n').unwrap()
        } else {
            line.len()
        };
        let expression = &rest[..length];
        if !expression.is_empty() && !expression.starts_with("# ") {
            found.push(expression);
        }
        rest = &rest[length + 1..];
    }
    found
}

/// What Kubernetes gives: a value, an error, or that it does not compile.
fn answer(answer: &Json) -> String {
    let text = |name: &str| answer[name].as_str().unwrap_or_default();
    match (text("value"), text("error"), answer["refused"] == true) {
        (_, error, true) => format!("refused: {error}"),
        ("", error, false) => format!("error: {error}"),
        (value, ..) => value.to_owned(),
    }
}

#[test]
fn expressions_give_what_they_give_in_kubernetes() {
    let object: Json = serde_json::from_str(OBJECT).unwrap();
    let expressions = expressions();
    assert!(expressions.len() >= 150, "{}", expressions.len());
    // The object as it is written: numbers must not change on the way.
    let cases: Vec<Json> =
        expressions.iter().map(|expression| json!({"expression": expression, "object": object})).collect();
    let mut differences = String::new();
    let mut seen = Vec::new();
    for (expression, theirs) in expressions.iter().zip(ask(&cases)) {
        let (ours, theirs) = (evaluate(expression, OBJECT), answer(&theirs));
        // Of these it does not matter what is said.
        let alike = ["refused: ", "error: no such overload", "error: URL parse error"];
        let same = ours == theirs || alike.iter().any(|it| ours.starts_with(it) && theirs.starts_with(it));
        let known = DIFFERING.iter().find(|(known, ..)| *known == *expression);
        if let Some((known, here, there)) = known {
            assert!(ours.starts_with(here) && theirs.starts_with(there), "{expression}: {ours}, {theirs}");
            seen.push(*known);
        } else if !same {
            let _ = writeln!(differences, "{expression}\n    here  {ours}\n    there {theirs}");
        }
    }
    assert_eq!(differences, "");
    assert_eq!(seen.len(), DIFFERING.len(), "a difference that is told of is none");
}

/// An object with the fields that all have.
fn completed(object: &Json) -> Json {
    let mut object = object.clone();
    let fields = object.as_object_mut().unwrap();
    fields.entry("apiVersion").or_insert("apps/v1".into());
    let metadata = fields.entry("metadata").or_insert(json!({})).as_object_mut().unwrap();
    metadata.entry("name").or_insert("a".into());
    metadata.entry("namespace").or_insert("shop".into());
    object
}

/// What a policy says here: what denies, and the annotations.
fn judge(case: &Json, policy: &Json, object: &Json) -> (Vec<String>, Vec<String>) {
    let mut resources = vec![policy.clone()];
    if let Some(params) = case.get("params") {
        let reference = json!({"name": params["metadata"]["name"], "parameterNotFoundAction": "Deny"});
        resources.push(params.clone());
        resources.push(json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": "b"},
            "spec": {"policyName": "p", "paramRef": reference, "validationActions": ["Deny"]},
        }));
    }
    let settings = json!({"resources": resources}).to_string();
    let old = case.get("old").map(Json::to_string).unwrap_or_default();
    let cluster = case.get("namespace").map(Json::to_string).unwrap_or_default();
    let around = testing::Surroundings { old: &old, cluster: Some(&cluster) };
    let text = testing::check_in::<Cel>(&settings, &object.to_string(), &around);
    let said = |action: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with(action));
        lines.map(|line| line.split_once(": ").unwrap().1.to_owned()).collect()
    };
    let mut denied = said("deny");
    denied.extend(said("error"));
    (denied, said("audit"))
}

#[test]
fn policies_say_what_they_say_in_kubernetes() {
    let written: Vec<Json> = serde_saphyr::from_str(include_str!("policies.yaml")).unwrap();
    assert!(written.len() >= 25, "{}", written.len());
    let (mut cases, mut ours) = (Vec::new(), Vec::new());
    for case in &written {
        let resource = case["resource"].as_str().unwrap_or("deployments");
        let mut spec = case["policy"].clone();
        let rule = json!({
            "apiGroups": ["*"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": [resource],
        });
        spec["matchConstraints"] = json!({"resourceRules": [rule]});
        let policy = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": "p"},
            "spec": spec,
        });
        for object in case["objects"].as_array().unwrap() {
            let object = completed(object);
            let mut asked = case.clone();
            (asked["policy"], asked["object"], asked["resource"]) =
                (policy.clone(), object.clone(), resource.into());
            ours.push((case, object.clone(), judge(case, &policy, &object)));
            cases.push(asked);
        }
    }
    let mut differences = String::new();
    for ((case, object, (denied, annotations)), theirs) in ours.into_iter().zip(ask(&cases)) {
        let list = |name: &str| -> Vec<String> {
            theirs[name]
                .as_array()
                .into_iter()
                .flatten()
                .map(|text| text.as_str().unwrap().to_owned())
                .collect()
        };
        let refused_by_both = case.get("refused").is_some()
            && denied[0].contains("must give string")
            && list("messages").len() == 4;
        // The steps are not the same, and neither are the words.
        let too_expensive_for_both = case.get("expensive").is_some()
            && denied[0].contains("too expensive")
            && list("messages")[0].contains("cost");
        if refused_by_both || too_expensive_for_both {
            continue;
        }
        // Why a text is no range is worded otherwise.
        let up_to_the_reason = |messages: Vec<String>| -> Vec<String> {
            let reason = "network address parse error";
            messages.iter().map(|message| message.split(reason).next().unwrap().to_owned()).collect()
        };
        let (denied, messages) = (up_to_the_reason(denied), up_to_the_reason(list("messages")));
        if (&denied, &annotations) != (&messages, &list("annotations")) {
            let said = format!("{denied:?} {annotations:?}");
            let _ =
                writeln!(differences, "{}\n{object}\n    here  {said}\n    there {theirs}", case["policy"]);
        }
    }
    assert_eq!(differences, "");
}
