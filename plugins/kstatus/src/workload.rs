//! What keeps a number of Pods running.

use windlass_plugin_sdk::health::{Assessment, Object};

use crate::condition::{self, Condition};
use crate::unseen;

/// The counters of a workload's status; absent ones are zero.
struct Counts<'a>(&'a Object);

impl Counts<'_> {
    fn of(&self, field: &str) -> i64 {
        self.0.integer(&format!("/status/{field}")).unwrap_or_default()
    }

    /// Progressing with the first counter that has not reached `wanted`.
    fn short(&self, wanted: i64, fields: &[(&str, &str)]) -> Option<Assessment> {
        fields.iter().find_map(|(field, word)| {
            let count = self.of(field);
            (count < wanted)
                .then(|| Assessment::progressing(format!("{count} of {wanted} replicas are {word}")))
        })
    }

    /// Progressing while there are more than `wanted`.
    fn surplus(&self, wanted: i64) -> Option<Assessment> {
        let surplus = self.of("replicas") - wanted;
        (surplus > 0).then(|| {
            Assessment::progressing(format!("{surplus} replicas more than the {wanted} wanted are left"))
        })
    }
}

fn wanted(live: &Object) -> i64 {
    live.integer("/spec/replicas").unwrap_or(1)
}

fn all_available(wanted: i64) -> Assessment {
    Assessment::healthy(match wanted {
        0 => "has no replicas, as was asked for".to_owned(),
        1 => "its replica is available".to_owned(),
        _ => format!("{wanted} of {wanted} replicas are available"),
    })
}

pub(crate) fn deployment(live: &Object) -> Assessment {
    if let Some(unseen) = unseen(live) {
        return unseen;
    }
    if live.flag("/spec/paused") {
        return Assessment::suspended("its rollout is paused");
    }
    let progressing = condition::find(live, "Progressing");
    if let Some(gave_up) =
        progressing.filter(|found| found.is_false() && found.reason() == "ProgressDeadlineExceeded")
    {
        return Assessment::failed(gave_up.says());
    }
    let wanted = wanted(live);
    let counts = Counts(live);
    let short = counts
        .short(wanted, &[("replicas", "created"), ("updatedReplicas", "updated")])
        .or_else(|| counts.surplus(wanted))
        .or_else(|| counts.short(wanted, &[("readyReplicas", "ready"), ("availableReplicas", "available")]));
    if let Some(short) = short {
        // A quota or a webhook that refuses Pods shows up here before the deadline does.
        let refused = condition::find(live, "ReplicaFailure").filter(|found| found.is_true());
        return refused.map_or(short, |refused| Assessment::progressing(refused.says()));
    }
    if let Some(waiting) = progressing.filter(|found| found.reason() != "NewReplicaSetAvailable") {
        return Assessment::progressing(waiting.says());
    }
    match condition::find(live, "Available").filter(|found| !found.is_true()) {
        Some(not_available) => Assessment::progressing(not_available.says()),
        None => all_available(wanted),
    }
}

pub(crate) fn stateful_set(live: &Object) -> Assessment {
    if let Some(unseen) = unseen(live) {
        return unseen;
    }
    let wanted = wanted(live);
    let counts = Counts(live);
    let short = counts
        .short(wanted, &[("replicas", "created"), ("readyReplicas", "ready")])
        .or_else(|| counts.surplus(wanted));
    if let Some(short) = short {
        return short;
    }
    let updated = counts.of("updatedReplicas");
    let is_one_revision = live.text("/status/currentRevision") == live.text("/status/updateRevision");
    if live.text("/spec/updateStrategy/type") == Some("OnDelete") {
        if is_one_revision {
            return all_available(wanted);
        }
        return Assessment::healthy(format!(
            "{wanted} of {wanted} replicas are ready and {updated} updated; the others update when they are deleted"
        ));
    }
    let partition = live.integer("/spec/updateStrategy/rollingUpdate/partition").unwrap_or_default();
    if partition > 0 {
        let meant = (wanted - partition).max(0);
        if !is_one_revision && updated < meant {
            return Assessment::progressing(format!(
                "{updated} of the {meant} replicas that the partition {partition} leaves are updated"
            ));
        }
        return Assessment::healthy(format!(
            "{wanted} of {wanted} replicas are ready; the partition {partition} keeps the first ones as they are"
        ));
    }
    if !is_one_revision {
        return Assessment::progressing(format!("{updated} of {wanted} replicas are updated"));
    }
    // Only counted where `minReadySeconds` makes a difference to `readyReplicas`.
    let waits = live.integer("/spec/minReadySeconds").unwrap_or_default() > 0;
    let available = waits.then(|| counts.short(wanted, &[("availableReplicas", "available")])).flatten();
    available.unwrap_or_else(|| all_available(wanted))
}

pub(crate) fn daemon_set(live: &Object) -> Assessment {
    if let Some(unseen) = unseen(live) {
        return unseen;
    }
    let counts = Counts(live);
    let wanted = counts.of("desiredNumberScheduled");
    if wanted == 0 {
        return Assessment::healthy("no node is meant to run it");
    }
    let on_delete = live.text("/spec/updateStrategy/type") == Some("OnDelete");
    let updated: &[_] = if on_delete { &[] } else { &[("updatedNumberScheduled", "updated")] };
    let short = counts
        .short(wanted, &[("currentNumberScheduled", "created")])
        .or_else(|| counts.short(wanted, updated))
        .or_else(|| counts.short(wanted, &[("numberReady", "ready"), ("numberAvailable", "available")]));
    let is_updated = counts.of("updatedNumberScheduled");
    match short {
        Some(short) => short,
        None if on_delete && is_updated < wanted => Assessment::healthy(format!(
            "{wanted} of {wanted} replicas are available and {is_updated} updated; the others update when they are deleted"
        )),
        None => all_available(wanted),
    }
}

pub(crate) fn replica_set(live: &Object) -> Assessment {
    if let Some(unseen) = unseen(live) {
        return unseen;
    }
    if let Some(refused) =
        condition::find(live, "ReplicaFailure").filter(|found: &Condition<'_>| found.is_true())
    {
        return Assessment::failed(refused.says());
    }
    let wanted = wanted(live);
    let counts = Counts(live);
    counts
        .short(wanted, &[("replicas", "created")])
        .or_else(|| counts.surplus(wanted))
        .or_else(|| counts.short(wanted, &[("readyReplicas", "ready"), ("availableReplicas", "available")]))
        .unwrap_or_else(|| all_available(wanted))
}
