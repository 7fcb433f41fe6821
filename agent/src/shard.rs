//! Which agent writes.
//!
//! Takes what a Lease shows and when it was seen to change; gives the right to
//! write, with an end. Today one Lease stands for all Applications: of the
//! agents on the nodes one writes and the others stand by. Never compares
//! clocks of two machines.

pub(crate) mod claim;
pub(crate) mod election;
pub(crate) mod lead;
