//! What is wrong with modules although they parse: calls of functions that
//! there are not, variables of a head that nothing binds, data that a template
//! has no business with.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use regorus::unstable::{Expr, Module, Rule, RuleHead, Span};
use windlass_plugin_sdk::diagnostic::Diagnostics;

use super::calls::Callable;
use super::tree::{self, Node, Step};
use super::{Reach, Text, place, recursion};

/// How many rules modules that are compiled together may have.
const MAX_RULES: usize = 5_000;

/// The rules of modules, and what they read of `data`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// Name by package, both as paths: `deny` of `data.main`.
    names: BTreeMap<String, BTreeSet<String>>,
    /// How many arguments a function takes, by its path.
    functions: BTreeMap<String, usize>,
    /// What stands behind `data.inventory` in its references.
    inventory: Vec<Vec<Step>>,
}

impl Rules {
    pub(super) fn of(modules: &[&Module]) -> Self {
        let mut rules = Self::default();
        for module in modules {
            let package = package_of(module);
            for rule in &module.policy {
                let (name, arguments) = named(rule.as_ref());
                let Some(name) = name else { continue };
                if let Some(arguments) = arguments {
                    rules.functions.insert(format!("{package}{}", join(&name)), arguments);
                } else if let Some(name) = name.first() {
                    rules.names.entry(package.clone()).or_default().insert(name.clone());
                }
            }
            tree::walk_module(module, &mut |node| {
                if let Node::Reference(reference) = node
                    && let Some(steps) = tree::steps(reference)
                    && let [Some(root), Some(part), rest @ ..] = steps.as_slice()
                    && root == "data"
                    && part == "inventory"
                {
                    rules.inventory.push(rest.to_vec());
                }
            });
        }
        rules
    }

    /// The packages, as paths such as `data.main`.
    pub(crate) fn packages(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// The names of the rules of a package that are no functions.
    pub(crate) fn of_package(&self, package: &str) -> impl Iterator<Item = &str> {
        self.names.get(package).into_iter().flatten().map(String::as_str)
    }

    /// Each reference behind `data.inventory`.
    pub(crate) fn inventory(&self) -> &[Vec<Step>] {
        &self.inventory
    }

    /// The path of any rule.
    pub(super) fn first(&self) -> Option<String> {
        let (package, names) = self.names.iter().next()?;
        Some(format!("{package}{}", join(&[names.iter().next()?])))
    }

    pub(super) fn arguments_of(&self, function: &str) -> Option<usize> {
        self.functions.get(function).copied()
    }

    fn count(&self) -> usize {
        self.functions.len() + self.names.values().map(BTreeSet::len).sum::<usize>()
    }
}

/// Everything that is wrong with `modules`, which were read of `texts`.
pub(super) fn check(modules: &[&Module], texts: &[Text], rules: &Rules, reach: Reach) -> Diagnostics {
    if rules.count() > MAX_RULES {
        let count = rules.count();
        return Diagnostics::error(format!(
            "there are {count} rules, more than the {MAX_RULES} that may be compiled together"
        ));
    }
    let mut problems = Diagnostics::new();
    for (module, text) in modules.iter().zip(texts) {
        let mut report = |bytes: Range<usize>, message: &str| problems.push(place::at(text, bytes, message));
        let callable = Callable::of(module, rules);
        tree::walk_module(module, &mut |node| {
            let found = match node {
                Node::Call(function, arguments) => {
                    callable.problem(function, arguments).map(|message| (bytes(function), message))
                }
                Node::Reference(reference) if reach == Reach::Template => {
                    outside(reference).map(|message| (bytes(reference), message))
                }
                Node::Variable(span) if reach == Reach::Template && span.text() == "data" => Some((
                    range(span),
                    "a template may read `data.inventory` and `data.lib`, and nothing else of `data`"
                        .to_owned(),
                )),
                _ => None,
            };
            if let Some((bytes, message)) = found {
                report(bytes, &message);
            }
        });
        for import in &module.imports {
            if reach == Reach::Template && !may_import(import.refr.as_ref()) {
                report(
                    bytes(import.refr.as_ref()),
                    "a template may import of `data.lib`, and `future.keywords`",
                );
            }
        }
        for rule in &module.policy {
            for span in unbound(rule.as_ref(), module) {
                report(
                    range(span),
                    &format!("the variable `{}` has no value: nothing in the body gives it one", span.text()),
                );
            }
        }
    }
    if problems.is_empty() {
        problems.extend(recursion::check(modules, texts));
    }
    problems
}

/// The path of a module's package.
pub(super) fn package_of(module: &Module) -> String {
    let steps = tree::path(module.package.refr.as_ref()).unwrap_or_default();
    format!("data{}", join(&steps))
}

/// A path's continuation: `.a["b-c"]`.
pub(super) fn join(steps: &[impl AsRef<str>]) -> String {
    let mut path = String::new();
    for step in steps {
        let step = step.as_ref();
        let plain = step.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && step.bytes().next().is_some_and(|first| !first.is_ascii_digit());
        if plain {
            path.push('.');
            path.push_str(step);
        } else {
            path.push('[');
            path.push_str(&serde_json::Value::from(step).to_string());
            path.push(']');
        }
    }
    path
}

/// A rule's name, and its arguments if it is a function.
pub(super) fn named(rule: &Rule) -> (Option<Vec<String>>, Option<usize>) {
    let (name, arguments) = match rule {
        Rule::Spec { head: RuleHead::Func { refr, args, .. }, .. } => (refr, Some(args.len())),
        Rule::Spec { head: RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. }, .. } => (refr, None),
        Rule::Default { refr, args, .. } => (refr, Some(args.len()).filter(|&count| count > 0)),
    };
    let steps = tree::steps(name.as_ref()).unwrap_or_default();
    let name: Vec<String> = steps.into_iter().map_while(|step| step).collect();
    (Some(name).filter(|name| !name.is_empty()), arguments)
}

fn outside(reference: &Expr) -> Option<String> {
    let steps = tree::steps(reference)?;
    let of_data = steps.first()?.as_deref() == Some("data");
    let known = matches!(steps.get(1), Some(Some(part)) if part == "inventory" || part == "lib");
    (of_data && !known)
        .then(|| "a template may read `data.inventory` and `data.lib`, and nothing else of `data`".to_owned())
}

fn may_import(reference: &Expr) -> bool {
    let path = tree::path(reference).unwrap_or_default();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    matches!(path.as_slice(), ["data", "lib", _, ..] | ["future", ..] | ["rego", "v1"])
}

/// The variables of a head that stand nowhere in its bodies: the engine would
/// notice when the body holds, which may be never until it matters.
fn unbound<'a>(rule: &'a Rule, module: &Module) -> Vec<&'a Span> {
    let Rule::Spec { head, bodies, .. } = rule else { return Vec::new() };
    let mut bound: BTreeSet<String> = BTreeSet::new();
    let mut name = |node: Node<'_>| match node {
        Node::Variable(span) => drop(bound.insert(span.text().to_owned())),
        Node::Reference(reference) => {
            let root = tree::steps(reference).and_then(|steps| steps.into_iter().next().flatten());
            bound.extend(root);
        }
        Node::Call(..) | Node::Declared(_) | Node::Negated(..) => {}
    };
    for body in bodies {
        tree::walk_query(body.query.as_ref(), &mut name);
    }
    if let RuleHead::Func { args, .. } = head {
        for argument in args {
            tree::walk(argument.as_ref(), &mut name);
        }
    }
    for rule in &module.policy {
        bound.extend(named(rule.as_ref()).0.and_then(|name| name.into_iter().next()));
    }
    for import in &module.imports {
        bound.extend(alias_of(import));
    }
    bound.extend(["input", "data", "_"].map(str::to_owned));
    tree::outputs(head).into_iter().filter(|span| !bound.contains(span.text())).collect()
}

/// The name under which an import is known in its module.
pub(super) fn alias_of(import: &regorus::unstable::Import) -> Option<String> {
    match &import.r#as {
        Some(alias) => Some(alias.text().to_owned()),
        None => tree::path(import.refr.as_ref())?.pop(),
    }
}

fn bytes(expr: &Expr) -> Range<usize> {
    let end = range(expr.span());
    let mut root = expr;
    while let Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } = root {
        root = refr.as_ref();
    }
    let start = range(root.span()).start.min(end.start);
    start..end.end.max(start)
}

pub(super) fn range(span: &Span) -> Range<usize> {
    let start = usize::try_from(span.start).unwrap_or(0);
    start..usize::try_from(span.end).unwrap_or(start)
}
