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
    "std::sys::",
    "std::rt",
    "core::option::",
    "core::result::",
    "__rust",
    "rust_panic",
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
        .filter_map(|place| place.split_once('!').map(|(_, function)| without_hashes(function.trim())))
        .filter(|function| !MACHINERY.iter().any(|prefix| function.starts_with(prefix)))
        .take(NAMED_FUNCTIONS)
        .collect()
}

/// `crate[0123456789abcdef]::function` as people write it.
fn without_hashes(function: &str) -> String {
    let mut parts = function.split('[');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(']') {
            Some((hash, rest)) if hash.len() == 16 && hash.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
                name.push_str(rest);
            }
            _ => {
                name.push('[');
                name.push_str(part);
            }
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_of_a_panic_are_named_without_its_machinery() {
        let trace = "error while executing at wasm backtrace:\n    \
            0:   0x71a - policy.wasm!core[c5930c85a12de822]::panicking::panic_fmt\n    \
            1:   0x12f - policy.wasm!pinned_images[0123456789abcdef]::check::<[u8; 4]>\n    \
            2:   0x0f1 - policy.wasm!windlass:plugin/judging@0.1.0#evaluate";
        assert_eq!(
            functions(trace),
            ["pinned_images::check::<[u8; 4]>", "windlass:plugin/judging@0.1.0#evaluate"]
        );
    }
}
