//! Given an agent in a cluster of its own, when it or the API server ends, then.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hyper::Request;
use serde_json::{Value, json};
use windlass_tests::fixture::Held;
use windlass_tests::{Agent, AgentOptions, Fixture, Monorepo};

use super::config_map;

/// The uid and version of every `ConfigMap` and Application, by kind and name.
async fn versions(fixture: &Fixture) -> anyhow::Result<BTreeMap<String, String>> {
    let mut versions = BTreeMap::new();
    for kind in ["configmap", "application", "repository"] {
        for object in fixture.list(kind).await? {
            let metadata = &object["metadata"];
            versions.insert(
                format!("{kind}/{}", metadata["name"]),
                format!("{} {}", metadata["uid"], metadata["resourceVersion"]),
            );
        }
    }
    Ok(versions)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_was_killed_comes_back_to_an_unchanged_cluster_without_a_write() -> anyhow::Result<()> {
    let mut fixture = Fixture::alone("crash").await?;
    let options = fixture.start_agent().await?;
    for name in ["one", "two", "three"] {
        fixture.repo.write(&format!("{name}/cm.yaml"), config_map(name, "1"))?;
    }
    fixture.repo.write("one/goes.yaml", config_map("goes", "1"))?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    for name in ["one", "two", "three"] {
        fixture.application(name, name).await?;
        fixture.wait_applied(name, &first).await?;
    }
    for name in ["one", "two", "three"] {
        let marked = |app: &Value| app["metadata"]["labels"]["applyset.kubernetes.io/id"].is_string();
        fixture.wait("application", name, "marked as the parent of its set", marked).await?;
    }
    fixture.wait_condition("repository", "fleet", "Ready", "True", "Succeeded").await?;
    let before = versions(&fixture).await?;

    // Nothing happened meanwhile: the next agent reads, and writes nothing but the Lease.
    fixture.agent = None;
    fixture.agent = Some(Held::Own(Box::new(Agent::start(&options).await?)));
    let synced = r#"windlass_steps_total{step="Sync",outcome="Done"}"#;
    fixture.wait_metric(synced, 3.0).await?;
    assert_eq!(versions(&fixture).await?, before);
    let writes = fixture.agent().metric(r#"windlass_api_requests_total{verb="apply"}"#).await?;
    assert!(writes.abs() < 0.5, "{writes} objects were written");

    // Killed again, and this time there is something to do: a commit, drift and a deletion.
    fixture.agent = None;
    fixture.repo.write("two/cm.yaml", config_map("two", "2"))?;
    fixture.repo.remove("one/goes.yaml")?;
    let second = fixture.repo.commit("two")?;
    fixture.patch("configmap", "three", json!({"data": {"value": "by hand"}})).await?;
    fixture.delete("configmap", "one").await?;
    fixture.agent = Some(Held::Own(Box::new(Agent::start(&options).await?)));
    fixture.wait_applied("two", &second).await?;
    fixture.wait("configmap", "three", "restored", |map| map["data"]["value"] == "1").await?;
    fixture.wait("configmap", "one", "back", |map| map["data"]["value"] == "1").await?;
    fixture.wait_gone("configmap", "goes").await?;
    assert_eq!(fixture.get("configmap", "two").await?["data"]["value"], "2");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_starts_anew_holds_the_last_good_state_while_the_newest_commit_is_refused()
-> anyhow::Result<()> {
    let mut fixture = Fixture::alone("recall").await?;
    let options = fixture.start_agent().await?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "good"))?;
    let good = fixture.repo.commit("good")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.wait_applied("app", &good).await?;

    // Nothing of the old process is left, not even what it fetched; and the newest commit is broken.
    fixture.agent = None;
    fixture.repo.write("app/cm.yaml", "kind: [")?;
    let bad = fixture.repo.commit("bad")?;
    fixture.patch("configmap", "settings", json!({"data": {"value": "by hand"}})).await?;
    fixture.agent = Some(Held::Own(Box::new(Agent::start(&options).await?)));
    fixture.wait_refused("application", "app", "Rendered", "False", "RenderFailed", Some(&bad)).await?;
    fixture.wait("configmap", "settings", "restored", |map| map["data"]["value"] == "good").await?;
    fixture.delete("configmap", "settings").await?;
    fixture.wait("configmap", "settings", "back", |map| map["data"]["value"] == "good").await?;
    let application = fixture.get("application", "app").await?;
    assert_eq!(application["status"]["revision"]["commit"], good);

    fixture.repo.write("app/cm.yaml", config_map("settings", "mended"))?;
    let mended = fixture.repo.commit("mended")?;
    fixture.wait_applied("app", &mended).await?;
    assert_eq!(fixture.get("configmap", "settings").await?["data"]["value"], "mended");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_starts_anew_renders_only_what_changed_meanwhile() -> anyhow::Result<()> {
    let mut fixture = Fixture::alone("kept").await?;
    let cache = tempfile::tempdir()?;
    let options = AgentOptions { cache: Some(cache.path().to_owned()), ..fixture.start_agent().await? };
    fixture.agent = Some(Held::Own(Box::new(Agent::start(&options).await?)));
    for name in ["one", "two", "three"] {
        fixture.repo.write(&format!("{name}/cm.yaml"), config_map(name, "1"))?;
    }
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    for name in ["one", "two", "three"] {
        fixture.application(name, name).await?;
        fixture.wait_applied(name, &first).await?;
    }
    fixture.agent = None;
    fixture.repo.write("two/cm.yaml", config_map("two", "2"))?;
    let second = fixture.repo.commit("two")?;
    fixture.agent = Some(Held::Own(Box::new(Agent::start(&options).await?)));
    fixture.wait_applied("two", &second).await?;
    fixture.wait_metric(r#"windlass_steps_total{step="Sync",outcome="Done"}"#, 3.0).await?;
    fixture.wait_metric(r#"windlass_renders_total{answered_from="plugin"}"#, 1.0).await?;
    fixture.wait_metric(r#"windlass_renders_total{answered_from="memory"}"#, 2.0).await?;
    // It is held from what was on disk as well as from what was rendered.
    fixture.patch("configmap", "one", json!({"data": {"value": "by hand"}})).await?;
    fixture.wait("configmap", "one", "restored", |map| map["data"]["value"] == "1").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_agents_one_stands_by_and_goes_on_when_the_other_ends() -> anyhow::Result<()> {
    let mut fixture = Fixture::alone("standby").await?;
    let options = fixture.start_agent().await?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "one"))?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.wait_applied("app", &first).await?;
    fixture.wait_metric("windlass_leader", 1.0).await?;

    let second = Agent::start(&options).await?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "two"))?;
    let commit = fixture.repo.commit("two")?;
    fixture.wait_applied("app", &commit).await?;
    assert!(second.metric("windlass_leader").await?.abs() < 0.5, "both lead");
    let written = second.metric(r#"windlass_api_requests_total{verb="apply"}"#).await?;
    assert!(written.abs() < 0.5, "the one that stands by wrote");

    // In good order: the Lease is given back, and the other takes it.
    let Some(Held::Own(former)) = fixture.agent.take() else { panic!("no agent") };
    former.stop().await?;
    fixture.agent = Some(Held::Own(Box::new(second)));
    fixture.repo.write("app/cm.yaml", config_map("settings", "three"))?;
    let commit = fixture.repo.commit("three")?;
    fixture.wait_applied("app", &commit).await?;
    fixture.wait_metric("windlass_leader", 1.0).await?;
    assert_eq!(fixture.get("configmap", "settings").await?["data"]["value"], "three");

    // By a crash: the Lease has to run out first.
    let third = Agent::start(&options).await?;
    fixture.agent = Some(Held::Own(Box::new(third)));
    fixture.patch("configmap", "settings", json!({"data": {"value": "by hand"}})).await?;
    fixture.wait("configmap", "settings", "restored", |map| map["data"]["value"] == "three").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_was_away_is_caught_up_with_by_the_same_process() -> anyhow::Result<()> {
    let mut fixture = Fixture::alone("outage").await?;
    fixture.start_agent().await?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "one"))?;
    fixture.repo.write("other/cm.yaml", config_map("other", "one"))?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.application("other", "other").await?;
    fixture.wait_applied("app", &first).await?;
    fixture.wait_applied("other", &first).await?;

    fixture.control.stop_apiserver().await?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "two"))?;
    let second = fixture.repo.commit("two")?;
    // The agent gives up its right to write before anybody else could take it.
    fixture.wait_metric("windlass_leader", 0.0).await?;
    fixture.control.start_apiserver().await?;
    // It was away for the agent, whose watches have to notice what happened without them.
    fixture.patch("configmap", "other", json!({"data": {"value": "by hand"}})).await?;
    fixture.wait("configmap", "other", "restored", |map| map["data"]["value"] == "one").await?;
    fixture.wait_applied("app", &second).await?;
    assert_eq!(fixture.get("configmap", "settings").await?["data"]["value"], "two");
    assert!(fixture.agent().is_alive());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_renders_only_the_applications_whose_inputs_it_changes() -> anyhow::Result<()> {
    let mut fixture = Fixture::alone("inputs").await?;
    fixture.start_agent().await?;
    let monorepo = Monorepo { applications: 6, namespace: fixture.namespace.clone() };
    fixture.repo.write_all(monorepo.files())?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    for number in 0..6 {
        let name = Monorepo::name(number);
        fixture.application(&name, &Monorepo::path(number)).await?;
    }
    for number in 0..6 {
        fixture.wait_applied(&Monorepo::name(number), &first).await?;
    }
    let rendered = r#"windlass_renders_total{answered_from="plugin"}"#;
    let done = r#"windlass_steps_total{step="Sync",outcome="Done"}"#;
    let unconcerned = r#"windlass_steps_total{step="Sync",outcome="Unchanged"}"#;
    let (renders, syncs) = (fixture.agent().metric(rendered).await?, fixture.agent().metric(done).await?);

    let (path, text) = Monorepo::at_version(3, 2);
    fixture.repo.write(&path, text)?;
    let second = fixture.repo.commit("two")?;
    fixture.wait_applied("app-0003", &second).await?;
    fixture.wait_metric(done, syncs + 1.0).await?;
    // The five others were not even looked at.
    fixture.wait_metric(unconcerned, 5.0).await?;
    let more = fixture.agent().metric(rendered).await? - renders;
    assert!((more - 1.0).abs() < 0.5, "{more} renders for one changed application");

    // A file that nobody reads concerns nobody; one that all of them read concerns all.
    fixture.repo.write("README.md", "hello")?;
    fixture.repo.commit("three")?;
    fixture.wait_metric(unconcerned, 11.0).await?;
    let base = fixture.repo.work_tree().join("base/deployment.yaml");
    let text = std::fs::read_to_string(base)?.replace("nginx:1.27", "nginx:1.28");
    fixture.repo.write("base/deployment.yaml", text)?;
    let fourth = fixture.repo.commit("four")?;
    for number in 0..6 {
        fixture.wait_applied(&Monorepo::name(number), &fourth).await?;
    }
    assert!((fixture.agent().metric(rendered).await? - renders - 7.0).abs() < 0.5);
    assert!((fixture.agent().metric(unconcerned).await? - 11.0).abs() < 0.5);
    Ok(())
}

/// More levels than the agent reads, and fewer than the API server takes.
fn deep() -> Value {
    (0..200).fold(json!("deep"), |inside, _| json!({"a": inside}))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_nests_too_deep_to_be_read_stops_no_other_one() -> anyhow::Result<()> {
    let mut fixture = Fixture::alone("deep").await?;
    let options = fixture.start_agent().await?;
    for name in ["one", "two"] {
        fixture.repo.write(&format!("{name}/cm.yaml"), config_map(name, "1"))?;
    }
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("one", "one").await?;
    fixture.application("two", "two").await?;
    fixture.wait_applied("one", &first).await?;
    fixture.wait_applied("two", &first).await?;

    // One is new, the other was good when it was seen last, which is held; the test's own client can't read them.
    let path = format!("/apis/windlass.dev/v1alpha1/namespaces/{}/applications", fixture.namespace);
    for name in ["bad", "two"] {
        let object = json!({
            "apiVersion": "windlass.dev/v1alpha1",
            "kind": "Application",
            "metadata": {"name": name},
            "spec": {"repository": {"name": "fleet"}, "path": "two", "values": deep()},
        });
        let request = Request::patch(format!("{path}/{name}?fieldManager=somebody&force=true"))
            .header("content-type", "application/apply-patch+yaml")
            .body(object.to_string().into_bytes())?;
        fixture.control.client()?.request_text(request).await?;
    }
    let told = |agent: &Agent, name: &str| {
        let name = format!("{}/{name}", fixture.namespace);
        agent.log().lines().any(|line| line.contains("nests deeper") && line.contains(&name))
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    while !(told(fixture.agent(), "bad") && told(fixture.agent(), "two")) {
        assert!(Instant::now() < deadline, "not told:\n{}", fixture.agent().log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    fixture.patch("configmap", "two", json!({"data": {"value": "by hand"}})).await?;
    fixture.wait("configmap", "two", "restored", |map| map["data"]["value"] == "1").await?;
    let lists = fixture.agent().metric(r#"windlass_api_requests_total{verb="list"}"#).await?;
    fixture.repo.write("one/cm.yaml", config_map("one", "2"))?;
    let second = fixture.repo.commit("two")?;
    fixture.wait_applied("one", &second).await?;
    let more = fixture.agent().metric(r#"windlass_api_requests_total{verb="list"}"#).await? - lists;
    assert!(more.abs() < 0.5, "{more} lists were made anew");

    // The next agent has to list them. It becomes ready, and keeps what it can't read as it is.
    fixture.agent = None;
    fixture.repo.write("one/cm.yaml", config_map("one", "3"))?;
    let third = fixture.repo.commit("three")?;
    fixture.agent = Some(Held::Own(Box::new(Agent::start(&options).await?)));
    fixture.wait_applied("one", &third).await?;
    assert_eq!(fixture.get("configmap", "two").await?["data"]["value"], "1");
    let log = fixture.agent().log();
    assert!(!log.contains(&"{\"a\":".repeat(10)), "what was listed is in the log");

    // Mended, it is synced at once.
    let request = Request::patch(format!("{path}/two"))
        .header("content-type", "application/merge-patch+json")
        .body(br#"{"spec":{"values":null}}"#.to_vec())?;
    fixture.control.client()?.request_text(request).await?;
    fixture.wait_applied("two", &third).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_can_not_read_a_gate_writes_nothing_until_it_can() -> anyhow::Result<()> {
    let mut fixture = Fixture::alone("unread").await?;
    let options = fixture.start_agent().await?;
    fixture.agent = None;
    let path = "/apis/windlass.dev/v1alpha1/gates/unread";
    let deep_gate = || {
        let gate = json!({
            "apiVersion": "windlass.dev/v1alpha1",
            "kind": "Gate",
            "metadata": {"name": "unread"},
            "spec": {"policies": [{"plugin": "pinned-images", "config": deep()}]},
        });
        Request::patch(format!("{path}?fieldManager=somebody"))
            .header("content-type", "application/apply-patch+yaml")
            .body(gate.to_string().into_bytes())
    };
    fixture.control.client()?.request_text(deep_gate()?).await?;

    // What the Gate would refuse is not known.
    let starting = tokio::spawn(async move { Agent::start(&options).await });
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(!starting.is_finished(), "an agent that does not know a Gate is ready");
    fixture.control.client()?.request_text(Request::delete(path).body(Vec::new())?).await?;
    fixture.agent = Some(Held::Own(Box::new(starting.await??)));
    assert!(fixture.agent().log().contains("nests deeper"));
    Ok(())
}
