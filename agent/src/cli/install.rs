//! What has to be applied to a cluster so that agents run in it.
//!
//! Takes the image and how much the agent may do; gives one YAML text. The
//! manifests are the files in `agent/deploy`, so that they can be read, and
//! applied without this program too. Never talks to a cluster.

use std::fmt;
use std::str::FromStr;

const NAMESPACE: &str = include_str!("../../deploy/namespace.yaml");
const CRDS: &str = include_str!("../../deploy/crds.yaml");
const RBAC: &str = include_str!("../../deploy/rbac.yaml");
const CLUSTER_ADMIN: &str = include_str!("../../deploy/cluster-admin.yaml");
const DAEMON_SET: &str = include_str!("../../deploy/daemonset.yaml");

/// The image that the `DaemonSet` of the file names.
const DEFAULT_IMAGE: &str = concat!("windlass:", env!("CARGO_PKG_VERSION"));

/// How it is installed.
#[derive(Clone, Debug, Default)]
pub(crate) struct InstallOptions {
    /// The agent's image.
    pub(crate) image: Image,
    /// Let the agent do everything. Without it, it may deploy only what an
    /// operator grants.
    pub(crate) cluster_admin: bool,
}

/// The name of an image, with a tag or digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image(String);

impl Default for Image {
    fn default() -> Self {
        Self(DEFAULT_IMAGE.to_owned())
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no name of an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of an image: write for example `registry.example/windlass:{}`", env!("CARGO_PKG_VERSION"))]
pub(crate) struct InvalidImage;

impl FromStr for Image {
    type Err = InvalidImage;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._/:@-".contains(&byte);
        // It becomes a plain scalar of YAML, which these bytes can't end.
        let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let good = begins && text.len() <= 512 && text.bytes().all(plain) && !text.ends_with(':');
        if good { Ok(Self(text.to_owned())) } else { Err(InvalidImage) }
    }
}

/// The manifests, in the order in which they have to be applied. The same
/// options give the same text.
pub(crate) fn manifests(options: &InstallOptions) -> String {
    let daemon_set = DAEMON_SET.replace(DEFAULT_IMAGE, &options.image.0);
    let mut parts = vec![CRDS, NAMESPACE, RBAC];
    if options.cluster_admin {
        parts.push(CLUSTER_ADMIN);
    }
    parts.push(&daemon_set);
    parts.join("---\n")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::object::Manifest;

    fn install(cluster_admin: bool, image: &str) -> Vec<Manifest> {
        let text = manifests(&InstallOptions { image: image.parse().unwrap(), cluster_admin });
        serde_saphyr::from_multiple::<Value>(&text)
            .unwrap()
            .into_iter()
            .map(|object| Manifest::from_object(object, None).unwrap())
            .collect()
    }

    fn agent(manifests: &[Manifest]) -> &Value {
        let daemon_set = manifests.iter().find(|manifest| manifest.key.kind == "DaemonSet").unwrap();
        &daemon_set.object["spec"]["template"]["spec"]
    }

    #[test]
    fn everything_is_there_once_and_what_others_need_comes_first() {
        let kinds: Vec<String> =
            install(false, "a:1").iter().map(|manifest| manifest.key.kind.clone()).collect();
        let first: Vec<usize> = ["CustomResourceDefinition", "Namespace", "ServiceAccount", "DaemonSet"]
            .iter()
            .map(|kind| kinds.iter().position(|found| found == kind).unwrap())
            .collect();
        assert!(first.is_sorted(), "{kinds:?}");
        assert_eq!(kinds.iter().filter(|kind| *kind == "CustomResourceDefinition").count(), 4);
    }

    #[test]
    fn the_image_is_the_one_that_was_asked_for_and_by_default_this_version() {
        let image = "registry.example:5000/a/windlass@sha256:00ff";
        assert_eq!(agent(&install(false, image))["containers"][0]["image"], image);
        assert_eq!(DAEMON_SET.matches(DEFAULT_IMAGE).count(), 1);
        assert!(manifests(&InstallOptions::default()).contains(&format!("image: {DEFAULT_IMAGE}\n")));
    }

    #[test]
    fn what_is_no_image_can_not_become_yaml() {
        for text in ["", "a:1\n  privileged: true", "a: 1", "a #b", "{}", "a:", "-a", "\"a\""] {
            assert_eq!(text.parse::<Image>(), Err(InvalidImage), "{text}");
        }
    }

    #[test]
    fn the_agent_has_no_rights_on_its_node() {
        let manifests = install(false, "a:1");
        let pod = agent(&manifests);
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(pod["securityContext"]["runAsUser"], 65532);
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        let container = &pod["containers"][0]["securityContext"];
        assert_eq!(container["readOnlyRootFilesystem"], true);
        assert_eq!(container["allowPrivilegeEscalation"], false);
        assert_eq!(container["capabilities"]["drop"][0], "ALL");
        assert!(pod["volumes"][0]["emptyDir"]["sizeLimit"].is_string());
    }

    #[test]
    fn the_agent_is_bound_to_nothing_that_lets_it_read_secrets_or_act_as_others() {
        let manifests = install(false, "a:1");
        let bound: Vec<&str> = manifests
            .iter()
            .filter(|manifest| manifest.key.kind.ends_with("RoleBinding"))
            .filter_map(|binding| binding.object["roleRef"]["name"].as_str())
            .collect();
        assert_eq!(
            bound,
            ["windlass-agent", "windlass-deployer", "windlass-cluster-values", "windlass-leases"]
        );
        for role in manifests.iter().filter(|manifest| bound.contains(&manifest.key.name.as_str())) {
            let text = role.object["rules"].to_string();
            assert!(
                !text.contains("secrets") && !text.contains("impersonate") && !text.contains('*'),
                "{text}"
            );
        }
    }

    #[test]
    fn cluster_admin_is_bound_only_when_it_is_asked_for() {
        let admin = |manifests: Vec<Manifest>| {
            manifests.iter().any(|manifest| manifest.object["roleRef"]["name"] == "cluster-admin")
        };
        assert!(!admin(install(false, "a:1")) && admin(install(true, "a:1")));
    }
}
