//! Watches what was applied: notices drift, and follows health.
//!
//! Takes what was applied and the reports of watches; gives drift events, and how
//! the objects of an Application do. Never writes.

pub(crate) mod index;
pub(crate) mod watch;

use crate::object::{Name, ObjectKey};
use crate::plugin::HealthState;

/// What became known of an Application's live objects.
#[derive(Clone, Debug)]
pub(crate) enum Notice {
    /// An object is not as it was applied.
    Drifted { application: Name, object: ObjectKey },
    /// How all of them do.
    Health { application: Name, state: HealthState },
}
