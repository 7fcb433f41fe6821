//! Given policies as people have them, unchanged, when a set is judged, then.

use anyhow::Context as _;
use serde_json::{Value, json};
use windlass_tests::fixture::Held;
use windlass_tests::{Agent, AgentOptions, Fixture};

use super::command_line::{folder, stderr, windlass};
use super::deployment;
use super::gate::policy_reports;

/// An admission policy with its binding and its parameters.
fn replica_limit() -> Value {
    json!([
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": "replica-limit"},
            "spec": {
                "failurePolicy": "Fail",
                "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
                "matchConstraints": {"resourceRules": [{
                    "apiGroups": ["apps"],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": ["deployments"],
                }]},
                "variables": [{"name": "most", "expression": "int(params.data.maxReplicas)"}],
                "validations": [
                    {
                        "expression": "object.spec.replicas <= variables.most",
                        "messageExpression": "'at most ' + string(variables.most) + ' replicas in ' + request.namespace",
                    },
                    {
                        "expression": "oldObject == null || object.spec.replicas >= oldObject.spec.replicas",
                        "message": "replicas may not shrink",
                    },
                ],
            },
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": "replica-limit"},
            "spec": {
                "policyName": "replica-limit",
                "validationActions": ["Deny"],
                "paramRef": {"name": "limits", "namespace": "policies", "parameterNotFoundAction": "Deny"},
                "matchResources": {"namespaceSelector": {"matchLabels": {"stage": "live"}}},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "limits", "namespace": "policies"},
            "data": {"maxReplicas": "3"},
        },
    ])
}

/// Every host belongs to one Ingress, of all that there are.
fn unique_hosts() -> Value {
    let rego = "package k8suniqueingresshost

identical(obj, review) {
  obj.metadata.namespace == review.object.metadata.namespace
  obj.metadata.name == review.object.metadata.name
}

violation[{\"msg\": msg}] {
  host := input.review.object.spec.rules[_].host
  other := data.inventory.namespace[_][apiversion][\"Ingress\"][_]
  re_match(\"^networking.k8s.io/.+$\", apiversion)
  other.spec.rules[_].host == host
  not identical(other, input.review)
  msg := sprintf(\"the host %v belongs to the Ingress %v already\", [host, other.metadata.name])
}
";
    json!([
        {
            "apiVersion": "templates.gatekeeper.sh/v1",
            "kind": "ConstraintTemplate",
            "metadata": {"name": "k8suniqueingresshost"},
            "spec": {
                "crd": {"spec": {"names": {"kind": "K8sUniqueIngressHost"}}},
                "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": rego}],
            },
        },
        {
            "apiVersion": "constraints.gatekeeper.sh/v1beta1",
            "kind": "K8sUniqueIngressHost",
            "metadata": {"name": "unique-host"},
            "spec": {"match": {"kinds": [{"apiGroups": ["networking.k8s.io"], "kinds": ["Ingress"]}]}},
        },
    ])
}

/// All four languages, in a Gate of the fixture's namespace.
fn gate(fixture: &Fixture, action: &str) -> Value {
    json!({
        "apiVersion": "windlass.dev/v1alpha1",
        "kind": "Gate",
        "metadata": {"name": "everything"},
        "spec": {
            "selector": {"namespaces": [fixture.namespace], "namespaceSelector": {"matchLabels": {"stage": "live"}}},
            "policies": [
                {"plugin": "cel", "config": {"resources": replica_limit()}, "grants": ["v1/Namespace"], "action": action},
                {
                    "plugin": "rego",
                    "config": {"resources": unique_hosts()},
                    "grants": ["networking.k8s.io/Ingress"],
                    "action": action,
                },
                {"plugin": "pod-security", "grants": ["v1/Namespace"], "action": action},
                {"plugin": "pinned-images", "action": action},
            ],
        },
    })
}

fn ingress(name: &str, host: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: {name}}}\nspec:\n  rules:\n  - host: {host}\n    \
         http:\n      paths:\n      - path: /\n        pathType: Prefix\n        backend: {{service: {{name: web, port: \
         {{number: 80}}}}}}\n"
    )
}

/// What `windlass check` finds in the folder `two`: one line each, of all that it tells.
async fn checked(fixture: &Fixture, gate: &Value, more: &[&str], code: i32) -> anyhow::Result<Vec<String>> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), gate.to_string())?;
    let (path, file) = (folder(fixture, "two"), file.path().display().to_string());
    let mut words = vec!["check", &path, "--gate", &file, "--cluster-data", "cluster"];
    words.extend(["--namespace", &fixture.namespace, "--name", "two", "--output", "json"]);
    words.extend(more);
    let output = windlass(fixture, &words).await?;
    anyhow::ensure!(output.status.code() == Some(code), "{:?}: {}", output.status, stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).context("read the report")?;
    let verdicts = report["reports"][0]["verdicts"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(verdicts
        .iter()
        .map(|one| {
            let digest = text(&one["plugin"]["digest"]);
            line([
                &text(&one["gate"]),
                &text(&one["policy"]),
                &format!("{}@{}", text(&one["plugin"]["name"]), &digest[..12]),
                &text(&one["rule"]),
                &text(&one["action"]),
                &text(&one["object"]["kind"]),
                &text(&one["object"]["name"]),
                &text(&one["pointer"]),
                &text(&one["origin"]["path"]),
                &one["origin"]["line"].to_string(),
                &text(&one["message"]),
            ])
        })
        .collect())
}

/// The same of what the agent reported.
fn reported(report: &Value) -> Vec<String> {
    let results = report["results"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    results
        .iter()
        .map(|one| {
            let property = |name: &str| text(&one["properties"][name]);
            let resource = &one["resources"][0];
            line([
                &property("gate"),
                &text(&one["policy"]),
                &property("plugin"),
                &text(&one["rule"]),
                &property("action"),
                &text(&resource["kind"]),
                &text(&resource["name"]),
                &property("pointer"),
                &property("file"),
                &property("line"),
                &text(&one["message"]),
            ])
        })
        .collect()
}

fn line(parts: [&str; 11]) -> String {
    parts.join(" | ")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_and_the_command_line_give_the_same_verdicts_in_every_language() -> anyhow::Result<()> {
    let mut fixture = Fixture::alone("policies").await?;
    fixture.apply(policy_reports()).await?;
    let options = windlass_tests::fixture::agent_options(&fixture.control)?;
    let options = AgentOptions { arguments: vec!["--policy-reports".to_owned()], ..options };
    fixture.agent = Some(Held::Own(Box::new(Agent::start(&options).await?)));
    let labels = json!({"stage": "live", "pod-security.kubernetes.io/enforce": "restricted"});
    fixture.patch("namespace", &fixture.namespace, json!({"metadata": {"labels": labels}})).await?;
    let warning = gate(&fixture, "Warn");
    fixture.apply(warning.clone()).await?;

    fixture.repo.write("one/ingress.yaml", ingress("first", "shop.example.org"))?;
    fixture.repo.write("two/web.yaml", deployment("web", "nginx", "replicas: 9"))?;
    fixture.repo.write("two/ingress.yaml", ingress("second", "shop.example.org"))?;
    let first = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("one", "one").await?;
    fixture.wait_applied("one", &first).await?;
    fixture.application("two", "two").await?;
    // Nothing makes its pods here, so it never becomes healthy.
    fixture.wait_condition("application", "two", "Applied", "True", "Succeeded").await?;

    let report = fixture
        .wait("policyreport", "windlass-two", "findings", |report| {
            report["summary"]["warn"].as_u64() > Some(0)
        })
        .await?;
    let by_agent = reported(&report);
    assert_eq!(by_agent, checked(&fixture, &warning, &[], 0).await?);
    for words in [
        &["cel", "replica-limit/0", "/spec/replicas", "two/web.yaml", "at most 3 replicas in"][..],
        &["rego", "unique-host", "two/ingress.yaml", "belongs to the Ingress first already"],
        &["pod-security", "allowPrivilegeEscalation", "/spec/template/spec/containers/0", "two/web.yaml"],
        &["pinned-images", "image `nginx` is not pinned"],
    ] {
        let found = by_agent.iter().any(|line| words.iter().all(|word| line.contains(word)));
        assert!(found, "{words:?} in {by_agent:#?}");
    }

    // The same findings deny a new set, and the status tells them all.
    let denying = gate(&fixture, "Deny");
    fixture.apply(denying.clone()).await?;
    fixture.wait_condition("application", "two", "Compliant", "False", "Denied").await?;
    fixture.repo.write("two/web.yaml", deployment("web", "nginx", "replicas: 5"))?;
    let second = fixture.repo.commit("two")?;
    let application = {
        fixture.wait_refused("application", "two", "Admitted", "False", "Denied", Some(&second)).await?;
        fixture.get("application", "two").await?
    };
    let told = application["status"]["verdicts"]["findings"].to_string();
    for words in ["at most 3 replicas", "replicas may not shrink", "belongs to the Ingress first already"] {
        assert!(told.contains(words), "no `{words}` in {told}");
    }
    // Whether something shrinks is only known of a range.
    let shrinks = |lines: &[String]| lines.iter().any(|line| line.contains("may not shrink"));
    assert!(!shrinks(&checked(&fixture, &denying, &[], 1).await?));
    let range = ["--revision", &format!("{first}..{second}")];
    let range = checked(&fixture, &denying, &range, 1).await?;
    assert!(shrinks(&range), "{range:#?}");
    assert_eq!(application["status"]["verdicts"]["denied"], range.len());
    Ok(())
}
