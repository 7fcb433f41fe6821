//! What the agent tells of itself: metrics, and whether it lives and is ready.
//!
//! Takes counts and durations as they happen; gives them in the Prometheus text
//! format over HTTP. Never carries names of objects or content of manifests.

pub(crate) mod metrics;
pub(crate) mod serve;
