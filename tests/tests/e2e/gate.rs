//! Given a Gate, when a commit is judged, then.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use windlass_tests::fixture::Held;
use windlass_tests::{Agent, AgentOptions, Fixture};

use super::{config_map, deployment};

/// Creates a Gate of the fixture's namespace alone, by its name.
async fn gate(fixture: &Fixture, policies: Value) -> anyhow::Result<()> {
    gate_with(fixture, json!({"policies": policies})).await
}

/// The same, with more of a spec.
async fn gate_with(fixture: &Fixture, mut spec: Value) -> anyhow::Result<()> {
    let selector = json!({"namespaces": [fixture.namespace]});
    if spec.get("selector").is_none() {
        spec["selector"] = selector;
    }
    fixture
        .apply(json!({
            "apiVersion": "windlass.dev/v1alpha1",
            "kind": "Gate",
            "metadata": {"name": fixture.namespace},
            "spec": spec,
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
    let version = fixture.get("deployment", "web").await?["metadata"]["resourceVersion"].clone();
    gate(&fixture, rule(3)).await?;
    let message = fixture.wait_condition("application", "app", "Compliant", "False", "Denied").await?;
    for words in ["app/web.yaml:6", "wants 3 replicas or more", "stays applied"] {
        assert!(message.contains(words), "{message}");
    }
    let application = fixture.get("application", "app").await?;
    for kind in ["Ready", "Admitted", "Applied"] {
        assert_eq!(status_of(&application, kind), "True", "{kind}");
    }
    assert_eq!(application["status"]["verdicts"]["denied"], 1);
    assert_eq!(fixture.get("deployment", "web").await?["metadata"]["resourceVersion"], version);
    // It is held as it was admitted.
    fixture.patch("deployment", "web", json!({"spec": {"replicas": 1}})).await?;
    fixture.wait("deployment", "web", "restored", |object| object["spec"]["replicas"] == 0).await?;

    // A newer set is judged by the rules of today.
    fixture.repo.write("app/cm.yaml", config_map("settings", "two"))?;
    let second = fixture.repo.commit("two")?;
    fixture.wait_refused("application", "app", "Admitted", "False", "Denied", Some(&second)).await?;
    assert!(fixture.get("configmap", "settings").await?.is_null());
    // What is applied is judged again all the same.
    gate(&fixture, rule(4)).await?;
    let is_told = |object: &Value| {
        let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|condition| {
            condition["type"] == "Compliant"
                && condition["message"].as_str().is_some_and(|message| message.contains("wants 4"))
        })
    };
    fixture.wait("application", "app", "what is applied is judged again", is_told).await?;
    fixture.repo.revert(&second)?;
    fixture.delete("gate", &fixture.namespace).await?;
    fixture.wait_condition("application", "app", "Compliant", "True", "Succeeded").await?;
    fixture.wait_condition("application", "app", "Ready", "True", "Succeeded").await?;
    Ok(())
}

fn status_of(application: &Value, kind: &str) -> String {
    let conditions = application["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let found = conditions.iter().find(|condition| condition["type"] == kind);
    found.and_then(|condition| condition["status"].as_str()).unwrap_or_default().to_owned()
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

#[tokio::test(flavor = "multi_thread")]
async fn an_exception_lets_pass_until_it_expires_and_what_is_applied_stays() -> anyhow::Result<()> {
    let fixture = Fixture::new("exception").await?;
    let excepting = |expires: String| {
        json!({
            "policies": [{"plugin": "pinned-images"}],
            "exceptions": [{
                "policies": ["pinned-images"],
                "names": ["web"],
                "reason": "until the registry has tags",
                "expires": expires,
            }],
        })
    };
    gate_with(&fixture, excepting("2999-01-01T00:00:00Z".to_owned())).await?;
    fixture.repo.write("app/web.yaml", deployment("web", "nginx", "replicas: 0"))?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    let application = fixture.wait_applied("app", &first).await?;
    let verdicts = &application["status"]["verdicts"];
    assert_eq!((&verdicts["denied"], &verdicts["excepted"]), (&json!(0), &json!(1)), "{verdicts}");
    let finding = verdicts["findings"][0].as_str().unwrap_or_default();
    assert!(
        finding.ends_with("let pass until 2999-01-01T00:00:00Z: until the registry has tags"),
        "{finding}"
    );

    // It expires while nobody does anything.
    let soon = Timestamp::now() + Duration::from_secs(3);
    gate_with(&fixture, excepting(soon.to_string())).await?;
    let message = fixture.wait_condition("application", "app", "Compliant", "False", "Denied").await?;
    for words in ["its exception (until the registry has tags) ended on", "app/web.yaml:17"] {
        assert!(message.contains(words), "{message}");
    }
    fixture.wait_condition("application", "app", "Ready", "True", "Succeeded").await?;
    let told = |object: &Value| {
        let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions
            .iter()
            .any(|one| one["message"].as_str().is_some_and(|m| m.contains("1 exception has expired")))
    };
    fixture.wait("gate", &fixture.namespace, "its expiry told", told).await?;

    // A set that still has the finding is a new one, and is refused.
    fixture.repo.write("app/cm.yaml", config_map("settings", "one"))?;
    let second = fixture.repo.commit("two")?;
    fixture.wait_refused("application", "app", "Admitted", "False", "Denied", Some(&second)).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_ignores_failures_lets_pass_and_tells() -> anyhow::Result<()> {
    let fixture = Fixture::new("open").await?;
    let spec = json!({"policies": [{"plugin": "no-such-policy"}], "failurePolicy": "Ignore"});
    gate_with(&fixture, spec).await?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "one"))?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.wait_applied("app", &first).await?;
    fixture.wait_event("app", &["Warning", "no-such-policy"]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_selects_by_the_labels_of_the_namespace_as_they_are_now() -> anyhow::Result<()> {
    let fixture = Fixture::new("labels").await?;
    let selector =
        json!({"namespaces": [fixture.namespace], "namespaceSelector": {"matchLabels": {"stage": "live"}}});
    gate_with(&fixture, json!({"policies": [{"plugin": "pinned-images"}], "selector": selector})).await?;
    fixture.repo.write("app/web.yaml", deployment("web", "nginx", "replicas: 0"))?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.wait_applied("app", &first).await?;
    fixture.wait_condition("application", "app", "Compliant", "True", "Succeeded").await?;

    let labelled = json!({"metadata": {"labels": {"stage": "live"}}});
    fixture.patch("namespace", &fixture.namespace, labelled).await?;
    fixture.wait_condition("application", "app", "Compliant", "False", "Denied").await?;
    fixture.wait_condition("application", "app", "Ready", "True", "Succeeded").await?;
    let gate = &fixture.namespace;
    let series = format!("verdicts_total{{gate=\"{gate}\",policy=\"pinned-images\",action=\"deny\"}}");
    fixture.wait_metric(&format!("windlass_{series}"), 1.0).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_a_policy_refuses_are_told_at_the_gate() -> anyhow::Result<()> {
    let fixture = Fixture::new("settings").await?;
    let rules = json!({"rules": [{"name": "a", "expression": "object.spec. == 1"}]});
    gate(&fixture, json!([{"plugin": "cel", "name": "mine", "config": rules}])).await?;
    let message =
        fixture.wait_condition("gate", &fixture.namespace, "Ready", "False", "InvalidConfig").await?;
    for words in ["the policy `mine`", "/rules/0/expression"] {
        assert!(message.contains(words), "{message}");
    }
    Ok(())
}

/// The definition of the policy working group, as far as it names fields.
pub(super) fn policy_reports() -> Value {
    let text = json!({"type": "string"});
    let object = json!({
        "type": "object",
        "properties": {"apiVersion": text, "kind": text, "namespace": text, "name": text},
    });
    let count = json!({"type": "integer"});
    let result = json!({
        "type": "object",
        "required": ["policy"],
        "properties": {
            "source": text,
            "policy": text,
            "rule": text,
            "result": {"type": "string", "enum": ["pass", "fail", "warn", "error", "skip"]},
            "severity": {"type": "string", "enum": ["critical", "high", "low", "medium", "info"]},
            "message": text,
            "resources": {"type": "array", "items": object},
            "properties": {"type": "object", "additionalProperties": text},
        },
    });
    let schema = json!({
        "type": "object",
        "properties": {
            "scope": object,
            "summary": {
                "type": "object",
                "properties": {"pass": count, "fail": count, "warn": count, "error": count, "skip": count},
            },
            "results": {"type": "array", "items": result},
        },
    });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": "policyreports.wgpolicyk8s.io",
            "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
        },
        "spec": {
            "group": "wgpolicyk8s.io",
            "scope": "Namespaced",
            "names": {"kind": "PolicyReport", "plural": "policyreports", "singular": "policyreport"},
            "versions": [{
                "name": "v1alpha2",
                "served": true,
                "storage": true,
                "schema": {"openAPIV3Schema": schema},
            }],
        },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_admitted_stays_under_stricter_rules_also_after_a_restart_and_is_reported()
-> anyhow::Result<()> {
    let mut fixture = Fixture::alone("reports").await?;
    fixture.apply(policy_reports()).await?;
    let options = windlass_tests::fixture::agent_options(&fixture.control)?;
    let options = AgentOptions { arguments: vec!["--policy-reports".to_owned()], ..options };
    fixture.agent = Some(Held::Own(Box::new(Agent::start(&options).await?)));
    gate(&fixture, json!([{"plugin": "pinned-images", "action": "Warn"}])).await?;
    fixture.repo.write("app/web.yaml", deployment("web", "nginx", "replicas: 0"))?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.wait_applied("app", &first).await?;
    let counts = |wanted: Value| move |report: &Value| report["summary"] == wanted;
    let summary = |fail, warn| json!({"pass": 0, "fail": fail, "warn": warn, "error": 0, "skip": 0});
    let report = fixture.wait("policyreport", "windlass-app", "a warning", counts(summary(0, 1))).await?;
    let result = &report["results"][0];
    assert_eq!(
        (&result["policy"], &result["resources"][0]["name"], &result["properties"]["file"]),
        (&json!("pinned-images"), &json!("web"), &json!("app/web.yaml")),
        "{report}"
    );
    assert_eq!(report["metadata"]["ownerReferences"][0]["kind"], "Application");

    // The rules grow stricter while no agent runs, and somebody changes what is applied.
    fixture.agent = None;
    gate(&fixture, json!([{"plugin": "pinned-images"}])).await?;
    fixture.patch("deployment", "web", json!({"spec": {"replicas": 1}})).await?;
    fixture.agent = Some(Held::Own(Box::new(Agent::start(&options).await?)));
    fixture.wait_condition("application", "app", "Compliant", "False", "Denied").await?;
    fixture.wait("deployment", "web", "held as it was admitted", |web| web["spec"]["replicas"] == 0).await?;
    fixture.wait("policyreport", "windlass-app", "a denial", counts(summary(1, 0))).await?;
    let application = fixture.get("application", "app").await?;
    assert_eq!(status_of(&application, "Admitted"), "True", "{application}");
    Ok(())
}
