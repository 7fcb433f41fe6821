//! The story in seven steps. Each shows only what the API server has confirmed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use futures::TryStreamExt as _;
use futures::future::{try_join, try_join_all};
use kube::api::{WatchEvent, WatchParams};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::cluster::condition;
use super::fleet::{self, APPLICATIONS, CLEANER, JOB_SETTINGS, NAMESPACE, PAGES, PLUGINS, REPORT, SHOP};
use super::screen::time;
use super::stage::Stage;

/// How long a watch may be silent before the step has failed.
const NEWS_WITHIN: Duration = Duration::from_mins(1);

/// The titles of the steps.
const STEPS: [&str; 7] = [
    "First sync of all applications",
    "A commit is applied",
    "A manual edit is healed",
    "The gate refuses a commit",
    "A rollout fails, and the others go on",
    "git revert rolls back",
    "The plugins that did it",
];

/// Tells it all; the first step that does not hold is the error.
pub(crate) async fn tell(stage: &Stage<'_>) -> anyhow::Result<()> {
    let began = Instant::now();
    let screen = stage.screen;
    let of = |step: usize| format!("step {}, “{}”, does not hold", step + 1, STEPS[step]);
    let open = |step: usize| screen.step(step + 1, STEPS[step]);

    open(0);
    first_sync(stage).await.with_context(|| of(0))?;
    open(1);
    commit(stage).await.with_context(|| of(1))?;
    open(2);
    manual_edit(stage).await.with_context(|| of(2))?;
    open(3);
    let refused = refusal(stage).await.with_context(|| of(3))?;
    open(4);
    let failing = failing_rollout(stage).await.with_context(|| of(4))?;
    open(5);
    revert(stage, &failing, &refused).await.with_context(|| of(5))?;
    open(6);
    plugins(stage).await.with_context(|| of(6))?;
    screen.success(format!("All {} steps held, in {}.", STEPS.len(), time(began.elapsed())));
    Ok(())
}

async fn first_sync(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (screen, cluster) = (stage.screen, stage.cluster);
    screen.note("One Repository, polled every second, and three Applications of it.");
    if cluster.is_embedded() {
        screen.note("Deployments have 0 replicas: without nodes, no Pod would ever run.");
    } else {
        screen.note("Deployments have 0 replicas: nobody serves the images of a demo.");
    }
    for name in PLUGINS {
        cluster.create(&fleet::plugin(name)).await?;
    }
    cluster.create(&fleet::gate()).await?;
    let gate = cluster.wait("Gate", fleet::GATE, "ready", |gate| is(gate, "Ready", "True").then_some(()));
    stage.waiting("the gate", gate).await?;

    let head = stage.repo.head()?;
    let began = Instant::now();
    cluster.create(&fleet::repository(&stage.server.url(fleet::REPOSITORY))).await?;
    for (name, path, _) in APPLICATIONS {
        cluster.create(&fleet::application(name, path)).await?;
    }
    let synced = APPLICATIONS.map(|(name, _, renderer)| {
        let head = &head;
        async move {
            let ready = ready_at(stage, name, head).await?;
            let took = began.elapsed();
            let used = ready["status"]["renderer"]["plugin"].as_str().unwrap_or_default();
            ensure!(used == renderer, "{name} was rendered by `{used}`, not by `{renderer}`");
            let objects = versions(stage, name).await?.len();
            ensure!(objects > 0, "{name} owns no objects");
            Ok((name, renderer, objects, took))
        }
    });
    for (name, renderer, objects, took) in stage.waiting("the Applications", try_join_all(synced)).await? {
        screen.fact(format!("{name}  Ready: {objects} objects, rendered by {renderer}"), Some(took));
    }
    Ok(())
}

async fn commit(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (screen, cluster) = (stage.screen, stage.cluster);
    let others = try_join(versions(stage, "docs"), versions(stage, "jobs")).await?;
    stage.repo.write(SHOP, fleet::shop("1.5.0", 0, "Summer sale"))?;
    let (commit, began) = make_commit(stage, "shop: release 1.5.0")?;
    let image = cluster.wait("Deployment", "web", "of release 1.5.0", |web| {
        (image(web) == "registry.example/shop:1.5.0").then_some(began.elapsed())
    });
    let took = stage.waiting("the new image", image).await?;
    screen.fact("Deployment web has the image shop:1.5.0: from commit to cluster", Some(took));

    stage.waiting("Ready", ready_at(stage, "shop", &commit)).await?;
    screen.fact(format!("shop is Ready at {}", short(&commit)), Some(began.elapsed()));
    let settings = cluster.list("ConfigMap").await?;
    let settings: Vec<_> = settings.iter().filter(|map| name(map).starts_with("shop-")).collect();
    ensure!(settings.len() == 1, "{} ConfigMaps of the shop, not 1", settings.len());
    ensure!(settings[0]["data"]["greeting"] == "Summer sale", "the ConfigMap is not the new one");
    screen.fact(format!("ConfigMap {} is there, its predecessor pruned", name(settings[0])), None);
    let after = try_join(versions(stage, "docs"), versions(stage, "jobs")).await?;
    ensure!(others == after, "an object of docs or jobs was written:\n{others:?}\n{after:?}");
    screen.fact("docs and jobs: not one object written", None);
    Ok(())
}

async fn manual_edit(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (screen, cluster) = (stage.screen, stage.cluster);
    let before = cluster.get("Deployment", "web").await?;
    let version = before["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    let only = WatchParams::default().fields("metadata.name=web");
    let news = cluster.api("Deployment")?.watch(&only, version).await.context("watch the Deployment")?;
    let arguments =
        ["patch", "deployment", "web", "--field-manager=kubectl-edit", "-p", r#"{"spec":{"replicas":2}}"#];
    screen.command(r#"kubectl patch deployment web -p '{"spec":{"replicas":2}}' \"#);
    screen.note("    --field-manager=kubectl-edit");

    // Both states are seen in the watch, so the time between them has nothing of kubectl's own.
    let healed = async {
        let mut edited = None;
        let mut news = std::pin::pin!(news);
        loop {
            let event = tokio::time::timeout(NEWS_WITHIN, news.try_next()).await;
            let event = event.context("the watch is silent")?.context("watch the Deployment")?;
            let Some(WatchEvent::Modified(web)) = event else {
                anyhow::bail!("the watch ended with {event:?}");
            };
            match (web.data["spec"]["replicas"].as_u64(), edited) {
                (Some(2), None) => edited = Some(Instant::now()),
                (Some(0), Some(edited)) => return Ok(edited.elapsed()),
                _ => {}
            }
        }
    };
    let arguments = [&["-n", NAMESPACE][..], &arguments].concat();
    let both = try_join(cluster.kubectl(&arguments), healed);
    let (_, took) = stage.waiting("the edit to be healed", both).await?;
    screen.fact("the API server took the edit: spec.replicas 0 → 2", None);
    screen.fact("healed: spec.replicas 2 → 0, from edit to correction in a watch", Some(took));
    let web = cluster.get("Deployment", "web").await?;
    ensure!(web["spec"]["replicas"] == 0, "the Deployment has {} replicas again", web["spec"]["replicas"]);
    let owner = owner_of_replicas(&web);
    let is_ours = owner.starts_with("windlass/") && !owner.contains(' ');
    ensure!(is_ours, "spec.replicas belongs to the field manager `{owner}`");
    screen.fact("spec.replicas belongs to windlass again, and to nobody else", None);
    Ok(())
}

async fn refusal(stage: &Stage<'_>) -> anyhow::Result<String> {
    let (screen, cluster) = (stage.screen, stage.cluster);
    let before = versions(stage, "jobs").await?;
    let applied = cluster.get("Application", "jobs").await?["status"]["revision"].clone();
    let cleaner = fleet::cron_job("cleaner", "registry.example/cleaner:latest", "Forbid");
    let report = fleet::cron_job("report", "registry.example/report:1.7", "Allow");
    let places = [
        (CLEANER, fleet::line_of(&cleaner, "image:").context("find the image")?),
        (REPORT, fleet::line_of(&report, "concurrencyPolicy:").context("find the policy")?),
    ];
    stage.repo.write(CLEANER, &cleaner)?;
    stage.repo.write(REPORT, &report)?;
    stage.repo.write(JOB_SETTINGS, fleet::config_map("job-settings", "keepDays", "7"))?;
    let (commit, began) = make_commit(stage, "jobs: newest cleaner, reports side by side")?;
    let denied = cluster.wait("Application", "jobs", "refused by the gate", |jobs| {
        let tried = jobs["status"]["attemptedRevision"] == commit.as_str();
        let admitted = condition(jobs, "Admitted");
        (tried && admitted["status"] == "False" && admitted["reason"] == "Denied")
            .then(|| admitted["message"].as_str().unwrap_or_default().to_owned())
    });
    let message = stage.waiting("the gate's verdict", denied).await?;
    let took = began.elapsed();
    let findings = message.split_once("): ").map_or(message.as_str(), |(_, findings)| findings);
    for finding in findings.split("; ") {
        let mut parts = finding.splitn(3, ": ");
        match (parts.next(), parts.next(), parts.next()) {
            (Some(place), Some(object), Some(text)) => {
                screen.refusal(format!("{place}  {object}"));
                screen.note(format!("  {text}"));
            }
            _ => screen.refusal(finding),
        }
    }
    for (file, line) in places {
        let place = format!("{file}:{line}: ");
        ensure!(message.contains(&place), "no finding at {place} {message}");
    }
    screen.fact("jobs: Admitted=False, reason Denied: from commit to verdict", Some(took));
    let after = versions(stage, "jobs").await?;
    ensure!(before == after, "an object of jobs was written:\n{before:?}\n{after:?}");
    let settings = cluster.get("ConfigMap", "job-settings").await?;
    ensure!(settings["data"]["keepDays"] == "30", "the ConfigMap of the refused commit was written");
    let jobs = cluster.get("Application", "jobs").await?;
    ensure!(jobs["status"]["revision"] == applied, "jobs claims another revision than before");
    screen.fact(format!("untouched: the {} objects of jobs, the valid ConfigMap too", after.len()), None);
    Ok(commit)
}

async fn failing_rollout(stage: &Stage<'_>) -> anyhow::Result<String> {
    let (screen, cluster) = (stage.screen, stage.cluster);
    if cluster.is_embedded() {
        screen.note("1 replica and no node to run it; the Deployment's deadline is 3 s.");
    } else {
        screen.note("1 replica of an image that nobody serves; the deadline is 3 s.");
    }
    stage.repo.write(SHOP, fleet::shop("2.0.0", 1, "All new"))?;
    let (commit, began) = make_commit(stage, "shop: release 2.0.0 with 1 replica")?;
    let applied = cluster.wait("Deployment", "web", "of release 2.0.0", |web| {
        (image(web) == "registry.example/shop:2.0.0" && web["spec"]["replicas"] == 1).then_some(())
    });
    stage.waiting("the new image", applied).await?;
    screen.fact("Deployment web has 1 replica of shop:2.0.0", Some(began.elapsed()));

    stage.repo.write(PAGES, fleet::pages("How to crochet"))?;
    let (_, next) = make_commit(stage, "docs: a new front page")?;
    let applied = cluster.wait("ConfigMap", "pages", "the new one", |pages| {
        (pages["data"]["front"] == "How to crochet").then_some(())
    });
    stage.waiting("the new page", applied).await?;
    let took = next.elapsed();
    let shop = cluster.get("Application", "shop").await?;
    ensure!(!is(&shop, "Ready", "True"), "shop is Ready with a Pod that can't run");
    let health = shop["status"]["health"]["state"].as_str().unwrap_or("Unknown").to_owned();
    screen.fact(format!("docs goes on while shop is {health}"), Some(took));

    let failed = cluster.wait("Application", "shop", "reported as failed", |shop| {
        let ready = condition(shop, "Ready");
        (ready["status"] == "False" && ready["reason"] == "Unhealthy")
            .then(|| ready["message"].as_str().unwrap_or_default().to_owned())
    });
    let message = stage.waiting("the Deployment's deadline", failed).await?;
    let took = began.elapsed();
    ensure!(message.contains("ProgressDeadlineExceeded"), "shop failed for another reason: {message}");
    for (index, line) in wrapped(&message, 70).into_iter().enumerate() {
        match index {
            0 => screen.refusal(line),
            _ => screen.note(format!("  {line}")),
        }
    }
    screen.fact("shop: Ready=False, reason Unhealthy: since the commit", Some(took));
    Ok(commit)
}

async fn revert(stage: &Stage<'_>, failing: &str, refused: &str) -> anyhow::Result<()> {
    let (screen, cluster) = (stage.screen, stage.cluster);
    screen.command(format!("git revert {}", short(failing)));
    let commit = stage.repo.revert(failing)?;
    let began = Instant::now();
    let back = cluster.wait("Deployment", "web", "of release 1.5.0 again", |web| {
        (image(web) == "registry.example/shop:1.5.0" && web["spec"]["replicas"] == 0).then_some(())
    });
    stage.waiting("the old image", back).await?;
    screen.fact("Deployment web has the image shop:1.5.0 again", Some(began.elapsed()));
    stage.waiting("Ready", ready_at(stage, "shop", &commit)).await?;
    screen.fact("shop is Ready again", Some(began.elapsed()));

    screen.command(format!("git revert {}", short(refused)));
    stage.repo.revert(refused)?;
    let began = Instant::now();
    let admitted = cluster.wait("Application", "jobs", "admitted again", |jobs| {
        (is(jobs, "Admitted", "True") && is(jobs, "Ready", "True")).then_some(())
    });
    stage.waiting("jobs", admitted).await?;
    screen.fact("jobs is admitted and Ready again", Some(began.elapsed()));
    for (name, _, _) in APPLICATIONS {
        let application = cluster.get("Application", name).await?;
        ensure!(is(&application, "Ready", "True"), "{name} is not Ready at the end");
    }
    Ok(())
}

async fn plugins(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (screen, cluster) = (stage.screen, stage.cluster);
    screen.note("Name, world, version, digest of the file, and what used it:");
    let mut used: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut digests = BTreeMap::new();
    for (name, _, renderer) in APPLICATIONS {
        let application = cluster.get("Application", name).await?;
        let digest = application["status"]["renderer"]["digest"].as_str().unwrap_or_default().to_owned();
        used.entry(renderer).or_default().push(name);
        digests.insert(renderer, digest);
    }
    for name in PLUGINS {
        let plugin = cluster.get("Plugin", name).await?;
        ensure!(is(&plugin, "Ready", "True"), "the Plugin {name} is not Ready");
        let [digest, version, world] = ["digest", "version", "world"]
            .map(|field| plugin["status"][field].as_str().unwrap_or_default().to_owned());
        let path = stage.plugins.join(format!("{name}.wasm"));
        let file = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        let actual = format!("sha256:{}", hex::encode(Sha256::digest(&file)));
        ensure!(digest == actual, "the Plugin {name} has the digest {digest}, its file {actual}");
        let by_application = digests.get(name);
        ensure!(
            by_application.is_none_or(|used| *used == digest),
            "an Application was rendered by {name} {by_application:?}, not by {digest}"
        );
        let by = match world.as_str() {
            "renderer" => used.get(name).map(|names| names.join(", ")).unwrap_or_default(),
            "policy" => format!("Gate {}", fleet::GATE),
            _ => "every Application".to_owned(),
        };
        let digest = digest.get(..19).unwrap_or(&digest);
        screen.fact(format!("{name:14} {world:9} {version:7} {digest}…  {by}"), None);
    }
    let [ran, remembered] = [
        stage.agent.metric(r#"windlass_renders_total{answered_from="plugin"}"#).await?,
        stage.agent.metric(r#"windlass_renders_total{answered_from="memory"}"#).await?,
    ];
    ensure!(ran > 0.0 && remembered > 0.0, "{ran} renders ran, {remembered} were answered from memory");
    screen.fact(format!("renders: {ran} ran in a plugin, {remembered} were answered from memory"), None);
    Ok(())
}

/// Commits the work tree, and gives the commit and when it was there.
fn make_commit(stage: &Stage<'_>, message: &str) -> anyhow::Result<(String, Instant)> {
    let commit = stage.repo.commit(message)?;
    let began = Instant::now();
    stage.screen.command(format!("git commit -m \"{message}\"   # {}", short(&commit)));
    Ok((commit, began))
}

/// Waits until an Application has been made equal to a commit and is ready.
async fn ready_at(stage: &Stage<'_>, name: &str, commit: &str) -> anyhow::Result<Value> {
    let what = format!("ready at {}", short(commit));
    let wanted = |object: &Value| {
        (object["status"]["revision"]["commit"] == commit && is(object, "Ready", "True"))
            .then(|| object.clone())
    };
    stage.cluster.wait("Application", name, &what, wanted).await
}

/// What an Application owns, each object with what changes when its content is written: its generation, or
/// its version where it has none.
async fn versions(stage: &Stage<'_>, application: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let owner = stage.cluster.get("Application", application).await?;
    let entries = owner["status"]["inventory"].as_array().cloned().unwrap_or_default();
    let mut versions = BTreeMap::new();
    for entry in entries {
        let [kind, name] = ["kind", "name"].map(|field| entry[field].as_str().unwrap_or_default());
        let object = stage.cluster.get(kind, name).await?;
        ensure!(!object.is_null(), "{application} owns {kind} {name}, which does not exist");
        let metadata = &object["metadata"];
        let version = metadata.get("generation").unwrap_or(&metadata["resourceVersion"]);
        versions.insert(format!("{kind}/{name}"), format!("{}@{version}", metadata["uid"]));
    }
    Ok(versions)
}

fn is(object: &Value, kind: &str, status: &str) -> bool {
    condition(object, kind)["status"] == status
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

fn image(deployment: &Value) -> &str {
    deployment["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap_or_default()
}

/// The field manager that set a Deployment's replicas last.
fn owner_of_replicas(deployment: &Value) -> String {
    let entries = deployment["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let owners = entries.iter().filter(|entry| !entry["fieldsV1"]["f:spec"]["f:replicas"].is_null());
    let owners: Vec<_> = owners.filter_map(|entry| entry["manager"].as_str()).collect();
    owners.join(" and ")
}

fn short(commit: &str) -> &str {
    commit.get(..8).unwrap_or(commit)
}

/// Breaks a text between words into lines of at most so many characters.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let room = lines.last().map_or(0, |line| line.chars().count()) + 1 + word.chars().count();
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if room <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("longerthanit fits", 7), ["longerthanit", "fits"]);
    }
}
