use windlass_plugin_sdk::testing;

use super::PinnedImages;

fn check(settings: &str, image: &str) -> String {
    let object = format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: web, namespace: shop }}
spec: {{ template: {{ spec: {{ containers: [{{ name: web, image: '{image}' }}] }} }} }}
"
    );
    testing::check::<PinnedImages>(settings, &object)
}

fn denied(image: &str) -> String {
    format!(
        "deny Deployment/shop/web /spec/template/spec/containers/0/image: image `{image}` is not pinned\n"
    )
}

#[test]
fn an_image_without_tag_or_with_latest_is_denied() {
    for image in ["nginx", "nginx:latest", "localhost:5000/nginx", "ghcr.io/shop/web:latest", ""] {
        assert_eq!(check("", image), denied(image));
    }
}

#[test]
fn a_tag_or_a_digest_pins() {
    for image in
        ["nginx:1.29", "localhost:5000/nginx:1", "ghcr.io/shop/web@sha256:0123", "web:latest@sha256:01"]
    {
        assert_eq!(check("", image), "");
    }
}

#[test]
fn an_exempt_prefix_may_float() {
    assert_eq!(check("exempt: [localhost:5000/]", "localhost:5000/web"), "");
    assert_eq!(check("exempt: [localhost:5000/]", "nginx"), denied("nginx"));
}

#[test]
fn a_misspelt_setting_is_refused() {
    assert_eq!(
        check("exmept: []", "nginx"),
        "error bad settings: unknown field `exmept`, expected `exempt`\n"
    );
}

#[test]
fn an_object_that_runs_nothing_is_admitted() {
    assert_eq!(
        testing::check::<PinnedImages>("", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"),
        ""
    );
}

#[test]
fn the_manifest_says_what_the_host_needs() {
    let manifest = testing::manifest::<PinnedImages>();
    assert_eq!(manifest["name"], "pinned-images");
    assert_eq!(manifest["world"], "policy");
    assert_eq!(manifest["matches"], serde_json::json!(["v1/Pod", "apps/*", "batch/*"]));
}
