//! The decisions, tried in every order that a generator can think of.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use proptest::prelude::*;

use super::*;
use crate::object::ObjectKey;
use crate::source::tree::ObjectId;

const INTERVAL: Duration = Duration::from_secs(10);
const HEALTH_TIMEOUT: Duration = Duration::from_secs(30);

fn name(n: u8) -> Name {
    Name { namespace: "default".to_owned(), name: format!("n{n}") }
}

fn commit(n: u8) -> Arc<Revision> {
    Arc::new(Revision {
        commit: ObjectId([n; 20]),
        tree: ObjectId([n; 20]),
        time: i64::from(n),
        author: "A <a@example.org>".to_owned(),
        subject: format!("commit {n}"),
    })
}

/// A poll that found a commit.
fn at(n: u8) -> Polled {
    Polled::Revision { revision: commit(n), standing: None }
}

/// A poll that found a commit which does not concern one Application, compared with an older commit.
fn at_without(n: u8, since: u8, unconcerned: u8) -> Polled {
    let applications = HashSet::from([name(unconcerned)]);
    Polled::Revision {
        revision: commit(n),
        standing: Some(Standing { since: commit(since).commit, applications }),
    }
}

const AGAIN: Retry = Retry::After(Duration::ZERO);

/// A failure after which nothing is in hand that was not so before.
fn failed(retry: Retry, touched: bool) -> SyncEnd {
    SyncEnd::Failed { retry, touched, in_hand: !touched }
}

fn object(n: u8) -> ObjectKey {
    ObjectKey {
        group: String::new(),
        kind: "ConfigMap".to_owned(),
        namespace: Some("default".to_owned()),
        name: format!("c{n}"),
    }
}

/// Carries actions out the way the shell does, and holds the state to its guarantees.
struct World {
    state: State,
    now: Instant,
    leading: bool,
    repositories: BTreeMap<u8, (u64, bool)>,
    applications: BTreeMap<u8, (u64, u8, bool)>,
    polls: Vec<(Name, Attempt)>,
    runs: BTreeMap<Name, (Attempt, Option<Target>, bool)>,
    /// What was synced last, per Application.
    synced: BTreeMap<Name, Target>,
    /// Whose last good state is in hand.
    in_hand: BTreeSet<Name>,
    log: Vec<Action>,
}

impl World {
    fn new() -> Self {
        Self {
            state: State::new(Tuning { slots: 2, ..Tuning::default() }),
            now: Instant::now(),
            leading: false,
            repositories: BTreeMap::new(),
            applications: BTreeMap::new(),
            polls: Vec::new(),
            runs: BTreeMap::new(),
            synced: BTreeMap::new(),
            in_hand: BTreeSet::new(),
            log: Vec::new(),
        }
    }

    /// One Repository, one Application, leadership.
    fn simple() -> Self {
        let mut world = Self::new();
        world.send(Event::Leadership(true));
        world.set_repository(0, 1, false);
        world.set_application(0, 1, 0, false);
        world
    }

    fn set_repository(&mut self, n: u8, version: u64, suspended: bool) {
        self.repositories.insert(n, (version, suspended));
        self.send(Event::RepositorySet { name: name(n), version, interval: INTERVAL, suspended });
    }

    fn set_application(&mut self, n: u8, version: u64, repository: u8, suspended: bool) {
        self.applications.insert(n, (version, repository, suspended));
        self.send(Event::ApplicationSet {
            name: name(n),
            version,
            repository: name(repository),
            suspended,
            health_timeout: HEALTH_TIMEOUT,
        });
    }

    fn send(&mut self, event: Event) -> Vec<Action> {
        if let Event::Leadership(leading) = event {
            if leading && !self.leading {
                self.in_hand.clear();
            }
            self.leading = leading;
        }
        let actions = self.state.on_event(self.now, event);
        for action in &actions {
            self.perform(action);
        }
        self.log.extend(actions.iter().cloned());
        actions
    }

    fn perform(&mut self, action: &Action) {
        match action {
            Action::Poll { name, attempt } => {
                assert!(self.leading, "polled without leadership");
                self.polls.push((name.clone(), *attempt));
            }
            Action::Sync { name, attempt, target } => self.start(name, *attempt, Some(target.clone())),
            Action::Correct { name, attempt, objects } => {
                assert!(!objects.is_empty());
                assert!(self.in_hand.contains(name), "nothing to correct {name} from");
                self.start(name, *attempt, None);
            }
            Action::Cancel(attempt) => {
                let run = self.runs.values_mut().find(|(running, ..)| running == attempt);
                let (_, _, cancelled) = run.expect("only what runs is cancelled");
                assert!(!*cancelled, "cancelled once");
                *cancelled = true;
            }
            _ => {}
        }
    }

    fn start(&mut self, name: &Name, attempt: Attempt, target: Option<Target>) {
        assert!(self.leading, "started without leadership");
        let earlier = self.runs.insert(name.clone(), (attempt, target, false));
        assert!(earlier.is_none(), "two attempts for {name}");
        assert!(self.runs.len() <= 2, "more attempts than slots");
        let n = name.name[1..].parse::<u8>().unwrap();
        assert!(self.applications.get(&n).is_some_and(|(_, _, suspended)| !suspended), "started for {name}");
    }

    fn finish_poll(&mut self, index: usize, outcome: Polled) {
        if self.polls.is_empty() {
            return;
        }
        let (name, attempt) = self.polls.remove(index % self.polls.len());
        if let Polled::Revision { revision, standing: Some(standing) } = &outcome {
            let running =
                self.runs.iter_mut().filter_map(|(of, (_, target, _))| Some((of, target.as_mut()?)));
            let (applications, since) = (&self.applications, standing.since);
            for (of, target) in self.synced.iter_mut().chain(running) {
                let reads = applications.iter().any(|(n, (_, repository, _))| {
                    of.name == format!("n{n}") && name.name == format!("n{repository}")
                });
                if reads && standing.applications.contains(of) && target.revision.commit == since {
                    target.revision = revision.clone();
                }
            }
        }
        self.send(Event::Polled { name, attempt, outcome });
    }

    fn finish_run(&mut self, index: usize, end: SyncEnd) {
        let Some(name) = self.runs.keys().nth(index % self.runs.len().max(1)).cloned() else { return };
        let (attempt, target, cancelled) = self.runs.remove(&name).unwrap();
        let Some(target) = target else {
            let succeeded = matches!(end, SyncEnd::Done { .. });
            let corrections = vec![Correction { object: object(0), succeeded }];
            self.send(Event::Corrected { name, attempt, corrections });
            return;
        };
        let done = matches!(end, SyncEnd::Done { .. });
        let end = if cancelled && !done { SyncEnd::Cancelled { touched: true } } else { end };
        if done {
            self.synced.insert(name.clone(), target);
        }
        match end {
            SyncEnd::Done { .. } | SyncEnd::Failed { in_hand: true, .. } => {
                self.in_hand.insert(name.clone());
            }
            SyncEnd::Failed { in_hand: false, .. } | SyncEnd::Cancelled { touched: true } => {
                self.in_hand.remove(&name);
            }
            SyncEnd::Cancelled { touched: false } => {}
        }
        self.send(Event::Synced { name, attempt, end });
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.send(Event::Tick);
    }

    /// Lets everything succeed until nothing happens any more, with `newest`
    /// as the commit of every Repository.
    fn settle(&mut self, newest: u8) {
        for _ in 0..2_000 {
            if !self.polls.is_empty() {
                self.finish_poll(0, at(newest));
            } else if !self.runs.is_empty() {
                self.finish_run(0, SyncEnd::Done { touched: true });
            } else if self.all_synced_to(newest) {
                return;
            } else {
                let wake = self.state.next_wake().expect("something waits without a timer");
                self.now = self.now.max(wake);
                self.send(Event::Tick);
            }
        }
        panic!("does not settle");
    }

    fn all_synced_to(&self, newest: u8) -> bool {
        self.applications.iter().all(|(n, (version, repository, suspended))| {
            let pollable = self.repositories.get(repository).is_some_and(|(_, suspended)| !suspended);
            !pollable
                || *suspended
                || self.synced.get(&name(*n)).is_some_and(|target| {
                    target.revision.commit == ObjectId([newest; 20]) && target.version == *version
                })
        })
    }
}

#[derive(Clone, Debug)]
enum Step {
    Repository(u8, u64, bool),
    RepositoryGone(u8),
    Application(u8, u64, u8, bool),
    ApplicationGone(u8),
    Rules,
    Values(u8),
    PollEnds(usize, Option<u8>),
    PollEndsWithout(usize, u8, u8, u8),
    RunEnds(usize, u8),
    Drift(u8, u8),
    Health(u8, bool),
    Leadership(bool),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (0..2_u8, 0..3_u64, any::<bool>()).prop_map(|(n, v, s)| Step::Repository(n, v, s)),
        1 => (0..2_u8).prop_map(Step::RepositoryGone),
        3 => (0..4_u8, 0..3_u64, 0..2_u8, prop::bool::weighted(0.2))
            .prop_map(|(n, v, r, s)| Step::Application(n, v, r, s)),
        1 => (0..4_u8).prop_map(Step::ApplicationGone),
        1 => Just(Step::Rules),
        1 => (0..4_u8).prop_map(Step::Values),
        6 => (0..4_usize, prop::option::weighted(0.7, 1..5_u8)).prop_map(|(i, c)| Step::PollEnds(i, c)),
        4 => (0..4_usize, 1..5_u8, 1..5_u8, 0..4_u8)
            .prop_map(|(i, c, since, n)| Step::PollEndsWithout(i, c, since, n)),
        6 => (0..4_usize, 0..6_u8).prop_map(|(i, e)| Step::RunEnds(i, e)),
        3 => (0..4_u8, 0..2_u8).prop_map(|(n, o)| Step::Drift(n, o)),
        2 => (0..4_u8, any::<bool>()).prop_map(|(n, h)| Step::Health(n, h)),
        1 => any::<bool>().prop_map(Step::Leadership),
        4 => (0..40_u64).prop_map(Step::Pass),
    ]
}

fn run(world: &mut World, step: &Step) {
    match *step {
        Step::Repository(n, version, suspended) => world.set_repository(n, version, suspended),
        Step::RepositoryGone(n) => {
            world.repositories.remove(&n);
            world.send(Event::RepositoryGone(name(n)));
        }
        Step::Application(n, version, repository, suspended) => {
            world.set_application(n, version, repository, suspended);
        }
        Step::ApplicationGone(n) => {
            world.applications.remove(&n);
            world.synced.remove(&name(n));
            world.send(Event::ApplicationGone(name(n)));
        }
        Step::Rules => drop(world.send(Event::RulesChanged)),
        Step::Values(n) => drop(world.send(Event::ValuesChanged(name(n)))),
        Step::PollEnds(index, Some(n)) => world.finish_poll(index, at(n)),
        Step::PollEndsWithout(index, n, since, unconcerned) => {
            world.finish_poll(index, at_without(n, since, unconcerned));
        }
        Step::PollEnds(index, None) => world.finish_poll(index, Polled::Failed { asked: Duration::ZERO }),
        Step::RunEnds(index, 0) => world.finish_run(index, failed(AGAIN, true)),
        Step::RunEnds(index, 1) => world.finish_run(index, failed(Retry::Never, false)),
        Step::RunEnds(index, 2) => {
            world.finish_run(index, SyncEnd::Failed { retry: AGAIN, touched: true, in_hand: true });
        }
        Step::RunEnds(index, _) => world.finish_run(index, SyncEnd::Done { touched: true }),
        Step::Drift(n, o) => drop(world.send(Event::Drifted { name: name(n), object: object(o) })),
        Step::Health(n, healthy) => {
            let state = if healthy { HealthState::Healthy } else { HealthState::Progressing };
            world.send(Event::HealthChanged { name: name(n), state });
        }
        Step::Leadership(leading) => drop(world.send(Event::Leadership(leading))),
        Step::Pass(seconds) => world.pass(Duration::from_secs(seconds)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn in_any_order_of_events_the_guarantees_hold_and_the_newest_commit_is_reached(
        steps in prop::collection::vec(step(), 1..120)
    ) {
        let mut world = World::new();
        for step in steps {
            run(&mut world, &step);
        }
        world.send(Event::Leadership(false));
        world.send(Event::Leadership(true));
        // A terminal failure is only left by a change, which the last commit is.
        world.settle(99);
    }
}

fn syncs(actions: &[Action]) -> Vec<u8> {
    actions
        .iter()
        .filter_map(|action| match action {
            Action::Sync { target, .. } => Some(target.revision.commit.0[0]),
            _ => None,
        })
        .collect()
}

#[test]
fn a_newer_commit_cancels_the_sync_of_an_older_one_and_comes_next() {
    let mut world = World::simple();
    world.finish_poll(0, at(1));
    world.pass(INTERVAL);
    world.finish_poll(0, at(2));
    assert!(matches!(world.log.last(), Some(Action::Cancel(_))), "{:?}", world.log);
    let before = world.log.len();
    world.finish_run(0, SyncEnd::Cancelled { touched: false });
    assert_eq!(syncs(&world.log[before..]), [2]);
}

#[test]
fn an_unchanged_commit_starts_nothing() {
    let mut world = World::simple();
    world.finish_poll(0, at(1));
    world.finish_run(0, SyncEnd::Done { touched: true });
    world.pass(INTERVAL);
    let before = world.log.len();
    world.finish_poll(0, at(1));
    assert!(syncs(&world.log[before..]).is_empty());
}

#[test]
fn what_only_a_change_can_help_is_not_tried_again_until_something_changes() {
    let mut world = World::simple();
    world.finish_poll(0, at(1));
    world.finish_run(0, failed(Retry::Never, false));
    for _ in 0..100 {
        world.pass(INTERVAL);
        world.finish_poll(0, at(1));
    }
    assert_eq!(syncs(&world.log), [1]);
    world.send(Event::RulesChanged);
    assert_eq!(syncs(&world.log), [1, 1]);
}

#[test]
fn values_that_change_are_synced_once_and_what_is_under_way_with_older_ones_is_cancelled() {
    let mut world = World::simple();
    world.finish_poll(0, at(1));
    let actions = world.send(Event::ValuesChanged(name(0)));
    assert!(matches!(actions.as_slice(), [Action::Cancel(_)]), "{actions:?}");
    world.finish_run(0, failed(Retry::Never, false));
    world.finish_run(0, SyncEnd::Done { touched: true });
    assert_eq!(syncs(&world.log), [1, 1]);
    assert!(world.send(Event::ValuesChanged(name(9))).is_empty());
}

#[test]
fn drift_of_the_last_good_state_is_corrected_while_a_newer_commit_is_refused() {
    let mut world = World::simple();
    world.finish_poll(0, at(1));
    world.finish_run(0, SyncEnd::Done { touched: true });
    world.pass(INTERVAL);
    world.finish_poll(0, at(2));
    world.finish_run(0, failed(Retry::Never, false));
    let actions = world.send(Event::Drifted { name: name(0), object: object(0) });
    assert!(matches!(actions.as_slice(), [Action::Correct { .. }]), "{actions:?}");
}

#[test]
fn without_the_last_good_state_in_hand_drift_waits() {
    let mut world = World::simple();
    world.finish_poll(0, at(1));
    world.finish_run(0, SyncEnd::Failed { retry: Retry::Never, touched: false, in_hand: false });
    assert!(world.send(Event::Drifted { name: name(0), object: object(0) }).is_empty());
    // A later try has it.
    world.send(Event::RulesChanged);
    world.finish_run(0, failed(Retry::Never, false));
    assert!(matches!(world.log.last(), Some(Action::Correct { .. })), "{:?}", world.log.last());
}

#[test]
fn a_server_that_asks_for_rest_is_not_asked_again_before() {
    let mut world = World::simple();
    let rest = INTERVAL * 6;
    world.finish_poll(0, Polled::Failed { asked: rest });
    world.pass(INTERVAL * 5);
    assert!(world.polls.is_empty());
    world.pass(INTERVAL);
    world.finish_poll(0, at(1));
    world.finish_run(0, failed(Retry::After(rest), true));
    world.pass(INTERVAL * 5);
    assert!(world.runs.is_empty());
    world.pass(INTERVAL);
    assert_eq!(world.runs.len(), 1);
}

#[test]
fn a_commit_that_does_not_concern_an_application_starts_nothing_and_is_what_it_is_synced_to() {
    let mut world = World::simple();
    world.finish_poll(0, at(1));
    world.finish_run(0, SyncEnd::Done { touched: true });
    world.pass(INTERVAL);
    world.finish_poll(0, at_without(2, 1, 0));
    assert_eq!(syncs(&world.log), [1]);
    assert!(matches!(world.log.last(), Some(Action::CountStanding(1))));
    // From there, the next one is compared with the second.
    world.pass(INTERVAL);
    world.finish_poll(0, at_without(3, 2, 0));
    assert_eq!(syncs(&world.log), [1]);
    // Compared with a commit that it never was at, nothing is known.
    world.pass(INTERVAL);
    world.finish_poll(0, at_without(4, 1, 0));
    assert_eq!(syncs(&world.log), [1, 4]);
}

#[test]
fn a_sync_goes_on_while_commits_come_that_do_not_concern_it() {
    let mut world = World::simple();
    world.finish_poll(0, at(1));
    world.pass(INTERVAL);
    world.finish_poll(0, at_without(2, 1, 0));
    assert!(!world.log.iter().any(|action| matches!(action, Action::Cancel(_))));
    world.finish_run(0, SyncEnd::Done { touched: true });
    world.pass(INTERVAL);
    world.finish_poll(0, at_without(3, 2, 0));
    assert_eq!(syncs(&world.log), [1]);
}

#[test]
fn a_tug_of_war_is_reported_once_and_slowed_down() {
    let mut world = World::simple();
    world.finish_poll(0, at(1));
    world.finish_run(0, SyncEnd::Done { touched: true });
    for _ in 0..60 {
        world.send(Event::Drifted { name: name(0), object: object(0) });
        world.finish_run(0, SyncEnd::Done { touched: true });
        world.pass(Duration::from_millis(100));
    }
    let corrections = world.log.iter().filter(|action| matches!(action, Action::Correct { .. })).count();
    let reports = world.log.iter().filter(|action| matches!(action, Action::ReportFight { .. })).count();
    assert_eq!(
        (corrections, reports),
        (7, 1),
        "five at once, one that makes it a fight, one after its first pause"
    );
}

#[test]
fn health_that_does_not_come_is_reported_once_and_holds_no_slot() {
    let mut world = World::simple();
    world.finish_poll(0, at(1));
    world.finish_run(0, SyncEnd::Done { touched: true });
    world.send(Event::HealthChanged { name: name(0), state: HealthState::Progressing });
    world.send(Event::HealthChanged { name: name(0), state: HealthState::Progressing });
    assert!(world.runs.is_empty());
    world.pass(HEALTH_TIMEOUT);
    let reports = world.log.iter().filter(|action| matches!(action, Action::ReportHealthTimeout(_))).count();
    assert_eq!(reports, 1);
}

#[test]
fn a_stuck_application_does_not_keep_others_from_their_turn() {
    let mut world = World::simple();
    world.finish_poll(0, at(1));
    for n in 1..4 {
        world.set_application(n, 1, 0, false);
    }
    // n0 stays in flight for ever; the other slot serves the rest.
    for _ in 0..3 {
        let index = world.runs.keys().position(|running| *running != name(0)).unwrap();
        world.finish_run(index, SyncEnd::Done { touched: true });
    }
    assert_eq!(world.synced.len(), 3);
}

#[test]
fn an_application_that_names_no_existing_repository_is_told_so_once() {
    let mut world = World::new();
    world.send(Event::Leadership(true));
    world.set_application(0, 1, 7, false);
    world.send(Event::RulesChanged);
    let told = world
        .log
        .iter()
        .filter(|action| matches!(action, Action::Explain { waiting: Waiting::RepositoryMissing, .. }))
        .count();
    assert_eq!(told, 1);
}

#[test]
fn a_repository_that_was_never_polled_is_explained_only_when_its_first_poll_failed() {
    let told = |world: &World| {
        let is_told =
            |action: &&Action| matches!(action, Action::Explain { waiting: Waiting::NoRevision, .. });
        world.log.iter().filter(is_told).count()
    };
    let mut world = World::simple();
    assert_eq!(told(&world), 0);
    world.finish_poll(0, Polled::Failed { asked: Duration::ZERO });
    assert_eq!(told(&world), 1);
}

#[test]
fn an_agent_that_leads_again_syncs_again_for_another_may_have_written() {
    let mut world = World::simple();
    world.finish_poll(0, at(1));
    world.finish_run(0, SyncEnd::Done { touched: true });
    let first = world.synced[&name(0)].clone();
    world.send(Event::Leadership(false));
    world.send(Event::Leadership(true));
    world.finish_run(0, SyncEnd::Done { touched: false });
    assert_ne!(world.synced[&name(0)], first, "an equal target would be taken for done");
}

#[test]
fn after_a_shutdown_nothing_starts() {
    let mut world = World::simple();
    world.finish_poll(0, at(1));
    world.send(Event::Shutdown);
    world.finish_run(0, SyncEnd::Cancelled { touched: false });
    world.pass(INTERVAL * 100);
    assert_eq!(syncs(&world.log), [1]);
    assert_eq!(world.state.in_flight(), 0);
}

#[test]
fn a_commit_that_changes_nothing_gives_no_more_time_to_become_healthy() {
    let mut world = World::simple();
    let progressing = || Event::HealthChanged { name: name(0), state: HealthState::Progressing };
    let timed_out = |world: &World| {
        world.log.iter().filter(|action| matches!(action, Action::ReportHealthTimeout(_))).count()
    };
    world.finish_poll(0, at(1));
    world.finish_run(0, SyncEnd::Done { touched: true });
    world.send(progressing());
    for n in 2..40 {
        world.pass(INTERVAL);
        world.finish_poll(0, at(n));
        world.finish_run(0, SyncEnd::Done { touched: false });
        world.send(progressing());
    }
    assert!(timed_out(&world) > 0);
}
