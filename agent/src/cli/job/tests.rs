use std::io::Write as _;

use clap::Parser;
use serde_json::json;

use super::*;
use crate::source::memory_tree::MemoryTree;

#[derive(Parser)]
struct Typed {
    #[command(flatten)]
    job: JobArguments,
}

fn job(typed: &[&str]) -> anyhow::Result<Job> {
    let typed = Typed::try_parse_from(std::iter::once(&"windlass").chain(typed)).unwrap();
    Ok(typed.job.read()?.job(&Folder::in_memory(MemoryTree::new(), "apps/web")))
}

fn file(content: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file
}

const TWO: &str = "
apiVersion: windlass.dev/v1alpha1
kind: Application
metadata: {name: web, namespace: shop}
spec:
  repository: {name: fleet}
  path: apps/web
  renderer: {plugin: helm, config: {releaseName: shop}}
  values: {replicas: 2, image: {tag: '1'}}
  valuesFrom: [{kind: ConfigMap, name: more}]
  limits: {fileSize: 1Mi}
---
apiVersion: windlass.dev/v1alpha1
kind: Application
metadata: {name: other, namespace: shop}
spec: {repository: {name: fleet}, postRenderers: [{path: overlay}]}
";

#[test]
fn an_application_in_a_file_says_everything_and_flags_say_otherwise() {
    let file = file(TWO);
    let path = file.path().to_str().unwrap();
    let web = job(&["--application", path, "--name", "web"]).unwrap();
    assert_eq!(
        (web.name.as_str(), web.namespace.as_str(), web.target_namespace.as_str()),
        ("web", "shop", "shop")
    );
    assert_eq!((web.renderer.as_deref(), web.limits.file_bytes), (Some("helm"), 1 << 20));
    let values =
        ["--values", r#"{"replicas": 9, "colour": "red"}"#, "--values", r#"{"image": {"name": "x"}}"#];
    let typed = [&["--application", path, "--name", "web", "--renderer", "kustomize"][..], &values].concat();
    let typed = job(&typed).unwrap();
    assert_eq!(typed.renderer.as_deref(), Some("kustomize"));
    assert_eq!(
        Value::Object(typed.handover.values.unwrap()),
        json!({"replicas": 2, "colour": "red", "image": {"tag": "1", "name": "x"}})
    );
    let other = job(&["--application", path, "--name", "other"]).unwrap();
    assert_eq!((other.post_renderers[0].path.as_str(), other.handover.values), ("overlay", None));
}

#[test]
fn without_an_application_the_folder_gives_the_name() {
    let job = job(&[
        "--limits",
        r#"{"paths": 7}"#,
        "--capabilities",
        r#"{"kubeVersion": "v1.30.0", "apiVersions": ["v1"]}"#,
    ])
    .unwrap();
    assert_eq!((job.name.as_str(), job.namespace.as_str(), job.limits.paths), ("web", "default", 7));
    assert_eq!(job.handover.capabilities.unwrap().kube_version, "v1.30.0");
}

/// An Application that says only what it must.
fn sparse(metadata: &str, spec: &str) -> tempfile::NamedTempFile {
    file(&format!(
        "apiVersion: windlass.dev/v1alpha1\nkind: Application\nmetadata: {metadata}\nspec: {{repository: {{name: \
         fleet}}{spec}}}\n"
    ))
}

#[test]
fn an_application_without_a_name_and_namespace_takes_the_folders_and_default() {
    let whose = |metadata: &str, spec: &str, more: &[&str]| {
        let file = sparse(metadata, spec);
        let path = file.path().to_str().unwrap();
        let job = job(&[&["--application", path][..], more].concat()).unwrap();
        format!("{}/{} into {}", job.namespace, job.name, job.target_namespace)
    };
    assert_eq!(whose("{}", "", &[]), "default/web into default");
    assert_eq!(whose("{name: a}", ", targetNamespace: prod", &[]), "default/a into prod");
    assert_eq!(whose("{namespace: shop}", "", &[]), "shop/web into shop");
    assert_eq!(whose("{}", "", &["--namespace", "b", "--name", "c"]), "b/c into b");
    assert_eq!(
        whose("{namespace: shop}", ", targetNamespace: prod", &["--namespace", "shop"]),
        "shop/web into prod"
    );
}

#[test]
fn a_post_renderer_without_a_path_has_the_folder_that_is_rendered() {
    let file = sparse("{}", ", path: elsewhere, postRenderers: [{plugin: kustomize}, {path: overlay}]");
    let job = job(&["--application", file.path().to_str().unwrap()]).unwrap();
    let paths: Vec<&str> = job.post_renderers.iter().map(|post| post.path.as_str()).collect();
    assert_eq!((job.path.as_str(), paths), ("apps/web", vec!["apps/web", "overlay"]));
}

#[test]
fn limits_are_put_over_those_of_the_application_one_by_one() {
    let file = sparse("{}", ", limits: {fileSize: 2Mi, paths: 70}");
    let path = file.path().to_str().unwrap();
    let limits =
        job(&["--application", path, "--limits", r#"{"paths": 7, "totalSize": "3Mi"}"#]).unwrap().limits;
    assert_eq!((limits.file_bytes, limits.total_bytes, limits.paths), (2 << 20, 3 << 20, 7));
    let typo = job(&["--limits", r#"{"filesize": "16Mi"}"#]).unwrap_err();
    assert_eq!(
        typo.to_string(),
        "--limits: `filesize` is no field; the fields are `fileSize`, `paths`, `totalSize`"
    );
}

#[test]
fn a_seed_is_bytes_and_enough_of_them() {
    let seed = |content: &[u8]| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let path = file.path().to_str().unwrap();
        let seed = job(&["--seed", path]).map(|job| job.handover.seed.unwrap());
        seed.map_err(|error| format!("{error:#}").replace(path, "FILE"))
    };
    assert_eq!(seed(&[0xff; 16]), Ok(Seed::from_secret(&[0xff; 16]).unwrap()));
    assert_eq!(seed(&[b'a'; 15]), Err("the seed in `FILE`: needs at least 16 random bytes".to_owned()));
}

#[test]
fn each_file_is_read_once_for_all_folders() {
    let file = sparse("{}", "");
    let typed = Typed::try_parse_from(["windlass", "--application", file.path().to_str().unwrap()]).unwrap();
    let said = typed.job.read().unwrap();
    drop(file);
    let names =
        ["apps/web", "apps/api"].map(|path| said.job(&Folder::in_memory(MemoryTree::new(), path)).name);
    assert_eq!(names, ["web", "api"]);
}
