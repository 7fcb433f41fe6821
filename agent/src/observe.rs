//! Watches what was applied: notices drift, and follows health.

pub(crate) mod index;
