//! Ownership tells drift: as single cases, and as a property over generated objects and edits, with the API server's
//! own dry run as the judge.

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use windlass::cluster::{ApplyOptions, ObjectRef, Ownership, Verb, View, ownership};
use windlass::object::Manifest;

use windlass_tests::{ControlPlane, Options};

use crate::stage::{OURS, Stage, THEIRS, manifest, options};

fn deployment(stage: &Stage, name: &str, spec: &Value) -> Manifest {
    manifest(json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": stage.namespace, "labels": {"ours": "true"}},
        "spec": spec,
    }))
}

fn spec(replicas: Option<i64>) -> Value {
    let mut spec = json!({
        "selector": {"matchLabels": {"app": "a"}},
        "template": {
            "metadata": {"labels": {"app": "a"}},
            "spec": {"containers": [{
                "name": "main", "image": "a:1",
                "env": [{"name": "EMPTY", "value": ""}, {"name": "A", "value": "1"}],
                "ports": [{"containerPort": 80}],
                "resources": {"requests": {"cpu": "1000m"}},
            }]},
        },
    });
    if let Some(replicas) = replicas {
        spec["replicas"] = replicas.into();
    }
    spec
}

#[tokio::test]
async fn the_hash_moves_with_every_foreign_change_of_our_fields_and_with_nothing_else() {
    let stage = Stage::new("drift").await;
    let ours = deployment(&stage, "a", &spec(Some(0)));
    let object = ObjectRef::from(&ours);
    stage.apply(&ours).await.unwrap();
    let undrifted = stage.owned(&object).await;
    assert!(matches!(undrifted, Ownership::Owned(_)));

    let additions = [
        json!({"metadata": {"annotations": {"theirs": "1"}}}),
        json!({"spec": {"revisionHistoryLimit": 3}}),
        json!({"metadata": {"labels": {"theirs": "1"}}}),
        // What is equal is no change.
        json!({"metadata": {"labels": {"ours": "true"}}, "spec": {"replicas": 0}}),
    ];
    for addition in additions {
        stage.edit(&object, &addition).await;
        assert_eq!(stage.owned(&object).await, undrifted, "{addition}");
    }
    let status = json!({"observedGeneration": 1, "conditions": [{"type": "A", "status": "True"}]});
    stage.cluster.patch_status(&object, &status, None, "somebody").await.unwrap();
    assert_eq!(stage.owned(&object).await, undrifted);
    stage.apply(&ours).await.unwrap();
    assert_eq!(stage.owned(&object).await, undrifted);

    let changes = [
        json!({"spec": {"replicas": 2}}),
        json!({"metadata": {"labels": {"ours": null}}}),
        json!({"metadata": {"labels": {"ours": "false"}}}),
        json!({"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "b:1"}]}}}}),
    ];
    for change in changes {
        stage.edit(&object, &change).await;
        assert_ne!(stage.owned(&object).await, undrifted, "{change}");
        stage.apply(&ours).await.unwrap();
        assert_eq!(stage.owned(&object).await, undrifted, "{change} was not taken back");
    }
    // Another manager who takes a field over by force is seen, whatever its kind of write.
    stage
        .cluster
        .apply(&deployment(&stage, "a", &spec(Some(5))), &options(THEIRS, true, None))
        .await
        .unwrap();
    assert_ne!(stage.owned(&object).await, undrifted);
}

#[tokio::test]
async fn an_undrifted_object_applied_again_is_not_even_written() {
    // A controller may write the status at any moment, and managedFields with it.
    let control_plane =
        ControlPlane::start(Options { controller_manager: false, ..Options::default() }).await.unwrap();
    let stage = Stage::on(&control_plane, "idle").await;
    let ours = deployment(&stage, "a", &spec(None));
    stage.apply(&ours).await.unwrap();
    // The first apply of an object may normalise; from then on nothing moves.
    let before = stage.apply(&ours).await.unwrap();
    let after = stage.apply(&ours).await.unwrap();
    assert_eq!(before["metadata"]["managedFields"], after["metadata"]["managedFields"]);
    assert_eq!(before["spec"], after["spec"]);
    assert_eq!(before["metadata"]["resourceVersion"], after["metadata"]["resourceVersion"]);
}

/// One container without its name. The world is small, so that edits often meet what is there.
fn container() -> impl Strategy<Value = Value> {
    let environment = btree_map("[AB]", "[01]?", 0..3).prop_map(|environment| {
        let variable = |(name, value)| json!({"name": name, "value": value});
        environment.into_iter().map(variable).collect::<Value>()
    });
    let ports = btree_set(80..83, 0..3)
        .prop_map(|ports| ports.into_iter().map(|port| json!({"containerPort": port})).collect::<Value>());
    let image = prop_oneof![Just("a:1"), Just("a:2")];
    let cpu = prop_oneof![Just("1"), Just("1000m"), Just("0.5"), Just("500m")];
    let arguments = option::of(vec("[xy]", 0..3));
    (image, environment, ports, cpu, arguments).prop_map(|(image, environment, ports, cpu, arguments)| {
        let mut container = json!({
            "image": image, "env": environment, "ports": ports, "resources": {"requests": {"cpu": cpu}},
        });
        if let Some(arguments) = arguments {
            container["args"] = json!(arguments);
        }
        container
    })
}

fn containers() -> impl Strategy<Value = Value> {
    btree_map("[mn]", container(), 1..3).prop_map(|containers| {
        let named = |(name, mut container): (String, Value)| {
            container["name"] = name.into();
            container
        };
        containers.into_iter().map(named).collect()
    })
}

/// The whole of what someone writes: labels, data or a pod template, and replicas.
fn object() -> impl Strategy<Value = Value> {
    let labels = btree_map("[ab]", "[01]", 0..3);
    let deployment =
        (containers(), option::of(0..2_i64), any::<bool>()).prop_map(|(containers, replicas, paused)| {
            let mut spec = json!({"template": {"spec": {"containers": containers}}, "paused": paused});
            if let Some(replicas) = replicas {
                spec["replicas"] = replicas.into();
            }
            json!({ "spec": spec })
        });
    let body =
        prop_oneof![btree_map("[abc]", "[01]?", 0..4).prop_map(|data| json!({ "data": data })), deployment];
    (labels, body).prop_map(|(labels, mut body)| {
        body["metadata"] = json!({ "labels": labels });
        body
    })
}

/// What someone else does to it.
#[derive(Clone, Debug)]
enum Edit {
    /// A merge patch with the parts of another object, and without some of ours.
    Merge(Value),
    /// An apply by force under another name.
    Apply(Value),
    /// The containers in the other order.
    Reverse,
}

fn named(stage: &Stage, name: &str, mut body: Value) -> Manifest {
    let labels = body["metadata"]["labels"].take();
    body["metadata"] = json!({"name": name, "namespace": stage.namespace, "labels": labels});
    let deployment = body.get("spec").is_some();
    body["apiVersion"] = if deployment { "apps/v1" } else { "v1" }.into();
    body["kind"] = if deployment { "Deployment" } else { "ConfigMap" }.into();
    if deployment {
        body["spec"]["selector"] = json!({"matchLabels": {"app": "a"}});
        body["spec"]["template"]["metadata"] = json!({"labels": {"app": "a"}});
    }
    manifest(body)
}

/// The object as far as it is compared: without what moves by itself, and without the order of lists whose items have
/// keys, which nobody owns.
fn content(object: &Value) -> Value {
    let mut object = sorted(object);
    for field in ["managedFields", "resourceVersion", "generation"] {
        object["metadata"].as_object_mut().unwrap().remove(field);
    }
    object.as_object_mut().unwrap().remove("status");
    object
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), sorted(value))).collect(),
        Value::Array(list) if list.iter().all(Value::is_object) => {
            let mut list: Vec<Value> = list.iter().map(sorted).collect();
            list.sort_by_key(Value::to_string);
            list.into()
        }
        other => other.clone(),
    }
}

/// Whether anything in it is empty or the zero of its type.
fn has_zero(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.is_empty() || map.values().any(has_zero),
        Value::Array(list) => list.is_empty() || list.iter().any(has_zero),
        Value::String(text) => text.is_empty(),
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::Null => true,
    }
}

#[tokio::test]
async fn ownership_moved_exactly_when_the_servers_dry_run_would_change_the_object() {
    const CASES: usize = 300;
    // No controller changes the objects meanwhile.
    let control_plane =
        ControlPlane::start(Options { controller_manager: false, ..Options::default() }).await.unwrap();
    let stage = Stage::on(&control_plane, "property").await;
    let mut runner =
        TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let (mut drifted, mut kept) = (0, 0);
    for case in 0..CASES {
        let name = format!("case-{case}");
        let ours = object().new_tree(&mut runner).unwrap().current();
        let like_ours = ours.get("spec").is_some();
        let theirs = loop {
            let theirs = object().new_tree(&mut runner).unwrap().current();
            if theirs.get("spec").is_some() == like_ours {
                break theirs;
            }
        };
        let edit = prop_oneof![
            3 => Just(Edit::Merge(theirs.clone())),
            1 => Just(Edit::Apply(theirs)),
            1 => Just(Edit::Reverse),
        ]
        .new_tree(&mut runner)
        .unwrap()
        .current();

        let wanted = named(&stage, &name, ours);
        let object = ObjectRef::from(&wanted);
        stage.apply(&wanted).await.unwrap();
        let before = ownership(&stage.apply(&wanted).await.unwrap()["metadata"], OURS);
        match &edit {
            Edit::Merge(theirs) => {
                stage.edit(&object, theirs).await;
            }
            Edit::Apply(theirs) => {
                let theirs = named(&stage, &name, theirs.clone());
                stage.cluster.apply(&theirs, &options(THEIRS, true, None)).await.unwrap();
            }
            Edit::Reverse if like_ours => {
                let mut containers = wanted.object.pointer("/spec/template/spec/containers").unwrap().clone();
                containers.as_array_mut().unwrap().reverse();
                stage
                    .edit(&object, &json!({"spec": {"template": {"spec": {"containers": containers}}}}))
                    .await;
            }
            Edit::Reverse => {}
        }
        let live = stage.cluster.get(&object, View::Full).await.unwrap();
        let moved = ownership(&live["metadata"], OURS) != before;
        let dry = ApplyOptions { manager: OURS, force: true, precondition: None, dry_run: true };
        let would = stage.cluster.apply(&wanted, &dry).await.unwrap();
        let differs = content(&would) != content(&live);
        // Drift is never missed. It can be reported where there is none, so that the dry run has to be asked: an empty
        // map or list is owned itself, and what others put into it takes it away; and a zero that the server doesn't
        // store is taken away by whoever writes it too.
        let false_alarm = moved && !differs && has_zero(&wanted.object);
        assert!(
            moved == differs || false_alarm,
            "case {case}: {edit:?}\nwanted {:#}\nlive {live:#}\nwould {would:#}",
            wanted.object
        );
        if moved { drifted += 1 } else { kept += 1 }
    }
    assert!(
        drifted > CASES / 5 && kept > CASES / 10,
        "the cases are one-sided: {drifted} drifted, {kept} kept"
    );
    assert_eq!(stage.cluster.requests().get(Verb::Delete), 0);
}
