//! Which functions a module can call.

use std::collections::BTreeMap;

use regorus::unstable::{BUILTINS, Expr, Module};

use super::check::{self, Rules};
use super::tree;
use crate::builtins::{ADDED, refused};

/// What a module can call.
pub(super) struct Callable<'a> {
    package: String,
    /// What stands behind each imported name.
    imports: BTreeMap<String, String>,
    rules: &'a Rules,
}

impl<'a> Callable<'a> {
    pub(super) fn of(module: &Module, rules: &'a Rules) -> Self {
        let imports = module.imports.iter().filter_map(|import| {
            let path = tree::path(import.refr.as_ref())?;
            Some((check::alias_of(import)?, format!("data{}", check::join(path.get(1..)?))))
        });
        Self { package: check::package_of(module), imports: imports.collect(), rules }
    }

    /// What is wrong with a call.
    pub(super) fn problem(&self, function: &Expr, arguments: usize) -> Option<String> {
        let Some(path) = tree::path(function) else {
            return Some("what is called here is not a function".to_owned());
        };
        let name = path.join(".");
        let (takes, with_output) = match (self.own(&path), added(&name), BUILTINS.get(name.as_str())) {
            (Some(takes), ..) => (takes, true),
            (None, Some(takes), _) => (takes, false),
            (None, None, Some((_, takes))) if refused(&name).is_none() => (usize::from(*takes), true),
            _ if name == "print" => return None,
            _ => return Some(missing(&name)),
        };
        // One more argument takes the result.
        if arguments == takes || (with_output && arguments == takes + 1) {
            return None;
        }
        let s = if takes == 1 { "" } else { "s" };
        let are = if arguments == 1 { "is" } else { "are" };
        Some(format!("`{name}` takes {takes} argument{s}, and there {are} {arguments}"))
    }

    /// The arguments of a function that is written in one of the modules.
    fn own(&self, path: &[String]) -> Option<usize> {
        let (first, rest) = path.split_first()?;
        let full = if first == "data" {
            format!("data{}", check::join(rest))
        } else if let Some(target) = self.imports.get(first) {
            format!("{target}{}", check::join(rest))
        } else {
            format!("{}{}", self.package, check::join(path))
        };
        self.rules.arguments_of(&full)
    }
}

fn added(name: &str) -> Option<usize> {
    ADDED.iter().find(|added| added.name == name).map(|added| usize::from(added.arguments))
}

fn missing(name: &str) -> String {
    match refused(name) {
        Some(why) => format!("the function `{name}` is not available here: {why}"),
        None => format!("there is no function `{name}`"),
    }
}
