//! What runs to an end, and Pods by themselves.

use serde_json::Value;
use windlass_plugin_sdk::health::{Assessment, Object};

use crate::condition;

pub(crate) fn pod(live: &Object) -> Assessment {
    match live.text("/status/phase") {
        Some("Succeeded") => Assessment::healthy("ran to its end"),
        Some("Failed") => {
            let why: Vec<&str> = ["/status/reason", "/status/message"]
                .into_iter()
                .filter_map(|field| live.text(field))
                .collect();
            let why = if why.is_empty() { exit(live).unwrap_or_default() } else { why.join(": ") };
            Assessment::failed(if why.is_empty() { "its phase is Failed".to_owned() } else { why })
        }
        Some("Unknown") => Assessment::unknown("its node does not answer"),
        Some("Running") => match condition::find(live, "Ready") {
            Some(ready) if ready.is_true() => Assessment::healthy("is ready"),
            Some(ready) => Assessment::progressing(waiting(live).unwrap_or_else(|| ready.says())),
            None => Assessment::progressing(waiting(live).unwrap_or_else(|| "is not ready yet".to_owned())),
        },
        Some(_) => {
            let unscheduled = condition::find(live, "PodScheduled").filter(|found| found.is_false());
            let why = unscheduled.map(condition::Condition::says).or_else(|| waiting(live));
            Assessment::progressing(why.unwrap_or_else(|| "its containers have not started yet".to_owned()))
        }
        None => Assessment::progressing("is not scheduled yet"),
    }
}

/// The states of all containers, those that run first in front.
fn statuses(live: &Object) -> impl Iterator<Item = &Value> {
    ["/status/initContainerStatuses", "/status/containerStatuses"]
        .into_iter()
        .flat_map(|list| live.list(list))
}

/// The first container that waits, and why. A container that crashes over and
/// over is waiting too: nobody gave up on it.
fn waiting(live: &Object) -> Option<String> {
    statuses(live).find_map(|status| {
        let reason = status.pointer("/state/waiting/reason")?.as_str()?;
        let name = status["name"].as_str().unwrap_or_default();
        let restarts = status["restartCount"].as_i64().unwrap_or_default();
        Some(match restarts {
            0 => format!("the container {name} waits: {reason}"),
            _ => format!("the container {name} waits: {reason}, after {restarts} restarts"),
        })
    })
}

/// The first container that ended badly.
fn exit(live: &Object) -> Option<String> {
    statuses(live).find_map(|status| {
        let code = status.pointer("/state/terminated/exitCode")?.as_i64().filter(|code| *code != 0)?;
        Some(format!("the container {} ended with {code}", status["name"].as_str().unwrap_or_default()))
    })
}

pub(crate) fn job(live: &Object) -> Assessment {
    let is = |name: &str| condition::find(live, name).filter(|found| found.is_true());
    if let Some(failed) = is("Failed") {
        return Assessment::failed(failed.says());
    }
    let count = |field: &str| live.integer(&format!("/status/{field}")).unwrap_or_default();
    let succeeded = count("succeeded");
    if is("Complete").is_some() {
        return Assessment::healthy(format!("is complete, with {succeeded} Pods that succeeded"));
    }
    if live.flag("/spec/suspend") || is("Suspended").is_some() {
        return Assessment::suspended("is suspended");
    }
    if let Some(ending) = is("FailureTarget").or_else(|| is("SuccessCriteriaMet")) {
        return Assessment::progressing(format!("is ending: {}", ending.says()));
    }
    if live.text("/status/startTime").is_none() {
        return Assessment::progressing("has not started yet");
    }
    let (active, failed) = (count("active"), count("failed"));
    let wanted = live.integer("/spec/completions").unwrap_or(1);
    Assessment::progressing(format!(
        "{succeeded} of {wanted} completions, {active} Pods run, {failed} failed"
    ))
}

pub(crate) fn cron_job(live: &Object) -> Assessment {
    if live.flag("/spec/suspend") {
        return Assessment::suspended("is suspended");
    }
    let schedule = live.text("/spec/schedule").unwrap_or_default();
    Assessment::healthy(match live.text("/status/lastScheduleTime") {
        Some(last) => format!("last ran at {last}"),
        None => format!("waits for its schedule `{schedule}`"),
    })
}
