//! From what a plugin returned to what the agent works with.
//!
//! Takes the records of the contract; gives manifests and diagnostics. Bounds
//! every text and every count, since all of it is somebody else's. Never looks
//! into a manifest: rendering does.

use super::PluginError;
use super::bindings::renderer::exports::windlass::plugin::rendering::Manifest;
use super::bindings::types;
use super::places::{Places, clean_path};
use crate::diagnostic::{Diagnostic, Severity};
use crate::object::{ObjectKey, Origin};
use crate::render::RawManifest;

/// Diagnostics of one call that are kept.
const MAX_DIAGNOSTICS: usize = 200;

/// The longest message or pointer, in bytes.
pub(crate) const MESSAGE_BYTES: usize = 4 << 10;

/// Values in all manifests of one call: each takes some forty bytes here,
/// however few it took there.
const MAX_VALUES: usize = 2_000_000;

/// Counts down over everything that one call returned.
pub(crate) struct JsonBudget {
    values_left: usize,
}

impl JsonBudget {
    pub(crate) fn new() -> Self {
        Self { values_left: MAX_VALUES }
    }

    /// Whether `json` can be made into values. `what` begins the message.
    ///
    /// # Errors
    /// [`PluginError::Contract`].
    pub(crate) fn charge(&mut self, what: &str, json: &[u8]) -> Result<(), PluginError> {
        let left = self.values_left.checked_sub(values(json));
        self.values_left = left.ok_or_else(|| {
            PluginError::Contract(format!("{what} brings the output to more than {MAX_VALUES} values"))
        })?;
        Ok(())
    }
}

/// How many values a JSON text has, at most.
fn values(json: &[u8]) -> usize {
    let (mut count, mut in_string, mut escaped) = (1, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b',' | b'[' | b'{' if !in_string => count += 1,
            _ => {}
        }
    }
    count
}

/// The manifests of the contract.
///
/// # Errors
/// [`PluginError::Contract`] where they have too many values.
pub(crate) fn manifests(all: Vec<Manifest>) -> Result<Vec<RawManifest>, PluginError> {
    let mut budget = JsonBudget::new();
    let mut raw = Vec::with_capacity(all.len());
    for (index, manifest) in all.into_iter().enumerate() {
        budget.charge(&format!("manifest {index}"), &manifest.object)?;
        raw.push(RawManifest {
            object: manifest.object.into(),
            path: manifest.path.as_deref().and_then(clean_path),
            span: manifest.span.map(|span| (span.start, span.end)),
            changed_by: Vec::new(),
        });
    }
    Ok(raw)
}

/// The diagnostics of the contract.
pub(crate) fn diagnostics(all: Vec<types::Diagnostic>, places: &mut Places<'_>) -> Vec<Diagnostic> {
    let more = all.len().saturating_sub(MAX_DIAGNOSTICS);
    let mut kept: Vec<_> = all.into_iter().take(MAX_DIAGNOSTICS).map(|one| diagnostic(one, places)).collect();
    if more > 0 {
        kept.push(Diagnostic { severity: Severity::Info, ..Diagnostic::error(format!("and {more} more")) });
    }
    kept
}

fn diagnostic(one: types::Diagnostic, places: &mut Places<'_>) -> Diagnostic {
    let span = one.span.map(|span| (span.start, span.end));
    // Without a file, the span is within the text that the pointer names.
    let within = span.filter(|_| one.path.is_none() && one.pointer.is_some());
    let place = places.span(one.path, span);
    Diagnostic {
        severity: match one.severity {
            types::Severity::Error => Severity::Error,
            types::Severity::Warning => Severity::Warning,
            types::Severity::Info => Severity::Info,
        },
        message: bounded(one.message),
        origin: place.origin,
        column: place.column,
        object: one.object.map(|object| ObjectKey {
            group: object
                .api_version
                .split_once('/')
                .map(|(group, _)| bounded(group.to_owned()))
                .unwrap_or_default(),
            kind: bounded(object.kind),
            namespace: object.namespace.map(bounded),
            name: bounded(object.name),
        }),
        pointer: one.pointer.map(bounded),
        span: within,
        hint: None,
    }
}

/// A refusal always says something.
pub(crate) fn refused(mut diagnostics: Vec<Diagnostic>) -> PluginError {
    if diagnostics.is_empty() {
        diagnostics.push(Diagnostic::error("the plugin refused its input without a reason"));
    }
    PluginError::Refused(diagnostics)
}

/// `text` without control characters (terminals and logs obey them), and at
/// most [`MESSAGE_BYTES`] long.
pub(crate) fn bounded(mut text: String) -> String {
    if text.len() > MESSAGE_BYTES {
        text.truncate(text.floor_char_boundary(MESSAGE_BYTES));
        text.push('…');
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        text = text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { ' ' } else { c }).collect();
    }
    text
}

/// A diagnostic that carries an origin which the plugin counted itself.
pub(crate) fn at(severity: Severity, message: String, origin: Option<Origin>) -> Diagnostic {
    Diagnostic { severity, origin, ..Diagnostic::error(bounded(message)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_strings_do_not_count() {
        assert_eq!(values(br#"{"a":"x,[{\",","b":[1,2]}"#), 5);
    }

    #[test]
    fn too_many_small_values_are_refused_before_they_are_made() {
        let json = format!("[{}0]", "0,".repeat(MAX_VALUES));
        let error = JsonBudget::new().charge("manifest 0", json.as_bytes()).unwrap_err();
        assert!(matches!(error, PluginError::Contract(message) if message.starts_with("manifest 0 brings")));
    }

    #[test]
    fn texts_are_bounded_and_hold_no_control_characters() {
        assert_eq!(bounded("a\u{1b}[2Jb".to_owned()), "a [2Jb");
        assert!(bounded("é".repeat(MESSAGE_BYTES)).len() <= MESSAGE_BYTES + '…'.len_utf8());
    }
}
