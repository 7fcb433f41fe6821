//! What clients asked of a Git server, bounded: the count of all requests and the last of them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// How many requests are remembered.
pub(super) const KEPT: usize = 10_000;

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: String,
    /// For example `/team/app.git/info/refs`.
    pub path: String,
    /// For example `service=git-upload-pack`; empty when there is none.
    pub query: String,
    /// The value of the `Authorization` header, when it was there.
    pub authorization: Option<String>,
    /// When it did.
    pub arrived: Instant,
}

#[derive(Default)]
pub(super) struct Record {
    kept: Mutex<(u64, VecDeque<Request>)>,
}

impl Record {
    pub(super) fn add(&self, request: Request) {
        // A list of requests is whole between any two statements that could panic.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, requests) = &mut *kept;
        *count += 1;
        if requests.len() == KEPT {
            requests.pop_front();
        }
        requests.push_back(request);
    }

    pub(super) fn count(&self) -> u64 {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).1.iter().cloned().collect()
    }
}
