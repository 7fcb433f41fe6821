//! `SELinux` options: no user, no role, and only the types of containers.

use super::place::{Place, setters, values};
use super::{Rule, Subject};
use crate::pod::SecurityContext;
use crate::text::{plural, quoted_list};

pub(super) const SINCE_0: Rule = Rule { find: |pod| find(pod, &TYPES[..4]), reason, detail };
pub(super) const SINCE_31: Rule = Rule { find: |pod| find(pod, &TYPES), reason, detail };

const TYPES: [&str; 5] = ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];

const TYPE: &str = "/securityContext/seLinuxOptions/type";
const USER: &str = "/securityContext/seLinuxOptions/user";
const ROLE: &str = "/securityContext/seLinuxOptions/role";

fn reason(_: &[Place<'_>]) -> &'static str {
    "seLinuxOptions"
}

fn detail(places: &[Place<'_>]) -> String {
    let mut faults = Vec::new();
    let types = values(places.iter().filter(|place| place.field_name() == "type"));
    if !types.is_empty() {
        faults.push(format!("{} {}", plural("type", "types", types.len()), quoted_list(&types)));
    }
    for field in ["user", "role"] {
        if places.iter().any(|place| place.field_name() == field) {
            faults.push(format!("{field} may not be set"));
        }
    }
    format!("{} set forbidden securityContext.seLinuxOptions: {}", setters(places), faults.join("; "))
}

fn find<'p>(pod: &Subject<'p>, types: &[&str]) -> Vec<Place<'p>> {
    let mut places = Vec::new();
    for (field, value) in faults(pod.spec.security_context.as_deref(), types) {
        places.push(Place::pod(field, value));
    }
    for at in pod.spec.containers() {
        for (field, value) in faults(at.2.security_context.as_deref(), types) {
            places.push(Place::container(at, field, value));
        }
    }
    places
}

fn faults<'p>(
    context: Option<&'p SecurityContext<'p>>,
    types: &[&str],
) -> impl Iterator<Item = (&'static str, &'p str)> {
    let options = context.and_then(|context| context.se_linux_options.as_ref());
    let bad_type = options.filter(|options| !types.contains(&&*options.kind)).map(|o| (TYPE, &*o.kind));
    let user = options.filter(|options| !options.user.is_empty()).map(|o| (USER, &*o.user));
    let role = options.filter(|options| !options.role.is_empty()).map(|o| (ROLE, &*o.role));
    [bad_type, user, role].into_iter().flatten()
}
