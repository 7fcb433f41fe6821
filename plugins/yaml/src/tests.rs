use std::path::Path;

use serde_json::json;
use tempfile::TempDir;
use windlass_plugin_sdk::testing;

use super::*;

fn repository(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    root
}

fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n")
}

/// One line for each manifest, or the diagnostics.
fn render(settings: &str, root: &Path, path: &str) -> String {
    match testing::render::<Yaml>(settings, root, path) {
        Ok(output) => {
            let manifests = output.manifests.iter().map(|manifest| {
                let object = windlass_plugin_sdk::object::Object::new(manifest.object.clone());
                format!("{}: {}", manifest.path.as_deref().unwrap(), object.reference())
            });
            manifests.chain(output.warnings.iter().map(ToString::to_string)).collect::<Vec<_>>().join("\n")
        }
        Err(diagnostics) => diagnostics.to_string(),
    }
}

#[test]
fn files_are_read_in_byte_order_and_hidden_ones_are_not() {
    let root = repository(&[
        ("app/b.yaml", &config_map("b")),
        ("app/a/z.yml", &config_map("z")),
        ("app/a.json", r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "j"}}"#),
        ("app/notes.txt", "not: read"),
        ("app/.hidden.yaml", "{"),
        ("app/.git/x.yaml", "{"),
        ("other/c.yaml", &config_map("c")),
    ]);
    assert_eq!(
        render("", root.path(), "app"),
        "app/a.json: ConfigMap/j\napp/a/z.yml: ConfigMap/z\napp/b.yaml: ConfigMap/b"
    );
}

#[test]
fn the_root_of_the_repository_can_be_the_folder() {
    let root = repository(&[("a.yaml", &config_map("a"))]);
    assert_eq!(render("", root.path(), ""), "a.yaml: ConfigMap/a");
}

#[test]
fn settings_select_files() {
    let root = repository(&[
        ("a.yaml", &config_map("a")),
        ("sub/b.yaml", &config_map("b")),
        ("sub/values.yaml", "not: an object"),
    ]);
    assert_eq!(render("recursive: false", root.path(), ""), "a.yaml: ConfigMap/a");
    assert_eq!(render("include: ['sub/b*']", root.path(), ""), "sub/b.yaml: ConfigMap/b");
    assert_eq!(
        render("exclude: ['**/values.yaml']", root.path(), ""),
        "a.yaml: ConfigMap/a\nsub/b.yaml: ConfigMap/b"
    );
    assert!(render("exlude: []", root.path(), "").contains("unknown field `exlude`"));
}

#[test]
fn lists_are_taken_apart() {
    let root = repository(&[(
        "a.yaml",
        "
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
- apiVersion: apps/v1
  kind: DeploymentList
  items: [{metadata: {name: b}}]
---
apiVersion: v1
kind: ConfigMapList
items: []
",
    )]);
    assert_eq!(render("", root.path(), ""), "a.yaml: ConfigMap/a\na.yaml: Deployment/b");
}

#[test]
fn a_broken_file_is_refused_with_its_place_and_the_others_are_still_judged() {
    let root = repository(&[
        ("a.yaml", "a: [\n"),
        ("b.yaml", "kind: ConfigMap\n"),
        ("c.json", "{\"a\": 1, \"a\": 2}"),
    ]);
    let diagnostics = testing::render::<Yaml>("", root.path(), "").unwrap_err();
    let found: Vec<_> =
        diagnostics.iter().map(|found| (found.path.as_deref().unwrap(), found.span.is_some())).collect();
    assert_eq!(found, [("a.yaml", true), ("b.yaml", true), ("c.json", true)]);
    let text = diagnostics.to_string();
    assert!(text.contains("b.yaml: `apiVersion` is missing or not text"), "{text}");
    assert!(text.contains("c.json: the key `a` stands twice"), "{text}");
}

#[test]
fn one_identity_in_two_places_is_refused_naming_both() {
    let root = repository(&[
        ("a.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x, namespace: shop}\n"),
        ("b.yaml", "apiVersion: apps/v1beta1\nkind: Deployment\nmetadata: {name: x, namespace: shop}\n"),
    ]);
    assert_eq!(
        render("", root.path(), ""),
        "error b.yaml: Deployment/shop/x: Deployment/shop/x is also defined in a.yaml\n\
         error a.yaml: Deployment/shop/x: Deployment/shop/x is defined here first"
    );
}

#[test]
fn what_is_no_object_is_refused() {
    let root = repository(&[(
        "a.yaml",
        "- a\n---\njust text\n---\nmetadata: {generateName: x-}\napiVersion: v1\nkind: Pod\n",
    )]);
    assert_eq!(
        render("", root.path(), ""),
        "error a.yaml: is a list, not a Kubernetes object\n\
         error a.yaml: is a single value, not a Kubernetes object\n\
         error a.yaml: `metadata.name` is missing or not text; `generateName` makes another object at each apply"
    );
}

#[test]
fn names_that_yaml_reads_as_something_else_must_be_quoted() {
    let root = repository(&[(
        "a.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: n}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: 1}\n",
    )]);
    assert_eq!(
        render("", root.path(), ""),
        "error a.yaml: `metadata.namespace` is not text; quote it\n\
         error a.yaml: `metadata.name` is missing or not text; quote it"
    );
}

#[test]
fn a_missing_folder_is_named() {
    let root = repository(&[]);
    let text = render("", root.path(), "nowhere");
    assert!(text.starts_with("error nowhere: the application's folder can't be opened: "), "{text}");
}

#[test]
fn a_folder_without_manifests_is_empty_with_a_warning() {
    let root = repository(&[("app/readme.md", "")]);
    assert_eq!(
        render("", root.path(), "app"),
        "warning app: no manifest was found in *.yaml, *.yml and *.json"
    );
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_circles_end() {
    let root = repository(&[("base/a.yaml", &config_map("a")), ("app/readme.md", "")]);
    std::os::unix::fs::symlink("../base/a.yaml", root.path().join("app/link.yaml")).unwrap();
    assert_eq!(render("", root.path(), "app"), "app/link.yaml: ConfigMap/a");
    std::os::unix::fs::symlink(".", root.path().join("app/circle")).unwrap();
    assert!(render("", root.path(), "app").contains("nests deeper than 32 folders"));
    fs::remove_file(root.path().join("app/circle")).unwrap();
    std::os::unix::fs::symlink("../gone", root.path().join("app/broken.yaml")).unwrap();
    assert!(render("", root.path(), "app").starts_with("error app/broken.yaml: can't be followed"));
}

#[test]
fn json_may_hold_several_values_with_their_bytes() {
    let text = "{\"a\": \"\\ud83d\\ude00\"}\n {\"b\": 18446744073709551615}\n";
    let found = json::documents(text).unwrap();
    assert_eq!(found[0].content, json!({"a": "😀"}));
    assert_eq!(&text[found[1].bytes.clone()], "{\"b\": 18446744073709551615}");
}

const DECLARED: &str = "\
apiVersion: windlass.dev/v1alpha1
kind: Values
metadata: {name: values, annotations: {config.kubernetes.io/local-config: 'true'}}
values:
  replicas: 2
  image: {name: nginx, tag: '1'}
  hosts: [a.example]
  note: null
  labels: {}
replacements:
- value: replicas
  targets:
  - {select: {kind: Deployment, name: web}, fieldPaths: [spec.replicas]}
- value: image.tag
  targets:
  - select: {kind: Deployment}
    fieldPaths: ['spec.containers[name=web].tag', spec.containers.1.tag]
- value: hosts
  targets:
  - select: {kind: Deployment}
    fieldPaths: ['metadata.annotations.example\\.org/hosts']
    options: {create: true}
";

const WEB: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  script: echo ${replicas} $(replicas) {{ .Values.replicas }}
  containers:
  - {name: web, tag: x}
  - {name: other, tag: x}
";

fn valued(settings: &str, files: &[(&str, &str)]) -> Result<Value, String> {
    let root = repository(files);
    match testing::render::<Yaml>(settings, root.path(), "app") {
        Ok(output) => Ok(output.manifests[0].object.clone()),
        Err(diagnostics) => Err(diagnostics.to_string()),
    }
}

#[test]
fn values_go_with_their_types_to_the_declared_fields_and_to_no_text() {
    let files = [("app/values.yaml", DECLARED), ("app/web.yaml", WEB)];
    let spec = |replicas: i64, tag: &str, hosts: Value| {
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "annotations": {"example.org/hosts": hosts}},
            "spec": {
                "replicas": replicas,
                "script": "echo ${replicas} $(replicas) {{ .Values.replicas }}",
                "containers": [{"name": "web", "tag": tag}, {"name": "other", "tag": tag}],
            },
        })
    };
    assert_eq!(valued("", &files), Ok(spec(2, "1", json!(["a.example"]))));
    let given = "values: {replicas: 5, image: {tag: '010'}, hosts: [b, 3], labels: {any: thing}, note: 7}";
    assert_eq!(valued(given, &files), Ok(spec(5, "010", json!(["b", 3]))));
}

#[test]
fn a_value_of_another_type_or_without_a_declaration_is_refused_without_being_told() {
    let files = [("app/values.yaml", DECLARED), ("app/web.yaml", WEB)];
    let refused = |given: &str| valued(given, &files).unwrap_err();
    assert_eq!(
        refused("values: {replicas: 's3cret'}"),
        "error app/values.yaml: the value `replicas` is declared as a number, and text is given"
    );
    assert_eq!(
        refused("values: {image: {tga: s3cret}, replica: 1}"),
        "error app: the value `image.tga`, `replica` is given and not declared: what can be given stands in \
         app/values.yaml; correct the key, or declare it there"
    );
    let none = valued("values: {a: 1}", &[("app/web.yaml", WEB)]).unwrap_err();
    assert!(none.contains("there is no document of the kind Values"), "{none}");
}

#[test]
fn a_declaration_that_leads_nowhere_is_refused_at_its_file() {
    let declared = |value: &str, select: &str, path: &str| {
        let text = format!(
            "apiVersion: windlass.dev/v1alpha1\nkind: Values\nvalues: {{a: 1}}\nreplacements:\n- value: {value}\n  \
             targets:\n  - {{select: {select}, fieldPaths: ['{path}']}}\n"
        );
        valued("", &[("app/values.yaml", &text), ("app/web.yaml", WEB)]).unwrap_err()
    };
    for (value, select, path, told) in [
        ("b", "{kind: Deployment}", "spec.replicas", "the value `b` is not declared in this document"),
        ("a", "{kind: Service}", "spec.replicas", "no object in the folder is {kind: Service}"),
        ("a", "{name: web}", "spec.replica", "Deployment/web has no field `spec.replica`"),
        ("a", "{name: web}", "spec.containers.[name=nobody].tag", "no field `spec.containers.[name=nobody]`"),
        ("a", "{name: web}", "spec.containers.7.tag", "no field `spec.containers.7`"),
        ("a", "{name: web}", "metadata.name", "`metadata.name` is a part of what the object is"),
        ("a", "{name: web}", "metadata", "`metadata` is a part of what the object is"),
        ("a", "{name: web}", "spec.[a", "the path `spec.[a` has a `[` without its `]`"),
        ("a", "{name: web}", "spec..a", "the path `spec..a` has an empty part"),
        ("a", "{nome: web}", "spec.replicas", "is no declaration of values: unknown field `nome`"),
    ] {
        let error = declared(value, select, path);
        assert!(error.starts_with("error app/values.yaml: ") && error.contains(told), "{error}");
    }
}

#[test]
fn defaults_without_a_use_and_several_declarations_are_fine() {
    let one = "apiVersion: windlass.dev/v1alpha1\nkind: Values\nvalues: {a: 1}\n";
    let two = "apiVersion: windlass.dev/v1alpha1\nkind: Values\nvalues: {a: 2, b: x}\nreplacements:\n- value: a\n  \
               targets: [{select: {}, fieldPaths: [spec.replicas]}]\n";
    let files = [("app/1.yaml", one), ("app/2.yaml", two), ("app/web.yaml", WEB)];
    assert_eq!(valued("", &files).unwrap()["spec"]["replicas"], 2);
    assert_eq!(valued("values: {a: 3, b: 'y'}", &files).unwrap()["spec"]["replicas"], 3);
}

/// The blocks of YAML in the README: settings, and a declaration of values.
fn examples() -> Vec<&'static str> {
    let blocks = include_str!("../README.md").split("```yaml\n").skip(1);
    blocks.map(|block| block.split_once("```").unwrap().0).collect()
}

#[test]
fn the_settings_of_the_readme_are_understood() {
    let root = repository(&[
        ("a.yaml", &config_map("a")),
        ("test/b.yaml", &config_map("b")),
        ("values.yaml", "not: an object"),
    ]);
    assert_eq!(render(examples()[0], root.path(), ""), "a.yaml: ConfigMap/a");
}

#[test]
fn the_values_of_the_readme_go_where_it_says() {
    let web =
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 1, template: {}}\n";
    let files = [("app/values.yaml", examples()[1]), ("app/web.yaml", web)];
    let spec = |replicas: i64, tag: &str| json!({"replicas": replicas, "template": {"metadata": {"labels": {"example.org/tag": tag}}}});
    assert_eq!(valued("", &files).unwrap()["spec"], spec(2, "1.29"));
    assert_eq!(valued("values: {replicas: 5, image: {tag: '2'}}", &files).unwrap()["spec"], spec(5, "2"));
    assert_eq!(examples().len(), 2);
}
