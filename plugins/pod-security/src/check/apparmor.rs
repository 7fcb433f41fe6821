//! `AppArmor` profiles other than the runtime's and local ones.

use super::place::{Owner, Place, setters, values};
use super::{Rule, Subject};
use crate::text::{clipped, go_quoted, quoted_list};

pub(super) const PROFILE: Rule = Rule {
    find,
    reason: |places| match distinct(places).len() {
        1 => "forbidden AppArmor profile",
        _ => "forbidden AppArmor profiles",
    },
    detail: |places| {
        let values = quoted_list(&distinct(places));
        format!("{} must not set AppArmor profile type to {values}", setters(places))
    },
};

/// The types, and then the annotations.
fn distinct<'v>(places: &'v [Place<'v>]) -> Vec<&'v str> {
    let (annotations, types): (Vec<_>, Vec<_>) =
        places.iter().partition(|place| matches!(place.owner, Owner::Annotation { .. }));
    let mut distinct = values(types);
    distinct.extend(values(annotations));
    distinct
}

const FIELD: &str = "/securityContext/appArmorProfile/type";

fn find<'p>(pod: &Subject<'p>) -> Vec<Place<'p>> {
    let mut places = Vec::new();
    if let Some(profile) = pod.spec.security_context.as_ref().and_then(|c| c.app_armor_profile.as_ref())
        && !is_allowed(&profile.kind)
    {
        places.push(Place::pod(FIELD, &profile.kind));
    }
    for at in pod.spec.containers() {
        if let Some(profile) = at.2.security_context.as_ref().and_then(|c| c.app_armor_profile.as_ref())
            && !is_allowed(&profile.kind)
        {
            places.push(Place::container(at, FIELD, &profile.kind));
        }
    }
    for (key, value) in pod.metadata.annotations.starting("container.apparmor.security.beta.kubernetes.io/") {
        if !value.is_empty() && &**value != "runtime/default" && !value.starts_with("localhost/") {
            let text = format!("{}={}", clipped(key), go_quoted(&clipped(value)));
            places.push(Place::annotation(key, text));
        }
    }
    places
}

fn is_allowed(kind: &str) -> bool {
    matches!(kind, "RuntimeDefault" | "Localhost")
}
