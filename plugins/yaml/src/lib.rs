#![doc = include_str!("../README.md")]

mod document;
mod field_path;
mod files;
mod glob;
mod json;
mod scalar;
mod set;
mod values;
mod yaml;

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};
use windlass_plugin_sdk::diagnostic::{Diagnostic, Diagnostics};
use windlass_plugin_sdk::render::{Output, Renderer, Request};

use document::{Document, Problem};
use files::Selection;

/// The largest file that is read. An object in the cluster has at most 1.5 MiB.
const MAX_FILE_BYTES: usize = 16 << 20;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Yaml {
    #[serde(flatten)]
    selection: Selection,
    /// Given by the Application, for keys that the folder declares.
    values: Map<String, Value>,
}

impl Renderer for Yaml {
    fn render(&self, request: &Request) -> Result<Output, Diagnostics> {
        let mut set = set::Set::default();
        let mut values = values::Values::default();
        let mut problems = Diagnostics::new();
        for file in files::find(request, &self.selection)? {
            let path = request.display_path(&file);
            match read(&file) {
                Ok(documents) => {
                    for document in documents {
                        match values.take(&path, document) {
                            Ok(Some(document)) => problems.extend(set.add(&path, document)),
                            Ok(None) => {}
                            Err(problem) => problems.push(problem),
                        }
                    }
                }
                Err(problem) => problems.push(problem.in_file(&path)),
            }
        }
        let mut manifests = set.into_manifests();
        if problems.is_empty() {
            problems.extend(values.apply(&self.values, request.path(), &mut manifests));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut output = Output { manifests, warnings: Diagnostics::new() };
        if output.manifests.is_empty() {
            output.warnings.push(
                Diagnostic::warning("no manifest was found in *.yaml, *.yml and *.json")
                    .in_file(request.path()),
            );
        }
        Ok(output)
    }
}

fn read(file: &Path) -> Result<Vec<Document>, Problem> {
    let bytes = fs::read(file).map_err(|error| Problem::whole_file(format!("can't be read: {error}")))?;
    if bytes.len() > MAX_FILE_BYTES {
        return Err(Problem::whole_file(format!(
            "has {} bytes, more than the {MAX_FILE_BYTES} of one file that this renderer reads",
            bytes.len()
        )));
    }
    let text = std::str::from_utf8(&bytes)
        .map_err(|error| Problem::at("is not UTF-8", error.valid_up_to()..error.valid_up_to() + 1))?;
    if file.extension().is_some_and(|extension| extension == "json") {
        json::documents(text)
    } else {
        yaml::documents(text)
    }
}

windlass_plugin_sdk::export_renderer!(Yaml, schema: include_str!("schema.json"), values: "values");

#[cfg(test)]
mod tests;
