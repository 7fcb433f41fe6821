//! Which gates judge an application, and which of its objects.

use std::collections::BTreeMap;

use super::{Gate, Snapshot};
use crate::api::Labels;
use crate::object::{ObjectKey, matches_kind};

/// The application that is judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applicant {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Where its objects go that name no namespace.
    pub target_namespace: String,
}

impl Gate {
    /// Whether the gate judges objects of the application. Where the labels of
    /// its namespace are not known, the gate may be meant for it, so it judges.
    pub(crate) fn selects(&self, applicant: &Applicant, cluster: &Snapshot) -> bool {
        let Applicant { namespace, name, labels, .. } = applicant;
        let is_of_namespace = |selector: &Labels| {
            cluster.namespace_labels(namespace).is_none_or(|labels| selector.match_all_of(&labels))
        };
        any(&self.namespaces, |selected| selected == namespace)
            && any(&self.applications, |selected| names_application(selected, namespace, name))
            && self.application_labels.as_ref().is_none_or(|selector| selector.match_all_of(labels))
            && self.namespace_labels.as_ref().is_none_or(is_of_namespace)
    }

    /// Whether the gate judges objects of this kind.
    pub(crate) fn selects_object(&self, key: &ObjectKey) -> bool {
        any(&self.kinds, |matcher| matches_kind(matcher, &key.group, &key.kind))
    }
}

/// Whether `wanted`, which is `namespace/name` or `name`, is the application.
pub(super) fn names_application(wanted: &str, namespace: &str, name: &str) -> bool {
    match wanted.split_once('/') {
        Some(full) => full == (namespace, name),
        None => wanted == name,
    }
}

/// An empty selection selects everything.
pub(super) fn any(selected: &[String], is_it: impl Fn(&String) -> bool) -> bool {
    selected.is_empty() || selected.iter().any(is_it)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use serde_json::json;

    use super::*;
    use crate::gate::testing::nothing;

    fn strings(items: &[&str]) -> Vec<String> {
        items.iter().map(ToString::to_string).collect()
    }

    fn labels(key: &str, value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(key.to_owned(), value.to_owned())])
    }

    fn web() -> Applicant {
        Applicant {
            namespace: "prod".to_owned(),
            name: "web".to_owned(),
            labels: labels("tier", "front"),
            target_namespace: "prod".to_owned(),
        }
    }

    #[test]
    fn a_gate_selects_applications_by_every_field_that_is_set() {
        for (namespaces, applications, expected) in [
            (&[][..], &[][..], true),
            (&["prod"][..], &[][..], true),
            (&["test"][..], &[][..], false),
            (&[][..], &["prod/web"][..], true),
            (&[][..], &["test/web", "web"][..], true),
            (&[][..], &["test/web"][..], false),
            (&["test"][..], &["web"][..], false),
        ] {
            let gate =
                Gate { namespaces: strings(namespaces), applications: strings(applications), ..nothing("g") };
            let selected = gate.selects(&web(), &Snapshot::default());
            assert_eq!(selected, expected, "{namespaces:?} {applications:?}");
        }
    }

    #[test]
    fn a_gate_selects_applications_by_their_labels() {
        let selected = |key: &str, value: &str| {
            let selector = Labels::from_iter(labels(key, value));
            let gate = Gate { application_labels: Some(selector), ..nothing("g") };
            gate.selects(&web(), &Snapshot::default())
        };
        assert!(selected("tier", "front"));
        assert!(!selected("tier", "back"));
    }

    #[test]
    fn a_gate_selects_by_the_labels_of_the_namespace_and_judges_where_they_are_not_known() {
        let gate = |value: &str| Gate {
            namespace_labels: Some(Labels::from_iter(labels("stage", value))),
            ..nothing("g")
        };
        let mut cluster = Snapshot::default();
        assert!(gate("live").selects(&web(), &cluster) && gate("test").selects(&web(), &cluster));
        let object = json!({"metadata": {"name": "prod", "labels": {"stage": "live"}}});
        let key = ObjectKey {
            group: String::new(),
            kind: "Namespace".to_owned(),
            namespace: None,
            name: "prod".to_owned(),
        };
        let objects = BTreeMap::from([(key, Bytes::from(object.to_string()))]);
        cluster.insert((String::new(), "Namespace".to_owned()), Ok(Arc::new(objects)));
        assert!(gate("live").selects(&web(), &cluster));
        assert!(!gate("test").selects(&web(), &cluster));
    }
}
