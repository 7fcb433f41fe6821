//! One document of a file, and what can be wrong with it.

use std::ops::Range;

use serde_json::Value;
use windlass_plugin_sdk::diagnostic::Diagnostic;

/// How deep objects and lists may nest. What reads JSON later stops at 128.
pub(crate) const MAX_DEPTH: usize = 100;

/// What a document holds and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    pub(crate) content: Value,
    pub(crate) bytes: Range<usize>,
}

/// Why a file can't be read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    message: String,
    bytes: Option<Range<usize>>,
}

impl Problem {
    pub(crate) fn at(message: impl Into<String>, bytes: Range<usize>) -> Self {
        Self { message: message.into(), bytes: Some(bytes) }
    }

    pub(crate) fn whole_file(message: impl Into<String>) -> Self {
        Self { message: message.into(), bytes: None }
    }

    pub(crate) fn in_file(self, path: &str) -> Diagnostic {
        let diagnostic = Diagnostic::error(self.message).in_file(path);
        match self.bytes {
            Some(bytes) => diagnostic.at_bytes(bytes),
            None => diagnostic,
        }
    }
}
