//! Decides what the agent does next, and does nothing itself.
//!
//! Takes events and the present instant; gives actions. It performs no I/O and
//! reads no clock, so every order of events can be tried without a cluster.
//!
//! What it guarantees, whatever the order of events:
//! - at most one attempt per Application and one poll per Repository runs;
//! - no more than [`Tuning::slots`] attempts run at once;
//! - a newer revision cancels an attempt at an older one and is what is tried next;
//! - nothing is started without leadership, for something suspended, or while stopping;
//! - whatever waits has a timer or waits for an event that must come.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::backoff::Backoff;
use super::event::{Action, Attempt, Correction, Event, Polled, Retry, Standing, SyncEnd, Target, Waiting};
use crate::object::Name;
use crate::plugin::HealthState;
use crate::source::Revision;

mod application;
mod fight;

use application::{Application, Failed, Held, Kind, Running, Step};

/// The numbers behind the decisions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tuning {
    /// Attempts that may run at once.
    pub(crate) slots: usize,
    /// Waiting times after failed polls.
    pub(crate) poll_backoff: Backoff,
    /// Waiting times after failed attempts that may succeed later.
    pub(crate) sync_backoff: Backoff,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            slots: 8,
            poll_backoff: Backoff { first: Duration::from_secs(1), most: Duration::from_mins(5) },
            sync_backoff: Backoff { first: Duration::from_secs(2), most: Duration::from_mins(5) },
        }
    }
}

#[derive(Default)]
pub(crate) struct State {
    tuning: Tuning,
    leading: bool,
    stopping: bool,
    /// Counts the times that this agent began to lead: another may have written between two of them.
    term: u64,
    /// Counts changes of Gates and Plugins: what was judged under an older count is judged again.
    rules: u64,
    repositories: BTreeMap<Name, Repository>,
    applications: BTreeMap<Name, Application>,
    /// Applications with something to do, in the order in which it came up.
    queue: VecDeque<Name>,
    timers: BTreeSet<(Instant, Timer)>,
    running: usize,
    next_attempt: Attempt,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Poll(Name),
    Retry(Name),
    Correct(Name),
    Health(Name),
}

struct Repository {
    version: u64,
    interval: Duration,
    suspended: bool,
    revision: Option<Arc<Revision>>,
    polling: Option<Attempt>,
    failures: u32,
    due: Instant,
}

impl State {
    pub(crate) fn new(tuning: Tuning) -> Self {
        Self { tuning, ..Self::default() }
    }

    /// When [`Event::Tick`] is due next.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Attempts and polls that were started and have not ended.
    pub(crate) fn in_flight(&self) -> usize {
        self.running + self.repositories.values().filter(|repository| repository.polling.is_some()).count()
    }

    /// Takes one event in and says what to do about it.
    pub(crate) fn on_event(&mut self, now: Instant, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::RepositorySet { name, version, interval, suspended } => {
                self.repository_set(now, &name, version, interval, suspended, &mut actions);
            }
            Event::RepositoryGone(name) => self.repository_gone(now, &name, &mut actions),
            Event::ApplicationSet { name, version, repository, suspended, health_timeout } => {
                let application = self
                    .applications
                    .entry(name.clone())
                    .or_insert_with(|| Application::new(repository.clone()));
                application.version = version;
                application.repository = repository;
                application.suspended = suspended;
                application.health_timeout = health_timeout;
                application.gone = false;
                self.consider(now, &name, &mut actions);
            }
            Event::ApplicationGone(name) => self.application_gone(&name, &mut actions),
            Event::ValuesChanged(name) => {
                if let Some(application) = self.applications.get_mut(&name) {
                    application.values += 1;
                    self.consider(now, &name, &mut actions);
                }
            }
            Event::RulesChanged => {
                self.rules += 1;
                self.consider_all(now, &mut actions);
                if self.active() {
                    actions.push(Action::PublishRules);
                }
            }
            Event::Polled { name, attempt, outcome } => {
                self.polled(now, &name, attempt, outcome, &mut actions);
            }
            Event::Synced { name, attempt, end } => self.synced(now, &name, attempt, end, &mut actions),
            Event::Corrected { name, attempt, corrections } => {
                self.corrected(now, &name, attempt, corrections, &mut actions);
            }
            Event::Drifted { name, object } => {
                if let Some(application) = self.applications.get_mut(&name) {
                    application.drifted.entry(object).or_default().pending = true;
                    self.consider(now, &name, &mut actions);
                }
            }
            Event::HealthChanged { name, state } => self.health_changed(now, &name, state, &mut actions),
            Event::Leadership(leading) => self.leadership(now, leading, &mut actions),
            Event::Tick => {}
            Event::Shutdown => {
                self.stopping = true;
                self.cancel_everything(&mut actions);
            }
        }
        self.fire_timers(now, &mut actions);
        self.start_queued(now, &mut actions);
        actions
    }

    fn active(&self) -> bool {
        self.leading && !self.stopping
    }

    fn repository_set(
        &mut self,
        now: Instant,
        name: &Name,
        version: u64,
        interval: Duration,
        suspended: bool,
        actions: &mut Vec<Action>,
    ) {
        let known = self.repositories.get(name).map(|repository| repository.version);
        let repository = self.repositories.entry(name.clone()).or_insert_with(|| Repository {
            version,
            interval,
            suspended,
            revision: None,
            polling: None,
            failures: 0,
            due: now,
        });
        repository.suspended = suspended;
        if known != Some(version) || repository.interval != interval {
            repository.version = version;
            repository.interval = interval;
            repository.failures = 0;
            repository.due = now;
            if known.is_some_and(|known| known != version) {
                // What an old address or ref led to says nothing about the new one.
                repository.revision = None;
                if let Some(attempt) = repository.polling {
                    actions.push(Action::CancelPoll(attempt));
                }
            }
        }
        self.schedule_poll(name);
        self.consider_readers(now, name, actions);
    }

    fn repository_gone(&mut self, now: Instant, name: &Name, actions: &mut Vec<Action>) {
        if let Some(repository) = self.repositories.remove(name) {
            self.timers.remove(&(repository.due, Timer::Poll(name.clone())));
            if let Some(attempt) = repository.polling {
                actions.push(Action::CancelPoll(attempt));
            }
        }
        self.consider_readers(now, name, actions);
    }

    /// An attempt that still runs keeps its place, so that an Application of the
    /// same name that comes after it can't be written to at the same time.
    fn application_gone(&mut self, name: &Name, actions: &mut Vec<Action>) {
        let Some(application) = self.applications.get_mut(name) else { return };
        application.gone = true;
        application.forget_outcome();
        match &mut application.running {
            Some(running) => {
                if !running.cancelled {
                    running.cancelled = true;
                    actions.push(Action::Cancel(running.attempt));
                }
            }
            None => self.remove_application(name, actions),
        }
    }

    fn remove_application(&mut self, name: &Name, actions: &mut Vec<Action>) {
        if self.applications.remove(name).is_some_and(|application| application.queued) {
            self.queue.retain(|queued| queued != name);
        }
        actions.push(Action::Forget(name.clone()));
    }

    fn polled(
        &mut self,
        now: Instant,
        name: &Name,
        attempt: Attempt,
        outcome: Polled,
        actions: &mut Vec<Action>,
    ) {
        let tuning = self.tuning;
        let Some(repository) = self.repositories.get_mut(name) else { return };
        if repository.polling != Some(attempt) {
            return;
        }
        repository.polling = None;
        match outcome {
            Polled::Revision { revision, standing } => {
                repository.failures = 0;
                repository.due = now + repository.interval;
                repository.revision = Some(revision.clone());
                if let Some(standing) = standing {
                    self.carry_over(name, &revision, &standing, actions);
                }
            }
            Polled::Failed { asked } => {
                let pause =
                    tuning.poll_backoff.after_asked(repository.failures, asked).max(repository.interval);
                repository.failures = repository.failures.saturating_add(1);
                repository.due = now + pause;
            }
            Polled::Cancelled => repository.due = now,
        }
        self.schedule_poll(name);
        self.consider_readers(now, name, actions);
    }

    /// Takes what was done for an older revision as done for a newer one, where
    /// that has the same inputs.
    fn carry_over(
        &mut self,
        repository: &Name,
        revision: &Arc<Revision>,
        standing: &Standing,
        actions: &mut Vec<Action>,
    ) {
        let readers = self.applications.iter_mut().filter(|(name, application)| {
            application.repository == *repository && standing.applications.contains(*name)
        });
        let carried = readers
            .filter_map(|(_, application)| application.carry_over(standing.since, revision).then_some(()));
        let count = carried.count();
        if count > 0 {
            actions.push(Action::CountStanding(count as u64));
        }
    }

    fn synced(
        &mut self,
        now: Instant,
        name: &Name,
        attempt: Attempt,
        end: SyncEnd,
        actions: &mut Vec<Action>,
    ) {
        let backoff = self.tuning.sync_backoff;
        let Some(target) = self.take_running(name, attempt).and_then(|running| match running.kind {
            Kind::Sync(target) => Some(target),
            Kind::Correction => None,
        }) else {
            return;
        };
        let Some(application) = self.applications.get_mut(name) else { return };
        match end {
            SyncEnd::Done { touched } => {
                // A commit that changes nothing here gives no more time to become healthy.
                let former = application.held.synced();
                if touched || former.is_none_or(|former| former.version != target.version) {
                    application.health_deadline = None;
                }
                application.held = Held::Synced(target);
                application.failed = None;
                application.drifted.retain(|_, fight| fight.remembered(now));
            }
            SyncEnd::Failed { retry, touched, in_hand } => {
                let failures = match &application.failed {
                    Some(failed) if failed.target == target => failed.failures.saturating_add(1),
                    _ => 1,
                };
                let retry_at = match retry {
                    Retry::Never => None,
                    Retry::After(asked) => Some(now + backoff.after_asked(failures - 1, asked)),
                };
                if let Some(at) = retry_at {
                    self.timers.insert((at, Timer::Retry(name.clone())));
                }
                application.failed = Some(Failed { target, failures, retry_at });
                application.held = match std::mem::take(&mut application.held) {
                    _ if !in_hand => Held::Nothing,
                    Held::Synced(former) if !touched => Held::Synced(former),
                    _ => Held::LastGood,
                };
            }
            SyncEnd::Cancelled { touched } => {
                if touched {
                    application.held = Held::Nothing;
                }
            }
        }
        self.consider(now, name, actions);
    }

    fn corrected(
        &mut self,
        now: Instant,
        name: &Name,
        attempt: Attempt,
        corrections: Vec<Correction>,
        actions: &mut Vec<Action>,
    ) {
        if self.take_running(name, attempt).is_none() {
            return;
        }
        let Some(application) = self.applications.get_mut(name) else { return };
        for correction in corrections {
            let fight = application.drifted.entry(correction.object.clone()).or_default();
            let fighting = fight.corrected(now, correction.succeeded);
            if let Some(again_at) = fight.held_until() {
                self.timers.insert((again_at, Timer::Correct(name.clone())));
            }
            if fighting {
                actions.push(Action::ReportFight { name: name.clone(), object: correction.object });
            }
        }
        application.drifted.retain(|_, fight| fight.remembered(now));
        self.consider(now, name, actions);
    }

    fn health_changed(&mut self, now: Instant, name: &Name, state: HealthState, actions: &mut Vec<Action>) {
        let active = self.active();
        let Some(application) = self.applications.get_mut(name) else { return };
        // A sync that runs tells of health itself when it ends.
        if active && application.running.is_none() && !application.held.is_nothing() {
            actions.push(Action::PublishHealth(name.clone()));
        }
        let waiting = state == HealthState::Progressing;
        match (waiting, application.health_deadline) {
            (true, None) => {
                let deadline = now + application.health_timeout;
                application.health_deadline = Some(deadline);
                self.timers.insert((deadline, Timer::Health(name.clone())));
            }
            (false, Some(_)) => application.health_deadline = None,
            _ => {}
        }
    }

    fn leadership(&mut self, now: Instant, leading: bool, actions: &mut Vec<Action>) {
        if self.leading == leading {
            return;
        }
        self.leading = leading;
        if !leading {
            self.cancel_everything(actions);
            return;
        }
        self.term += 1;
        // Another agent may have written since: nothing that was known before still counts.
        for application in self.applications.values_mut() {
            application.forget_outcome();
            application.waiting = None;
        }
        let names: Vec<_> = self.repositories.keys().cloned().collect();
        for name in names {
            if let Some(repository) = self.repositories.get_mut(&name) {
                repository.due = now;
                repository.failures = 0;
            }
            self.schedule_poll(&name);
        }
        self.consider_all(now, actions);
        actions.push(Action::PublishRules);
    }

    fn cancel_everything(&mut self, actions: &mut Vec<Action>) {
        for application in self.applications.values_mut() {
            application.queued = false;
            if let Some(running) = application.running.as_mut().filter(|running| !running.cancelled) {
                running.cancelled = true;
                actions.push(Action::Cancel(running.attempt));
            }
        }
        self.queue.clear();
        for repository in self.repositories.values() {
            if let Some(attempt) = repository.polling {
                actions.push(Action::CancelPoll(attempt));
            }
        }
    }

    fn take_running(&mut self, name: &Name, attempt: Attempt) -> Option<Running> {
        let application = self.applications.get_mut(name)?;
        let running = application.running.take_if(|running| running.attempt == attempt)?;
        self.running -= 1;
        if application.gone {
            application.forget_outcome();
        }
        Some(running)
    }

    /// Sets the timer of the next poll, unless one is running: its end sets it.
    fn schedule_poll(&mut self, name: &Name) {
        if let Some(repository) =
            self.repositories.get(name).filter(|repository| repository.polling.is_none())
        {
            self.timers.insert((repository.due, Timer::Poll(name.clone())));
        }
    }

    fn consider_readers(&mut self, now: Instant, repository: &Name, actions: &mut Vec<Action>) {
        let readers: Vec<_> = self
            .applications
            .iter()
            .filter(|(_, application)| application.repository == *repository)
            .map(|(name, _)| name.clone())
            .collect();
        for name in readers {
            self.consider(now, &name, actions);
        }
    }

    fn consider_all(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let names: Vec<_> = self.applications.keys().cloned().collect();
        for name in names {
            self.consider(now, &name, actions);
        }
    }

    /// Looks at one Application anew: cancels what is superseded, queues what is to do.
    fn consider(&mut self, now: Instant, name: &Name, actions: &mut Vec<Action>) {
        let active = self.active();
        let target = self.target(name);
        let Some(application) = self.applications.get_mut(name) else { return };
        if application.gone {
            if application.running.is_none() {
                self.remove_application(name, actions);
            }
            return;
        }
        // A first poll that has not ended is no news.
        let waiting = target.as_ref().err().copied().filter(|waiting| {
            let repository = self.repositories.get(&application.repository);
            *waiting != Waiting::NoRevision || repository.is_some_and(|repository| repository.failures > 0)
        });
        if active && application.waiting != waiting {
            application.waiting = waiting;
            if let Some(waiting) = waiting {
                actions.push(Action::Explain { name: name.clone(), waiting });
            }
        }
        let target = target.ok();
        if let Some(running) = &mut application.running {
            let superseded = match &running.kind {
                Kind::Sync(running) => target.as_ref() != Some(running),
                Kind::Correction => target.is_none(),
            };
            if superseded && !running.cancelled {
                running.cancelled = true;
                actions.push(Action::Cancel(running.attempt));
            }
            return;
        }
        if active && !application.queued && application.next_step(now, target.as_ref()).is_some() {
            application.queued = true;
            self.queue.push_back(name.clone());
        }
    }

    /// What an Application should be synced to, or why that can't be said.
    fn target(&self, name: &Name) -> Result<Target, Waiting> {
        let application = self.applications.get(name).ok_or(Waiting::RepositoryMissing)?;
        if application.suspended {
            return Err(Waiting::Suspended);
        }
        let repository = self.repositories.get(&application.repository).ok_or(Waiting::RepositoryMissing)?;
        let revision = repository.revision.clone().ok_or(Waiting::NoRevision)?;
        Ok(Target {
            revision,
            repository: repository.version,
            version: application.version,
            values: application.values,
            rules: self.rules,
            term: self.term,
        })
    }

    fn fire_timers(&mut self, now: Instant, actions: &mut Vec<Action>) {
        while let Some((at, timer)) = self.timers.first().cloned().filter(|(at, _)| *at <= now) {
            self.timers.pop_first();
            match timer {
                Timer::Poll(name) => self.start_poll(at, &name, actions),
                Timer::Retry(name) | Timer::Correct(name) => self.consider(now, &name, actions),
                Timer::Health(name) => {
                    if let Some(application) = self.applications.get_mut(&name)
                        && application.health_deadline == Some(at)
                    {
                        application.health_deadline = None;
                        actions.push(Action::ReportHealthTimeout(name));
                    }
                }
            }
        }
    }

    /// Starts the poll that the timer `at` stands for, unless it was moved since.
    fn start_poll(&mut self, at: Instant, name: &Name, actions: &mut Vec<Action>) {
        let active = self.active();
        let Some(repository) = self.repositories.get_mut(name) else { return };
        if !active || repository.suspended || repository.polling.is_some() || repository.due != at {
            return;
        }
        self.next_attempt += 1;
        repository.polling = Some(self.next_attempt);
        actions.push(Action::Poll { name: name.clone(), attempt: self.next_attempt });
    }

    fn start_queued(&mut self, now: Instant, actions: &mut Vec<Action>) {
        while self.active() && self.running < self.tuning.slots {
            let Some(name) = self.queue.pop_front() else { break };
            let target = self.target(&name).ok();
            let Some(application) = self.applications.get_mut(&name) else { continue };
            application.queued = false;
            if application.running.is_some() || application.gone {
                continue;
            }
            let Some(step) = application.next_step(now, target.as_ref()) else { continue };
            self.next_attempt += 1;
            let attempt = self.next_attempt;
            let kind = match step {
                Step::Sync(target) => {
                    actions.push(Action::Sync { name: name.clone(), attempt, target: target.clone() });
                    Kind::Sync(target)
                }
                Step::Correct(objects) => {
                    for object in &objects {
                        if let Some(fight) = application.drifted.get_mut(object) {
                            fight.pending = false;
                        }
                    }
                    actions.push(Action::Correct { name: name.clone(), attempt, objects });
                    Kind::Correction
                }
            };
            application.running = Some(Running { attempt, kind, cancelled: false });
            self.running += 1;
        }
    }
}

#[cfg(test)]
mod tests;
