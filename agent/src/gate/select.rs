//! Which gates judge an application, and which of its objects.

use crate::object::ObjectKey;

use super::Gate;

/// Whether `matcher` names the kind: `v1/Pod` for the core group,
/// `apps/Deployment` and `apps/*` for the others, `*` or `*/*` for all.
/// Versions do not count: the same object is served under several.
pub fn matches_kind(matcher: &str, key: &ObjectKey) -> bool {
    let Some((group, kind)) = matcher.split_once('/') else { return matcher == "*" };
    let group = if group == "v1" { "" } else { group };
    (group == "*" || group == key.group) && (kind == "*" || kind == key.kind)
}

impl Gate {
    /// Whether the gate judges objects of the application `namespace/name`.
    pub(crate) fn selects_application(&self, namespace: &str, name: &str) -> bool {
        let is_it = |selected: &String| match selected.split_once('/') {
            Some(full) => full == (namespace, name),
            None => selected == name,
        };
        any(&self.namespaces, |selected| selected == namespace) && any(&self.applications, is_it)
    }

    /// Whether the gate judges objects of this kind.
    pub(super) fn selects_object(&self, key: &ObjectKey) -> bool {
        any(&self.kinds, |matcher| matches_kind(matcher, key))
    }
}

/// An empty selection selects everything.
fn any(selected: &[String], is_it: impl Fn(&String) -> bool) -> bool {
    selected.is_empty() || selected.iter().any(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(group: &str, kind: &str) -> ObjectKey {
        ObjectKey { group: group.to_owned(), kind: kind.to_owned(), namespace: None, name: "a".to_owned() }
    }

    #[test]
    fn a_matcher_names_a_kind_a_group_or_everything() {
        let (pod, deployment) = (key("", "Pod"), key("apps", "Deployment"));
        for (matcher, of_pod, of_deployment) in [
            ("*", true, true),
            ("*/*", true, true),
            ("v1/Pod", true, false),
            ("v1/*", true, false),
            ("apps/*", false, true),
            ("apps/Deployment", false, true),
            ("apps/StatefulSet", false, false),
            ("*/Deployment", false, true),
            ("Pod", false, false),
            ("batch/*", false, false),
            ("", false, false),
        ] {
            assert_eq!(matches_kind(matcher, &pod), of_pod, "{matcher} on a Pod");
            assert_eq!(matches_kind(matcher, &deployment), of_deployment, "{matcher} on a Deployment");
        }
    }

    #[test]
    fn a_gate_selects_applications_by_every_field_that_is_set() {
        let gate = |namespaces: &[&str], applications: &[&str]| Gate {
            name: "g".to_owned(),
            namespaces: namespaces.iter().map(ToString::to_string).collect(),
            applications: applications.iter().map(ToString::to_string).collect(),
            kinds: Vec::new(),
            policies: Vec::new(),
        };
        for (namespaces, applications, expected) in [
            (&[][..], &[][..], true),
            (&["prod"][..], &[][..], true),
            (&["test"][..], &[][..], false),
            (&[][..], &["prod/web"][..], true),
            (&[][..], &["test/web", "web"][..], true),
            (&[][..], &["test/web"][..], false),
            (&["test"][..], &["web"][..], false),
        ] {
            let selected = gate(namespaces, applications).selects_application("prod", "web");
            assert_eq!(selected, expected, "{namespaces:?} {applications:?}");
        }
    }
}
