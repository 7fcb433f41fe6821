use proptest::prelude::*;
use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Number, json};

use super::*;

/// Reads YAML in the way that finds a meaning other than text wherever any
/// reader in use might find one.
fn strictly(text: &str) -> Value {
    let mut events = Parser::new_from_str(text).map(|event| event.unwrap().0);
    loop {
        match events.next().unwrap() {
            Event::StreamStart | Event::DocumentStart(_) => {}
            first => return node(first, &mut events),
        }
    }
}

fn node<'t>(event: Event<'t>, events: &mut impl Iterator<Item = Event<'t>>) -> Value {
    match event {
        Event::Scalar(text, ScalarStyle::Plain, 0, None) => plain(&text),
        Event::Scalar(text, _, 0, None) => Value::String(text.into_owned()),
        Event::SequenceStart(0, None) => {
            let mut items = Vec::new();
            loop {
                match events.next().unwrap() {
                    Event::SequenceEnd => return Value::Array(items),
                    item => items.push(node(item, events)),
                }
            }
        }
        Event::MappingStart(0, None) => {
            let mut fields = Map::new();
            loop {
                match events.next().unwrap() {
                    Event::MappingEnd => return Value::Object(fields),
                    key => {
                        let Value::String(key) = node(key, events) else { panic!("a key that is no text") };
                        let value = events.next().unwrap();
                        let value = node(value, events);
                        assert!(fields.insert(key, value).is_none(), "a key twice");
                    }
                }
            }
        }
        other => panic!("{other:?}"),
    }
}

/// A plain scalar: JSON where it is that, text where it can't be anything
/// else, and a failure where readers differ.
fn plain(text: &str) -> Value {
    match text {
        "null" => return Value::Null,
        "true" => return Value::Bool(true),
        "false" => return Value::Bool(false),
        _ => {}
    }
    if let Ok(number) = serde_json::from_str::<Number>(text) {
        return Value::Number(number);
    }
    let first = text.chars().next().unwrap_or(' ');
    let numeric = first.is_ascii_digit() || "+-._".contains(first);
    let words =
        ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "<<", "=", "", "nan", "inf"];
    let word = words.iter().any(|word| text.eq_ignore_ascii_case(word));
    assert!(!numeric && !word, "`{text}` is written without quotes");
    Value::String(text.to_owned())
}

fn written(object: &Value) -> Value {
    let text = document(object);
    let read = strictly(&text);
    assert_eq!(&read, object, "written as\n{text}");
    let again: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(&again, object, "written as\n{text}");
    read
}

/// What some reader takes for something else, and what is hard to quote.
#[rustfmt::skip]
const TEXTS: &[&str] = &[
    "yes", "No", "on", "OFF", "y", "N", "true", "TRUE", "null", "Null", "~", "", " ", "1e3", "1E+3", "0x10",
    "0o17", "0b1", "017", "089", "1_000", "1:30", "190:20:30", "12", "-1", "+1", "1.", ".5", "-.5", "1.0",
    ".inf", "-.Inf", ".NaN", "NaN", "inf", "2001-01-01", "2001-12-14t21:59:43.10-05:00",
    "2001-12-14 21:59:43", "<<", "=", "-", "- a", "?", "? a", ":", "a: b", "a #b", "#a", "&a", "*a", "!a",
    "|", ">", "%a", "@a", "`a`", "\"a\"", "'a'", "[a", "{a", "a]", ",a", "a,b", "---", "--- a", "...",
    "a\nb", "a\n", "\na", "a\n\n", "  a\nb", "\ta", "a\t", "a\r\nb", "a\u{85}b", "a\u{2028}b", "\u{feff}a",
    "\u{7f}", "\0", "\x1b[0m", "a\\b", "é", "日本", "🦀", "a ", " a", "a:", "key: [1, 2]", "0", "00",
    "0.0.0.0", "1.2.3", "12e03", "9223372036854775808", "1e400", "0x", "0xg", "1__0", "_1", "+", "+.", ".",
    "..", "5m", "100Mi", "1st", "12:30:45.5", "1.5e", "e3", "0.1.", "1 2", "  ", "\n", "\n\n", "\n \n",
    " \n a", "a\n b\n", "a\n\n\n", "# a\nb", "--- \na", "a\n---\nb", "a\n...\n", "%YAML 1.1\n---\n",
];

#[test]
fn texts_that_some_reader_takes_for_something_else_are_quoted() {
    for text in TEXTS {
        written(&json!({"value": text, "list": [text, [text]], *text: {"nested": text}}));
    }
}

#[test]
fn numbers_are_exact() {
    for number in [
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(9_007_199_254_740_993_u64),
        json!(1.5),
        json!(-0.1),
        json!(1e-7),
        json!(1.0),
        json!(100.0),
        json!(123_456_789_012_345_680_000.0),
    ] {
        let text = document(&json!({"a": number}));
        let read = strictly(&text);
        assert_eq!(read["a"].as_f64(), number.as_f64(), "{text}");
        assert_eq!(read["a"].as_u64(), number.as_u64(), "{text}");
        assert_eq!(read["a"].as_i64(), number.as_i64(), "{text}");
    }
}

#[test]
fn a_key_that_is_too_long_for_a_line_is_written_out() {
    written(&json!({"k".repeat(2000): {"a": ["b"]}, "9".repeat(2000): "c"}));
}

#[test]
fn empty_and_nested_collections_keep_their_kind() {
    written(&json!({"a": {}, "b": [], "c": [[], {}, [[]], {"d": []}], "e": null, "f": [null, {"g": null}]}));
}

#[test]
fn a_manifest_looks_as_a_person_would_write_it() {
    let manifest = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": {"on": "yes"}},
        "data": {"script": "set -e\necho hello\n", "port": "8080"},
        "items": [{"key": "a", "mode": 420}],
    });
    assert_eq!(
        document(&manifest),
        "\
apiVersion: v1
data:
  port: \"8080\"
  script: |
    set -e
    echo hello
items:
- key: a
  mode: 420
kind: ConfigMap
metadata:
  labels:
    \"on\": \"yes\"
  name: a
"
    );
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-+.0-9eExXoObB_:TZ ]{0,8}",
        "[ -~\n\t]{0,12}",
        "(yes|no|on|off|true|null|y|n|~|<<|nan|[.]inf)[a-z]{0,1}",
        any::<String>(),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|number| json!(number)),
        any::<u64>().prop_map(|number| json!(number)),
        text().prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::btree_map(text(), inner, 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same_object(fields in prop::collection::btree_map(text(), value(), 1..5)) {
        written(&Value::Object(fields.into_iter().collect()));
    }
}
