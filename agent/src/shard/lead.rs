//! Holds the Lease, or waits for it.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::claim::{Claim, boot_time};
use super::election::{Election, LEASE_DURATION, Lease, Step};
use crate::cluster::{Cluster, ClusterError, LeaseRecord};

/// The Lease that stands for all Applications.
const LEASE_NAME: &str = "windlass-agent";
/// The deadline of one look at the Lease or write to it: well below the time
/// in which a renewal is due.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);
/// How long to wait after a request that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Takes part in the election until `stop`, then gives the Lease back. `leadership` is told of each change.
pub(crate) async fn lead(
    cluster: Cluster,
    namespace: String,
    identity: String,
    claim: Claim,
    leadership: mpsc::Sender<bool>,
    stop: CancellationToken,
) {
    let cluster = cluster.with_timeout(REQUEST_TIMEOUT);
    let mut candidate =
        Candidate { cluster, namespace, election: Election::new(identity.clone()), identity, record: None };
    let mut leading = false;
    loop {
        let pause = candidate.act().await;
        match candidate.election.may_write_until() {
            Some(until) => claim.extend(until),
            None => claim.revoke(),
        }
        let leads = claim.remaining(boot_time()).is_some();
        if leads != leading {
            leading = leads;
            tracing::info!(leading, identity = candidate.identity, "leadership");
            if leadership.send(leading).await.is_err() {
                break;
            }
        }
        // A claim that ends while nothing answers is noticed when it ends.
        let pause = claim.remaining(boot_time()).map_or(pause, |left| pause.min(left));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => break,
        }
    }
    claim.revoke();
    candidate.release().await;
}

struct Candidate {
    cluster: Cluster,
    namespace: String,
    identity: String,
    election: Election,
    /// The Lease as it was read or written last.
    record: Option<LeaseRecord>,
}

impl Candidate {
    /// Does what is due, and says how long to wait.
    async fn act(&mut self) -> Duration {
        let began = boot_time();
        let result = match self.election.next(began) {
            Step::Wait(pause) => return pause,
            Step::Look => match self.cluster.get_lease(&self.namespace, LEASE_NAME).await {
                Ok(record) => {
                    self.election.observed(boot_time(), record.as_ref().map(lease_of));
                    self.record = record;
                    Ok(())
                }
                Err(error) => Err(error),
            },
            Step::Take { .. } => self.take(began).await,
        };
        match result {
            Ok(()) => Duration::ZERO,
            Err(error) => {
                let lost =
                    matches!(error, ClusterError::StaleVersion { .. } | ClusterError::AlreadyExists { .. });
                if !lost {
                    tracing::warn!(%error, "the lease");
                }
                self.election.failed(boot_time());
                AFTER_FAILURE
            }
        }
    }

    async fn take(&mut self, began: Duration) -> Result<(), ClusterError> {
        let now = Timestamp::now();
        let held = self.record.as_ref().is_some_and(|record| record.holder.as_ref() == Some(&self.identity));
        let former = self.record.clone();
        let mut record = former.clone().unwrap_or_default();
        LEASE_NAME.clone_into(&mut record.name);
        record.holder = Some(self.identity.clone());
        record.duration = LEASE_DURATION;
        record.renewed = Some(now);
        if !held {
            record.acquired = Some(now);
            record.transitions += i32::from(former.is_some());
        }
        let written = match former {
            None => self.cluster.create_lease(&self.namespace, &record).await?,
            Some(_) => self.cluster.update_lease(&self.namespace, &record).await?,
        };
        self.election.renewed(began, lease_of(&written));
        self.record = Some(written);
        Ok(())
    }

    /// Clears the holder, so that another agent need not wait.
    async fn release(&mut self) {
        let Some(record) = self.record.take().filter(|record| record.holder.as_ref() == Some(&self.identity))
        else {
            return;
        };
        let released = LeaseRecord { holder: None, duration: Duration::from_secs(1), ..record };
        if let Err(error) = self.cluster.update_lease(&self.namespace, &released).await {
            tracing::warn!(%error, "give the lease back");
        }
    }
}

fn lease_of(record: &LeaseRecord) -> Lease {
    Lease {
        holder: record.holder.clone(),
        duration: record.duration,
        resource_version: record.resource_version.clone().unwrap_or_default(),
    }
}
