//! Finds the pod in an object: a Pod, or the template of what makes Pods. Takes
//! the JSON text, and gives what the standards look at, and where it stands.

use serde::Deserialize;
use serde_json::Deserializer;
use windlass_plugin_sdk::object::pointer_step;

use crate::pod::{Fields, Metadata, Pod, Text};
use crate::text::clipped;

/// What is judged.
#[derive(Debug)]
pub(crate) enum Workload<'a> {
    /// Whose labels say to what pods are held.
    Namespace(Head<'a>),
    /// Pods, and those that the object will make.
    Pods { namespace: Text<'a>, pod: Pod<'a>, root: Root },
    /// Nothing that runs.
    Other,
}

/// Where the pod stands in its object, as JSON pointers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Root {
    pub(crate) metadata: &'static str,
    pub(crate) spec: &'static str,
}

/// What every object has.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Head<'a> {
    #[serde(borrow)]
    api_version: Text<'a>,
    #[serde(borrow)]
    kind: Text<'a>,
    #[serde(borrow)]
    pub(crate) metadata: Option<Fields<Metadata<'a>>>,
}

impl<'a> Head<'a> {
    pub(crate) fn namespace(&self) -> Text<'a> {
        self.metadata.as_ref().map(|metadata| metadata.namespace.clone()).unwrap_or_default()
    }
}

/// A field that has a type which Kubernetes does not give it.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) pointer: String,
    pub(crate) message: String,
}

/// `spec.template` of most kinds.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Templated<'a> {
    #[serde(borrow)]
    spec: Option<Fields<Template<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Template<'a> {
    #[serde(borrow)]
    template: Option<Fields<Pod<'a>>>,
}

/// `spec.jobTemplate` of a `CronJob`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct CronJob<'a> {
    #[serde(borrow)]
    spec: Option<Fields<JobTemplate<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct JobTemplate<'a> {
    #[serde(borrow)]
    job_template: Option<Fields<Templated<'a>>>,
}

const POD: Root = Root { metadata: "/metadata", spec: "/spec" };
const POD_TEMPLATE: Root = Root { metadata: "/template/metadata", spec: "/template/spec" };
const TEMPLATE: Root = Root { metadata: "/spec/template/metadata", spec: "/spec/template/spec" };
const JOB_TEMPLATE: Root = Root {
    metadata: "/spec/jobTemplate/spec/template/metadata",
    spec: "/spec/jobTemplate/spec/template/spec",
};

/// Reads what matters of an object.
pub(crate) fn read(json: &[u8]) -> Result<Workload<'_>, Unreadable> {
    let head: Head<'_> = fields(json)?;
    let group = head.api_version.split_once('/').map_or("", |(group, _)| group);
    let (pod, root) = match (group, &*head.kind) {
        ("", "Namespace") => return Ok(Workload::Namespace(head)),
        ("", "Pod") => (Some(fields(json)?), POD),
        ("", "PodTemplate") => (pod_of(fields::<Template<'_>>(json)?), POD_TEMPLATE),
        ("", "ReplicationController")
        | ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet")
        | ("batch", "Job") => (template_of(fields(json)?), TEMPLATE),
        ("batch", "CronJob") => {
            let jobs: CronJob<'_> = fields(json)?;
            let job = jobs.spec.and_then(|spec| spec.into_inner().job_template);
            (job.and_then(|job| template_of(job.into_inner())), JOB_TEMPLATE)
        }
        _ => return Ok(Workload::Other),
    };
    Ok(Workload::Pods { namespace: head.namespace(), pod: pod.unwrap_or_default(), root })
}

fn template_of(object: Templated<'_>) -> Option<Pod<'_>> {
    object.spec.and_then(|spec| pod_of(spec.into_inner()))
}

fn pod_of(object: Template<'_>) -> Option<Pod<'_>> {
    object.template.map(Fields::into_inner)
}

/// Reads an object, and once more where that fails, to say at which field:
/// keeping the path costs time.
fn fields<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, Unreadable> {
    if let Ok(read) = serde_json::from_slice::<Fields<T>>(json) {
        return Ok(read.into_inner());
    }
    let mut deserializer = Deserializer::from_slice(json);
    match serde_path_to_error::deserialize::<_, Fields<T>>(&mut deserializer) {
        Ok(read) => Ok(read.into_inner()),
        Err(error) => {
            let message = error.inner().to_string();
            // The text that crosses the boundary is not the one that a person wrote.
            let message = message.split(" at line ").next().unwrap_or_default();
            Err(Unreadable {
                pointer: pointer(error.path()),
                message: format!("can't be read: {}", clipped(message)),
            })
        }
    }
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&pointer_step(&index.to_string())),
            Segment::Map { key } => pointer.push_str(&pointer_step(key)),
            Segment::Enum { .. } | Segment::Unknown => break,
        }
    }
    pointer
}
