//! The call of a policy in the sandbox: an instance is made, configured, called and thrown away. Beside it, the
//! same policy on the same bytes as native code.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use bytes::Bytes;
use serde_json::{Value, json};
use windlass::plugin::{Found, Plugin, Subject, Surroundings};
use windlass_plugin_pinned_images::PinnedImages;
use windlass_plugin_sdk::config::Configure as _;
use windlass_plugin_sdk::testing;

use super::Settings;
use super::quantile::quantile;
use super::report::{Report, Row, Unit};

/// The policy that is called.
const POLICY: &str = "pinned-images";
/// Objects in one call: as many as an application seldom has.
const MANY: usize = 256;
/// Calls that are not counted, before the others.
const WARM_UP: usize = 50;

pub(super) fn measure(settings: &Settings, progress: &dyn Fn(&str)) -> anyhow::Result<Report> {
    let registry = super::loaded_plugins(progress)?;
    let problems = registry.errors();
    let plugin =
        registry.get(POLICY).with_context(|| format!("the policy `{POLICY}` is not loaded: {problems:?}"))?;
    progress(&format!("calling {POLICY} {} times", settings.calls));
    let mut report = Report::new("policy-call", format!("{} calls of {POLICY}", settings.calls));
    for count in [1, MANY] {
        let calls = if count == 1 { settings.calls } else { settings.calls.div_ceil(10) };
        let objects: Vec<Bytes> = (0..count).map(deployment).collect();
        let (sandboxed, native) = (sandboxed(&plugin, &objects, calls)?, native(&objects, calls)?);
        let what = if count == 1 { "1 object".to_owned() } else { format!("{count} objects") };
        for (word, q) in [("p50", 0.5), ("p99", 0.99)] {
            let row = Row::new(format!("{what}, {word}"), Unit::Microseconds, quantile(&sandboxed, q));
            report.row(if count == 1 && word == "p50" { row.at_most(20.0) } else { row });
        }
        for (word, q) in [("p50", 0.5), ("p99", 0.99)] {
            let figure = format!("  native, {word}");
            report.row(Row::new(figure, Unit::Microseconds, quantile(&native, q)));
        }
    }
    report.note(
        "a call makes an instance, configures it, hands the objects over as JSON, takes the findings and throws \
         the instance away; native reads the same JSON, with this program's compiler settings",
    );
    Ok(report)
}

/// Nothing but the objects themselves.
struct Nothing;

impl Surroundings for Nothing {
    fn objects(&self, _: &str, _: Option<&str>, _: Option<&str>) -> Found {
        Found::default()
    }
}

/// Microseconds of each call.
fn sandboxed(plugin: &Plugin, objects: &[Bytes], calls: usize) -> anyhow::Result<Vec<f64>> {
    let config = config();
    let subjects: Vec<Subject> =
        objects.iter().map(|object| Subject { object: object.clone(), old: None }).collect();
    let surroundings: Arc<dyn Surroundings> = Arc::new(Nothing);
    let mut took = Vec::with_capacity(calls);
    for number in 0..calls + WARM_UP {
        let began = Instant::now();
        let findings = plugin.evaluate(&config, black_box(&subjects), &surroundings)?;
        let micros = began.elapsed().as_secs_f64() * 1e6;
        anyhow::ensure!(
            findings.len() == objects.len() && findings.iter().all(Vec::is_empty),
            "the policy refuses what is pinned: {findings:?}"
        );
        if number >= WARM_UP {
            took.push(micros);
        }
    }
    Ok(took)
}

/// The same without a sandbox.
fn native(objects: &[Bytes], calls: usize) -> anyhow::Result<Vec<f64>> {
    let objects: Vec<Vec<u8>> = objects.iter().map(|object| object.to_vec()).collect();
    let config = config();
    let mut took = Vec::with_capacity(calls);
    for number in 0..calls + WARM_UP {
        let began = Instant::now();
        let policy = PinnedImages::configure(config.clone())
            .map_err(|diagnostics| anyhow::anyhow!("configure the policy: {diagnostics}"))?;
        let findings = testing::judge(&policy, black_box(&objects));
        let micros = began.elapsed().as_secs_f64() * 1e6;
        anyhow::ensure!(findings.iter().all(Vec::is_empty), "the native policy refuses what is pinned");
        if number >= WARM_UP {
            took.push(micros);
        }
    }
    Ok(took)
}

fn config() -> Value {
    json!({"exempt": ["localhost:5000/"]})
}

/// The workload's Deployment, as the gate hands it over.
fn deployment(index: usize) -> Bytes {
    let name = format!("app-{index:04}");
    let labels = json!({"app": "web", "instance": name});
    let object = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": format!("{name}-web"), "namespace": "bench", "labels": labels},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "serviceAccountName": format!("{name}-web"),
                    "containers": [
                        {"name": "web", "image": "nginx:1.27", "ports": [{"containerPort": 80}]},
                    ],
                },
            },
        },
    });
    Bytes::from(object.to_string())
}
