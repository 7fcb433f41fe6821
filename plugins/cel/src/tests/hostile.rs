//! What nobody would write by mistake.

use std::fmt::Write as _;

use super::oracle::{OBJECT, evaluate, expressions};
use crate::compile::{self, Names, Purpose};
use crate::json::{Document, head};

#[test]
fn no_start_of_an_expression_is_a_panic() {
    for expression in expressions() {
        for (end, _) in expression.char_indices() {
            let _ = evaluate(&expression[..end], OBJECT);
            let _ = evaluate(&expression[end..], OBJECT);
        }
    }
}

#[test]
fn no_expression_with_a_sign_more_or_less_is_a_panic() {
    for expression in expressions() {
        for (place, letter) in expression.char_indices() {
            let (before, after) = expression.split_at(place);
            let _ = evaluate(&format!("{before}{}", &after[letter.len_utf8()..]), OBJECT);
            for sign in ["?", "-", "9", "\"", ".", "[", "\u{e9}"] {
                let _ = compile::compile(&format!("{before}{sign}{after}"), Names::default(), Purpose::Rule);
            }
        }
    }
}

#[test]
fn problems_stand_on_whole_characters_of_the_expression() {
    for expression in expressions() {
        for (end, _) in expression.char_indices() {
            let text = &expression[..end];
            for problem in compile::compile(text, Names::default(), Purpose::Rule).err().into_iter().flatten()
            {
                assert!(text.get(problem.span.clone()).is_some(), "{text}: {problem:?}");
            }
        }
    }
}

#[test]
fn broken_json_is_an_error_and_no_panic() {
    for end in 0..OBJECT.trim_end().len() {
        let bytes = &OBJECT.as_bytes()[..end];
        assert!(Document::parse(bytes).is_err(), "{end}");
        let _ = head(bytes);
        let mut changed = OBJECT.as_bytes().to_vec();
        for byte in [b'"', b'\\', b'{', b']', 0, 0xff] {
            changed[end] = byte;
            let _ = head(&changed);
            if let Ok(document) = Document::parse(&changed) {
                let _ = format!("{:?}", document.root());
            }
        }
    }
}

#[test]
fn json_that_nests_too_deep_is_refused_by_the_limit() {
    let deep = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(Document::parse(deep(128).as_bytes()).is_ok());
    assert_eq!(Document::parse(deep(129).as_bytes()).unwrap_err(), "the JSON nests deeper than 128 levels");
    assert_eq!(
        Document::parse("[".repeat(1_000_000).as_bytes()).unwrap_err(),
        "the JSON nests deeper than 128 levels"
    );
}

#[test]
fn the_head_of_an_object_is_what_the_whole_says() {
    for json in [
        r#"{"apiVersion":"v1","kind":"Pod"}"#,
        r#" { "kind" : "Pod" , "a" : {"kind": "x", "b": [1, "]}"]}, "apiVersion" : "v1" }"#,
        r#"{"metadata":{"name":"a\"}{"},"n":-1.5,"kind":"Pod","apiVersion":"v1"}"#,
    ] {
        assert_eq!(head(json.as_bytes()), Some(("v1", "Pod")), "{json}");
    }
    for json in [
        r#"{"kind":"Pod"}"#,
        r#"{"kind":"P\u006fd","apiVersion":"v1"}"#,
        r#"{"kind":1,"apiVersion":"v1"}"#,
        "[]",
        "{}",
        "",
    ] {
        assert_eq!(head(json.as_bytes()), None, "{json}");
    }
}

#[test]
fn large_objects_are_read_to_their_ends() {
    let mut list = String::from("[0");
    for number in 1..10_000 {
        let _ = write!(list, ",{number}");
    }
    let object = format!("{{\"list\":{list}],\"after\":true}}");
    assert_eq!(
        evaluate("object.list.size() == 10000 && object.list[9999] == 9999 && object.after", &object),
        "bool true"
    );
}
