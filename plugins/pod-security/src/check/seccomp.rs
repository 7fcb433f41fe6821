//! Seccomp profiles: none but the runtime's and local ones, and one of them at
//! the restricted level.

use std::collections::BTreeSet;

use super::place::{Place, containers, setters, values};
use super::{Rule, Subject};
use crate::text::{clipped, go_quoted, plural, quoted_list};

pub(super) const BASELINE: Rule = Rule { find: explicit, reason, detail };
pub(super) const RESTRICTED: Rule = Rule { find: explicit_or_missing, reason, detail };
pub(super) const RESTRICTED_BUT_WINDOWS: Rule = Rule {
    find: |pod| if pod.spec.is_windows() { Vec::new() } else { explicit_or_missing(pod) },
    reason,
    detail,
};

/// From before there were fields for it.
pub(super) const ANNOTATIONS: Rule = Rule {
    find: annotations,
    reason,
    detail: |places| {
        let texts = values(places);
        format!("forbidden {} {}", plural("annotation", "annotations", texts.len()), texts.join(", "))
    },
};

const FIELD: &str = "/securityContext/seccompProfile/type";

fn reason(_: &[Place<'_>]) -> &'static str {
    "seccompProfile"
}

fn detail(places: &[Place<'_>]) -> String {
    if places.iter().all(|place| place.value.is_none()) {
        let containers = containers(places);
        return format!(
            r#"pod or {containers} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost""#
        );
    }
    let values = quoted_list(&values(places));
    format!("{} must not set securityContext.seccompProfile.type to {values}", setters(places))
}

fn is_allowed(kind: &str) -> bool {
    matches!(kind, "RuntimeDefault" | "Localhost")
}

fn explicit<'p>(pod: &Subject<'p>) -> Vec<Place<'p>> {
    let mut places = Vec::new();
    if let Some(profile) = pod.spec.security_context.as_ref().and_then(|c| c.seccomp_profile.as_ref())
        && !is_allowed(&profile.kind)
    {
        places.push(Place::pod(FIELD, &profile.kind));
    }
    for at in pod.spec.containers() {
        if let Some(profile) = at.2.security_context.as_ref().and_then(|c| c.seccomp_profile.as_ref())
            && !is_allowed(&profile.kind)
        {
            places.push(Place::container(at, FIELD, &profile.kind));
        }
    }
    places
}

/// Upstream speaks of what is missing only where nothing is wrong.
fn explicit_or_missing<'p>(pod: &Subject<'p>) -> Vec<Place<'p>> {
    let places = explicit(pod);
    let pod_sets_it = pod.spec.security_context.as_ref().is_some_and(|c| c.seccomp_profile.is_some());
    if !places.is_empty() || pod_sets_it {
        return places;
    }
    let sets_it = |context: &crate::pod::SecurityContext<'_>| context.seccomp_profile.is_some();
    let missing =
        pod.spec.containers().filter(|at| !at.2.security_context.as_ref().is_some_and(|c| sets_it(c)));
    missing.map(|at| Place::missing(at, FIELD)).collect()
}

fn annotations<'p>(pod: &Subject<'p>) -> Vec<Place<'p>> {
    const POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
    const CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
    let annotations = &pod.metadata.annotations;
    if annotations.starting(CONTAINER).chain(annotations.starting(POD)).next().is_none() {
        return Vec::new();
    }
    let containers: BTreeSet<&str> =
        pod.spec.containers().map(|(_, _, container)| &*container.name).collect();
    let counts =
        |key: &str| key == POD || key.strip_prefix(CONTAINER).is_some_and(|name| containers.contains(name));
    let mut places = Vec::new();
    for (key, value) in annotations.starting("") {
        let allowed =
            matches!(&**value, "runtime/default" | "docker/default") || value.starts_with("localhost/");
        if !allowed && counts(key) {
            let text = format!("{}={}", clipped(key), go_quoted(&clipped(value)));
            places.push(Place::annotation(key, text));
        }
    }
    places
}
