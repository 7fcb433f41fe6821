//! What stands around the objects of a batch: read from the host once, and kept
//! for the batch.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use typed_arena::Arena;
use windlass_plugin_sdk::policy::Cluster;

use super::matching::NAME_LABEL;
use super::plural;
use crate::evaluate::Lookup;
use crate::failure::Failure;
use crate::json::Document;
use crate::library::Outcome;
use crate::value::{Text, Value};

const CRD: &str = "apiextensions.k8s.io/CustomResourceDefinition";

/// Asks the cluster.
pub(super) struct Store<'d, 't> {
    cluster: &'t Cluster,
    texts: &'d Arena<Vec<u8>>,
    documents: &'d Arena<Document<'d>>,
    namespaces: RefCell<BTreeMap<String, Result<Value<'d>, Failure>>>,
    found: RefCell<BTreeMap<Query, Found<'d>>>,
}

/// A kind, and the name where it is one object's.
type Query = (String, Option<String>);

/// Objects, and whether they are all.
#[derive(Clone)]
pub(super) struct Found<'d> {
    pub(super) objects: Rc<Vec<Value<'d>>>,
    pub(super) complete: bool,
}

impl<'d, 't> Store<'d, 't> {
    pub(super) fn new(
        cluster: &'t Cluster,
        texts: &'d Arena<Vec<u8>>,
        documents: &'d Arena<Document<'d>>,
    ) -> Self {
        let (namespaces, found) = (RefCell::default(), RefCell::default());
        Self { cluster, texts, documents, namespaces, found }
    }

    /// Keeps a text, and takes it apart. What is no JSON is null.
    pub(super) fn keep(&self, text: Vec<u8>) -> Value<'d> {
        self.read(self.texts.alloc(text))
    }

    pub(super) fn read(&self, text: &'d [u8]) -> Value<'d> {
        match Document::parse(text) {
            Ok(document) => {
                let document: &'d Document<'d> = self.documents.alloc(document);
                Value::of(document.root())
            }
            Err(_) => Value::Null,
        }
    }

    /// The objects of a kind, all or those of a name, in any namespace.
    pub(super) fn find(&self, kind: &str, name: Option<&str>) -> Found<'d> {
        let query = (kind.to_owned(), name.map(str::to_owned));
        if let Some(found) = self.found.borrow().get(&query) {
            return found.clone();
        }
        let answer = self.cluster.json(kind, None, name);
        let objects = answer.objects.into_iter().map(|text| self.keep(text)).collect();
        let found = Found { objects: Rc::new(objects), complete: answer.complete };
        self.found.borrow_mut().insert(query, found.clone());
        found
    }

    /// A Namespace, with the label that says its name.
    ///
    /// # Errors
    /// When there is none, or it may not be seen.
    pub(super) fn namespace(&self, name: &str) -> Result<Value<'d>, Failure> {
        if let Some(known) = self.namespaces.borrow().get(name) {
            return known.clone();
        }
        let answer = self.cluster.json("v1/Namespace", None, Some(name));
        let value = match answer.objects.into_iter().next() {
            Some(text) => Ok(self.keep(labelled(text, name))),
            None if answer.complete => {
                Err(Failure::showing(format!("there is no Namespace `{name}`"), "there is no such Namespace"))
            }
            None => Err(not_granted("v1/Namespace", Some(name))),
        };
        self.namespaces.borrow_mut().insert(name.to_owned(), value.clone());
        value
    }

    /// What the API calls the objects of a kind: asked of the definition, where
    /// it is not Kubernetes' own.
    pub(super) fn plural(&self, group: &str, kind: &str) -> String {
        if plural::is_built_in(group) {
            return plural::of(kind);
        }
        let definitions = self.find(CRD, None);
        let defined = definitions.objects.iter().find_map(|definition| {
            let spec = field(definition, "spec")?;
            let names = field(&spec, "names")?;
            (text(&spec, "group")? == *group && text(&names, "kind")? == *kind)
                .then(|| text(&names, "plural").map(|plural| plural.to_string()))?
        });
        defined.unwrap_or_else(|| plural::of(kind))
    }

    /// The kind that the API calls so, as `group/Kind`.
    fn kind(&self, group: &str, plural: &str) -> Option<String> {
        if !plural::is_built_in(group) {
            let definitions = self.find(CRD, None);
            return definitions.objects.iter().find_map(|definition| {
                let spec = field(definition, "spec")?;
                let names = field(&spec, "names")?;
                (text(&spec, "group")? == *group && text(&names, "plural")? == *plural)
                    .then(|| text(&names, "kind").map(|kind| format!("{group}/{}", &*kind)))?
            });
        }
        let space = if group.is_empty() { "v1" } else { group };
        KINDS.iter().find(|kind| plural::of(kind) == plural).map(|kind| format!("{space}/{kind}"))
    }
}

/// Kinds that expressions may ask for by their plural.
const KINDS: [&str; 38] = [
    "ConfigMap",
    "Secret",
    "Namespace",
    "Pod",
    "Service",
    "ServiceAccount",
    "Endpoints",
    "Node",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "LimitRange",
    "ResourceQuota",
    "ReplicationController",
    "PodTemplate",
    "Event",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "ControllerRevision",
    "Job",
    "CronJob",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "Ingress",
    "IngressClass",
    "NetworkPolicy",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "StorageClass",
    "PriorityClass",
    "RuntimeClass",
    "EndpointSlice",
    "Lease",
    "CustomResourceDefinition",
    "ValidatingAdmissionPolicy",
];

impl<'a, 'd: 'a> Lookup<'a> for Store<'d, '_> {
    fn fetch(&self, asked: &[&str]) -> Outcome<'a> {
        let (api_version, plural, namespace, name) = match asked {
            [api_version, plural, namespace] => (*api_version, *plural, *namespace, None),
            [api_version, plural, namespace, name] => (*api_version, *plural, *namespace, Some(*name)),
            _ => return Err(Failure::no_such_overload()),
        };
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        let kind = self.kind(group, plural).ok_or_else(|| {
            Failure::showing(
                format!("there is no resource `{plural}` in `{api_version}`"),
                "an unknown resource",
            )
        })?;
        let found = self.find(&kind, name);
        let mut objects = found.objects.iter().filter(|object| {
            namespace.is_empty() || metadata(object, "namespace").is_some_and(|found| *found == *namespace)
        });
        match name {
            Some(name) => match objects.next() {
                Some(object) => Ok(object.clone()),
                None if found.complete => {
                    Err(Failure::showing(format!("there is no {kind} `{name}`"), "there is no such object"))
                }
                None => Err(not_granted(&kind, Some(name))),
            },
            None if !found.complete => Err(not_granted(&kind, None)),
            None => {
                let items: Vec<Value<'a>> = objects.cloned().collect();
                let mut list = crate::value::Made::default();
                // A text key, into an empty map.
                let _ = list.insert(Value::text("items"), Value::list(items));
                Ok(Value::Map(crate::value::Map::Made(Rc::new(list))))
            }
        }
    }
}

/// Why a rule that needs the cluster can't be judged.
pub(super) fn not_granted(kind: &str, name: Option<&str>) -> Failure {
    let what = name.map_or(String::new(), |name| format!(" `{name}`"));
    Failure::not_granted(format!(
        "{kind}{what} is needed, and is not known here: let the Gate grant reading {kind}"
    ))
}

/// A Namespace with the label that the API server gives it.
fn labelled(text: Vec<u8>, name: &str) -> Vec<u8> {
    let Ok(mut namespace) = serde_json::from_slice::<serde_json::Value>(&text) else { return text };
    let Some(metadata) = namespace.get_mut("metadata").and_then(serde_json::Value::as_object_mut) else {
        return text;
    };
    let labels = metadata.entry("labels").or_insert(serde_json::Value::Null);
    if !labels.is_object() {
        *labels = serde_json::json!({});
    }
    labels[NAME_LABEL] = name.into();
    namespace.to_string().into_bytes()
}

/// A field of an object.
pub(super) fn field<'a>(value: &Value<'a>, name: &str) -> Option<Value<'a>> {
    match value {
        Value::Map(map) => map.field(name),
        _ => None,
    }
}

pub(super) fn text<'a>(value: &Value<'a>, name: &str) -> Option<Text<'a>> {
    match field(value, name)? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// A text of an object's `metadata`.
pub(super) fn metadata<'a>(object: &Value<'a>, name: &str) -> Option<Text<'a>> {
    text(&field(object, "metadata")?, name)
}

/// A label of an object.
pub(super) fn label<'a>(object: &Value<'a>, key: &str) -> Option<Text<'a>> {
    text(&field(&field(object, "metadata")?, "labels")?, key)
}
