//! Given plugins that misbehave, when they are asked, then the agent goes on.

use serde_json::{Value, json};
use windlass_tests::Fixture;
use windlass_tests::guests::{JUDGE, PROGRAM};

use super::config_map;

/// The name of a Plugin of the guest in `file` that may use little.
async fn limited(fixture: &Fixture, file: &str) -> anyhow::Result<String> {
    let name = format!("{file}-{}", fixture.namespace);
    fixture
        .apply(json!({
            "apiVersion": "windlass.dev/v1alpha1",
            "kind": "Plugin",
            "metadata": {"name": name},
            "spec": {
                "file": format!("{file}.wasm"),
                "limits": {"time": "300ms", "memory": "32Mi", "output": "1Mi", "hostCalls": 20000},
            },
        }))
        .await?;
    Ok(name)
}

/// Two applications that are applied by good plugins.
async fn applied(name: &str) -> anyhow::Result<(Fixture, String)> {
    let fixture = Fixture::new(name).await?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "good"))?;
    fixture.repo.write("other/cm.yaml", config_map("other", "good"))?;
    let first = fixture.repo.commit("good")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.application("other", "other").await?;
    fixture.wait_applied("app", &first).await?;
    fixture.wait_applied("other", &first).await?;
    Ok((fixture, first))
}

/// Checks that the last good state is still there, and that the other application goes on.
async fn goes_on(fixture: &Fixture, value: &str) -> anyhow::Result<()> {
    assert_eq!(fixture.get("configmap", "settings").await?["data"]["value"], "good");
    fixture.repo.write("other/cm.yaml", config_map("other", value))?;
    let commit = fixture.repo.commit(value)?;
    fixture.wait_applied("other", &commit).await?;
    assert!(fixture.agent().is_alive(), "the agent ended");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renderer_that_misbehaves_is_stopped_and_named_and_the_others_go_on() -> anyhow::Result<()> {
    let (fixture, first) = applied("renderers").await?;
    let plugin = limited(&fixture, PROGRAM).await?;
    for (config, reason, words) in [
        ("spin", "LimitExceeded", ["limits.time", "300"]),
        ("hoard", "LimitExceeded", ["limits.memory", ""]),
        ("panic", "PluginFailed", ["no chart is good enough", ""]),
        ("flood", "LimitExceeded", ["limits.output", ""]),
        ("ask", "LimitExceeded", ["limits.hostCalls", ""]),
        ("fail", "RenderFailed", ["the chart has no name", ""]),
        ("garbage", "PluginFailed", ["not YAML", ""]),
        ("read /etc/passwd", "RenderFailed", ["/etc/passwd", ""]),
        ("write /app/cm.yaml", "RenderFailed", ["", ""]),
    ] {
        let chosen = json!({"renderer": {"plugin": plugin, "config": {"config": config}}});
        fixture.application_with("app", "app", chosen).await?;
        let what = format!("refused for `{config}`");
        let application = fixture
            .wait("application", "app", &what, |app| {
                let rendered = windlass_tests::fixture::find(app, "Rendered");
                rendered.is_some_and(|rendered| {
                    rendered["status"] == "False"
                        && rendered["observedGeneration"] == app["metadata"]["generation"]
                        && rendered["reason"] == reason
                })
            })
            .await?;
        let message =
            windlass_tests::fixture::find(&application, "Rendered").map(|found| found["message"].clone());
        let message = message.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
        for word in words {
            assert!(message.contains(word), "`{config}`: no `{word}` in: {message}");
        }
        assert!(message.contains(PROGRAM) || reason == "RenderFailed", "`{config}`: {message}");
        goes_on(&fixture, config.split(' ').next().unwrap_or_default()).await?;
    }
    fixture.wait_event("app", &["LimitExceeded", "limits.time"]).await?;
    let head = fixture.repo.head()?;
    assert_ne!(head, first);
    // The settings alone changed back: the same set as at first.
    fixture
        .apply(json!({
            "apiVersion": "windlass.dev/v1alpha1",
            "kind": "Application",
            "metadata": {"name": "app"},
            "spec": {"repository": {"name": "fleet"}, "path": "app"},
        }))
        .await?;
    fixture.wait_condition("application", "app", "Ready", "True", "Succeeded").await?;
    fixture.delete("plugin", &plugin).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_misbehaves_closes_its_gate_and_the_others_go_on() -> anyhow::Result<()> {
    let (fixture, _) = applied("policies").await?;
    let plugin = limited(&fixture, JUDGE).await?;
    for (mode, reason, word) in [
        ("spin", "PolicyFailed", "limits.time"),
        ("hoard", "PolicyFailed", "limits.memory"),
        ("panic", "PolicyFailed", "defect of the plugin"),
        ("recurse", "PolicyFailed", "stack"),
        ("flood", "PolicyFailed", "limits.output"),
        ("too few", "PolicyFailed", ""),
        ("deny", "Denied", "app/cm.yaml"),
    ] {
        fixture
            .apply(json!({
                "apiVersion": "windlass.dev/v1alpha1",
                "kind": "Gate",
                "metadata": {"name": fixture.namespace},
                "spec": {
                    "selector": {"applications": [format!("{}/app", fixture.namespace)]},
                    "policies": [{"plugin": plugin, "name": mode.replace(' ', "-"), "config": {"mode": mode}}],
                },
            }))
            .await?;
        let name = mode.replace(' ', "-");
        let application = fixture
            .wait("application", "app", &format!("refused by `{mode}`"), |app| {
                // What is applied stays, and what would refuse it is told.
                let compliant = windlass_tests::fixture::find(app, "Compliant");
                compliant.is_some_and(|compliant| {
                    compliant["status"] == "False"
                        && compliant["reason"] == reason
                        && compliant["message"].as_str().is_some_and(|message| message.contains(&name))
                })
            })
            .await?;
        let message =
            windlass_tests::fixture::find(&application, "Compliant").map(|found| found["message"].clone());
        let message = message.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
        assert!(message.contains(word), "`{mode}`: no `{word}` in: {message}");
        goes_on(&fixture, &name).await?;
    }
    fixture.wait_event("app", &["PolicyFailed", "spin"]).await?;

    // A newer set is not admitted by a policy that gives no answer.
    fixture.repo.write("app/cm.yaml", config_map("settings", "two"))?;
    let second = fixture.repo.commit("two")?;
    fixture.wait_refused("application", "app", "Admitted", "False", "Denied", Some(&second)).await?;
    fixture.delete("gate", &fixture.namespace).await?;
    fixture.wait_applied("app", &second).await?;
    fixture.wait_condition("application", "app", "Compliant", "True", "Succeeded").await?;
    fixture.delete("plugin", &plugin).await?;
    Ok(())
}
