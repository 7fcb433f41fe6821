//! The invariants of absence that the architecture page states, held to the
//! source text.

use std::path::{Path, PathBuf};

fn agent_sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The longest file, tests aside, that needs no argument.
const FILE_LINES: usize = 600;

fn sources() -> std::io::Result<Vec<(PathBuf, String)>> {
    let root = agent_sources();
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path)?;
                let path = path.strip_prefix(&root).unwrap_or(&path);
                files.push((path.to_path_buf(), text));
            }
        }
    }
    assert!(files.len() > 50, "the sources were not found");
    Ok(files)
}

/// Files outside of `allowed` whose code names the crate.
fn users_of(name: &str, allowed: &[&str]) -> std::io::Result<Vec<String>> {
    let (path, word) = (format!("{name}::"), format!("use {name}"));
    let names = |line: &str| {
        let code = line.split("//").next().unwrap_or_default();
        code.trim_start().starts_with(&word)
            || code.match_indices(&path).any(|(at, _)| {
                !code[..at]
                    .ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == ':')
            })
    };
    let is_allowed = |file: &Path| allowed.iter().any(|prefix| file.starts_with(prefix));
    let users = sources()?
        .into_iter()
        .filter(|(file, text)| !is_allowed(file) && text.lines().any(names))
        .map(|(file, _)| file.display().to_string());
    Ok(users.collect())
}

#[test]
fn only_the_cluster_module_names_kubes_client() {
    // The custom resources are made by kube's derive, which is no client.
    assert_eq!(users_of("kube", &["cluster", "cluster.rs", "api", "api.rs"]).unwrap(), Vec::<String>::new());
}

#[test]
fn only_the_source_module_names_gix() {
    assert_eq!(users_of("gix", &["source", "source.rs"]).unwrap(), Vec::<String>::new());
}

#[test]
fn only_the_plugin_module_names_wasmtime() {
    assert_eq!(users_of("wasmtime", &["plugin", "plugin.rs"]).unwrap(), Vec::<String>::new());
}

#[test]
fn only_the_plugin_compiler_is_ever_started_as_a_process() {
    let starts = users_of("process::Command", &["plugin/child.rs"]).unwrap();
    let starts: Vec<_> = starts.into_iter().filter(|file| !file.contains("tests")).collect();
    assert_eq!(starts, Vec::<String>::new());
}

#[test]
fn decisions_read_no_clock() {
    for (file, text) in sources().unwrap() {
        let decides = ["controller/state.rs", "controller/status.rs", "plan.rs", "observe/index.rs"]
            .iter()
            .any(|name| file == Path::new(name))
            || file.starts_with("plan")
            || file.starts_with("controller/state");
        let clock = ["Instant::now()", "SystemTime::now()", "Timestamp::now()", ".elapsed()"];
        let reads = clock.iter().any(|clock| text.contains(clock));
        assert!(!(decides && reads && !file.ends_with("tests.rs")), "{} reads a clock", file.display());
    }
}

#[test]
fn no_file_is_longer_than_one_idea() {
    for (file, text) in sources().unwrap() {
        let tests = file.ends_with("tests.rs") || file.components().any(|part| part.as_os_str() == "tests");
        let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
        assert!(tests || lines <= FILE_LINES, "{} has {lines} lines", file.display());
    }
}
