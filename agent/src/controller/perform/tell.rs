//! Puts on record how an attempt went: in the status of the Application, in an
//! event and in the log.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::Work;
use crate::api::Application;
use crate::apply::{self, Change};
use crate::cluster::EventType;
use crate::controller::desk::Desk;
use crate::controller::event::Target;
use crate::controller::policy_report::{self, NoAnswer};
use crate::controller::publish::Happening;
use crate::controller::report::{Cause, Stage, SyncError};
use crate::controller::status::{label, objecting};
use crate::controller::sync::SyncReport;
use crate::gate::Verdict;
use crate::object::ObjectKey;

/// Warnings of one sync that become events. All of them are counted in the status.
const TOLD_WARNINGS: usize = 20;

impl Work {
    /// True when the status is on record.
    pub(super) async fn publish_synced(
        &self,
        desk: &mut Desk,
        application: &Application,
        target: &Target,
        report: SyncReport,
    ) -> bool {
        let roll_up = desk.hide_in(self.steps.observer.roll_up(&desk.name));
        let generation = application.metadata.generation.unwrap_or(0);
        if !report.changes.is_empty() {
            desk.health_timed_out = None;
        }
        let timed_out = desk.is_health_timed_out(generation);
        let was_refused = desk.status().conditions.iter().any(|condition| {
            condition.type_ != "Ready" && condition.type_ != "Healthy" && condition.status == "False"
        });
        let moved = !report.changes.is_empty();
        let published = desk
            .publish(&self.steps.records, generation, |draft| {
                let set = (report.rendered.renderer(), report.rendered.digest());
                draft.synced(&target.revision, set, report.verdicts.as_deref(), moved);
                if report.verdicts.is_some() {
                    draft.reviewed(report.objection.as_ref());
                }
                // After a restart nothing is assessed yet, and the former verdict stands.
                if moved || roll_up.complete {
                    draft.health(&roll_up, timed_out);
                }
            })
            .await;
        let uid = application.metadata.uid.as_deref();
        if moved || was_refused {
            let note = format!("{}: {}", label(&target.revision), summary(&report.changes));
            tracing::info!(changes = summary(&report.changes), "applied");
            self.happened(desk, uid, EventType::Normal, "Applied", "Apply", &note).await;
        }
        if report.verdicts.is_some() {
            desk.reviewed_under = Some(target.rules);
        }
        if let Some(verdicts) = &report.verdicts {
            self.report(desk, application, verdicts, &report.silent).await;
        }
        let findings = report.verdicts.unwrap_or_default();
        if let Some(objection) = &report.objection {
            let (reason, note) = (objection.reason.as_str(), objecting(objection));
            tracing::warn!(reason, message = note, "would be refused today");
            self.happened(desk, uid, EventType::Warning, reason, "Judge", &note).await;
        }
        let warning = |verdict: &&Verdict| !verdict.denies();
        let findings = findings.iter().filter(warning).map(|verdict| verdict.diagnostic().to_string());
        for warning in report.warnings.into_iter().chain(findings).take(TOLD_WARNINGS) {
            self.happened(desk, uid, EventType::Warning, "Warning", "Judge", &warning).await;
        }
        if moved && let Err(error) = desk.mark_applyset(&self.steps.records).await {
            tracing::warn!(%error, "mark the ApplySet");
        }
        match published {
            Ok(on_record) => on_record,
            Err(error) => {
                tracing::warn!(%error, "write the status");
                false
            }
        }
    }

    /// Keeps the `PolicyReport` of what is applied, where reports are wanted.
    async fn report(
        &self,
        desk: &mut Desk,
        application: &Application,
        verdicts: &[Verdict],
        silent: &[NoAnswer],
    ) {
        if !self.policy_reports {
            return;
        }
        let report = policy_report::report(application, verdicts, silent);
        let digest: [u8; 32] = Sha256::digest(report.object.to_string()).into();
        if desk.reported == Some(digest) {
            return;
        }
        match self.steps.records.apply(&report).await {
            Ok(()) => desk.reported = Some(digest),
            Err(error) => error.log("a PolicyReport"),
        }
    }

    pub(super) async fn publish_failed(
        &self,
        desk: &mut Desk,
        application: &Application,
        target: &Target,
        error: &SyncError,
    ) {
        tracing::warn!(reason = error.reason.as_str(), message = error.message, "refused or failed");
        let generation = application.metadata.generation.unwrap_or(0);
        let roll_up = desk.hide_in(self.steps.observer.roll_up(&desk.name));
        let (touched, timed_out) = (error.touched, desk.is_health_timed_out(generation));
        let published = desk
            .publish(&self.steps.records, generation, |draft| {
                draft.failed(&target.revision, error);
                if touched {
                    draft.health(&roll_up, timed_out);
                }
            })
            .await;
        if let Err(error) = published {
            tracing::warn!(%error, "write the status");
        }
        let note = format!("{}: {}", label(&target.revision), error.message);
        let uid = application.metadata.uid.as_deref();
        let action = match error.stage {
            Stage::Render => "Render",
            Stage::Gate => "Judge",
            Stage::Apply => "Apply",
        };
        self.happened(desk, uid, EventType::Warning, error.reason.as_str(), action, &note).await;
    }

    /// Says what the rules of today make of what is applied, where a refused
    /// target left that open.
    pub(super) async fn review(
        &self,
        desk: &mut Desk,
        application: &Application,
        target: &Target,
        cancel: &CancellationToken,
    ) {
        if desk.reviewed_under == Some(target.rules) || desk.applied().is_none() {
            return;
        }
        let objection = match self.steps.review(desk, application, cancel).await {
            Ok(objection) => objection,
            Err(error) => {
                tracing::warn!(message = error.message, "what is applied can't be judged again");
                return;
            }
        };
        let generation = application.metadata.generation.unwrap_or(0);
        let published = desk
            .publish(&self.steps.records, generation, |draft| {
                draft.reviewed(objection.as_ref());
            })
            .await;
        match published {
            Ok(_) => desk.reviewed_under = Some(target.rules),
            Err(error) => tracing::warn!(%error, "write the status"),
        }
    }

    pub(super) async fn publish_corrected(
        &self,
        desk: &mut Desk,
        application: &Application,
        written: &[ObjectKey],
        error: Option<apply::ApplyError>,
    ) {
        let uid = application.metadata.uid.as_deref();
        if let Some(error) = error {
            let error = SyncError::apply(&error).without(desk);
            if error.cause != Cause::Cancelled {
                tracing::warn!(message = error.message, "drift could not be corrected");
                let note = format!("drift could not be corrected: {}", error.message);
                self.happened(desk, uid, EventType::Warning, error.reason.as_str(), "Correct", &note).await;
            }
        }
        let Some(first) = written.first() else { return };
        let more = if written.len() > 1 { format!(" and {} more", written.len() - 1) } else { String::new() };
        tracing::info!(object = %first, count = written.len(), "drift corrected");
        let note = format!("{first}{more}: changed by somebody else, restored to what Git says");
        self.happened(desk, uid, EventType::Normal, "DriftCorrected", "Correct", &note).await;
        // The next agent must recognise the objects as they are now.
        let generation = application.metadata.generation.unwrap_or(0);
        if let Err(error) = desk.publish(&self.steps.records, generation, |_| {}).await {
            tracing::warn!(%error, "write the status");
        }
    }

    pub(super) async fn happened(
        &self,
        desk: &Desk,
        uid: Option<&str>,
        kind: EventType,
        reason: &str,
        action: &str,
        note: &str,
    ) {
        let regarding = desk.reference();
        self.recorder.record(Happening { regarding, uid, kind, reason, action, note }).await;
    }
}

/// `2 created, 1 configured, 1 deleted`, and the objects where they are few.
fn summary(changes: &[(ObjectKey, Change)]) -> String {
    if changes.is_empty() {
        return "nothing differs".to_owned();
    }
    let mut counts: BTreeMap<Change, Vec<&ObjectKey>> = BTreeMap::new();
    for (key, change) in changes {
        counts.entry(*change).or_default().push(key);
    }
    let parts: Vec<String> = counts
        .into_iter()
        .map(|(change, keys)| {
            let word = match change {
                Change::Created => "created",
                Change::Configured => "configured",
                Change::Deleted => "deleted",
            };
            let names: Vec<String> = keys.iter().take(3).map(ToString::to_string).collect();
            let more = if keys.len() > 3 { ", …" } else { "" };
            format!("{} {word} ({}{more})", keys.len(), names.join(", "))
        })
        .collect();
    parts.join(", ")
}
