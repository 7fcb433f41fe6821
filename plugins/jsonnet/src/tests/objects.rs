use serde_json::json;

use super::{data, holding, render, run};

#[test]
fn objects_are_found_wherever_they_stand() {
    for (program, expected) in [
        ("{apiVersion: 'v1', kind: 'Pod', metadata: {name: 'a'}}", "app/main.jsonnet:1: Pod/a"),
        ("[]", "warning app/main.jsonnet: the program's value holds no object"),
        ("null", "warning app/main.jsonnet: the program's value holds no object"),
        (
            "[\n{apiVersion: 'v1', kind: 'Pod', metadata: {name: 'b'}},\n[null, {apiVersion: 'v1', kind: 'Pod', metadata: {name: 'a'}}]]",
            "app/main.jsonnet:2: Pod/b\napp/main.jsonnet:3: Pod/a",
        ),
        (
            "{z: {apiVersion: 'v1', kind: 'Pod', metadata: {name: 'z'}},\na: {deep: [{apiVersion: 'v1', kind: 'Pod', metadata: {name: 'a'}}]},\nh:: 'no object'}",
            "app/main.jsonnet:2: Pod/a\napp/main.jsonnet:1: Pod/z",
        ),
        (
            "{apiVersion: 'v1', kind: 'List', items: [\n{apiVersion: 'v1', kind: 'Pod', metadata: {name: 'a'}},\n{apiVersion: 'apps/v1', kind: 'DeploymentList', items: [{metadata: {name: 'b', namespace: 'n'}}]}]}",
            "app/main.jsonnet:2: Pod/a\napp/main.jsonnet:3: Deployment/n/b",
        ),
    ] {
        assert_eq!(run(program), expected, "{program}");
    }
}

#[test]
fn what_is_no_object_is_refused_by_its_place() {
    for (program, expected) in [
        ("'text'", "$: is text, not a Kubernetes object; hide what is no object with `::`"),
        (
            "{web: {port: 80}}",
            "$.web.port: is a number, not a Kubernetes object; hide what is no object with `::`",
        ),
        (
            "{a: [null, {x: true}]}",
            "$.a[1].x: is a boolean, not a Kubernetes object; hide what is no object with `::`",
        ),
        (
            "{'a.yaml': {apiVersion: 'v1', metadata: {name: 'a'}}}",
            "$['a.yaml']: `kind` is missing or not text",
        ),
        ("{a: {kind: 'Pod', metadata: {name: 'a'}}}", "$.a: `apiVersion` is missing or not text"),
        ("{a: {apiVersion: 'v1', kind: 'Pod'}}", "$.a: `metadata.name` is missing or not text"),
        (
            "{a: {apiVersion: 'v1', kind: 'List', items: [{apiVersion: 'v1', kind: 'Pod', metadata: {generateName: 'a-'}}]}}",
            "$.a.items[0]: `metadata.name` is missing or not text; `generateName` makes another object at each apply",
        ),
        (
            "{new(name): {}}",
            "$.new: is a function, which no manifest can hold; call it, or hide the field with `::`",
        ),
    ] {
        assert_eq!(run(program), format!("error app/main.jsonnet: {expected}"), "{program}");
    }
}

#[test]
fn all_that_is_no_object_is_told_at_once_up_to_a_limit() {
    let told = run("{a: 1, b: 2}");
    assert_eq!(told.lines().count(), 2, "{told}");
    let many = run("[i for i in std.range(1, 120)]");
    assert!(many.ends_with("error app/main.jsonnet: and 70 more such problems"), "{many}");
}

#[test]
fn what_nests_too_deep_or_grows_too_large_is_refused() {
    let nested = |times: usize| format!("{}'x'{}", "[".repeat(times), "]".repeat(times));
    assert!(run(&nested(40)).contains("nests deeper than 32 levels without being an object"));
    assert!(run(&holding(&format!("{{a: {}}}", nested(100)))).starts_with("app/main.jsonnet:1"));
    assert!(run(&holding(&format!("{{a: {}}}", nested(130)))).contains("nests deeper than 120 levels"));
    // Each level holds the one below twice.
    let doubling = "std.foldl(function(a, i) [a, a], std.range(1, 22), 'x')";
    assert!(run(&holding(doubling)).contains("has more than 1000000 values"));
}

#[test]
fn whole_numbers_are_printed_whole() {
    let numbers = data(
        &[("app/main.jsonnet", &holding("[80, 1.0, 0.5, -3, 4294967296 * 4, 9007199254740993, 1e18]"))],
        "",
    );
    assert_eq!(numbers.to_string(), "[80,1,0.5,-3,17179869184,9007199254740992,1000000000000000000]");
}

#[test]
fn keys_are_in_their_order_and_items_in_theirs() {
    let program = "{z: [{apiVersion: 'v1', kind: 'Pod', metadata: {name: n}} for n in ['c', 'a']], \
                   B: self.z[1] {kind: 'Job'}, a: []}";
    assert_eq!(run(program).replace("app/main.jsonnet:1: ", ""), "Job/a\nPod/c\nPod/a");
}

#[test]
fn traces_are_warnings_at_their_place_and_not_without_end() {
    let traced = format!("local x = 1;\nstd.trace('x is ' + x, {})", holding("{}"));
    assert_eq!(run(&traced), "app/main.jsonnet:2: ConfigMap/a\nwarning app/main.jsonnet:2: trace: x is 1");
    let many = holding(
        "[std.trace('é' * 1, 1) for i in []] + [std.trace(std.repeat('é', 1000), i) for i in std.range(1, 60)]",
    );
    let told = render(&[("app/main.jsonnet", &many)], "");
    assert_eq!(told.lines().count(), 1 + 50 + 1);
    assert!(told.lines().nth(1).is_some_and(|line| line.len() < 1200 && line.ends_with('…')));
    assert!(told.ends_with("warning ?: 10 more messages of `std.trace` are left out"), "{told}");
}

#[test]
fn bytes_and_text_of_files_are_values() {
    let files = [
        ("app/main.jsonnet", holding("{t: importstr 'a.txt', b: importbin '/b.bin'}")),
        ("app/a.txt", "ä\n".to_owned()),
        ("b.bin", "\u{7f}".to_owned()),
    ];
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    assert_eq!(data(&files, ""), json!({"t": "ä\n", "b": [127]}));
}
