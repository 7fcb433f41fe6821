//! windlass keeps Kubernetes equal to what Git says.

pub mod controller;
pub mod diagnostic;
pub mod gate;
pub mod object;
pub(crate) mod plan;
pub mod plugin;
pub mod render;
pub mod source;
