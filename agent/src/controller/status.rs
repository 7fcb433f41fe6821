//! What an Application's status says, from how its syncs went and how its
//! objects do. Pure: takes the status as it was, gives it as it should be.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

use super::event::Waiting;
use super::report::{Stage, SyncError};
use crate::api::condition::{ConditionStatus, ConditionType, Reason, condition, set_condition};
use crate::api::{
    ApplicationStatus, HealthCounts, HealthState, HealthSummary, RendererStatus, RevisionStatus,
    VerdictSummary,
};
use crate::gate::{Action, Verdict};
use crate::observe::index::RollUp;
use crate::plugin;
use crate::render::PluginId;
use crate::source::Revision;

/// Findings that are quoted in the status.
const QUOTED_FINDINGS: usize = 20;

/// What the steps before the writes say when they succeeded.
const RENDERED: &str = "the set is complete";
const ADMITTED: &str = "every gate let the set pass";
const COMPLIANT: &str = "every gate would let pass what is applied";

/// A status that is being worked on.
pub(crate) struct Draft<'a> {
    status: &'a mut ApplicationStatus,
    generation: i64,
    now: Time,
}

impl<'a> Draft<'a> {
    /// `generation` is the generation of the spec that the status will speak of.
    pub(crate) fn new(status: &'a mut ApplicationStatus, generation: i64, now: Timestamp) -> Self {
        status.observed_generation = Some(generation);
        Self { status, generation, now: Time(now) }
    }

    /// There is nothing to sync to.
    pub(crate) fn waiting(&mut self, waiting: Waiting, repository: &str) {
        let (reason, message) = match waiting {
            Waiting::RepositoryMissing => (
                Reason::RepositoryNotReady,
                format!(
                    "the Repository `{repository}` does not exist in this namespace; create it, or correct spec.repository.name"
                ),
            ),
            Waiting::NoRevision => (
                Reason::RepositoryNotReady,
                format!("the Repository `{repository}` has no revision yet; its Ready condition says why"),
            ),
            Waiting::Suspended => (
                Reason::Suspended,
                "suspended by spec.suspend: nothing is applied, corrected or pruned".to_owned(),
            ),
        };
        self.set(ConditionType::Ready, ConditionStatus::False, reason, &message);
    }

    /// A sync was admitted and begins to write.
    pub(crate) fn applying(&mut self, revision: &Revision, renderer: &PluginId) {
        self.admitted(renderer);
        self.status.attempted_revision = Some(revision.commit.to_string());
        let message = format!("applying {}", label(revision));
        self.set(ConditionType::Applied, ConditionStatus::Unknown, Reason::Progressing, &message);
        self.set(ConditionType::Ready, ConditionStatus::Unknown, Reason::Progressing, &message);
    }

    /// A sync failed. What was applied before it stays, and its conditions too.
    pub(crate) fn failed(&mut self, revision: &Revision, error: &SyncError) {
        self.status.attempted_revision = Some(revision.commit.to_string());
        if error.stage == Stage::Gate {
            self.status.verdicts = summary(&error.verdicts);
        }
        let steps = [
            (Stage::Render, ConditionType::Rendered, RENDERED),
            (Stage::Gate, ConditionType::Admitted, ADMITTED),
            (Stage::Apply, ConditionType::Applied, ""),
        ];
        for (stage, kind, done) in steps {
            match stage.cmp(&error.stage) {
                std::cmp::Ordering::Less => self.set(kind, ConditionStatus::True, Reason::Succeeded, done),
                std::cmp::Ordering::Equal => {
                    let message = format!("{}: {}", label(revision), error.message);
                    self.set(kind, ConditionStatus::False, error.reason, &message);
                }
                std::cmp::Ordering::Greater => {}
            }
        }
        self.derive_ready();
    }

    /// What the gates of today say of what is applied.
    pub(crate) fn reviewed(&mut self, objection: Option<&SyncError>) {
        match objection {
            None => self.set(ConditionType::Compliant, ConditionStatus::True, Reason::Succeeded, COMPLIANT),
            Some(error) => {
                let status = ConditionStatus::False;
                self.set(ConditionType::Compliant, status, error.reason, &objecting(error));
            }
        }
    }

    /// A sync reached its target, with a set of that renderer and digest. `verdicts` are absent where nothing was judged anew.
    pub(crate) fn synced(
        &mut self,
        revision: &Revision,
        (renderer, digest): (&PluginId, &str),
        verdicts: Option<&[Verdict]>,
        moved: bool,
    ) {
        self.admitted(renderer);
        self.status.admitted_digest = Some(digest.to_owned());
        if let Some(verdicts) = verdicts {
            self.status.verdicts = summary(verdicts);
        }
        // A commit that changed nothing for this Application is not worth a write of its own.
        let unsettled = condition(&self.status.conditions, ConditionType::Applied)
            .is_none_or(|applied| applied.status != ConditionStatus::True.as_str());
        // Unless another one was refused since: then it is what mended it.
        let applied = self.status.revision.as_ref().map(|revision| &revision.commit);
        let mended = applied != self.status.attempted_revision.as_ref();
        if moved || unsettled || mended {
            self.status.attempted_revision = Some(revision.commit.to_string());
            self.status.revision = Some(revision_status(revision));
            self.status.last_applied_time = Some(self.now.clone());
            let message = format!("the cluster equals {}", label(revision));
            self.set(ConditionType::Applied, ConditionStatus::True, Reason::Succeeded, &message);
        }
        self.derive_ready();
    }

    /// The objects' health, all together.
    pub(crate) fn health(&mut self, roll_up: &RollUp, timed_out: bool) {
        let summary = HealthSummary {
            state: state(roll_up.state),
            message: roll_up.message.clone(),
            counts: counts(roll_up),
        };
        self.status.health = Some(summary);
        let (status, reason) = match roll_up.state {
            plugin::HealthState::Suspended => (ConditionStatus::True, Reason::Suspended),
            plugin::HealthState::Failed => (ConditionStatus::False, Reason::Unhealthy),
            // An object that tells nothing of itself can't be awaited: to wait for it would be to wait for ever.
            plugin::HealthState::Healthy | plugin::HealthState::Unknown => {
                (ConditionStatus::True, Reason::Succeeded)
            }
            plugin::HealthState::Progressing if timed_out => (ConditionStatus::False, Reason::HealthTimeout),
            plugin::HealthState::Progressing => (ConditionStatus::Unknown, Reason::Progressing),
        };
        let total: usize = roll_up.counts.values().sum();
        let message = match (roll_up.message.is_empty(), timed_out) {
            (true, _) => format!("{total} objects are healthy"),
            _ if roll_up.state == plugin::HealthState::Unknown => {
                let silent = roll_up.counts.get("Unknown").copied().unwrap_or(0);
                format!(
                    "{} objects are healthy, {silent} can't be judged: {}",
                    total - silent,
                    roll_up.message
                )
            }
            (false, false) => roll_up.message.clone(),
            (false, true) => format!("not healthy within spec.healthTimeout: {}", roll_up.message),
        };
        self.set(ConditionType::Healthy, status, reason, &message);
        // How the objects do is no answer to why nothing is synced.
        let ready = condition(&self.status.conditions, ConditionType::Ready);
        let waiting = [Reason::Suspended, Reason::RepositoryNotReady].map(Reason::as_str);
        if ready.is_none_or(|ready| ready.status != "False" || !waiting.contains(&ready.reason.as_str())) {
            self.derive_ready();
        }
    }

    /// Ready is the first step that is not as it should be, or all of them.
    fn derive_ready(&mut self) {
        let steps = [
            ConditionType::Rendered,
            ConditionType::Admitted,
            ConditionType::Applied,
            ConditionType::Healthy,
        ];
        let unready = steps.iter().find_map(|kind| {
            let step = condition(&self.status.conditions, *kind)?;
            (step.status != ConditionStatus::True.as_str()).then(|| step.clone())
        });
        let decides = unready.or_else(|| condition(&self.status.conditions, ConditionType::Applied).cloned());
        let Some(step) = decides else { return };
        let ready = Condition { type_: ConditionType::Ready.as_str().to_owned(), ..step };
        put(&mut self.status.conditions, ready, &self.now);
    }

    /// The set was made and admitted.
    fn admitted(&mut self, renderer: &PluginId) {
        let digest = renderer.digest.clone();
        let digest = if digest.starts_with("sha256:") { digest } else { format!("sha256:{digest}") };
        self.status.renderer = Some(RendererStatus { plugin: renderer.name.clone(), digest });
        self.set(ConditionType::Rendered, ConditionStatus::True, Reason::Succeeded, RENDERED);
        self.set(ConditionType::Admitted, ConditionStatus::True, Reason::Succeeded, ADMITTED);
    }

    fn set(&mut self, kind: ConditionType, status: ConditionStatus, reason: Reason, message: &str) {
        set_condition(
            &mut self.status.conditions,
            kind,
            status,
            reason,
            message,
            Some(self.generation),
            &self.now,
        );
    }
}

/// What is told of a set that is applied and would be refused.
pub(crate) fn objecting(error: &SyncError) -> String {
    format!("stays applied, and would be refused today: {}", error.message)
}

/// Puts a whole condition in; the transition time moves with the status only.
fn put(conditions: &mut Vec<Condition>, mut new: Condition, now: &Time) {
    let old = conditions.iter_mut().find(|old| old.type_ == new.type_);
    new.last_transition_time = match &old {
        Some(old) if old.status == new.status => old.last_transition_time.clone(),
        _ => now.clone(),
    };
    match old {
        Some(old) => *old = new,
        None => conditions.push(new),
    }
}

/// A commit as people name it: the first digits of its id, and its subject.
pub(crate) fn label(revision: &Revision) -> String {
    let commit = revision.commit.to_string();
    format!("{} ({})", &commit[..8], revision.subject)
}

pub(crate) fn revision_status(revision: &Revision) -> RevisionStatus {
    RevisionStatus {
        commit: revision.commit.to_string(),
        author: Some(bounded(&revision.author)),
        time: Timestamp::from_second(revision.time).ok().map(Time),
        subject: Some(bounded(&revision.subject)),
    }
}

fn bounded(text: &str) -> String {
    text.chars().take(128).collect()
}

fn summary(verdicts: &[Verdict]) -> Option<VerdictSummary> {
    if verdicts.is_empty() {
        return None;
    }
    let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
    let counting = |action| move |verdict: &&Verdict| verdict.action == action && !verdict.is_excepted();
    let count = |action| number(verdicts.iter().filter(counting(action)).count());
    // What refuses comes first.
    let mut ordered: Vec<_> = verdicts.iter().collect();
    ordered.sort_by_key(|verdict| (verdict.is_excepted(), verdict.action));
    Some(VerdictSummary {
        denied: count(Action::Deny),
        warned: count(Action::Warn),
        audited: count(Action::Audit),
        excepted: number(verdicts.iter().filter(|verdict| verdict.is_excepted()).count()),
        findings: ordered
            .into_iter()
            .take(QUOTED_FINDINGS)
            .map(|verdict| verdict.diagnostic().to_string().chars().take(1024).collect())
            .collect(),
    })
}

fn state(state: plugin::HealthState) -> HealthState {
    match state {
        plugin::HealthState::Healthy => HealthState::Healthy,
        plugin::HealthState::Progressing => HealthState::Progressing,
        plugin::HealthState::Failed => HealthState::Failed,
        plugin::HealthState::Suspended => HealthState::Suspended,
        plugin::HealthState::Unknown => HealthState::Unknown,
    }
}

fn counts(roll_up: &RollUp) -> HealthCounts {
    let of = |name| u32::try_from(roll_up.counts.get(name).copied().unwrap_or(0)).unwrap_or(u32::MAX);
    HealthCounts {
        healthy: of("Healthy"),
        progressing: of("Progressing"),
        suspended: of("Suspended"),
        failed: of("Failed"),
        unknown: of("Unknown"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::controller::report::Cause;
    use crate::object::ObjectKey;
    use crate::source::tree::ObjectId;

    fn revision(n: u8) -> Revision {
        Revision {
            commit: ObjectId([n; 20]),
            tree: ObjectId([n; 20]),
            time: 0,
            author: "A <a@example.org>".to_owned(),
            subject: format!("commit {n}"),
        }
    }

    fn renderer() -> PluginId {
        PluginId { name: "yaml".to_owned(), digest: "00".to_owned() }
    }

    fn roll_up(state: plugin::HealthState, message: &str) -> RollUp {
        RollUp {
            state,
            message: message.to_owned(),
            counts: BTreeMap::from([("Healthy", 3)]),
            complete: true,
        }
    }

    fn conditions(status: &ApplicationStatus) -> Vec<String> {
        status
            .conditions
            .iter()
            .map(|condition| format!("{}={} {}", condition.type_, condition.status, condition.reason))
            .collect()
    }

    fn denial() -> Verdict {
        Verdict {
            gate: "images".to_owned(),
            policy: "pinned-images".to_owned(),
            plugin: renderer(),
            rule: None,
            action: Action::Deny,
            exception: None,
            object: ObjectKey {
                group: String::new(),
                kind: "Pod".to_owned(),
                namespace: None,
                name: "p".to_owned(),
            },
            pointer: None,
            message: "no".to_owned(),
            origin: None,
            column: None,
        }
    }

    fn synced() -> ApplicationStatus {
        let mut status = ApplicationStatus::default();
        let mut draft = Draft::new(&mut status, 1, Timestamp::UNIX_EPOCH);
        draft.synced(&revision(1), (&renderer(), "digest"), Some(&[]), true);
        draft.health(&roll_up(plugin::HealthState::Healthy, ""), false);
        status
    }

    #[test]
    fn a_healthy_application_is_ready_by_all_of_its_steps() {
        assert_eq!(
            conditions(&synced()),
            [
                "Rendered=True Succeeded",
                "Admitted=True Succeeded",
                "Applied=True Succeeded",
                "Ready=True Succeeded",
                "Healthy=True Succeeded"
            ]
        );
    }

    #[test]
    fn a_denied_commit_makes_unready_and_leaves_what_is_applied_as_it_was() {
        let mut status = synced();
        let error = SyncError {
            stage: Stage::Gate,
            reason: Reason::Denied,
            message: "a.yaml:3: no".to_owned(),
            cause: Cause::Refused,
            touched: false,
            verdicts: vec![denial()],
        };
        Draft::new(&mut status, 1, Timestamp::UNIX_EPOCH).failed(&revision(2), &error);
        assert_eq!(
            conditions(&status),
            [
                "Rendered=True Succeeded",
                "Admitted=False Denied",
                "Applied=True Succeeded",
                "Ready=False Denied",
                "Healthy=True Succeeded"
            ]
        );
        assert_eq!(status.revision.as_ref().unwrap().commit, revision(1).commit.to_string());
        let ready = condition(&status.conditions, ConditionType::Ready).unwrap();
        assert_eq!(ready.message, "02020202 (commit 2): a.yaml:3: no");
        let verdicts = status.verdicts.unwrap();
        assert_eq!((verdicts.denied, verdicts.warned, verdicts.audited), (1, 0, 0));
        assert_eq!(verdicts.findings.len(), 1);
    }

    #[test]
    fn a_commit_that_changes_nothing_here_changes_no_status() {
        let mut status = synced();
        let before = status.clone();
        let mut draft = Draft::new(&mut status, 1, Timestamp::UNIX_EPOCH);
        draft.synced(&revision(2), (&renderer(), "digest"), None, false);
        draft.health(&roll_up(plugin::HealthState::Healthy, ""), false);
        assert_eq!(status, before);
    }

    #[test]
    fn a_rollout_is_awaited_as_unknown_and_failed_when_its_time_is_over() {
        let mut status = synced();
        let progressing = roll_up(plugin::HealthState::Progressing, "Deployment/a/b: 0 of 1 replicas");
        Draft::new(&mut status, 1, Timestamp::UNIX_EPOCH).health(&progressing, false);
        assert_eq!(conditions(&status)[3], "Ready=Unknown Progressing");
        Draft::new(&mut status, 1, Timestamp::UNIX_EPOCH).health(&progressing, true);
        assert_eq!(conditions(&status)[3], "Ready=False HealthTimeout");
        Draft::new(&mut status, 1, Timestamp::UNIX_EPOCH)
            .health(&roll_up(plugin::HealthState::Healthy, ""), false);
        assert_eq!(conditions(&status)[3], "Ready=True Succeeded");
    }
}
