//! Plugins that misbehave, each in its own way: the host says which, and goes
//! on with the next one.

mod examples;
mod guests;
mod judges;
mod kubewarden;
mod kubewarden_sdk;
mod modules;
mod programs;
mod registry;
mod renderers;
mod versions;
