//! Given a repository and a cluster, when something is committed, then.

use serde_json::json;
use windlass_tests::Fixture;

use super::config_map;

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_becomes_the_state_of_the_cluster() -> anyhow::Result<()> {
    let fixture = Fixture::new("flow").await?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "one"))?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.wait_applied("app", &first).await?;
    assert_eq!(fixture.get("configmap", "settings").await?["data"]["value"], "one");

    fixture.repo.write("app/cm.yaml", config_map("settings", "two"))?;
    let second = fixture.repo.commit("two")?;
    fixture.wait_applied("app", &second).await?;
    assert_eq!(fixture.get("configmap", "settings").await?["data"]["value"], "two");

    let third = fixture.repo.revert(&second)?;
    fixture.wait_applied("app", &third).await?;
    assert_eq!(fixture.get("configmap", "settings").await?["data"]["value"], "one");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overlay_over_a_base_gives_generated_names_and_prunes_the_former_ones() -> anyhow::Result<()> {
    let fixture = Fixture::new("overlay").await?;
    fixture.repo.write("base/cm.yaml", config_map("plain", "base"))?;
    let base = |level: &str| {
        format!("resources: [cm.yaml]\nconfigMapGenerator:\n- name: generated\n  literals: [level={level}]\n")
    };
    fixture.repo.write("base/kustomization.yaml", base("low"))?;
    fixture.repo.write("overlays/dev/kustomization.yaml", "namePrefix: dev-\nresources: [../../base]\n")?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("app", "overlays/dev").await?;
    let application = fixture.wait_applied("app", &first).await?;
    assert_eq!(application["status"]["renderer"]["plugin"], "kustomize");
    assert_eq!(fixture.get("configmap", "dev-plain").await?["data"]["value"], "base");
    let former = generated(&fixture).await?;
    assert_eq!(former.1, "low");

    fixture.repo.write("base/kustomization.yaml", base("high"))?;
    let second = fixture.repo.commit("two")?;
    fixture.wait_applied("app", &second).await?;
    let latter = generated(&fixture).await?;
    assert_eq!(latter.1, "high");
    assert_ne!(latter.0, former.0, "the name is that of the content");
    Ok(())
}

/// Name and level of the one generated `ConfigMap` that there is.
async fn generated(fixture: &Fixture) -> anyhow::Result<(String, String)> {
    let all = fixture.list("configmap").await?;
    let mut generated = all
        .iter()
        .map(|map| (map["metadata"]["name"].as_str().unwrap_or_default(), &map["data"]["level"]))
        .filter(|(name, _)| name.starts_with("dev-generated-"));
    let one = generated.next().map(|(name, level)| (name.to_owned(), level.as_str().unwrap_or_default()));
    let (name, level) = one.unwrap_or_default();
    assert_eq!(generated.next(), None);
    Ok((name, level.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leaves_the_set_is_pruned_except_for_what_is_marked_and_what_holds_others() -> anyhow::Result<()>
{
    let fixture = Fixture::new("prune").await?;
    let space = format!("{}-extra", fixture.namespace);
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: data\nspec:\n  accessModes: \
                 [ReadWriteOnce]\n  storageClassName: none\n  resources:\n    requests:\n      storage: 1Mi\n";
    let marked = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: marked\n  annotations:\n    \
                  windlass.dev/prune: disabled\n";
    let files = [
        ("app/stays.yaml", config_map("stays", "1")),
        ("app/goes.yaml", config_map("goes", "1")),
        ("app/marked.yaml", marked.to_owned()),
        ("app/claim.yaml", claim.to_owned()),
        ("app/space.yaml", format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {space}\n")),
    ];
    fixture.repo.write_all(files.map(|(path, text)| (path.to_owned(), text)))?;
    fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    // A claim without a provisioner never becomes bound, so health is not awaited.
    fixture.wait_condition("application", "app", "Applied", "True", "Succeeded").await?;
    for (kind, name) in [("configmap", "goes"), ("configmap", "marked"), ("persistentvolumeclaim", "data")] {
        assert!(!fixture.get(kind, name).await?.is_null(), "{kind}/{name}");
    }

    for file in ["goes", "marked", "claim", "space"] {
        fixture.repo.remove(&format!("app/{file}.yaml"))?;
    }
    let second = fixture.repo.commit("two")?;
    fixture.wait_gone("configmap", "goes").await?;
    let what = "at the second commit";
    fixture.wait("application", "app", what, |app| app["status"]["revision"]["commit"] == second).await?;
    assert!(!fixture.get("configmap", "stays").await?.is_null());
    assert!(!fixture.get("configmap", "marked").await?.is_null());
    let claim = fixture.get("persistentvolumeclaim", "data").await?;
    assert!(claim["metadata"]["deletionTimestamp"].is_null() && !claim.is_null(), "{claim:#}");
    let space = fixture.get("namespace", &space).await?;
    assert!(space["metadata"]["deletionTimestamp"].is_null() && !space.is_null(), "{space:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_became_empty_prunes_only_by_consent_to_that_commit() -> anyhow::Result<()> {
    let fixture = Fixture::new("empty").await?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "one"))?;
    fixture.repo.write("app/README.md", "nothing to apply\n")?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.wait_applied("app", &first).await?;

    fixture.repo.remove("app/cm.yaml")?;
    let second = fixture.repo.commit("two")?;
    let message = fixture.wait_condition("application", "app", "Applied", "False", "PruneBlocked").await?;
    let consent = format!("windlass.dev/allow-prune={second}");
    assert!(message.contains(&consent), "{message}");
    fixture.wait_event("app", &["PruneBlocked", &consent]).await?;
    assert!(!fixture.get("configmap", "settings").await?.is_null());

    let annotate = |commit: &str| json!({"metadata": {"annotations": {"windlass.dev/allow-prune": commit}}});
    fixture.patch("application", "app", annotate(&second)).await?;
    fixture.wait_gone("configmap", "settings").await?;
    fixture.wait_applied("app", &second).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_to_one_commit_is_none_to_another() -> anyhow::Result<()> {
    let fixture = Fixture::new("consent").await?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "one"))?;
    fixture.repo.write("app/README.md", "nothing to apply\n")?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.wait_applied("app", &first).await?;
    let consent = json!({"metadata": {"annotations": {"windlass.dev/allow-prune": first}}});
    fixture.patch("application", "app", consent).await?;

    fixture.repo.remove("app/cm.yaml")?;
    fixture.repo.commit("two")?;
    fixture.wait_condition("application", "app", "Applied", "False", "PruneBlocked").await?;
    assert!(!fixture.get("configmap", "settings").await?.is_null());

    // It came back before anybody consented, and nothing is blocked any more.
    fixture.repo.write("app/cm.yaml", config_map("settings", "three"))?;
    let third = fixture.repo.commit("three")?;
    fixture.wait_applied("app", &third).await?;
    assert_eq!(fixture.get("configmap", "settings").await?["data"]["value"], "three");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_and_its_object_come_in_one_set_and_only_the_object_is_pruned() -> anyhow::Result<()> {
    let fixture = Fixture::new("definition").await?;
    let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: \
                      widgets.example.org\nspec:\n  group: example.org\n  scope: Namespaced\n  names:\n    kind: \
                      Widget\n    plural: widgets\n  versions:\n  - name: v1\n    served: true\n    storage: true\n    \
                      schema:\n      openAPIV3Schema:\n        type: object\n        properties:\n          spec:\n            \
                      type: object\n            properties:\n              size:\n                type: integer\n";
    fixture.repo.write("app/a-widget.yaml", widget(1))?;
    fixture.repo.write("app/z-definition.yaml", definition)?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "one"))?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.wait_applied("app", &first).await?;
    assert_eq!(fixture.get("widget", "one").await?["spec"]["size"], 1);

    // An object of a kind that was unknown a moment ago is followed like any other.
    fixture.patch("widget", "one", json!({"spec": {"size": 7}})).await?;
    fixture.wait("widget", "one", "restored", |widget| widget["spec"]["size"] == 1).await?;

    fixture.repo.remove("app/a-widget.yaml")?;
    fixture.repo.remove("app/z-definition.yaml")?;
    let second = fixture.repo.commit("two")?;
    fixture.wait_applied("app", &second).await?;
    assert!(fixture.get("widget", "one").await?.is_null());
    let definition = fixture.get("customresourcedefinition", "widgets.example.org").await?;
    assert!(!definition.is_null() && definition["metadata"]["deletionTimestamp"].is_null());
    Ok(())
}

fn widget(size: u32) -> String {
    format!("apiVersion: example.org/v1\nkind: Widget\nmetadata:\n  name: one\nspec:\n  size: {size}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_renderer_is_the_one_that_the_application_names_or_else_the_one_that_recognises_a_file()
-> anyhow::Result<()> {
    let fixture = Fixture::new("renderer").await?;
    fixture.repo.write("app/kustomization.yaml", "namePrefix: by-kustomize-\nresources: [cm.yaml]\n")?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "one"))?;
    fixture.repo.write("plain/cm.yaml", config_map("detected", "one"))?;
    let commit = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("kustomized", "app").await?;
    fixture.application("plain", "plain").await?;
    let named = json!({"renderer": {"plugin": "yaml", "config": {"exclude": ["kustomization.yaml"]}}});
    fixture.application_with("named", "app", named).await?;
    for (name, renderer, object) in [
        ("kustomized", "kustomize", "by-kustomize-settings"),
        ("plain", "yaml", "detected"),
        ("named", "yaml", "settings"),
    ] {
        let application = fixture.wait_applied(name, &commit).await?;
        assert_eq!(application["status"]["renderer"]["plugin"], renderer);
        assert!(!fixture.get("configmap", object).await?.is_null(), "{object}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_application_is_left_alone_until_it_is_resumed() -> anyhow::Result<()> {
    let fixture = Fixture::new("suspend").await?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "one"))?;
    fixture.repo.write("other/cm.yaml", config_map("other", "one"))?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.application("other", "other").await?;
    fixture.wait_applied("app", &first).await?;
    fixture.wait_applied("other", &first).await?;

    fixture.patch("application", "app", json!({"spec": {"suspend": true}})).await?;
    fixture.wait_condition("application", "app", "Ready", "False", "Suspended").await?;
    fixture.patch("configmap", "settings", json!({"data": {"value": "by hand"}})).await?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "two"))?;
    fixture.repo.write("other/cm.yaml", config_map("other", "two"))?;
    let second = fixture.repo.commit("two")?;
    fixture.wait_applied("other", &second).await?;
    assert_eq!(fixture.get("configmap", "settings").await?["data"]["value"], "by hand");

    fixture.patch("application", "app", json!({"spec": {"suspend": false}})).await?;
    fixture.wait_applied("app", &second).await?;
    assert_eq!(fixture.get("configmap", "settings").await?["data"]["value"], "two");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_drifted_while_suspended_is_restored_by_the_resumption() -> anyhow::Result<()> {
    let fixture = Fixture::new("resume").await?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "one"))?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.wait_applied("app", &first).await?;
    fixture.patch("application", "app", json!({"spec": {"suspend": true}})).await?;
    fixture.wait_condition("application", "app", "Ready", "False", "Suspended").await?;
    fixture.patch("configmap", "settings", json!({"data": {"value": "by hand"}})).await?;
    fixture.patch("application", "app", json!({"spec": {"suspend": false}})).await?;
    fixture.wait("configmap", "settings", "restored", |map| map["data"]["value"] == "one").await?;
    fixture.wait_applied("app", &first).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_without_its_repository_says_so_and_goes_on_when_it_comes() -> anyhow::Result<()> {
    let fixture = Fixture::new("waiting").await?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "one"))?;
    let first = fixture.repo.commit("one")?;
    fixture.application("app", "app").await?;
    let message =
        fixture.wait_condition("application", "app", "Ready", "False", "RepositoryNotReady").await?;
    assert!(message.contains("`fleet` does not exist"), "{message}");
    fixture.wait_event("app", &["RepositoryNotReady", "`fleet`", "create it"]).await?;
    fixture.repository().await?;
    fixture.wait_applied("app", &first).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_a_deleted_application_stay_and_one_of_the_same_name_takes_them_over() -> anyhow::Result<()>
{
    let fixture = Fixture::new("again").await?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "one"))?;
    fixture.repo.write("app/more.yaml", config_map("more", "one"))?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.wait_applied("app", &first).await?;
    fixture.delete("application", "app").await?;

    fixture.repo.write("app/cm.yaml", config_map("settings", "two"))?;
    let second = fixture.repo.commit("two")?;
    fixture.application("app", "app").await?;
    fixture.wait_applied("app", &second).await?;
    assert_eq!(fixture.get("configmap", "settings").await?["data"]["value"], "two");
    fixture.repo.remove("app/more.yaml")?;
    let third = fixture.repo.commit("three")?;
    fixture.wait_applied("app", &third).await?;
    assert!(fixture.get("configmap", "more").await?.is_null());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_is_rendered_by_helm_with_the_values_that_the_application_gives() -> anyhow::Result<()> {
    let fixture = Fixture::new("chart").await?;
    for (path, text) in chart() {
        fixture.repo.write(path, text)?;
    }
    fixture.repo.write("values/production.yaml", "colour: blue\nsize: 2\n")?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    let renderer = json!({"renderer": {"plugin": "helm", "config": {
        "valueFiles": ["/values/production.yaml"], "values": {"size": 3},
    }}});
    fixture.application_with("shop", "chart", renderer).await?;
    fixture.application("detected", "chart").await?;
    for name in ["shop", "detected"] {
        let application = fixture.wait_applied(name, &first).await?;
        assert_eq!(application["status"]["renderer"]["plugin"], "helm");
    }
    let data = |map: &serde_json::Value| [map["data"]["colour"].clone(), map["data"]["size"].clone()];
    assert_eq!(data(&fixture.get("configmap", "shop-settings").await?), [json!("blue"), json!("3")]);
    assert_eq!(data(&fixture.get("configmap", "detected-settings").await?), [json!("green"), json!("1")]);

    // A file of values outside of the chart is an input like any other, of one of the two.
    fixture.repo.write("values/production.yaml", "colour: red\n")?;
    let second = fixture.repo.commit("two")?;
    fixture.wait_applied("shop", &second).await?;
    assert_eq!(data(&fixture.get("configmap", "shop-settings").await?), [json!("red"), json!("3")]);
    assert_eq!(fixture.get("application", "detected").await?["status"]["revision"]["commit"], first);

    fixture.repo.write("chart/templates/settings.yaml", "a: {{ .Values.colour | nonesuch }}\n")?;
    let third = fixture.repo.commit("three")?;
    let message = fixture
        .wait_refused("application", "shop", "Rendered", "False", "RenderFailed", Some(&third))
        .await?;
    for word in ["chart/templates/settings.yaml:1", "nonesuch"] {
        assert!(message.contains(word), "{message}");
    }
    Ok(())
}

/// A chart whose names and values are the release's.
pub(crate) fn chart() -> [(&'static str, &'static str); 3] {
    [
        ("chart/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 0.1.0\n"),
        ("chart/values.yaml", "colour: green\nsize: 1\n"),
        (
            "chart/templates/settings.yaml",
            "apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-settings
data:
  colour: {{ .Values.colour }}
  size: {{ .Values.size | quote }}
",
        ),
    ]
}
