//! Asks the policies: in calls of a bounded size, as many at once as the
//! machine has processors for.
//!
//! A policy that fails once is not asked again about the same set: what it can
//! cost is one deadline.

use std::num::NonZero;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::set::Set;
use super::{Gate, GatePolicy, Policy};
use crate::object::matches_kind;
use crate::plugin::{Finding, PluginError, Subject, Surroundings};

/// Most objects in one call of a policy. Few calls are cheap; one endless call
/// would meet the policy's deadline.
const BATCH_OBJECTS: usize = 256;

/// Most bytes of objects in one call of a policy; a larger object goes alone.
const BATCH_BYTES: usize = 4 << 20;

/// Calls at once, at most: each holds memory of its own.
const MAX_CALLS: usize = 4;

/// What one policy of one gate is asked.
pub(super) struct Question<'a> {
    pub(super) gate: &'a Gate,
    pub(super) asked: &'a GatePolicy,
    pub(super) policy: Arc<dyn Policy>,
    pub(super) surroundings: Arc<dyn Surroundings>,
    /// The objects that it is asked about.
    wanted: Vec<usize>,
    failed: AtomicBool,
}

/// What a policy found, with the object of each finding.
pub(super) type Answer = Result<Vec<(usize, Finding)>, PluginError>;

impl<'a> Question<'a> {
    /// Of the objects that the gate selects, those that the policy matches.
    pub(super) fn new(
        gate: &'a Gate,
        asked: &'a GatePolicy,
        policy: Arc<dyn Policy>,
        surroundings: Arc<dyn Surroundings>,
        selected: &[usize],
        set: &Set<'_>,
    ) -> Self {
        let is_wanted = |index: &&usize| {
            let key = set.key(**index);
            policy.matches().iter().any(|pattern| matches_kind(pattern, &key.group, &key.kind))
        };
        let wanted = selected.iter().filter(is_wanted).copied().collect();
        Self { gate, asked, policy, surroundings, wanted, failed: AtomicBool::new(false) }
    }

    fn ask(&self, batch: Range<usize>, set: &Set<'_>) -> Option<Answer> {
        if self.failed.load(Ordering::Relaxed) {
            return None;
        }
        let batch = &self.wanted[batch];
        let subjects: Vec<Subject> = batch.iter().map(|index| set.subject(*index).clone()).collect();
        let answers =
            self.policy.evaluate(&self.asked.config, &subjects, &self.surroundings).and_then(|answers| {
                // Which answer belongs to which object would be a guess.
                if answers.len() == batch.len() {
                    return Ok(answers);
                }
                let problem = format!("{} verdicts on {} objects", answers.len(), batch.len());
                Err(PluginError::Contract(problem))
            });
        if answers.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        let with_index = |(index, findings): (&usize, Vec<Finding>)| {
            let index = *index;
            findings.into_iter().map(move |finding| (index, finding))
        };
        Some(answers.map(|answers| batch.iter().zip(answers).flat_map(with_index).collect()))
    }
}

/// Asks all questions. Gives one answer to each, in their order.
pub(super) fn ask_all(questions: &[Question<'_>], set: &Set<'_>) -> Vec<Answer> {
    let calls: Vec<(usize, Range<usize>)> = questions
        .iter()
        .enumerate()
        .flat_map(|(index, question)| {
            batches(&question.wanted, set).into_iter().map(move |batch| (index, batch))
        })
        .collect();
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = processors.min(MAX_CALLS).min(calls.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut answered = Vec::new();
        while let Some((call, (question, batch))) = {
            let call = next.fetch_add(1, Ordering::Relaxed);
            calls.get(call).map(|what| (call, what))
        } {
            if let Some(answer) = questions[*question].ask(batch.clone(), set) {
                answered.push((call, answer));
            }
        }
        answered
    };
    let mut answered = if threads <= 1 {
        work()
    } else {
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let mut answered = work();
            for other in others {
                match other.join() {
                    Ok(more) => answered.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            answered
        })
    };
    answered.sort_by_key(|(call, _)| *call);
    let mut answers: Vec<Answer> = questions.iter().map(|_| Ok(Vec::new())).collect();
    for (call, answer) in answered {
        let (question, _) = calls[call];
        match (&mut answers[question], answer) {
            (Ok(findings), Ok(more)) => findings.extend(more),
            (kept @ Ok(_), Err(error)) => *kept = Err(error),
            (Err(_), _) => {}
        }
    }
    answers
}

/// Cuts `wanted` into calls of a bounded size.
fn batches(wanted: &[usize], set: &Set<'_>) -> Vec<Range<usize>> {
    let mut batches = Vec::new();
    let (mut start, mut size) = (0, 0);
    for (position, index) in wanted.iter().enumerate() {
        let subject = set.subject(*index);
        let bytes = subject.object.len() + subject.old.as_ref().map_or(0, bytes::Bytes::len);
        let full = position - start == BATCH_OBJECTS || size + bytes > BATCH_BYTES;
        if full && position > start {
            batches.push(start..position);
            (start, size) = (position, 0);
        }
        size += bytes;
    }
    if start < wanted.len() {
        batches.push(start..wanted.len());
    }
    batches
}
