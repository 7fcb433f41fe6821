use std::fmt::Write as _;

use serde_json::json;

use super::*;

fn contents(text: &str) -> Vec<Value> {
    documents(text).unwrap().into_iter().map(|document| document.content).collect()
}

/// The message and the text that it points at.
fn refused(text: &str) -> (String, String) {
    let diagnostic = documents(text).unwrap_err().in_file("f.yaml");
    let span = diagnostic.span.unwrap();
    (diagnostic.message, text[span.start as usize..span.end as usize].to_owned())
}

#[test]
fn each_document_comes_with_its_bytes() {
    let text = "# a comment\na: 1\n---\n# another\nb:\n- x\n- y # last\n\n---\n{c: é}\n---\n---\n";
    let spans: Vec<_> = documents(text).unwrap();
    let spans: Vec<_> = spans
        .iter()
        .filter(|found| !found.content.is_null())
        .map(|found| &text[found.bytes.clone()])
        .collect();
    assert_eq!(spans, ["a: 1", "b:\n- x\n- y", "{c: é}"]);
}

#[test]
fn empty_documents_are_null() {
    assert_eq!(contents(""), Vec::<Value>::new());
    assert_eq!(contents("---\n---\n# only a comment\n"), [json!(null), json!(null)]);
}

#[test]
fn quotes_and_blocks_make_text() {
    assert_eq!(
        contents("a: 'yes'\nb: \"1\"\nc: |\n  on\nd: >-\n  0644\n"),
        [json!({"a": "yes", "b": "1", "c": "on\n", "d": "0644"})]
    );
}

#[test]
fn a_block_that_ends_with_the_file_has_no_line_feed_of_its_own() {
    assert_eq!(contents("a: |\n  x"), [json!({"a": "x"})]);
    assert_eq!(contents("a: |\n  x\n"), [json!({"a": "x\n"})]);
}

#[test]
fn keys_become_text() {
    assert_eq!(
        contents("1: a\ny: b\n'n': c\n0x10: d\n"),
        [json!({"1": "a", "true": "b", "n": "c", "16": "d"})]
    );
    assert_eq!(
        refused("1.5: a\n"),
        ("the key 1.5 is a number with a fraction; quote it".into(), "1.5".into())
    );
    assert_eq!(refused("[a]: b\n").0, "a key is a list or an object");
}

#[test]
fn a_key_that_stands_twice_is_refused_where_it_stands() {
    assert_eq!(refused("a: 1\nb: 2\na: 3\n"), ("the key `a` stands twice".into(), "a".into()));
    assert_eq!(refused("x: {1: a, '1': b}\n"), ("the key `1` stands twice".into(), "'1'".into()));
}

#[test]
fn aliases_and_merge_keys_are_resolved() {
    let text = "
base: &base {image: a, tag: 1}
other: &other {tag: 2, more: x}
one: {<<: *base, tag: 3}
two: {<<: [*base, *other]}
three: {tag: 4, <<: *base}
text: &t hello
again: *t
quoted: {'<<': 1}
";
    let found = &contents(text)[0];
    assert_eq!(found["one"], json!({"image": "a", "tag": 3}));
    assert_eq!(found["two"], json!({"image": "a", "tag": 1, "more": "x"}));
    assert_eq!(found["three"], json!({"image": "a", "tag": 4}));
    assert_eq!(found["again"], "hello");
    assert_eq!(found["quoted"], json!({"<<": 1}));
}

#[test]
fn anchors_end_with_their_document() {
    assert!(documents("a: &x 1\n---\nb: *x\n").is_err());
}

#[test]
fn an_alias_to_what_contains_it_is_refused() {
    assert_eq!(refused("a: &x [*x]\n"), ("an alias names what contains it".into(), "*x".into()));
}

#[test]
fn aliases_that_explode_are_refused_by_the_limit() {
    let mut text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..20 {
        let alias = format!("*a{}", level - 1);
        writeln!(text, "a{level}: &a{level} [{}]", vec![alias; 9].join(", ")).unwrap();
    }
    assert_eq!(refused(&text).0, "the document's aliases expand to more than 4194304 bytes");
}

#[test]
fn deep_nesting_is_refused_by_the_limit() {
    assert!(documents(&format!("{}{}", "[".repeat(100), "]".repeat(100))).is_ok());
    assert_eq!(
        refused(&format!("{}{}", "[".repeat(101), "]".repeat(101))).0,
        "objects and lists nest deeper than 100"
    );
    let mut text = "a0: &a0 [x]\n".to_owned();
    for level in 1..200 {
        writeln!(text, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    assert_eq!(refused(&text).0, "objects and lists nest deeper than 100");
}

#[test]
fn tags_decide_what_a_scalar_is() {
    assert_eq!(
        contents("a: !!str 1\nb: !!int '2'\nc: !custom 3\nd: ! 4\n"),
        [json!({"a": "1", "b": 2, "c": "3", "d": "4"})]
    );
    assert_eq!(refused("a: !!int x\n"), ("`x` is not a `!!int`".into(), "x".into()));
}

#[test]
fn broken_yaml_is_refused_where_it_breaks() {
    let text = "a: 1\nb: [1, 2\nc: 3\n";
    let diagnostic = documents(text).unwrap_err().in_file("f.yaml");
    assert!(!diagnostic.message.is_empty());
    assert!(diagnostic.span.unwrap().start >= 5, "{diagnostic:?}");
}
