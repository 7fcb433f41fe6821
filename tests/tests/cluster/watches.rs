use futures::{Stream, StreamExt as _};
use serde_json::json;
use windlass::cluster::{
    ClusterError, ObjectRef, Precondition, Propagation, Resource, Verb, View, WatchEvent,
};
use windlass_tests::{ControlPlane, Options};

use crate::stage::{Stage, manifest};

fn config_maps() -> Resource {
    Resource::known("", "v1", "ConfigMap", "configmaps", true)
}

async fn next(watch: &mut (impl Stream<Item = Result<WatchEvent, ClusterError>> + Unpin)) -> WatchEvent {
    watch.next().await.unwrap().unwrap()
}

fn names(event: &WatchEvent) -> Vec<&str> {
    let WatchEvent::Restarted(objects) = event else { panic!("{event:?}") };
    objects.iter().map(|object| object["metadata"]["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_watch_begins_with_all_there_is_and_then_tells_every_change() {
    let stage = Stage::new("watch").await;
    let labelled = |name: &str, value: &str| {
        let mut object = stage.config_map(name, &json!({"key": value})).object;
        object["metadata"]["labels"] = json!({"watched": "true"});
        manifest(object)
    };
    stage.apply(&labelled("a", "1")).await.unwrap();
    stage.apply(&stage.config_map("unseen", &json!({}))).await.unwrap();
    let namespace = Some(stage.namespace.as_str());
    let mut watch = stage.cluster.watch(&config_maps(), namespace, Some("watched"), View::Metadata);
    assert_eq!(names(&next(&mut watch).await), ["a"]);

    stage.apply(&labelled("a", "2")).await.unwrap();
    let WatchEvent::Applied(changed) = next(&mut watch).await else { panic!("not applied") };
    assert_eq!((changed["kind"].as_str(), changed["apiVersion"].as_str()), (Some("ConfigMap"), Some("v1")));
    assert!(changed.get("data").is_none());
    assert!(changed["metadata"]["managedFields"][0]["fieldsV1"].is_object());

    // Who loses the label leaves the view, though it lives.
    let object = ObjectRef::from(&labelled("a", "2"));
    stage.edit(&object, &json!({"metadata": {"labels": {"watched": null}}})).await;
    assert!(matches!(next(&mut watch).await, WatchEvent::Deleted(_)));
    assert_eq!(stage.cluster.requests().get(Verb::Watch), 1);
}

#[tokio::test]
async fn a_full_watch_has_the_whole_object_and_tells_what_is_gone() {
    let stage = Stage::new("watch-full").await;
    let namespace = Some(stage.namespace.as_str());
    let mut watch = stage.cluster.watch(&config_maps(), namespace, Some("!absent"), View::Full);
    while !matches!(next(&mut watch).await, WatchEvent::Restarted(_)) {}
    let new = stage.config_map("a", &json!({"key": "1"}));
    let live = stage.apply(&new).await.unwrap();
    loop {
        match next(&mut watch).await {
            WatchEvent::Applied(object) if object["metadata"]["name"] == "a" => {
                assert_eq!((&object["data"], &object["kind"]), (&live["data"], &live["kind"]));
                break;
            }
            // The namespace's own ConfigMap comes when it comes.
            _ => {}
        }
    }
    let read = Precondition::of(&live).unwrap();
    stage.cluster.delete(&ObjectRef::from(&new), &read, Propagation::Background).await.unwrap();
    loop {
        if let WatchEvent::Deleted(object) = next(&mut watch).await {
            assert_eq!(object["metadata"]["uid"], live["metadata"]["uid"]);
            break;
        }
    }
}

#[tokio::test]
async fn a_watch_outlives_the_api_server_and_misses_nothing() {
    let control_plane =
        ControlPlane::start(Options { controller_manager: false, ..Options::default() }).await.unwrap();
    let stage = Stage::on(&control_plane, "outage").await;
    let wanted = Some(stage.namespace.as_str());
    let mut watch = stage.cluster.watch(&config_maps(), wanted, Some("watched"), View::Metadata);
    assert!(names(&next(&mut watch).await).is_empty());

    control_plane.stop_apiserver().await.unwrap();
    // A closed stream is no error; that it can't be opened again is one.
    let error = watch.next().await.unwrap().unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    control_plane.start_apiserver().await.unwrap();
    let mut object = stage.config_map("a", &json!({})).object;
    object["metadata"]["labels"] = json!({"watched": "true"});
    stage.apply(&manifest(object)).await.unwrap();
    loop {
        match watch.next().await.unwrap() {
            Ok(WatchEvent::Applied(object)) => {
                assert_eq!(object["metadata"]["name"], "a");
                break;
            }
            Ok(event) if names(&event) == ["a"] => break,
            Ok(_) => {}
            Err(error) => assert!(error.is_transient(), "{error:?}"),
        }
    }
    control_plane.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_list_of_more_than_one_page_is_complete() {
    let stage = Stage::new("pages").await;
    let manifests: Vec<_> = (0..501).map(|n| stage.config_map(&format!("a-{n}"), &json!({}))).collect();
    let applied =
        futures::stream::iter(&manifests).map(|manifest| stage.apply(manifest)).buffer_unordered(16);
    assert!(applied.all(|result| async move { result.is_ok() }).await);
    let before = stage.cluster.requests().get(Verb::List);
    let listed =
        stage.cluster.list(&config_maps(), Some(&stage.namespace), None, View::Metadata).await.unwrap();
    let ours =
        listed.iter().filter(|object| object["metadata"]["name"].as_str().unwrap().starts_with("a-")).count();
    assert_eq!((ours, stage.cluster.requests().get(Verb::List) - before), (501, 2));
}
