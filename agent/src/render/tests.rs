use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

use super::testing::{FakeRenderer, FakeRenderers, config_map, job, plain, returning};
use super::*;
use crate::plugin::PluginError;
use crate::source::memory_tree::MemoryTree;
use crate::source::tree::{Entry, EntryKind};

mod memo;
mod post;

fn tree() -> MemoryTree {
    MemoryTree::new().file("apps/web/a.json", config_map("a").to_string())
}

fn rendered(job: &Job, tree: MemoryTree, renderers: &FakeRenderers) -> Result<Rendered, RenderError> {
    let tree: Arc<dyn Tree> = Arc::new(tree);
    render(job, &tree, 0, renderers).map_err(|failure| failure.error)
}

/// The failure as a person sees it: each diagnostic with its hint.
fn failure(job: &Job, tree: MemoryTree, renderer: FakeRenderer) -> Vec<String> {
    let error = rendered(job, tree, &FakeRenderers::one(renderer)).unwrap_err();
    let line = |diagnostic: &Diagnostic| match &diagnostic.hint {
        Some(hint) => format!("{diagnostic} ({hint})"),
        None => diagnostic.to_string(),
    };
    error.diagnostics().iter().map(line).collect()
}

#[test]
fn a_folder_without_a_known_file_is_rendered_as_plain_manifests() {
    let all = FakeRenderers(vec![
        Arc::new(FakeRenderer::new("kustomize", &["kustomization.yaml"], |_, _| Ok(RawOutput::default()))),
        Arc::new(plain()),
    ]);
    let plain = rendered(&job("apps/web"), tree(), &all).unwrap();
    assert_eq!((plain.renderer().name.as_str(), plain.manifests().len()), ("yaml", 1));

    let with_file = tree().file("apps/web/kustomization.yaml", "");
    assert_eq!(rendered(&job("apps/web/"), with_file, &all).unwrap().renderer().name, "kustomize");
}

#[test]
fn values_reach_the_setting_that_the_renderer_names_and_no_other_renderer() {
    let values = json!({"replicas": 3});
    let handover = Handover { values: values.as_object().cloned(), ..Handover::default() };
    let job = Job { handover, ..job("apps/web") };
    assert_eq!(
        failure(&job, tree(), plain()),
        [
            "the renderer `yaml` does not take the Application's values (leave it out, or name a renderer whose manifest says under \
          `receives` that it does)"
        ]
    );
    let mut taking = FakeRenderer::new("yaml", &[], |_, _| Ok(RawOutput::default()));
    taking.receives.values = Some("values".to_owned());
    let all = FakeRenderers::one(taking);
    rendered(&job, tree(), &all).unwrap();
    assert_eq!(*all.0[0].config.lock().unwrap(), json!({"values": values}));
}

#[test]
fn the_files_that_detection_missed_are_inputs() {
    let all = FakeRenderers(vec![
        Arc::new(FakeRenderer::new("kustomize", &["kustomization.yaml"], |_, _| Ok(RawOutput::default()))),
        Arc::new(plain()),
    ]);
    let inputs = rendered(&job("apps/web"), tree(), &all).unwrap().inputs().clone();
    assert!(inputs.unchanged_in(&tree()).unwrap());
    assert!(!inputs.unchanged_in(&tree().file("apps/web/kustomization.yaml", "")).unwrap());
}

#[test]
fn an_origin_has_the_line_of_its_bytes() {
    let renderer = FakeRenderer::new("yaml", &[], |_, tree| {
        tree.resolve("", "apps/web/a.yaml", true).unwrap();
        let raw = |span| RawManifest {
            object: Bytes::from(config_map(&format!("{span:?}")).to_string()),
            path: Some("/apps/web/a.yaml".to_owned()),
            span: Some(span),
            ..RawManifest::default()
        };
        Ok(RawOutput { manifests: vec![raw((0, 2)), raw((6, 8)), raw((99, 99))], ..RawOutput::default() })
    });
    let tree = MemoryTree::new().file("apps/web/a.yaml", "a\n---\nb\n");
    let set = rendered(&job("apps/web"), tree, &FakeRenderers::one(renderer)).unwrap();
    let origins: Vec<_> = set.manifests().iter().map(|m| m.origin.as_ref().unwrap().to_string()).collect();
    assert_eq!(origins, ["apps/web/a.yaml:1", "apps/web/a.yaml:3", "apps/web/a.yaml:4"]);
}

#[test]
fn the_digest_depends_on_the_objects_and_not_on_the_order_of_their_keys() {
    let digest = |object: &'static str| {
        let renderer = FakeRenderer::new("yaml", &[], move |_, _| {
            let raw = RawManifest { object: Bytes::from_static(object.as_bytes()), ..RawManifest::default() };
            Ok(RawOutput { manifests: vec![raw], ..RawOutput::default() })
        });
        let all = FakeRenderers::one(renderer);
        rendered(&job("apps/web"), tree(), &all).unwrap().digest().to_owned()
    };
    let first = digest(r#"{"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}, "x": 1}"#);
    assert_eq!(first, digest(r#"{"x": 1, "metadata": {"name": "a"}, "kind": "A", "apiVersion": "v1"}"#));
    assert_ne!(first, digest(r#"{"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}, "x": 2}"#));
}

#[test]
fn a_list_is_taken_apart() {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [config_map("a"), config_map("b")]});
    let rendered = rendered(&job("apps/web"), tree(), &FakeRenderers::one(returning(vec![list]))).unwrap();
    assert_eq!(rendered.manifests().len(), 2);
}

#[test]
fn what_can_not_be_applied_is_refused_at_its_line() {
    let pod = "\
{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"p\"},
 \"spec\": {\"volumes\": [
   {\"name\": \"v\"},
   {\"name\": \"v\"}]}}";
    let tree = MemoryTree::new().file("apps/web/p.json", pod);
    let error = rendered(&job("apps/web"), tree, &FakeRenderers::one(plain())).unwrap_err();
    let diagnostic = error.diagnostics().remove(0);
    assert_eq!(
        diagnostic.to_string(),
        "apps/web/p.json:4: Pod/p at /spec/volumes/1: has `name` `v` twice in `volumes`"
    );
    assert_eq!(diagnostic.column, Some(4));
}

#[test]
fn every_reason_for_no_set_names_the_thing_the_place_and_the_next_step() {
    let named = |name: &str| Job { renderer: Some(name.to_owned()), ..job("apps/web") };
    assert_eq!(
        failure(&named("kustomise"), tree(), plain()),
        ["there is no plugin `kustomise` (known: yaml)"]
    );
    assert_eq!(
        failure(&named("a-policy"), tree(), plain()),
        ["the plugin `a-policy` can't be used as a renderer: it implements the world `policy`, not \
          `renderer` (name a plugin that is a renderer)"]
    );
    assert_eq!(
        failure(&job("apps/wbe"), tree(), plain()),
        ["the path `apps/wbe` does not exist in this revision (the path is relative to the root of the \
          repository)"]
    );
    assert_eq!(
        failure(&job("apps/web/a.json"), tree(), plain()),
        ["the path `apps/web/a.json` is not a folder (the path is relative to the root of the repository)"]
    );
    assert_eq!(
        failure(&job("apps/../.."), tree(), plain()),
        [
            "apps/../..: `apps/../..` leads outside of the repository (an application can only use files of its \
          own repository)"
        ]
    );
    let helm = FakeRenderer::new("helm", &["Chart.yaml"], |_, _| Ok(RawOutput::default()));
    assert_eq!(
        failure(&job("apps/web"), tree(), helm),
        ["apps/web: no renderer recognises a file in `apps/web` (name the renderer; known: helm)"]
    );
    let broken = FakeRenderer::new("yaml", &[], |_, _| {
        Err(PluginError::Trap { message: "index out of bounds".to_owned(), output: "last line\n".to_owned() })
    });
    assert_eq!(
        failure(&job("apps/web"), tree(), broken),
        ["apps/web: the renderer `yaml@000000000000` on `apps/web` broke: index out of bounds; its last \
          output: last line (this is a defect of the plugin: report it to its author with the digest)"]
    );
}

#[test]
fn two_renderers_that_recognise_a_folder_are_not_chosen_between() {
    let empty =
        |name: &str, file: &str| Arc::new(FakeRenderer::new(name, &[file], |_, _| Ok(RawOutput::default())));
    let all = FakeRenderers(vec![empty("helm", "Chart.yaml"), empty("kustomize", "kustomization.yaml")]);
    let both = tree().file("apps/web/Chart.yaml", "").file("apps/web/kustomization.yaml", "");
    let error = rendered(&job("apps/web"), both, &all).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`apps/web` could be for the renderer `helm` (it has `Chart.yaml`) or for `kustomize` (it has \
         `kustomization.yaml`)"
    );
}

#[test]
fn an_object_that_is_rendered_twice_is_refused_with_both_places() {
    // The second goes to the target namespace too, and under another version.
    let second =
        r#"{"apiVersion": "v2", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "prod"}}"#;
    assert_eq!(
        failure(&job("apps/web"), tree().file("apps/web/b.json", second), plain()),
        ["apps/web/b.json:1: ConfigMap/prod/a: is rendered twice: at apps/web/a.json:1 and at \
          apps/web/b.json:1 (remove one of them; the API server can hold only one)"]
    );
    let other =
        r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "test"}}"#;
    let elsewhere = tree().file("apps/web/b.json", other);
    assert!(rendered(&job("apps/web"), elsewhere, &FakeRenderers::one(plain())).is_ok());
}

#[test]
fn what_is_not_an_object_is_refused_with_its_place() {
    let with = |content: &'static str| {
        failure(&job("apps/web"), MemoryTree::new().file("apps/web/a.json", content), plain())
    };
    assert_eq!(
        with(r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "a-"}}"#),
        ["apps/web/a.json:1: a manifest is not a Kubernetes object: `metadata.name` is missing \
          (`generateName` would make another object at each sync; give it a `metadata.name`)"]
    );
    assert_eq!(
        with("[]"),
        ["apps/web/a.json:1: a manifest is not a Kubernetes object: `apiVersion` is missing (it is not a \
          mapping)"]
    );
    assert!(with("{")[0].starts_with("apps/web/a.json:1: a manifest is not JSON: EOF"));
}

#[test]
fn every_limit_names_itself_and_what_helps() {
    let mut few = job("apps/web");
    few.limits.objects = 2;
    assert_eq!(
        failure(&few, tree(), returning(vec![config_map("a"), config_map("b"), config_map("c")])),
        ["apps/web: `apps/web` renders to more than 2 objects (split the application)"]
    );
    let mut small = job("apps/web");
    small.limits.object_bytes = 64;
    let large = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "large-enough"}});
    assert_eq!(
        failure(&small, tree(), returning(vec![large])),
        ["ConfigMap/large-enough: has 73 bytes, more than the limit of 64 (split it: the API \
          server takes no larger ones)"]
    );
    let mut paths = job("apps/web");
    paths.limits.paths = 2;
    assert_eq!(
        failure(&paths, tree(), plain()),
        [
            "the number of paths looked up exceeds the limit of 2 (spec.limits.paths) (raise the setting that is \
          named, or split the application)"
        ]
    );
}

/// Fails to read one file, as an object database does that lost it.
struct Torn(MemoryTree);

impl Tree for Torn {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        self.0.entry(path)
    }

    fn list(&self, path: &str) -> Result<Vec<(String, EntryKind)>, TreeError> {
        self.0.list(path)
    }

    fn read(&self, path: &str) -> Result<Bytes, TreeError> {
        Err(TreeError::Unreadable { path: path.to_owned(), problem: "the object is missing".to_owned() })
    }
}

#[test]
fn a_renderer_that_swallows_a_failed_read_gives_no_set() {
    let careless = FakeRenderer::new("yaml", &[], |request, tree| {
        let (path, _) = tree.resolve(&request.path, "a.json", true).unwrap();
        // The first failure is harmless, and must not hide the second.
        let _ = tree.list(&path);
        let _ = tree.read(&path);
        Ok(RawOutput::default())
    });
    let torn: Arc<dyn Tree> = Arc::new(Torn(tree()));
    let failure = render(&job("apps/web"), &torn, 0, &FakeRenderers::one(careless)).unwrap_err();
    assert_eq!(failure.error.to_string(), "read `apps/web/a.json`: the object is missing");
    assert!(!failure.error.is_deterministic());
}
