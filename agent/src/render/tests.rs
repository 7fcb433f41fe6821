use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

use super::testing::{FakeRenderer, FakeRenderers, config_map, job, plain, returning};
use super::*;
use crate::plugin::PluginError;
use crate::source::memory_tree::MemoryTree;
use crate::source::tree::{Entry, EntryKind};

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

fn post(path: &str) -> PostRenderer {
    PostRenderer {
        renderer: Some("stamp".to_owned()),
        path: path.to_owned(),
        config: Value::Null,
        input: "rendered.yaml".to_owned(),
    }
}

/// Labels what it finds in `rendered.yaml`, and adds an object of a file of its own.
fn stamp() -> FakeRenderer {
    FakeRenderer::new("stamp", &[], |request, tree| {
        let names: Vec<_> = tree.list(&request.path).unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["extra.json", "rendered.yaml"]);
        let (path, _) = tree.resolve(&request.path, "rendered.yaml", true).unwrap();
        let text = String::from_utf8(tree.read(&path).unwrap().to_vec()).unwrap();
        let mut output = RawOutput::default();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            if line.starts_with('{') {
                let mut object: Value = serde_json::from_str(line).unwrap();
                object["metadata"]["labels"] = json!({"stamped": "yes"});
                let span = Some((start, start + 1));
                output.manifests.push(RawManifest {
                    object: Bytes::from(object.to_string()),
                    path: Some(path.clone()),
                    span,
                    changed_by: vec![Origin {
                        path: "overlays/web/patch.yaml".to_owned(),
                        line: Some(2),
                        span: None,
                    }],
                });
            }
            start += u32::try_from(line.len()).unwrap();
        }
        let (own, _) = tree.resolve(&request.path, "extra.json", true).unwrap();
        let object = tree.read(&own).unwrap();
        output.manifests.push(RawManifest {
            object,
            path: Some(own),
            span: Some((0, 1)),
            changed_by: Vec::new(),
        });
        output.diagnostics.push(Diagnostic {
            origin: Some(Origin { path, line: Some(3), span: None }),
            ..Diagnostic::error("old")
        });
        Ok(output)
    })
}

#[test]
fn a_post_renderer_finds_the_set_in_its_folder_and_every_object_keeps_its_origin() {
    let all = FakeRenderers(vec![Arc::new(plain()), Arc::new(stamp())]);
    let tree = || {
        tree()
            .file("apps/web/b.json", format!("\n\n{}", config_map("b")))
            .file("overlays/web/extra.json", config_map("extra").to_string())
    };
    let job = Job { post_renderers: vec![post("overlays/web")], ..job("apps/web") };
    let rendered = rendered(&job, tree(), &all).unwrap();
    let told: Vec<String> = rendered
        .manifests()
        .iter()
        .map(|manifest| {
            let stamped = manifest.object.pointer("/metadata/labels/stamped").is_some();
            let changed: Vec<_> = manifest.changed_by.iter().map(ToString::to_string).collect();
            let origin = manifest.origin.as_ref().unwrap();
            format!("{} {origin} {stamped} {}", manifest.key.name, changed.join(" "))
        })
        .collect();
    assert_eq!(
        told,
        [
            "a apps/web/a.json:1 true overlays/web/patch.yaml:2",
            "b apps/web/b.json:1 true overlays/web/patch.yaml:2",
            "extra overlays/web/extra.json:1 false ",
        ]
    );
    assert_eq!(rendered.warnings()[0].origin.as_ref().unwrap().path, "apps/web/b.json");
    assert_eq!(
        (rendered.renderer().name.as_str(), rendered.post_renderers()[0].name.as_str()),
        ("yaml", "stamp")
    );
    // What was made in between is no input; that nothing stands in its place is one.
    assert!(rendered.inputs().unchanged_in(&tree()).unwrap());
    let taken = tree().file("overlays/web/rendered.yaml", "");
    assert!(!rendered.inputs().unchanged_in(&taken).unwrap());
    for path in ["apps/web/b.json", "overlays/web/extra.json"] {
        assert!(!rendered.inputs().unchanged_in(&tree().without(path).file(path, "{}")).unwrap(), "{path}");
    }
}

#[test]
fn a_post_renderer_that_leaves_the_set_unread_is_refused() {
    let forgetful = FakeRenderer::new("stamp", &[], |_, _| Ok(RawOutput::default()));
    let all = FakeRenderers(vec![Arc::new(plain()), Arc::new(forgetful)]);
    let job = Job { post_renderers: vec![post("overlays/web")], ..job("apps/web") };
    let error = rendered(&job, tree().file("overlays/web/x", ""), &all).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the post-renderer `stamp` did not read the rendered set, `overlays/web/rendered.yaml`"
    );
}

#[test]
fn two_post_renderers_of_one_folder_each_find_what_the_one_before_has_made() {
    let all = FakeRenderers(vec![Arc::new(plain()), Arc::new(stamp())]);
    let files = tree().file("overlays/web/extra.json", config_map("extra").to_string());
    let twice = Job { post_renderers: vec![post("overlays/web"), post("overlays/web")], ..job("apps/web") };
    // Its own object is there twice then: the first has added it, and the second adds it again.
    let error = rendered(&twice, files, &all).unwrap_err();
    assert!(matches!(&error, RenderError::Duplicate { object, .. } if object.name == "extra"), "{error}");
}

#[test]
fn a_file_in_the_place_of_the_set_is_refused() {
    let all = FakeRenderers(vec![Arc::new(plain()), Arc::new(stamp())]);
    let job = Job { post_renderers: vec![post("overlays/web")], ..job("apps/web") };
    let error = rendered(&job, tree().file("overlays/web/rendered.yaml", "a: 1"), &all).unwrap_err();
    let [diagnostic] = &error.diagnostics()[..] else { panic!("{error}") };
    assert_eq!(diagnostic.origin.as_ref().unwrap().path, "overlays/web/rendered.yaml");
    assert_eq!(diagnostic.hint.as_deref(), Some("give the post-renderer's `input` another name"));
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
    assert_eq!(diagnostic.to_string(), "apps/web/p.json:4: Pod/p: has `name` `v` twice in `volumes`");
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

mod memo {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::object::Name;
    use crate::source::changes::Changes;
    use crate::source::tree::ObjectId;

    fn shared(tree: MemoryTree) -> Arc<dyn Tree> {
        Arc::new(tree)
    }

    #[test]
    fn a_commit_that_touches_no_input_is_answered_from_memory() {
        let (memo, all) = (Memo::default(), FakeRenderers::one(plain()));
        let first = memo.render(&job("apps/web"), &shared(tree()), 0, &all).unwrap();
        let elsewhere = tree().file("apps/other/b.json", "{}").file("README.md", "hello");
        let second = memo.render(&job("apps/web"), &shared(elsewhere), 1, &all).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!((all.0[0].calls(), memo.counts()), (1, MemoCounts { hits: 1, misses: 1 }));
    }

    #[test]
    fn a_change_of_anything_that_was_looked_up_renders_again() {
        for changed in [
            MemoryTree::new().file("apps/web/a.json", config_map("b").to_string()),
            tree().file("apps/web/b.json", config_map("b").to_string()),
        ] {
            let (memo, all) = (Memo::default(), FakeRenderers::one(plain()));
            let first = memo.render(&job("apps/web"), &shared(tree()), 0, &all).unwrap();
            let second = memo.render(&job("apps/web"), &shared(changed), 0, &all).unwrap();
            assert_ne!(first.digest(), second.digest());
        }
    }

    #[test]
    fn a_revert_is_answered_from_memory() {
        let (memo, all) = (Memo::default(), FakeRenderers::one(plain()));
        let changed = tree().file("apps/web/b.json", config_map("b").to_string());
        let first = memo.render(&job("apps/web"), &shared(tree()), 0, &all).unwrap();
        memo.render(&job("apps/web"), &shared(changed), 0, &all).unwrap();
        let reverted = memo.render(&job("apps/web"), &shared(tree()), 0, &all).unwrap();
        assert!(Arc::ptr_eq(&first, &reverted));
    }

    #[test]
    fn equal_sets_of_two_revisions_are_kept_once() {
        let renderer = FakeRenderer::new("yaml", &[], |request, tree| {
            tree.list(&request.path).unwrap();
            let object = Bytes::from(config_map("a").to_string());
            Ok(RawOutput {
                manifests: vec![RawManifest { object, ..RawManifest::default() }],
                ..RawOutput::default()
            })
        });
        let (memo, all) = (Memo::default(), FakeRenderers::one(renderer));
        let first = memo.render(&job("apps/web"), &shared(tree()), 0, &all).unwrap();
        let listed = tree().file("apps/web/b.json", "");
        let second = memo.render(&job("apps/web"), &shared(listed), 0, &all).unwrap();
        assert!(!Arc::ptr_eq(&first, &second));
        assert!(Arc::ptr_eq(&first.manifests, &second.manifests));
    }

    #[test]
    fn another_job_or_another_plugin_is_another_render() {
        let (memo, all) = (Memo::default(), FakeRenderers::one(plain()));
        let jobs = [
            job("apps/web"),
            Job { config: json!({"a": 1}), ..job("apps/web") },
            Job { renderer: Some("yaml".to_owned()), ..job("apps/web") },
            Job { target_namespace: "test".to_owned(), ..job("apps/web") },
            Job { handover: Handover { confidential: true, ..Handover::default() }, ..job("apps/web") },
            Job { post_renderers: vec![post("apps/web")], ..job("apps/web") },
            Job {
                post_renderers: vec![PostRenderer { config: json!(1), ..post("apps/web") }],
                ..job("apps/web")
            },
        ];
        for job in &jobs {
            // Some of them have no such renderer, which is remembered too.
            drop(memo.render(job, &shared(tree()), 0, &all));
        }
        assert_eq!(memo.counts(), MemoCounts { hits: 0, misses: 7 });
        let added = FakeRenderers(vec![
            Arc::new(FakeRenderer::new("helm", &["a.json"], |_, _| Ok(RawOutput::default()))),
            Arc::clone(&all.0[0]),
        ]);
        assert_eq!(memo.render(&jobs[0], &shared(tree()), 0, &added).unwrap().renderer().name, "helm");
    }

    #[test]
    fn a_refusal_is_remembered_and_a_missed_deadline_is_not() {
        let refusing = || {
            FakeRenderer::new("yaml", &[], |_, _| Err(PluginError::Refused(vec![Diagnostic::error("no")])))
        };
        let slow = || {
            FakeRenderer::new("yaml", &[], |_, _| {
                Err(PluginError::Deadline { limit: std::time::Duration::from_secs(1) })
            })
        };
        for (renderer, calls) in [(refusing(), 1), (slow(), 2)] {
            let (memo, all) = (Memo::default(), FakeRenderers::one(renderer));
            for _ in 0..2 {
                memo.render(&job("apps/web"), &shared(tree()), 0, &all).unwrap_err();
            }
            assert_eq!(all.0[0].calls(), calls);
        }
    }

    #[test]
    fn a_renderer_that_may_use_more_is_asked_again() {
        let stopped = |memory_bytes| {
            let mut renderer =
                FakeRenderer::new("yaml", &[], |_, _| Err(PluginError::Memory { limit_bytes: 1 }));
            renderer.limits.memory_bytes = memory_bytes;
            FakeRenderers::one(renderer)
        };
        let memo = Memo::default();
        let (less, more) = (stopped(1), stopped(2));
        for all in [&less, &less, &more] {
            memo.render(&job("apps/web"), &shared(tree()), 0, all).unwrap_err();
        }
        assert_eq!((less.0[0].calls(), more.0[0].calls()), (1, 1));
    }

    #[test]
    fn what_was_made_from_the_commits_time_is_made_anew_for_another_commit() {
        let renderer = FakeRenderer::new("yaml", &[], |_, tree| {
            tree.ask_time();
            Ok(RawOutput::default())
        });
        let (memo, all) = (Memo::default(), FakeRenderers::one(renderer));
        for time in [1, 1, 2] {
            memo.render(&job("apps/web"), &committed(&tree(), 1), time, &all).unwrap();
        }
        assert_eq!(memo.counts(), MemoCounts { hits: 1, misses: 2 });
        assert!(memo.carry_over(id(1), id(2), &changes(&tree(), &tree())).is_empty());
    }

    #[test]
    fn a_later_process_is_answered_from_disk_while_the_inputs_stand() {
        let folder = tempfile::tempdir().unwrap();
        let memo = || Memo::on_disk(Store::open(folder.path()).unwrap());
        let all = FakeRenderers::one(plain());
        let first = memo().render(&job("apps/web"), &shared(tree()), 0, &all).unwrap();
        assert_eq!(memo().render(&job("apps/web"), &shared(tree()), 1, &all).unwrap(), first);
        assert_eq!(all.0[0].calls(), 1);
        let changed = tree().file("apps/web/b.json", config_map("b").to_string());
        let later = memo();
        assert_ne!(later.render(&job("apps/web"), &shared(changed), 1, &all).unwrap(), first);
        assert_eq!(all.0[0].calls(), 2);
        // What is gone is gone from the disk too.
        later.forget(&job("apps/web").namespace, &job("apps/web").name);
        memo().render(&job("apps/web"), &shared(tree()), 1, &all).unwrap();
        assert_eq!(all.0[0].calls(), 3);
    }

    #[test]
    fn a_later_process_is_told_of_a_failure_whose_causes_stand() {
        let folder = tempfile::tempdir().unwrap();
        let memo = || Memo::on_disk(Store::open(folder.path()).unwrap());
        let all = FakeRenderers::one(plain());
        let twice = tree().file("apps/web/b.json", config_map("a").to_string());
        let first = memo().render(&job("apps/web"), &shared(twice.clone()), 0, &all).unwrap_err();
        let again = memo().render(&job("apps/web"), &shared(twice), 0, &all).unwrap_err();
        assert_eq!(all.0[0].calls(), 1);
        let told = |failure: &RenderFailure| -> Vec<String> {
            failure
                .error
                .diagnostics()
                .iter()
                .map(|diagnostic| format!("{diagnostic} {:?}", diagnostic.hint))
                .collect()
        };
        assert_eq!(told(&again), told(&first));
        assert_eq!(again.error.reason(), first.error.reason());
        assert!(memo().render(&job("apps/web"), &shared(tree()), 0, &all).is_ok());
    }

    #[test]
    fn what_is_made_from_a_secret_is_not_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        let memo = Memo::on_disk(Store::open(folder.path()).unwrap());
        let all = FakeRenderers::one(plain());
        let files = || std::fs::read_dir(folder.path()).unwrap().count();
        memo.render(&job("apps/web"), &shared(tree()), 0, &all).unwrap();
        assert_eq!(files(), 1);
        let handover = Handover { confidential: true, ..Handover::default() };
        memo.render(&Job { handover, ..job("apps/web") }, &shared(tree()), 0, &all).unwrap();
        assert_eq!(files(), 0);
    }

    #[test]
    fn a_path_that_appears_ends_the_memory_of_its_absence() {
        let (memo, all) = (Memo::default(), FakeRenderers::one(plain()));
        memo.render(&job("apps/web"), &shared(MemoryTree::new()), 0, &all).unwrap_err();
        memo.render(&job("apps/web"), &shared(MemoryTree::new()), 0, &all).unwrap_err();
        assert!(memo.render(&job("apps/web"), &shared(tree()), 0, &all).is_ok());
        assert_eq!(memo.counts(), MemoCounts { hits: 1, misses: 2 });
    }

    #[test]
    fn a_tree_that_does_not_answer_is_no_hit() {
        struct Silent;
        impl Tree for Silent {
            fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
                Err(TreeError::Unreadable { path: path.to_owned(), problem: "gone".to_owned() })
            }
            fn list(&self, path: &str) -> Result<Vec<(String, EntryKind)>, TreeError> {
                self.entry(path).map(|_| Vec::new())
            }
            fn read(&self, path: &str) -> Result<Bytes, TreeError> {
                self.entry(path).map(|_| Bytes::new())
            }
        }
        let (memo, all) = (Memo::default(), FakeRenderers::one(plain()));
        memo.render(&job("apps/web"), &shared(tree()), 0, &all).unwrap();
        let silent: Arc<dyn Tree> = Arc::new(Silent);
        memo.render(&job("apps/web"), &silent, 0, &all).unwrap_err();
        // The good entry is still there.
        memo.render(&job("apps/web"), &shared(tree()), 0, &all).unwrap();
        assert_eq!(memo.counts(), MemoCounts { hits: 1, misses: 2 });
    }

    /// A commit's tree.
    struct Committed(MemoryTree, u8);

    impl Tree for Committed {
        fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
            self.0.entry(path)
        }
        fn list(&self, path: &str) -> Result<Vec<(String, EntryKind)>, TreeError> {
            self.0.list(path)
        }
        fn read(&self, path: &str) -> Result<Bytes, TreeError> {
            self.0.read(path)
        }
        fn id(&self) -> Option<ObjectId> {
            Some(id(self.1))
        }
    }

    fn id(n: u8) -> ObjectId {
        ObjectId([n; 20])
    }

    fn committed(tree: &MemoryTree, n: u8) -> Arc<dyn Tree> {
        Arc::new(Committed(tree.clone(), n))
    }

    fn changes(old: &MemoryTree, new: &MemoryTree) -> Changes {
        Changes::between(old, new, 100).unwrap().unwrap()
    }

    #[test]
    fn what_a_commit_does_not_touch_stands_in_it_without_a_look() {
        let (memo, all) = (Memo::default(), FakeRenderers::one(plain()));
        let (web, other) = (job("apps/web"), Job { name: "other".to_owned(), ..job("apps/other") });
        let first = tree().file("apps/other/b.json", config_map("b").to_string());
        for job in [&web, &other] {
            memo.render(job, &committed(&first, 1), 0, &all).unwrap();
        }
        let second = first.clone().file("apps/other/b.json", config_map("c").to_string());
        let name = |job: &Job| Name { namespace: job.namespace.clone(), name: job.name.clone() };
        let standing = memo.carry_over(id(1), id(2), &changes(&first, &second));
        assert_eq!(standing, HashSet::from([name(&web)]));
        // The next commit is compared with the second, where only one of them was found to stand.
        let third = second.clone().file("README.md", "hello");
        assert_eq!(memo.carry_over(id(2), id(3), &changes(&second, &third)), HashSet::from([name(&web)]));
        memo.render(&other, &committed(&third, 3), 0, &all).unwrap();
        assert_eq!(memo.carry_over(id(3), id(4), &changes(&third, &third)).len(), 2);
    }

    #[test]
    fn what_was_used_last_is_what_stands() {
        let (memo, all) = (Memo::default(), FakeRenderers::one(plain()));
        let changed = tree().file("apps/web/b.json", config_map("b").to_string());
        memo.render(&job("apps/web"), &committed(&tree(), 1), 0, &all).unwrap();
        memo.render(&job("apps/web"), &committed(&changed, 2), 0, &all).unwrap();
        memo.render(&job("apps/web"), &committed(&tree(), 3), 0, &all).unwrap();
        assert!(memo.carry_over(id(2), id(4), &changes(&changed, &changed)).is_empty());
        assert_eq!(memo.carry_over(id(3), id(4), &changes(&tree(), &tree())).len(), 1);
    }

    fn files() -> impl Strategy<Value = Vec<(String, u8)>> {
        let path = prop::sample::select(vec![
            "apps/web/a.json",
            "apps/web/b.json",
            "apps/web/c/d.json",
            "apps/web",
            "apps",
            "base/a.json",
        ]);
        prop::collection::vec((path.prop_map(str::to_owned), 0..4_u8), 0..5)
    }

    /// A `0` takes away what is there.
    fn edited(tree: MemoryTree, edits: &[(String, u8)]) -> MemoryTree {
        edits.iter().fold(tree, |tree, (path, n)| match n {
            0 => tree.without(path),
            n => tree.without(path).file(path, config_map(&format!("c{n}")).to_string()),
        })
    }

    proptest! {
        #[test]
        fn what_stands_is_what_a_fresh_render_gives(commits in prop::collection::vec(files(), 1..6)) {
            let (memo, all) = (Memo::default(), FakeRenderers::one(plain()));
            let mut former = MemoryTree::new();
            let told = |outcome: Result<Arc<Rendered>, Arc<RenderFailure>>| match outcome {
                Ok(rendered) => rendered.digest().to_owned(),
                Err(failure) => failure.error.to_string(),
            };
            let mut last = told(memo.render(&job("apps/web"), &committed(&former, 0), 0, &all));
            for (n, edits) in (1..).zip(&commits) {
                let next = edited(former.clone(), edits);
                let stands = !memo.carry_over(id(n - 1), id(n), &changes(&former, &next)).is_empty();
                let fresh = told(Memo::default().render(&job("apps/web"), &committed(&next, n), 0, &all));
                if stands {
                    prop_assert_eq!(&last, &fresh);
                } else {
                    last = told(memo.render(&job("apps/web"), &committed(&next, n), 0, &all));
                    prop_assert_eq!(&last, &fresh);
                }
                former = next;
            }
        }
    }
}
