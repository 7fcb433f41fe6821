//! `wasi:clocks`: the commit's time, and a monotonic clock that only sleeping
//! moves.

use wasmtime::component::{ComponentType, Lift, Linker, Lower};

use super::io::Pollable;
use super::{Interface, Renderer, State};

/// `datetime`.
#[derive(Clone, Copy, ComponentType, Lift, Lower)]
#[component(record)]
pub(super) struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

impl Datetime {
    pub(super) fn now(renderer: &Renderer) -> Self {
        Self { seconds: renderer.sandbox.now(), nanoseconds: 0 }
    }
}

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut wall = Interface::open(linker, "clocks/wall-clock")?;
    wall.function("now", |renderer, ()| Ok(Datetime::now(renderer)))?;
    wall.function("resolution", |_, ()| Ok(Datetime { seconds: 1, nanoseconds: 0 }))?;

    let mut monotonic = Interface::open(linker, "clocks/monotonic-clock")?;
    monotonic.function("now", |renderer, ()| Ok(renderer.sandbox.monotonic_nanoseconds))?;
    monotonic.function("resolution", |_, ()| Ok(1u64))?;
    monotonic.function("subscribe-instant", |renderer, (at,): (u64,)| {
        Ok(renderer.table.push(Pollable { ready_at: Some(at) })?)
    })?;
    monotonic.function("subscribe-duration", |renderer, (wait,): (u64,)| {
        let at = renderer.sandbox.monotonic_nanoseconds.saturating_add(wait);
        Ok(renderer.table.push(Pollable { ready_at: Some(at) })?)
    })
}
