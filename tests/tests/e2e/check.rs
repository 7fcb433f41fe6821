//! Given manifests and gates, when a person or a pipeline checks them, then.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use anyhow::Context as _;
use serde_json::{Value, json};
use windlass_tests::Fixture;
use windlass_tests::fixture::agent_options;
use windlass_tests::guests::with_guests;

use super::command_line::{stderr, stdout};
use super::{config_map, deployment};

/// `windlass check` in the work tree, with the plugins of this tree and the
/// guests. Writes `input` until nobody reads it.
async fn check(fixture: &Fixture, line: &str, input: &[u8]) -> anyhow::Result<Output> {
    let options = agent_options(&fixture.control)?;
    let plugins = with_guests(&options.plugins)?;
    let mut command = Command::new(&options.program);
    command
        .current_dir(fixture.repo.work_tree())
        .env("NO_COLOR", "1")
        .env("WINDLASS_CACHE", plugins.with_file_name("command-line-cache"))
        .env("WINDLASS_PLUGINS", plugins)
        .env("KUBECONFIG", &options.kubeconfig)
        .arg("check")
        .args(line.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let input = input.to_vec();
    let run = move || {
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            std::thread::spawn(move || stdin.write_all(&input));
        }
        child.wait_with_output()
    };
    tokio::task::spawn_blocking(run).await?.context("run windlass check")
}

/// What it says in all, where it ended as expected.
async fn told(fixture: &Fixture, line: &str, code: i32) -> anyhow::Result<String> {
    let output = check(fixture, line, b"").await?;
    let all = stdout(&output) + &stderr(&output);
    anyhow::ensure!(output.status.code() == Some(code), "{line}: {:?}\n{all}", output.status);
    Ok(all)
}

async fn report(fixture: &Fixture, line: &str, code: i32) -> anyhow::Result<Value> {
    let output = check(fixture, &format!("{line} --output json"), b"").await?;
    anyhow::ensure!(output.status.code() == Some(code), "{line}: {}", stderr(&output));
    serde_json::from_slice(&output.stdout).context("read the report")
}

#[track_caller]
fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
}

fn gate(name: &str, policies: &str) -> String {
    format!(
        "apiVersion: windlass.dev/v1alpha1\nkind: Gate\nmetadata: {{name: {name}}}\nspec:\n  policies:\n{policies}"
    )
}

fn application(name: &str, path: &str) -> String {
    format!(
        "apiVersion: windlass.dev/v1alpha1\nkind: Application\nmetadata: {{name: {name}, namespace: team}}\nspec: \
         {{repository: {{name: fleet}}, path: {path}}}\n---\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn rendered_objects_on_standard_input_are_judged_at_their_lines() -> anyhow::Result<()> {
    let fixture = Fixture::new("check-stdin").await?;
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: a\n    image: nginx\n";
    let list = format!("{pod}---\nkind: List\nitems:\n- {}", pod.trim_end().replace('\n', "\n  "));
    let output = check(&fixture, "- --policy pinned-images", list.as_bytes()).await?;
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    has(
        &stdout(&output),
        &[
            "--> <stdin>:7:12\n",
            "--> <stdin>:17:14\n",
            "17 |       image: nginx\n",
            "<stdin>: denied (2 objects, 2 denials)",
        ],
    );
    let json = r#"{"kind": "List", "items": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}]}"#;
    let output = check(&fixture, "- --policy pinned-images", json.as_bytes()).await?;
    assert_eq!(stdout(&output), "<stdin>: admitted (1 object)\n", "{}", stderr(&output));
    let output = check(&fixture, "- --policy pinned-images", b"a: [\n").await?;
    assert_eq!(output.status.code(), Some(2));
    has(&stderr(&output), &["<stdin>:"]);

    let endless = vec![b'#'; 100 << 20];
    let output = check(&fixture, "- --policy pinned-images", &endless).await?;
    assert_eq!(output.status.code(), Some(2));
    has(&stderr(&output), &["read standard input: it has more bytes than the limit of 33554432 (fixed)"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_of_commits_shows_rules_what_objects_were_before() -> anyhow::Result<()> {
    let fixture = Fixture::new("check-range").await?;
    fixture
        .repo
        .write("gate.yaml", gate("g", "  - {plugin: judge, action: Warn, config: {mode: compare}}\n"))?;
    fixture.repo.write("app/a.yaml", config_map("a", "one"))?;
    fixture.repo.commit("one")?;
    fixture.repo.write("app/b.yaml", config_map("b", "one"))?;
    fixture.repo.write("later/c.yaml", config_map("c", "one"))?;
    fixture.repo.commit("two")?;
    let messages = |report: &Value| -> Vec<String> {
        let verdicts =
            report["reports"].as_array().into_iter().flatten().flat_map(|one| one["verdicts"].as_array());
        let said = |one: &Value| {
            format!(
                "{} {}",
                one["object"]["name"].as_str().unwrap_or(""),
                one["message"].as_str().unwrap_or("")
            )
        };
        verdicts.flatten().map(said).collect()
    };
    let compared = report(&fixture, "app later --gate gate.yaml --revision HEAD~1..HEAD", 0).await?;
    assert_eq!(messages(&compared), ["a changed", "b new", "c new"]);
    assert_eq!(
        (&compared["reports"][0]["revision"], &compared["reports"][0]["before"]),
        (&json!("HEAD"), &json!("HEAD~1"))
    );
    let alone = report(&fixture, "app --gate gate.yaml --revision HEAD", 0).await?;
    assert_eq!(messages(&alone), ["a new", "b new"]);

    // From afar, with the full ids of commits.
    let (first, second) = (fixture.repo.git(&["rev-parse", "HEAD~1"])?, fixture.repo.head()?);
    let url = fixture.server.url("fleet");
    let remote = format!("app --gate gate.yaml --repository {url} --revision {first}..{second}");
    assert_eq!(messages(&report(&fixture, &remote, 0).await?), ["a changed", "b new"]);

    let open = told(&fixture, "app --gate gate.yaml --revision HEAD~1...HEAD", 2).await?;
    has(&open, &["write `HEAD~1..HEAD`"]);
    // What does not render is not known to be nothing.
    fixture.repo.write("app/a.yaml", "kind: [\n")?;
    fixture.repo.commit("broken")?;
    fixture.repo.write("app/a.yaml", config_map("a", "one"))?;
    fixture.repo.commit("mended")?;
    let broken = told(&fixture, "app --gate gate.yaml --revision HEAD~1..HEAD", 2).await?;
    has(&broken, &["a policy wants to compare with what `HEAD~1` renders to", "app/a.yaml:2"]);
    told(&fixture, "app --policy pinned-images --revision HEAD~1..HEAD", 0).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_application_of_a_repository_is_judged_by_its_own_gates() -> anyhow::Result<()> {
    let fixture = Fixture::new("check-all").await?;
    fixture.repo.write("apps/web/web.yaml", deployment("web", "nginx", "replicas: 1"))?;
    fixture.repo.write("apps/api/api.yaml", deployment("api", "nginx:1.27", "replicas: 1"))?;
    has(&told(&fixture, "--gate repository", 2).await?, &["no file of the repository holds an Application"]);
    fixture
        .repo
        .write("fleet/all.yaml", application("web", "apps/web") + &application("api", "./apps/api"))?;
    fixture.repo.write("fleet/gates/images.yaml", gate("images", "  - plugin: pinned-images\n"))?;
    let first = fixture.repo.commit("one")?;
    let all = told(&fixture, "--gate repository", 1).await?;
    has(
        &all,
        &[
            "image `nginx` is not pinned [images: pinned-images]\n  --> apps/web/web.yaml:17:16\n",
            "team/web (apps/web): denied (1 object, 1 denial)",
            "team/api (./apps/api): admitted (1 object)",
        ],
    );
    let one = report(&fixture, "--gate repository --name api", 0).await?;
    assert_eq!(one["reports"][0]["application"], json!({"namespace": "team", "name": "api"}));
    let plugins: Vec<_> =
        one["plugins"].as_array().into_iter().flatten().map(|one| one["name"].clone()).collect();
    assert_eq!(plugins, ["pinned-images", "yaml"]);

    // Where it was mended, and from afar.
    fixture.repo.write("apps/web/web.yaml", deployment("web", "nginx:1.27", "replicas: 1"))?;
    fixture.repo.commit("two")?;
    told(&fixture, "--gate repository", 0).await?;
    told(&fixture, &format!("--gate repository --revision {first}"), 1).await?;
    let url = fixture.server.url("fleet");
    told(&fixture, &format!("--gate repository --repository {url} --revision {first}"), 1).await?;

    fixture.repo.write("fleet/broken.yaml", gate("broken", "  - plugin: [\n"))?;
    has(&told(&fixture, "--gate repository", 2).await?, &["fleet/broken.yaml:"]);
    fixture.repo.write("fleet/broken.yaml", application("typo", "a").replace("repository:", "repositry:"))?;
    has(
        &told(&fixture, "--policy pinned-images", 2).await?,
        &["fleet/broken.yaml:4:", "`spec.repositry` is no field"],
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn gates_and_what_they_grant_are_read_from_the_cluster_or_from_files() -> anyhow::Result<()> {
    let fixture = Fixture::new("check-cluster").await?;
    let namespace = fixture.namespace.clone();
    fixture.repo.write("app/a.yaml", config_map("a", "one"))?;
    let policy =
        json!({"plugin": "judge", "action": "Warn", "config": {"mode": "ask"}, "grants": ["v1/Namespace"]});
    let judged_by = |name: &str, namespaces: &str, policies: Value| {
        json!({
            "apiVersion": "windlass.dev/v1alpha1",
            "kind": "Gate",
            "metadata": {"name": name},
            "spec": {"selector": {"namespaces": [namespaces]}, "policies": policies},
        })
    };
    fixture.apply(judged_by(&namespace, &namespace, json!([policy]))).await?;
    // What is wrong with the Gates of others is theirs.
    let others = format!("{namespace}-others");
    fixture
        .apply(judged_by(
            &others,
            "nobody-at-all",
            json!([{"plugin": "judge", "config": {"mode": "refuse"}}]),
        ))
        .await?;
    let line = format!("app --namespace {namespace} --gate cluster");
    has(&told(&fixture, &line, 0).await?, &[&format!("0 namespaces, complete: true [{namespace}: judge]")]);
    fixture.delete("gate", &others).await?;

    // The same Gate in a file knows nothing of a cluster, unless it is told.
    let own = judged_by(
        "g",
        &namespace,
        json!([{"plugin": "judge", "config": {"mode": "ask"}, "grants": ["v1/Namespace"]}]),
    );
    fixture.repo.write("gate.yaml", own.to_string())?;
    let line = format!("app --namespace {namespace} --gate gate.yaml");
    has(
        &told(&fixture, &line, 2).await?,
        &["`v1/Namespace` of the cluster is not known here", "--cluster-data FILE"],
    );
    fixture.repo.write(
        "data.yaml",
        "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: prod}}\n",
    )?;
    has(
        &told(&fixture, &format!("{line} --cluster-data data.yaml"), 1).await?,
        &["1 namespaces, complete: true [g: judge]"],
    );
    has(
        &told(&fixture, &format!("{line} --cluster-data cluster"), 1).await?,
        &["0 namespaces, complete: true [g: judge]"],
    );

    // A policy of the command line may see what is handed over, and nothing else.
    fixture.repo.write("ask.yaml", "mode: ask\n")?;
    has(&told(&fixture, "app --policy judge=ask.yaml", 1).await?, &["0 namespaces, complete: false"]);
    let handed = "app --policy judge=ask.yaml --cluster-data data.yaml";
    has(&told(&fixture, handed, 1).await?, &["1 namespaces, complete: true"]);

    // Labels of Namespaces select.
    let labelled = |label: &str| {
        let mut gate = judged_by("g", "prod", json!([{"plugin": "judge", "config": {"mode": "deny"}}]));
        gate["spec"]["selector"]["namespaceSelector"] = json!({"matchLabels": {"tier": label}});
        gate.to_string()
    };
    fixture.repo.write(
        "data.yaml",
        "{apiVersion: v1, kind: Namespace, metadata: {name: prod, labels: {tier: one}}}",
    )?;
    for (label, code) in [("one", 1), ("two", 0)] {
        fixture.repo.write("gate.yaml", labelled(label))?;
        told(&fixture, "app --namespace prod --gate gate.yaml --cluster-data data.yaml", code).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_policies_leads_to_the_plugin_that_takes_its_kind() -> anyhow::Result<()> {
    let fixture = Fixture::new("check-sources").await?;
    fixture.repo.write("app/a.yaml", config_map("a", "one"))?;
    let policy = "apiVersion: example.com/v1\nkind: JudgePolicy\nspec:\n  rule: allow\n";
    fixture.repo.write("policies/one.yaml", policy)?;
    fixture.repo.write("policies/parameters.yaml", config_map("parameters", "1"))?;
    fixture.repo.write("module.judge", "deny by this\n")?;
    for path in ["policies", "policies/one.yaml", "module.judge"] {
        let denied = told(&fixture, &format!("app --policy {path}"), 1).await?;
        has(&denied, &["denied by its source [command-line: judge]"]);
    }
    has(
        &told(&fixture, "app --policy policies/parameters.yaml", 2).await?,
        &[
            "policies/parameters.yaml:1:1: no plugin takes `v1` `ConfigMap` as a policy",
            "`judge` takes `example.com/JudgePolicy`, `.judge` files",
        ],
    );
    fixture.repo.write("policies/one.yaml", policy.replace("allow", "|\n    refuse\n    this"))?;
    let refused = "apiVersion: example.com/v1\nkind: JudgePolicy\nspec:\n  rule: 'refuse this'\n";
    fixture.repo.write("policies/one.yaml", refused)?;
    let problem = told(&fixture, "app --policy policies", 2).await?;
    has(
        &problem,
        &[
            "error: a rule like this is not allowed [command-line: judge]\n --> policies/one.yaml:4:17\n",
            "4 |   rule: 'refuse this'\n",
            "the settings of the policies have 1 problem: nothing was judged",
        ],
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_are_wrong_are_all_told_where_they_are_written() -> anyhow::Result<()> {
    let fixture = Fixture::new("check-settings").await?;
    fixture.repo.write("app/a.yaml", config_map("a", "one"))?;
    let policies = "\
  - plugin: judge
    config:
      mode: >-
        refuse
        at its end
  - plugin: cel
    name: rules
    config:
      rules:
      - name: a
        expresion: 'true'
";
    fixture.repo.write("gates/g.yaml", gate("g", policies))?;
    let text = told(&fixture, "app --gate gates", 2).await?;
    has(
        &text,
        &[
            "error: it ends badly [g: judge]\n  --> gates/g.yaml:10:12\n   |\n10 |         at its end\n",
            "'expresion' was unexpected) [g: rules]\n",
            "  --> gates/g.yaml:16:20\n",
            "nothing was judged",
        ],
    );
    assert!(!text.contains("app: "), "{text}");
    let json = report(&fixture, "app --gate gates", 2).await?;
    assert_eq!(json["problems"][0]["origin"], json!({"path": "gates/g.yaml", "line": 10}));
    has(
        &told(&fixture, "app --gate gates --output github", 2).await?,
        &["::error file=gates/g.yaml,line=10,col=12,title=settings::it ends badly"],
    );
    has(
        &told(&fixture, r#"app --policy judge={"mode":"refuse"}"#, 2).await?,
        &["the mode `refuse` is not allowed", "--> --policy:1:1"],
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_of_a_baseline_fail_nothing_and_new_ones_do() -> anyhow::Result<()> {
    let fixture = Fixture::new("check-baseline").await?;
    fixture.repo.write("app/a.yaml", deployment("a", "nginx", "replicas: 1"))?;
    fixture.repo.write("app/b.yaml", deployment("b", "nginx", "replicas: 1"))?;
    let former = check(&fixture, "app --policy pinned-images --output json", b"").await?;
    fixture.repo.write("known.json", &former.stdout)?;
    let line = "app --policy pinned-images --baseline known.json";
    has(
        &told(&fixture, line, 0).await?,
        &["; known from the baseline", "app: admitted (2 objects, 2 known)"],
    );

    // Moved, mended, and new.
    fixture
        .repo
        .write("app/a.yaml", "# a comment\n".to_owned() + &deployment("a", "nginx", "replicas: 1"))?;
    fixture.repo.write("app/b.yaml", deployment("b", "nginx:1.27", "replicas: 1"))?;
    has(&told(&fixture, line, 0).await?, &["1 finding of the baseline not found any more", "app/a.yaml:18"]);
    fixture.repo.write("app/c.yaml", deployment("c", "nginx", "replicas: 1"))?;
    let json = report(&fixture, line, 1).await?;
    assert_eq!(json["baseline"], json!({"known": 1, "new": 1, "gone": 1}));
    fixture.repo.write("known.json", "{}")?;
    has(&told(&fixture, line, 2).await?, &["`known.json` is no report of `windlass check --output json`"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_and_messages_stay_text_in_every_format() -> anyhow::Result<()> {
    let fixture = Fixture::new("check-hostile").await?;
    let name = "\"a\\e[2J]]>\\n::error::<&\"";
    fixture
        .repo
        .write("app/a.yaml", format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n"))?;
    fixture.repo.write("app/\u{1b}[31m\n::error::b.yaml", config_map("b", "one"))?;
    fixture.repo.write("insult.yaml", "mode: insult\n")?;
    for format in ["text", "json", "sarif", "junit", "github"] {
        let output =
            check(&fixture, &format!("app --policy judge=insult.yaml --output {format}"), b"").await?;
        let text = stdout(&output);
        assert_eq!(output.status.code(), Some(1), "{format}: {text}{}", stderr(&output));
        assert!(!text.contains('\u{1b}'), "{format}: {text}");
        let is_command = |line: &str| line.trim_start().starts_with("::");
        match format {
            "json" | "sarif" => {
                let value: Value = serde_json::from_str(&text)?;
                assert_eq!(value["version"], if format == "json" { json!(1) } else { json!("2.1.0") });
            }
            "junit" => {
                assert!(!text.contains("]]>") && !text.contains("<&"), "{text}");
                let elements = text.lines().filter(|line| line.trim_start().starts_with('<')).count();
                assert_eq!(elements, text.lines().count(), "{text}");
            }
            "github" => {
                assert_eq!(text.lines().filter(|line| is_command(line)).count(), 2, "{text}");
                assert!(!text.contains("##["), "{text}");
            }
            _ => assert!(!text.lines().any(is_command), "{text}"),
        }
    }
    Ok(())
}
