//! Free TCP ports on 127.0.0.1. A port that is given may be taken by another process before it is used, so
//! whoever listens on one must be ready to start again with another.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener};

/// Below the range from which systems draw ports for outgoing connections: the port of a program that is
/// stopped for a while stays free for its return.
const RANGE: std::ops::Range<u16> = 20_000..30_000;

/// How many ports are tried before the machine counts as full.
const ATTEMPTS: usize = 1_000;

/// A port of 127.0.0.1 on which nothing listens now.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    // Drawn at random, so that test processes that start together look in different places.
    let random = RandomState::new().build_hasher().finish();
    let span = u64::from(RANGE.end - RANGE.start);
    (0..ATTEMPTS as u64)
        .filter_map(|attempt| u16::try_from((random % span + attempt) % span).ok())
        .map(|offset| RANGE.start + offset)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or_else(|| {
            anyhow::anyhow!(
                "none of {ATTEMPTS} ports of 127.0.0.1 tried from {}–{} is free",
                RANGE.start,
                RANGE.end
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_can_be_listened_on_and_lies_below_the_outgoing_range() {
        let port = free_port().unwrap();
        assert!(RANGE.contains(&port));
    }
}
