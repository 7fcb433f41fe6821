//! Given an Application that acts as a service account, when it writes, then.

use serde_json::json;
use windlass_tests::Fixture;

use super::config_map;

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_without_rights_is_named_and_with_rights_it_writes() -> anyhow::Result<()> {
    let fixture = Fixture::new("rights").await?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "one"))?;
    fixture.repo.write("other/cm.yaml", config_map("other", "one"))?;
    let first = fixture.repo.commit("one")?;
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "deployer"}});
    fixture.apply(account).await?;
    fixture.repository().await?;
    fixture.application_with("app", "app", json!({"serviceAccountName": "deployer"})).await?;
    fixture.application("other", "other").await?;
    let message = fixture.wait_condition("application", "app", "Applied", "False", "Forbidden").await?;
    for word in ["deployer", "configmaps", "settings"] {
        assert!(message.contains(word), "{message}");
    }
    fixture.wait_event("app", &["Forbidden", "deployer"]).await?;
    fixture.wait_applied("other", &first).await?;
    assert!(fixture.get("configmap", "settings").await?.is_null());

    fixture.grant("deployer", "configmaps", &["get", "list", "create", "patch", "update", "delete"]).await?;
    fixture.wait_applied("app", &first).await?;
    assert!(!fixture.get("configmap", "settings").await?.is_null());
    Ok(())
}
