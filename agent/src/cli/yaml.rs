//! Writes objects as YAML that every reader understands alike: what could be a
//! number, a truth value, a time or nothing under any version of YAML is
//! quoted where it is a text.

use serde_json::Value;

/// One document, ended by a newline.
pub(super) fn document(object: &Value) -> anyhow::Result<String> {
    let options = serde_saphyr::ser_options! {
        indent_step: 2,
        compact_list_indent: true,
        // Folding would be another way to lose a space.
        folded_wrap_chars: usize::MAX,
        yaml_12: false,
    };
    let mut text = serde_saphyr::to_string_with_options(object, options)?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
