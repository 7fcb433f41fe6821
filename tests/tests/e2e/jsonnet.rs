//! Given programs in Jsonnet, when they are rendered, then.

use serde_json::{Value, json};
use windlass_tests::Fixture;

use super::command_line::{folder, stderr, stdout, windlass};

/// A library, and a program of two environments that uses it.
const FILES: [(&str, &str); 4] = [
    (
        "vendor/k/main.libsonnet",
        "{\n  configMap(name, data):: {\n    apiVersion: 'v1',\n    kind: 'ConfigMap',\n    metadata: { name: name },\n    data: data,\n  },\n}\n",
    ),
    ("lib/palette.libsonnet", "{ main: 'blue' }\n"),
    (
        "apps/shop/main.jsonnet",
        "local k = import 'k/main.libsonnet';\nlocal palette = import 'palette.libsonnet';\n\nfunction(size=1, values={}) {\n  settings: k.configMap('settings', {\n    colour: palette.main,\n    size: std.toString(size),\n    motto: std.get(values, 'motto', ''),\n  }),\n  plain: {\n    apiVersion: 'v1',\n    kind: 'ConfigMap',\n    metadata: { name: 'plain' },\n  },\n}\n",
    ),
    ("apps/other/main.jsonnet", "(import 'k/main.libsonnet').configMap('other', {})\n"),
];

fn write(fixture: &Fixture) -> anyhow::Result<()> {
    FILES.iter().try_for_each(|(path, text)| fixture.repo.write(path, text))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_rendered_with_the_arguments_that_the_application_gives_and_again_when_an_import_changes()
-> anyhow::Result<()> {
    let fixture = Fixture::new("jsonnet").await?;
    write(&fixture)?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    let config = json!({"tlas": {"size": 3}, "values": {"motto": "less"}});
    let more = json!({"renderer": {"plugin": "jsonnet", "config": config}, "values": {"motto": "more"}});
    fixture.application_with("shop", "apps/shop", more).await?;
    fixture.application("detected", "apps/other").await?;
    for name in ["shop", "detected"] {
        let application = fixture.wait_applied(name, &first).await?;
        assert_eq!(application["status"]["renderer"]["plugin"], "jsonnet");
    }
    let data = fixture.get("configmap", "settings").await?["data"].clone();
    assert_eq!(data, json!({"colour": "blue", "size": "3", "motto": "more"}));

    fixture.repo.write("lib/palette.libsonnet", "{ main: 'red' }\n")?;
    let second = fixture.repo.commit("two")?;
    fixture.wait_applied("shop", &second).await?;
    assert_eq!(fixture.get("configmap", "settings").await?["data"]["colour"], "red");
    assert_eq!(fixture.get("application", "detected").await?["status"]["revision"]["commit"], first);

    fixture.repo.write("lib/palette.libsonnet", "{\n  main:: error 'no colour is chosen',\n}\n")?;
    let third = fixture.repo.commit("three")?;
    let message = fixture
        .wait_refused("application", "shop", "Rendered", "False", "RenderFailed", Some(&third))
        .await?;
    assert!(
        message.contains("lib/palette.libsonnet:2") && message.contains("no colour is chosen"),
        "{message}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_rendered_on_a_laptop_and_says_where_its_objects_stand() -> anyhow::Result<()> {
    let fixture = Fixture::new("jsonnet-laptop").await?;
    write(&fixture)?;
    let shop = folder(&fixture, "apps/shop");
    let arguments = ["render", &shop, "--provenance", "--output", "json"];
    let printed = windlass(&fixture, &arguments).await?;
    assert!(printed.status.success(), "{}", stderr(&printed));
    let report: Value = serde_json::from_slice(&printed.stdout)?;
    let origins: Vec<_> = report["manifests"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|manifest| (&manifest["object"]["metadata"]["name"], &manifest["origin"]["line"]))
        .collect();
    assert_eq!(origins, [(&json!("plain"), &json!(10)), (&json!("settings"), &json!(5))]);
    for input in ["vendor/k/main.libsonnet", "lib/palette.libsonnet", "apps/shop/main.jsonnet"] {
        assert!(report["inputs"][input].is_string(), "{report:#}");
    }
    assert_eq!(stdout(&printed), stdout(&windlass(&fixture, &arguments).await?));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_without_end_is_refused_before_the_sandbox_has_to_stop_it() -> anyhow::Result<()> {
    let fixture = Fixture::new("jsonnet-endless").await?;
    let nested = |begin: &str, times: usize, end: &str| {
        format!(
            "local unused(a, f) = {}1{};\n{{apiVersion: 'v1', kind: 'ConfigMap', metadata: {{name: 'a'}}}}",
            begin.repeat(times),
            end.repeat(times)
        )
    };
    let recursion = "more than 500 calls are under way";
    let nesting = "nests too deep to be read";
    for (program, refused) in [
        ("local f(n) = 1 + f(n + 1); f(0)".to_owned(), Some(recursion)),
        ("local f(n) = {a: f(n + 1)}; f(0)".to_owned(), Some(recursion)),
        ("local f(n) = std.sort([1, 2], function(x) f(n + 1)); f(0)".to_owned(), Some(recursion)),
        (
            "local a = [if i == 0 then 0 else a[i - 1] + 1 for i in std.range(0, 50000)]; a[50000]"
                .to_owned(),
            Some(recursion),
        ),
        ("std.toString(std.foldl(function(a, i) [a], std.range(0, 50000), []))".to_owned(), Some(recursion)),
        (nested("if true then ", 100_000, ""), Some(nesting)),
        (nested("a{b: ", 100_000, "}"), Some(nesting)),
        (nested("(", 100_000, ")"), Some(nesting)),
        // The most that is let through is not too much.
        (nested("if true then ", 590, ""), None),
        (nested("local x = 1; ", 590, ""), None),
        (nested("function() ", 590, ""), None),
        (nested("assert ", 590, "; 1"), None),
        (nested("a{b: ", 290, "}"), None),
        (nested("a{local x = ", 190, "}"), None),
        (nested("a{b(x=", 140, "): 1}"), None),
        (nested("f(", 290, ")"), None),
        (nested("[x for x in ", 290, "]"), None),
        (nested("[", 290, "]"), None),
        (nested("- ", 100_000, ""), None),
        (nested("1+", 100_000, ""), None),
        (nested("a.b.c(1)+", 50_000, ""), None),
        (nested("f(", 1, &format!("){}", ".a".repeat(50_000))), Some("follow each other")),
        (nested("f(", 290, ").a.a"), None),
        (nested("local x = 1; ", 590, "").replacen("1;\n", &format!("x{};\n", ".a".repeat(990)), 1), None),
    ] {
        fixture.repo.write("app/main.jsonnet", &program)?;
        let printed = windlass(&fixture, &["render", &folder(&fixture, "app")]).await?;
        let (told, start) = (stderr(&printed), program.get(..60).unwrap_or(&program));
        match refused {
            Some(words) => {
                assert_eq!(printed.status.code(), Some(1), "{start}: {told}");
                assert!(told.contains(words), "{start}: {told}");
            }
            None => assert!(printed.status.success(), "{start}: {told}"),
        }
    }
    Ok(())
}
