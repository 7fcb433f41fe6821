//! Looks up what holds in a namespace: its labels, from the set or from the
//! cluster, over the defaults of the settings.

use windlass_plugin_sdk::policy::{Action, Cluster, Finding, Findings};

use crate::check::Rules;
use crate::labels;
use crate::level::{Level, Policy, Standard, Version};
use crate::pod::Tags;
use crate::settings::{NamespaceLabels, Settings};
use crate::workload::{self, Head, Workload};
use windlass_plugin_sdk::object::pointer_step;

/// What stands as the rule of findings about labels.
pub(crate) const RULE: &str = "namespaceLabels";

/// What holds in a namespace.
#[derive(Clone)]
pub(crate) struct Demands {
    /// From the mode that denies to the one that only records. A mode that
    /// asks for the same as one before it is left out.
    pub(crate) modes: Vec<Mode>,
    pub(crate) labels: Labels,
}

/// What is known of the labels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Labels {
    /// All of them, or that they don't count.
    Known,
    /// That something is wrong with them.
    Invalid(String),
    /// Nothing, and so what they could deny is denied.
    Unknown,
}

/// One of the three modes.
#[derive(Clone)]
pub(crate) struct Mode {
    /// Nothing for what denies: the Gate may ask for less.
    pub(crate) action: Option<Action>,
    pub(crate) standard: Standard,
    pub(crate) rules: Rules,
}

impl Demands {
    fn new(policy: Policy, labels: Labels) -> Self {
        let all =
            [(None, policy.enforce), (Some(Action::Warn), policy.warn), (Some(Action::Audit), policy.audit)];
        let mut modes: Vec<Mode> = Vec::new();
        for (action, standard) in all {
            let is_new = modes.iter().all(|mode| mode.standard != standard);
            if is_new && standard.level != Level::Privileged {
                modes.push(Mode { action, standard, rules: Rules::of(standard) });
            }
        }
        Self { modes, labels }
    }

    /// Of the namespace of that name; an empty one is not known.
    pub(crate) fn of(name: &str, settings: &Settings, cluster: &Cluster) -> Self {
        let defaults = settings.defaults;
        if settings.labels == NamespaceLabels::Ignored {
            return Self::new(defaults, Labels::Known);
        }
        let mut complete = false;
        if !name.is_empty() {
            let found = cluster.json("v1/Namespace", None, Some(name));
            complete = found.complete;
            if let Some(json) = found.objects.first() {
                return Self::said_by(json, name, defaults);
            }
        }
        // One that is not there has no labels.
        let labels = match settings.labels {
            NamespaceLabels::Required if !complete => Labels::Unknown,
            _ => Labels::Known,
        };
        Self::new(defaults, labels)
    }

    fn said_by(json: &[u8], name: &str, defaults: Policy) -> Self {
        let (policy, why) = match workload::read(json) {
            Ok(Workload::Namespace(head)) => {
                let (policy, invalid) = labels::policy(tags(&head), defaults);
                (policy, invalid.into_iter().map(|invalid| invalid.message).collect::<Vec<_>>())
            }
            Ok(_) => (strictest(defaults), vec!["it is none".to_owned()]),
            Err(unreadable) => {
                (strictest(defaults), vec![format!("{} {}", unreadable.pointer, unreadable.message)])
            }
        };
        if why.is_empty() {
            return Self::new(policy, Labels::Known);
        }
        let message = format!(
            "the labels of the Namespace `{name}` are not valid, so its pods are held to {}: {}",
            policy.enforce,
            why.join(", ")
        );
        Self::new(policy, Labels::Invalid(message))
    }
}

fn strictest(defaults: Policy) -> Policy {
    Policy { enforce: Standard::new(Level::Restricted, Version::Latest), ..defaults }
}

fn tags<'h, 'a>(head: &'h Head<'a>) -> &'h Tags<'a> {
    const NONE: &Tags<'_> = &Tags::NONE;
    head.metadata.as_ref().map_or(NONE, |metadata| &metadata.labels)
}

/// Says what is wrong with the labels of a Namespace that is applied itself.
pub(crate) fn check(head: &Head<'_>, settings: &Settings, findings: &mut Findings) {
    if settings.labels == NamespaceLabels::Ignored {
        return;
    }
    let tags = tags(head);
    let (policy, invalid) = labels::policy(tags, settings.defaults);
    for invalid in &invalid {
        let pointer = format!("/metadata/labels{}", pointer_step(&invalid.label));
        findings.deny_by(RULE, pointer, invalid.message.clone());
    }
    let name = head.metadata.as_ref().map_or("", |metadata| &*metadata.name);
    let says_more = !policy.is_privileged() && !policy.is_like(&settings.defaults);
    if invalid.is_empty() && says_more && settings.namespaces.contains(name) {
        findings.push(Finding {
            message: format!(
                "the namespace `{name}` is exempt from Pod Security, and these labels are ignored"
            ),
            pointer: Some("/metadata/labels".to_owned()),
            rule: Some(RULE.to_owned()),
            action: Some(Action::Warn),
        });
    }
}
