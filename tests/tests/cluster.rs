//! The agent's client against a real API server: that the custom resources refuse what they must, that writes are
//! fenced, that ownership tells drift, and that watches miss nothing.

#![expect(clippy::unwrap_used, reason = "this is a test, of which Clippy knows only the functions marked so")]

#[path = "cluster/custom_resources.rs"]
mod custom_resources;
#[path = "cluster/drift.rs"]
mod drift;
#[path = "cluster/identity.rs"]
mod identity;
#[path = "cluster/stage.rs"]
mod stage;
#[path = "cluster/watches.rs"]
mod watches;
#[path = "cluster/writes.rs"]
mod writes;
