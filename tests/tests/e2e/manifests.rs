//! Given a good state, when a commit can't be rendered or applied, then.

use serde_json::json;
use windlass_tests::Fixture;

use super::config_map;

/// What every bad commit has to come to.
struct Refused<'a> {
    condition: &'a str,
    reason: &'a str,
    /// Which thing, where, and what to do.
    words: &'a [&'a str],
}

/// Two applications that are applied, of which `app` has `extra` files too.
async fn applied(name: &str, extra: &[(&str, &str)]) -> anyhow::Result<(Fixture, String)> {
    let fixture = Fixture::new(name).await?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "good"))?;
    fixture.repo.write("other/cm.yaml", config_map("other", "good"))?;
    for (path, text) in extra {
        fixture.repo.write(path, text)?;
    }
    let first = fixture.repo.commit("good")?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.application("other", "other").await?;
    fixture.wait_applied("app", &first).await?;
    fixture.wait_applied("other", &first).await?;
    Ok((fixture, first))
}

/// Commits, and checks that `app` says what is wrong and keeps its last good
/// state, that `other` goes on, and that a revert makes ready again.
async fn is_refused(fixture: &Fixture, good: &str, refused: Refused<'_>) -> anyhow::Result<()> {
    fixture.repo.write("other/cm.yaml", config_map("other", "newer"))?;
    let bad = fixture.repo.commit("bad")?;
    let Refused { condition, reason, words } = refused;
    let message = fixture.wait_refused("application", "app", condition, "False", reason, Some(&bad)).await?;
    for word in words {
        assert!(message.contains(word), "no `{word}` in: {message}");
    }
    let event: Vec<&str> = [reason, &bad[..8]].into_iter().chain(words.iter().copied()).collect();
    fixture.wait_event("app", &event).await?;
    fixture.wait_condition("application", "app", "Ready", "False", reason).await?;
    fixture.wait_applied("other", &bad).await?;
    let application = fixture.get("application", "app").await?;
    assert_eq!(application["status"]["revision"]["commit"], good);
    assert_eq!(fixture.get("configmap", "settings").await?["data"]["value"], "good");
    assert_eq!(application["status"]["inventory"].as_array().map(Vec::len), Some(1), "{application:#}");

    // The last good state is held, though the newest commit is not.
    fixture.patch("configmap", "settings", json!({"data": {"value": "by hand"}})).await?;
    fixture.wait("configmap", "settings", "restored", |map| map["data"]["value"] == "good").await?;

    let mended = fixture.repo.revert(&bad)?;
    fixture.wait_applied("app", &mended).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_yaml_is_told_with_its_file_and_line() -> anyhow::Result<()> {
    let (fixture, good) = applied("broken", &[]).await?;
    fixture.repo.write("app/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: [\n")?;
    let words = &["app/cm.yaml:"];
    is_refused(&fixture, &good, Refused { condition: "Rendered", reason: "RenderFailed", words }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_without_a_kind_is_told_with_its_file_and_line() -> anyhow::Result<()> {
    let (fixture, good) = applied("kindless", &[]).await?;
    fixture.repo.write("app/second.yaml", "\napiVersion: v1\nmetadata:\n  name: a\n")?;
    let words = &["app/second.yaml:2", "kind"];
    is_refused(&fixture, &good, Refused { condition: "Rendered", reason: "RenderFailed", words }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kustomization_that_reaches_out_of_the_repository_is_refused() -> anyhow::Result<()> {
    let kustomization = [("app/kustomization.yaml", "resources: [cm.yaml]\n")];
    let (fixture, good) = applied("outside", &kustomization).await?;
    fixture.repo.write("app/kustomization.yaml", "resources: [cm.yaml, ../../../../etc]\n")?;
    let words = &["app/kustomization.yaml", "../../../../etc"];
    is_refused(&fixture, &good, Refused { condition: "Rendered", reason: "RenderFailed", words }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kustomization_that_names_a_missing_file_is_told_with_both() -> anyhow::Result<()> {
    let kustomization = [("app/kustomization.yaml", "resources: [cm.yaml]\n")];
    let (fixture, good) = applied("missing", &kustomization).await?;
    fixture.repo.write("app/kustomization.yaml", "resources: [cm.yaml, no-such-file.yaml]\n")?;
    let words = &["app/kustomization.yaml", "no-such-file.yaml"];
    is_refused(&fixture, &good, Refused { condition: "Rendered", reason: "RenderFailed", words }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_symlink_that_leaves_the_repository_is_refused() -> anyhow::Result<()> {
    let (fixture, good) = applied("symlink", &[]).await?;
    fixture.repo.symlink("app/passwd.yaml", "../../../../../etc/passwd")?;
    let words = &["passwd", "own repository"];
    is_refused(&fixture, &good, Refused { condition: "Rendered", reason: "RenderFailed", words }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_object_twice_is_told_with_both_places() -> anyhow::Result<()> {
    let (fixture, good) = applied("twice", &[]).await?;
    fixture.repo.write("app/again.yaml", config_map("settings", "other"))?;
    let words = &["settings", "app/again.yaml", "app/cm.yaml"];
    is_refused(&fixture, &good, Refused { condition: "Rendered", reason: "RenderFailed", words }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_gone_is_no_empty_set() -> anyhow::Result<()> {
    let (fixture, good) = applied("gone", &[]).await?;
    fixture.repo.remove("app")?;
    let words = &["`app` does not exist", "root of the repository"];
    is_refused(&fixture, &good, Refused { condition: "Rendered", reason: "PathNotFound", words }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_kind_is_told_before_anything_is_written() -> anyhow::Result<()> {
    let (fixture, good) = applied("unknown", &[]).await?;
    let gadget = "apiVersion: example.org/v9\nkind: Gadget\nmetadata:\n  name: one\n";
    fixture.repo.write("app/gadget.yaml", gadget)?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "bad"))?;
    let words = &["app/gadget.yaml", "Gadget", "CustomResourceDefinition"];
    is_refused(&fixture, &good, Refused { condition: "Applied", reason: "ApplyFailed", words }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_plugin_is_told_with_those_that_there_are() -> anyhow::Result<()> {
    let (fixture, first) = applied("plugin", &[]).await?;
    fixture.application_with("app", "app", json!({"renderer": {"plugin": "no-such-renderer"}})).await?;
    let message = fixture.wait_condition("application", "app", "Rendered", "False", "PluginNotReady").await?;
    for words in ["no-such-renderer", "kustomize", "yaml"] {
        assert!(message.contains(words), "{message}");
    }
    fixture.wait_event("app", &["PluginNotReady", "no-such-renderer"]).await?;
    assert_eq!(fixture.get("configmap", "settings").await?["data"]["value"], "good");
    fixture.application("app", "app").await?;
    fixture.wait_applied("app", &first).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_api_server_refuses_is_told_with_its_file_and_nothing_is_pruned() -> anyhow::Result<()> {
    let (fixture, first) = applied("invalid", &[("app/goes.yaml", &config_map("goes", "good"))]).await?;
    fixture.repo.remove("app/goes.yaml")?;
    let invalid = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports:\n  - port: 99999\n";
    fixture.repo.write("app/service.yaml", invalid)?;
    fixture.repo.write("other/cm.yaml", config_map("other", "newer"))?;
    let bad = fixture.repo.commit("bad")?;
    let message =
        fixture.wait_refused("application", "app", "Applied", "False", "ApplyFailed", Some(&bad)).await?;
    for words in ["app/service.yaml", "web", "99999"] {
        assert!(message.contains(words), "{message}");
    }
    fixture.wait_event("app", &["ApplyFailed", "app/service.yaml", "99999"]).await?;
    fixture.wait_applied("other", &bad).await?;
    assert!(!fixture.get("configmap", "goes").await?.is_null());
    let application = fixture.get("application", "app").await?;
    assert_eq!(application["status"]["revision"]["commit"], first);
    fixture.repo.remove("app/service.yaml")?;
    let mended = fixture.repo.commit("mended")?;
    fixture.wait_applied("app", &mended).await?;
    assert!(fixture.get("configmap", "goes").await?.is_null());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_moves_to_another_application_in_one_commit_ends_up_there() -> anyhow::Result<()> {
    let (fixture, _) = applied("moves", &[("app/more.yaml", &config_map("moving", "from app"))]).await?;
    fixture.repo.remove("app/more.yaml")?;
    fixture.repo.write("other/more.yaml", config_map("moving", "from other"))?;
    let second = fixture.repo.commit("moved")?;
    fixture.wait_applied("app", &second).await?;
    fixture.wait_applied("other", &second).await?;
    let moved = fixture.get("configmap", "moving").await?;
    assert_eq!(moved["data"]["value"], "from other");
    assert_eq!(moved["metadata"]["deletionTimestamp"], serde_json::Value::Null);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_another_application_is_not_taken() -> anyhow::Result<()> {
    let (fixture, first) = applied("owner", &[("thief/cm.yaml", &config_map("settings", "stolen"))]).await?;
    fixture.application("thief", "thief").await?;
    let message =
        fixture.wait_condition("application", "thief", "Applied", "False", "OwnershipConflict").await?;
    for words in ["settings", "app", "remove it from one"] {
        assert!(message.contains(words), "{message}");
    }
    fixture.wait_event("thief", &["OwnershipConflict", "settings"]).await?;
    assert_eq!(fixture.get("configmap", "settings").await?["data"]["value"], "good");
    fixture.wait_applied("app", &first).await?;

    // What was never the thief's is not pruned with it either.
    fixture.repo.write("thief/cm.yaml", config_map("mine", "own"))?;
    let second = fixture.repo.commit("own")?;
    fixture.wait_applied("thief", &second).await?;
    assert_eq!(fixture.get("configmap", "settings").await?["data"]["value"], "good");
    Ok(())
}

/// What somebody who may commit can do to a folder, and what has to be said of it.
struct Hostile {
    reason: &'static str,
    words: &'static [&'static str],
    write: fn(&Fixture) -> anyhow::Result<()>,
}

const HOSTILE: [Hostile; 7] = [
    Hostile {
        reason: "RenderFailed",
        words: &["app/bomb.yaml"],
        write: |fixture| {
            let start = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb}\ndata:\n  a0: &a0 [x, x]\n";
            let level = |n: u32| format!("  a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 4].join(", "));
            let bomb: String = std::iter::once(start.to_owned()).chain((1..40).map(level)).collect();
            fixture.repo.write("app/bomb.yaml", bomb)
        },
    },
    Hostile {
        reason: "LimitExceeded",
        words: &["app/large.yaml", "8388608", "spec.limits.fileSize"],
        write: |fixture| fixture.repo.write("app/large.yaml", "#".repeat(9 << 20)),
    },
    Hostile {
        reason: "LimitExceeded",
        words: &["500", "spec.limits.paths"],
        write: |fixture| {
            (0..700).try_for_each(|n| fixture.repo.write(&format!("app/many/{}/{n}.yaml", n % 100), ""))
        },
    },
    Hostile {
        reason: "RenderFailed",
        words: &["app/loop.yaml"],
        write: |fixture| fixture.repo.symlink("app/loop.yaml", "loop.yaml"),
    },
    Hostile {
        reason: "RenderFailed",
        words: &["app/sub", "submodule"],
        write: |fixture| {
            std::fs::create_dir_all(fixture.repo.work_tree().join("app/sub"))?;
            let head = fixture.repo.head()?;
            let link = format!("160000,{head},app/sub");
            fixture.repo.git(&["update-index", "--add", "--cacheinfo", &link])?;
            Ok(())
        },
    },
    Hostile {
        reason: "RenderFailed",
        words: &["app/stored.yaml", "LFS"],
        write: |fixture| {
            let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
            fixture.repo.write("app/stored.yaml", pointer)
        },
    },
    Hostile {
        reason: "RenderFailed",
        words: &["app", "UTF-8"],
        write: |fixture| {
            let name = std::os::unix::ffi::OsStrExt::from_bytes(b"app/\xff.yaml");
            let path: &std::ffi::OsStr = name;
            Ok(std::fs::write(fixture.repo.work_tree().join(path), "")?)
        },
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn hostile_files_are_told_and_cost_nobody_else_anything() -> anyhow::Result<()> {
    let (fixture, mut good) = applied("hostile", &[]).await?;
    fixture.patch("application", "app", json!({"spec": {"limits": {"paths": 500}}})).await?;
    for Hostile { reason, words, write } in HOSTILE {
        write(&fixture)?;
        is_refused(&fixture, &good, Refused { condition: "Rendered", reason, words }).await?;
        good = fixture.repo.head()?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_files_are_nobodys_burden_but_of_whoever_reads_them() -> anyhow::Result<()> {
    let fixture = Fixture::new("many").await?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "good"))?;
    for n in 0..10 {
        fixture.repo.write(&format!("many/{n}.yaml"), config_map(&format!("m{n}"), "x"))?;
    }
    fixture.repo.commit("ten")?;
    // Each time the folder holds itself ten times more: 110, 1,210, 13,310, 146,410 files.
    for level in 0..4 {
        let tree = fixture.repo.git(&["rev-parse", "HEAD:many"])?;
        for n in 0..10 {
            fixture.repo.git(&["read-tree", &format!("--prefix=many/{level}-{n}/"), &tree])?;
        }
        fixture.repo.git(&["commit", "--quiet", "-m", "ten times more"])?;
    }
    let files = fixture.repo.git(&["ls-tree", "-r", "--name-only", "HEAD"])?.lines().count();
    assert!(files > 100_000, "{files}");
    let commit = fixture.repo.head()?;
    fixture.repository().await?;
    fixture.application("app", "app").await?;
    fixture.application("many", "many").await?;
    fixture.wait_applied("app", &commit).await?;
    let told = fixture.wait_condition("application", "many", "Rendered", "False", "LimitExceeded").await?;
    assert!(told.contains("20000") && told.contains("spec.limits.paths"), "{told}");
    assert!(fixture.get("configmap", "m0").await?.is_null());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_differ_only_in_case_are_two_files() -> anyhow::Result<()> {
    let (fixture, _) = applied("case", &[]).await?;
    fixture.repo.write("app/CM.yaml", config_map("other-case", "two"))?;
    let second = fixture.repo.commit("two")?;
    fixture.wait_applied("app", &second).await?;
    assert_eq!(fixture.get("configmap", "other-case").await?["data"]["value"], "two");
    assert_eq!(fixture.get("configmap", "settings").await?["data"]["value"], "good");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raised_limit_lets_pass_what_was_refused() -> anyhow::Result<()> {
    let (fixture, _) = applied("raised", &[]).await?;
    fixture.repo.write("app/large.yaml", "#".repeat(9 << 20))?;
    fixture.repo.write("app/cm.yaml", config_map("settings", "newer"))?;
    let large = fixture.repo.commit("large")?;
    let refused = Some(large.as_str());
    fixture.wait_refused("application", "app", "Rendered", "False", "LimitExceeded", refused).await?;
    fixture.patch("application", "app", json!({"spec": {"limits": {"fileSize": "16Mi"}}})).await?;
    fixture.wait_applied("app", &large).await?;
    assert_eq!(fixture.get("configmap", "settings").await?["data"]["value"], "newer");
    Ok(())
}
