//! windlass keeps Kubernetes equal to what Git says.

pub mod api;
pub mod cluster;
pub mod diagnostic;
pub mod object;
pub mod plugin;
pub mod source;
