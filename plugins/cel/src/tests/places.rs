//! Where findings point at.

use super::{DEPLOYMENT, check, policy};

/// Where the finding of an expression points at.
fn place(expression: &str, variables: &str) -> String {
    let spec =
        format!("variables: [{variables}], validations: [{{expression: \"{expression}\", message: m}}]");
    let text = check(&[&policy("p", &spec)], DEPLOYMENT);
    let text =
        text.strip_prefix("deny Deployment/shop/web [p]").unwrap_or_else(|| panic!("{expression}: {text}"));
    text.strip_suffix(": m\n").unwrap_or_else(|| panic!("{expression}: {text}")).trim().to_owned()
}

#[test]
fn a_finding_points_at_the_one_field_that_decided() {
    for (expression, expected) in [
        ("object.spec.replicas > 3", "/spec/replicas"),
        ("object.spec.replicas > 1 && object.metadata.name == 'x'", "/metadata/name"),
        (
            "object.spec.template.spec.containers.all(c, c.image.contains(':'))",
            "/spec/template/spec/containers/1/image",
        ),
        (
            "object.spec.template.spec.containers.all(c, has(c.resources))",
            "/spec/template/spec/containers/0/resources",
        ),
        (
            "!object.spec.template.spec.containers.exists(c, c.image == 'fluent')",
            "/spec/template/spec/containers/1/image",
        ),
        ("object.spec.template.spec.containers.exists(c, c.image == 'x')", "/spec/template/spec/containers"),
        ("object.metadata.labels.all(k, v, v != 'a')", "/metadata/labels/team"),
        ("object.metadata.labels['team'] == 'b'", "/metadata/labels/team"),
        (
            "object.metadata.?labels['app.kubernetes.io/name'].orValue('') != ''",
            "/metadata/labels/app.kubernetes.io~1name",
        ),
        ("!has(object.spec.replicas) || object.spec.replicas > 3", "/spec/replicas"),
        ("has(object.spec.replicas) ? object.spec.replicas > 3 : true", "/spec/replicas"),
        (
            "object.spec.template.spec.containers[1].image.matches(':')",
            "/spec/template/spec/containers/1/image",
        ),
        // Two fields that may both be to blame: none.
        ("object.spec.replicas > object.metadata.name.size()", ""),
        ("object.kind == 'x' || object.metadata.name == 'y'", ""),
        ("false", ""),
    ] {
        assert_eq!(place(expression, ""), expected, "{expression}");
    }
}

#[test]
fn variables_are_looked_through() {
    let containers = "{name: all, expression: 'object.spec.template.spec.containers + object.spec.template.spec.?initContainers.orValue([])'}";
    assert_eq!(
        place("variables.all.all(c, c.image.contains(':'))", containers),
        "/spec/template/spec/containers/1/image"
    );
    assert_eq!(
        place("variables.all.all(c, c.name != 'init')", containers),
        "/spec/template/spec/initContainers/0/name"
    );
    let filtered =
        "{name: bad, expression: \"object.spec.template.spec.containers.filter(c, !c.image.contains(':'))\"}";
    assert_eq!(
        place("variables.bad.all(c, c.name == 'x')", filtered),
        "/spec/template/spec/containers/1/name"
    );
    assert_eq!(
        place("variables.few", "{name: few, expression: 'object.spec.replicas < 2'}"),
        "/spec/replicas"
    );
    // What a variable takes from elsewhere can't be mended in the object.
    let most = "{name: most, expression: 'int(request.name.size()) - 2'}";
    assert_eq!(place("object.spec.replicas <= variables.most", most), "/spec/replicas");
    let both = "{name: most, expression: 'object.metadata.name.size() - 2'}";
    assert_eq!(place("object.spec.replicas <= variables.most", both), "");
}
