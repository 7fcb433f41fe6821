#![doc = include_str!("../README.md")]

mod builtins;
mod engine;
mod gatekeeper;
mod packages;
mod review;
mod said;
mod settings;

use serde_json::Value;
use windlass_plugin_sdk::config::Configure;
use windlass_plugin_sdk::diagnostic::{Diagnostic, Diagnostics};
use windlass_plugin_sdk::policy::{BatchFindings, BatchPolicy, Cluster, Subject};

use gatekeeper::Gatekeeper;
use packages::Packages;
use review::Reviewed;

/// The compiled policies.
pub struct Rego {
    gatekeeper: Gatekeeper,
    packages: Packages,
}

impl Configure for Rego {
    fn configure(settings: Value) -> Result<Self, Diagnostics> {
        let settings = settings::read(settings)?;
        let mut problems = Diagnostics::new();
        let gatekeeper = Gatekeeper::compile(&settings).map_err(|found| problems.extend(found)).ok();
        let packages = Packages::compile(&settings).map_err(|found| problems.extend(found)).ok();
        match (gatekeeper, packages) {
            (Some(gatekeeper), Some(packages)) if problems.is_empty() => {
                if gatekeeper.is_empty() && packages.is_empty() {
                    return Err(Diagnostics::error("there are no policies, so everything would be admitted"));
                }
                Ok(Self { gatekeeper, packages })
            }
            _ => Err(problems),
        }
    }
}

impl BatchPolicy for Rego {
    fn check_batch(&self, subjects: &[Subject], cluster: &Cluster, findings: &mut BatchFindings) {
        let batch = self.gatekeeper.batch(cluster);
        for (index, subject) in subjects.iter().enumerate() {
            let findings = findings.on(index);
            match Reviewed::read(subject) {
                Ok(reviewed) => {
                    batch.judge(&reviewed, findings);
                    self.packages.judge(&reviewed, findings);
                }
                Err(message) => findings.deny("", message),
            }
        }
    }
}

/// An error at a place in the settings.
fn refused(pointer: impl Into<String>, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(message).at_pointer(pointer)
}

windlass_plugin_sdk::export_policy!(
    Rego,
    matches: ["*"],
    reads: ["*"],
    old: true,
    resources: ["templates.gatekeeper.sh/ConstraintTemplate", "constraints.gatekeeper.sh/*"],
    modules: ["rego"],
    schema: include_str!("schema.json"),
);

#[cfg(test)]
mod tests;
