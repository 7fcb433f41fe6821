//! Rules that need themselves, which Rego does not have; and rules that need
//! each other in long chains, since each link of one takes stack.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{Module, Span};
use windlass_plugin_sdk::diagnostic::{Diagnostic, Diagnostics};

use super::check::{alias_of, join, named, package_of, range};
use super::tree::{self, Node, Step};
use super::{Text, place};

/// How long a chain of rules may be.
const MAX_CHAIN: usize = 50;

/// A rule or a function: what it needs, and where it stands.
struct Link<'a> {
    needs: BTreeSet<String>,
    module: usize,
    span: &'a Span,
}

/// What has been found out of a rule.
#[derive(Clone, Copy)]
enum Mark {
    /// It is being looked at: who needs it now is needed by it.
    Open,
    /// The chain below it is so long.
    Chain(usize),
}

/// Reports rules that need themselves, and chains that are too long.
pub(super) fn check(modules: &[&Module], texts: &[Text]) -> Diagnostics {
    let links = links(modules);
    let mut marks = BTreeMap::new();
    let mut problems = Diagnostics::new();
    for name in links.keys() {
        if let Err(problem) = measure(name, &links, texts, &mut marks, 0) {
            problems.push(problem);
            // One is enough: others lead to the same.
            break;
        }
    }
    problems
}

/// How long the chain below a rule is.
fn measure<'a>(
    name: &'a str,
    links: &'a BTreeMap<String, Link<'_>>,
    texts: &[Text],
    marks: &mut BTreeMap<&'a str, Mark>,
    depth: usize,
) -> Result<usize, Diagnostic> {
    let Some(link) = links.get(name) else { return Ok(0) };
    let problem = |message: &str| match texts.get(link.module) {
        Some(text) => place::at(text, range(link.span), message),
        None => Diagnostic::error(message),
    };
    match marks.get(name) {
        Some(Mark::Chain(length)) => return Ok(*length),
        Some(Mark::Open) => return Err(problem(&format!("the rule `{name}` needs itself"))),
        None if depth > MAX_CHAIN => {
            return Err(problem(&format!("rules need each other in a chain of more than {MAX_CHAIN}")));
        }
        None => {}
    }
    marks.insert(name, Mark::Open);
    let mut longest = 0;
    for reference in &link.needs {
        for needed in behind(reference, links) {
            longest = longest.max(measure(needed, links, texts, marks, depth + 1)?);
        }
    }
    if longest >= MAX_CHAIN {
        return Err(problem(&format!("rules need each other in a chain of more than {MAX_CHAIN}")));
    }
    marks.insert(name, Mark::Chain(longest + 1));
    Ok(longest + 1)
}

/// The rules that a reference reads: those that it leads into, and those that
/// stand below it.
fn behind<'a>(reference: &str, links: &'a BTreeMap<String, Link<'_>>) -> Vec<&'a str> {
    let below = |name: &str, above: &str| {
        name.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let start = reference.to_owned();
    let inside = links.range(start..).map(|(name, _)| name.as_str());
    let mut found: Vec<&str> =
        inside.take_while(|name| name.starts_with(reference)).filter(|name| below(name, reference)).collect();
    for (at, _) in reference.match_indices(['.', '[']) {
        if let Some((name, _)) = links.get_key_value(&reference[..at]) {
            found.push(name);
        }
    }
    found
}

fn links<'a>(modules: &[&'a Module]) -> BTreeMap<String, Link<'a>> {
    let mut links: BTreeMap<String, Link<'a>> = BTreeMap::new();
    for (index, module) in modules.iter().copied().enumerate() {
        let package = package_of(module);
        let imports: BTreeMap<String, Vec<Step>> = module
            .imports
            .iter()
            .filter_map(|import| Some((alias_of(import)?, tree::steps(import.refr.as_ref())?)))
            .collect();
        for rule in &module.policy {
            let Some(name) = named(rule.as_ref()).0 else { continue };
            let mut declared = BTreeSet::new();
            let mut needs: BTreeSet<(String, Vec<Step>)> = BTreeSet::new();
            tree::walk_rule(rule.as_ref(), &mut |node| {
                let steps = match node {
                    Node::Declared(span) => {
                        declared.insert(span.text().to_owned());
                        return;
                    }
                    Node::Negated(..) => return,
                    Node::Variable(span) => Some(vec![Some(span.text().to_owned())]),
                    Node::Reference(expr) | Node::Call(expr, _) => tree::steps(expr),
                };
                if let Some((Some(root), rest)) = steps.as_deref().and_then(<[Step]>::split_first) {
                    needs.insert((root.clone(), rest.to_vec()));
                }
            });
            let full = format!("{package}{}", join(&name));
            let span = rule.as_ref().span();
            let link = links.entry(full).or_insert(Link { needs: BTreeSet::new(), module: index, span });
            let needs = needs.into_iter().filter(|(root, _)| !declared.contains(root));
            link.needs.extend(needs.filter_map(|(root, rest)| resolve(&package, &imports, &root, rest)));
        }
    }
    links
}

/// The path behind a reference of a module, as far as it is written there.
fn resolve(
    package: &str,
    imports: &BTreeMap<String, Vec<Step>>,
    root: &str,
    rest: Vec<Step>,
) -> Option<String> {
    let (mut base, steps) = match imports.get(root) {
        Some(target) => {
            let (first, inner) = target.split_first()?;
            if first.as_deref() != Some("data") {
                return None;
            }
            ("data".to_owned(), [inner.to_vec(), rest].concat())
        }
        None if root == "data" => ("data".to_owned(), rest),
        None if root == "input" => return None,
        None => (format!("{package}{}", join(&[root])), rest),
    };
    let written: Vec<String> = steps.into_iter().map_while(|step| step).collect();
    if base == "data" && written.is_empty() {
        return None;
    }
    base.push_str(&join(&written));
    Some(base)
}
