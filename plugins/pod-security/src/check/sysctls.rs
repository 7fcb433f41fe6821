//! Kernel parameters: only those that are a pod's own.

use super::place::Place;
use super::{Rule, Subject};

pub(super) const SINCE_0: Rule = Rule { find: |pod| find(pod, &SAFE[..5]), reason, detail };
pub(super) const SINCE_27: Rule = Rule { find: |pod| find(pod, &SAFE[..6]), reason, detail };
pub(super) const SINCE_29: Rule = Rule { find: |pod| find(pod, &SAFE[..10]), reason, detail };
pub(super) const SINCE_32: Rule = Rule { find: |pod| find(pod, &SAFE[..12]), reason, detail };
pub(super) const SINCE_37: Rule = Rule { find: |pod| find(pod, &SAFE), reason, detail };

/// In the order in which they came to be allowed.
const SAFE: [&str; 14] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
    "net.ipv4.tcp_slow_start_after_idle",
    "net.ipv4.tcp_notsent_lowat",
];

fn reason(_: &[Place<'_>]) -> &'static str {
    "forbidden sysctls"
}

fn detail(places: &[Place<'_>]) -> String {
    let names: Vec<&str> = places.iter().filter_map(|place| place.value.as_deref()).collect();
    names.join(", ")
}

fn find<'p>(pod: &Subject<'p>, safe: &[&str]) -> Vec<Place<'p>> {
    let Some(context) = &pod.spec.security_context else { return Vec::new() };
    let unsafe_ones = context.sysctls.iter().enumerate().filter(|(_, sysctl)| !safe.contains(&&*sysctl.name));
    let field = |index: usize| format!("/securityContext/sysctls/{index}/name");
    unsafe_ones.map(|(index, sysctl)| Place::pod(field(index), &sysctl.name)).collect()
}
