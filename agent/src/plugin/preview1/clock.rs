//! Time, which stands still: the wall clock at the commit's time, the
//! monotonic clock wherever sleeping has brought it.

use super::Answer;
use super::errno::Errno;
use super::guest::{Guest, u32_at, u64_at};
use crate::plugin::sandbox::Sandbox;

const REALTIME: u32 = 0;
/// The monotonic clock, and those of the process and the thread, which are the same here.
const FIRST_OTHER: u32 = 1;
const LAST_CLOCK: u32 = 3;

/// The most that one poll may wait for.
const POLL_LIMIT: u32 = 1024;

const SUBSCRIPTION_BYTES: usize = 48;
const EVENT_BYTES: usize = 32;

const ABSOLUTE: u32 = 1;

/// Nanoseconds since the Unix epoch.
pub(super) fn wall(sandbox: &Sandbox) -> u64 {
    sandbox.now().saturating_mul(1_000_000_000)
}

/// Go refuses to start at a monotonic time of 0, so all begins a second later.
fn monotonic(sandbox: &Sandbox) -> u64 {
    sandbox.monotonic_nanoseconds.saturating_add(1_000_000_000)
}

pub(super) fn resolution(guest: &mut Guest<'_>, _: &mut Sandbox, id: u32, out: u32) -> Answer {
    if id > LAST_CLOCK {
        return Err(Errno::INVAL.into());
    }
    Ok(guest.write_u64(out, 1)?)
}

pub(super) fn time(
    guest: &mut Guest<'_>,
    sandbox: &mut Sandbox,
    id: u32,
    _precision: u64,
    out: u32,
) -> Answer {
    let now = match id {
        REALTIME => wall(sandbox),
        FIRST_OTHER..=LAST_CLOCK => monotonic(sandbox),
        _ => return Err(Errno::INVAL.into()),
    };
    Ok(guest.write_u64(out, now)?)
}

/// What a poll waits for.
enum Wait {
    /// A file or stream, which is always ready.
    Ready(u8, Result<(), Errno>),
    /// The monotonic clock to reach this.
    Until(u64),
}

/// Waits for the first of several things. Waiting takes no time: it moves the
/// monotonic clock.
pub(super) fn poll(
    guest: &mut Guest<'_>,
    sandbox: &mut Sandbox,
    subscriptions: u32,
    events: u32,
    count: u32,
    done: u32,
) -> Answer {
    if count == 0 || count > POLL_LIMIT {
        return Err(Errno::INVAL.into());
    }
    let mut waits = Vec::new();
    for subscription in guest.slice(subscriptions, count * 48)?.chunks_exact(SUBSCRIPTION_BYTES) {
        waits.push((u64_at(subscription, 0), wait(subscription, sandbox)?));
    }
    let anything_ready = waits.iter().any(|(_, wait)| matches!(wait, Wait::Ready(..)));
    let first =
        waits.iter().filter_map(|(_, wait)| if let Wait::Until(at) = wait { Some(*at) } else { None }).min();
    if let (false, Some(first)) = (anything_ready, first) {
        sandbox.monotonic_nanoseconds = sandbox.monotonic_nanoseconds.max(first);
    }
    let now = sandbox.monotonic_nanoseconds;
    let mut happened = Vec::new();
    for (user_data, wait) in waits {
        let (kind, result) = match wait {
            Wait::Ready(kind, result) => (kind, result),
            Wait::Until(at) if at <= now => (0, Ok(())),
            Wait::Until(_) => continue,
        };
        let mut event = [0; EVENT_BYTES];
        event[0..8].copy_from_slice(&user_data.to_le_bytes());
        event[8..10].copy_from_slice(&result.err().map_or(0, |errno| errno.0).to_le_bytes());
        event[10] = kind;
        event[16] = 1;
        happened.extend_from_slice(&event);
    }
    guest.write(events, &happened)?;
    let number = u32::try_from(happened.len() / EVENT_BYTES).map_err(|_| Errno::INVAL)?;
    Ok(guest.write_u32(done, number)?)
}

fn wait(subscription: &[u8], sandbox: &mut Sandbox) -> Result<Wait, Errno> {
    let kind = subscription.get(8).copied().unwrap_or(u8::MAX);
    match kind {
        0 => {
            let (id, timeout) = (u32_at(subscription, 16), u64_at(subscription, 24));
            if id > LAST_CLOCK {
                return Err(Errno::INVAL);
            }
            let absolute = u32_at(subscription, 40) & ABSOLUTE != 0;
            let from_now = match (absolute, id) {
                (false, _) => timeout,
                (true, REALTIME) => timeout.saturating_sub(wall(sandbox)),
                (true, _) => timeout.saturating_sub(monotonic(sandbox)),
            };
            Ok(Wait::Until(sandbox.monotonic_nanoseconds.saturating_add(from_now)))
        }
        1 | 2 => Ok(Wait::Ready(kind, sandbox.files.get(u32_at(subscription, 16)).map(|_| ()))),
        _ => Err(Errno::INVAL),
    }
}
