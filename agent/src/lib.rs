#![doc = include_str!("../ARCHITECTURE.md")]

pub mod api;
pub mod controller;
pub mod diagnostic;
pub mod gate;
pub mod object;
pub(crate) mod observe;
pub(crate) mod plan;
pub mod plugin;
pub(crate) mod shard;
pub mod render;
pub mod source;
pub(crate) mod telemetry;
