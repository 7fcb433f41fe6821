//! Root in a container, unless the pod has users of its own.

use super::place::{Place, containers, setters};
use super::{Rule, Subject};

pub(super) const NON_ROOT: Rule = Rule { find: root, reason: root_reason, detail: root_detail };
pub(super) const NON_ROOT_OUTSIDE_USER_NAMESPACES: Rule = Rule {
    find: |pod| if pod.spec.is_in_user_namespace() { Vec::new() } else { root(pod) },
    reason: root_reason,
    detail: root_detail,
};

const RUN_AS_NON_ROOT: &str = "/securityContext/runAsNonRoot";

fn root<'p>(pod: &Subject<'p>) -> Vec<Place<'p>> {
    let of_pod = pod.spec.security_context.as_ref().and_then(|context| context.run_as_non_root);
    let (mut explicit, mut missing) = (Vec::new(), Vec::new());
    if of_pod == Some(false) {
        explicit.push(Place::pod(RUN_AS_NON_ROOT, "false"));
    }
    for at in pod.spec.containers() {
        match at.2.security_context.as_ref().and_then(|context| context.run_as_non_root) {
            Some(true) => {}
            Some(false) => explicit.push(Place::container(at, RUN_AS_NON_ROOT, "false")),
            None if of_pod == Some(true) => {}
            None => missing.push(Place::missing(at, RUN_AS_NON_ROOT)),
        }
    }
    // Upstream speaks of what is missing only where nothing is wrong.
    if explicit.is_empty() { missing } else { explicit }
}

fn root_reason(_: &[Place<'_>]) -> &'static str {
    "runAsNonRoot != true"
}

fn root_detail(places: &[Place<'_>]) -> String {
    if places.iter().all(|place| place.value.is_none()) {
        return format!("pod or {} must set securityContext.runAsNonRoot=true", containers(places));
    }
    format!("{} must not set securityContext.runAsNonRoot=false", setters(places))
}

pub(super) const NOT_ZERO: Rule = Rule { find: zero, reason: zero_reason, detail: zero_detail };
pub(super) const NOT_ZERO_OUTSIDE_USER_NAMESPACES: Rule = Rule {
    find: |pod| if pod.spec.is_in_user_namespace() { Vec::new() } else { zero(pod) },
    reason: zero_reason,
    detail: zero_detail,
};

fn zero<'p>(pod: &Subject<'p>) -> Vec<Place<'p>> {
    const FIELD: &str = "/securityContext/runAsUser";
    let is_zero = |context: Option<&crate::pod::SecurityContext<'_>>| {
        context.and_then(|context| context.run_as_user) == Some(0)
    };
    let of_pod = is_zero(pod.spec.security_context.as_deref()).then(|| Place::pod(FIELD, "0"));
    let containers = pod.spec.containers().filter(|at| is_zero(at.2.security_context.as_deref()));
    of_pod.into_iter().chain(containers.map(|at| Place::container(at, FIELD, "0"))).collect()
}

fn zero_reason(_: &[Place<'_>]) -> &'static str {
    "runAsUser=0"
}

fn zero_detail(places: &[Place<'_>]) -> String {
    format!("{} must not set runAsUser=0", setters(places))
}
