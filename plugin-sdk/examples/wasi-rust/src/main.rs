//! A renderer that is a plain program: every `*.env` file of the application's
//! folder becomes a ConfigMap with the name of the file.
//!
//! The setting `prefix` is put before each name.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

use serde_json::{Value, json};

fn main() -> ExitCode {
    match render() {
        Ok(objects) => {
            for object in objects {
                println!("{object}");
            }
            ExitCode::SUCCESS
        }
        Err(problem) => {
            // Each line becomes an error of its own.
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn render() -> Result<Vec<Value>, Box<dyn Error>> {
    let request: Value = serde_json::from_reader(io::stdin())?;
    let path = request["path"].as_str().ok_or("the request has no `path`")?;
    let prefix = match &request["config"]["prefix"] {
        Value::Null => "",
        Value::String(prefix) => prefix,
        _ => return Err("`prefix` must be text".into()),
    };
    let folder = Path::new("/").join(path);
    let mut objects = Vec::new();
    for file in env_files(&folder)? {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        objects.push(json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": format!("{prefix}{stem}")},
            "data": read(&file)?,
        }));
    }
    if objects.is_empty() {
        // What is said on the way is a warning.
        eprintln!("there is no *.env file in {}", folder.display());
    }
    Ok(objects)
}

/// In the order of their names, so that the same files give the same output.
fn env_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut files = entries.collect::<io::Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "env"));
    files.sort();
    Ok(files)
}

/// `KEY=value` in each line; a value may stand in quotes, and `#` begins a
/// line of comment.
fn read(file: &Path) -> Result<BTreeMap<String, String>, Box<dyn Error>> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut data = BTreeMap::new();
    let mut problems = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let place = format!("{}:{}", file.display(), index + 1);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            problems.push(format!("{place}: `{line}` has no `=`"));
            continue;
        };
        let (key, value) = (key.trim().to_owned(), unquoted(value.trim()).to_owned());
        if data.insert(key.clone(), value).is_some() {
            eprintln!("{place}: `{key}` is set again");
        }
    }
    if problems.is_empty() { Ok(data) } else { Err(problems.join("\n").into()) }
}

fn unquoted(value: &str) -> &str {
    let inner = |quote| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}
