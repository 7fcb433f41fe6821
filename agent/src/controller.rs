//! Joins the steps.

pub(crate) mod backoff;
pub mod event;
pub(crate) mod state;
