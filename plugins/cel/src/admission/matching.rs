//! Which objects a policy or a binding is about.

use super::spec::{Match, MatchPolicy, Operator, ResourceRule, Scope, Selector};
use crate::value::Text;

/// The label of a Namespace that says its name.
pub(super) const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// What there is to know of an object before an expression looks at it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) group: &'a str,
    pub(super) version: &'a str,
    pub(super) resource: &'a str,
    pub(super) name: &'a str,
    pub(super) namespace: Option<&'a str>,
    pub(super) create: bool,
}

impl Match {
    /// Whether objects of such a resource may match: what is left to look at
    /// are names, operations and labels.
    pub(super) fn may_match(&self, facts: &Facts<'_>) -> bool {
        self.resource_rules.is_empty()
            || self.resource_rules.iter().any(|rule| rule.covers(facts, self.is_exact()))
    }

    /// Whether a rule names a resource of a group: what the API calls the
    /// objects matters only then.
    pub(super) fn names_a_resource_of(&self, group: &str) -> bool {
        self.resource_rules.iter().chain(&self.exclude_resource_rules).any(|rule| {
            rule.api_groups.iter().any(|it| it == "*" || it == group)
                && rule.resources.iter().any(|resource| !resource.starts_with('*'))
        })
    }

    /// Whether a resource rule matches, and none that excludes.
    pub(super) fn matches(&self, facts: &Facts<'_>) -> bool {
        let any = |rules: &[ResourceRule]| rules.iter().any(|rule| rule.matches(facts, self.is_exact()));
        (self.resource_rules.is_empty() || any(&self.resource_rules)) && !any(&self.exclude_resource_rules)
    }

    fn is_exact(&self) -> bool {
        self.policy == MatchPolicy::Exact
    }

    /// Whether a rule is about objects that are created or changed: nothing
    /// else is ever judged.
    pub(super) fn can_match(&self) -> bool {
        self.resource_rules.is_empty() || self.resource_rules.iter().any(ResourceRule::can_match)
    }
}

impl ResourceRule {
    fn covers(&self, facts: &Facts<'_>, exact: bool) -> bool {
        let lists = |list: &[String], value: &str| list.iter().any(|it| it == "*" || it == value);
        lists(&self.api_groups, facts.group)
            // Of one resource, the API server converts between the versions.
            && (!exact || lists(&self.api_versions, facts.version))
            && self.resources.iter().any(|resource| names(resource, facts.resource))
    }

    fn matches(&self, facts: &Facts<'_>, exact: bool) -> bool {
        let operation = if facts.create { "CREATE" } else { "UPDATE" };
        let in_scope = match self.scope {
            None | Some(Scope::All) => true,
            Some(Scope::Namespaced) => facts.namespace.is_some(),
            Some(Scope::Cluster) => facts.namespace.is_none(),
        };
        in_scope
            && self.covers(facts, exact)
            && self.operations.iter().any(|it| it == "*" || it == operation)
            && (self.resource_names.is_empty() || self.resource_names.iter().any(|name| name == facts.name))
    }

    fn can_match(&self) -> bool {
        let written = self.operations.iter().any(|it| matches!(it.as_str(), "*" | "CREATE" | "UPDATE"));
        written && self.resources.iter().any(|resource| !is_subresource(resource))
    }
}

/// Whether a rule's resource names one: `pods`, `*`, `pods/*`, `*/*`.
fn names(rule: &str, resource: &str) -> bool {
    let (main, sub) = rule.split_once('/').unwrap_or((rule, "*"));
    sub == "*" && (main == "*" || main == resource)
}

fn is_subresource(resource: &str) -> bool {
    resource.split_once('/').is_some_and(|(_, sub)| sub != "*")
}

impl Selector {
    pub(super) fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }

    /// Whether it asks for nothing but the name of a Namespace.
    pub(super) fn asks_only_for_the_name(&self) -> bool {
        self.match_labels.keys().all(|key| key == NAME_LABEL)
            && self.match_expressions.iter().all(|requirement| requirement.key == NAME_LABEL)
    }

    /// Whether labels are as it says.
    pub(super) fn matches<'a>(&self, label: &dyn Fn(&str) -> Option<Text<'a>>) -> bool {
        self.match_labels.iter().all(|(key, value)| label(key).is_some_and(|found| *found == **value))
            && self.match_expressions.iter().all(|requirement| {
                let found = label(&requirement.key);
                let among = |found: &Text<'_>| requirement.values.iter().any(|value| **value == **found);
                match requirement.operator {
                    Operator::In => found.as_ref().is_some_and(among),
                    Operator::NotIn => !found.as_ref().is_some_and(among),
                    Operator::Exists => found.is_some(),
                    Operator::DoesNotExist => found.is_none(),
                }
            })
    }

    /// What is wrong with it, and where below it.
    pub(super) fn faults(&self) -> Vec<(String, &'static str)> {
        let faulty = self.match_expressions.iter().enumerate().filter_map(|(index, requirement)| {
            let values = !requirement.values.is_empty();
            let wanted = matches!(requirement.operator, Operator::In | Operator::NotIn);
            let message = match (wanted, values) {
                (true, false) => "`In` and `NotIn` need `values`",
                (false, true) => "`Exists` and `DoesNotExist` take no `values`",
                _ => return None,
            };
            Some((format!("/matchExpressions/{index}/values"), message))
        });
        faulty.collect()
    }
}
