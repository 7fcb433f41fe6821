//! waPC: how a core module and its host call each other with texts.
//!
//! Takes a module that imports from `wapc` and exports `__guest_call`; gives
//! its answers to named operations. What the module asks of the host goes to
//! the [`Callee`] of the call. Every access to the module's memory is checked,
//! and every function is charged to the host-call budget. What the operations
//! mean is not known here.

use bytes::Bytes;
use wasmtime::{AsContextMut, Caller, Engine, Extern, InstancePre, Linker, Result};

use super::preview1;
use super::sandbox::Sandbox;
use super::store::{CallState, ContractBroken, HostCallsExhausted, OutputExceeded};

/// The name that all functions are imported from.
pub(crate) const MODULE: &str = "wapc";

/// The function that every module of this kind exports.
pub(crate) const GUEST_CALL: &str = "__guest_call";

/// What a module may want to be called first, in this order.
const STARTS: [&str; 3] = ["_initialize", "_start", "wapc_init"];

/// How many bytes of a transfer one host call pays for.
const BYTES_PER_CALL: u64 = 64 << 10;

/// How much is kept of what a module prints, in bytes.
pub(crate) const LOG_BYTES: usize = 64 << 10;

/// A call of the module into the host.
pub(crate) struct HostCall<'a> {
    pub(crate) binding: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) payload: &'a [u8],
}

/// What answers a module.
pub(crate) trait Callee: Send {
    /// The answer, or the error that the module is told.
    ///
    /// # Errors
    /// Where the module must not go on.
    fn answer(&mut self, call: &HostCall<'_>) -> Result<std::result::Result<Vec<u8>, String>>;
}

/// The world of one call into a module.
pub(crate) struct Conversation<C> {
    pub(crate) sandbox: Sandbox,
    pub(crate) callee: C,
    operation: &'static str,
    request: Bytes,
    /// What the module may answer, in bytes.
    answer_bytes: usize,
    response: Option<Vec<u8>>,
    error: Option<Vec<u8>>,
    host_response: Vec<u8>,
    host_error: Vec<u8>,
}

impl<C> Conversation<C> {
    pub(crate) fn new(sandbox: Sandbox, callee: C, answer_bytes: usize) -> Self {
        Self {
            sandbox,
            callee,
            operation: "",
            request: Bytes::new(),
            answer_bytes,
            response: None,
            error: None,
            host_response: Vec::new(),
            host_error: Vec::new(),
        }
    }

    /// Keeps what the module has to say, the last of it where it is much.
    fn log(&mut self, text: &[u8]) {
        let kept = &mut self.sandbox.stderr.content;
        kept.extend_from_slice(&text[text.len().saturating_sub(LOG_BYTES / 2)..]);
        kept.push(b'\n');
        if kept.len() > LOG_BYTES {
            kept.drain(..kept.len() - LOG_BYTES / 2);
        }
    }
}

type World<C> = CallState<Conversation<C>>;

/// Everything that a module of this kind may import.
pub(crate) fn linker<C: Callee + 'static>(engine: &Engine) -> Result<Linker<World<C>>> {
    let mut linker = Linker::new(engine);
    preview1::add_to_linker(&mut linker, |state: &mut World<C>| &mut state.world.sandbox)?;
    add_guest_side(&mut linker)?;
    add_host_side(&mut linker)?;
    Ok(linker)
}

/// What the module is asked, and what it answers.
fn add_guest_side<C: Callee + 'static>(linker: &mut Linker<World<C>>) -> Result<()> {
    linker.func_wrap(
        MODULE,
        "__guest_request",
        |mut caller: Caller<'_, World<C>>, operation: u32, payload: u32| {
            enter(&mut caller, |memory, world| {
                let length = world.request.len();
                charge(world, length)?;
                write(memory, "__guest_request", operation, world.operation.as_bytes())?;
                write(memory, "__guest_request", payload, &world.request)
            })
        },
    )?;
    linker.func_wrap(
        MODULE,
        "__guest_response",
        |mut caller: Caller<'_, World<C>>, at: u32, length: u32| {
            enter(&mut caller, |memory, world| {
                world.response = Some(answered(memory, world, "__guest_response", (at, length))?);
                Ok(())
            })
        },
    )?;
    linker.func_wrap(MODULE, "__guest_error", |mut caller: Caller<'_, World<C>>, at: u32, length: u32| {
        enter(&mut caller, |memory, world| {
            world.error = Some(answered(memory, world, "__guest_error", (at, length))?);
            Ok(())
        })
    })?;
    linker.func_wrap(MODULE, "__console_log", |mut caller: Caller<'_, World<C>>, at: u32, length: u32| {
        enter(&mut caller, |memory, world| {
            charge(world, length as usize)?;
            world.log(read(memory, "__console_log", (at, length))?);
            Ok(())
        })
    })?;
    Ok(())
}

/// What the module asks of the host.
fn add_host_side<C: Callee + 'static>(linker: &mut Linker<World<C>>) -> Result<()> {
    linker.func_wrap(
        MODULE,
        "__host_call",
        |mut caller: Caller<'_, World<C>>,
         binding: u32,
         binding_length: u32,
         namespace: u32,
         namespace_length: u32,
         operation: u32,
         operation_length: u32,
         payload: u32,
         payload_length: u32| {
            enter(&mut caller, |memory, world| {
                charge(world, payload_length as usize)?;
                let text = |place| {
                    let bytes = read(memory, "__host_call", place)?;
                    str::from_utf8(bytes)
                        .map_err(|_| broken("`__host_call` names what is no UTF-8".to_owned()))
                };
                let call = HostCall {
                    binding: text((binding, binding_length))?,
                    namespace: text((namespace, namespace_length))?,
                    operation: text((operation, operation_length))?,
                    payload: read(memory, "__host_call", (payload, payload_length))?,
                };
                if (call.binding, call.namespace) == ("kubewarden", "tracing") {
                    world.log(call.payload);
                }
                world.host_response.clear();
                world.host_error.clear();
                match world.callee.answer(&call)? {
                    Ok(response) => world.host_response = response,
                    Err(problem) => {
                        world.host_error = problem.into_bytes();
                        return Ok(0_u32);
                    }
                }
                let length = world.host_response.len();
                charge(world, length)?;
                Ok(1)
            })
        },
    )?;
    linker.func_wrap(MODULE, "__host_response_len", |mut caller: Caller<'_, World<C>>| {
        enter(&mut caller, |_, world| {
            charge(world, 0)?;
            length(&world.host_response)
        })
    })?;
    linker.func_wrap(MODULE, "__host_response", |mut caller: Caller<'_, World<C>>, at: u32| {
        enter(&mut caller, |memory, world| {
            let length = world.host_response.len();
            charge(world, length)?;
            write(memory, "__host_response", at, &world.host_response)
        })
    })?;
    linker.func_wrap(MODULE, "__host_error_len", |mut caller: Caller<'_, World<C>>| {
        enter(&mut caller, |_, world| {
            charge(world, 0)?;
            length(&world.host_error)
        })
    })?;
    linker.func_wrap(MODULE, "__host_error", |mut caller: Caller<'_, World<C>>, at: u32| {
        enter(&mut caller, |memory, world| {
            let length = world.host_error.len();
            charge(world, length)?;
            write(memory, "__host_error", at, &world.host_error)
        })
    })?;
    Ok(())
}

/// Instantiates the module, and has it begin. `begun` is called once it has.
///
/// # Errors
/// What stopped it.
pub(crate) fn ask<C: Callee + 'static>(
    mut store: impl AsContextMut<Data = World<C>>,
    pre: &InstancePre<World<C>>,
    operation: &'static str,
    request: Bytes,
    begun: impl FnOnce(&mut Conversation<C>),
) -> Result<std::result::Result<Vec<u8>, String>> {
    let instance = pre.instantiate(&mut store)?;
    for start in STARTS {
        if instance.get_func(&mut store, start).is_none() {
            continue;
        }
        let started = instance.get_typed_func::<(), ()>(&mut store, start)?.call(&mut store, ());
        if let Err(error) = started
            && error.downcast_ref::<preview1::Exit>() != Some(&preview1::Exit(0))
        {
            return Err(error);
        }
    }
    let sizes = (length(operation.as_bytes())?, length(&request)?);
    let mut context = store.as_context_mut();
    let world = &mut context.data_mut().world;
    begun(world);
    (world.operation, world.request) = (operation, request);
    let call = instance.get_typed_func::<(u32, u32), i32>(&mut store, GUEST_CALL)?;
    let success = call.call(&mut store, sizes)? == 1;
    let mut context = store.as_context_mut();
    let world = &mut context.data_mut().world;
    match (success, world.response.take(), world.error.take()) {
        (true, Some(response), _) => Ok(Ok(response)),
        (true, None, _) => Err(broken(format!("it answered `{operation}` with nothing"))),
        (false, _, error) => {
            let error = error.filter(|error| !error.is_empty());
            let error = error.unwrap_or_else(|| b"failed without a word".to_vec());
            Ok(Err(String::from_utf8_lossy(&error).into_owned()))
        }
    }
}

/// Runs a function with the module's memory and its world.
fn enter<C: 'static, T>(
    caller: &mut Caller<'_, World<C>>,
    body: impl FnOnce(&mut [u8], &mut Conversation<C>) -> Result<T>,
) -> Result<T> {
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        return Err(broken("it does not export its memory as `memory`".to_owned()));
    };
    let (memory, state) = memory.data_and_store_mut(caller);
    body(memory, &mut state.world)
}

/// One call, and one more for each full 64 KiB that it moves.
fn charge<C>(world: &mut Conversation<C>, bytes: usize) -> Result<(), HostCallsExhausted> {
    let left = world.sandbox.host_calls_left.checked_sub(1 + bytes as u64 / BYTES_PER_CALL);
    world.sandbox.host_calls_left = left.unwrap_or(0);
    left.map(drop).ok_or(HostCallsExhausted)
}

/// A copy of what the module hands over, if it is not too much.
fn answered<C>(
    memory: &[u8],
    world: &mut Conversation<C>,
    function: &str,
    place: (u32, u32),
) -> Result<Vec<u8>> {
    charge(world, place.1 as usize)?;
    if place.1 as usize > world.answer_bytes {
        return Err(OutputExceeded.into());
    }
    Ok(read(memory, function, place)?.to_vec())
}

fn read<'a>(memory: &'a [u8], function: &str, (at, length): (u32, u32)) -> Result<&'a [u8]> {
    let end = (at as usize).checked_add(length as usize);
    end.and_then(|end| memory.get(at as usize..end)).ok_or_else(|| outside(function))
}

fn write(memory: &mut [u8], function: &str, at: u32, bytes: &[u8]) -> Result<()> {
    let end = (at as usize).checked_add(bytes.len());
    let place = end.and_then(|end| memory.get_mut(at as usize..end)).ok_or_else(|| outside(function))?;
    place.copy_from_slice(bytes);
    Ok(())
}

fn length(bytes: &[u8]) -> Result<u32> {
    u32::try_from(bytes.len()).map_err(|_| OutputExceeded.into())
}

fn outside(function: &str) -> wasmtime::Error {
    broken(format!("`{function}` points outside of its memory"))
}

fn broken(problem: String) -> wasmtime::Error {
    ContractBroken(problem).into()
}
