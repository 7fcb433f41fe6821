//! Given a set, an Inventory and live objects: what is written.

use proptest::prelude::*;
use serde_json::json;

use super::inventory::Owned;
use super::prune::Kept;
use super::*;

fn manifest(kind: &str, name: &str) -> Manifest {
    let api_version = match kind {
        "Deployment" => "apps/v1",
        "CustomResourceDefinition" => "apiextensions.k8s.io/v1",
        _ => "v1",
    };
    Manifest::from_object(json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}), None)
        .unwrap()
}

fn scopes() -> Scopes {
    let scope = |group: &str, kind: &str, scope| ((group.to_owned(), kind.to_owned()), scope);
    Scopes::from([
        scope("", "ConfigMap", Scope::Namespaced),
        scope("", "Namespace", Scope::Cluster),
        scope("", "PersistentVolumeClaim", Scope::Namespaced),
        scope("apps", "Deployment", Scope::Namespaced),
        scope("apiextensions.k8s.io", "CustomResourceDefinition", Scope::Cluster),
    ])
}

fn options() -> Options {
    Options {
        owner: Owner { namespace: "shop".to_owned(), name: "web".to_owned(), uid: "u".to_owned() },
        target_namespace: "shop".to_owned(),
        prune: true,
        prune_consent: false,
    }
}

fn planned(manifests: &[Manifest], inventory: &Inventory, options: Options) -> Plan {
    compare(manifests, &scopes(), inventory, |_| None, options).unwrap()
}

/// The Inventory and the live objects after a plan was carried out.
fn carried_out(plan: &Plan) -> (Inventory, BTreeMap<ObjectKey, Live>) {
    let mut inventory = Inventory::default();
    let mut live = BTreeMap::new();
    for (n, desired) in plan.desired.iter().enumerate() {
        let uid = format!("uid-{n}");
        inventory.insert(
            desired.key.clone(),
            Owned {
                version: desired.version.clone(),
                uid: Some(uid.clone()),
                digest: Some(desired.digest.clone()),
                ownership: Some("hash".to_owned()),
                keep: keeps(desired),
            },
        );
        live.insert(
            desired.key.clone(),
            Live {
                uid,
                resource_version: "1".to_owned(),
                ownership: Some("hash".to_owned()),
                deleting: false,
            },
        );
    }
    (inventory, live)
}

#[test]
fn what_is_as_it_was_applied_is_not_written_again() {
    let set = [manifest("ConfigMap", "a"), manifest("Deployment", "b")];
    let (inventory, live) = carried_out(&planned(&set, &Inventory::default(), options()));
    let again = compare(&set, &scopes(), &inventory, |key| live.get(key).cloned(), options()).unwrap();
    assert!(again.is_empty());
}

#[test]
fn an_object_whose_ownership_moved_is_written_with_the_live_one_as_its_condition() {
    let set = [manifest("ConfigMap", "a")];
    let (inventory, mut live) = carried_out(&planned(&set, &Inventory::default(), options()));
    for live in live.values_mut() {
        live.ownership = Some("other".to_owned());
    }
    let again = compare(&set, &scopes(), &inventory, |key| live.get(key).cloned(), options()).unwrap();
    assert_eq!(again.stages[0].1[0].live.as_ref().map(|live| live.uid.as_str()), Some("uid-0"));
}

#[test]
fn a_recreated_object_is_not_taken_for_the_one_that_was_applied() {
    let set = [manifest("ConfigMap", "a")];
    let (inventory, mut live) = carried_out(&planned(&set, &Inventory::default(), options()));
    for live in live.values_mut() {
        live.uid = "another".to_owned();
    }
    let again = compare(&set, &scopes(), &inventory, |key| live.get(key).cloned(), options()).unwrap();
    assert!(!again.is_empty());
}

#[test]
fn namespaces_are_written_before_what_goes_into_them() {
    let plan = planned(
        &[manifest("ConfigMap", "a"), manifest("Namespace", "shop")],
        &Inventory::default(),
        options(),
    );
    let kinds: Vec<_> = plan.stages.iter().map(|(_, writes)| writes[0].desired.key.kind.as_str()).collect();
    assert_eq!(kinds, ["Namespace", "ConfigMap"]);
}

#[test]
fn what_left_the_set_is_deleted_by_its_uid() {
    let both = [manifest("ConfigMap", "a"), manifest("ConfigMap", "b")];
    let (inventory, _) = carried_out(&planned(&both, &Inventory::default(), options()));
    let plan = planned(&both[..1], &inventory, options());
    let deleted: Vec<_> =
        plan.removal.deleted.iter().map(|prune| (prune.key.name.as_str(), prune.uid.as_deref())).collect();
    assert_eq!(deleted, [("b", Some("uid-1"))]);
}

#[test]
fn an_empty_set_deletes_nothing_without_consent() {
    let (inventory, _) =
        carried_out(&planned(&[manifest("ConfigMap", "a")], &Inventory::default(), options()));
    let plan_without = planned(&[], &inventory, options());
    assert_eq!(plan_without.removal.awaiting_consent(), 1);
    assert!(plan_without.removal.deleted.is_empty());
    let plan_with = planned(&[], &inventory, Options { prune_consent: true, ..options() });
    assert_eq!(plan_with.removal.deleted.len(), 1);
}

#[test]
fn a_set_whose_objects_were_all_renamed_deletes_nothing_without_consent() {
    let named =
        |prefix: &str| (0..20).map(|n| manifest("ConfigMap", &format!("{prefix}{n}"))).collect::<Vec<_>>();
    let (inventory, _) = carried_out(&planned(&named("old"), &Inventory::default(), options()));
    let plan = planned(&named("new"), &inventory, options());
    assert_eq!((plan.removal.deleted.len(), plan.removal.awaiting_consent()), (0, 20));
}

#[test]
fn namespaces_claims_and_definitions_are_kept() {
    let set = [
        manifest("ConfigMap", "stays"),
        manifest("Namespace", "n"),
        manifest("PersistentVolumeClaim", "p"),
        manifest("CustomResourceDefinition", "c"),
    ];
    let (inventory, _) = carried_out(&planned(&set, &Inventory::default(), options()));
    let plan = planned(&set[..1], &inventory, options());
    assert!(plan.removal.deleted.is_empty());
    assert!(plan.removal.kept.iter().all(|(_, kept)| *kept == Kept::Kind));
}

#[test]
fn an_object_that_its_last_manifest_protected_is_kept_even_if_the_live_annotation_is_gone() {
    let mut protected = manifest("ConfigMap", "a");
    protected.object["metadata"]["annotations"] = json!({PRUNE_ANNOTATION: "disabled"});
    let (inventory, _) =
        carried_out(&planned(&[protected, manifest("ConfigMap", "b")], &Inventory::default(), options()));
    let plan = planned(&[manifest("ConfigMap", "b")], &inventory, options());
    assert_eq!(plan.removal.kept.len(), 1);
}

#[test]
fn a_kind_that_nobody_defines_is_refused_by_name() {
    let unknown = Manifest::from_object(
        json!({"apiVersion": "x.org/v1", "kind": "Thing", "metadata": {"name": "t"}}),
        None,
    )
    .unwrap();
    let error = compare(&[unknown], &scopes(), &Inventory::default(), |_| None, options()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the cluster has no kind `Thing` in `x.org/v1`, and the set does not define it"
    );
}

#[test]
fn two_manifests_that_become_one_object_are_refused() {
    let explicit = Manifest::from_object(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "shop"}}),
        None,
    )
    .unwrap();
    let error = compare(
        &[manifest("ConfigMap", "a"), explicit],
        &scopes(),
        &Inventory::default(),
        |_| None,
        options(),
    )
    .unwrap_err();
    assert!(matches!(error, PlanError::Duplicate { .. }), "{error}");
}

proptest! {
    #[test]
    fn deletions_are_a_part_of_the_inventory_and_never_of_the_set(
        before in prop::collection::btree_set(0..40_u8, 0..40),
        after in prop::collection::btree_set(0..40_u8, 0..40),
        consent in any::<bool>(),
    ) {
        let set = |names: &BTreeSet<u8>| {
            names.iter().map(|n| manifest("ConfigMap", &n.to_string())).collect::<Vec<_>>()
        };
        let (inventory, _) = carried_out(&planned(&set(&before), &Inventory::default(), options()));
        let plan = planned(&set(&after), &inventory, Options { prune_consent: consent, ..options() });
        for prune in &plan.removal.deleted {
            prop_assert!(inventory.get(&prune.key).is_some());
            prop_assert!(!after.contains(&prune.key.name.parse::<u8>().unwrap()));
        }
        let left = before.difference(&after).count();
        prop_assert_eq!(plan.removal.deleted.len() + plan.removal.kept.len(), left);
    }
}
