//! Keeps the wall clock out of Go's garbage collector.
//!
//! At the end of each cycle the collector notes the time, for statistics that nobody reads. In the sandbox that is
//! the time of the commit, and whoever asks for it gets a result that depends on it: a render that had to
//! collect garbage could never be remembered from one commit to the next. So Go plugins are built with a runtime in
//! which that one call gives nothing. Time that the plugin itself asks for comes from the host as ever.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::json;

use crate::command::run;

/// The file that has the collector's end of a cycle, below Go's root.
const FILE: &str = "src/runtime/mgc.go";
const ASKS: &str = "time_now()";
const ASKS_NOT: &str = "int64(0), int32(0), int64(0)";

/// Writes what `go build -overlay` wants into a folder, and gives its path.
///
/// # Errors
/// Where Go's sources have no such call, or several.
pub(crate) fn overlay(folder: &Path, hint: &str) -> anyhow::Result<PathBuf> {
    let mut go = Command::new("go");
    go.args(["env", "GOROOT"]).env("GOTOOLCHAIN", "local");
    let root = String::from_utf8(run(&mut go, hint)?).context("read Go's root")?;
    let original = Path::new(root.trim()).join(FILE);
    let source =
        std::fs::read_to_string(&original).with_context(|| format!("read {}", original.display()))?;
    let replaced = folder.join("mgc.go");
    write(&replaced, &without_clock(&source)?)?;
    let overlay = folder.join("overlay.json");
    let replace = json!({"Replace": {original.to_string_lossy(): replaced.to_string_lossy()}});
    write(&overlay, &replace.to_string())?;
    Ok(overlay)
}

fn without_clock(source: &str) -> anyhow::Result<String> {
    let calls = source.matches(ASKS).count();
    ensure!(
        calls == 1,
        "Go's {FILE} asks for the time {calls} times, where one was expected: build with the version of Go that the \
         plugin's go.mod names, or follow the change in plugins/bundle/src/collector.rs"
    );
    Ok(source.replace(ASKS, ASKS_NOT))
}

fn write(path: &Path, content: &str) -> anyhow::Result<()> {
    std::fs::write(path, content).with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_installed_go_has_the_one_call_and_nothing_else_is_changed() {
        let folder = tempfile::tempdir().unwrap();
        let overlay = overlay(folder.path(), "").unwrap();
        let overlay: serde_json::Value = serde_json::from_slice(&std::fs::read(overlay).unwrap()).unwrap();
        let (original, replaced) = overlay["Replace"].as_object().unwrap().iter().next().unwrap();
        let read = |path: &str| std::fs::read_to_string(path).unwrap();
        let replaced = read(replaced.as_str().unwrap());
        assert_eq!(replaced.matches(ASKS_NOT).count(), 1);
        assert_eq!(replaced.replace(ASKS_NOT, ASKS), read(original));
    }

    #[test]
    fn another_go_is_refused_with_what_to_do() {
        for source in ["", "sec, nsec, _ := time_now()\nagain := time_now()"] {
            assert!(without_clock(source).unwrap_err().to_string().contains("go.mod names"));
        }
    }
}
