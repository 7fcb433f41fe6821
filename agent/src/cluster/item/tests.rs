use serde_json::json;

use super::*;

fn nested(levels: usize) -> String {
    format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels))
}

fn read(text: &str) -> Value {
    let Item(object) = serde_json::from_str(text).unwrap();
    object
}

#[test]
fn an_object_is_read_as_it_stands() {
    let object = json!({
        "kind": "Thing",
        "metadata": {"name": "a", "labels": {"b": "c"}, "managedFields": [{"manager": "x", "fieldsV1": {"f:a": {}}}]},
        "spec": {"values": [null, true, -1, u64::MAX, 1.5, "text", [], {}]},
    });
    assert_eq!(read(&object.to_string()), object);
    assert!(unreadable(&object).is_none());
}

#[test]
fn what_nests_too_deep_is_left_out_and_the_rest_stays() {
    for levels in [130, 10_000] {
        let deep = nested(levels);
        let text = format!(
            r#"{{"metadata":{{"name":"a"}},"spec":{{"path":"p","values":{deep}}},"status":{{"ready":true}}}}"#
        );
        let object = read(&text);
        assert_eq!((&object["metadata"]["name"], &object["status"]["ready"]), (&json!("a"), &json!(true)));
        // Half a spec is none.
        assert!(object.get("spec").is_none());
        assert_eq!(unreadable(&object), Some("`spec` nests deeper than the limit of 120 levels"));
    }
}

#[test]
fn an_entry_of_one_manager_that_is_too_deep_takes_none_of_the_others_along() {
    let deep = nested(200);
    let text = format!(
        r#"{{"metadata":{{"uid":"u","managedFields":[{{"manager":"x","fieldsV1":{deep}}},{{"manager":"ours"}}]}}}}"#
    );
    let object = read(&text);
    assert_eq!(object["metadata"], json!({"uid": "u", "managedFields": [{"manager": "ours"}]}));
    let why = "`metadata.managedFields` nests deeper than the limit of 120 levels";
    assert_eq!(unreadable(&object), Some(why));
    assert_eq!(unreadable(&only_metadata(object)), Some(why));
}

#[derive(Deserialize)]
struct Outer {
    items: Vec<Inner>,
}

#[derive(Deserialize)]
struct Inner {
    list: Vec<Item>,
}

#[test]
fn the_limit_is_where_it_says_it_is_inside_a_list_too() {
    for (levels, whole) in [(MAX_DEPTH - 1, true), (MAX_DEPTH, false)] {
        let list = format!(r#"{{"items":[{{"list":[{{"spec":{}}}]}}]}}"#, nested(levels));
        let outer: Outer = serde_json::from_str(&list).unwrap();
        let Item(object) = &outer.items[0].list[0];
        assert_eq!(unreadable(object).is_none(), whole, "{levels} levels");
        // Whatever is given can be read again.
        assert_eq!(serde_json::from_str::<Value>(&object.to_string()).unwrap(), *object);
    }
}

#[test]
fn metadata_of_a_wrong_shape_is_an_object_too_and_nobody_else_sets_the_mark() {
    assert_eq!(read(r#"{"metadata":5,"spec":{}}"#), json!({"metadata": 5, "spec": {}}));
    assert_eq!(
        read(r#"{"metadata":{"name":{"a":1},"managedFields":"x"}}"#),
        json!({"metadata": {"name": {"a": 1}, "managedFields": "x"}})
    );
    assert_eq!(read("[1]"), json!([1]));
    assert!(unreadable(&read(r#"{"windlass.dev/unreadable":"so they say"}"#)).is_none());
    assert!(serde_json::from_str::<Item>(r#"{"metadata":{}"#).is_err());
}

#[test]
fn a_map_is_read_as_what_it_says_whatever_its_key() {
    // The feature `raw_value` or `arbitrary_precision` of any dependency would change that.
    for key in ["$serde_json::private::RawValue", "$serde_json::private::Number"] {
        let object = Value::Object([(key.to_owned(), "1".into())].into_iter().collect());
        assert_eq!(serde_json::from_str::<Value>(&object.to_string()).unwrap(), object);
        assert_eq!(read(&object.to_string()), object);
    }
}
