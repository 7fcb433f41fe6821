//! Words for a trap: what stopped the code, and in which of its functions.

use wasmtime::{Trap, WasmBacktrace};

/// How many functions are named, the innermost first.
const NAMED_FUNCTIONS: usize = 4;

/// The longest message, in bytes: it ends up in a condition.
const MESSAGE_BYTES: usize = 2 << 10;

/// The machinery between a panic and its cause, which names no culprit.
const MACHINERY: [&str; 8] = [
    "core::panicking",
    "std::panicking",
    "std::rt",
    "rust_panic",
    "__rust",
    "_R",
    "std::sys",
    "core::option::",
];

/// One line for a person: the reason, then the functions that it happened in.
pub(crate) fn describe(error: &wasmtime::Error, trap: Option<&Trap>) -> String {
    let reason = match trap {
        Some(trap) => trap.to_string().trim_start_matches("wasm trap: ").to_owned(),
        None => error.root_cause().to_string(),
    };
    let functions = error.downcast_ref::<WasmBacktrace>().map(|trace| functions(&trace.to_string()));
    let mut message = match functions {
        Some(functions) if !functions.is_empty() => format!("{reason}, in {}", functions.join(" < ")),
        _ => reason,
    };
    if message.len() > MESSAGE_BYTES {
        message.truncate(message.floor_char_boundary(MESSAGE_BYTES));
    }
    message
}

/// The demangled names out of lines such as `0:  0x2a - module!crate::function`.
fn functions(trace: &str) -> Vec<String> {
    trace
        .lines()
        .filter_map(|line| line.split_once(" - ").map(|(_, place)| place))
        .filter_map(|place| place.split_once('!').map(|(_, function)| function.trim()))
        .filter(|function| !MACHINERY.iter().any(|prefix| function.starts_with(prefix)))
        .take(NAMED_FUNCTIONS)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_of_a_panic_are_named_without_its_machinery() {
        let trace = "error while executing at wasm backtrace:\n    \
            0:   0x71a - policy.wasm!core::panicking::panic_fmt\n    \
            1:   0x12f - policy.wasm!pinned_images::check\n    \
            2:   0x0f1 - policy.wasm!windlass:plugin/judging@0.1.0#evaluate";
        assert_eq!(functions(trace), ["pinned_images::check", "windlass:plugin/judging@0.1.0#evaluate"]);
    }
}
