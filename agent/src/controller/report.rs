//! Turns how a sync went into what a person and a machine read: the reason and
//! message of a condition, and whether trying again may help.

use std::time::Duration;

use super::desk::Desk;
use crate::api::condition::Reason;
use crate::apply::{ApplyError, ObjectError};
use crate::cluster::ClusterError;
use crate::diagnostic::{Diagnostic, Severity};
use crate::gate::{GateError, PolicyFailure, PolicyProblem, Verdict};
use crate::plan::PlanError;
use crate::plugin::PluginError;
use crate::render::RenderFailure;
use crate::source::SourceError;

/// How many findings a message names.
const NAMED_FINDINGS: usize = 5;

/// The step that a sync failed at. Those before it succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Render,
    Gate,
    Apply,
}

/// What kind of failure it is, by what has to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Only a change of Git, Gates, Plugins or the Application can help.
    Refused,
    /// The same may succeed later, after the rest that a server asked for.
    Transient { asked: Duration },
    /// It was told to stop: nothing to tell anybody.
    Cancelled,
    /// Somebody else wrote the Inventory meanwhile.
    Fenced,
}

/// Why a sync did not reach its target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyncError {
    pub(crate) stage: Stage,
    pub(crate) reason: Reason,
    /// What happened to which thing, where, and what to do.
    pub(crate) message: String,
    pub(crate) cause: Cause,
    /// Whether something was written.
    pub(crate) touched: bool,
    /// What the policies found, where that is why.
    pub(crate) verdicts: Vec<Verdict>,
}

impl SyncError {
    fn new(stage: Stage, reason: Reason, message: String, retry: bool) -> Self {
        let cause = if retry { Cause::Transient { asked: Duration::ZERO } } else { Cause::Refused };
        Self { stage, reason, message, cause, touched: false, verdicts: Vec::new() }
    }

    /// A server asked to be left alone for a while.
    fn asked(mut self, rest: Option<Duration>) -> Self {
        if let (Cause::Transient { asked }, Some(rest)) = (&mut self.cause, rest) {
            *asked = rest;
        }
        self
    }

    /// It was told to stop.
    pub(crate) fn cancelled(stage: Stage, touched: bool) -> Self {
        let cause = Cause::Cancelled;
        Self { cause, touched, ..Self::new(stage, Reason::Progressing, String::new(), false) }
    }

    /// The commit's files can't be opened.
    pub(crate) fn source(error: &SourceError) -> Self {
        Self::new(Stage::Render, Reason::FetchFailed, with_hint(error.to_string(), error.hint()), true)
            .asked(error.retry_after())
    }

    /// The set could not be made.
    pub(crate) fn render(failure: &RenderFailure) -> Self {
        let error = &failure.error;
        Self::new(Stage::Render, error.reason(), findings(&error.diagnostics()), !error.is_deterministic())
    }

    /// What is handed to the renderer can't be read. It may be there later, and
    /// not every change of it is noticed.
    pub(crate) fn values(message: String) -> Self {
        Self::new(Stage::Render, Reason::ValuesInvalid, message, true)
    }

    /// The same without what must not be told.
    pub(crate) fn without(mut self, desk: &Desk) -> Self {
        let messages = self.verdicts.iter_mut().map(|verdict| &mut verdict.message);
        messages.chain(std::iter::once(&mut self.message)).for_each(|message| *message = desk.hide(message));
        self
    }

    /// The set was not admitted.
    pub(crate) fn gate(error: &GateError) -> Self {
        let diagnostics = error.diagnostics();
        let errors: Vec<_> = diagnostics.into_iter().filter(|one| one.severity == Severity::Error).collect();
        let may_pass = |failure: &PolicyFailure| {
            use PluginError::{Deadline, Load};
            let passing = matches!(
                failure.problem,
                PolicyProblem::Plugin(Deadline { .. } | Load(_)) | PolicyProblem::Cluster(_)
            );
            failure.refuses && passing
        };
        let retry = !error.is_denial() && error.failures.iter().any(may_pass);
        let refused = Self::new(Stage::Gate, error.reason(), findings(&errors), retry);
        Self { verdicts: error.verdicts.clone(), ..refused }
    }

    /// The set can't be planned.
    pub(crate) fn plan(error: &PlanError) -> Self {
        let (reason, hint, retry) = match error {
            PlanError::UnknownKind { origin, .. } => {
                let place = origin.as_ref().map(|origin| format!("{origin}: ")).unwrap_or_default();
                let hint = "install what defines it, or add its CustomResourceDefinition to the set";
                return Self::new(Stage::Apply, Reason::ApplyFailed, format!("{place}{error}; {hint}"), true);
            }
            PlanError::Duplicate { .. } => (Reason::RenderFailed, "remove one of them", false),
            PlanError::TooMany { .. } => (Reason::LimitExceeded, "split the Application", false),
        };
        Self::new(Stage::Apply, reason, format!("{error}; {hint}"), retry)
    }

    /// The API server could not be asked what planning needs, or the intent
    /// could not be recorded. Nothing was written.
    pub(crate) fn cluster(error: &ClusterError) -> Self {
        Self::new(Stage::Apply, cluster_reason(error), with_hint(error.to_string(), error.hint()), true)
            .asked(error.retry_after())
    }

    /// Another agent has taken over.
    pub(crate) fn fenced() -> Self {
        Self { cause: Cause::Fenced, ..Self::cancelled(Stage::Apply, false) }
    }

    /// The plan was not carried out to its end.
    pub(crate) fn apply(error: &ApplyError) -> Self {
        let objects = match error {
            ApplyError::Cancelled | ApplyError::Fenced => return Self::cancelled(Stage::Apply, true),
            ApplyError::Objects(objects) => objects,
        };
        let reason = objects.first().map_or(Reason::ApplyFailed, |object| match object {
            ObjectError::OwnedByAnother { .. } => Reason::OwnershipConflict,
            ObjectError::Cluster { error, .. } => cluster_reason(error),
            _ => Reason::ApplyFailed,
        });
        let mut messages: Vec<String> = objects
            .iter()
            .take(NAMED_FINDINGS)
            .map(|object| {
                let hint = match object {
                    ObjectError::Cluster { error, .. } => error.hint(),
                    ObjectError::OwnedByAnother { .. } => Some("remove it from one of the two Applications"),
                    _ => None,
                };
                with_hint(object.to_string(), hint)
            })
            .collect();
        if objects.len() > NAMED_FINDINGS {
            messages.push(format!("and {} more", objects.len() - NAMED_FINDINGS));
        }
        let retry = objects.iter().any(ObjectError::is_transient);
        let asked = objects.iter().filter_map(ObjectError::retry_after).max();
        Self { touched: true, ..Self::new(Stage::Apply, reason, messages.join("; "), retry).asked(asked) }
    }

    /// Too much left the set for it to be deleted unasked.
    pub(crate) fn prune_needs_consent(count: usize, annotation: &str, commit: &str) -> Self {
        let message = format!(
            "{count} objects left the set, which is all or most of it, and are kept; if that is meant, \
             annotate the Application with {annotation}={commit}"
        );
        Self::new(Stage::Apply, Reason::PruneBlocked, message, false)
    }
}

fn cluster_reason(error: &ClusterError) -> Reason {
    match error {
        ClusterError::Forbidden { .. } => Reason::Forbidden,
        ClusterError::TooLarge { .. } | ClusterError::TooMany { .. } => Reason::LimitExceeded,
        _ => Reason::ApplyFailed,
    }
}

fn findings(diagnostics: &[Diagnostic]) -> String {
    let named = diagnostics.iter().take(NAMED_FINDINGS);
    let mut text: Vec<String> =
        named.map(|diagnostic| with_hint(diagnostic.to_string(), diagnostic.hint.as_deref())).collect();
    if diagnostics.len() > NAMED_FINDINGS {
        text.push(format!("and {} more", diagnostics.len() - NAMED_FINDINGS));
    }
    text.join("; ")
}

pub(crate) fn with_hint(message: String, hint: Option<&str>) -> String {
    match hint {
        Some(hint) => format!("{message} ({hint})"),
        None => message,
    }
}
