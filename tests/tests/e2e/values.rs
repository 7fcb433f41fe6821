//! Given values outside of Git, when they are there, change or go, then.

use serde_json::{Value, json};
use windlass_tests::Fixture;
use windlass_tests::fixture::AGENT_NAMESPACE;

use super::flow::chart;

/// A chart that shows a value, and a commit with it.
async fn with_chart(name: &str) -> anyhow::Result<(Fixture, String)> {
    let fixture = Fixture::new(name).await?;
    for (path, text) in chart() {
        fixture.repo.write(path, text)?;
    }
    let commit = fixture.repo.commit("a chart")?;
    fixture.repository().await?;
    Ok((fixture, commit))
}

async fn settings(fixture: &Fixture, name: &str) -> anyhow::Result<[Value; 2]> {
    let map = fixture.get("configmap", &format!("{name}-settings")).await?;
    Ok([map["data"]["colour"].clone(), map["data"]["size"].clone()])
}

async fn wait_colour(fixture: &Fixture, name: &str, colour: &str) -> anyhow::Result<()> {
    let what = format!("colour {colour}");
    fixture
        .wait("configmap", &format!("{name}-settings"), &what, |map| map["data"]["colour"] == colour)
        .await?;
    Ok(())
}

/// A field that takes a value, and a script that looks as if it did.
const COLOURED: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {colour: none, script: 'echo ${colour}'}\n";

fn values_map(name: &str, values: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"values.yaml": values}})
}

/// A Secret that Applications may have.
fn secret(name: &str, data: &Value) -> Value {
    let metadata = json!({"name": name, "labels": {"windlass.dev/values": "true"}});
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_merged_in_their_order_and_a_change_of_one_is_applied_without_a_commit()
-> anyhow::Result<()> {
    let (fixture, commit) = with_chart("values").await?;
    fixture.apply(values_map("weak", "colour: red\nsize: 5\n")).await?;
    fixture.apply(secret("strong", &json!({"values.yaml": "colour: white\n"}))).await?;
    let more = json!({
        "valuesFrom": [{"kind": "ConfigMap", "name": "weak"}, {"kind": "Secret", "name": "strong"}],
        "values": {"size": 7},
    });
    fixture.application_with("shop", "chart", more).await?;
    fixture.wait_applied("shop", &commit).await?;
    assert_eq!(settings(&fixture, "shop").await?, [json!("white"), json!("7")]);

    fixture.apply(secret("strong", &json!({"values.yaml": "colour: black\n"}))).await?;
    wait_colour(&fixture, "shop", "black").await?;
    fixture.apply(secret("strong", &json!({"values.yaml": "{}\n"}))).await?;
    wait_colour(&fixture, "shop", "red").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_named_and_is_used_as_soon_as_it_is_there() -> anyhow::Result<()> {
    let (fixture, commit) = with_chart("late").await?;
    let more = json!({"valuesFrom": [
        {"kind": "ConfigMap", "name": "never", "optional": true},
        {"kind": "ConfigMap", "name": "late"},
    ]});
    fixture.application_with("shop", "chart", more).await?;
    let message = fixture.wait_condition("application", "shop", "Rendered", "False", "ValuesInvalid").await?;
    assert!(message.contains("the ConfigMap `late` does not exist"), "{message}");
    fixture.apply(values_map("late", "- a list\n")).await?;
    let what = "a reason with the key";
    fixture
        .wait("application", "shop", what, |application| {
            let rendered = windlass_tests::fixture::find(application, "Rendered");
            rendered.and_then(|rendered| rendered["message"].as_str()).is_some_and(|message| {
                message.contains("the ConfigMap `late`, key `values.yaml`: it is no YAML mapping")
            })
        })
        .await?;
    fixture.apply(values_map("late", "colour: late\n")).await?;
    fixture.wait_applied("shop", &commit).await?;
    assert_eq!(settings(&fixture, "shop").await?, [json!("late"), json!("1")]);

    // What is applied stays when it goes.
    fixture.delete("configmap", "late").await?;
    fixture.wait_condition("application", "shop", "Rendered", "False", "ValuesInvalid").await?;
    assert_eq!(settings(&fixture, "shop").await?, [json!("late"), json!("1")]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_only_given_to_applications_where_its_owner_says_so() -> anyhow::Result<()> {
    let (fixture, commit) = with_chart("given").await?;
    let mut closed = secret("closed", &json!({"colour": "s3cret-colour"}));
    closed["metadata"]["labels"] = json!({});
    fixture.apply(closed).await?;
    let from = json!([{"kind": "Secret", "name": "closed", "key": "colour", "at": "/colour"}]);
    fixture.application_with("shop", "chart", json!({"valuesFrom": from})).await?;
    let told = fixture.wait_condition("application", "shop", "Rendered", "False", "ValuesInvalid").await?;
    assert!(told.contains("is not given to Applications; label it windlass.dev/values=true"), "{told}");
    fixture
        .patch("secret", "closed", json!({"metadata": {"labels": {"windlass.dev/values": "true"}}}))
        .await?;
    fixture.wait_applied("shop", &commit).await?;
    assert_eq!(settings(&fixture, "shop").await?[0], "s3cret-colour");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_only_touches_an_object_with_values_starts_nothing() -> anyhow::Result<()> {
    let (fixture, commit) = with_chart("touched").await?;
    fixture.apply(values_map("chosen", "colour: blue\n")).await?;
    let from = json!({"valuesFrom": [{"kind": "ConfigMap", "name": "chosen"}]});
    fixture.application_with("shop", "chart", from).await?;
    fixture.wait_applied("shop", &commit).await?;
    // The status is written before the log, and the event after it.
    fixture.wait_event("shop", &["Applied"]).await?;
    let syncs = || {
        let log = fixture.agent().log();
        let marks = [fixture.namespace.as_str(), "applied changes"];
        log.lines().filter(|line| marks.iter().all(|mark| line.contains(mark))).count()
    };
    let before = syncs();
    for n in 0..5 {
        let touch = json!({"metadata": {"annotations": {"example.org/touched": n.to_string()}}});
        fixture.patch("configmap", "chosen", touch).await?;
    }
    fixture.apply(values_map("chosen", "colour: green\n")).await?;
    wait_colour(&fixture, "shop", "green").await?;
    assert_eq!(syncs(), before + 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_holds_for_the_whole_cluster_is_weaker_than_what_an_application_says() -> anyhow::Result<()> {
    let (fixture, commit) = with_chart("clusterwide").await?;
    let values = "--from-literal=values.yaml={colour: here, size: 9}";
    fixture
        .control
        .run_kubectl(&["-n", AGENT_NAMESPACE, "create", "configmap", "windlass-cluster", values])
        .await?;
    let more = json!({"valuesFrom": [{"kind": "Cluster"}], "values": {"size": 2}});
    fixture.application_with("shop", "chart", more).await?;
    fixture.wait_applied("shop", &commit).await?;
    assert_eq!(settings(&fixture, "shop").await?, [json!("here"), json!("2")]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_secret_holds_is_not_told_when_a_render_or_the_api_server_quotes_it() -> anyhow::Result<()> {
    let fixture = Fixture::new("quoting").await?;
    for (path, text) in chart() {
        fixture.repo.write(path, text)?;
    }
    fixture.repo.write(
        "chart/templates/fail.yaml",
        "{{ if .Values.quote }}{{ fail .Values.db.password }}{{ end }}",
    )?;
    fixture.repo.write(
        "chart/templates/port.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: db}\nspec: {type: {{ .Values.db.password }}, ports: [{port: 1}]}\n",
    )?;
    fixture.repo.commit("a chart that quotes")?;
    fixture.repository().await?;
    fixture.apply(secret("db", &json!({"password": "s3cret-word"}))).await?;
    let from = json!([{"kind": "Secret", "name": "db", "key": "password", "at": "/db/password"}]);
    fixture
        .application_with("fails", "chart", json!({"valuesFrom": from, "values": {"quote": true}}))
        .await?;
    let told = fixture.wait_condition("application", "fails", "Rendered", "False", "RenderFailed").await?;
    assert!(told.contains("(hidden)") && !told.contains("s3cret"), "{told}");
    fixture.wait_event("fails", &["(hidden)"]).await?;

    fixture.application_with("refused", "chart", json!({"valuesFrom": from})).await?;
    let told = fixture.wait_condition("application", "refused", "Applied", "False", "ApplyFailed").await?;
    assert!(told.contains("(hidden)") && !told.contains("s3cret"), "{told}");
    for name in ["fails", "refused"] {
        let all = fixture.get("application", name).await?["status"].to_string()
            + &fixture.events(name).await?.join("");
        assert!(!all.contains("s3cret"), "{all}");
    }
    let log = fixture.agent().log();
    assert!(!log.contains("s3cret-word"), "the log tells");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_read_in_the_name_of_the_service_account() -> anyhow::Result<()> {
    let (fixture, _) = with_chart("account").await?;
    fixture
        .apply(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "tenant"}}))
        .await?;
    fixture.apply(values_map("theirs", "colour: theirs\n")).await?;
    let more = json!({
        "serviceAccountName": "tenant",
        "valuesFrom": [{"kind": "ConfigMap", "name": "theirs"}],
    });
    fixture.application_with("shop", "chart", more).await?;
    let message = fixture.wait_condition("application", "shop", "Rendered", "False", "ValuesInvalid").await?;
    assert!(message.contains("the ConfigMap `theirs` may not be read"), "{message}");
    assert!(message.contains("the service account `tenant` needs the right to get it"), "{message}");

    // It may get objects by name, and watch nothing: a change is noticed all the same, and not told for ever.
    fixture.grant("tenant", "configmaps", &["get", "create", "patch"]).await?;
    wait_colour(&fixture, "shop", "theirs").await?;
    fixture.apply(values_map("theirs", "colour: others\n")).await?;
    wait_colour(&fixture, "shop", "others").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_that_asks_is_told_what_this_cluster_serves() -> anyhow::Result<()> {
    let fixture = Fixture::new("capabilities").await?;
    fixture.repo.write("chart/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 0.1.0\n")?;
    fixture.repo.write(
        "chart/templates/settings.yaml",
        "apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data:
  version: {{ .Capabilities.KubeVersion.Version }}
  ours: {{ .Capabilities.APIVersions.Has \"windlass.dev/v1alpha1/Application\" | quote }}
  old: {{ .Capabilities.APIVersions.Has \"extensions/v1beta1\" | quote }}
",
    )?;
    let commit = fixture.repo.commit("a chart")?;
    fixture.repository().await?;
    fixture.application_with("asks", "chart", json!({"capabilities": "Cluster"})).await?;
    fixture.application("plain", "chart").await?;
    for name in ["asks", "plain"] {
        fixture.wait_applied(name, &commit).await?;
    }
    let version = fixture.control.client()?.apiserver_version().await?.git_version;
    let asked = fixture.get("configmap", "asks").await?["data"].take();
    assert_eq!(asked, json!({"version": version, "ours": "true", "old": "false"}));
    let plain = fixture.get("configmap", "plain").await?["data"].take();
    assert_eq!((&plain["ours"], &plain["old"]), (&json!("false"), &json!("true")));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_password_starts_from_a_secret_where_one_is_named() -> anyhow::Result<()> {
    let fixture = Fixture::new("seed").await?;
    fixture.repo.write("chart/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 0.1.0\n")?;
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: password\ndata:\n  value: {{ randAlphaNum 20 }}\n";
    fixture.repo.write("chart/templates/password.yaml", template)?;
    let commit = fixture.repo.commit("a chart")?;
    fixture.repository().await?;
    fixture.apply(secret("seed", &json!({"short": "123", "long": "0123456789abcdef"}))).await?;
    fixture.application("app", "chart").await?;
    fixture.wait_applied("app", &commit).await?;
    let value = || async { anyhow::Ok(fixture.get("configmap", "password").await?["data"]["value"].clone()) };
    let public = value().await?;

    fixture.application_with("app", "chart", json!({"seedFrom": {"name": "seed", "key": "short"}})).await?;
    let message = fixture.wait_condition("application", "app", "Rendered", "False", "ValuesInvalid").await?;
    assert!(message.contains("at least 16 random bytes"), "{message}");
    assert_eq!(value().await?, public);

    fixture.application_with("app", "chart", json!({"seedFrom": {"name": "seed", "key": "long"}})).await?;
    fixture.wait("configmap", "password", "another value", |map| map["data"]["value"] != public).await?;
    let private = value().await?;
    // Another commit, the same password; another seed, another password.
    fixture.repo.write("chart/templates/password.yaml", format!("{template}  more: two\n"))?;
    fixture.repo.commit("two")?;
    fixture.wait("configmap", "password", "the second commit", |map| map["data"]["more"] == "two").await?;
    assert_eq!(value().await?, private);
    fixture.apply(secret("seed", &json!({"long": "fedcba9876543210"}))).await?;
    fixture.wait("configmap", "password", "a third value", |map| map["data"]["value"] != private).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_goes_through_kustomize_and_its_objects_still_lead_to_their_templates() -> anyhow::Result<()>
{
    let fixture = Fixture::new("post").await?;
    for (path, text) in chart() {
        fixture.repo.write(path, text)?;
    }
    fixture.repo.write(
        "overlay/kustomization.yaml",
        "resources: [rendered.yaml]\nnameSuffix: -prod\npatches:\n- target: {kind: ConfigMap}\n  patch: |-\n    - \
         {op: add, path: /data/extra, value: patched}\n",
    )?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    let more = json!({"postRenderers": [{"path": "overlay"}], "values": {"colour": "blue"}});
    fixture.application_with("shop", "chart", more).await?;
    fixture.wait_applied("shop", &first).await?;
    let map = fixture.get("configmap", "shop-settings-prod").await?;
    assert_eq!((&map["data"]["extra"], &map["data"]["colour"]), (&json!("patched"), &json!("blue")));

    // Both folders are inputs, and what the gate finds leads to the template.
    fixture.repo.write("overlay/kustomization.yaml", "resources: [rendered.yaml]\nnameSuffix: -two\n")?;
    let second = fixture.repo.commit("two")?;
    fixture.wait_applied("shop", &second).await?;
    fixture.wait_gone("configmap", "shop-settings-prod").await?;
    fixture
        .repo
        .write("chart/templates/broken.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 7}\n")?;
    let third = fixture.repo.commit("three")?;
    let message = fixture
        .wait_refused("application", "shop", "Rendered", "False", "RenderFailed", Some(&third))
        .await?;
    assert!(message.contains("chart/templates/broken.yaml:1"), "{message}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_manifests_take_the_values_that_they_declare_and_no_text_is_replaced() -> anyhow::Result<()> {
    let fixture = Fixture::new("declared").await?;
    fixture.repo.write(
        "app/values.yaml",
        "apiVersion: windlass.dev/v1alpha1\nkind: Values\nmetadata: {name: values}\nvalues: {colour: red}\n\
         replacements:\n- value: colour\n  targets: [{select: {kind: ConfigMap}, fieldPaths: [data.colour]}]\n",
    )?;
    fixture.repo.write("app/cm.yaml", COLOURED)?;
    let commit = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.apply(values_map("chosen", "colour: blue\n")).await?;
    let from = json!({"valuesFrom": [{"kind": "ConfigMap", "name": "chosen"}]});
    fixture.application_with("app", "app", from).await?;
    fixture.wait_applied("app", &commit).await?;
    let data = fixture.get("configmap", "settings").await?["data"].take();
    assert_eq!(data, json!({"colour": "blue", "script": "echo ${colour}"}));
    assert!(
        fixture.get("application", "app").await?["status"]["inventory"]
            .as_array()
            .is_some_and(|all| all.len() == 1)
    );

    fixture.apply(values_map("chosen", "colour: blue\nsize: 3\n")).await?;
    let told = fixture.wait_condition("application", "app", "Rendered", "False", "RenderFailed").await?;
    assert!(told.contains("the value `size` is given and not declared"), "{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overlay_takes_the_values_that_it_declares_through_its_own_replacements() -> anyhow::Result<()> {
    let fixture = Fixture::new("overlaid").await?;
    fixture.repo.write(
        "app/values.yaml",
        "apiVersion: windlass.dev/v1alpha1\nkind: Values\nmetadata:\n  name: values\n  annotations: \
         {config.kubernetes.io/local-config: \"true\"}\nvalues: {colour: red}\n",
    )?;
    fixture.repo.write(
        "app/kustomization.yaml",
        "resources: [values.yaml, cm.yaml]\nreplacements:\n- source: {kind: Values, fieldPath: values.colour}\n  \
         targets: [{select: {kind: ConfigMap}, fieldPaths: [data.colour]}]\n",
    )?;
    fixture.repo.write("app/cm.yaml", COLOURED)?;
    let commit = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application_with("app", "app", json!({"values": {"colour": "green"}})).await?;
    fixture.wait_applied("app", &commit).await?;
    let data = fixture.get("configmap", "settings").await?["data"].take();
    assert_eq!(data, json!({"colour": "green", "script": "echo ${colour}"}));
    Ok(())
}
