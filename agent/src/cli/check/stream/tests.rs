use serde_json::json;

use super::*;
use crate::render::render;

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n";

/// The text of each object in the stream.
fn texts(stream: &str) -> Vec<String> {
    let items = items(stream, STDIN).unwrap();
    let text = |item: &Item| item.span.map(|(start, end)| stream[start as usize..end as usize].to_owned());
    items.iter().map(|item| text(item).unwrap_or_default()).collect()
}

#[test]
fn every_object_is_known_with_its_text() {
    let stream = format!("# ä\n---\n{POD}---\n---\n# nothing\n---\nnull\n---\n{{\"kind\": \"ö\"}}\n");
    assert_eq!(texts(&stream), [POD, "{\"kind\": \"ö\"}"]);
    assert_eq!(texts("{\"a\": 1}\n{\"b\": {}}"), ["{\"a\": 1}", "{\"b\": {}}"]);
    assert_eq!(texts(""), [""; 0]);
}

#[test]
fn objects_of_a_list_stand_for_themselves() {
    let list = "kind: List\nitems:\n- é: 1\n  b: [c]\n- {c: d}\n- e:\n    items: [x]\nlast: []\n";
    assert_eq!(texts(list), ["é: 1\n  b: [c]\n", "{c: d}", "e:\n    items: [x]\n"]);
    let json = "{\"kind\": \"PodList\", \"metadata\": {}, \"items\": [{\"a\": [1]},\n {\"b\": {}}]}";
    assert_eq!(texts(json), ["{\"a\": [1]}", "{\"b\": {}}"]);
    let named = "kind: AllowList\nmetadata: {name: a}\nitems: [b]\n";
    assert_eq!(texts(named), [named]);
    assert_eq!(texts("kind: List\nitems: []\n"), [""; 0]);
}

#[test]
fn json_need_not_be_yaml_and_yaml_may_begin_as_json() {
    let values = |stream: &str| -> Vec<Value> {
        items(stream, STDIN).unwrap().into_iter().map(|item| item.object).collect()
    };
    assert_eq!(values("{\"a\":1}{\"b\":2}"), [json!({"a": 1}), json!({"b": 2})]);
    assert_eq!(values("{a: 0644}\n"), [json!({"a": 420})]);
}

#[test]
fn the_objects_of_a_stream_have_its_lines() {
    let text =
        format!("{POD}---\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {{name: q}}\n");
    let stream = Stream::new(text).unwrap();
    let folder = stream.folder();
    let job = stream.job(Job::new("team", "web", ""));
    let rendered = render(&job, &folder.tree, 0, &stream).unwrap();
    let places: Vec<_> = rendered
        .manifests()
        .iter()
        .map(|manifest| format!("{} {}", manifest.key, manifest.origin.as_ref().unwrap()))
        .collect();
    assert_eq!(places, ["Pod/p <stdin>:1", "Pod/q <stdin>:7"]);
}

#[test]
fn what_is_no_yaml_is_told_at_its_line() {
    let error = items("a: b\n---\nc: [\n", STDIN).err().unwrap().to_string();
    assert!(error.starts_with("<stdin>:"), "{error}");
}

#[test]
fn a_stream_without_end_is_bounded() {
    let error = format!("{:#}", text(std::io::repeat(b'a'), STDIN).unwrap_err());
    assert_eq!(error, "read <stdin>: it has more bytes than the limit of 33554432 (fixed)");
    assert!(text(&[0xff_u8][..], STDIN).is_err());
}
