//! From what a plugin returned to what the agent works with.
//!
//! Takes the records of the contract; gives manifests, diagnostics, findings
//! and assessments. Bounds every text, every count and every depth, since all
//! of it is somebody else's.

use serde_json::Value;

use super::bindings::types;
use super::places::{Place, Places};
use super::{PluginError, RenderOutput};
use crate::diagnostic::{Diagnostic, Severity};
use crate::object::{InvalidObject, Manifest, ObjectKey, Origin};

/// Diagnostics of one call that are kept.
const MAX_DIAGNOSTICS: usize = 200;

/// The longest message or pointer, in bytes.
pub(crate) const MESSAGE_BYTES: usize = 4 << 10;

/// Values in all manifests of one call: each takes some forty bytes here,
/// however few it took there.
const MAX_VALUES: usize = 4_000_000;

/// One manifest as a plugin gave it.
pub(crate) struct Rendered {
    pub(crate) object: Value,
    pub(crate) place: Place,
}

/// Counts down over everything that one call returned.
pub(crate) struct JsonBudget {
    values_left: usize,
}

impl JsonBudget {
    pub(crate) fn new() -> Self {
        Self { values_left: MAX_VALUES }
    }

    /// Parses `json`; nesting deeper than 128 is an error, as is one value too
    /// many. `what` begins the message.
    ///
    /// # Errors
    /// [`PluginError::Contract`].
    pub(crate) fn parse<T: serde::de::DeserializeOwned>(
        &mut self,
        what: &str,
        json: &[u8],
    ) -> Result<T, PluginError> {
        let Some(left) = self.values_left.checked_sub(values(json)) else {
            return Err(PluginError::Contract(format!("{what} has more than {MAX_VALUES} values")));
        };
        self.values_left = left;
        serde_json::from_slice(json)
            .map_err(|error| PluginError::Contract(format!("{what} is not the JSON it has to be: {error}")))
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

/// The manifests and warnings of a successful render.
///
/// # Errors
/// [`PluginError::Refused`] where a manifest is no Kubernetes object: what the
/// user wrote there is at fault, not the plugin that passed it on.
pub(crate) fn output(
    rendered: Vec<Rendered>,
    diagnostics: Vec<Diagnostic>,
) -> Result<RenderOutput, PluginError> {
    let mut manifests = Vec::with_capacity(rendered.len());
    let mut invalid = Vec::new();
    for Rendered { object, place } in rendered {
        match Manifest::from_object(object, place.origin.clone()) {
            Ok(manifest) => manifests.push(manifest),
            Err(error) => invalid.push(not_an_object(&error, place)),
        }
    }
    if invalid.is_empty() {
        return Ok(RenderOutput { manifests, diagnostics });
    }
    invalid.truncate(MAX_DIAGNOSTICS);
    Err(PluginError::Refused(invalid))
}

fn not_an_object(error: &InvalidObject, place: Place) -> Diagnostic {
    Diagnostic {
        origin: place.origin,
        column: place.column,
        pointer: Some(error.pointer.to_owned()),
        ..Diagnostic::error(format!("this is not a Kubernetes object: {error}"))
    }
}

/// The manifests of the contract's `output`.
///
/// # Errors
/// [`PluginError::Contract`] where one is not JSON.
pub(crate) fn rendered(
    manifests: Vec<super::bindings::renderer::exports::windlass::plugin::rendering::Manifest>,
    places: &mut Places<'_>,
) -> Result<Vec<Rendered>, PluginError> {
    let mut budget = JsonBudget::new();
    let mut all = Vec::with_capacity(manifests.len());
    for (index, manifest) in manifests.into_iter().enumerate() {
        let object = budget.parse(&format!("manifest {index}"), &manifest.object)?;
        let place = places.span(manifest.path, manifest.span.map(|span| (span.start, span.end)));
        all.push(Rendered { object, place });
    }
    Ok(all)
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
    let place = places.span(one.path, one.span.map(|span| (span.start, span.end)));
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
        let error = JsonBudget::new().parse::<Value>("manifest 0", json.as_bytes()).unwrap_err();
        assert!(
            matches!(error, PluginError::Contract(message) if message.starts_with("manifest 0 has more than"))
        );
    }

    #[test]
    fn deep_json_is_refused() {
        let json = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        assert!(matches!(
            JsonBudget::new().parse::<Value>("manifest 0", json.as_bytes()),
            Err(PluginError::Contract(_))
        ));
    }

    #[test]
    fn a_manifest_without_a_kind_is_the_users_to_mend_at_its_line() {
        let place = Places::line(Some("a.yaml".to_owned()), Some(3));
        let rendered = vec![Rendered { object: serde_json::json!({"apiVersion": "v1"}), place }];
        let error = output(rendered, Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "a.yaml:3: this is not a Kubernetes object: `kind` is missing");
    }

    #[test]
    fn texts_are_bounded_and_hold_no_control_characters() {
        assert_eq!(bounded("a\u{1b}[2Jb".to_owned()), "a [2Jb");
        assert!(bounded("é".repeat(MESSAGE_BYTES)).len() <= MESSAGE_BYTES + '…'.len_utf8());
    }
}
