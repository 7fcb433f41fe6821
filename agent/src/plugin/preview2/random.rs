//! `wasi:random`: the same bytes for the same inputs, on every machine.

use wasmtime::component::Linker;

use super::{Interface, Renderer, State};

/// The most that one call gives.
const RANDOM_BYTES: u64 = 1 << 20;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut random = Interface::open(linker, "random/random")?;
    random.function("get-random-bytes", |renderer, (length,): (u64,)| bytes(renderer, length))?;
    random.function("get-random-u64", |renderer, ()| Ok(number(renderer)))?;

    let mut insecure = Interface::open(linker, "random/insecure")?;
    insecure.function("get-insecure-random-bytes", |renderer, (length,): (u64,)| bytes(renderer, length))?;
    insecure.function("get-insecure-random-u64", |renderer, ()| Ok(number(renderer)))?;

    let mut seed = Interface::open(linker, "random/insecure-seed")?;
    seed.function("insecure-seed", |renderer, ()| Ok((number(renderer), number(renderer))))
}

fn bytes(renderer: &mut Renderer, length: u64) -> wasmtime::Result<Vec<u8>> {
    if length > RANDOM_BYTES {
        wasmtime::bail!("asked for {length} random bytes at once; {RANDOM_BYTES} is the most");
    }
    let mut buffer = vec![0; usize::try_from(length)?];
    renderer.sandbox.random.fill(&mut buffer);
    Ok(buffer)
}

fn number(renderer: &mut Renderer) -> u64 {
    let mut buffer = [0; 8];
    renderer.sandbox.random.fill(&mut buffer);
    u64::from_le_bytes(buffer)
}
