//! What a pod shares with its node: namespaces, ports, processes of Windows,
//! and addresses that the node's agent is told to ask.

use std::collections::BTreeSet;

use super::Rule;
use super::place::{Place, containers, names, setters, values};
use crate::text::{plural, quoted_list};

pub(super) const NAMESPACES: Rule = Rule {
    find: |pod| {
        let shared = [
            ("/hostNetwork", pod.spec.host_network),
            ("/hostPID", pod.spec.host_pid),
            ("/hostIPC", pod.spec.host_ipc),
        ];
        shared
            .into_iter()
            .filter(|(_, on)| *on == Some(true))
            .map(|(field, _)| Place::pod(field, "true"))
            .collect()
    },
    reason: |_| "host namespaces",
    detail: |places| {
        let fields: Vec<String> = places.iter().map(|place| format!("{}=true", place.field_name())).collect();
        fields.join(", ")
    },
};

pub(super) const PORTS: Rule = Rule {
    find: |pod| {
        let mut places = Vec::new();
        for at in pod.spec.containers() {
            for (index, port) in at.2.ports.iter().enumerate() {
                if let Some(number) = port.host_port.filter(|number| *number != 0) {
                    let place = Place::container(at, format!("/ports/{index}/hostPort"), "");
                    places.push(place.valued(number.to_string()));
                }
            }
        }
        places
    },
    reason: |_| "hostPort",
    detail: |places| {
        let (uses, ports) = (plural("uses", "use", names(places).len()), values(places));
        let hosts = plural("hostPort", "hostPorts", ports.len());
        format!("{} {uses} {hosts} {}", containers(places), ports.join(", "))
    },
};

pub(super) const PROCESS: Rule = Rule {
    find: |pod| {
        const FIELD: &str = "/securityContext/windowsOptions/hostProcess";
        let is_one = |context: Option<&crate::pod::SecurityContext<'_>>| {
            context.and_then(|context| context.windows_options.as_ref()?.host_process) == Some(true)
        };
        let pods = is_one(pod.spec.security_context.as_deref()).then(|| Place::pod(FIELD, "true"));
        let containers = pod.spec.containers().filter(|at| is_one(at.2.security_context.as_deref()));
        pods.into_iter().chain(containers.map(|at| Place::container(at, FIELD, "true"))).collect()
    },
    reason: |_| "hostProcess",
    detail: |places| {
        format!("{} must not set securityContext.windowsOptions.hostProcess=true", setters(places))
    },
};

pub(super) const PROBES: Rule = Rule {
    find: |pod| {
        let mut places = Vec::new();
        for at in pod.spec.containers() {
            let lifecycle = at.2.lifecycle.as_ref();
            let handlers = [
                ("/livenessProbe", at.2.liveness_probe.as_ref()),
                ("/readinessProbe", at.2.readiness_probe.as_ref()),
                ("/startupProbe", at.2.startup_probe.as_ref()),
                ("/lifecycle/postStart", lifecycle.and_then(|lifecycle| lifecycle.post_start.as_ref())),
                ("/lifecycle/preStop", lifecycle.and_then(|lifecycle| lifecycle.pre_stop.as_ref())),
            ];
            for (field, handler) in handlers {
                let Some(handler) = handler else { continue };
                for (way, target) in [("httpGet", &handler.http_get), ("tcpSocket", &handler.tcp_socket)] {
                    if let Some(target) = target.as_ref().filter(|target| !target.host.is_empty()) {
                        places.push(Place::container(at, format!("{field}/{way}/host"), &target.host));
                    }
                }
            }
        }
        places
    },
    reason: |_| "probe or lifecycle host",
    detail: |places| {
        // Here upstream sorts the containers.
        let names: Vec<&str> = names(places).into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let hosts = values(places);
        format!(
            "{} {} {} {} {}",
            plural("container", "containers", names.len()),
            quoted_list(&names),
            plural("uses", "use", names.len()),
            plural("probe or lifecycle host", "probe or lifecycle hosts", hosts.len()),
            quoted_list(&hosts),
        )
    },
};
