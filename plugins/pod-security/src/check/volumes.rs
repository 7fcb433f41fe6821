//! Volumes: none of the node's folders, and only some kinds at the restricted
//! level.

use super::Rule;
use super::place::{Place, names, values};
use crate::pod::{HOST_PATH, UNKNOWN};
use crate::text::{plural, quoted_list};

pub(super) const HOST_PATHS: Rule = Rule {
    find: |pod| {
        let mut places = Vec::new();
        for (index, volume) in pod.spec.volumes.iter().enumerate().filter(|(_, volume)| volume.is_host_path())
        {
            places.push(Place::volume(index, &volume.name, format!("/{HOST_PATH}"), HOST_PATH));
        }
        places
    },
    reason: |_| "hostPath volumes",
    detail: |places| {
        let names = names(places);
        format!("{} {}", plural("volume", "volumes", names.len()), quoted_list(&names))
    },
};

pub(super) const RESTRICTED: Rule = Rule {
    find: |pod| {
        let mut places = Vec::new();
        for (index, volume) in pod.spec.volumes.iter().enumerate() {
            if let Some(source) = volume.restricted() {
                let field = if source == UNKNOWN { String::new() } else { format!("/{source}") };
                places.push(Place::volume(index, &volume.name, field, source));
            }
        }
        places
    },
    reason: |_| "restricted volume types",
    detail: |places| {
        let (names, kinds) = (names(places), values(places));
        format!(
            "{} {} {} {} {}",
            plural("volume", "volumes", names.len()),
            quoted_list(&names),
            plural("uses", "use", names.len()),
            plural("restricted volume type", "restricted volume types", kinds.len()),
            quoted_list(&kinds),
        )
    },
};
