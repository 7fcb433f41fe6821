//! Given a set that was applied, when its objects do badly, then.
//!
//! There are no nodes: Pods stay pending, so that no Deployment of replicas
//! becomes available.

use serde_json::json;
use windlass_tests::Fixture;

use super::{config_map, deployment};

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_misses_its_deadline_is_named_and_a_newer_commit_takes_its_place()
-> anyhow::Result<()> {
    let fixture = Fixture::new("failed").await?;
    let spec = |replicas: u32| format!("replicas: {replicas}\n  progressDeadlineSeconds: 1");
    fixture.repo.write("app/web.yaml", deployment("web", "nginx:1.27", &spec(1)))?;
    fixture.repo.write("other/cm.yaml", config_map("other", "one"))?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.application("other", "other").await?;
    let message = fixture.wait_condition("application", "app", "Healthy", "False", "Unhealthy").await?;
    assert!(message.contains("web") && message.contains("ProgressDeadlineExceeded"), "{message}");
    fixture.wait_condition("application", "app", "Ready", "False", "Unhealthy").await?;
    fixture.wait_event("app", &["Unhealthy", "ProgressDeadlineExceeded"]).await?;
    let application = fixture.get("application", "app").await?;
    assert_eq!(application["status"]["health"]["counts"]["failed"], 1);
    fixture.wait_applied("other", &first).await?;

    fixture.repo.write("app/web.yaml", deployment("web", "nginx:1.27", &spec(0)))?;
    let second = fixture.repo.commit("two")?;
    fixture.wait_applied("app", &second).await?;
    fixture.wait_event("app", &["Healthy: "]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_is_awaited_for_as_long_as_the_application_says_and_a_newer_commit_does_not_wait()
-> anyhow::Result<()> {
    let fixture = Fixture::new("awaited").await?;
    fixture.repo.write("app/web.yaml", deployment("web", "nginx:1.27", "replicas: 1"))?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application_with("app", "app", json!({"healthTimeout": "1h"})).await?;
    fixture.wait_condition("application", "app", "Healthy", "Unknown", "Progressing").await?;
    let message = fixture.wait_condition("application", "app", "Ready", "Unknown", "Progressing").await?;
    assert!(message.contains("web"), "{message}");
    let application = fixture.get("application", "app").await?;
    assert_eq!(application["status"]["revision"]["commit"], first);

    fixture.repo.write("app/web.yaml", deployment("web", "nginx:1.27", "replicas: 0"))?;
    let second = fixture.repo.commit("two")?;
    fixture.wait_applied("app", &second).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_become_healthy_in_time_is_told_even_while_others_are_committed_to()
-> anyhow::Result<()> {
    let fixture = Fixture::new("timeout").await?;
    fixture.repo.write("app/web.yaml", deployment("web", "nginx:1.27", "replicas: 1"))?;
    fixture.repo.write("other/cm.yaml", config_map("other", "0"))?;
    fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("other", "other").await?;
    fixture.application_with("app", "app", json!({"healthTimeout": "6s"})).await?;
    fixture.wait_condition("application", "app", "Applied", "True", "Succeeded").await?;
    // A commit that concerns another application gives this one no more time.
    for commit in 1.. {
        let healthy = fixture.get("application", "app").await?;
        if windlass_tests::fixture::find(&healthy, "Healthy")
            .is_some_and(|found| found["reason"] == "HealthTimeout")
        {
            break;
        }
        assert!(commit < 40, "{commit} commits within the time: {healthy:#}");
        fixture.repo.write("other/cm.yaml", config_map("other", &commit.to_string()))?;
        let next = fixture.repo.commit("more")?;
        fixture.wait_applied("other", &next).await?;
    }
    let message = fixture.wait_condition("application", "app", "Healthy", "False", "HealthTimeout").await?;
    assert!(message.contains("spec.healthTimeout") && message.contains("web"), "{message}");
    fixture.wait_event("app", &["HealthTimeout", "web"]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn more_time_for_health_is_given_at_once() -> anyhow::Result<()> {
    let fixture = Fixture::new("moretime").await?;
    fixture.repo.write("app/web.yaml", deployment("web", "nginx:1.27", "replicas: 1"))?;
    fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application_with("app", "app", json!({"healthTimeout": "1s"})).await?;
    fixture.wait_condition("application", "app", "Healthy", "False", "HealthTimeout").await?;
    fixture.patch("application", "app", json!({"spec": {"healthTimeout": "1h"}})).await?;
    fixture.wait_condition("application", "app", "Healthy", "Unknown", "Progressing").await?;
    fixture.patch("application", "app", json!({"spec": {"healthTimeout": "2s"}})).await?;
    fixture.wait_condition("application", "app", "Healthy", "False", "HealthTimeout").await?;
    Ok(())
}
