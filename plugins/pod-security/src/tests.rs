mod findings;
mod namespaces;
mod oracle;
mod settings;

use windlass_plugin_sdk::testing::{self, Surroundings};

use super::PodSecurity;

/// Under these settings, without a cluster.
fn check(settings: &str, objects: &str) -> String {
    testing::check::<PodSecurity>(settings, objects)
}

/// Where the Gate grants what stands in `cluster`.
fn check_in(settings: &str, objects: &str, cluster: &str) -> String {
    testing::check_in::<PodSecurity>(settings, objects, &Surroundings { old: "", cluster: Some(cluster) })
}

#[test]
fn the_manifest_says_what_is_judged_and_what_is_read() {
    let manifest = testing::manifest::<PodSecurity>();
    assert_eq!(manifest["name"], "pod-security");
    assert_eq!(manifest["matches"].as_array().map(Vec::len), Some(10));
    assert_eq!(manifest["reads"], serde_json::json!(["v1/Namespace"]));
}
