//! The one configured plugin of an instance, and the way its panics leave it.
//! Part of what the export macros write; not for authors.

use std::cell::OnceCell;

use crate::bindings::types::Diagnostic;
use crate::config::{self, Configure};

/// Filled by `configure`, read by every other call.
#[derive(Debug)]
pub struct Instance<T>(OnceCell<T>);

impl<T: Configure> Instance<T> {
    /// Not configured yet.
    #[expect(clippy::new_without_default, reason = "made by the macros alone, in a const")]
    pub const fn new() -> Self {
        Self(OnceCell::new())
    }

    /// What `lifecycle.configure` does.
    pub fn configure(&self, settings: &[u8]) -> Result<(), Vec<Diagnostic>> {
        #[cfg(all(target_family = "wasm", target_os = "unknown"))]
        report_panics();
        let plugin = config::configure(settings)?;
        self.0.set(plugin).map_err(|_| vec![Diagnostic::error("configured twice")])
    }

    /// The plugin.
    ///
    /// # Panics
    /// When the host did not configure it first.
    pub fn get(&self) -> &T {
        match self.0.get() {
            Some(plugin) => plugin,
            None => panic!("called before `configure`"),
        }
    }
}

/// Tells the host the place and the message of a panic, which would only see an
/// `unreachable` otherwise.
///
/// A policy or health rule imports nothing that it could say it through, and
/// needs no import: the host refuses every request for more than 2 GiB of
/// memory, and sees it. `0x8100` pages begin a message, and `0x8000 + byte`
/// pages are a byte of it. Renderers have a standard error for this.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
fn report_panics() {
    use std::arch::wasm32::memory_grow;
    use std::fmt::{self, Write};

    const BEGIN: usize = 0x8100;
    const FIRST_BYTE: usize = 0x8000;

    /// Spells without allocating: running out of memory is a panic too.
    struct Spelling;

    impl Write for Spelling {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            for byte in text.bytes() {
                memory_grow(0, FIRST_BYTE + usize::from(byte));
            }
            Ok(())
        }
    }

    std::panic::set_hook(Box::new(|panic| {
        memory_grow(0, BEGIN);
        let message = panic.payload_as_str().unwrap_or("no message");
        // `Spelling` does not fail.
        let _ = match panic.location() {
            Some(location) => write!(Spelling, "panicked at {location}: {message}"),
            None => write!(Spelling, "panicked: {message}"),
        };
    }));
}

/// An instance answers one call. What it needs for that lies in the memory that it starts with, if the module was
/// linked with some (`--initial-heap`): growing takes two changes of the process's memory map for each call.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;
