//! `ConstraintTemplate`: a program, and the schema of its parameters.

use serde_json::Value;
use windlass_plugin_sdk::diagnostic::{Diagnostic, Diagnostics};

use super::inventory::Needs;
use super::schema::Schema;
use crate::engine::{Program, Reach, Text, Version};
use crate::refused;

/// The target of Gatekeeper's own templates.
const TARGET: &str = "admission.k8s.gatekeeper.sh";
/// The engine whose code is Rego.
const ENGINE: &str = "Rego";
/// The engine whose code is CEL.
const CEL: &str = "K8sNativeValidation";
/// How many library modules a template may have.
const MAX_LIBS: usize = 50;

/// A template, compiled.
pub(super) struct Template {
    pub(super) kind: String,
    pub(super) pointer: String,
    pub(super) program: Program,
    /// The path of its rule `violation`.
    pub(super) entry: String,
    pub(super) schema: Schema,
    /// What it reads of `data.inventory`, if anything.
    pub(super) needs: Option<Needs>,
    /// Whether it reads the namespace of what it reviews.
    pub(super) reads_namespace: bool,
}

/// The kind of a template's constraints.
pub(super) fn kind_of(resource: &Value) -> &str {
    resource["spec"]["crd"]["spec"]["names"]["kind"].as_str().unwrap_or_default()
}

impl Template {
    /// Reads and compiles a template.
    pub(super) fn compile(resource: &Value, pointer: &str) -> Result<Self, Diagnostics> {
        let kind = kind_of(resource).to_owned();
        let mut problems = Diagnostics::new();
        let name = resource["metadata"]["name"].as_str().unwrap_or_default();
        if kind.is_empty() {
            problems.push(refused(pointer, "the template names no kind in spec.crd.spec.names.kind"));
        } else if name != kind.to_lowercase() {
            let message = format!("a template for `{kind}` is called `{}`", kind.to_lowercase());
            problems.push(refused(format!("{pointer}/metadata/name"), message));
        }
        let schema = read_schema(resource, pointer).map_err(|found| problems.extend(found)).ok();
        let source = source_of(resource, pointer).map_err(|problem| problems.push(problem)).ok();
        let program = source.and_then(|source| {
            let texts = source.texts(&kind);
            let reads_namespace =
                texts.iter().any(|text| text.mentions("namespaceObject") || text.mentions("_unstable"));
            let main = format!("{}/rego", source.pointer);
            let program =
                Program::compile(texts, Reach::Template, None).map_err(|found| problems.extend(found));
            Some((program.ok()?, main, reads_namespace))
        });
        let (Some(schema), Some((program, main, reads_namespace)), true) =
            (schema, program, problems.is_empty())
        else {
            return Err(problems);
        };
        let entry = program.rules().packages().find(|package| is_entry(&program, package));
        let Some(entry) = entry.map(|package| format!("{package}.violation")) else {
            return Err(refused(main, format!("the template `{kind}` has no rule `violation`")).into());
        };
        let annotation =
            resource["metadata"]["annotations"]["metadata.gatekeeper.sh/requires-sync-data"].as_str();
        let needs = Needs::of(program.rules().inventory(), annotation);
        Ok(Self { kind, pointer: pointer.to_owned(), program, entry, schema, needs, reads_namespace })
    }
}

fn is_entry(program: &Program, package: &str) -> bool {
    !package.starts_with("data.lib.") && program.rules().of_package(package).any(|rule| rule == "violation")
}

fn read_schema(resource: &Value, pointer: &str) -> Result<Schema, Diagnostics> {
    let validation = &resource["spec"]["crd"]["spec"]["validation"];
    let is_v1 = resource["apiVersion"] == "templates.gatekeeper.sh/v1";
    // Before v1, schemas without types were allowed unless the template says otherwise.
    let legacy = validation["legacySchema"].as_bool().unwrap_or(!is_v1);
    let pointer = format!("{pointer}/spec/crd/spec/validation/openAPIV3Schema");
    Schema::read(&validation["openAPIV3Schema"], &pointer, legacy)
}

/// The Rego of a template, and where it stands.
struct Source<'a> {
    rego: &'a str,
    libs: Vec<&'a str>,
    version: Version,
    /// What `rego` and `libs` stand in.
    pointer: String,
}

impl Source<'_> {
    fn texts(&self, kind: &str) -> Vec<Text> {
        let text = |name: String, pointer: String, text: &str| Text::new(name, pointer, text, self.version);
        let mut texts = vec![text(kind.to_owned(), format!("{}/rego", self.pointer), self.rego)];
        texts.extend(self.libs.iter().enumerate().map(|(index, lib)| {
            text(format!("{kind}, library {index}"), format!("{}/libs/{index}", self.pointer), lib)
        }));
        texts
    }
}

fn source_of<'a>(resource: &'a Value, pointer: &str) -> Result<Source<'a>, Diagnostic> {
    let at = format!("{pointer}/spec/targets");
    let targets = resource["spec"]["targets"].as_array().map(Vec::as_slice).unwrap_or_default();
    let [target] = targets else {
        return Err(refused(at, format!("a template has one target, and this one has {}", targets.len())));
    };
    let at = format!("{at}/0");
    let name = target["target"].as_str().unwrap_or_default();
    if name != TARGET {
        return Err(refused(format!("{at}/target"), format!("the target `{name}` is not `{TARGET}`")));
    }
    let code = target["code"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rego = code.iter().position(|code| code["engine"] == ENGINE);
    let (source, at) = match (rego, code.first()) {
        (Some(index), _) => (&code[index]["source"], format!("{at}/code/{index}/source")),
        (None, Some(code)) if target["rego"].is_null() => {
            let engine = code["engine"].as_str().unwrap_or_default();
            let hint = if engine == CEL { "; the plugin `cel` takes it" } else { "" };
            return Err(refused(
                format!("{at}/code"),
                format!("the code is for the engine `{engine}`, not for Rego{hint}"),
            ));
        }
        (None, _) => (target, at),
    };
    let version = source["version"].as_str().unwrap_or_default();
    let Some(rego) = source["rego"].as_str() else {
        return Err(refused(at, "the template has no text `rego`"));
    };
    let libs = source["libs"].as_array().map(Vec::as_slice).unwrap_or_default();
    if libs.len() > MAX_LIBS {
        let message = format!("there are {} libraries, and a template may have {MAX_LIBS}", libs.len());
        return Err(refused(format!("{at}/libs"), message));
    }
    let Some(libs) = libs.iter().map(Value::as_str).collect::<Option<Vec<_>>>() else {
        return Err(refused(format!("{at}/libs"), "the libraries are texts"));
    };
    // Like Gatekeeper: whatever is not v1 is the syntax before it.
    let version = Version::from_name(version).unwrap_or(Version::V0);
    Ok(Source { rego, libs, version, pointer: at })
}
