#![doc = include_str!("../README.md")]

#[doc(hidden)]
pub mod bindings;
pub mod config;
pub mod diagnostic;
pub mod health;
#[doc(hidden)]
pub mod instance;
#[doc(hidden)]
pub mod manifest;
pub mod object;
pub mod policy;
pub mod render;
#[cfg(not(target_family = "wasm"))]
pub mod testing;

pub use serde_json;
