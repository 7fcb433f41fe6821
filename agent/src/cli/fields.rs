//! Finds the fields of a document that nobody would read, by the schema of its
//! custom resource: where an API server drops them, a person is told. Judges
//! no values.

use std::collections::BTreeMap;

use anyhow::Context as _;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use crate::api;

/// What does not fit the schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub(super) struct Misfit {
    /// Where, as a JSON pointer.
    pub(super) pointer: String,
    problem: String,
}

/// How the custom resource of this kind is defined.
pub(super) fn definition(kind: &str) -> anyhow::Result<CustomResourceDefinition> {
    let found = api::crds().into_iter().find(|crd| crd.spec.names.kind == kind);
    found.with_context(|| format!("find the definition of the kind {kind}"))
}

/// Whether all of a resource's document is read. What the agent reports in its
/// status is not looked into.
pub(super) fn check_resource(crd: &CustomResourceDefinition, document: &Value) -> Result<(), Misfit> {
    let mut properties = BTreeMap::from(
        ["apiVersion", "kind", "status"].map(|name| (name.to_owned(), JSONSchemaProps::default())),
    );
    properties.insert("metadata".to_owned(), metadata());
    properties.extend(schema_at(crd, &["spec"]).map(|spec| ("spec".to_owned(), spec.clone())));
    walk(&of(properties), document, &Place::default())
}

/// Whether all of a part of a resource is read, such as `["spec", "limits"]`.
pub(super) fn check_part(
    crd: &CustomResourceDefinition,
    part: &[&str],
    document: &Value,
) -> Result<(), Misfit> {
    schema_at(crd, part).map_or(Ok(()), |schema| walk(schema, document, &Place::default()))
}

/// The names of an object's metadata. What they hold, Kubernetes itself judges.
fn metadata() -> JSONSchemaProps {
    let schema = schemars::schema_for!(ObjectMeta);
    let names = schema.get("properties").and_then(Value::as_object).into_iter().flat_map(|all| all.keys());
    of(names.map(|name| (name.clone(), JSONSchemaProps::default())).collect())
}

fn of(properties: BTreeMap<String, JSONSchemaProps>) -> JSONSchemaProps {
    JSONSchemaProps { properties: Some(properties), ..JSONSchemaProps::default() }
}

fn schema_at<'a>(crd: &'a CustomResourceDefinition, part: &[&str]) -> Option<&'a JSONSchemaProps> {
    let version = crd.spec.versions.iter().find(|version| version.name == api::VERSION)?;
    let root = version.schema.as_ref()?.open_api_v3_schema.as_ref()?;
    part.iter().try_fold(root, |schema, name| schema.properties.as_ref()?.get(*name))
}

/// A place in a document, for people and for programs.
#[derive(Default)]
struct Place {
    path: String,
    pointer: String,
}

impl Place {
    fn field(&self, name: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        let escaped = name.replace('~', "~0").replace('/', "~1");
        Self { path: format!("{}{dot}{name}", self.path), pointer: format!("{}/{escaped}", self.pointer) }
    }

    fn item(&self, index: usize) -> Self {
        Self { path: format!("{}[{index}]", self.path), pointer: format!("{}/{index}", self.pointer) }
    }

    fn misfit(&self, problem: String) -> Misfit {
        Misfit { pointer: self.pointer.clone(), problem }
    }

    fn shown(&self) -> String {
        if self.path.is_empty() { "this".to_owned() } else { format!("`{}`", self.path) }
    }
}

/// Follows the document as deep as the schema goes, which has an end.
fn walk(schema: &JSONSchemaProps, value: &Value, place: &Place) -> Result<(), Misfit> {
    if value.is_null() || schema.x_kubernetes_preserve_unknown_fields == Some(true) {
        return Ok(());
    }
    if let Some(properties) = &schema.properties {
        // A list would be taken for the fields in their order.
        let Some(fields) = value.as_object() else {
            return Err(place.misfit(format!("{} is no mapping; {}", place.shown(), offered(properties))));
        };
        for (name, value) in fields {
            let field = place.field(name);
            let Some(schema) = properties.get(name) else {
                return Err(field.misfit(format!("{} is no field; {}", field.shown(), offered(properties))));
            };
            walk(schema, value, &field)?;
        }
    }
    if let (Some(JSONSchemaPropsOrArray::Schema(schema)), Some(items)) = (&schema.items, value.as_array()) {
        for (index, item) in items.iter().enumerate() {
            walk(schema, item, &place.item(index))?;
        }
    }
    Ok(())
}

fn offered(properties: &BTreeMap<String, JSONSchemaProps>) -> String {
    let names: Vec<String> = properties.keys().map(|name| format!("`{name}`")).collect();
    format!("the fields are {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A document in which every level has its fields right.
    fn application() -> Value {
        json!({
            "apiVersion": "windlass.dev/v1alpha1",
            "kind": "Application",
            "metadata": {"name": "web", "labels": {"any": "thing"}, "managedFields": [{"fieldsV1": {"f:a": {}}}]},
            "spec": {
                "repository": {"name": "fleet"},
                "renderer": {"plugin": "helm", "config": {"any": {"thing": [1]}}},
                "values": {"any": "thing"},
                "valuesFrom": [{"kind": "Cluster"}, {"kind": "Secret", "name": "a", "at": "/b"}],
                "seedFrom": {"name": "a", "key": "b"},
                "postRenderers": [{"path": "overlay", "config": {"any": "thing"}}],
                "limits": {"fileSize": "1Mi"},
            },
            "status": {"of": "a newer agent"},
        })
    }

    fn misfit(change: impl FnOnce(&mut Value)) -> (String, String) {
        let mut document = application();
        assert_eq!(check_resource(&definition("Application").unwrap(), &document), Ok(()));
        change(&mut document);
        let misfit = check_resource(&definition("Application").unwrap(), &document).unwrap_err();
        (misfit.pointer.clone(), misfit.to_string())
    }

    #[test]
    fn a_field_that_nobody_reads_is_told_with_those_that_there_are() {
        assert_eq!(
            misfit(|document| document["spec"]["postRenderers"][0]["plugn"] = json!("helm")),
            (
                "/spec/postRenderers/0/plugn".to_owned(),
                "`spec.postRenderers[0].plugn` is no field; the fields are `config`, `input`, `path`, `plugin`"
                    .to_owned()
            )
        );
    }

    #[test]
    fn it_is_found_on_every_level() {
        for (pointer, name) in [
            ("", "sepc"),
            ("/metadata", "namespcae"),
            ("/spec", "valueFrom"),
            ("/spec", "postRenderer"),
            ("/spec/repository", "namespace"),
            ("/spec/renderer", "values"),
            ("/spec/valuesFrom/1", "optinal"),
            ("/spec/seedFrom", "nmae"),
            ("/spec/limits", "filesize"),
        ] {
            let (at, _) = misfit(|document| document.pointer_mut(pointer).unwrap()[name] = json!("x"));
            assert_eq!(at, format!("{pointer}/{name}"));
        }
    }

    #[test]
    fn a_list_is_no_mapping() {
        let (pointer, problem) = misfit(|document| document["spec"]["repository"] = json!(["fleet"]));
        assert_eq!(pointer, "/spec/repository");
        assert_eq!(problem, "`spec.repository` is no mapping; the fields are `name`");
    }

    #[test]
    fn a_part_is_judged_by_itself() {
        let check = |limits| check_part(&definition("Application").unwrap(), &["spec", "limits"], &limits);
        assert_eq!(check(json!({"fileSize": "16Mi", "paths": null})), Ok(()));
        assert_eq!(
            check(json!({"filesize": "16Mi"})).unwrap_err().to_string(),
            "`filesize` is no field; the fields are `fileSize`, `paths`, `totalSize`"
        );
        assert_eq!(
            check(json!(["16Mi"])).unwrap_err().to_string(),
            "this is no mapping; the fields are `fileSize`, `paths`, `totalSize`"
        );
    }

    #[test]
    fn every_kind_in_a_file_has_a_schema() {
        for kind in ["Application", "Gate"] {
            let crd = definition(kind).unwrap();
            assert!(schema_at(&crd, &["spec"]).is_some_and(|spec| spec.properties.is_some()));
        }
        assert!(schema_at(&definition("Application").unwrap(), &["spec", "limits"]).is_some());
    }
}
