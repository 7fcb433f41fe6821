//! The benchmark's monorepo: many Kustomize applications over one shared base. Takes how many and where they
//! go, gives files; writes nothing itself.
//!
//! Each application becomes a `ConfigMap`, a Service, a Deployment of no replicas and a `ServiceAccount`.

/// The kinds of object that each application renders to.
pub const OBJECTS_PER_APPLICATION: usize = 4;

/// A repository of `applications` overlays over one base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Monorepo {
    /// How many there are: `app-0000`, `app-0001`, …
    pub applications: usize,
    /// The namespace that every object is put into.
    pub namespace: String,
}

const BASE: [(&str, &str); 4] = [
    (
        "base/kustomization.yaml",
        "apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
- deployment.yaml
- service.yaml
- service-account.yaml
",
    ),
    (
        "base/deployment.yaml",
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 0
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      serviceAccountName: web
      containers:
      - name: web
        image: nginx:1.27
        ports:
        - containerPort: 80
",
    ),
    (
        "base/service.yaml",
        "apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  clusterIP: None
  selector:
    app: web
  ports:
  - port: 80
",
    ),
    (
        "base/service-account.yaml",
        "apiVersion: v1
kind: ServiceAccount
metadata:
  name: web
",
    ),
];

impl Monorepo {
    /// Every file, as its path in the repository and its text.
    pub fn files(&self) -> impl Iterator<Item = (String, String)> {
        let base = BASE.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        base.chain((0..self.applications).flat_map(|index| [self.kustomization(index), properties(index, 1)]))
    }

    /// The name of an application, which is also the prefix of its objects' names: `app-0007`.
    pub fn name(index: usize) -> String {
        format!("app-{index:04}")
    }

    /// The folder that an application is rendered from: `apps/app-0007`.
    pub fn path(index: usize) -> String {
        format!("apps/{}", Self::name(index))
    }

    /// The one file to write for a commit that changes this application alone: its `ConfigMap` then has this
    /// version. All begin with 1.
    pub fn at_version(index: usize, version: u64) -> (String, String) {
        properties(index, version)
    }

    fn kustomization(&self, index: usize) -> (String, String) {
        let (name, namespace) = (Self::name(index), &self.namespace);
        let text = format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {namespace}
namePrefix: {name}-
resources:
- ../../base
labels:
- includeSelectors: true
  pairs:
    instance: {name}
configMapGenerator:
- name: cfg
  files:
  - app.properties
generatorOptions:
  disableNameSuffixHash: true
"
        );
        (format!("{}/kustomization.yaml", Self::path(index)), text)
    }
}

fn properties(index: usize, version: u64) -> (String, String) {
    let name = Monorepo::name(index);
    (format!("{}/app.properties", Monorepo::path(index)), format!("name={name}\nversion={version}\n"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn each_application_adds_two_files_to_the_base() {
        let monorepo = Monorepo { applications: 3, namespace: "bench".to_owned() };
        let files: BTreeMap<String, String> = monorepo.files().collect();
        assert_eq!(files.len(), BASE.len() + 2 * 3);
        assert!(
            files["apps/app-0002/kustomization.yaml"].contains("namespace: bench\nnamePrefix: app-0002-\n")
        );
    }

    #[test]
    fn a_version_changes_only_the_properties_of_its_application() {
        let (path, text) = Monorepo::at_version(7, 2);
        assert_eq!(path, "apps/app-0007/app.properties");
        assert_eq!(text, "name=app-0007\nversion=2\n");
    }
}
