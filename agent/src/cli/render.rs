//! `windlass render`: the manifests of a folder, as they would be applied.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::job::JobArguments;
use super::output::{Output, stdout};
use super::plugins::{self, PluginArguments};
use super::progress::Progress;
use super::remote::RepositoryArguments;
use super::{FAILED, REFUSED, yaml};
use crate::object::Manifest;
use crate::plugin::PluginError;
use crate::render::{RenderError, Rendered, render};
use crate::source::tree::TreeError;

/// How manifests are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A stream of documents.
    Yaml,
    /// One `List`; with `--provenance`, a report.
    Json,
}

/// Prints what a folder renders to, after the normalisation that comes before
/// applying: without status, and with a Secret's `stringData` in its `data`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The folder. All of the repository around it can be used, such as bases
    /// elsewhere; nothing outside of it can. Without it, the path that the
    /// Application of `--application` has in the repository around here, or in
    /// that of `--repository`.
    #[arg(required_unless_present = "application")]
    path: Option<PathBuf>,

    /// Render it as it is in this commit, such as `HEAD~1` or a branch, and
    /// not as it is in the working tree.
    #[arg(long, value_name = "REVISION")]
    revision: Option<String>,

    /// How to print.
    #[arg(long, short, value_enum, default_value_t = Format::Yaml)]
    output: Format,

    /// Say where each object is from, and which files it depends on.
    #[arg(long)]
    provenance: bool,

    #[command(flatten)]
    repository: RepositoryArguments,

    #[command(flatten)]
    job: JobArguments,

    #[command(flatten)]
    plugins: PluginArguments,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<u8> {
    let said = arguments.job.read()?;
    let path = arguments.repository.path(arguments.path.as_deref(), said.path())?;
    let folder = arguments.repository.open().folder(&path, arguments.revision.as_deref())?;
    let job = said.job(&folder);
    let plugins = plugins::load(&arguments.plugins)?;
    let progress = Progress::start(format!("rendering {}", path.display()));
    let outcome = render(&job, &folder.tree, folder.clock, &plugins);
    drop(progress);
    let rendered = match outcome {
        Ok(rendered) => rendered,
        Err(failure) => {
            output.diagnostics(&failure.error.diagnostics(), folder.tree.as_ref());
            return Ok(exit_code(&failure.error));
        }
    };
    output.diagnostics(rendered.warnings(), folder.tree.as_ref());
    let text = match (arguments.output, arguments.provenance) {
        (Format::Yaml, provenance) => as_yaml(&rendered, provenance),
        (Format::Json, false) => {
            let items: Vec<Value> =
                rendered.manifests().into_iter().map(|manifest| manifest.object).collect();
            as_json(&json!({"apiVersion": "v1", "kind": "List", "items": items}))?
        }
        (Format::Json, true) => as_json(&report(&rendered))?,
    };
    stdout().write_all(text.as_bytes())?;
    Ok(0)
}

/// Whether it is the manifests' fault.
pub(super) fn exit_code(error: &RenderError) -> u8 {
    match error {
        RenderError::Absent { .. }
        | RenderError::PathMissing { .. }
        | RenderError::NotAFolder { .. }
        | RenderError::NothingDetected { .. }
        | RenderError::Ambiguous { .. }
        | RenderError::Tree(TreeError::Unreadable { .. }) => FAILED,
        RenderError::Plugin { error, .. } => match error {
            PluginError::Refused(_) => REFUSED,
            _ => FAILED,
        },
        _ => REFUSED,
    }
}

fn as_yaml(rendered: &Rendered, provenance: bool) -> String {
    let mut text = String::new();
    if provenance {
        let _ = writeln!(text, "# renderer: {} {}", rendered.renderer().name, rendered.renderer().digest);
        for post in rendered.post_renderers() {
            let _ = writeln!(text, "# post-renderer: {} {}", post.name, post.digest);
        }
        let _ = writeln!(text, "# digest: {}", rendered.digest());
        for (path, id) in rendered.inputs().files() {
            let _ = writeln!(text, "# input: {id} {}", crate::diagnostic::escape(path));
        }
    }
    for manifest in rendered.manifests() {
        text.push_str("---\n");
        if let Some(origin) = manifest.origin.as_ref().filter(|_| provenance) {
            let _ = writeln!(text, "# from: {}", crate::diagnostic::escape(&origin.to_string()));
        }
        for place in manifest.changed_by.iter().filter(|_| provenance) {
            let _ = writeln!(text, "# changed by: {}", crate::diagnostic::escape(&place.to_string()));
        }
        text.push_str(&yaml::document(&manifest.object));
    }
    text
}

pub(super) fn as_json(value: &impl serde::Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

fn report(rendered: &Rendered) -> Value {
    let inputs: serde_json::Map<String, Value> = rendered
        .inputs()
        .files()
        .map(|(path, id)| (path.to_owned(), Value::String(id.to_string())))
        .collect();
    let manifests: Vec<Value> = rendered
        .manifests()
        .iter()
        .map(|manifest| {
            let Manifest { origin, changed_by, object, .. } = manifest;
            json!({"origin": origin, "changedBy": changed_by, "object": object})
        })
        .collect();
    json!({
        "renderer": rendered.renderer(),
        "postRenderers": rendered.post_renderers(),
        "digest": rendered.digest(),
        "inputs": inputs,
        "warnings": rendered.warnings(),
        "manifests": manifests,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::render::testing::{FakeRenderers, job, plain};
    use crate::source::memory_tree::MemoryTree;
    use crate::source::tree::Tree;

    fn rendered() -> Rendered {
        let object =
            r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "yes"}, "status": {}}"#;
        let tree: Arc<dyn Tree> = Arc::new(MemoryTree::new().file("web/a.json", object));
        render(&job("web"), &tree, 0, &FakeRenderers::one(plain())).unwrap()
    }

    #[test]
    fn provenance_is_told_in_comments() {
        let rendered = rendered();
        let id = rendered.inputs().files().next().unwrap().1;
        assert_eq!(
            as_yaml(&rendered, true),
            format!(
                "\
# renderer: yaml 000000000000000000000000000000000000000000000000000000000000yaml
# digest: {}
# input: {id} web/a.json
---
# from: web/a.json:1
apiVersion: v1
kind: ConfigMap
metadata:
  name: \"yes\"
",
                rendered.digest()
            )
        );
        assert!(as_yaml(&rendered, false).starts_with("---\napiVersion: v1\n"));
    }

    #[test]
    fn the_report_holds_the_origin_of_each_object() {
        let report = report(&rendered());
        assert_eq!(report["manifests"][0]["origin"], json!({"path": "web/a.json", "line": 1}));
        assert_eq!(report["manifests"][0]["object"]["metadata"]["name"], "yes");
        assert!(report["inputs"]["web/a.json"].is_string());
    }

    #[test]
    fn the_exit_code_tells_whose_fault_it_was() {
        let refused = RenderError::TooManyObjects { folder: "a".to_owned(), limit: 1 };
        let missing = RenderError::PathMissing { path: "a".to_owned() };
        assert_eq!((exit_code(&refused), exit_code(&missing)), (REFUSED, FAILED));
    }
}
