//! Given an applied set, when somebody else changes the cluster, then.

use serde_json::{Value, json};
use windlass_tests::Fixture;

use super::{config_map, deployment};

/// One application of one `ConfigMap`, applied.
async fn applied(name: &str) -> anyhow::Result<Fixture> {
    let fixture = Fixture::new(name).await?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "one"))?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.wait_applied("app", &first).await?;
    Ok(fixture)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_field_is_restored_and_a_foreign_one_is_left_alone() -> anyhow::Result<()> {
    let fixture = applied("edit").await?;
    let edit =
        json!({"data": {"value": "by hand", "extra": "mine"}, "metadata": {"labels": {"team": "red"}}});
    fixture.patch("configmap", "settings", edit).await?;
    let map = fixture.wait("configmap", "settings", "restored", |map| map["data"]["value"] == "one").await?;
    assert_eq!(map["data"]["extra"], "mine");
    assert_eq!(map["metadata"]["labels"]["team"], "red");
    fixture.wait_event("app", &["DriftCorrected", "settings"]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_field_is_restored() -> anyhow::Result<()> {
    let fixture = applied("removed").await?;
    fixture.patch("configmap", "settings", json!({"data": {"value": null}})).await?;
    fixture.wait("configmap", "settings", "restored", |map| map["data"]["value"] == "one").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_object_comes_back() -> anyhow::Result<()> {
    let fixture = applied("deleted").await?;
    let before = fixture.get("configmap", "settings").await?["metadata"]["uid"].clone();
    fixture.delete("configmap", "settings").await?;
    let back = |map: &Value| !map.is_null() && map["metadata"]["uid"] != before;
    let map = fixture.wait("configmap", "settings", "back", back).await?;
    assert_eq!(map["data"]["value"], "one");
    fixture.wait_event("app", &["DriftCorrected", "settings"]).await?;

    // What came back is followed as what was there before.
    fixture.patch("configmap", "settings", json!({"data": {"value": "by hand"}})).await?;
    fixture.wait("configmap", "settings", "restored", |map| map["data"]["value"] == "one").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_of_the_owner_that_were_stripped_are_restored() -> anyhow::Result<()> {
    let fixture = applied("stripped").await?;
    let before = fixture.get("configmap", "settings").await?["metadata"].clone();
    let uid = fixture.get("application", "app").await?["metadata"]["uid"].clone();
    assert!(before["labels"].as_object().is_some_and(|labels| labels.values().any(|value| *value == uid)));
    let nulls = |field: &str| -> Value {
        let keys = before[field].as_object().into_iter().flat_map(serde_json::Map::keys);
        keys.map(|key| (key.clone(), Value::Null)).collect()
    };
    let strip = json!({"metadata": {"labels": nulls("labels"), "annotations": nulls("annotations")}});
    fixture.patch("configmap", "settings", strip).await?;
    fixture
        .wait("configmap", "settings", "marked again", |map| {
            map["metadata"]["labels"] == before["labels"]
                && map["metadata"]["annotations"] == before["annotations"]
        })
        .await?;
    fixture.wait_event("app", &["DriftCorrected", "settings"]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_git_does_not_name_belongs_to_whoever_scales() -> anyhow::Result<()> {
    let fixture = Fixture::new("scale").await?;
    fixture.repo.write("app/web.yaml", deployment("web", "nginx:1.27", "paused: true"))?;
    fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.wait_condition("application", "app", "Applied", "True", "Succeeded").await?;
    fixture.patch("deployment", "web", json!({"spec": {"replicas": 3}})).await?;

    fixture.repo.write("app/web.yaml", deployment("web", "nginx:1.28", "paused: true"))?;
    fixture.repo.commit("two")?;
    let image = |web: &Value| web["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    let web = fixture.wait("deployment", "web", "updated", |web| image(web) == "nginx:1.28").await?;
    assert_eq!(web["spec"]["replicas"], 3);
    fixture.patch("deployment", "web", json!({"spec": {"paused": false}})).await?;
    let web = fixture.wait("deployment", "web", "restored", |web| web["spec"]["paused"] == true).await?;
    assert_eq!(web["spec"]["replicas"], 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tug_of_war_is_told_and_slowed_down() -> anyhow::Result<()> {
    let fixture = applied("tug").await?;
    for round in 0..6 {
        fixture.patch("configmap", "settings", json!({"data": {"value": format!("round {round}")}})).await?;
        fixture.wait("configmap", "settings", "restored", |map| map["data"]["value"] == "one").await?;
    }
    let event = fixture.wait_event("app", &["DriftFight", "settings"]).await?;
    assert!(event.contains("--show-managed-fields"), "{event}");
    Ok(())
}
