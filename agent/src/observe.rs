//! Watches what was applied: notices drift, and follows health.
//!
//! Takes what was applied and the reports of watches; gives drift events, and how
//! the objects of an Application do. Never writes.

pub(crate) mod index;
pub(crate) mod watch;
