//! The guests that misbehave, as plugins in a folder of an agent.
//!
//! Takes the sources in `tests/guests` and the folder of the real plugins;
//! gives a folder with both. Builds with the compiler that the toolchain names,
//! and only what is not there yet.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use crate::agent::repository;

/// A renderer that does what the first word of its settings says.
pub const PROGRAM: &str = "program";
/// A policy that does what its settings say.
pub const JUDGE: &str = "judge";

/// A folder beside `plugins` that has all of it, and the guests.
///
/// # Errors
/// Where a guest does not build, or a file can't be written.
pub fn with_guests(plugins: &Path) -> anyhow::Result<PathBuf> {
    let folder = plugins.with_file_name("bundle-with-guests");
    let compiled = folder.join("compiled");
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    link_all(plugins, &folder)?;
    for (name, target) in [(PROGRAM, "wasm32-wasip2"), (JUDGE, "wasm32-unknown-unknown")] {
        let source = repository().join(format!("tests/guests/{name}.rs"));
        let text = fs::read(&source).with_context(|| format!("read {}", source.display()))?;
        let (wasm, stamp) = (folder.join(format!("{name}.wasm")), folder.join(format!("{name}.source")));
        let digest = hex::encode(Sha256::digest(&text));
        if fs::read_to_string(&stamp).is_ok_and(|built| built == digest) && wasm.exists() {
            continue;
        }
        let guest = if name == JUDGE { policy(rustc(&source, target)?)? } else { rustc(&source, target)? };
        let prepared = windlass::plugin::compile::prepare(&guest)?;
        windlass::plugin::compile::precompile_into(&compiled, &prepared)?;
        let written = wasm.with_extension(format!("{}.new", std::process::id()));
        fs::write(&written, prepared).and_then(|()| fs::rename(&written, &wasm)).context("write a guest")?;
        fs::write(&stamp, digest).context("write a guest's stamp")?;
    }
    Ok(folder)
}

/// Gives `to` every file of `from`.
fn link_all(from: &Path, to: &Path) -> anyhow::Result<()> {
    let permissions = fs::metadata(from).with_context(|| format!("read {}", from.display()))?.permissions();
    fs::create_dir_all(to).with_context(|| format!("create {}", to.display()))?;
    fs::set_permissions(to, permissions).with_context(|| format!("set the mode of {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("list {}", from.display()))? {
        let entry = entry.with_context(|| format!("list {}", from.display()))?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let (old, new) = (entry.path(), to.join(entry.file_name()));
        if old.is_dir() {
            link_all(&old, &new)?;
            continue;
        }
        let spare = new.with_extension(format!("{}.new", std::process::id()));
        fs::hard_link(&old, &spare)
            .and_then(|()| fs::rename(&spare, &new))
            // A rename of a link onto the same file leaves the link.
            .and_then(|()| if spare.exists() { fs::remove_file(&spare) } else { Ok(()) })
            .with_context(|| format!("link {}", old.display()))?;
    }
    Ok(())
}

fn rustc(source: &Path, target: &str) -> anyhow::Result<Vec<u8>> {
    let folder = tempfile::tempdir().context("make a folder for a guest")?;
    let output = folder.path().join("guest.wasm");
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.current_dir(repository()).args([
        "--edition=2024",
        "-Copt-level=1",
        "-Cstrip=debuginfo",
        "--target",
        target,
    ]);
    if target == "wasm32-unknown-unknown" {
        rustc.args(["--crate-type=cdylib", "-Cpanic=abort"]);
    }
    let status = rustc.arg("-o").arg(&output).arg(source).status().context("start rustc")?;
    anyhow::ensure!(status.success(), "{} does not build", source.display());
    fs::read(&output).context("read a guest")
}

/// Gives a core module the types of the world `policy`, and a manifest.
fn policy(mut module: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve.push_dir(repository().join("wit"))?;
    let world = resolve.select_world(&[package], Some("policy"))?;
    let encoding = wit_component::StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut module, &resolve, world, encoding)?;
    let manifest = serde_json::json!({
        "name": JUDGE,
        "version": "0.1.0",
        "world": "policy",
        "matches": ["*"],
        "reads": ["v1/Namespace"],
        "old": true,
        "resources": ["example.com/JudgePolicy"],
        "modules": ["judge"],
    });
    Ok(windlass::plugin::compile::append_manifest(&module, manifest.to_string().as_bytes()))
}
