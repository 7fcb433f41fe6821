//! Given a Gate, when a commit is judged, then.

use serde_json::{Value, json};
use windlass_tests::Fixture;

use super::{config_map, deployment};

/// Creates a Gate of the fixture's namespace alone, by its name.
async fn gate(fixture: &Fixture, policies: Value) -> anyhow::Result<()> {
    fixture
        .apply(json!({
            "apiVersion": "windlass.dev/v1alpha1",
            "kind": "Gate",
            "metadata": {"name": fixture.namespace},
            "spec": {"selector": {"namespaces": [fixture.namespace]}, "policies": policies},
        }))
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_commit_changes_nothing_and_the_place_is_told_until_it_is_mended() -> anyhow::Result<()> {
    let fixture = Fixture::new("deny").await?;
    gate(&fixture, json!([{"plugin": "pinned-images"}])).await?;
    fixture.repo.write("app/web.yaml", deployment("web", "nginx:1.27", "replicas: 0"))?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "one"))?;
    fixture.repo.write("other/cm.yaml", config_map("other", "one"))?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.application("other", "other").await?;
    fixture.wait_applied("app", &first).await?;
    fixture.wait_applied("other", &first).await?;
    let before = fixture.get("deployment", "web").await?["metadata"]["resourceVersion"].clone();

    // The settings change too: what is denied is the whole set.
    fixture.repo.write("app/web.yaml", deployment("web", "nginx:latest", "replicas: 0"))?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "two"))?;
    fixture.repo.remove("app/web.yaml")?;
    fixture.repo.write("app/web2.yaml", deployment("web", "nginx:latest", "replicas: 0"))?;
    fixture.repo.write("other/cm.yaml", config_map("other", "two"))?;
    let second = fixture.repo.commit("two")?;
    let message =
        fixture.wait_refused("application", "app", "Admitted", "False", "Denied", Some(&second)).await?;
    for words in ["app/web2.yaml:17", "image `nginx:latest` is not pinned", "pinned-images"] {
        assert!(message.contains(words), "{message}");
    }
    fixture.wait_event("app", &["Denied", &second[..8], "app/web2.yaml:17", "not pinned"]).await?;
    fixture.wait_condition("application", "app", "Ready", "False", "Denied").await?;
    fixture.wait_applied("other", &second).await?;
    assert_eq!(fixture.get("configmap", "settings").await?["data"]["value"], "one");
    assert_eq!(fixture.get("deployment", "web").await?["metadata"]["resourceVersion"], before);
    let application = fixture.get("application", "app").await?;
    assert_eq!(application["status"]["revision"]["commit"], first);
    let verdicts = &application["status"]["verdicts"];
    assert_eq!((&verdicts["denied"], &verdicts["warned"]), (&json!(1), &json!(0)), "{verdicts}");

    // The last good state is held meanwhile.
    fixture.patch("configmap", "settings", json!({"data": {"value": "by hand"}})).await?;
    fixture.wait("configmap", "settings", "restored", |map| map["data"]["value"] == "one").await?;
    fixture.wait_event("app", &["DriftCorrected", "settings"]).await?;

    fixture.repo.write("app/web2.yaml", deployment("web", "nginx:1.28", "replicas: 0"))?;
    let third = fixture.repo.commit("three")?;
    fixture.wait_applied("app", &third).await?;
    assert_eq!(fixture.get("configmap", "settings").await?["data"]["value"], "two");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revert_of_a_denied_commit_makes_ready_again() -> anyhow::Result<()> {
    let fixture = Fixture::new("revert").await?;
    gate(&fixture, json!([{"plugin": "pinned-images"}])).await?;
    fixture.repo.write("app/web.yaml", deployment("web", "nginx:1.27", "replicas: 0"))?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.wait_applied("app", &first).await?;
    fixture.repo.write("app/web.yaml", deployment("web", "nginx", "replicas: 0"))?;
    let second = fixture.repo.commit("two")?;
    fixture.wait_refused("application", "app", "Admitted", "False", "Denied", Some(&second)).await?;
    let third = fixture.repo.revert(&second)?;
    let application = fixture.wait_applied("app", &third).await?;
    assert_eq!(application["status"]["attemptedRevision"], third);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_gate_judges_again_what_was_judged() -> anyhow::Result<()> {
    let fixture = Fixture::new("rejudge").await?;
    let rule = |least: u32| {
        json!([{
            "plugin": "cel",
            "config": {"rules": [{
                "name": "enough-replicas",
                "matches": ["apps/Deployment"],
                "expression": format!("object.spec.replicas >= {least}"),
                "message": format!("wants {least} replicas or more"),
                "pointer": "/spec/replicas",
            }]},
        }])
    };
    gate(&fixture, rule(2)).await?;
    fixture.repo.write("app/web.yaml", deployment("web", "nginx:1.27", "replicas: 0"))?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    let message =
        fixture.wait_refused("application", "app", "Admitted", "False", "Denied", Some(&first)).await?;
    for words in ["app/web.yaml:6", "wants 2 replicas or more", "enough-replicas"] {
        assert!(message.contains(words), "{message}");
    }
    assert!(fixture.get("deployment", "web").await?.is_null());

    gate(&fixture, rule(0)).await?;
    fixture.wait_applied("app", &first).await?;
    assert!(!fixture.get("deployment", "web").await?.is_null());

    // Stricter again: what is applied stays, and what is wrong with it is told.
    gate(&fixture, rule(3)).await?;
    fixture.wait_condition("application", "app", "Admitted", "False", "Denied").await?;
    assert!(!fixture.get("deployment", "web").await?.is_null());
    fixture.delete("gate", &fixture.namespace).await?;
    fixture.wait_applied("app", &first).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_lets_pass_and_is_told() -> anyhow::Result<()> {
    let fixture = Fixture::new("warn").await?;
    gate(&fixture, json!([{"plugin": "pinned-images", "action": "Warn"}])).await?;
    fixture.repo.write("app/web.yaml", deployment("web", "nginx", "replicas: 0"))?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    let application = fixture.wait_applied("app", &first).await?;
    assert_eq!(application["status"]["verdicts"]["warned"], 1);
    let finding = application["status"]["verdicts"]["findings"][0].as_str().unwrap_or_default().to_owned();
    assert!(finding.contains("app/web.yaml") && finding.contains("not pinned"), "{finding}");
    fixture.wait_event("app", &["Warning", "app/web.yaml", "not pinned"]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_whose_policy_is_missing_is_closed() -> anyhow::Result<()> {
    let fixture = Fixture::new("closed").await?;
    gate(&fixture, json!([{"plugin": "no-such-policy"}])).await?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "one"))?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    let message =
        fixture.wait_refused("application", "app", "Admitted", "False", "PolicyFailed", Some(&first)).await?;
    for words in ["no-such-policy", fixture.namespace.as_str(), "pinned-images"] {
        assert!(message.contains(words), "{message}");
    }
    fixture.wait_event("app", &["PolicyFailed", "no-such-policy"]).await?;
    assert!(fixture.get("configmap", "settings").await?.is_null());
    gate(&fixture, json!([{"plugin": "pinned-images"}])).await?;
    fixture.wait_applied("app", &first).await?;
    Ok(())
}
