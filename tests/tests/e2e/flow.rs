//! Given a repository and a cluster, when something is committed, then.

use windlass_tests::Fixture;

fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  value: \"{value}\"\n")
}

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
