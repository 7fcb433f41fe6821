//! What the end-to-end tests, the demo and the benchmarks stand on: a real control plane, Git remotes over
//! HTTP(S), and the benchmark's workload.
//!
//! Everything listens on 127.0.0.1, lives in temporary folders and ends with the process that started it,
//! however that process ends. This library prints nothing: whoever wants to show progress passes a closure.

pub mod agent;
pub mod bench;
mod certificates;
pub mod control_plane;
pub mod fixture;
pub mod git_server;
pub mod guests;
pub mod process_usage;
pub mod repo;
pub mod workload;

pub use agent::{Agent, AgentOptions};
pub use control_plane::{ControlPlane, Options};
pub use fixture::{Fixture, Installed};
pub use git_server::{Auth, Fault, GitServer, GitServerOptions};
pub use process_usage::ProcessUsage;
pub use repo::TestRepo;
pub use workload::Monorepo;
