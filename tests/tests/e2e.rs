//! The agent, from a commit to the cluster, on a real API server and over real
//! HTTP.

mod e2e {
    mod check;
    mod command_line;
    mod crash;
    mod drift;
    mod flow;
    mod gate;
    mod health;
    mod jsonnet;
    mod manifests;
    mod plugins;
    mod policies;
    mod rights;
    mod sources;
    mod values;

    /// A `ConfigMap` with one value.
    fn config_map(name: &str, value: &str) -> String {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  value: \"{value}\"\n")
    }

    /// A Deployment of an image, with more of a spec.
    fn deployment(name: &str, image: &str, spec: &str) -> String {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  {spec}\n  selector:\n    \
             matchLabels:\n      app: {name}\n  template:\n    metadata:\n      labels:\n        app: {name}\n    \
             spec:\n      containers:\n      - name: web\n        image: {image}\n"
        )
    }
}
