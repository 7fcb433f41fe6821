//! The agent, from a commit to the cluster, on a real API server and over real
//! HTTP.

mod e2e {
    mod flow;
}
