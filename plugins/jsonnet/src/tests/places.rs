use super::render;

/// A program, and the place of each object that it makes.
fn places(main: &str, files: &[(&str, &str)]) -> String {
    let mut all = vec![("app/main.jsonnet", main)];
    all.extend(files);
    let told = render(&all, "values: {}");
    let places = told.lines().map(|line| line.rsplit_once(": ").map_or(line, |(place, _)| place));
    places.collect::<Vec<_>>().join(" ").replace("app/", "").replace(".jsonnet", "")
}

#[test]
fn an_object_stands_where_its_text_does() {
    let pod = "{apiVersion: 'v1', kind: 'Pod', metadata: {name: 'a'}}";
    let job = "{apiVersion: 'v1', kind: 'Job', metadata: {name: 'a'}}";
    for (what, main, expected) in [
        ("a field", format!("{{\n  b: {job},\n  a: {pod},\n}}"), "main:3 main:2"),
        ("an item", format!("[\n{pod},\n({job})]"), "main:2 main:3"),
        ("a variable", format!("local a = {pod},\n  b = {job};\n{{x: a, y: b}}"), "main:1 main:2"),
        ("a variable of an object", format!("{{\n  local a = {pod},\n  x: a,\n}}"), "main:2"),
        ("the later of two", format!("{{a: {pod}}} +\n{{a: {job}}}"), "main:2"),
        ("the earlier, if it alone has it", format!("{{a: {pod}}} +\n{{b: {job}}}"), "main:1 main:2"),
        ("an extension", format!("local base = {{a: {pod}}};\nbase {{\n  b: {job}}}"), "main:1 main:3"),
        ("an argument is where it is used", format!("function(values, a={pod})\n{{\n  a: a}}"), "main:3"),
        ("a call", format!("local f() = {pod};\n{{\n  a: f()}}"), "main:3"),
        ("a comprehension", format!("\n[{pod} for i in [1]]"), "main:2"),
        (
            "a variable is that of its own scope",
            format!("local a = {pod};\n{{x: local a = {job};\n a}}"),
            "main:2",
        ),
    ] {
        assert_eq!(places(&main, &[]), expected, "{what}");
    }
}

#[test]
fn an_object_of_another_file_stands_there() {
    let files = [
        ("app/web.libsonnet", "local name = 'web';\n{apiVersion: 'v1', kind: 'Pod', metadata: {name: name}}"),
        ("vendor/all.libsonnet", "{\n\n  job: {apiVersion: 'v1', kind: 'Job', metadata: {name: 'a'}}}"),
    ];
    let main = "local all = import 'all.libsonnet';\n{\n  job: all,\n  web: import 'web.libsonnet',\n}";
    assert_eq!(places(main, &files), "vendor/all.libsonnet:3 web.libsonnet:2");
}

#[test]
fn names_that_lead_in_circles_end() {
    let main = "local a = b, b = {x: {apiVersion: 'v1', kind: 'Pod', metadata: {name: 'a'}}} + {y:: a};\na";
    assert_eq!(places(main, &[]), "main:1");
}
