//! Kinds that nobody taught us: judged by the conditions that controllers have
//! agreed on, and only where the controller can be shown to have seen what we
//! applied.

use windlass_plugin_sdk::health::{Assessment, Object};

use crate::condition::{self, Condition};

pub(crate) fn assess(live: &Object) -> Assessment {
    if live.fields("/status").is_none_or(serde_json::Map::is_empty) {
        return Assessment::unknown("has no status, so nothing says whether a controller has seen it");
    }
    let is = |name: &str| condition::find(live, name).filter(|found| found.is_true());
    if let Some(stalled) = is("Stalled") {
        return match stale(live, stalled) {
            Some(stale) => stale,
            None => Assessment::failed(stalled.says()),
        };
    }
    if let Some(reconciling) = is("Reconciling") {
        return Assessment::progressing(reconciling.says());
    }
    let Some(ready) = condition::find(live, "Ready") else {
        return match live.integer("/status/observedGeneration") {
            Some(generation) => {
                Assessment::healthy(format!("its controller has handled generation {generation}"))
            }
            None => {
                Assessment::unknown("has neither a condition Ready nor the generation that its status is of")
            }
        };
    };
    if let Some(stale) = stale(live, ready) {
        return stale;
    }
    if !ready.is_true() {
        return Assessment::progressing(ready.says());
    }
    let says_generation =
        live.integer("/status/observedGeneration").or_else(|| ready.observed_generation()).is_some();
    if says_generation || status_is_newer(live) {
        Assessment::healthy(ready.says())
    } else {
        Assessment::unknown("Ready is True, but nothing says that this is about the latest change")
    }
}

/// A condition that says itself that it is about another generation.
fn stale(live: &Object, condition: Condition<'_>) -> Option<Assessment> {
    let generation = live.integer("/metadata/generation")?;
    let observed = condition.observed_generation()?;
    (observed != generation).then(|| {
        Assessment::progressing(format!(
            "its condition is of generation {observed}, and the object is at generation {generation}"
        ))
    })
}

/// Whether the status was last written after everything else was, which is the
/// next best sign where a controller does not write the generation. The times
/// are UTC in one format, so they compare as text.
fn status_is_newer(live: &Object) -> bool {
    let newest = |of_status: bool| {
        live.list("/metadata/managedFields")
            .iter()
            .filter(|entry| match entry["subresource"].as_str().unwrap_or_default() {
                "" => !of_status,
                subresource => of_status && subresource == "status",
            })
            .filter_map(|entry| entry["time"].as_str())
            .max()
    };
    match (newest(true), newest(false)) {
        (Some(status), Some(rest)) => status >= rest,
        _ => false,
    }
}
