//! The same pods and labels under upstream's own evaluator.

mod mutations;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::check::{Rules, Subject, changes, is_admitted_by_all};
use crate::labels;
use crate::level::{Level, Policy, Standard, Version};
use crate::pod::{Metadata, PodSpec};
use crate::workload::{self, Workload};

/// The newest version by which pods are judged, far beyond the last change.
const NEWEST: u64 = 45;

/// The evaluator as a command, built once.
static ORACLE: LazyLock<PathBuf> = LazyLock::new(|| {
    // The tests of one package stand in `deps` of the profile's folder.
    let deps = std::env::current_exe().unwrap().parent().unwrap().to_path_buf();
    let command = deps.join("pod-security-oracle");
    let built = go().args(["build", "-trimpath", "-buildvcs=false", "-o"]).arg(&command).arg(".").status();
    assert!(
        built.expect("Go is one of the tools that the project needs").success(),
        "the oracle does not build"
    );
    command
});

fn go() -> Command {
    let mut go = Command::new("go");
    go.env("GOWORK", "off").env("GOFLAGS", "-mod=readonly").env("GOTOOLCHAIN", "local");
    go.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle"));
    go
}

#[derive(Deserialize)]
struct Answer {
    checks: usize,
    pods: Vec<Judged>,
    namespaces: Vec<Resolved>,
}

#[derive(Deserialize)]
struct Judged {
    levels: Option<BTreeMap<String, Vec<Verdict>>>,
    error: String,
}

/// What is said from a version on.
#[derive(Deserialize)]
struct Verdict {
    since: u64,
    reasons: Vec<(String, String)>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Resolved {
    enforce: String,
    warn: String,
    audit: String,
    errors: BTreeSet<String>,
}

fn ask(question: &Value) -> Answer {
    let mut oracle = Command::new(&*ORACLE);
    let mut oracle = oracle.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    oracle.stdin.take().unwrap().write_all(question.to_string().as_bytes()).unwrap();
    let output = oracle.wait_with_output().unwrap();
    assert!(output.status.success(), "the oracle failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A pod of upstream's, and what its file says of it.
struct Fixture {
    pod: Value,
    level: Level,
    version: Version,
    admitted: bool,
}

/// Upstream's pods, which its module brings along.
static FIXTURES: LazyLock<Vec<Fixture>> = LazyLock::new(|| {
    // Building it fetches the module.
    LazyLock::force(&ORACLE);
    let listed =
        go().args(["list", "-m", "-f", "{{.Dir}}", "k8s.io/pod-security-admission"]).output().unwrap();
    let module = PathBuf::from(String::from_utf8(listed.stdout).unwrap().trim());
    let mut fixtures = Vec::new();
    for level in ["baseline", "restricted"] {
        for version in folder(&module.join("test/testdata").join(level)) {
            for side in ["pass", "fail"] {
                for file in folder(&version.join(side)) {
                    fixtures.push(Fixture {
                        pod: serde_saphyr::from_str(&std::fs::read_to_string(file).unwrap()).unwrap(),
                        level: Level::parse(level).unwrap(),
                        version: Version::parse(version.file_name().unwrap().to_str().unwrap()).unwrap(),
                        admitted: side == "pass",
                    });
                }
            }
        }
    }
    fixtures
});

fn folder(path: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

/// Upstream's pods, each once, whatever its name.
fn distinct_pods() -> Vec<Value> {
    let nameless = FIXTURES.iter().map(|fixture| {
        let mut pod = fixture.pod.clone();
        pod["metadata"].as_object_mut().unwrap().remove("name");
        (pod.to_string(), pod)
    });
    nameless.collect::<BTreeMap<_, _>>().into_values().collect()
}

/// What is said here, or that the pod can't be read.
fn reasons(pod: &[u8], standard: Standard) -> Result<Vec<(String, String)>, String> {
    judged(pod, |subject| {
        let rules = Rules::of(standard);
        let violations = rules.violations(subject);
        let owned = violations.map(|violation| violation.reason_and_detail());
        owned.map(|(reason, detail)| (reason.to_owned(), detail)).collect()
    })
}

fn judged<T>(pod: &[u8], judge: impl FnOnce(Subject<'_>) -> T) -> Result<T, String> {
    let pod = match workload::read(pod) {
        Ok(Workload::Pods { pod, .. }) => pod,
        Ok(_) => panic!("no pod"),
        Err(unreadable) => return Err(unreadable.message),
    };
    let (metadata, spec) = (Metadata::default(), PodSpec::default());
    let metadata = pod.metadata.as_deref().unwrap_or(&metadata);
    Ok(judge(Subject { metadata, spec: pod.spec.as_deref().unwrap_or(&spec) }))
}

/// Every standard that differs from another.
fn standards() -> impl Iterator<Item = (Standard, u64)> {
    let levels = [Level::Privileged, Level::Baseline, Level::Restricted];
    levels.into_iter().flat_map(|level| {
        (0..=NEWEST + 1).map(move |minor| {
            let version = if minor > NEWEST { Version::Latest } else { Version::Minor(minor) };
            (Standard::new(level, version), minor)
        })
    })
}

/// Judges pods here and there, and gives back how many verdicts were compared,
/// and how many pods could not be read.
fn compare(pods: &[Value]) -> (usize, usize) {
    let answer = ask(&json!({"pods": pods, "newest": NEWEST}));
    assert_eq!(answer.pods.len(), pods.len());
    let (mut compared, mut unreadable) = (0, 0);
    for (pod, theirs) in pods.iter().zip(&answer.pods) {
        let json = pod.to_string();
        let Some(levels) = &theirs.levels else {
            let ours = reasons(json.as_bytes(), Standard::new(Level::Privileged, Version::Latest));
            assert!(ours.is_err(), "read here, there {}: {pod}", theirs.error);
            unreadable += 1;
            continue;
        };
        let mut always = true;
        for (standard, minor) in standards() {
            let verdicts = &levels[&standard.level.to_string()];
            let theirs = &verdicts.iter().rfind(|verdict| verdict.since <= minor).unwrap().reasons;
            assert_eq!(reasons(json.as_bytes(), standard).as_ref(), Ok(theirs), "{standard}: {pod}");
            always &= theirs.is_empty();
            compared += 1;
        }
        assert_eq!(judged(json.as_bytes(), is_admitted_by_all), Ok(always), "{pod}");
    }
    (compared, unreadable)
}

#[test]
fn upstreams_pods_pass_and_fail_where_upstream_says_so() {
    assert!(FIXTURES.len() > 4000, "only {} fixtures", FIXTURES.len());
    for fixture in FIXTURES.iter() {
        let reasons =
            reasons(fixture.pod.to_string().as_bytes(), Standard::new(fixture.level, fixture.version));
        assert_eq!(reasons.unwrap().is_empty(), fixture.admitted, "{}", fixture.pod);
    }
}

#[test]
fn upstreams_pods_have_upstreams_reasons_at_every_level_and_version() {
    let pods = distinct_pods();
    assert!(pods.len() > 300, "only {} pods", pods.len());
    let (compared, unreadable) = compare(&pods);
    assert_eq!((compared, unreadable), (pods.len() * standards().count(), 0));
}

#[test]
fn changed_pods_have_upstreams_reasons_at_every_level_and_version() {
    let pods = mutations::of(&distinct_pods());
    let (compared, unreadable) = compare(&pods);
    assert!(compared > 100_000 && unreadable > 100, "{compared} compared, {unreadable} unreadable");
}

#[test]
fn the_oracle_has_as_many_checks_and_knows_no_newer_version() {
    let answer = ask(&json!({"pods": [], "newest": 0}));
    let ids = |level| Rules::of(Standard::new(level, Version::Latest));
    // Three of the baseline's are overridden.
    let here = ids(Level::Restricted).ids().chain(ids(Level::Baseline).ids()).collect::<BTreeSet<_>>();
    assert_eq!(here.len(), answer.checks);
    assert!(changes().last().is_some_and(|newest| *newest < NEWEST));
}

#[test]
fn labels_mean_what_they_mean_upstream() {
    let levels =
        [None, Some("privileged"), Some("baseline"), Some("restricted"), Some("Restricted"), Some("")];
    let versions =
        [None, Some("latest"), Some("v1.30"), Some("v1.030"), Some("v1.9999999999999999999"), Some("1.30")];
    let mut cases = Vec::new();
    for defaults in [["privileged"; 3], ["baseline", "restricted", "privileged"], ["restricted"; 3]] {
        for enforce in levels {
            for warn in levels {
                for version in versions {
                    for warn_version in versions {
                        cases.push((defaults, enforce, warn, version, warn_version));
                    }
                }
            }
        }
    }
    let namespaces: Vec<Value> = cases
        .iter()
        .map(|(defaults, enforce, warn, version, warn_version)| {
            let mut labels = json!({"app": "web"});
            // Audit goes through all values too, as one of the others does.
            let given = [
                ("enforce", enforce),
                ("warn", warn),
                ("audit", warn),
                ("enforce-version", version),
                ("warn-version", warn_version),
                ("audit-version", version),
            ];
            for (name, value) in given {
                if let Some(value) = value {
                    labels[format!("pod-security.kubernetes.io/{name}")] = json!(value);
                }
            }
            json!({"labels": labels, "defaults": defaults})
        })
        .collect();
    let answer = ask(&json!({"newest": 0, "namespaces": namespaces}));
    assert_eq!(answer.namespaces.len(), cases.len());
    for ((namespace, theirs), case) in namespaces.iter().zip(answer.namespaces).zip(cases) {
        let standard = |index: u32| {
            Standard::new(
                Level::parse(case.0[index as usize]).unwrap(),
                Version::Minor(u64::from(20 + index)),
            )
        };
        let defaults = Policy { enforce: standard(0), warn: standard(1), audit: standard(2) };
        let text = namespace["labels"].to_string();
        let tags = serde_json::from_str(&text).unwrap();
        let (policy, invalid) = labels::policy(&tags, defaults);
        let ours = Resolved {
            enforce: policy.enforce.to_string(),
            warn: policy.warn.to_string(),
            audit: policy.audit.to_string(),
            errors: invalid.into_iter().map(|invalid| invalid.message).collect(),
        };
        assert_eq!(ours, theirs, "{namespace}");
    }
}
