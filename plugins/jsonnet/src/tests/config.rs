use serde_json::json;

use super::{data, holding, render};

const POD: &str = "{apiVersion: 'v1', kind: 'Pod', metadata: {name: 'a'}}";

#[test]
fn the_file_is_named_relative_to_the_folder() {
    let files =
        [("app/main.jsonnet", "error 'not this one'"), ("app/env/prod.jsonnet", POD), ("top.jsonnet", POD)];
    assert_eq!(render(&files, "file: env/prod.jsonnet"), "app/env/prod.jsonnet:1: Pod/a");
    assert_eq!(render(&files, "file: ../top.jsonnet"), "top.jsonnet:1: Pod/a");
    assert_eq!(render(&files, "file: /top.jsonnet"), "top.jsonnet:1: Pod/a");
    assert_eq!(
        render(&files, "file: prod.jsonnet"),
        "error app/prod.jsonnet: there is no such file; `file` names the program"
    );
    assert_eq!(
        render(&files, "file: ../../etc/passwd"),
        "error ?: `file` is `../../etc/passwd`, which leads out of the repository"
    );
}

#[test]
fn imports_are_looked_up_beside_the_file_then_in_libs_then_in_lib_and_vendor() {
    let all = [
        ("app/k.libsonnet", "'beside'"),
        ("app/mine/k.libsonnet", "'libs'"),
        ("shared/k.libsonnet", "'libs of the repository'"),
        ("app/lib/k.libsonnet", "'lib'"),
        ("lib/k.libsonnet", "'lib of the repository'"),
        ("app/vendor/k.libsonnet", "'vendor'"),
        ("vendor/k.libsonnet", "'vendor of the repository'"),
    ];
    let main = holding("import 'k.libsonnet'");
    for first in 0..all.len() {
        let mut files = vec![("app/main.jsonnet", main.as_str())];
        files.extend(&all[first..]);
        let found = data(&files, "libs: [mine, /shared]");
        assert_eq!(format!("'{}'", found.as_str().unwrap()), all[first].1);
    }
}

#[test]
fn an_import_that_is_nowhere_says_where_it_was_looked_for() {
    let files = [("app/main.jsonnet", "{\n  a: import 'k.libsonnet'}"), ("app/x/y.txt", "")];
    assert_eq!(
        render(&files, "libs: [x]"),
        "error app/main.jsonnet:2: `k.libsonnet` is not found; these were tried: app/k.libsonnet, app/x/k.libsonnet, \
         app/lib/k.libsonnet, lib/k.libsonnet, app/vendor/k.libsonnet, vendor/k.libsonnet"
    );
    let absolute = [("app/main.jsonnet", "import '/k.libsonnet'")];
    assert_eq!(
        render(&absolute, ""),
        "error app/main.jsonnet:1: `/k.libsonnet` is not found; these were tried: k.libsonnet"
    );
}

#[test]
fn nothing_outside_of_the_repository_is_imported() {
    let main = "importstr '../../../etc/passwd'";
    let told = render(&[("app/main.jsonnet", main)], "");
    assert!(told.starts_with("error app/main.jsonnet:1: `../../../etc/passwd` "), "{told}");
    assert_eq!(
        render(&[("app/main.jsonnet", main)], "libs: [../..]"),
        "error ?: `libs` has `../..`, which leads out of the repository"
    );
}

#[test]
fn external_variables_and_arguments_keep_their_types() {
    let main = "function(n, o={}, z='default') {apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'a'}, \
                data: [n + 1, o.list[0], z, std.extVar('flag') && true, std.extVar('text')]}";
    let files = [("app/main.jsonnet", main)];
    let settings = "{tlas: {n: 1, o: {list: [null]}}, extVars: {flag: true, text: '1'}}";
    assert_eq!(data(&files, settings), json!([2, null, "default", true, "1"]));
}

#[test]
fn values_are_an_external_variable_and_the_argument_of_that_name() {
    let settings = "values: {colour: blue}";
    let external = holding("std.extVar('values').colour");
    assert_eq!(data(&[("app/main.jsonnet", &external)], settings), "blue");
    let argument = format!("function(values) {}", holding("values.colour"));
    assert_eq!(data(&[("app/main.jsonnet", &argument)], settings), "blue");
    let none = format!("function(colour='red') {}", holding("[colour, std.extVar('values').colour]"));
    assert_eq!(data(&[("app/main.jsonnet", &none)], settings), json!(["red", "blue"]));
    let own = "{values: {colour: blue}, tlas: {values: {colour: green}}}";
    assert_eq!(data(&[("app/main.jsonnet", &argument)], own), "green");
}

#[test]
fn a_program_that_calls_something_else_with_values_is_told_its_own_mistake() {
    let main = format!("function(values) local f(x) = x;\n{}", holding("f(values=values)"));
    assert!(
        render(&[("app/main.jsonnet", &main)], "values: {}")
            .starts_with("error app/main.jsonnet:2: $.data: the function has no parameter `values`"),
        "{}",
        render(&[("app/main.jsonnet", &main)], "values: {}")
    );
}

#[test]
fn arguments_have_to_fit() {
    let function = format!("function(name) {}", holding("name"));
    let files = [("app/main.jsonnet", function.as_str())];
    assert_eq!(
        render(&files, ""),
        "error app/main.jsonnet: the program's parameter `name` has no value; set it in `tlas`"
    );
    assert_eq!(
        render(&files, "tlas: {name: a, nam: b}"),
        "error app/main.jsonnet: the program has no parameter `nam`, which `tlas` sets"
    );
    assert_eq!(
        render(&[("app/main.jsonnet", POD)], "tlas: {name: a}"),
        "error app/main.jsonnet: `tlas` are arguments, and the program's value is no function: remove them, or make it \
         `function(…) …`"
    );
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    let files = [("app/main.jsonnet", POD)];
    for (settings, word) in [
        ("extVar: {}", "unknown field `extVar`"),
        ("values: [a]", "invalid type"),
        ("{values: {}, extVars: {values: 1}}", "are both `std.extVar('values')`"),
        ("file: ''", "one of them is empty"),
        ("maxStack: 0", "from 1 to 10000"),
    ] {
        let told = render(&files, settings);
        assert!(told.starts_with("error ?: bad settings: ") && told.contains(word), "{settings}: {told}");
    }
}

#[test]
fn the_depth_of_calls_is_a_setting() {
    let main = format!("local f(n) = if n == 0 then 0 else 1 + f(n - 1);\n{}", holding("f(2000)"));
    let files = [("app/main.jsonnet", main.as_str())];
    assert!(render(&files, "").contains("more than 500 calls are under way"));
    assert_eq!(data(&files, "maxStack: 8000"), 2000);
}
