//! What the end-to-end tests share: a local control plane, Git remotes and workloads.
