//! A policy as authors write them with Kubewarden's own SDK: Pods take no
//! image from a registry that is not allowed, and their Namespace names who
//! answers for it.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Namespace;
use kubewarden_policy_sdk::host_capabilities::kubernetes::{GetResourceRequest, get_resource};
use kubewarden_policy_sdk::request::ValidationRequest;
use kubewarden_policy_sdk::settings::Validatable;
use kubewarden_policy_sdk::{accept_request, protocol_version_guest, reject_request, validate_settings};
use serde::{Deserialize, Serialize};
use wapc_guest::{CallResult, register_function};

#[derive(Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    registries: BTreeSet<String>,
    owner: Option<String>,
}

impl Validatable for Settings {
    fn validate(&self) -> Result<(), String> {
        if self.registries.is_empty() { Err("`registries` names none".to_owned()) } else { Ok(()) }
    }
}

#[unsafe(no_mangle)]
extern "C" fn wapc_init() {
    register_function("validate", validate);
    register_function("validate_settings", validate_settings::<Settings>);
    register_function("protocol_version", protocol_version_guest);
}

fn validate(payload: &[u8]) -> CallResult {
    let request = ValidationRequest::<Settings>::new(payload)?;
    let spec = request.extract_pod_spec_from_object()?.unwrap_or_default();
    for container in &spec.containers {
        let image = container.image.as_deref().unwrap_or_default();
        let registry = image.split_once('/').map_or("docker.io", |(registry, _)| registry);
        if !request.settings.registries.contains(registry) {
            let message = format!("`{image}` of `{}` comes from `{registry}`", container.name);
            return reject_request(Some(message), Some(403), None, Some(vec!["mirror it first".to_owned()]));
        }
    }
    let Some(owner) = &request.settings.owner else { return accept_request() };
    let namespace: Namespace = get_resource(&GetResourceRequest {
        api_version: "v1".to_owned(),
        kind: "Namespace".to_owned(),
        name: request.request.namespace.clone(),
        namespace: None,
        disable_cache: false,
        field_masks: None,
    })?;
    if namespace.metadata.labels.unwrap_or_default().contains_key(owner) {
        accept_request()
    } else {
        reject_request(Some(format!("the Namespace has no label `{owner}`")), None, None, None)
    }
}
