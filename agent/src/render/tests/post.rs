//! Given a set, when it goes through another renderer, then.

use super::*;

pub(super) fn post(path: &str) -> PostRenderer {
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
