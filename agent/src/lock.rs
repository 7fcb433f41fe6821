//! Locks a mutex whoever held it before.
//!
//! A thread that panics while it holds a mutex poisons it, and everyone who
//! locks it after that would fail as well. What windlass keeps behind a mutex is
//! changed in single calls, or is thrown away as a whole when it can't be
//! trusted: it can be used after a panic elsewhere.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex, poisoned or not.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
