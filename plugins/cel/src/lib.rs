#![doc = include_str!("../README.md")]

mod names;
mod rule;
mod value;

use serde_json::Value;
use windlass_plugin_sdk::config::Configure;
use windlass_plugin_sdk::diagnostic::Diagnostics;
use windlass_plugin_sdk::policy::{Findings, Object, Policy};

/// The compiled rules.
struct Cel {
    rules: Vec<rule::Rule>,
}

impl Configure for Cel {
    fn configure(settings: Value) -> Result<Self, Diagnostics> {
        Ok(Self { rules: rule::compile_all(settings)? })
    }
}

impl Policy for Cel {
    fn check(&self, object: &Object, findings: &mut Findings) {
        let mut applicable = self.rules.iter().filter(|rule| rule.applies_to(object)).peekable();
        if applicable.peek().is_none() {
            return;
        }
        let content = value::from_json(object.value());
        for rule in applicable {
            if let Err(message) = rule.judge(object, &content) {
                findings.deny_by(rule.name(), rule.pointer(), message);
            }
        }
    }
}

windlass_plugin_sdk::export_policy!(Cel, matches: ["*"], schema: include_str!("schema.json"));

#[cfg(test)]
mod tests;
