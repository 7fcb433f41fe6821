//! windlass keeps Kubernetes equal to what Git says.

pub mod diagnostic;
pub mod gate;
pub mod object;
pub mod plugin;
pub mod render;
pub mod source;
