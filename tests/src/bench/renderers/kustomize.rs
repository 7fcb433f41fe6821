//! The Kustomize overlays that are rendered.

use std::fmt::Write as _;

use super::inputs::{Input, NAMESPACE};

/// A base of two objects, and two patches.
pub(super) fn small() -> Input {
    let files = [
        (
            "app/kustomization.yaml",
            format!(
                "namespace: {NAMESPACE}\nnamePrefix: prod-\nresources: [../base]\npatches:\n- path: replicas.yaml\n\
                 - target: {{kind: Service}}\n  patch: |-\n    - {{op: replace, path: /spec/ports/0/port, value: 8080}}\n"
            ),
        ),
        (
            "app/replicas.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web-0}\nspec: {replicas: 3}\n"
                .to_owned(),
        ),
        ("base/kustomization.yaml", "resources: [deployment.yaml, service.yaml]\n".to_owned()),
        ("base/deployment.yaml", deployment(0)),
        ("base/service.yaml", service(0)),
    ];
    Input::new("kustomize", "small", 2, owned(files))
}

/// Fifty objects below three overlays, with components, generators and a replacement.
pub(super) fn medium() -> Input {
    const SERVICES: usize = 15;
    let mut files = owned([
        (
            "app/kustomization.yaml",
            format!(
                "namespace: {NAMESPACE}\nresources: [../region]\ncomponents: [../components/quota, ../components/metrics]\n\
                 images: [{{name: nginx, newTag: \"1.27.4\"}}]\nlabels: [{{pairs: {{stage: prod}}, includeTemplates: true}}]\n\
                 replacements:\n- source: {{kind: ConfigMap, name: region, fieldPath: data.name}}\n  targets:\n\
                 {0}- select: {{kind: Deployment}}\n{0}  fieldPaths: [\"spec.template.spec.containers.[name=web].env.[name=REGION].value\"]\n",
                "  "
            ),
        ),
        (
            "region/kustomization.yaml",
            "resources: [../common, region.yaml]\nnamePrefix: eu-\npatches:\n- target: {kind: Deployment}\n  patch: |-\n\
             \x20   apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: any}\n    spec: {replicas: 2}\n"
                .to_owned(),
        ),
        (
            "region/region.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: region}\ndata: {name: eu-west}\n".to_owned(),
        ),
        (
            "common/kustomization.yaml",
            "resources: [../base]\ncommonAnnotations: {team: shop}\nconfigMapGenerator:\n\
             - name: settings\n  literals: [log=info, colour=blue]\n- name: banner\n  files: [banner.txt]\n\
             secretGenerator:\n- name: token\n  literals: [token=not-a-secret]\n"
                .to_owned(),
        ),
        ("common/banner.txt", "Welcome to the shop.\n".repeat(20)),
        (
            "components/quota/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [quota.yaml]\n".to_owned(),
        ),
        (
            "components/quota/quota.yaml",
            "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: quota}\nspec: {hard: {pods: \"50\"}}\n".to_owned(),
        ),
        (
            "components/metrics/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n- target: {kind: Deployment}\n  path: scrape.yaml\n"
                .to_owned(),
        ),
        (
            "components/metrics/scrape.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: any}\nspec:\n  template:\n    metadata:\n      annotations: {prometheus.io/scrape: \"true\"}\n"
                .to_owned(),
        ),
    ]);
    let mut resources = String::from("resources:\n");
    for index in 0..SERVICES {
        let _ = writeln!(resources, "- web-{index}.yaml");
        let text = [deployment(index), service(index), account(index)].join("---\n");
        files.push((format!("base/web-{index}.yaml"), text));
    }
    files.push(("base/kustomization.yaml".to_owned(), resources));
    // The region, three generated objects and the quota come on top.
    Input::new("kustomize", "medium", SERVICES * 3 + 5, files)
}

/// As many objects as an Application may have.
pub(super) fn large() -> Input {
    const FILES: usize = 20;
    const EACH: usize = 25;
    let mut files = owned([(
        "app/kustomization.yaml",
        format!(
            "namespace: {NAMESPACE}\nnamePrefix: prod-\nresources: [../base]\nlabels: [{{pairs: {{stage: prod}}}}]\n\
                 images: [{{name: nginx, newTag: \"1.27.4\"}}]\n"
        ),
    )]);
    let mut resources = String::from("resources:\n");
    for file in 0..FILES {
        let _ = writeln!(resources, "- part-{file}.yaml");
        let parts = (0..EACH).flat_map(|part| [deployment(file * EACH + part), service(file * EACH + part)]);
        files.push((format!("base/part-{file}.yaml"), parts.collect::<Vec<_>>().join("---\n")));
    }
    files.push(("base/kustomization.yaml".to_owned(), resources));
    Input::new("kustomize", "large", FILES * EACH * 2, files)
}

fn owned<const N: usize>(files: [(&str, String); N]) -> Vec<(String, String)> {
    files.map(|(path, text)| (path.to_owned(), text)).to_vec()
}

fn deployment(index: usize) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web-{index}
  labels: {{app: web-{index}}}
spec:
  replicas: 1
  selector:
    matchLabels: {{app: web-{index}}}
  template:
    metadata:
      labels: {{app: web-{index}}}
    spec:
      serviceAccountName: web-{index}
      containers:
      - name: web
        image: nginx:1.27
        ports:
        - {{name: http, containerPort: 8080}}
        env:
        - {{name: REGION, value: none}}
        - {{name: LOG_LEVEL, value: info}}
        resources:
          requests: {{cpu: 100m, memory: 128Mi}}
          limits: {{memory: 256Mi}}
        readinessProbe:
          httpGet: {{path: /healthz, port: http}}
          periodSeconds: 5
"
    )
}

fn service(index: usize) -> String {
    format!(
        "apiVersion: v1
kind: Service
metadata:
  name: web-{index}
  labels: {{app: web-{index}}}
spec:
  selector: {{app: web-{index}}}
  ports:
  - {{name: http, port: 80, targetPort: http}}
"
    )
}

fn account(index: usize) -> String {
    format!("apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: web-{index}\n")
}
