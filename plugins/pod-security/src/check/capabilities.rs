//! Linux capabilities: none beyond the runtime's defaults, or all dropped.

use super::place::{Place, containers, values};
use super::{Rule, Subject};
use crate::pod::Capabilities;
use crate::text::quoted_list;

pub(super) const BASELINE: Rule = Rule {
    find: |pod| {
        let mut places = Vec::new();
        for at in pod.spec.containers() {
            if let Some(capabilities) = of(at.2) {
                add(&mut places, at, capabilities, &DEFAULTS);
            }
        }
        places
    },
    reason: |_| "non-default capabilities",
    detail: adding,
};

pub(super) const RESTRICTED: Rule =
    Rule { find: restricted, reason: |_| "unrestricted capabilities", detail: missing_or_adding };
pub(super) const RESTRICTED_BUT_WINDOWS: Rule = Rule {
    find: |pod| if pod.spec.is_windows() { Vec::new() } else { restricted(pod) },
    reason: |_| "unrestricted capabilities",
    detail: missing_or_adding,
};

const DEFAULTS: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

fn of<'p>(container: &'p crate::pod::Container<'p>) -> Option<&'p Capabilities<'p>> {
    container.security_context.as_ref()?.capabilities.as_deref()
}

fn add<'p>(
    places: &mut Vec<Place<'p>>,
    at: (&'static str, usize, &'p crate::pod::Container<'p>),
    capabilities: &'p Capabilities<'p>,
    allowed: &[&str],
) {
    for (index, capability) in capabilities.add.iter().enumerate() {
        if !allowed.contains(&&**capability) {
            let field = format!("/securityContext/capabilities/add/{index}");
            places.push(Place::container(at, field, capability));
        }
    }
}

fn restricted<'p>(pod: &Subject<'p>) -> Vec<Place<'p>> {
    let mut places = Vec::new();
    for at in pod.spec.containers() {
        let capabilities = of(at.2);
        if !capabilities
            .is_some_and(|capabilities| capabilities.drop.iter().any(|dropped| &**dropped == "ALL"))
        {
            places.push(Place::missing(at, "/securityContext/capabilities/drop"));
        }
        if let Some(capabilities) = capabilities {
            add(&mut places, at, capabilities, &["NET_BIND_SERVICE"]);
        }
    }
    places
}

fn adding(places: &[Place<'_>]) -> String {
    let (containers, values) = (containers(places), quoted_list(&values(places)));
    format!("{containers} must not include {values} in securityContext.capabilities.add")
}

fn missing_or_adding(places: &[Place<'_>]) -> String {
    let (missing, added): (Vec<_>, Vec<_>) = places.iter().cloned().partition(|place| place.value.is_none());
    let mut faults = Vec::new();
    if !missing.is_empty() {
        faults
            .push(format!(r#"{} must set securityContext.capabilities.drop=["ALL"]"#, containers(&missing)));
    }
    if !added.is_empty() {
        faults.push(adding(&added));
    }
    faults.join("; ")
}
