//! The harness itself: a control plane that is real, ends with its parent and survives its API server's end;
//! Git servers that serve, ask for credentials and fail as told.

#![expect(clippy::unwrap_used, reason = "this is a test, of which Clippy knows only the functions marked so")]

#[path = "harness/control_plane.rs"]
mod control_plane;
#[path = "harness/git_server.rs"]
mod git_server;
