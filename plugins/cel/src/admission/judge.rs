//! Policies and objects to findings.

use std::cell::OnceCell;

use typed_arena::Arena;
use windlass_plugin_sdk::policy::{Action, BatchFindings, Cluster, Finding, Findings, Subject};

use super::bindings::Binding;
use super::matching::{Facts, NAME_LABEL};
use super::params::{self, Param};
use super::rule::Rule;
use super::spec::Match;
use super::store::{Store, label, metadata, text};
use super::{Expression, Policies, Policy, Validation, plural, request};
use crate::evaluate::{Given, Machine};
use crate::failure::Failure;
use crate::json::{Document, head};
use crate::value::{Text, Value};

/// How long a message that an expression makes may be.
const MAX_MESSAGE_BYTES: usize = 5 << 10;
/// How long the value of an audit annotation may be.
const MAX_ANNOTATION_BYTES: usize = 10 << 10;

/// Judges a batch.
pub(crate) fn check(
    policies: &Policies,
    subjects: &[Subject],
    cluster: &Cluster,
    findings: &mut BatchFindings,
) {
    let (texts, documents) = (Arena::new(), Arena::new());
    let store = Store::new(cluster, &texts, &documents);
    let mut batch = Batch { policies, store: &store, kinds: Vec::new(), params: OnceCell::new() };
    for (index, subject) in subjects.iter().enumerate() {
        batch.judge(subject, findings.on(index));
    }
}

struct Batch<'d, 's> {
    policies: &'d Policies,
    store: &'s Store<'d, 's>,
    kinds: Vec<Kind>,
    params: OnceCell<Vec<(&'d Param, Value<'d>)>>,
}

/// What is known of all objects of a kind.
struct Kind {
    api_version: String,
    name: String,
    resource: String,
    /// Which policies and which rules may be about it.
    policies: Vec<usize>,
    rules: Vec<usize>,
    reads_request: bool,
    reads_namespace: bool,
}

impl Kind {
    fn group_and_version(&self) -> (&str, &str) {
        self.api_version.split_once('/').unwrap_or(("", &self.api_version))
    }
}

impl<'d> Batch<'d, '_> {
    fn judge(&mut self, subject: &Subject, findings: &mut Findings) {
        let known = head(subject.json()).map(|(api_version, kind)| self.kind(api_version, kind));
        if known
            .is_some_and(|known| self.kinds[known].policies.is_empty() && self.kinds[known].rules.is_empty())
        {
            return;
        }
        let document = match Document::parse(subject.json()) {
            Ok(document) => document,
            Err(why) => return findings.deny("", format!("the object can't be read: {why}")),
        };
        let object = Value::of(document.root());
        let known = known.unwrap_or_else(|| {
            let api_version = text(&object, "apiVersion");
            let kind = text(&object, "kind");
            self.kind(api_version.as_deref().unwrap_or_default(), kind.as_deref().unwrap_or_default())
        });
        let old = subject.old_json().and_then(|json| Document::parse(json).ok());
        let old = old.as_ref().map_or(Value::Null, |old| Value::of(old.root()));
        self.judge_object(&self.kinds[known], object, old, subject.old_json().is_none(), findings);
    }

    fn judge_object<'a>(
        &self,
        kind: &Kind,
        object: Value<'a>,
        old: Value<'a>,
        create: bool,
        findings: &mut Findings,
    ) where
        'd: 'a,
    {
        let (name, namespace) = (metadata(&object, "name"), metadata(&object, "namespace"));
        let (group, version) = kind.group_and_version();
        let facts = Facts {
            group,
            version,
            resource: &kind.resource,
            name: name.as_deref().unwrap_or_default(),
            namespace: namespace.as_deref().filter(|namespace| !namespace.is_empty()),
            create,
        };
        let request = kind.reads_request.then(|| request::json(&facts, &kind.name));
        let request = request.as_deref().and_then(|json| Document::parse(json).ok());
        let around = match facts.namespace {
            Some(namespace) if kind.reads_namespace => self.store.namespace(namespace),
            _ => Ok(Value::Null),
        };
        let given = Given {
            object,
            old,
            request: request.as_ref().map_or(Value::Null, |request| Value::of(request.root())),
            params: Value::Null,
            namespace: around,
        };
        let judge = Judge {
            store: self.store,
            policies: self.policies,
            params: &self.params,
            facts,
            secret: group.is_empty() && kind.name == "Secret",
        };
        for place in &kind.rules {
            judge.rule(&self.policies.rules[*place], &given, findings);
        }
        for place in &kind.policies {
            judge.policy(&self.policies.written[*place], &given, findings);
        }
    }

    /// What is known of a kind, found out when it is first met.
    fn kind(&mut self, api_version: &str, kind: &str) -> usize {
        let known =
            self.kinds.iter().position(|known| known.name == kind && known.api_version == api_version);
        if let Some(known) = known {
            return known;
        }
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let asks = |policy: &Policy| policy.reads.request || policy.matching.names_a_resource_of(group);
        let resource = if self.policies.written.iter().any(asks) {
            self.store.plural(group, kind)
        } else {
            plural::of(kind)
        };
        let facts = Facts { group, version, resource: &resource, name: "", namespace: None, create: true };
        let numbered = self.policies.written.iter().enumerate();
        // Policies do not hold for policies: else nobody could mend them.
        let exempt = group == "admissionregistration.k8s.io" && kind.contains("AdmissionPolicy");
        let policies: Vec<usize> = numbered
            .filter(|(_, policy)| !exempt && policy.matching.may_match(&facts))
            .map(|(place, _)| place)
            .collect();
        let rules: Vec<usize> = (0..self.policies.rules.len())
            .filter(|place| self.policies.rules[*place].is_about(group, kind))
            .collect();
        let any = |policy: fn(&Policy) -> bool, rule: fn(&Rule) -> bool| {
            policies.iter().any(|place| policy(&self.policies.written[*place]))
                || rules.iter().any(|place| rule(&self.policies.rules[*place]))
        };
        let reads_request = any(|policy| policy.reads.request, |rule| rule.reads.request);
        let reads_namespace = any(|policy| policy.reads.namespace, |rule| rule.reads.namespace);
        let (api_version, name) = (api_version.to_owned(), kind.to_owned());
        self.kinds.push(Kind {
            api_version,
            name,
            resource,
            policies,
            rules,
            reads_request,
            reads_namespace,
        });
        self.kinds.len() - 1
    }
}

/// Judges one object.
struct Judge<'f, 'd, 's> {
    store: &'s Store<'d, 's>,
    policies: &'d Policies,
    params: &'f OnceCell<Vec<(&'d Param, Value<'d>)>>,
    facts: Facts<'f>,
    /// Whether the values of the object must not be shown.
    secret: bool,
}

impl<'d> Judge<'_, 'd, '_> {
    fn rule<'a>(&self, rule: &'d Rule, given: &Given<'a>, findings: &mut Findings)
    where
        'd: 'a,
    {
        let mut machine = Machine::new(given, &[], self.store, &self.policies.patterns);
        let message = match machine.evaluate(&rule.node) {
            Ok(Value::Bool(true)) => return,
            Ok(Value::Bool(false)) => {
                let made = rule.message_expression.as_ref().and_then(|node| made_message(&mut machine, node));
                made.or_else(|| rule.message.clone())
                    .unwrap_or_else(|| format!("does not fulfil `{}`", rule.source.trim()))
            }
            Ok(other) => format!("the expression gave a {}, not a bool", other.type_name()),
            Err(failure) => format!("the expression can't be evaluated: {}", self.say(&failure)),
        };
        let pointer = if rule.pointer.is_empty() {
            machine.blame(&rule.node).unwrap_or_default()
        } else {
            rule.pointer.clone()
        };
        findings.deny_by(&rule.name, pointer, message);
    }

    fn policy<'a>(&self, policy: &'d Policy, given: &Given<'a>, findings: &mut Findings)
    where
        'd: 'a,
    {
        let mut found = Vec::new();
        match self.is_about(&policy.matching, given) {
            Ok(false) => return,
            Err(failure) => return findings.deny_by(&policy.name, "", self.say(&failure)),
            Ok(true) => {}
        }
        if policy.bindings.is_empty() {
            self.apply(policy, None, given, &mut found);
        }
        for binding in &policy.bindings {
            match binding.matching.as_ref().map_or(Ok(true), |matching| self.is_about(matching, given)) {
                Ok(false) => {}
                Ok(true) => self.apply(policy, Some(binding), given, &mut found),
                Err(failure) => found.push(finding(&policy.name, self.say(&failure), None)),
            }
        }
        for finding in found {
            findings.push(finding);
        }
    }

    /// Whether a match takes the object.
    fn is_about(&self, matching: &Match, given: &Given<'_>) -> Result<bool, Failure> {
        if !matching.matches(&self.facts) {
            return Ok(false);
        }
        let selector = &matching.object_selector;
        if !selector.is_empty()
            && !selector.matches(&|key| label(&given.object, key))
            && (matches!(given.old, Value::Null) || !selector.matches(&|key| label(&given.old, key)))
        {
            return Ok(false);
        }
        let selector = &matching.namespace_selector;
        if selector.is_empty() {
            return Ok(true);
        }
        let named = |key: &str, name: &str| (key == NAME_LABEL).then(|| Text::Shared(name.into()));
        let Some(namespace) = self.facts.namespace else {
            // What is in no Namespace is in all; a Namespace is in itself.
            let is_namespace = self.facts.group.is_empty() && self.facts.resource == "namespaces";
            let own = |key: &str| named(key, self.facts.name).or_else(|| label(&given.object, key));
            return Ok(!is_namespace || selector.matches(&own));
        };
        if selector.asks_only_for_the_name() {
            return Ok(selector.matches(&|key| named(key, namespace)));
        }
        let around = self.store.namespace(namespace)?;
        Ok(selector.matches(&|key| label(&around, key)))
    }

    /// Applies a policy with each parameter of a binding.
    fn apply<'a>(
        &self,
        policy: &'d Policy,
        binding: Option<&Binding>,
        given: &Given<'a>,
        found: &mut Vec<Finding>,
    ) where
        'd: 'a,
    {
        if policy.reads.namespace
            && let Err(failure) = &given.namespace
        {
            add(found, finding(&policy.name, self.say(failure), None));
            return;
        }
        let actions = binding.map_or(&policy.actions, |binding| &binding.actions);
        match (&policy.param_kind, binding.and_then(|binding| binding.param_ref.as_ref())) {
            (Some(kind), Some(param_ref)) => {
                let own = self.params.get_or_init(|| {
                    self.policies.params.iter().map(|param| (param, self.store.read(param.json()))).collect()
                });
                match params::collect(kind, param_ref, self.facts.namespace, own, self.store) {
                    Ok(params) => {
                        for params in params {
                            let given = Given { params, ..given.clone() };
                            self.evaluate(policy, actions, &given, found);
                        }
                    }
                    Err(failure) => {
                        let name = binding.map_or("", |binding| &binding.name);
                        let message = format!("binding `{name}`: {}", self.say(&failure));
                        add(found, finding(&policy.name, message, None));
                    }
                }
            }
            _ => self.evaluate(policy, actions, given, found),
        }
    }

    fn evaluate<'a>(
        &self,
        policy: &'d Policy,
        actions: &[Option<Action>],
        given: &Given<'a>,
        found: &mut Vec<Finding>,
    ) where
        'd: 'a,
    {
        let mut machine = Machine::new(given, &policy.variables, self.store, &self.policies.patterns);
        let mut failed = None;
        for condition in &policy.conditions {
            match machine.evaluate(&condition.node) {
                Ok(Value::Bool(true)) => {}
                Ok(_) => return,
                Err(failure) => failed = failed.or(Some((condition, failure))),
            }
        }
        if let Some((condition, failure)) = failed {
            if !admits(policy, &failure) {
                push(policy, None, actions, (&self.stopped(condition, &failure), None), found);
            }
            return;
        }
        for (index, validation) in policy.validations.iter().enumerate() {
            let index = (policy.validations.len() > 1).then_some(index);
            match machine.evaluate(&validation.expression.node) {
                Ok(Value::Bool(true)) => continue,
                Ok(_) => {
                    let message = message(validation, &mut machine);
                    let pointer = machine.blame(&validation.expression.node);
                    push(policy, index, actions, (&message, pointer.as_deref()), found);
                }
                Err(failure) if admits(policy, &failure) => continue,
                Err(failure) => {
                    let message = self.stopped(&validation.expression, &failure);
                    push(policy, index, actions, (&message, None), found);
                }
            }
            if policy.ends_at_the_first {
                break;
            }
        }
        self.annotate(policy, &mut machine, found);
    }

    /// The audit annotations, each a finding that is only recorded.
    fn annotate<'a>(&self, policy: &'d Policy, machine: &mut Machine<'a, '_>, found: &mut Vec<Finding>)
    where
        'd: 'a,
    {
        for annotation in &policy.annotations {
            match machine.evaluate(&annotation.expression.node) {
                Ok(Value::String(value)) if !value.trim().is_empty() => {
                    let value = cut(value.trim(), MAX_ANNOTATION_BYTES);
                    let mut finding =
                        finding(&policy.name, format!("{}: {value}", annotation.key), Some(Action::Audit));
                    finding.rule = Some(format!("{}/{}", policy.name, annotation.key));
                    add(found, finding);
                }
                Ok(_) => {}
                Err(failure) if admits(policy, &failure) => {}
                Err(failure) => {
                    let message = self.stopped(&annotation.expression, &failure);
                    add(found, finding(&policy.name, message, None));
                }
            }
        }
    }

    fn stopped(&self, expression: &Expression, failure: &Failure) -> String {
        format!("expression '{}' resulted in error: {}", expression.source, self.say(failure))
    }

    /// What may be said of a failure.
    fn say(&self, failure: &Failure) -> String {
        if self.secret { failure.without_values().to_owned() } else { failure.to_string() }
    }
}

/// Whether a policy admits what fails so.
fn admits(policy: &Policy, failure: &Failure) -> bool {
    policy.fails_open && !failure.is_not_granted()
}

fn finding(rule: &str, message: String, action: Option<Action>) -> Finding {
    Finding { message, pointer: None, rule: Some(rule.to_owned()), action }
}

/// Adds what a validation says: a message, and where the reason lies.
fn push(
    policy: &Policy,
    index: Option<usize>,
    actions: &[Option<Action>],
    (message, pointer): (&str, Option<&str>),
    found: &mut Vec<Finding>,
) {
    for action in actions {
        let mut finding = finding(&policy.name, message.to_owned(), *action);
        if let Some(index) = index {
            finding.rule = Some(format!("{}/{index}", policy.name));
        }
        finding.pointer = pointer.map(str::to_owned);
        add(found, finding);
    }
}

/// Adds a finding, unless another binding has said the same: then the stronger
/// stays.
fn add(found: &mut Vec<Finding>, new: Finding) {
    let strength = |action: Option<Action>| match action {
        None | Some(Action::Deny) => 2,
        Some(Action::Warn) => 1,
        Some(Action::Audit) => 0,
    };
    let same = |known: &&mut Finding| {
        known.message == new.message && known.rule == new.rule && known.pointer == new.pointer
    };
    match found.iter_mut().find(same) {
        Some(known) if strength(known.action) < strength(new.action) => known.action = new.action,
        Some(_) => {}
        None => found.push(new),
    }
}

/// What a false validation says: its expression for that, its text, or the
/// expression itself.
fn message<'a>(validation: &'a Validation, machine: &mut Machine<'a, '_>) -> String {
    validation
        .message_expression
        .as_ref()
        .and_then(|node| made_message(machine, node))
        .filter(|message| message.len() <= MAX_MESSAGE_BYTES && !message.contains('\n'))
        .or_else(|| Some(validation.message.clone()).filter(|message| !message.is_empty()))
        .unwrap_or_else(|| format!("failed expression: {}", validation.expression.source.trim()))
}

fn made_message<'a>(machine: &mut Machine<'a, '_>, node: &'a crate::plan::Node) -> Option<String> {
    match machine.evaluate(node) {
        Ok(Value::String(text)) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        _ => None,
    }
}

/// The start of a text, of whole characters.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}
