//! Given a Repository, when its remote does not do its part, then.

use serde_json::json;
use windlass_tests::{Auth, Fault, Fixture, GitServerOptions};

use super::config_map;

async fn secret(fixture: &Fixture, data: serde_json::Value) -> anyhow::Result<()> {
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "access"}, "stringData": data});
    fixture.apply(secret).await?;
    Ok(())
}

fn commit(fixture: &Fixture, value: &str) -> anyhow::Result<String> {
    fixture.repo.write("app/cm.yaml", config_map("settings", value))?;
    fixture.repo.commit(value)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_is_missing_is_told_with_those_that_there_are() -> anyhow::Result<()> {
    let fixture = Fixture::new("branch").await?;
    let first = commit(&fixture, "one")?;
    fixture.repository_with(json!({"ref": {"branch": "realease"}})).await?;
    fixture.application("app", "app").await?;
    let message = fixture.wait_condition("repository", "fleet", "Ready", "False", "RefNotFound").await?;
    for words in ["realease", "main", "check the name"] {
        assert!(message.contains(words), "{message}");
    }
    fixture.wait_event("fleet", &["RefNotFound", "realease"]).await?;
    fixture.wait_condition("application", "app", "Ready", "False", "RepositoryNotReady").await?;
    fixture.repository_with(json!({"ref": {"branch": "main"}})).await?;
    fixture.wait_applied("app", &first).await?;
    fixture.wait_condition("repository", "fleet", "Ready", "True", "Succeeded").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_followed_and_another_commit_is_not() -> anyhow::Result<()> {
    let fixture = Fixture::new("tag").await?;
    let first = commit(&fixture, "one")?;
    fixture.repo.tag("v1", &first)?;
    let second = commit(&fixture, "two")?;
    fixture.repository_with(json!({"ref": {"tag": "v1"}})).await?;
    fixture.application("app", "app").await?;
    fixture.wait_applied("app", &first).await?;
    assert_eq!(fixture.get("configmap", "settings").await?["data"]["value"], "one");
    fixture.repository_with(json!({"ref": {"commit": second}})).await?;
    fixture.wait_applied("app", &second).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_told_and_right_ones_in_the_secret_help() -> anyhow::Result<()> {
    let auth = Auth::Basic { user: "reader".to_owned(), password: "opensesame".to_owned() };
    let fixture =
        Fixture::serving("access", GitServerOptions { auth, ..GitServerOptions::default() }).await?;
    let first = commit(&fixture, "one")?;
    fixture.repository_with(json!({"secretRef": {"name": "access"}})).await?;
    fixture.application("app", "app").await?;
    let message = fixture.wait_condition("repository", "fleet", "Ready", "False", "SecretInvalid").await?;
    assert!(message.contains("access"), "{message}");

    secret(&fixture, json!({"username": "reader", "password": "swordfish"})).await?;
    let message =
        fixture.wait_condition("repository", "fleet", "Ready", "False", "AuthenticationFailed").await?;
    assert!(message.contains("401") && message.contains("credentials"), "{message}");
    assert!(!message.contains("swordfish"), "{message}");
    fixture.wait_event("fleet", &["AuthenticationFailed", "401"]).await?;

    secret(&fixture, json!({"username": "reader", "password": "opensesame"})).await?;
    fixture.wait_applied("app", &first).await?;

    // They are changed on the server, and nothing that is applied suffers.
    fixture.server.set_auth(Auth::Basic { user: "reader".to_owned(), password: "abracadabra".to_owned() })?;
    fixture.wait_condition("repository", "fleet", "Ready", "False", "AuthenticationFailed").await?;
    let second = commit(&fixture, "two")?;
    fixture.patch("configmap", "settings", json!({"data": {"value": "by hand"}})).await?;
    fixture.wait("configmap", "settings", "restored", |map| map["data"]["value"] == "one").await?;
    secret(&fixture, json!({"username": "reader", "password": "abracadabra"})).await?;
    fixture.wait_applied("app", &second).await?;
    let log = fixture.agent().log();
    for password in ["swordfish", "opensesame", "abracadabra"] {
        assert!(!log.contains(password), "{password} is in the log");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_authority_is_trusted_only_by_the_secret_that_names_it() -> anyhow::Result<()> {
    let fixture =
        Fixture::serving("tls", GitServerOptions { tls: true, ..GitServerOptions::default() }).await?;
    let first = commit(&fixture, "one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    let message = fixture.wait_condition("repository", "fleet", "Ready", "False", "FetchFailed").await?;
    assert!(
        message.contains("no trusted connection") && message.contains("certificate authority"),
        "{message}"
    );
    fixture.wait_event("fleet", &["FetchFailed", "no trusted connection"]).await?;
    secret(&fixture, json!({"ca.crt": fixture.server.ca_pem()})).await?;
    fixture.repository_with(json!({"secretRef": {"name": "access"}})).await?;
    fixture.wait_applied("app", &first).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewritten_history_is_followed_and_told() -> anyhow::Result<()> {
    let fixture = Fixture::new("rewritten").await?;
    let first = commit(&fixture, "one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.wait_applied("app", &first).await?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "two"))?;
    let orphan = fixture.repo.force_push_orphan("again")?;
    fixture.wait_applied("app", &orphan).await?;
    assert_eq!(fixture.get("configmap", "settings").await?["data"]["value"], "two");
    fixture.wait_event("fleet", &["HistoryRewritten", &orphan[..8]]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_that_is_away_takes_nothing_with_it_and_is_followed_when_it_is_back() -> anyhow::Result<()> {
    let fixture = Fixture::new("away").await?;
    let first = commit(&fixture, "one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.wait_applied("app", &first).await?;
    for (fault, word) in
        [(Fault::Close, "could not reach"), (Fault::Status(503), "503"), (Fault::Status(404), "404")]
    {
        fixture.server.set_fault(fault);
        fixture
            .wait("repository", "fleet", "away", |repository| {
                let ready = windlass_tests::fixture::find(repository, "Ready");
                ready.is_some_and(|ready| {
                    ready["status"] == "False"
                        && ready["reason"] == "FetchFailed"
                        && ready["message"].as_str().is_some_and(|message| message.contains(word))
                })
            })
            .await?;
        fixture.wait_event("fleet", &["FetchFailed", word]).await?;
    }
    fixture.patch("configmap", "settings", json!({"data": {"value": "by hand"}})).await?;
    fixture.wait("configmap", "settings", "restored", |map| map["data"]["value"] == "one").await?;
    fixture.wait_applied("app", &first).await?;

    let second = commit(&fixture, "two")?;
    fixture.server.clear_faults();
    fixture.wait_applied("app", &second).await?;
    fixture.wait_condition("repository", "fleet", "Ready", "True", "Succeeded").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_applied_stays_when_the_repository_resource_is_deleted() -> anyhow::Result<()> {
    let fixture = Fixture::new("orphaned").await?;
    let first = commit(&fixture, "one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.wait_applied("app", &first).await?;
    fixture.delete("repository", "fleet").await?;
    fixture.wait_condition("application", "app", "Ready", "False", "RepositoryNotReady").await?;
    assert_eq!(fixture.get("configmap", "settings").await?["data"]["value"], "one");
    let second = commit(&fixture, "two")?;
    fixture.repository().await?;
    fixture.wait_applied("app", &second).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_beyond_the_limit_of_an_object_is_told_and_its_removal_helps() -> anyhow::Result<()> {
    let fixture = Fixture::new("oversized").await?;
    let first = commit(&fixture, "one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.wait_applied("app", &first).await?;

    fixture.repo.write("elsewhere/large.bin", vec![0; 100 << 20])?;
    commit(&fixture, "two")?;
    let message = fixture.wait_condition("repository", "fleet", "Ready", "False", "LimitExceeded").await?;
    for words in ["an object in bytes", "67108864", "spec.limits.objectSize"] {
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(fixture.get("configmap", "settings").await?["data"]["value"], "one");

    // The file stays in the history, which is of no interest.
    fixture.repo.remove("elsewhere/large.bin")?;
    let third = commit(&fixture, "three")?;
    fixture.wait_applied("app", &third).await?;
    fixture.wait_condition("repository", "fleet", "Ready", "True", "Succeeded").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raised_limit_lets_pass_the_object_that_was_refused() -> anyhow::Result<()> {
    let fixture = Fixture::new("raised-object").await?;
    fixture.repo.write("elsewhere/large.bin", vec![0; 100 << 20])?;
    let first = commit(&fixture, "one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.wait_condition("repository", "fleet", "Ready", "False", "LimitExceeded").await?;
    fixture.patch("repository", "fleet", json!({"spec": {"limits": {"objectSize": "128Mi"}}})).await?;
    fixture.wait_applied("app", &first).await?;
    Ok(())
}
