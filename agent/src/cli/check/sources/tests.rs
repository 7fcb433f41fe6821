use super::*;

const VAP: &str = "admissionregistration.k8s.io/ValidatingAdmissionPolicy";

fn engines() -> Vec<Engine> {
    let engine = |name: &str, resources: &[&str], modules: &[&str]| Engine {
        name: name.to_owned(),
        resources: resources.iter().map(ToString::to_string).collect(),
        modules: modules.iter().map(ToString::to_string).collect(),
        is_plain: !name.contains('.'),
    };
    vec![
        engine("cel", &[VAP], &[]),
        engine("cel-0.1", &[VAP], &[]),
        engine("pinned-images", &[], &[]),
        engine(
            "rego",
            &["templates.gatekeeper.sh/ConstraintTemplate", "constraints.gatekeeper.sh/*"],
            &["rego"],
        ),
    ]
}

/// A folder with files, and what is meant by a path in it: each plugin with its
/// settings, or the error.
fn meant(files: &[(&str, &str)], path: &str) -> Result<Vec<(String, Value)>, String> {
    meant_by(&engines(), files, path).map(|all| all.into_iter().map(|one| (one.plugin, one.config)).collect())
}

fn meant_by(engines: &[Engine], files: &[(&str, &str)], path: &str) -> Result<Vec<Sourced>, String> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().display().to_string();
    for (name, text) in files {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text.replace("ROOT", &root)).unwrap();
    }
    let typed = path.replace("ROOT", &root);
    let mut found = read(&typed, engines).map_err(|error| format!("{error:#}").replace(&root, "ROOT"))?;
    for one in &mut found {
        one.config = serde_json::from_str(&one.config.to_string().replace(&root, "ROOT")).unwrap();
    }
    Ok(found)
}

const POLICY: &str = "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\n";

#[test]
fn a_plugin_is_named_with_or_without_settings() {
    assert_eq!(meant(&[], "cel").unwrap(), [("cel".to_owned(), Value::Null)]);
    assert_eq!(meant(&[], "other").unwrap(), [("other".to_owned(), Value::Null)]);
    assert_eq!(meant(&[], "cel={\"a\": 1}").unwrap(), [("cel".to_owned(), json!({"a": 1}))]);
    let file = [("s.yaml", "a: [b]\n")];
    assert_eq!(meant(&file, "cel=ROOT/s.yaml").unwrap(), [("cel".to_owned(), json!({"a": ["b"]}))]);
    assert_eq!(
        meant(&[], "ROOT/no.yaml").unwrap_err(),
        "there is no file `ROOT/no.yaml`, and a plugin's name has no `/`"
    );
}

#[test]
fn the_kinds_of_a_file_lead_to_the_plugin_and_what_belongs_to_a_policy_comes_along() {
    let text = format!("{POLICY}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: parameters}}\n");
    assert_eq!(
        meant(&[("p.yaml", &text)], "ROOT/p.yaml").unwrap(),
        [(
            "cel".to_owned(),
            json!({"resources": [
                {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy"},
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "parameters"}},
            ]})
        )]
    );
}

#[test]
fn a_folder_leads_to_all_plugins_that_take_a_part_of_it() {
    let files = [
        ("a/deny.rego", "package a\n"),
        ("b/k.yaml", "apiVersion: constraints.gatekeeper.sh/v1beta1\nkind: Labels\n"),
        (
            "list.json",
            "{\"kind\": \"List\", \"items\": [{\"apiVersion\": \"admissionregistration.k8s.io/v1\", \"kind\": \"ValidatingAdmissionPolicy\"}]}",
        ),
        ("README.md", "# no policy\n"),
    ];
    let found = meant_by(&engines(), &files, "ROOT").unwrap();
    let configs: Vec<_> = found.iter().map(|one| (one.plugin.as_str(), one.config.clone())).collect();
    assert_eq!(
        configs,
        [
            (
                "cel",
                json!({"resources": [{"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy"}]})
            ),
            (
                "rego",
                json!({
                    "modules": {"ROOT/a/deny.rego": "package a\n"},
                    "resources": [{"apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": "Labels"}],
                })
            ),
        ]
    );
    let (origin, column) = found[0].written.find("/resources/0/kind", None).unwrap();
    assert!(origin.path.ends_with("/list.json"), "{origin}");
    assert_eq!((origin.line, column), (Some(1), Some(86)));
}

#[test]
fn what_no_plugin_takes_is_an_error_at_its_place() {
    let takes = format!(
        "`cel` takes `{VAP}`; `cel-0.1` takes `{VAP}`; `rego` takes `templates.gatekeeper.sh/ConstraintTemplate`, \
         `constraints.gatekeeper.sh/*`, `.rego` files"
    );
    for (name, text, expected) in [
        (
            "p.yaml",
            "# x\napiVersion: v1\nkind: Pod\n",
            format!("ROOT/p.yaml:2:1: no plugin takes `v1` `Pod` as a policy; {takes}"),
        ),
        ("p.txt", "", format!("no plugin takes `ROOT/p.txt` as a policy; {takes}")),
        ("p.yaml", "# nothing\n", format!("ROOT/p.yaml holds no policy; {takes}")),
        (
            "p.yaml",
            "a: b\n",
            "ROOT/p.yaml:1:1: this is a document without `apiVersion` and `kind`, and no policy".to_owned(),
        ),
        (
            "p.yaml",
            "apiVersion: windlass.dev/v1alpha1\nkind: Gate\n",
            "ROOT/p.yaml:1:1: this is a Gate; name its file with --gate".to_owned(),
        ),
    ] {
        assert_eq!(meant(&[(name, text)], &format!("ROOT/{name}")).unwrap_err(), expected);
    }
}

#[test]
fn what_several_plugins_take_is_ambiguous() {
    let mut two = engines();
    two.push(Engine { name: "cel-too".to_owned(), is_plain: true, ..two[0].clone() });
    let error = meant_by(&two, &[("p.yaml", POLICY)], "ROOT/p.yaml").err().unwrap();
    assert_eq!(
        error,
        "ROOT/p.yaml:1:1: `admissionregistration.k8s.io/v1` `ValidatingAdmissionPolicy` could be for the plugin \
         `cel` or for `cel-too`; write --policy PLUGIN=SETTINGS"
    );
    let files = [("a.rego", ""), ("b.yaml", POLICY), ("c.yaml", "apiVersion: v1\nkind: ConfigMap\n")];
    assert_eq!(
        meant(&files, "ROOT").unwrap_err(),
        "ROOT/c.yaml:1:1: `v1` `ConfigMap` could be for `cel` and for `rego`; name their files one by one"
    );
}
