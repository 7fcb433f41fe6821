use super::guests::{PATIENT, RENDERER, load, objects, render};
use crate::plugin::PluginError;

#[test]
fn manifests_come_as_the_renderer_gave_them() {
    let renderer = load(&RENDERER, PATIENT).unwrap();
    let output = render(&renderer, "well").unwrap();
    assert_eq!(objects(&output)[0]["metadata"]["name"], "a");
    assert_eq!(output.manifests[0].span, Some((0, 4)));
    assert_eq!(output.manifests[0].path, None, "a path with `..` is no place");
}

#[test]
fn manifests_of_too_many_values_break_the_contract() {
    let renderer = load(&RENDERER, PATIENT).unwrap();
    let error = render(&renderer, "too many values").unwrap_err();
    assert!(
        matches!(&error, PluginError::Contract(message) if message.contains("manifest 0 brings")),
        "{error}"
    );
}

#[test]
fn manifests_longer_than_the_output_limit_are_refused() {
    let renderer = load(&RENDERER, PATIENT).unwrap();
    assert_eq!(render(&renderer, "too long"), Err(PluginError::Output { limit_bytes: 32 << 20 }));
}
