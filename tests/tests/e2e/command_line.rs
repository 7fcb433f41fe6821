//! Given a person at a command line, when they ask, then.

use std::path::PathBuf;
use std::process::{Command, Output};

use anyhow::Context as _;
use serde_json::Value;
use windlass_tests::Fixture;
use windlass_tests::fixture::agent_options;

use super::{config_map, deployment};

/// windlass with the plugins of this tree.
fn command(fixture: &Fixture) -> anyhow::Result<Command> {
    let options = agent_options(&fixture.control)?;
    let mut command = Command::new(&options.program);
    command
        .env("NO_COLOR", "1")
        .env("WINDLASS_PLUGINS", &options.plugins)
        .env("WINDLASS_CACHE", options.plugins.with_file_name("command-line-cache"))
        .env("KUBECONFIG", &options.kubeconfig);
    Ok(command)
}

/// Runs it.
pub(super) async fn windlass(fixture: &Fixture, arguments: &[&str]) -> anyhow::Result<Output> {
    let mut command = command(fixture)?;
    command.args(arguments);
    tokio::task::spawn_blocking(move || command.output()).await?.context("start windlass")
}

pub(super) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(super) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(super) fn folder(fixture: &Fixture, path: &str) -> String {
    PathBuf::from(fixture.repo.work_tree()).join(path).display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_install_prints_is_accepted_by_the_api_server() -> anyhow::Result<()> {
    let fixture = Fixture::new("install").await?;
    for arguments in [&["install"][..], &["install", "--cluster-admin"][..]] {
        let printed = windlass(&fixture, arguments).await?;
        assert!(printed.status.success(), "{}", stderr(&printed));
        let file = tempfile()?;
        std::fs::write(file.path(), &printed.stdout)?;
        let path = file.path().display().to_string();
        let dry_run = ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", &path];
        let answer = fixture.control.run_kubectl(&dry_run).await?;
        for kind in ["customresourcedefinition", "daemonset", "clusterrole", "serviceaccount", "namespace"] {
            assert!(answer.contains(kind), "{answer}");
        }
    }
    Ok(())
}

fn tempfile() -> anyhow::Result<tempfile::NamedTempFile> {
    tempfile::NamedTempFile::new().context("make a file")
}

#[tokio::test(flavor = "multi_thread")]
async fn render_prints_what_the_agent_applies() -> anyhow::Result<()> {
    let fixture = Fixture::new("render").await?;
    fixture.repo.write("base/cm.yaml", config_map("settings", "one"))?;
    fixture.repo.write("base/kustomization.yaml", "resources: [cm.yaml]\n")?;
    fixture.repo.write("app/kustomization.yaml", "namePrefix: my-\nresources: [../base]\n")?;
    let commit = fixture.repo.commit("one")?;
    let app = folder(&fixture, "app");
    let printed = windlass(&fixture, &["render", &app, "--output", "json"]).await?;
    assert!(printed.status.success(), "{}", stderr(&printed));
    let list: Value = serde_json::from_slice(&printed.stdout)?;
    assert_eq!(list["items"][0]["metadata"]["name"], "my-settings");

    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.wait_applied("app", &commit).await?;
    assert_eq!(fixture.get("configmap", "my-settings").await?["data"], list["items"][0]["data"]);

    fixture.repo.write("app/kustomization.yaml", "namePrefix: my-\nresources: [../bass]\n")?;
    let refused = windlass(&fixture, &["render", &app]).await?;
    assert_eq!(refused.status.code(), Some(1), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("bass") && refused.stdout.is_empty(), "{}", stderr(&refused));
    let missing = windlass(&fixture, &["render", &folder(&fixture, "no-such-folder")]).await?;
    assert_eq!(missing.status.code(), Some(2), "{}", stderr(&missing));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tells_by_its_exit_code_what_the_gates_would_say() -> anyhow::Result<()> {
    let fixture = Fixture::new("check").await?;
    fixture.repo.write("app/web.yaml", deployment("web", "nginx:1.27", "replicas: 0"))?;
    let app = folder(&fixture, "app");
    let admitted = windlass(&fixture, &["check", &app, "--policy", "pinned-images"]).await?;
    assert_eq!(admitted.status.code(), Some(0), "{}", stderr(&admitted));

    fixture.repo.write("app/web.yaml", deployment("web", "nginx", "replicas: 0"))?;
    let denied = windlass(&fixture, &["check", &app, "--policy", "pinned-images"]).await?;
    assert_eq!(denied.status.code(), Some(1), "{}", stderr(&denied));
    for words in ["web.yaml:17", "image `nginx` is not pinned"] {
        assert!(stdout(&denied).contains(words), "{}", stdout(&denied));
    }
    let excused =
        windlass(&fixture, &["check", &app, "--policy", r#"pinned-images={"exempt":["nginx"]}"#]).await?;
    assert_eq!(excused.status.code(), Some(0), "{}", stdout(&excused));
    let unknown = windlass(&fixture, &["check", &app, "--policy", "no-such-policy"]).await?;
    assert_eq!(unknown.status.code(), Some(2), "{}", stdout(&unknown));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn status_shows_what_is_applied_and_what_is_wrong() -> anyhow::Result<()> {
    let fixture = Fixture::new("status").await?;
    fixture.repo.write("good/cm.yaml", config_map("settings", "one"))?;
    fixture.repo.write("bad/cm.yaml", "kind: [\n")?;
    let commit = fixture.repo.commit("one")?;
    fixture.repository().await?;
    fixture.application("good", "good").await?;
    fixture.application("bad", "bad").await?;
    fixture.wait_applied("good", &commit).await?;
    let message = fixture.wait_condition("application", "bad", "Ready", "False", "RenderFailed").await?;
    fixture.wait_condition("repository", "fleet", "Ready", "True", "Succeeded").await?;

    let table = windlass(&fixture, &["status", "--namespace", &fixture.namespace]).await?;
    assert!(table.status.success(), "{}", stderr(&table));
    let text = stdout(&table);
    for words in ["APPLICATION", "good", "bad", "RenderFailed", "fleet", &commit[..8], "bad/cm.yaml:1"] {
        assert!(text.contains(words), "no `{words}` in:\n{text}");
    }
    let json = windlass(&fixture, &["status", "--namespace", &fixture.namespace, "--output", "json"]).await?;
    let list: Value = serde_json::from_slice(&json.stdout).with_context(|| stderr(&json))?;
    let items = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert_eq!(items.len(), 3);
    let bad = items.iter().find(|item| item["metadata"]["name"] == "bad").context("find the bad one")?;
    let ready = windlass_tests::fixture::find(bad, "Ready").context("find its condition")?;
    assert_eq!(ready["message"], message.as_str());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn diff_shows_what_a_change_does_to_each_object() -> anyhow::Result<()> {
    let fixture = Fixture::new("diff").await?;
    fixture.repo.write("base/cm.yaml", config_map("settings", "one"))?;
    fixture.repo.write("base/kustomization.yaml", "resources: [cm.yaml]\n")?;
    fixture.repo.write("app/kustomization.yaml", "namePrefix: my-\nresources: [../base]\n")?;
    fixture.repo.commit("one")?;
    fixture.repo.write("base/cm.yaml", config_map("settings", "two"))?;
    fixture.repo.write("later/cm.yaml", config_map("later", "one"))?;
    fixture.repo.commit("two")?;
    let (app, later) = (folder(&fixture, "app"), folder(&fixture, "later"));

    let changed = windlass(&fixture, &["diff", "HEAD~1", "HEAD", &app]).await?;
    assert_eq!(changed.status.code(), Some(1), "{}", stderr(&changed));
    let text = stdout(&changed);
    for line in
        ["changed: ConfigMap/my-settings", "-  value: one", "+  value: two", "0 added, 1 changed, 0 removed"]
    {
        assert!(text.lines().any(|found| found.starts_with(line)), "{line} is not in {text}");
    }

    // Without a second commit, it is the working tree that counts.
    let same = windlass(&fixture, &["diff", "HEAD", &app]).await?;
    assert_eq!((same.status.code(), stdout(&same).as_str()), (Some(0), "nothing differs\n"));
    fixture.repo.write("app/more.yaml", config_map("more", "one"))?;
    fixture.repo.write("app/kustomization.yaml", "namePrefix: my-\nresources: [../base, more.yaml]\n")?;
    let edited = windlass(&fixture, &["diff", "HEAD", &app, "--output", "json"]).await?;
    assert_eq!(edited.status.code(), Some(1), "{}", stderr(&edited));
    let report: Value = serde_json::from_slice(&edited.stdout)?;
    assert_eq!(report["changes"][0]["change"], "added");
    assert_eq!(report["changes"][0]["object"]["name"], "my-more");

    // A folder that an older commit does not have is an empty set there.
    let added = windlass(&fixture, &["diff", "HEAD~1", "HEAD", &later]).await?;
    assert_eq!(added.status.code(), Some(1), "{}", stderr(&added));
    assert!(stdout(&added).contains("added: ConfigMap/later (later/cm.yaml:1)"), "{}", stdout(&added));

    // What can't be compared is trouble, not a difference.
    let unknown = windlass(&fixture, &["diff", "no-such-branch", "HEAD", &app]).await?;
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("no-such-branch"), "{}", stderr(&unknown));
    fixture.repo.write("app/kustomization.yaml", "resources: [nowhere]\n")?;
    let broken = windlass(&fixture, &["diff", "HEAD", &app]).await?;
    assert_eq!((broken.status.code(), stdout(&broken).as_str()), (Some(2), ""));
    assert!(stderr(&broken).contains("nowhere"), "{}", stderr(&broken));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn render_shows_a_commit_that_is_not_checked_out() -> anyhow::Result<()> {
    let fixture = Fixture::new("revision").await?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "one"))?;
    let first = fixture.repo.commit("one")?;
    fixture.repo.remove("app/cm.yaml")?;
    fixture.repo.write("README.md", "moved away")?;
    fixture.repo.commit("two")?;
    let app = folder(&fixture, "app");
    let old = windlass(&fixture, &["render", &app, "--revision", &first[..10]]).await?;
    assert!(old.status.success(), "{}", stderr(&old));
    assert!(stdout(&old).contains("value: one"), "{}", stdout(&old));
    let new = windlass(&fixture, &["render", &app, "--revision", "HEAD"]).await?;
    assert_eq!(new.status.code(), Some(2), "{}", stderr(&new));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_render_the_same_bytes_whatever_a_chart_asks_of_chance_and_time() -> anyhow::Result<()>
{
    let fixture = Fixture::new("hermetic").await?;
    for (path, text) in super::flow::chart() {
        fixture.repo.write(path, text)?;
    }
    let random = r#"apiVersion: v1
kind: ConfigMap
metadata: {name: random}
data:
  text: {{ randAlphaNum 40 }}
  number: {{ randInt 0 1000000000 | quote }}
  id: {{ uuidv4 }}
  now: {{ now | date "2006-01-02T15:04:05" | quote }}
  authority: {{ (genCA "authority" 365).Cert | b64enc }}
  keys: {{ range $key, $value := dict "c" 1 "a" 2 "b" 3 }}{{ $key }}{{ end }}
"#;
    fixture.repo.write("chart/templates/random.yaml", random)?;
    fixture.repo.write("kustomized/kustomization.yaml", "resources: [cm.yaml]\nnameSuffix: -x\n")?;
    fixture.repo.write("kustomized/cm.yaml", config_map("settings", "one"))?;
    fixture.repo.write("plain/cm.yaml", config_map("settings", "one"))?;
    fixture.repo.write(
        "program/main.jsonnet",
        "{[n]: {apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: n}} for n in ['b', 'a', 'c']}",
    )?;
    fixture.repo.write("post/kustomization.yaml", "resources: [rendered.yaml]\nnamePrefix: p-\n")?;
    fixture.repo.write(
        "application.yaml",
        "apiVersion: windlass.dev/v1alpha1\nkind: Application\nmetadata: {name: web}\nspec: {repository: {name: \
         fleet}, values: {colour: red}, postRenderers: [{path: post}]}\n",
    )?;
    fixture.repo.commit("one")?;
    // Another machine has another folder, zone, language and time.
    let elsewhere = tempfile::tempdir().context("make a folder")?;
    let copy = elsewhere.path().join("copy");
    let copied = copy.to_str().context("a folder's name")?.to_owned();
    fixture.repo.git(&[
        "clone",
        "--quiet",
        fixture.repo.git_dir().to_str().context("a folder's name")?,
        &copied,
    ])?;
    let secret = elsewhere.path().join("secret");
    std::fs::write(&secret, "0123456789abcdef")?;
    let secret = secret.display().to_string();
    for (path, more) in [
        ("chart", &[][..]),
        ("chart", &["--seed", &secret][..]),
        ("chart", &["--application", "application.yaml"][..]),
        ("kustomized", &[][..]),
        ("plain", &[][..]),
        ("program", &[][..]),
    ] {
        let render = |root: PathBuf, zone: &'static str| {
            let mut command = command(&fixture)?;
            command.current_dir(root).env("TZ", zone).env("LANG", zone).args([
                "render",
                path,
                "--provenance",
            ]);
            command.args(more);
            if more.is_empty() {
                command.args(["--name", "web"]);
            }
            anyhow::Ok(tokio::task::spawn_blocking(move || command.output()))
        };
        let here = render(fixture.repo.work_tree().to_path_buf(), "C")?.await??;
        let there = render(copy.clone(), "Asia/Tokyo")?.await??;
        assert!(here.status.success(), "{path} {more:?}: {}", stderr(&here));
        assert!(stdout(&here).contains("# from: "), "{path} {more:?}: {}", stdout(&here));
        assert_eq!(stdout(&here), stdout(&there), "{path} {more:?}");
    }
    // Chance is another one for another application, and stays so for this one.
    let render = |name: &'static str| {
        let folder = folder(&fixture, "chart");
        let fixture = &fixture;
        async move { anyhow::Ok(stdout(&windlass(fixture, &["render", &folder, "--name", name]).await?)) }
    };
    let text = |rendered: &str| rendered.lines().find(|line| line.contains("  text: ")).map(str::to_owned);
    let (one, other) = (render("one").await?, render("other").await?);
    assert!(text(&one).is_some() && text(&one) != text(&other), "{one}\n{other}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_repository_is_rendered_checked_and_compared_without_a_clone() -> anyhow::Result<()> {
    let fixture = Fixture::new("remote").await?;
    fixture.repo.write("apps/web/cm.yaml", config_map("settings", "one"))?;
    let first = fixture.repo.commit("one")?;
    fixture.repo.tag("v1", &first)?;
    fixture.repo.write("apps/web/cm.yaml", config_map("settings", "two"))?;
    fixture.repo.commit("two")?;
    let url = fixture.server.url("fleet");
    let render = |more: &'static [&'static str]| {
        let arguments = [&["render", "apps/web", "--repository", &url][..], more].concat();
        let (fixture, arguments): (_, Vec<String>) =
            (&fixture, arguments.iter().map(ToString::to_string).collect());
        async move { windlass(fixture, &arguments.iter().map(String::as_str).collect::<Vec<_>>()).await }
    };
    assert!(stdout(&render(&[]).await?).contains("value: two"));
    for name in ["v1", "refs/tags/v1"] {
        let printed =
            windlass(&fixture, &["render", "apps/web", "--repository", &url, "--revision", name]).await?;
        assert!(stdout(&printed).contains("value: one"), "{name}: {}", stderr(&printed));
    }
    let missing = render(&["--revision", "no-such-branch"]).await?;
    assert_eq!(missing.status.code(), Some(2));
    for words in [
        "neither branch `no-such-branch` nor tag `no-such-branch`",
        "branches such as main, and tags such as v1",
    ] {
        assert!(stderr(&missing).contains(words), "{}", stderr(&missing));
    }

    let diff = windlass(&fixture, &["diff", "v1", &first, "apps/web", "--repository", &url]).await?;
    assert_eq!((diff.status.code(), stdout(&diff).as_str()), (Some(0), "nothing differs\n"));
    let diff = windlass(&fixture, &["diff", "v1", "apps/web", "--repository", &url]).await?;
    assert_eq!(diff.status.code(), Some(1));
    assert!(stdout(&diff).contains("+  value: two"), "{}", stdout(&diff));

    let check = ["check", "apps/web", "--repository", &url, "--revision", "v1", "--policy", "pinned-images"];
    let admitted = windlass(&fixture, &check).await?;
    assert!(stdout(&admitted).contains("apps/web: admitted (1 object)"), "{}", stderr(&admitted));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_in_a_file_is_rendered_as_the_agent_would() -> anyhow::Result<()> {
    let fixture = Fixture::new("file").await?;
    for (path, text) in super::flow::chart() {
        fixture.repo.write(path, text)?;
    }
    fixture.repo.write(
        "overlay/kustomization.yaml",
        "resources: [rendered.yaml]\nnameSuffix: -prod\npatches: [{path: patch.yaml}]\n",
    )?;
    fixture.repo.write("overlay/patch.yaml", config_map("shop-settings", "patched"))?;
    fixture.repo.write(
        "shop.yaml",
        "apiVersion: windlass.dev/v1alpha1\nkind: Application\nmetadata: {name: shop, namespace: store}\nspec:\n  \
         repository: {name: fleet}\n  path: chart\n  values: {colour: blue}\n  valuesFrom: [{kind: Secret, name: more}]\n  \
         postRenderers: [{path: overlay}]\n",
    )?;
    fixture.repo.commit("one")?;
    let (application, chart) = (folder(&fixture, "shop.yaml"), folder(&fixture, "chart"));
    let printed =
        windlass(&fixture, &["render", &chart, "--application", &application, "--provenance"]).await?;
    let text = stdout(&printed);
    for part in [
        "name: shop-settings-prod",
        "colour: blue",
        "# from: chart/templates/settings.yaml:1",
        "# post-renderer: kustomize",
        "# changed by: overlay/patch.yaml:1",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(stderr(&printed).contains("spec.valuesFrom"), "{}", stderr(&printed));
    let values = r#"{"size": 5, "colour": "red"}"#;
    let printed =
        windlass(&fixture, &["render", &chart, "--application", &application, "--values", values]).await?;
    for part in ["size: \"5\"", "colour: blue"] {
        assert!(stdout(&printed).contains(part), "{part} in {}", stdout(&printed));
    }
    assert!(!stderr(&printed).contains("spec.valuesFrom"), "{}", stderr(&printed));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_of_an_application_in_a_file_need_not_be_typed() -> anyhow::Result<()> {
    let fixture = Fixture::new("own-path").await?;
    let application = |more: &str| {
        format!(
            "apiVersion: windlass.dev/v1alpha1\nkind: Application\nmetadata: {{name: web}}\nspec:\n  repository: \
             {{name: fleet}}\n  path: app\n{more}"
        )
    };
    fixture.repo.write("web.yaml", application(""))?;
    fixture.repo.write("wrong.yaml", application("  valueFrom: []\n"))?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "one"))?;
    let first = fixture.repo.commit("one")?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "two"))?;
    fixture.repo.commit("two")?;
    let url = fixture.server.url("fleet");
    let here = |line: String| {
        let command = command(&fixture).map(|mut command| {
            command.current_dir(fixture.repo.work_tree()).args(line.split(' '));
            command
        });
        async move { anyhow::Ok(tokio::task::spawn_blocking(move || command?.output().context("start")).await??) }
    };
    for (line, code, told) in [
        ("render --application web.yaml".to_owned(), 0, "value: two"),
        ("check --application web.yaml".to_owned(), 0, "app: admitted (1 object)"),
        (format!("check --application web.yaml --repository {url}"), 0, "app: admitted (1 object)"),
        ("check app app --application web.yaml".to_owned(), 2, "has one folder, and 2 are named"),
        ("check --policy pinned-images".to_owned(), 2, "wrong.yaml:7:"),
        ("diff HEAD --application web.yaml".to_owned(), 0, "nothing differs"),
        ("diff HEAD~1 --application web.yaml".to_owned(), 1, "+  value: two"),
        ("diff HEAD~1 HEAD --application web.yaml".to_owned(), 1, "+  value: two"),
        ("diff HEAD~1 app --application web.yaml".to_owned(), 1, "+  value: two"),
        (format!("diff {first} main --application web.yaml --repository {url}"), 1, "+  value: two"),
        ("diff HEAD".to_owned(), 2, "or an Application with --application"),
        ("render --application wrong.yaml".to_owned(), 2, "wrong.yaml:7:"),
        ("render --application wrong.yaml".to_owned(), 2, "`spec.valueFrom` is no field; the fields are"),
    ] {
        let output = here(line.clone()).await?;
        let all = stdout(&output) + &stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{line}: {all}");
        assert!(all.contains(told), "{line}: {all}");
    }
    fixture.repo.git(&["branch", "app"])?;
    let unclear = here("diff HEAD~1 app --application web.yaml".to_owned()).await?;
    assert!(stderr(&unclear).contains("write `./app` for the folder"), "{}", stderr(&unclear));
    let clear = here("diff HEAD~1 ./app --application web.yaml".to_owned()).await?;
    assert!(stdout(&clear).contains("+  value: two"), "{}", stderr(&clear));
    Ok(())
}
