//! `status.conditions`, as most kinds write them.

use serde_json::Value;
use windlass_plugin_sdk::health::Object;

/// How much of a controller's own message is repeated, in characters.
const MAX_MESSAGE_CHARS: usize = 500;

/// One condition of an object.
#[derive(Clone, Copy)]
pub(crate) struct Condition<'a>(&'a Value);

/// The condition of a type, where there is one.
pub(crate) fn find<'a>(live: &'a Object, name: &str) -> Option<Condition<'a>> {
    live.list("/status/conditions").iter().find(|condition| condition["type"] == name).map(Condition)
}

impl Condition<'_> {
    pub(crate) fn is_true(self) -> bool {
        self.0["status"] == "True"
    }

    pub(crate) fn is_false(self) -> bool {
        self.0["status"] == "False"
    }

    pub(crate) fn reason(&self) -> &str {
        self.0["reason"].as_str().unwrap_or_default()
    }

    /// The generation that it was written for, where it says so.
    pub(crate) fn observed_generation(self) -> Option<i64> {
        self.0["observedGeneration"].as_i64()
    }

    /// Type, status, reason and message in the controller's own words:
    /// `Ready is False: ImagePull: no such image`.
    pub(crate) fn says(self) -> String {
        let text = |field: &str| self.0[field].as_str().unwrap_or_default().to_owned();
        let mut said = format!("{} is {}", text("type"), text("status"));
        let message: String = text("message").chars().take(MAX_MESSAGE_CHARS).collect();
        for part in [text("reason"), message] {
            if !part.trim().is_empty() {
                said.push_str(": ");
                said.push_str(part.trim());
            }
        }
        said
    }
}
