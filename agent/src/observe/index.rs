//! What is known of the live objects that Applications own.
//!
//! Takes what was applied and what watches report; says which objects are not
//! as they were applied, and how an Application's objects do all together.
//! Does no I/O. Holds per object only its versions, a hash and a verdict, never
//! its content.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::object::{Name, ObjectKey};
use crate::plan::Live;
use crate::plan::inventory::Inventory;
use crate::plugin::{Assessment, HealthState};

/// What became known by one report of a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Noticed {
    /// Nothing new, or nobody's object.
    Nothing,
    /// The object is as it was applied; its health may have moved.
    Changed(Name),
    /// The object is not as it was applied.
    Drifted(Name),
}

/// How an Application's objects do, all together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RollUp {
    pub(crate) state: HealthState,
    /// The worst object and what was said of it; empty when all is well.
    pub(crate) message: String,
    /// How many objects are in each state.
    pub(crate) counts: BTreeMap<&'static str, usize>,
    /// Whether every object that is there was assessed: after a restart, that takes a moment.
    pub(crate) complete: bool,
}

#[derive(Default)]
pub(crate) struct Index {
    objects: HashMap<ObjectKey, Tracked>,
    applications: HashMap<Name, Owning>,
}

/// What belongs to one Application.
#[derive(Default)]
struct Owning {
    /// The field manager of its writes.
    manager: String,
    keys: BTreeSet<ObjectKey>,
}

struct Tracked {
    application: Name,
    /// What the object was when it was applied last.
    expected: Option<Expected>,
    live: Option<Live>,
    assessment: Option<Assessment>,
}

struct Expected {
    uid: String,
    ownership: String,
}

impl Index {
    /// Starts to track what an Application owns, keeping what is already known.
    /// `manager` is the field manager of its writes.
    pub(crate) fn track(&mut self, application: &Name, manager: &str, inventory: &Inventory) {
        let keys: BTreeSet<ObjectKey> = inventory.iter().map(|(key, _)| key.clone()).collect();
        let owning = Owning { manager: manager.to_owned(), keys: keys.clone() };
        let former = self.applications.insert(application.clone(), owning).unwrap_or_default();
        for gone in former.keys.difference(&keys) {
            self.untrack(application, gone);
        }
        for (key, owned) in inventory.iter() {
            let expected = owned
                .uid
                .clone()
                .zip(owned.ownership.clone())
                .map(|(uid, ownership)| Expected { uid, ownership });
            let tracked = self.objects.entry(key.clone()).or_insert_with(|| Tracked::new(application));
            // What another Application has applied is not taken by only meaning to.
            let others = tracked.application != *application;
            if others && (tracked.expected.is_some() || expected.is_none()) {
                continue;
            }
            tracked.application = application.clone();
            tracked.expected = expected;
        }
    }

    /// Drops everything of an Application.
    pub(crate) fn forget(&mut self, application: &Name) {
        for key in self.applications.remove(application).unwrap_or_default().keys {
            self.untrack(application, &key);
        }
    }

    fn untrack(&mut self, application: &Name, key: &ObjectKey) {
        if self.objects.get(key).is_some_and(|tracked| tracked.application == *application) {
            self.objects.remove(key);
        }
    }

    /// Takes in what the API server answered to a write of ours. Says so when a
    /// watch has already shown that somebody changed it since.
    pub(crate) fn applied(
        &mut self,
        application: &Name,
        key: &ObjectKey,
        live: Live,
        assessment: Option<Assessment>,
    ) -> Noticed {
        self.applications.entry(application.clone()).or_default().keys.insert(key.clone());
        let tracked = self.objects.entry(key.clone()).or_insert_with(|| Tracked::new(application));
        tracked.application = application.clone();
        tracked.expected =
            live.ownership.clone().map(|ownership| Expected { uid: live.uid.clone(), ownership });
        if !tracked.is_newer_than(&live.resource_version) {
            tracked.live = Some(live);
            tracked.assessment = assessment.or(tracked.assessment.take());
        }
        tracked.notice()
    }

    /// Takes in an object that a watch shows.
    pub(crate) fn seen(&mut self, key: &ObjectKey, live: Live) -> Noticed {
        let Some(tracked) = self.objects.get_mut(key) else { return Noticed::Nothing };
        if tracked.is_newer_than(&live.resource_version) {
            return Noticed::Nothing;
        }
        tracked.live = Some(live);
        tracked.notice()
    }

    /// Takes in that a watch shows an object no more: it was deleted, or lost
    /// the label that the watch selects on.
    pub(crate) fn vanished(&mut self, key: &ObjectKey) -> Noticed {
        let Some(tracked) = self.objects.get_mut(key) else { return Noticed::Nothing };
        tracked.live = None;
        tracked.assessment = None;
        tracked.notice()
    }

    /// Takes in a complete list of one kind: what is tracked and not in it has vanished.
    pub(crate) fn listed(
        &mut self,
        group: &str,
        kind: &str,
        present: &BTreeSet<ObjectKey>,
    ) -> Vec<(ObjectKey, Noticed)> {
        let vanished: Vec<ObjectKey> = self
            .objects
            .iter()
            .filter(|(key, tracked)| {
                key.group == group && key.kind == kind && tracked.live.is_some() && !present.contains(*key)
            })
            .map(|(key, _)| key.clone())
            .collect();
        vanished
            .into_iter()
            .map(|key| {
                let noticed = self.vanished(&key);
                (key, noticed)
            })
            .collect()
    }

    /// Takes in a verdict on the object as it was at a resource version.
    pub(crate) fn assessed(&mut self, key: &ObjectKey, resource_version: &str, assessment: Assessment) {
        if let Some(tracked) = self.objects.get_mut(key)
            && tracked.live.as_ref().is_some_and(|live| live.resource_version == resource_version)
        {
            tracked.assessment = Some(assessment);
        }
    }

    /// The live object, as far as it is known, if it belongs to this
    /// Application: one that is another's is no basis for a write.
    pub(crate) fn live(&self, application: &Name, key: &ObjectKey) -> Option<Live> {
        let tracked = self.objects.get(key).filter(|tracked| tracked.application == *application)?;
        tracked.live.clone()
    }

    /// Whose object it is, and the field manager of that Application's writes.
    pub(crate) fn owner(&self, key: &ObjectKey) -> Option<(&Name, &str)> {
        let application = &self.objects.get(key)?.application;
        Some((application, &self.applications.get(application)?.manager))
    }

    /// How many objects are tracked.
    pub(crate) fn len(&self) -> usize {
        self.objects.len()
    }

    /// The health of an Application, from the health of its objects.
    pub(crate) fn roll_up(&self, application: &Name) -> RollUp {
        let keys = self.applications.get(application).into_iter().flat_map(|owning| &owning.keys);
        let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
        let mut worst: Option<(HealthState, String)> = None;
        let mut complete = true;
        for key in keys {
            let tracked = self.objects.get(key);
            complete &= tracked.is_some_and(|tracked| tracked.live.is_none() || tracked.assessment.is_some());
            let (state, message) = tracked
                .map_or_else(|| (HealthState::Progressing, "not seen yet".to_owned()), Tracked::health);
            *counts.entry(name_of(state)).or_default() += 1;
            let is_worse = worst.as_ref().is_none_or(|(worst, _)| severity(state) > severity(*worst));
            if is_worse && state != HealthState::Healthy {
                worst = Some((state, format!("{key}: {message}")));
            }
        }
        let (state, message) = worst.unwrap_or((HealthState::Healthy, String::new()));
        RollUp { state, message, counts, complete }
    }
}

impl Tracked {
    fn new(application: &Name) -> Self {
        Self { application: application.clone(), expected: None, live: None, assessment: None }
    }

    fn notice(&self) -> Noticed {
        let drifted = match (&self.expected, &self.live) {
            (None, _) => false,
            (Some(_), None) => true,
            // What is on its way out is waited for: a write to it would be lost.
            (Some(_), Some(live)) if live.deleting => false,
            (Some(expected), Some(live)) => {
                live.uid != expected.uid || live.ownership.as_ref() != Some(&expected.ownership)
            }
        };
        if drifted {
            Noticed::Drifted(self.application.clone())
        } else {
            Noticed::Changed(self.application.clone())
        }
    }

    fn is_newer_than(&self, resource_version: &str) -> bool {
        let known = self.live.as_ref().and_then(|live| live.resource_version.parse::<u64>().ok());
        let reported = resource_version.parse::<u64>().ok();
        known.zip(reported).is_some_and(|(known, reported)| known > reported)
    }

    fn health(&self) -> (HealthState, String) {
        match (&self.live, &self.assessment) {
            (None, _) => (HealthState::Progressing, "does not exist yet".to_owned()),
            (Some(live), _) if live.deleting => (HealthState::Progressing, "is being deleted".to_owned()),
            (Some(_), Some(assessment)) => (assessment.state, assessment.message.clone()),
            (Some(_), None) => (HealthState::Progressing, "not assessed yet".to_owned()),
        }
    }
}

fn severity(state: HealthState) -> u8 {
    match state {
        HealthState::Healthy => 0,
        HealthState::Suspended => 1,
        HealthState::Unknown => 2,
        HealthState::Progressing => 3,
        HealthState::Failed => 4,
    }
}

/// The word for a state in status and metrics.
pub(crate) fn name_of(state: HealthState) -> &'static str {
    match state {
        HealthState::Healthy => "Healthy",
        HealthState::Progressing => "Progressing",
        HealthState::Failed => "Failed",
        HealthState::Suspended => "Suspended",
        HealthState::Unknown => "Unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::inventory::Owned;

    fn application() -> Name {
        Name { namespace: "shop".to_owned(), name: "web".to_owned() }
    }

    fn key(name: &str) -> ObjectKey {
        ObjectKey {
            group: String::new(),
            kind: "ConfigMap".to_owned(),
            namespace: Some("shop".to_owned()),
            name: name.to_owned(),
        }
    }

    fn live(resource_version: u64, ownership: &str) -> Live {
        Live {
            uid: "u".to_owned(),
            resource_version: resource_version.to_string(),
            ownership: Some(ownership.to_owned()),
            deleting: false,
        }
    }

    fn healthy() -> Assessment {
        Assessment { state: HealthState::Healthy, message: String::new() }
    }

    fn applied() -> Index {
        let mut index = Index::default();
        index.applied(&application(), &key("a"), live(10, "ours"), Some(healthy()));
        index
    }

    #[test]
    fn what_one_application_applied_is_not_taken_by_the_intent_of_another() {
        let mut index = applied();
        let other = Name { namespace: "n".to_owned(), name: "other".to_owned() };
        let mut intent = Inventory::default();
        intent.insert(key("a"), Owned::default());
        index.track(&other, "windlass/other", &intent);
        assert_eq!(index.live(&other, &key("a")), None);
        assert_eq!(index.owner(&key("a")).map(|(name, _)| name), Some(&application()));
        assert_eq!(index.seen(&key("a"), live(11, "less")), Noticed::Drifted(application()));
    }

    #[test]
    fn the_echo_of_our_own_write_is_no_drift() {
        assert_eq!(applied().seen(&key("a"), live(10, "ours")), Noticed::Changed(application()));
    }

    #[test]
    fn a_report_from_before_our_write_is_ignored() {
        let mut index = applied();
        assert_eq!(index.seen(&key("a"), live(9, "theirs")), Noticed::Nothing);
        assert_eq!(index.live(&application(), &key("a")).unwrap().resource_version, "10");
    }

    #[test]
    fn a_foreign_change_of_our_fields_is_drift_and_one_of_other_fields_is_not() {
        assert_eq!(applied().seen(&key("a"), live(11, "less")), Noticed::Drifted(application()));
        assert_eq!(applied().seen(&key("a"), live(11, "ours")), Noticed::Changed(application()));
    }

    #[test]
    fn a_foreign_change_that_is_seen_before_the_answer_to_our_write_is_drift() {
        let mut index = applied();
        index.seen(&key("a"), live(12, "less"));
        let noticed = index.applied(&application(), &key("a"), live(11, "ours"), None);
        assert_eq!(noticed, Noticed::Drifted(application()));
    }

    #[test]
    fn an_object_that_disappears_is_drift_and_one_that_is_being_deleted_is_waited_for() {
        assert_eq!(applied().vanished(&key("a")), Noticed::Drifted(application()));
        let deleting = Live { deleting: true, ..live(11, "less") };
        assert_eq!(applied().seen(&key("a"), deleting), Noticed::Changed(application()));
    }

    #[test]
    fn a_list_without_the_object_counts_as_its_disappearance() {
        let noticed = applied().listed("", "ConfigMap", &BTreeSet::new());
        assert_eq!(noticed, [(key("a"), Noticed::Drifted(application()))]);
    }

    #[test]
    fn an_object_with_our_label_that_nobody_owns_is_ignored() {
        assert_eq!(applied().seen(&key("stranger"), live(11, "x")), Noticed::Nothing);
    }

    #[test]
    fn what_a_controller_says_before_our_write_is_taken_in_is_kept() {
        let intended: Inventory = [(key("a"), Owned::default())].into_iter().collect();
        let mut index = Index::default();
        index.track(&application(), "windlass/u", &intended);
        assert_eq!(index.seen(&key("a"), live(11, "ours")), Noticed::Changed(application()));
        index.assessed(&key("a"), "11", healthy());
        let early = Assessment { state: HealthState::Progressing, message: "new".to_owned() };
        index.applied(&application(), &key("a"), live(10, "ours"), Some(early));
        assert_eq!(index.roll_up(&application()).state, HealthState::Healthy);
        assert_eq!(index.seen(&key("a"), live(12, "less")), Noticed::Drifted(application()));
    }

    #[test]
    fn after_a_restart_the_inventory_tells_what_was_applied() {
        let owned =
            Owned { uid: Some("u".to_owned()), ownership: Some("ours".to_owned()), ..Owned::default() };
        let mut index = Index::default();
        index.track(&application(), "windlass/u", &[(key("a"), owned)].into_iter().collect());
        assert_eq!(index.seen(&key("a"), live(5, "ours")), Noticed::Changed(application()));
        assert_eq!(index.seen(&key("a"), live(6, "less")), Noticed::Drifted(application()));
    }

    #[test]
    fn the_roll_up_is_the_worst_object_and_names_it() {
        let mut index = applied();
        index.applied(&application(), &key("b"), live(11, "ours"), None);
        index.assessed(
            &key("b"),
            "11",
            Assessment { state: HealthState::Failed, message: "gave up".to_owned() },
        );
        let roll_up = index.roll_up(&application());
        assert_eq!(
            (roll_up.state, roll_up.message.as_str()),
            (HealthState::Failed, "ConfigMap/shop/b: gave up")
        );
        assert_eq!(roll_up.counts, BTreeMap::from([("Failed", 1), ("Healthy", 1)]));
    }

    #[test]
    fn a_verdict_on_an_older_state_is_dropped() {
        let mut index = applied();
        index.seen(&key("a"), live(12, "ours"));
        index.assessed(&key("a"), "11", Assessment { state: HealthState::Failed, message: "old".to_owned() });
        assert_eq!(index.roll_up(&application()).state, HealthState::Healthy);
    }
}
