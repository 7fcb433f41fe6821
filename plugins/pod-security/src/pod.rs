//! A pod as the standards see it: the fields that they judge, borrowed from the
//! JSON text. All others are skipped.

mod json;
mod volume;

use serde::Deserialize;

pub(crate) use json::{Fields, List, Tags, Text};
pub(crate) use volume::{HOST_PATH, UNKNOWN, Volume};

/// The metadata of an object, or of the template of pods.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Metadata<'a> {
    #[serde(borrow)]
    pub(crate) name: Text<'a>,
    #[serde(borrow)]
    pub(crate) namespace: Text<'a>,
    #[serde(borrow)]
    pub(crate) annotations: Tags<'a>,
    #[serde(borrow)]
    pub(crate) labels: Tags<'a>,
}

/// A pod, or the template of pods.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pod<'a> {
    #[serde(borrow)]
    pub(crate) metadata: Option<Fields<Metadata<'a>>>,
    #[serde(borrow)]
    pub(crate) spec: Option<Fields<PodSpec<'a>>>,
}

/// `spec` of a pod.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PodSpec<'a> {
    #[serde(borrow)]
    init_containers: List<Fields<Container<'a>>>,
    #[serde(borrow)]
    containers: List<Fields<Container<'a>>>,
    #[serde(borrow)]
    ephemeral_containers: List<Fields<Container<'a>>>,
    #[serde(borrow)]
    pub(crate) security_context: Option<Fields<SecurityContext<'a>>>,
    #[serde(borrow)]
    pub(crate) volumes: List<Volume<'a>>,
    pub(crate) host_network: Option<bool>,
    #[serde(rename = "hostPID")]
    pub(crate) host_pid: Option<bool>,
    #[serde(rename = "hostIPC")]
    pub(crate) host_ipc: Option<bool>,
    pub(crate) host_users: Option<bool>,
    #[serde(borrow)]
    pub(crate) os: Option<Fields<Named<'a>>>,
    #[serde(borrow)]
    pub(crate) runtime_class_name: Text<'a>,
}

impl<'a> PodSpec<'a> {
    /// All containers with the list that they stand in and their place there,
    /// in upstream's order.
    pub(crate) fn containers(&self) -> impl Iterator<Item = (&'static str, usize, &Container<'a>)> {
        let lists = [
            ("initContainers", &self.init_containers),
            ("containers", &self.containers),
            ("ephemeralContainers", &self.ephemeral_containers),
        ];
        lists.into_iter().flat_map(|(list, containers)| {
            containers.iter().enumerate().map(move |(index, container)| (list, index, &**container))
        })
    }

    pub(crate) fn is_windows(&self) -> bool {
        self.os.as_ref().is_some_and(|os| &*os.name == "windows")
    }

    /// Whether root in it is nobody outside.
    pub(crate) fn is_in_user_namespace(&self) -> bool {
        self.host_users == Some(false)
    }
}

/// A container of any of the three lists.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Container<'a> {
    #[serde(borrow)]
    pub(crate) name: Text<'a>,
    pub(crate) ports: List<Fields<Port>>,
    #[serde(borrow)]
    pub(crate) security_context: Option<Fields<SecurityContext<'a>>>,
    #[serde(borrow)]
    pub(crate) liveness_probe: Option<Fields<Handler<'a>>>,
    #[serde(borrow)]
    pub(crate) readiness_probe: Option<Fields<Handler<'a>>>,
    #[serde(borrow)]
    pub(crate) startup_probe: Option<Fields<Handler<'a>>>,
    #[serde(borrow)]
    pub(crate) lifecycle: Option<Fields<Lifecycle<'a>>>,
}

/// `securityContext` of a pod or of a container. Each of the two has some of the
/// fields only, and no standard looks for the others in it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SecurityContext<'a> {
    pub(crate) privileged: Option<bool>,
    pub(crate) allow_privilege_escalation: Option<bool>,
    pub(crate) run_as_non_root: Option<bool>,
    pub(crate) run_as_user: Option<i64>,
    #[serde(borrow)]
    pub(crate) proc_mount: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) capabilities: Option<Fields<Capabilities<'a>>>,
    #[serde(borrow)]
    pub(crate) seccomp_profile: Option<Fields<Profile<'a>>>,
    #[serde(borrow)]
    pub(crate) app_armor_profile: Option<Fields<Profile<'a>>>,
    #[serde(borrow)]
    pub(crate) se_linux_options: Option<Fields<SeLinuxOptions<'a>>>,
    pub(crate) windows_options: Option<Fields<WindowsOptions>>,
    #[serde(borrow)]
    pub(crate) sysctls: List<Fields<Named<'a>>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Capabilities<'a> {
    #[serde(borrow)]
    pub(crate) add: List<Text<'a>>,
    #[serde(borrow)]
    pub(crate) drop: List<Text<'a>>,
}

/// Of seccomp or of `AppArmor`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Profile<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Text<'a>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SeLinuxOptions<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Text<'a>,
    #[serde(borrow)]
    pub(crate) user: Text<'a>,
    #[serde(borrow)]
    pub(crate) role: Text<'a>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct WindowsOptions {
    pub(crate) host_process: Option<bool>,
}

/// What has a name that counts: a sysctl, an operating system.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Named<'a> {
    #[serde(borrow)]
    pub(crate) name: Text<'a>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Port {
    pub(crate) host_port: Option<i32>,
}

/// `lifecycle` of a container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Lifecycle<'a> {
    #[serde(borrow)]
    pub(crate) post_start: Option<Fields<Handler<'a>>>,
    #[serde(borrow)]
    pub(crate) pre_stop: Option<Fields<Handler<'a>>>,
}

/// A probe or a hook, which may ask a host.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Handler<'a> {
    #[serde(borrow)]
    pub(crate) http_get: Option<Fields<Target<'a>>>,
    #[serde(borrow)]
    pub(crate) tcp_socket: Option<Fields<Target<'a>>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Target<'a> {
    #[serde(borrow)]
    pub(crate) host: Text<'a>,
}
