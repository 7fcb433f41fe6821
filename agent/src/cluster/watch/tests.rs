use kube::api::{ObjectList, WatchEvent as Told};
use serde_json::json;

use super::*;
use crate::cluster::unreadable;

fn nested(levels: usize) -> String {
    format!("{}1{}", "[".repeat(levels), "]".repeat(levels))
}

fn deep(name: &str) -> String {
    format!(r#"{{"metadata":{{"name":"{name}","resourceVersion":"7"}},"spec":{{"values":{}}}}}"#, nested(200))
}

const PLAIN: &str = r#"{"metadata":{"name":"plain","resourceVersion":"5"},"spec":{"a":1}}"#;

#[test]
fn a_list_with_an_object_that_is_too_deep_has_all_of_them() {
    let list = format!(
        r#"{{"kind":"ThingList","apiVersion":"v1","metadata":{{"resourceVersion":"9"}},"items":[{},{PLAIN}]}}"#,
        deep("deep")
    );
    let list: ObjectList<Watched<false>> = serde_json::from_str(&list).unwrap();
    let [first, second] = &list.items[..] else { panic!("{} items", list.items.len()) };
    assert_eq!(list.metadata.resource_version.as_deref(), Some("9"));
    assert_eq!(first.object["metadata"]["name"], "deep");
    assert!(unreadable(&first.object).is_some() && first.object.get("spec").is_none());
    assert_eq!(second.object["spec"], json!({"a": 1}));
}

#[test]
fn an_event_of_an_object_that_is_too_deep_has_its_version_wherever_its_type_stands() {
    let object = deep("deep");
    for text in [
        format!(r#"{{"type":"MODIFIED","object":{object}}}"#),
        format!(r#"{{"type":"ADDED","object":{PLAIN}}}"#),
        format!(r#"{{"object":{PLAIN},"type":"ADDED"}}"#),
    ] {
        let told: Told<Watched<false>> = serde_json::from_str(&text).unwrap();
        let (Told::Added(watched) | Told::Modified(watched)) = told else { panic!("{told:?}") };
        let version = if watched.object["metadata"]["name"] == "deep" { "7" } else { "5" };
        assert_eq!(watched.version.resource_version.as_deref(), Some(version));
    }
    let bookmark = r#"{"type":"BOOKMARK","object":{"kind":"Thing","apiVersion":"v1","metadata":{"resourceVersion":"8"}}}"#;
    assert!(matches!(serde_json::from_str(bookmark).unwrap(), Told::<Watched<false>>::Bookmark(_)));
}

#[test]
fn a_watch_of_metadata_has_nothing_else() {
    let watched: Watched<true> = serde_json::from_str(PLAIN).unwrap();
    assert_eq!(watched.object, json!({"metadata": {"name": "plain", "resourceVersion": "5"}}));
}
