//! What peers took for the same workload, as it was measured earlier; printed beside ours.

/// Who, where and when.
pub(super) const WHO: &str = "peer: Flux kustomize-controller 1.9.6 + source-controller 1.7.3, measured earlier \
                              on such a machine (2 cores, 200 applications, polled every second)";

/// The number of applications that the figures hold for.
pub(super) const APPLICATIONS: usize = 200;

/// From the creation of all until all were applied, in seconds.
pub(super) const FIRST_SYNC_WALL: f64 = 66.4;
/// Processor seconds of kustomize-controller meanwhile.
pub(super) const FIRST_SYNC_CPU: f64 = 73.7;
/// API requests meanwhile, without watches.
pub(super) const FIRST_SYNC_REQUESTS: f64 = 7_365.0;
/// Resident memory of both, in MiB.
pub(super) const RESIDENT: f64 = 104.0 + 143.0;

/// From a commit that changes one until it was applied, in seconds.
pub(super) const COMMIT_APPLIED: [f64; 3] = [9.9, 8.8, 12.0];
/// Until all were settled, in seconds.
pub(super) const COMMIT_SETTLED: [f64; 3] = [89.0, 77.0, 78.0];
/// Processor seconds of kustomize-controller meanwhile.
pub(super) const COMMIT_CPU: [f64; 3] = [103.0, 88.0, 92.0];
/// API requests meanwhile, without watches.
pub(super) const COMMIT_REQUESTS: [f64; 3] = [3_839.0, 3_790.0, 3_818.0];
