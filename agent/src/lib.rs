#![doc = include_str!("../ARCHITECTURE.md")]

pub mod api;
pub(crate) mod apply;
pub mod cli;
pub mod cluster;
pub mod controller;
pub mod diagnostic;
pub mod gate;
pub(crate) mod lock;
pub mod object;
pub(crate) mod observe;
pub(crate) mod plan;
pub mod plugin;
pub mod render;
pub(crate) mod shard;
pub mod source;
pub(crate) mod telemetry;
