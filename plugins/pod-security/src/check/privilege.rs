//! Privileged containers, the way to become one, and a `/proc` without masks.

use super::place::{Place, containers, values};
use super::{Rule, Subject};
use crate::text::quoted_list;

pub(super) const PRIVILEGED: Rule = Rule {
    find: |pod| {
        let privileged = pod
            .spec
            .containers()
            .filter(|at| at.2.security_context.as_ref().and_then(|context| context.privileged) == Some(true));
        privileged.map(|at| Place::container(at, "/securityContext/privileged", "true")).collect()
    },
    reason: |_| "privileged",
    detail: |places| format!("{} must not set securityContext.privileged=true", containers(places)),
};

pub(super) const ESCALATION: Rule =
    Rule { find: escalation, reason: escalation_reason, detail: escalation_detail };
pub(super) const ESCALATION_BUT_WINDOWS: Rule = Rule {
    find: |pod| if pod.spec.is_windows() { Vec::new() } else { escalation(pod) },
    reason: escalation_reason,
    detail: escalation_detail,
};

fn escalation<'p>(pod: &Subject<'p>) -> Vec<Place<'p>> {
    let allowing = pod.spec.containers().filter(|at| {
        let context = at.2.security_context.as_ref();
        context.and_then(|context| context.allow_privilege_escalation) != Some(false)
    });
    allowing.map(|at| Place::missing(at, "/securityContext/allowPrivilegeEscalation")).collect()
}

fn escalation_reason(_: &[Place<'_>]) -> &'static str {
    "allowPrivilegeEscalation != false"
}

fn escalation_detail(places: &[Place<'_>]) -> String {
    format!("{} must set securityContext.allowPrivilegeEscalation=false", containers(places))
}

pub(super) const PROC_MOUNT: Rule =
    Rule { find: proc_mount, reason: |_| "procMount", detail: proc_mount_detail };
pub(super) const PROC_MOUNT_OUTSIDE_USER_NAMESPACES: Rule = Rule {
    find: |pod| if pod.spec.is_in_user_namespace() { Vec::new() } else { proc_mount(pod) },
    reason: |_| "procMount",
    detail: proc_mount_detail,
};

fn proc_mount<'p>(pod: &Subject<'p>) -> Vec<Place<'p>> {
    let mut places = Vec::new();
    for at in pod.spec.containers() {
        if let Some(mount) = at.2.security_context.as_ref().and_then(|context| context.proc_mount.as_ref())
            && &**mount != "Default"
        {
            places.push(Place::container(at, "/securityContext/procMount", mount));
        }
    }
    places
}

fn proc_mount_detail(places: &[Place<'_>]) -> String {
    let values = quoted_list(&values(places));
    format!("{} must not set securityContext.procMount to {values}", containers(places))
}
