//! What a plugin's file says of itself, read before anything of it is compiled.
//!
//! Takes the bytes of a `.wasm` file; gives its digest and its
//! [`PluginManifest`]. Refuses what no plugin should be: too many modules, too
//! many functions, two different manifests.

use std::fmt;

use sha2::{Digest as _, Sha256};
use wasmparser::{Encoding, ImportSectionReader, Parser, Payload};

use super::kubewarden::{METADATA_SECTION, Metadata};
use super::{PluginError, PluginManifest, wapc};

/// The custom section that holds the manifest.
pub(crate) const MANIFEST_SECTION: &str = "windlass:manifest";

/// Core modules in one component.
const MAX_MODULES: usize = 64;

/// Functions in all modules together.
const MAX_FUNCTIONS: u64 = 300_000;

/// Bytes of the manifest.
const MAX_MANIFEST_BYTES: usize = 256 << 10;

/// SHA-256 of a plugin's file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A plugin's file, looked into.
#[derive(Debug)]
pub(crate) struct Artifact {
    pub(crate) digest: Digest,
    /// Absent in a plain WASI program.
    pub(crate) manifest: Option<PluginManifest>,
    /// What a Kubewarden policy says of itself.
    pub(crate) kubewarden: Option<Metadata>,
}

impl Artifact {
    /// # Errors
    /// [`PluginError::Load`], saying what is wrong with the file.
    pub(crate) fn inspect(bytes: &[u8]) -> Result<Self, PluginError> {
        let (mut manifest, mut metadata, mut speaks_wapc) = (None, None, false);
        let (mut modules, mut functions) = (0usize, 0u64);
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(|error| load(format!("not a WebAssembly file: {error}")))?;
            match payload {
                Payload::Version { encoding: Encoding::Module, .. } => {
                    modules += 1;
                    if modules > MAX_MODULES {
                        return Err(load(format!("it has more than {MAX_MODULES} core modules")));
                    }
                }
                Payload::FunctionSection(section) => {
                    functions += u64::from(section.count());
                    if functions > MAX_FUNCTIONS {
                        return Err(load(format!("it has more than {MAX_FUNCTIONS} functions")));
                    }
                }
                Payload::CustomSection(section) if section.name() == MANIFEST_SECTION => {
                    // A component may carry the manifest of the module in it once more.
                    if manifest.is_some_and(|first| first != section.data()) {
                        return Err(load(format!("it has `{MANIFEST_SECTION}` sections that differ")));
                    }
                    manifest = Some(section.data());
                }
                Payload::CustomSection(section) if section.name() == METADATA_SECTION => {
                    if metadata.is_some_and(|first| first != section.data()) {
                        return Err(load(format!("it has `{METADATA_SECTION}` sections that differ")));
                    }
                    metadata = Some(section.data());
                }
                Payload::ImportSection(section) => {
                    speaks_wapc |= imports_of_wapc(section)?;
                }
                _ => {}
            }
        }
        let kubewarden = metadata.map(Metadata::parse).transpose()?;
        match (&kubewarden, speaks_wapc) {
            (Some(_), false) => {
                return Err(load(format!(
                    "it has a `{METADATA_SECTION}` section, and imports nothing from `{}`",
                    wapc::MODULE
                )));
            }
            (None, true) => {
                return Err(load(format!(
                    "it speaks waPC and has no `{METADATA_SECTION}` section: write one with `kwctl annotate`"
                )));
            }
            (Some(_), true) if manifest.is_some() => {
                return Err(load(format!(
                    "it has both a `{METADATA_SECTION}` and a `{MANIFEST_SECTION}` section"
                )));
            }
            _ => {}
        }
        let manifest = manifest.map(parse_manifest).transpose()?;
        Ok(Self { digest: Digest::of(bytes), manifest, kubewarden })
    }
}

fn imports_of_wapc(section: ImportSectionReader<'_>) -> Result<bool, PluginError> {
    for import in section.into_imports() {
        let import = import.map_err(|error| load(format!("not a WebAssembly file: {error}")))?;
        if import.module == wapc::MODULE {
            return Ok(true);
        }
    }
    Ok(false)
}

fn parse_manifest(json: &[u8]) -> Result<PluginManifest, PluginError> {
    if json.len() > MAX_MANIFEST_BYTES {
        return Err(load(format!(
            "its `{MANIFEST_SECTION}` section is larger than {MAX_MANIFEST_BYTES} bytes"
        )));
    }
    let manifest: PluginManifest = serde_json::from_slice(json).map_err(|error| {
        load(format!("its `{MANIFEST_SECTION}` section does not follow the contract: {error}"))
    })?;
    if !is_plugin_name(&manifest.name) {
        return Err(load(format!(
            "its name `{}` is not made of lower case letters, digits and `-`, at most 63",
            manifest.name.escape_debug()
        )));
    }
    Ok(manifest)
}

/// Lower case letters, digits and `-`, beginning and ending without `-`.
fn is_plugin_name(name: &str) -> bool {
    is_file_name(name) && !name.contains('.')
}

/// What a plugin can be called by its file's name: as above, and with `.`
/// inside, for a version.
pub(crate) fn is_file_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'-' | b'.'))
        && !name.starts_with(['-', '.'])
        && !name.ends_with(['-', '.'])
}

fn load(problem: String) -> PluginError {
    PluginError::Load(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A core module with nothing but these custom sections.
    fn module(sections: &[&str]) -> Vec<u8> {
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        for content in sections {
            let mut body = vec![u8::try_from(MANIFEST_SECTION.len()).unwrap()];
            body.extend_from_slice(MANIFEST_SECTION.as_bytes());
            body.extend_from_slice(content.as_bytes());
            module.push(0);
            module.push(u8::try_from(body.len() & 0x7f).unwrap() | 0x80);
            module.push(u8::try_from(body.len() >> 7).unwrap());
            module.extend_from_slice(&body);
        }
        module
    }

    #[test]
    fn a_manifest_is_read_from_its_section() {
        let bytes =
            module(&[r#"{"name":"pinned-images","version":"0.1.0","world":"policy","matches":["v1/Pod"]}"#]);
        let manifest = Artifact::inspect(&bytes).unwrap().manifest.unwrap();
        assert_eq!((manifest.name.as_str(), manifest.matches), ("pinned-images", vec!["v1/Pod".to_owned()]));
    }

    #[test]
    fn two_manifests_are_refused_unless_they_say_the_same() {
        let one = r#"{"name":"a","version":"1.0.0","world":"policy"}"#;
        assert!(Artifact::inspect(&module(&[one, one])).is_ok());
        let error = Artifact::inspect(&module(&[one, "{}"])).unwrap_err();
        assert!(error.to_string().contains("`windlass:manifest` sections that differ"), "{error}");
    }

    #[test]
    fn a_field_that_the_contract_does_not_know_is_named() {
        let error =
            Artifact::inspect(&module(&[r#"{"name":"a","version":"1","world":"policy","match":[]}"#]));
        assert!(error.unwrap_err().to_string().contains("unknown field `match`"));
    }

    #[test]
    fn a_name_that_could_be_a_path_is_refused() {
        let error = Artifact::inspect(&module(&[r#"{"name":"../a","version":"1","world":"policy"}"#]));
        assert!(error.unwrap_err().to_string().contains("`../a`"));
    }

    #[test]
    fn a_truncated_file_is_refused() {
        assert!(Artifact::inspect(&module(&["{}"])[..12]).is_err());
        assert!(Artifact::inspect(b"#!/bin/sh").is_err());
    }
}
