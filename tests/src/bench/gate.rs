//! The gate under load: policies of each language over many objects, through everything that a judgement takes, the way
//! into the sandbox and back included.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use serde_json::{Value, json};
use windlass::gate::{Action, Applicant, Case, Gate, GatePolicy, Policies, Snapshot, judge};
use windlass::render::{Job, RenderLimits, Rendered, Renderers, render};
use windlass::source::memory_tree::MemoryTree;
use windlass::source::tree::Tree;

use super::Settings;
use super::quantile::quantile;
use super::report::{Report, Row, Unit};
use crate::ProcessUsage;

/// Objects of the large set.
const MANY: usize = 10_000;
/// Objects of a set as a large application has it.
const APPLICATION: usize = 1_000;
/// Policies that judge it.
const POLICIES: usize = 20;
/// Objects in one file of the repository.
const OF_A_FILE: usize = 500;
/// What Kubewarden reports of its template for `TinyGo`, in microseconds a request.
const KUBEWARDEN_TINYGO: f64 = 69.8;
/// The same of its policy for CEL, which is cel-go in WebAssembly.
const KUBEWARDEN_CEL: f64 = 20_850.0;

pub(super) fn measure(settings: &Settings, progress: &dyn Fn(&str)) -> anyhow::Result<Report> {
    let registry = super::loaded_plugins(progress)?;
    let mut report = Report::new("gate", format!("{MANY} Deployments of about 1 KiB, judged by policies"));
    report.beside("Kubewarden");
    progress("rendering the sets");
    let many = Judged::new(MANY, &registry)?;
    for Subject { name, policies, peer, aim } in subjects() {
        progress(&format!("judging {MANY} objects: {name}"));
        let verdicts = u32::try_from(MANY * policies.len())?;
        let (_, processor) = many.judge(&gate(policies), &registry, settings.judgements)?;
        let each = processor * 1e6 / f64::from(verdicts);
        let row = Row::new(format!("{name}, a verdict"), Unit::Microseconds, each).peer(peer);
        report.row(match aim {
            Some(most) => row.at_most(most),
            None => row,
        });
    }
    let application = Judged::new(APPLICATION, &registry)?;
    for (name, policies, aim) in applications() {
        progress(&format!("judging {APPLICATION} objects: {name}"));
        let (took, _) = application.judge(&gate(policies), &registry, settings.judgements)?;
        for (word, q) in [("p50", 0.5), ("p99", 0.99)] {
            let row = Row::new(
                format!("{APPLICATION} objects, {name}, {word}"),
                Unit::Milliseconds,
                quantile(&took, q),
            );
            report.row(if aim && word == "p50" { row.at_most(50.0) } else { row });
        }
    }
    report.note(
        "a verdict is processor time of all threads, over everything: cutting into batches, instances, settings, JSON, \
         rules, findings; the judged objects are all admitted",
    );
    report.note(
        "Kubewarden's figures are those that its own benchmarks report for one request on other machines: \
         its TinyGo template beside the policy in Rust, its CEL policy beside CEL",
    );
    Ok(report)
}

/// One language.
struct Subject {
    name: &'static str,
    policies: Vec<GatePolicy>,
    peer: Option<f64>,
    /// In microseconds a verdict.
    aim: Option<f64>,
}

fn subjects() -> Vec<Subject> {
    let one = |name, plugin: &str, config, peer, aim| Subject {
        name,
        policies: vec![policy(plugin, plugin, config)],
        peer,
        aim,
    };
    let restricted = json!({
        "defaults": {"enforce": "baseline", "enforce-version": "latest"},
        "namespaceLabels": "Ignored",
    });
    vec![
        one("Rust (pinned-images)", "pinned-images", Value::Null, Some(KUBEWARDEN_TINYGO), None),
        one("CEL (replicas)", "cel", json!({"resources": [replicas(0)]}), Some(KUBEWARDEN_CEL), Some(10.0)),
        one(
            "CEL (labels and images)",
            "cel",
            json!({"resources": [validating(0)]}),
            Some(KUBEWARDEN_CEL),
            None,
        ),
        one("Rego (required labels)", "rego", json!({"resources": required_labels()}), None, None),
        one("Pod Security (baseline)", "pod-security", restricted, None, None),
    ]
}

/// What a large application is judged by.
fn applications() -> Vec<(&'static str, Vec<GatePolicy>, bool)> {
    let together: Vec<Value> = (0..POLICIES).map(validating).collect();
    let apart = (0..POLICIES)
        .map(|index| policy(&format!("cel-{index}"), "cel", json!({"resources": [validating(index)]})))
        .collect();
    let mixed = (0..POLICIES / 4).flat_map(|index| {
        subjects().into_iter().filter(|subject| !subject.name.starts_with("CEL (replicas")).flat_map(
            move |subject| {
                subject.policies.into_iter().map(move |policy| GatePolicy {
                    name: Some(format!("{}-{index}", policy.plugin)),
                    ..policy
                })
            },
        )
    });
    vec![
        ("20 CEL policies in one entry", vec![policy("cel", "cel", json!({"resources": together}))], true),
        ("20 CEL policies in 20 entries", apart, false),
        ("20 policies of four languages", mixed.collect(), false),
    ]
}

fn policy(name: &str, plugin: &str, config: Value) -> GatePolicy {
    GatePolicy {
        name: Some(name.to_owned()),
        plugin: plugin.to_owned(),
        config,
        action: Action::Deny,
        grants: Vec::new(),
    }
}

fn gate(policies: Vec<GatePolicy>) -> Gate {
    Gate::new("bench", policies)
}

fn replicas(index: usize) -> Value {
    admission_policy(index, &json!([{"expression": "object.spec.replicas <= 5", "message": "too many"}]))
}

/// One as people write them: two rules, one of them over a list.
fn validating(index: usize) -> Value {
    admission_policy(
        index,
        &json!([
            {"expression": "has(object.metadata.labels) && 'app' in object.metadata.labels"},
            {
                "expression": "object.spec.template.spec.containers.all(c, !c.image.endsWith(':latest'))",
                "messageExpression": "'images of ' + object.metadata.name + ' need a tag'",
            },
        ]),
    )
}

fn admission_policy(index: usize, validations: &Value) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": format!("bench-{index}")},
        "spec": {
            "matchConstraints": {"resourceRules": [{
                "apiGroups": ["apps"],
                "apiVersions": ["v1"],
                "operations": ["CREATE", "UPDATE"],
                "resources": ["deployments"],
            }]},
            "validations": validations,
        },
    })
}

fn required_labels() -> Value {
    let rego = "package k8srequiredlabels\n\nviolation[{\"msg\": msg, \"details\": {\"missing\": missing}}] {\n  \
                provided := {label | input.review.object.metadata.labels[label]}\n  \
                required := {label | label := input.parameters.labels[_]}\n  \
                missing := required - provided\n  count(missing) > 0\n  \
                msg := sprintf(\"you must provide labels: %v\", [missing])\n}\n";
    json!([
        {
            "apiVersion": "templates.gatekeeper.sh/v1",
            "kind": "ConstraintTemplate",
            "metadata": {"name": "k8srequiredlabels"},
            "spec": {
                "crd": {"spec": {
                    "names": {"kind": "K8sRequiredLabels"},
                    "validation": {"openAPIV3Schema": {
                        "type": "object",
                        "properties": {"labels": {"type": "array", "items": {"type": "string"}}},
                    }},
                }},
                "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": rego}],
            },
        },
        {
            "apiVersion": "constraints.gatekeeper.sh/v1beta1",
            "kind": "K8sRequiredLabels",
            "metadata": {"name": "app"},
            "spec": {
                "match": {"kinds": [{"apiGroups": ["apps"], "kinds": ["Deployment"]}]},
                "parameters": {"labels": ["app"]},
            },
        },
    ])
}

/// A set that is judged again and again.
struct Judged {
    rendered: Arc<Rendered>,
    tree: Arc<dyn Tree>,
    applicant: Applicant,
}

impl Judged {
    fn new(objects: usize, renderers: &dyn Renderers) -> anyhow::Result<Self> {
        let all: Vec<String> = (0..objects).map(deployment).collect();
        let mut tree = MemoryTree::new();
        for (index, some) in all.chunks(OF_A_FILE).enumerate() {
            tree = tree.file(&format!("app/{index:03}.yaml"), some.join("---\n"));
        }
        let tree: Arc<dyn Tree> = Arc::new(tree);
        let limits = RenderLimits { objects, ..RenderLimits::default() };
        let job = Job { limits, ..Job::new("bench", "app", "app") };
        let rendered = render(&job, &tree, 0, renderers).map_err(|failure| anyhow::anyhow!(failure.error))?;
        let applicant = Applicant {
            namespace: "bench".to_owned(),
            name: "app".to_owned(),
            target_namespace: "bench".to_owned(),
            ..Applicant::default()
        };
        Ok(Self { rendered: Arc::new(rendered), tree, applicant })
    }

    /// Milliseconds of each judgement, and seconds of processor time for one.
    fn judge(&self, gate: &Gate, policies: &dyn Policies, times: usize) -> anyhow::Result<(Vec<f64>, f64)> {
        let gates = std::slice::from_ref(gate);
        let once = || -> anyhow::Result<f64> {
            let began = Instant::now();
            let judged = judge(&Case {
                rendered: self.rendered.clone(),
                before: None,
                applicant: &self.applicant,
                gates,
                policies,
                cluster: Arc::new(Snapshot::default()),
                tree: &*self.tree,
                now: k8s_openapi::jiff::Timestamp::UNIX_EPOCH,
                applied: None,
            });
            let took = began.elapsed().as_secs_f64() * 1e3;
            let admitted = judged.context("the gate refuses what it should admit")?;
            anyhow::ensure!(admitted.verdicts().is_empty(), "{:?}", admitted.verdicts().first());
            Ok(took)
        };
        once()?;
        let before = ProcessUsage::of_this_process()?.cpu;
        let took = (0..times).map(|_| once()).collect::<Result<Vec<_>, _>>()?;
        let processor = ProcessUsage::of_this_process()?.cpu.saturating_sub(before);
        Ok((took, processor.as_secs_f64() / f64::from(u32::try_from(times)?)))
    }
}

/// A Deployment of about 1 KiB of JSON.
fn deployment(index: usize) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-{index:05}
  namespace: bench
  labels: {{app: web, instance: app-{index:05}, team: payments}}
  annotations: {{example.org/owner: payments@example.org, example.org/runbook: https://example.org/runbooks/web}}
spec:
  replicas: 3
  selector:
    matchLabels: {{app: web, instance: app-{index:05}}}
  template:
    metadata:
      labels: {{app: web, instance: app-{index:05}, team: payments}}
    spec:
      containers:
      - name: web
        image: registry.example.org/shop/web:1.27.3
        ports: [{{containerPort: 8080, name: http}}]
        env: [{{name: LISTEN, value: '0.0.0.0:8080'}}, {{name: LOG_LEVEL, value: info}}]
        resources: {{requests: {{cpu: 100m, memory: 64Mi}}, limits: {{memory: 128Mi}}}}
        readinessProbe: {{httpGet: {{path: /healthz, port: http}}, periodSeconds: 5}}
        securityContext: {{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true}}
      - name: proxy
        image: registry.example.org/mesh/proxy:2.4.1
        ports: [{{containerPort: 9090, name: metrics}}]
        resources: {{requests: {{cpu: 50m, memory: 32Mi}}}}
      volumes: [{{name: tmp, emptyDir: {{}}}}]
"
    )
}
