//! What policies may see of the cluster: from files of objects as kubectl
//! prints them, or from the cluster that kubectl would use, read once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::super::progress::Progress;
use super::stream;
use crate::api;
use crate::cluster::{Cluster, ConnectOptions, Resource, View, unreadable};
use crate::gate::{Gate, GroupKind, Snapshot, kept, wanted, within};
use crate::object::{ObjectKey, covers, matches_kind, split};

/// The word for the cluster that kubectl would use.
pub(super) const CLUSTER: &str = "cluster";

const NAMESPACES: &str = "v1/Namespace";

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Where what stands around the judged objects comes from.
pub(super) enum Around {
    /// Nobody said: what is granted is not known.
    Unknown,
    /// From files: what is granted and not in them is not there.
    Files(BTreeMap<GroupKind, BTreeMap<ObjectKey, Bytes>>),
    /// From the cluster.
    Cluster,
}

impl Around {
    /// What `--cluster-data` names. With Gates of the cluster, and where nothing
    /// is named, the cluster.
    pub(super) fn read(named: &[String], gates_of_cluster: bool) -> anyhow::Result<Self> {
        match named {
            [] if gates_of_cluster => Ok(Self::Cluster),
            [] => Ok(Self::Unknown),
            [only] if only == CLUSTER => Ok(Self::Cluster),
            files => {
                anyhow::ensure!(
                    !files.iter().any(|file| file == CLUSTER),
                    "--cluster-data {CLUSTER} stands alone: files would hide a part of the cluster"
                );
                let mut known = BTreeMap::new();
                files.iter().try_for_each(|file| read_file(&PathBuf::from(file), &mut known))?;
                Ok(Self::Files(known))
            }
        }
    }

    /// The kinds that a policy of the command line is granted, of those that it
    /// reads: whoever hands objects over means them to be seen.
    pub(super) fn grants(&self, reads: &[String]) -> Vec<String> {
        let is_one_kind =
            |pattern: &&String| split(pattern).is_some_and(|(group, kind)| group != "*" && kind != "*");
        let mut grants: BTreeSet<String> = match self {
            Self::Unknown => return Vec::new(),
            Self::Cluster | Self::Files(_) => reads.iter().filter(is_one_kind).cloned().collect(),
        };
        // Whoever reads anything reads the Namespace of an object.
        if reads.iter().any(|read| covers(read, NAMESPACES)) {
            grants.insert(NAMESPACES.to_owned());
        }
        if let Self::Files(known) = self {
            let read = |(group, kind): &&GroupKind| reads.iter().any(|read| matches_kind(read, group, kind));
            grants.extend(
                known
                    .keys()
                    .filter(read)
                    .map(|(group, kind)| format!("{}/{kind}", if group.is_empty() { "v1" } else { group })),
            );
        }
        grants.into_iter().collect()
    }

    /// All that the gates grant, and the Namespaces where they select by
    /// labels.
    pub(super) fn snapshot<'a>(
        self,
        gates: impl Iterator<Item = &'a Gate>,
        asked: &mut Asked,
    ) -> anyhow::Result<Snapshot> {
        let wanted = wanted(gates);
        let mut snapshot = Snapshot::default();
        match self {
            Self::Unknown => {}
            Self::Files(mut known) => {
                for kind in wanted {
                    let objects = known.remove(&kind).unwrap_or_default();
                    snapshot.insert(kind, Ok(Arc::new(objects)));
                }
            }
            Self::Cluster if wanted.is_empty() => {}
            Self::Cluster => {
                let mut bytes = 0;
                for kind in wanted {
                    let objects = asked.objects(&kind, &mut bytes)?;
                    snapshot.insert(kind, objects.map(Arc::new));
                }
            }
        }
        Ok(snapshot)
    }
}

fn read_file(
    path: &PathBuf,
    known: &mut BTreeMap<GroupKind, BTreeMap<ObjectKey, Bytes>>,
) -> anyhow::Result<()> {
    let shown = path.display().to_string();
    let file = File::open(path).with_context(|| format!("read `{shown}`"))?;
    let text = stream::text(file, &format!("`{shown}`"))?;
    for item in stream::items(&text, &shown)? {
        let line = item.span.and_then(|(start, _)| text.get(..start as usize));
        let place =
            line.map_or(shown.clone(), |before| format!("{shown}:{}", before.matches('\n').count() + 1));
        let (kind, key, object) = keyed(item.object)
            .with_context(|| format!("{place}: this is no object with `apiVersion`, `kind` and a name"))?;
        known.entry(kind).or_default().insert(key, object);
    }
    Ok(())
}

/// The object's kind, its place and its text.
fn keyed(object: Value) -> Option<(GroupKind, ObjectKey, Bytes)> {
    let group = object.get("apiVersion")?.as_str()?.split_once('/').map_or("", |(group, _)| group).to_owned();
    let kind = (group, object.get("kind")?.as_str()?.to_owned());
    let (key, text) = kept(&kind, object)?;
    Some((kind, key, text))
}

/// The cluster that kubectl would use, once it was asked for something.
#[derive(Default)]
pub(super) struct Asked {
    connected: Option<(Runtime, Cluster)>,
}

impl Asked {
    fn connected(&mut self) -> anyhow::Result<&(Runtime, Cluster)> {
        let connected = if let Some(connected) = self.connected.take() {
            connected
        } else {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let options = ConnectOptions { timeout: REQUEST_TIMEOUT, ..ConnectOptions::default() };
            let cluster =
                runtime.block_on(Cluster::connect(options)).context("find a cluster (set KUBECONFIG)")?;
            (runtime, cluster)
        };
        Ok(self.connected.insert(connected))
    }

    /// All Gates.
    pub(super) fn gates(&mut self) -> anyhow::Result<Vec<api::Gate>> {
        let (runtime, cluster) = self.connected()?;
        let _progress = Progress::start("reading the Gates of the cluster");
        let resource = Resource::known(api::GROUP, api::VERSION, "Gate", "gates", false);
        let found = runtime.block_on(cluster.list(&resource, None, None, View::Full));
        let found = found.map_err(|error| match error.hint() {
            Some(hint) => anyhow::anyhow!("list the Gates: {error} ({hint})"),
            None => anyhow::anyhow!("list the Gates: {error}"),
        })?;
        let parsed = found.into_iter().map(serde_json::from_value);
        parsed.collect::<Result<_, _>>().context("read the Gates of the cluster")
    }

    /// All objects of a kind, or why they can't be known.
    fn objects(
        &mut self,
        kind: &GroupKind,
        bytes: &mut usize,
    ) -> anyhow::Result<Result<BTreeMap<ObjectKey, Bytes>, String>> {
        let (runtime, cluster) = self.connected()?;
        let _progress = Progress::start(format!("reading {} of the cluster", kind.1));
        let found = runtime.block_on(async {
            let resource = cluster.find(&kind.0, &kind.1).await?;
            cluster.list(&resource, None, None, View::Full).await
        });
        let objects = match found {
            Ok(objects) => objects,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let whole = objects.into_iter().filter(|object| unreadable(object).is_none());
        let objects: BTreeMap<ObjectKey, Bytes> = whole.filter_map(|object| kept(kind, object)).collect();
        *bytes += objects.values().map(Bytes::len).sum::<usize>();
        Ok(within(*bytes, objects))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Action;
    use crate::gate::testing::{gate, nothing};

    fn files(texts: &[&str]) -> anyhow::Result<Around> {
        let folder = tempfile::tempdir().unwrap();
        let mut named = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let file = folder.path().join(format!("{index}.yaml"));
            std::fs::write(&file, text).unwrap();
            named.push(file.display().to_string());
        }
        Around::read(&named, false).map_err(|error| {
            anyhow::anyhow!("{}", format!("{error:#}").replace(&folder.path().display().to_string(), "ROOT"))
        })
    }

    const NAMESPACES: &str =
        "kind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: a, managedFields: [x]}}\n";
    const ROUTE: &str = "apiVersion: example.com/v2\nkind: Route\nmetadata: {name: r, namespace: a}\n";

    #[test]
    fn objects_of_files_are_known_by_their_kinds() {
        let Around::Files(known) = files(&[NAMESPACES, ROUTE]).unwrap() else { panic!("no files") };
        let objects: Vec<_> =
            known.values().flatten().map(|(key, text)| (key.to_string(), text.clone())).collect();
        assert_eq!(objects[0].0, "Namespace/a");
        assert_eq!(objects[0].1, r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a"}}"#);
        assert_eq!(objects[1].0, "Route/a/r");
    }

    #[test]
    fn what_is_granted_and_not_in_the_files_is_not_there() {
        let mut granting = gate("g", "images", Action::Deny);
        granting.policies[0].grants = vec!["v1/Namespace".to_owned(), "v1/Secret".to_owned()];
        let snapshot =
            files(&[NAMESPACES]).unwrap().snapshot([granting].iter(), &mut Asked::default()).unwrap();
        assert_eq!(format!("{snapshot:?}").matches("Ok(").count(), 2, "{snapshot:?}");
        let nothing_granted =
            files(&[NAMESPACES]).unwrap().snapshot([nothing("g")].iter(), &mut Asked::default()).unwrap();
        assert_eq!(format!("{nothing_granted:?}"), format!("{:?}", Snapshot::default()));
    }

    #[test]
    fn a_policy_of_the_command_line_may_see_what_it_reads_of_what_is_handed_over() {
        let around = files(&[NAMESPACES, ROUTE]).unwrap();
        let grants =
            |reads: &[&str]| around.grants(&reads.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(grants(&["v1/Namespace", "apps/Deployment"]), ["apps/Deployment", "v1/Namespace"]);
        assert_eq!(grants(&["*"]), ["example.com/Route", "v1/Namespace"]);
        let cluster = Around::Cluster;
        assert_eq!(
            cluster.grants(&["*".to_owned(), "apps/Deployment".to_owned()]),
            ["apps/Deployment", "v1/Namespace"]
        );
        assert_eq!(cluster.grants(&["apps/*".to_owned()]), [""; 0]);
        assert_eq!(Around::Unknown.grants(&["v1/Namespace".to_owned()]), [""; 0]);
    }

    #[test]
    fn what_is_no_object_is_told_at_its_line() {
        let error =
            files(&["kind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n- {a: b}\n"]);
        assert_eq!(
            error.err().unwrap().to_string(),
            "ROOT/0.yaml:4: this is no object with `apiVersion`, `kind` and a name"
        );
        let both = Around::read(&[CLUSTER.to_owned(), "a.yaml".to_owned()], false);
        assert!(both.err().unwrap().to_string().contains("stands alone"));
    }
}
