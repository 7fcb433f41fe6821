//! Calls that are macros: they bind names, so their arguments are no values.

use super::Problem;
use super::tree::{Expr, Fold, FoldKind, Kind};

/// The macro that a call is, or the call itself.
pub(super) fn expand(
    target: Option<Expr>,
    function: String,
    mut arguments: Vec<Expr>,
) -> Result<Kind, Problem> {
    match (target, function.as_str(), arguments.len()) {
        (None, "has", 1) => {
            let argument = arguments.remove(0);
            match argument.kind {
                Kind::Select { operand, field, optional: false } => Ok(Kind::Has { operand, field }),
                _ => Err(Problem::new(argument.span, "`has` takes a field, as in `has(a.b)`")),
            }
        }
        (Some(target), "bind", 3) if matches!(&target.kind, Kind::Ident(name) if name == "cel") => {
            let [name, value, body] = three(arguments)?;
            Ok(Kind::Bind { name: bound(name)?, value: Box::new(value), body: Box::new(body) })
        }
        (Some(target), "optMap" | "optFlatMap", 2) => {
            let flat = function == "optFlatMap";
            let body = Box::new(arguments.remove(1));
            Ok(Kind::OptMap { operand: Box::new(target), name: bound(arguments.remove(0))?, body, flat })
        }
        (Some(target), name, count) => match fold_kind(name, count) {
            Some((kind, names, filtered)) => fold(kind, names, filtered, target, arguments),
            None => Ok(Kind::Call { target: Some(Box::new(target)), function, arguments }),
        },
        (None, _, _) => Ok(Kind::Call { target: None, function, arguments }),
    }
}

/// The kind of a macro, how many names it binds, and whether it has a filter.
fn fold_kind(name: &str, arguments: usize) -> Option<(FoldKind, usize, bool)> {
    Some(match (name, arguments) {
        ("all", 2 | 3) => (FoldKind::All, arguments - 1, false),
        ("exists", 2 | 3) => (FoldKind::Exists, arguments - 1, false),
        ("exists_one" | "existsOne", 2 | 3) => (FoldKind::ExistsOne, arguments - 1, false),
        ("filter", 2) => (FoldKind::Filter, 1, true),
        ("map", 2 | 3) => (FoldKind::List, 1, arguments == 3),
        ("transformList", 3 | 4) => (FoldKind::List, 2, arguments == 4),
        ("transformMap", 3 | 4) => (FoldKind::Map, 2, arguments == 4),
        ("transformMapEntry", 3 | 4) => (FoldKind::Entries, 2, arguments == 4),
        ("sortBy", 2) => (FoldKind::Sort, 1, false),
        _ => return None,
    })
}

fn fold(
    kind: FoldKind,
    count: usize,
    filtered: bool,
    range: Expr,
    arguments: Vec<Expr>,
) -> Result<Kind, Problem> {
    let mut arguments = arguments.into_iter();
    let mut names = Vec::new();
    for argument in arguments.by_ref().take(count) {
        let span = argument.span.clone();
        let name = bound(argument)?;
        if names.contains(&name) {
            return Err(Problem::new(span, format!("`{name}` is bound twice")));
        }
        names.push(name);
    }
    let filter = if filtered { arguments.next() } else { None };
    let body = arguments.next();
    Ok(Kind::Fold(Box::new(Fold { kind, range, names, filter, body })))
}

/// The name that an argument binds.
fn bound(argument: Expr) -> Result<String, Problem> {
    match argument.kind {
        Kind::Ident(name) => Ok(name),
        _ => Err(Problem::new(argument.span, "this argument has to be a simple name")),
    }
}

fn three(arguments: Vec<Expr>) -> Result<[Expr; 3], Problem> {
    arguments.try_into().map_err(|_| Problem::new(0..0, "three arguments are needed"))
}
