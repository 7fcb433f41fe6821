//! `windlass status`: how the Applications and Repositories of a cluster are,
//! as their own status tells.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;
use serde_json::json;

use super::output::stdout;
use super::progress::Progress;
use super::render::as_json;
use crate::api::condition::{ConditionType, condition};
use crate::api::{self, Application, Repository, RevisionStatus};
use crate::cluster::{Cluster, ConnectOptions, Resource, View};
use crate::diagnostic::escape;

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How the state is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// The resources themselves, as one `List`.
    Json,
}

/// Shows the state that the agents wrote. Needs only the right to list
/// Applications and Repositories.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The namespace. Without it, the one of the kubeconfig's context.
    #[arg(long, short, value_name = "NAMESPACE", conflicts_with = "all_namespaces")]
    namespace: Option<String>,

    /// All namespaces.
    #[arg(long, short = 'A')]
    all_namespaces: bool,

    /// How to print.
    #[arg(long, short, value_enum, default_value_t = Format::Table)]
    output: Format,

    /// The kubeconfig. Without it, the usual places, and inside of a pod its
    /// service account.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let progress = Progress::start("asking the cluster");
    let (mut applications, mut repositories) = runtime.block_on(read(arguments))?;
    drop(progress);
    applications.sort_by_key(|a| (a.metadata.namespace.clone(), a.metadata.name.clone()));
    repositories.sort_by_key(|r| (r.metadata.namespace.clone(), r.metadata.name.clone()));
    let text = match arguments.output {
        Format::Table => tables(&applications, &repositories, Timestamp::now()),
        Format::Json => {
            let mut items = Vec::new();
            for application in &applications {
                items.push(serde_json::to_value(application)?);
            }
            for repository in &repositories {
                items.push(serde_json::to_value(repository)?);
            }
            as_json(&json!({"apiVersion": "v1", "kind": "List", "items": items}))?
        }
    };
    stdout().write_all(text.as_bytes())?;
    Ok(0)
}

async fn read(arguments: &Arguments) -> anyhow::Result<(Vec<Application>, Vec<Repository>)> {
    let cluster = Cluster::connect(ConnectOptions {
        kubeconfig: arguments.kubeconfig.clone(),
        timeout: REQUEST_TIMEOUT,
        ..ConnectOptions::default()
    })
    .await
    .context("find a cluster (name one with --kubeconfig)")?;
    let namespace = match (&arguments.namespace, arguments.all_namespaces) {
        (_, true) => None,
        (Some(namespace), _) => Some(namespace.as_str()),
        (None, false) => Some(cluster.default_namespace()),
    };
    let applications = list(&cluster, "Application", "applications", namespace).await?;
    let repositories = list(&cluster, "Repository", "repositories", namespace).await?;
    Ok((applications, repositories))
}

async fn list<K: serde::de::DeserializeOwned>(
    cluster: &Cluster,
    kind: &str,
    plural: &str,
    namespace: Option<&str>,
) -> anyhow::Result<Vec<K>> {
    let resource = Resource::known(api::GROUP, api::VERSION, kind, plural, true);
    let found = cluster.list(&resource, namespace, None, View::Full).await;
    let found = found.map_err(|error| match error.hint() {
        Some(hint) => anyhow::anyhow!("list {plural}: {error} ({hint})"),
        None => anyhow::anyhow!("list {plural}: {error}"),
    })?;
    let parsed = found.into_iter().map(serde_json::from_value);
    parsed.collect::<Result<_, _>>().with_context(|| format!("read the {plural}"))
}

fn tables(applications: &[Application], repositories: &[Repository], now: Timestamp) -> String {
    if applications.is_empty() && repositories.is_empty() {
        return "no Applications and no Repositories\n".to_owned();
    }
    let mut text = String::new();
    let mut problems = Vec::new();
    if !applications.is_empty() {
        let mut rows =
            vec![row(&["NAMESPACE", "APPLICATION", "READY", "REASON", "HEALTH", "REVISION", "AGE"])];
        for application in applications {
            let name = application.metadata.name.clone().unwrap_or_default();
            let namespace = application.metadata.namespace.clone().unwrap_or_default();
            let status = application.status.clone().unwrap_or_default();
            let ready = condition(&status.conditions, ConditionType::Ready);
            problems.extend(problem("Application", &namespace, &name, ready));
            let compliant = condition(&status.conditions, ConditionType::Compliant);
            problems.extend(problem("Application", &namespace, &name, compliant));
            let health = status.health.as_ref().map(|health| format!("{:?}", health.state));
            rows.push([
                namespace,
                name,
                ready.map_or("Unknown", |ready| ready.status.as_str()).to_owned(),
                ready.map_or("", |ready| ready.reason.as_str()).to_owned(),
                health.unwrap_or_default(),
                short(status.revision.as_ref()),
                age(application.metadata.creation_timestamp.as_ref().map(|time| time.0), now),
            ]);
        }
        text.push_str(&table(&rows));
    }
    if !repositories.is_empty() {
        let mut rows =
            vec![row(&["NAMESPACE", "REPOSITORY", "READY", "REASON", "REVISION", "SUBJECT", "AGE"])];
        for repository in repositories {
            let name = repository.metadata.name.clone().unwrap_or_default();
            let namespace = repository.metadata.namespace.clone().unwrap_or_default();
            let status = repository.status.clone().unwrap_or_default();
            let ready = condition(&status.conditions, ConditionType::Ready);
            problems.extend(problem("Repository", &namespace, &name, ready));
            let subject = status.revision.as_ref().and_then(|revision| revision.subject.clone());
            rows.push([
                namespace,
                name,
                ready.map_or("Unknown", |ready| ready.status.as_str()).to_owned(),
                ready.map_or("", |ready| ready.reason.as_str()).to_owned(),
                short(status.revision.as_ref()),
                subject.unwrap_or_default().chars().take(50).collect(),
                age(repository.metadata.creation_timestamp.as_ref().map(|time| time.0), now),
            ]);
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&table(&rows));
    }
    for problem in problems {
        text.push('\n');
        text.push_str(&problem);
    }
    text
}

fn row(cells: &[&str; 7]) -> [String; 7] {
    cells.map(ToOwned::to_owned)
}

/// Columns as wide as their widest cell, two spaces between them.
fn table(rows: &[[String; 7]]) -> String {
    let cells: Vec<[String; 7]> =
        rows.iter().map(|row| std::array::from_fn(|column| shown(&row[column]))).collect();
    let widths: [usize; 7] = std::array::from_fn(|column| {
        cells.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    });
    let mut text = String::new();
    for row in cells {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn shown(cell: &str) -> String {
    if cell.is_empty() { "-".to_owned() } else { escape(cell).into_owned() }
}

/// What is wrong, in full: the columns have no room for it.
fn problem(kind: &str, namespace: &str, name: &str, ready: Option<&Condition>) -> Option<String> {
    let ready = ready.filter(|ready| ready.status != "True" && !ready.message.is_empty())?;
    let mut text = format!("{kind} {}/{}: {}\n", escape(namespace), escape(name), escape(&ready.reason));
    for line in ready.message.lines() {
        let _ = writeln!(text, "  {}", escape(line));
    }
    Some(text)
}

fn short(revision: Option<&RevisionStatus>) -> String {
    revision.map(|revision| revision.commit.chars().take(10).collect()).unwrap_or_default()
}

/// As kubectl writes it, in the largest unit that counts at least two.
fn age(created: Option<Timestamp>, now: Timestamp) -> String {
    let Some(created) = created else { return String::new() };
    let seconds = (now.as_second() - created.as_second()).max(0);
    match seconds {
        ..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn application(status: &serde_json::Value) -> Application {
        serde_json::from_value(json!({
            "apiVersion": "windlass.dev/v1alpha1", "kind": "Application",
            "metadata": {"name": "web", "namespace": "team", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"repository": {"name": "main"}, "path": "web"},
            "status": status,
        }))
        .unwrap()
    }

    #[test]
    fn the_table_tells_the_state_and_below_it_what_is_wrong() {
        let now: Timestamp = "2026-01-01T03:00:00Z".parse().unwrap();
        let ready = |status: &str, reason: &str, message: &str| {
            json!([{"type": "Ready", "status": status, "reason": reason, "message": message,
                "lastTransitionTime": "2026-01-01T00:00:00Z"}])
        };
        let mut conditions = ready("True", "Succeeded", "");
        let compliant = json!({"type": "Compliant", "status": "False", "reason": "Denied",
            "message": "stays applied: no", "lastTransitionTime": "2026-01-01T00:00:00Z"});
        conditions.as_array_mut().unwrap().push(compliant);
        let good = application(&json!({
            "conditions": conditions, "health": {"state": "Healthy"},
            "revision": {"commit": "0123456789abcdef0123"},
        }));
        let mut bad =
            application(&json!({"conditions": ready("False", "Denied", "a.yaml:3: no\nb.yaml:4: \u{1b}no")}));
        bad.metadata.name = Some("api-gateway".to_owned());
        let mut new = application(&json!(null));
        new.metadata.name = Some("new".to_owned());
        new.status = None;
        assert_eq!(
            tables(&[good, bad, new], &[], now),
            "\
NAMESPACE  APPLICATION  READY    REASON     HEALTH   REVISION    AGE
team       web          True     Succeeded  Healthy  0123456789  3h
team       api-gateway  False    Denied     -        -           3h
team       new          Unknown  -          -        -           3h

Application team/web: Denied
  stays applied: no

Application team/api-gateway: Denied
  a.yaml:3: no
  b.yaml:4: \\u{1b}no
"
        );
        assert_eq!(tables(&[], &[], now), "no Applications and no Repositories\n");
    }
}
