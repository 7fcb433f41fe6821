//! Paths and queries of the API. Pure.
//!
//! Names come from manifests, so none of them may change the shape of a path.

use std::fmt::Write as _;

use super::error::ClusterError;
use super::kind::Resource;

/// The path of a collection: `/apis/apps/v1/namespaces/default/deployments`.
pub(crate) fn collection(resource: &Resource, namespace: Option<&str>) -> Result<String, ClusterError> {
    let mut path = String::from(if resource.gvk.group.is_empty() { "/api" } else { "/apis" });
    if !resource.gvk.group.is_empty() {
        segment(&mut path, &resource.gvk.group)?;
    }
    segment(&mut path, &resource.gvk.version)?;
    if let Some(namespace) = namespace {
        path.push_str("/namespaces");
        segment(&mut path, namespace)?;
    }
    segment(&mut path, &resource.plural)?;
    Ok(path)
}

/// The path of an object, or of one of its subresources.
pub(crate) fn object(
    resource: &Resource,
    namespace: Option<&str>,
    name: &str,
    subresource: Option<&str>,
) -> Result<String, ClusterError> {
    let refuse = |message: &str| ClusterError::BadRequest {
        object: format!("{}/{}", resource.gvk.kind, super::error::clean(name)),
        message: message.to_owned(),
    };
    match (resource.namespaced, namespace) {
        (true, None) => return Err(refuse("its kind lives in a namespace, and none is given")),
        (false, Some(_)) => return Err(refuse("its kind is cluster-scoped: remove metadata.namespace")),
        _ => {}
    }
    let mut path = collection(resource, namespace)?;
    segment(&mut path, name)?;
    if let Some(subresource) = subresource {
        segment(&mut path, subresource)?;
    }
    Ok(path)
}

/// The path that lists the kinds of a group version.
pub(crate) fn discovery(group: &str, version: &str) -> Result<String, ClusterError> {
    let mut path = String::from(if group.is_empty() { "/api" } else { "/apis" });
    if !group.is_empty() {
        segment(&mut path, group)?;
    }
    segment(&mut path, version)?;
    Ok(path)
}

/// The path that tells the versions of a group other than the core group.
pub(crate) fn group(group: &str) -> Result<String, ClusterError> {
    let mut path = String::from("/apis");
    segment(&mut path, group)?;
    Ok(path)
}

/// The path with a query.
pub(crate) fn with_query(mut path: String, query: &[(&str, &str)]) -> String {
    for (at, (name, value)) in query.iter().enumerate() {
        path.push(if at == 0 { '?' } else { '&' });
        path.push_str(name);
        path.push('=');
        encode(&mut path, value);
    }
    path
}

fn segment(path: &mut String, text: &str) -> Result<(), ClusterError> {
    // The API server refuses these as names too.
    if text.is_empty() || text.len() > 253 || text == "." || text == ".." || text.contains(['/', '%']) {
        return Err(ClusterError::BadRequest {
            object: format!("`{}`", super::error::clean(text)),
            message: "is no name: empty, over 253 bytes, a dot name, or with a slash or percent sign"
                .to_owned(),
        });
    }
    path.push('/');
    encode(path, text);
    Ok(())
}

fn encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String can't fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_both_scopes_and_their_subresources_have_their_paths() {
        let deployment = Resource::known("apps", "v1", "Deployment", "deployments", true);
        assert_eq!(
            object(&deployment, Some("a"), "b", Some("status")).unwrap(),
            "/apis/apps/v1/namespaces/a/deployments/b/status"
        );
        let role = Resource::known("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", false);
        assert_eq!(
            object(&role, None, "system:node", None).unwrap(),
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode"
        );
        let pod = Resource::known("", "v1", "Pod", "pods", true);
        assert_eq!(collection(&pod, None).unwrap(), "/api/v1/pods");
    }

    #[test]
    fn a_name_can_not_leave_its_place_in_the_path() {
        let config_map = Resource::known("", "v1", "ConfigMap", "configmaps", true);
        for name in ["", ".", "..", "a/b", "../secrets/x", "%2e%2e"] {
            assert!(object(&config_map, Some("a"), name, None).is_err(), "{name}");
        }
        assert_eq!(
            object(&config_map, Some("a"), "b?force=true#x", None).unwrap(),
            "/api/v1/namespaces/a/configmaps/b%3Fforce%3Dtrue%23x"
        );
    }

    #[test]
    fn the_scope_must_fit_the_kind() {
        let config_map = Resource::known("", "v1", "ConfigMap", "configmaps", true);
        assert!(object(&config_map, None, "a", None).unwrap_err().to_string().contains("none is given"));
        let node = Resource::known("", "v1", "Node", "nodes", false);
        assert!(object(&node, Some("a"), "a", None).unwrap_err().to_string().contains("cluster-scoped"));
    }

    #[test]
    fn query_values_are_encoded() {
        let query = with_query("/api/v1/pods".to_owned(), &[("labelSelector", "a=b,c"), ("limit", "5")]);
        assert_eq!(query, "/api/v1/pods?labelSelector=a%3Db%2Cc&limit=5");
    }
}
