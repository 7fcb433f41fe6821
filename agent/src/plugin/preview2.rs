//! WASI 0.2 over a [`Sandbox`], for components: what a program needs that
//! reads files, and nothing that could reach further.
//!
//! Takes a linker; gives it `wasi:cli`, `wasi:io`, `wasi:clocks`,
//! `wasi:filesystem` and `wasi:random`. Never writes, never waits, never looks
//! at the machine. Sockets and HTTP do not exist.

mod cli;
mod clocks;
mod descriptor;
mod directory;
mod filesystem;
mod io;
mod random;

use wasmtime::StoreContextMut;
use wasmtime::component::{
    ComponentNamedList, Lift, Linker, LinkerInstance, Lower, ResourceTable, ResourceType,
};

use super::sandbox::Sandbox;
use super::store::{CallState, MAX_HANDLES};

/// What a renderer's store holds.
pub(crate) struct Renderer {
    /// The files, the streams, the clock.
    pub(crate) sandbox: Sandbox,
    table: ResourceTable,
    /// How many more names directories may list.
    names_left: usize,
}

impl Renderer {
    pub(crate) fn new(sandbox: Sandbox) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_HANDLES);
        Self { sandbox, table, names_left: LISTED_NAMES }
    }
}

/// Names that one call may list, over all directories.
const LISTED_NAMES: usize = 1_000_000;

type State = CallState<Renderer>;

/// The release that the functions here follow. A linker takes every 0.2.x for
/// every other, as long as a program uses only functions that exist here.
const RELEASE: &str = "0.2.6";

/// Adds everything.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    io::add_to_linker(linker)?;
    clocks::add_to_linker(linker)?;
    random::add_to_linker(linker)?;
    cli::add_to_linker(linker)?;
    filesystem::add_to_linker(linker)
}

/// One interface of `wasi`, being filled.
struct Interface<'a> {
    instance: LinkerInstance<'a, State>,
}

impl<'a> Interface<'a> {
    /// `name` is, for example, `io/poll`.
    fn open(linker: &'a mut Linker<State>, name: &str) -> wasmtime::Result<Self> {
        Ok(Self { instance: linker.instance(&format!("wasi:{name}@{RELEASE}"))? })
    }

    /// A function that costs one host call.
    fn function<Params, Return>(
        &mut self,
        name: &str,
        function: impl Fn(&mut Renderer, Params) -> wasmtime::Result<Return> + Send + Sync + 'static,
    ) -> wasmtime::Result<()>
    where
        Params: ComponentNamedList + Lift + 'static,
        Return: Lower + 'static,
        (Return,): ComponentNamedList + Lower,
    {
        self.instance.func_wrap(name, move |mut store: StoreContextMut<'_, State>, params: Params| {
            let renderer = &mut store.data_mut().world;
            renderer.sandbox.charge_host_call()?;
            Ok((function(renderer, params)?,))
        })
    }

    /// A function without a result that costs one host call.
    fn procedure<Params>(
        &mut self,
        name: &str,
        procedure: impl Fn(&mut Renderer, Params) -> wasmtime::Result<()> + Send + Sync + 'static,
    ) -> wasmtime::Result<()>
    where
        Params: ComponentNamedList + Lift + 'static,
    {
        self.instance.func_wrap(name, move |mut store: StoreContextMut<'_, State>, params: Params| {
            let renderer = &mut store.data_mut().world;
            renderer.sandbox.charge_host_call()?;
            procedure(renderer, params)
        })
    }

    /// A resource that the host holds as a `T`.
    fn resource<T: Send + 'static>(&mut self, name: &str) -> wasmtime::Result<()> {
        self.instance.resource(name, ResourceType::host::<T>(), |mut store, rep| {
            let table = &mut store.data_mut().world.table;
            table.delete(wasmtime::component::Resource::<T>::new_own(rep))?;
            Ok(())
        })
    }
}
