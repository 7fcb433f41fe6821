use super::{holding, render, run};

#[test]
fn each_mistake_is_told_at_its_line() {
    for (program, expected) in [
        ("{\n  a: 1 +\n}", ":3: expected "),
        ("{\n  a: 'open\n", ":2: the string is not ended"),
        ("local a = 1;\n{a: b}", ":2: there is no variable `b`"),
        ("{a: 1,\n a: 2}", ":2: the field `a` is defined twice"),
        ("{\n a: {b: 1}.c}", ":2: $.a: the object has no field `c`"),
        ("{\n a: 1 / 0}", ":2: $.a: division by zero"),
        ("{\n a: [1, 2][5]}", ":2: $.a: the index 5 is out of range: there are 2"),
        ("{a: 1,\n b: error 'no ' + self.a}", ":2: $.b: no 1"),
        ("{\n assert self.a > 2 : 'a is too small',\n a: 1}", ":2: assertion failed: a is too small"),
        ("\nstd.assertEqual(1, 2)", ":2: assertion failed: 1 is not 2"),
        ("\n{a: std.extVar('x')}", ":2: $.a: there is no external variable `x`; set it in `extVars`"),
        ("local x = y,\n y = x;\nx", ": the value depends on itself"),
        ("{a: 'x' -\n 1}", ":1: $.a: `-` does not apply to a string and a number"),
        ("\n{a: std.length(1)}", ":2: $.a: argument 1 of `std.length` is a number; it takes "),
        ("\n{a: (function(x) x)()}", ":2: $.a: the argument `x` is missing"),
        ("\nimport 'a' + 'b'", ":2: an import takes a string as it is, not an expression"),
        ("\n{a: std.native('x')(1)}", ":2: $.a: "),
    ] {
        let told = run(program);
        let first = told.lines().next().unwrap();
        assert!(first.starts_with("error app/main.jsonnet") && first.contains(expected), "{program}: {told}");
    }
}

#[test]
fn what_led_to_an_error_follows_it() {
    let files = [
        ("app/main.jsonnet", "local web = import 'web.libsonnet';\n{\n  web: web.new('x', 0),\n}"),
        (
            "app/web.libsonnet",
            "local positive(n) =\n  assert n > 0 : 'not positive';\n  n;\n{\n  new(name, n): {\n    name: name,\n    replicas: positive(n),\n  },\n}",
        ),
    ];
    assert_eq!(
        render(&files, ""),
        "error app/web.libsonnet:2: $.web.replicas: assertion failed: not positive\n\
         info app/web.libsonnet:7: called from here: `positive`"
    );
}

#[test]
fn a_broken_file_is_told_at_its_line_and_where_it_is_imported() {
    let files =
        [("app/main.jsonnet", "{\n  a: import 'b.libsonnet',\n}"), ("app/b.libsonnet", "{\n\n  a: }")];
    assert_eq!(
        render(&files, ""),
        "error app/b.libsonnet:3: expected an expression, found `}`\n\
         info app/main.jsonnet:2: imported here"
    );
}

#[test]
fn a_recursion_without_end_is_refused_whatever_it_goes_through() {
    for program in [
        "local f(n) = 1 + f(n + 1); f(0)",
        "local f(n) = {a: f(n + 1)}; f(0)",
        "local f(n) = std.map(function(x) f(n + 1), [1]); f(0)",
        "local f(n) = '%s' % [f(n + 1)]; f(0)",
        "local f(n) = std.sort([1, 2], function(x) f(n + 1)); f(0)",
        "local a = [if i == 0 then 0 else a[i - 1] + 1 for i in std.range(0, 5000)]; a[5000]",
        "{local o = {a: {b: o}}, x: o}",
        "std.toString(std.foldl(function(a, i) [a], std.range(0, 5000), []))",
        "local l(n) = std.foldl(function(a, i) [a], std.range(0, 5000), []); l(0) == l(1)",
        "std.manifestYamlDoc(std.foldl(function(a, i) {a: a}, std.range(0, 5000), {}))",
        "std.foldl(function(a, i) a + {x: super.x + 1}, std.range(0, 600), {x: 0}).x",
        "std.parseJson(std.repeat('[', 5000) + std.repeat(']', 5000))",
        "std.mergePatch({}, std.foldl(function(a, i) {a: a}, std.range(0, 5000), {}))",
        "std.prune(std.foldl(function(a, i) {a: a}, std.range(0, 5000), {a: 1}))",
    ] {
        let told = run(&holding(program));
        assert!(
            told.contains("more than 500 calls are under way: this is a recursion without end"),
            "{program}: {told}"
        );
    }
    assert!(run("(import 'main.jsonnet')").contains("the value depends on itself"));
}

#[test]
fn a_text_that_nests_without_end_is_refused_and_one_that_is_only_long_is_not() {
    for (begin, end) in [("if true then ", ""), ("{a: ", "}"), ("f(", ")"), ("local x = 1; ", ""), ("[", "]")]
    {
        let text = format!("{}1{}", begin.repeat(20_000), end.repeat(20_000));
        assert!(run(&text).contains("nests too deep to be read"), "{begin}");
    }
    for (begin, item) in [("1", "+1"), ("-", "-"), ("{a: 1}", "+{a: 1}"), ("''", "+'x'")] {
        let text = holding(&format!("std.length('' + ({begin}{} 1))", item.repeat(3_000)));
        let told = run(&text);
        assert!(!told.contains("nests too deep"), "{item}: {told}");
    }
}
