//! Denies container images that are not pinned to a tag or a digest.
use serde::Deserialize;
use windlass_plugin_sdk::policy::{Findings, Object, Policy};

/// The policy, with its settings.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PinnedImages {
    /// Image prefixes that may float, for example `localhost:5000/`.
    exempt: Vec<String>,
}

impl Policy for PinnedImages {
    fn check(&self, object: &Object, findings: &mut Findings) {
        for container in object.containers() {
            let image = container.image();
            if !is_pinned(image) && !self.exempt.iter().any(|p| image.starts_with(p)) {
                findings.deny(container.at("image"), format!("image `{image}` is not pinned"));
            }
        }
    }
}

fn is_pinned(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    name.contains('@') || name.split_once(':').is_some_and(|(_, tag)| tag != "latest")
}

windlass_plugin_sdk::export_policy!(PinnedImages, matches: ["v1/Pod", "apps/*", "batch/*"]);

#[cfg(test)]
mod tests;
