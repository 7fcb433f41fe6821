//! The sample repository: `shop` for Kustomize, `docs` and `jobs` in plain YAML, and the gate that judges them.
//!
//! Pure text. The images have names that nobody serves: what is shown needs none of them.

use serde_json::{Value, json};

/// Everything of the demo lives in this namespace, the agent's Lease too.
pub(crate) const NAMESPACE: &str = "windlass-demo";
/// The repository's name, on the server and in the cluster.
pub(crate) const REPOSITORY: &str = "fleet";
/// The gate's name.
pub(crate) const GATE: &str = "windlass-demo";
/// The Applications: name, folder, and the renderer that is to be detected.
pub(crate) const APPLICATIONS: [(&str, &str, &str); 3] =
    [("shop", "shop/overlays/production", "kustomize"), ("docs", "docs", "yaml"), ("jobs", "jobs", "yaml")];
/// The plugins that take part.
pub(crate) const PLUGINS: [&str; 5] = ["kustomize", "yaml", "pinned-images", "cel", "kstatus"];

/// The file that a release of the shop changes.
pub(crate) const SHOP: &str = "shop/overlays/production/kustomization.yaml";
/// The file with what the docs say.
pub(crate) const PAGES: &str = "docs/pages.yaml";
/// The files of the jobs.
pub(crate) const CLEANER: &str = "jobs/cleaner.yaml";
/// See [`CLEANER`].
pub(crate) const REPORT: &str = "jobs/report.yaml";
/// See [`CLEANER`].
pub(crate) const JOB_SETTINGS: &str = "jobs/settings.yaml";

/// The repository as it begins: each file and its text.
pub(crate) fn files() -> Vec<(String, String)> {
    let base = "resources:\n  - web.yaml\n  - service.yaml\n";
    let files = [
        ("shop/base/kustomization.yaml", base.to_owned()),
        ("shop/base/web.yaml", deployment("web", "registry.example/shop", Some("shop"))),
        ("shop/base/service.yaml", service("web")),
        (SHOP, shop("1.4.0", 0, "Welcome")),
        (PAGES, pages("How to knit")),
        ("docs/docs.yaml", deployment("docs", "registry.example/docs:3.1", None)),
        ("docs/service.yaml", service("docs")),
        (CLEANER, cron_job("cleaner", "registry.example/cleaner:2.0", "Forbid")),
        (REPORT, cron_job("report", "registry.example/report:1.7", "Forbid")),
        (JOB_SETTINGS, config_map("job-settings", "keepDays", "30")),
    ];
    files.into_iter().map(|(path, text)| (path.to_owned(), text)).collect()
}

/// The shop's overlay for production.
pub(crate) fn shop(version: &str, replicas: u32, greeting: &str) -> String {
    format!(
        "resources:
  - ../../base
images:
  - name: registry.example/shop
    newTag: {version}
replicas:
  - name: web
    count: {replicas}
configMapGenerator:
  - name: shop
    literals:
      - greeting={greeting}
"
    )
}

/// What the docs say.
pub(crate) fn pages(front: &str) -> String {
    config_map("pages", "front", front)
}

/// A `CronJob`.
pub(crate) fn cron_job(name: &str, image: &str, concurrency: &str) -> String {
    format!(
        "apiVersion: batch/v1
kind: CronJob
metadata:
  name: {name}
spec:
  schedule: \"30 3 * * 0\"
  concurrencyPolicy: {concurrency}
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
            - name: {name}
              image: {image}
"
    )
}

/// A `ConfigMap` with one value.
pub(crate) fn config_map(name: &str, key: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  {key}: \"{value}\"\n")
}

/// A Deployment of no replicas, with its environment from a `ConfigMap` if one is named.
fn deployment(name: &str, image: &str, environment: Option<&str>) -> String {
    let environment = environment
        .map(|name| {
            format!("          envFrom:\n            - configMapRef:\n                name: {name}\n")
        })
        .unwrap_or_default();
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  replicas: 0
  # How long a rollout may stand still before it has failed: short, for the demo.
  progressDeadlineSeconds: 3
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
    spec:
      containers:
        - name: {name}
          image: {image}
{environment}"
    )
}

fn service(name: &str) -> String {
    format!(
        "apiVersion: v1
kind: Service
metadata:
  name: {name}
spec:
  selector:
    app: {name}
  ports:
    - port: 80
"
    )
}

/// The Repository.
pub(crate) fn repository(url: &str) -> Value {
    json!({
        "apiVersion": "windlass.dev/v1alpha1",
        "kind": "Repository",
        "metadata": {"name": REPOSITORY},
        "spec": {"url": url, "interval": "1s"},
    })
}

/// An Application.
pub(crate) fn application(name: &str, path: &str) -> Value {
    json!({
        "apiVersion": "windlass.dev/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name},
        "spec": {"repository": {"name": REPOSITORY}, "path": path},
    })
}

/// A Plugin of a file of the bundle.
pub(crate) fn plugin(name: &str) -> Value {
    json!({
        "apiVersion": "windlass.dev/v1alpha1",
        "kind": "Plugin",
        "metadata": {"name": name},
        "spec": {"file": format!("{name}.wasm")},
    })
}

/// The gate of the demo's Applications.
pub(crate) fn gate() -> Value {
    json!({
        "apiVersion": "windlass.dev/v1alpha1",
        "kind": "Gate",
        "metadata": {"name": GATE},
        "spec": {
            "selector": {"namespaces": [NAMESPACE]},
            "policies": [
                {"plugin": "pinned-images"},
                {"name": "schedules", "plugin": "cel", "config": {"rules": [{
                    "name": "no-overlap",
                    "matches": ["batch/CronJob"],
                    "expression": "object.spec.concurrencyPolicy == 'Forbid'",
                    "message": "runs may overlap: set it to Forbid",
                    "pointer": "/spec/concurrencyPolicy",
                }]}},
            ],
        },
    })
}

/// The line, counted from 1, on which `text` first stands in a file.
pub(crate) fn line_of(file: &str, text: &str) -> Option<usize> {
    file.lines().position(|line| line.contains(text)).map(|index| index + 1)
}
