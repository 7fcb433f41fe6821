//! What is refused before any object is judged, and where it points.

use serde_json::{Value, json};

use super::{refusals, template};

/// The refusals of one module.
fn of(text: &str, version: &str) -> Vec<(String, String, String)> {
    refusals(&json!({"modules": {"p/a.rego": text}, "version": version}))
}

fn one(text: &str) -> (String, String) {
    let mut found = of(text, "v1");
    assert_eq!(found.len(), 1, "{text}: {found:?}");
    let (pointer, span, message) = found.remove(0);
    assert_eq!(pointer, "/modules/p~1a.rego");
    (span, message)
}

#[test]
fn nothing_to_judge_by_is_refused() {
    let nothing = "there are no policies, so everything would be admitted";
    for settings in [json!({}), json!({"resources": []}), json!({"modules": {}})] {
        assert_eq!(refusals(&settings), [(String::new(), String::new(), nothing.to_owned())]);
    }
    let found = of("package main\nallow if true", "v1");
    assert_eq!(found[0].0, "/modules");
    assert!(found[0].2.starts_with("no rule of these packages is called `deny`"), "{found:?}");
    let found = refusals(
        &json!({"modules": {"a.rego": "package main\ndeny contains 1"}, "namespaces": ["main", "mian"]}),
    );
    assert_eq!(found[0].0, "/namespaces/1");
    assert_eq!(found[0].2, "no module has a rule in a package `mian`");
}

#[test]
fn a_text_that_does_not_parse_is_refused_with_its_place() {
    let (span, message) = one("package main\ndeny contains msg if {\n  msg := = 1\n}");
    assert_eq!((span.as_str(), &message[..29]), ("=", "p/a.rego, line 3, column 10: "));
    let found = of("package main\ndeny[msg] { msg := 1 }", "v1");
    assert!(found[0].2.ends_with("it is valid as Rego v0: say `version: v0`, or migrate it"), "{found:?}");
    assert!(of("package main\ndeny[msg] { msg := 1 }", "v0").is_empty());
}

#[test]
fn functions_that_there_are_not_are_refused_with_the_reason() {
    for (call, reason) in [
        ("http.send({})", "it asks the network"),
        ("opa.runtime()", "it reads the environment"),
        ("time.now_ns()", "it reads the clock"),
        ("rand.intn(\"a\", 1)", "it is random"),
        ("uuid.rfc4122(\"\")", "it is random"),
        ("trace(\"x\")", "nobody reads a trace"),
        ("external_data({})", "it asks the network"),
        ("crypto.sha256(\"\")", "the engine does not have this function of OPA"),
        ("parse_config(\"yaml\", \"\")", "it reads files"),
    ] {
        let name = call.split('(').next().unwrap();
        let (span, message) = one(&format!("package main\ndeny contains 1 if {{ {call} }}"));
        assert_eq!(span, name);
        let start =
            format!("p/a.rego, line 2, column 22: the function `{name}` is not available here: {reason}");
        assert!(message.starts_with(&start), "{message}");
    }
    let (span, message) = one("package main\nf(x) := x\ndeny contains 1 if { not g(1) }");
    assert_eq!(
        (span.as_str(), message.as_str()),
        ("g", "p/a.rego, line 3, column 26: there is no function `g`")
    );
}

#[test]
fn calls_with_the_wrong_number_of_arguments_are_refused() {
    let (span, message) = one("package main\ndeny contains 1 if { count(1, 2, 3) }");
    assert_eq!(span, "count");
    assert!(message.ends_with("`count` takes 1 argument, and there are 3"), "{message}");
    let (_, message) = one("package main\nf(a, b) := a\ndeny contains 1 if f(1)");
    assert!(message.ends_with("`f` takes 2 arguments, and there is 1"), "{message}");
    assert!(of("package main\ndeny contains n if count([1], n)", "v1").is_empty());
}

#[test]
fn variables_without_a_value_are_refused() {
    let (span, message) = one("package main\ndeny contains mesage if { message := 1 }");
    assert_eq!(span, "mesage");
    assert!(
        message.ends_with("the variable `mesage` has no value: nothing in the body gives it one"),
        "{message}"
    );
    let (span, message) = one("package main\ndeny contains 1 if { objekt.kind == 1 }");
    assert_eq!(span, "objekt");
    assert!(message.ends_with("use of undefined variable `objekt` is unsafe"), "{message}");
}

#[test]
fn places_are_those_of_what_was_written() {
    // The engine reads insertions before these.
    let text = "package main\ndeny contains 1 if { not count(input.a.b) > 1; nothing(2) }";
    assert_eq!(one(text).1, "p/a.rego, line 2, column 48: there is no function `nothing`");
    let found = of("package main\ndeny[1] { input.a\n(1 < 2) } { true } { nothing(2) }", "v0");
    assert_eq!(
        (found[0].1.as_str(), found[0].2.as_str()),
        ("nothing", "p/a.rego, line 3, column 22: there is no function `nothing`")
    );
}

#[test]
fn all_problems_are_told_at_once() {
    let modules = json!({
        "a.rego": "package main\ndeny contains x if { foo(1); bar(2) }",
        "b.rego": "package main\nwarn contains 1 if trace(1)",
    });
    assert_eq!(refusals(&json!({"modules": modules})).len(), 4);
    let bad = json!({"a.rego": "package", "b.rego": "package main\n}"});
    let mut broken = template("package t\nviolation[{\"msg\": \"\"}] { nothing() }");
    broken["metadata"]["name"] = json!("other");
    let found =
        refusals(&json!({"modules": bad, "resources": [broken, {"apiVersion": "v1", "kind": "Pod"}]}));
    let places: Vec<&str> = found.iter().map(|(pointer, ..)| pointer.as_str()).collect();
    assert_eq!(
        places,
        [
            "/resources/0/metadata/name",
            "/resources/0/spec/targets/0/rego",
            "/resources/1",
            "/modules/a.rego",
            "/modules/b.rego"
        ]
    );
}

#[test]
fn rules_that_need_themselves_are_refused() {
    for text in [
        "f(x) := f(x + 1)\ndeny contains 1 if f(1)",
        "a if b\nb if c.d\nc.d if a\ndeny contains 1 if a",
        "a[x] := y if { some x, y in a }\ndeny contains 1 if a",
        "deny contains 1 if count(data.main.deny) > 0",
    ] {
        let (_, message) = one(&format!("package main\n{text}"));
        assert!(message.ends_with(" needs itself"), "{message}");
    }
    // Names that are the rule's own do not stand for rules.
    let own = "package main\nlabels(x) := labels if { labels := x.labels }\nname := n if { some n in [1] }\n\
               limits.cpu := 1\nlimits.memory := limits.cpu\ndeny contains 1 if { name; labels({}); limits }";
    assert_eq!(of(own, "v1"), []);
}

#[test]
fn limits_name_themselves() {
    let chain: Vec<String> = (0..60).map(|index| format!("r{index} if r{}", index + 1)).collect();
    let rules: Vec<String> = (0..5001).map(|index| format!("r{index} := 1")).collect();
    for (text, limit) in [
        ("x ".repeat(140_000), "more than the 262144 that one may have"),
        (
            format!("deny contains 1 if {{ x := (\n{}1\n) }}", "1 +\n".repeat(501)),
            "more than the 500 operators",
        ),
        (
            format!("deny contains {}1{}", "[".repeat(17), "]".repeat(17)),
            "deeper in each other than the 16 levels",
        ),
        (format!("{}\nr60 := 1\ndeny contains 1 if r0", chain.join("\n")), "in a chain of more than 50"),
        (rules.join("\n"), "more than the 5000 that may be compiled together"),
    ] {
        let found = of(&format!("package main\n{text}"), "v1");
        assert!(found.len() == 1 && found[0].2.contains(limit), "{limit}: {found:?}");
    }
    let modules: serde_json::Map<String, Value> =
        (0..501).map(|index| (format!("{index}.rego"), json!("package main"))).collect();
    assert!(refusals(&json!({"modules": modules}))[0].2.ends_with("one rego policy takes 500"));
    let many = vec![json!({}); 1001];
    assert!(refusals(&json!({"resources": many}))[0].2.ends_with("one rego policy takes 1000"));
}

#[test]
fn a_long_head_of_many_bodies_takes_no_more_than_its_share() {
    let head = format!("deny[{{\"msg\": \"{}\"}}]", "x".repeat(900));
    let text = format!("package main\n{head} {}", "{ true }\n".repeat(5_000));
    let found = of(&text, "v0");
    assert!(found.len() == 1 && found[0].2.ends_with("else cannot be used with set rules"), "{found:?}");
    let text = format!("package main\n{head} {}", "{ true }\n".repeat(500));
    assert_eq!(of(&text, "v0"), []);
}

#[test]
fn texts_of_any_kind_are_refused_without_a_panic() {
    let pieces = [
        "package main",
        "\n",
        "deny",
        "{",
        "}",
        "[",
        "(",
        "\"",
        "`",
        "#",
        ":=",
        "some",
        "é",
        "%",
        "\\",
        "\0",
        "1e9999",
        "-",
    ];
    // Every text of three pieces behind a package, and every one without.
    for first in pieces {
        for second in pieces {
            for third in pieces {
                let _ = of(&format!("{first}{second}{third}"), "v1");
                let _ = of(&format!("package main\ndeny contains x if {{ {first} {second} {third} }}"), "v0");
            }
        }
    }
}

#[test]
fn misspelt_settings_and_unknown_versions_are_refused() {
    assert!(refusals(&json!({"modul": {}}))[0].2.starts_with("bad settings: unknown field `modul`"));
    let found = refusals(&json!({"modules": {"a": ""}, "version": "v2"}));
    assert_eq!(
        (found[0].0.as_str(), found[0].2.as_str()),
        ("/version", "there is no version `v2` of Rego: `v0` or `v1`")
    );
}
