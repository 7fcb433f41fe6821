//! Custom sections of modules and components.

use anyhow::Context;
use wasm_encoder::{CustomSection, Section};
use wasmparser::{Parser, Payload};

use super::MANIFEST_SECTION;

/// Adds a custom section at the end of a module or component.
pub(super) fn append_custom(wasm: &[u8], name: &str, data: &[u8]) -> Vec<u8> {
    let mut extended = wasm.to_vec();
    CustomSection { name: name.into(), data: data.into() }.append_to(&mut extended);
    extended
}

/// Gives `component` a manifest section at its top level: the one that it has,
/// or a copy of the first that stands anywhere in `source`.
pub(super) fn lift_manifest(component: &[u8], source: &[u8]) -> anyhow::Result<Vec<u8>> {
    if let Some((true, _)) = manifest(component)? {
        return Ok(component.to_vec());
    }
    Ok(match manifest(source)? {
        Some((_, json)) => append_custom(component, MANIFEST_SECTION, &json),
        None => component.to_vec(),
    })
}

/// The manifest section at the top level, or else the first inside; and
/// whether it is at the top.
fn manifest(wasm: &[u8]) -> anyhow::Result<Option<(bool, Vec<u8>)>> {
    let mut depth = 0_usize;
    let mut nested = None;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.context("read the plugin's sections")? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if section.name() == MANIFEST_SECTION => {
                if depth == 0 {
                    return Ok(Some((true, section.data().to_vec())));
                }
                nested.get_or_insert_with(|| (false, section.data().to_vec()));
            }
            _ => {}
        }
    }
    Ok(nested)
}
