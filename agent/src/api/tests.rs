use std::path::Path;

use serde_json::{Value, json};

use super::*;

fn rendered() -> String {
    let documents: Vec<String> = crds().iter().map(|crd| serde_saphyr::to_string(crd).unwrap()).collect();
    format!(
        "# Generated from agent/src/api: `UPDATE=1 cargo test -p windlass --lib api` writes it anew.\n---\n{}",
        documents.join("---\n")
    )
}

#[test]
fn the_checked_in_definitions_are_those_of_the_types() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/crds.yaml");
    let wanted = rendered();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap();
    assert!(found == wanted, "{} is stale: run the test with UPDATE=1", file.display());
}

#[test]
fn every_kind_has_status_columns_short_name_and_categories() {
    for crd in crds() {
        let crd = serde_json::to_value(crd).unwrap();
        let version = &crd["spec"]["versions"][0];
        assert_eq!(version["subresources"]["status"], json!({}));
        assert_eq!(crd["spec"]["names"]["categories"], json!(["windlass", "gitops"]));
        assert_eq!(crd["spec"]["names"]["shortNames"].as_array().unwrap().len(), 1);
        let columns = version["additionalPrinterColumns"].as_array().unwrap();
        assert_eq!(columns[0]["name"], "Ready");
        assert!(columns.iter().any(|column| column["name"] == "Age"));
    }
}

#[test]
fn every_field_that_people_write_or_read_is_explained() {
    fn walk(schema: &Value, path: &str) {
        let Some(properties) = schema["properties"].as_object() else {
            if let Some(items) = schema.get("items") {
                walk(items, &format!("{path}[]"));
            }
            return;
        };
        for (name, property) in properties {
            let path = format!("{path}.{name}");
            assert!(property["description"].is_string() || name == "conditions", "{path} has no description");
            walk(property, &path);
        }
    }
    for crd in crds() {
        let crd = serde_json::to_value(crd).unwrap();
        let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
        let kind = crd["spec"]["names"]["kind"].as_str().unwrap();
        walk(&schema["spec"], &format!("{kind}.spec"));
        walk(&schema["status"], &format!("{kind}.status"));
    }
}

#[test]
fn the_application_is_an_applyset_parent() {
    let crd = serde_json::to_value(Application::crd()).unwrap();
    assert_eq!(crd["metadata"]["labels"]["applyset.kubernetes.io/is-parent-type"], "true");
}

#[test]
fn a_spec_that_says_the_least_has_working_defaults() {
    let repository: RepositorySpec = serde_json::from_value(json!({"url": "https://git.example/a"})).unwrap();
    assert_eq!((repository.interval, repository.timeout), (Period::from_secs(60), Period::from_secs(60)));
    let application: ApplicationSpec = serde_json::from_value(json!({"repository": {"name": "a"}})).unwrap();
    assert!(application.prune && !application.suspend && application.path == ".");
    let status: ApplicationStatus = serde_json::from_value(json!({})).unwrap();
    assert_eq!(status, ApplicationStatus::default());
}
