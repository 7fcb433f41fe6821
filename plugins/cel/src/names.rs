//! Which names an expression takes from outside, so that a misspelt one is an
//! error before the first object is judged.

use cel::common::ast::{EntryExpr, Expr, IdedEntryExpr};
use cel::{IdedExpr, Program};

/// What stands for itself: types are values in CEL (`type(x) == int`), and some
/// functions have a namespace (`math.greatest`).
const BUILT_IN: [&str; 17] = [
    "bool",
    "bytes",
    "double",
    "dyn",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "type",
    "uint",
    "base64",
    "cel",
    "lists",
    "math",
    "optional",
    "strings",
];

/// The names that `program` takes from outside, other than `known`, each with
/// its character in the source, counted from 0.
pub(crate) fn unknown<'a>(program: &'a Program, known: &'a str) -> Vec<(&'a str, usize)> {
    let mut found = Vec::new();
    let mut scope = vec![known];
    scope.extend(BUILT_IN);
    visit(program.expression(), &mut scope, &mut |name, id| {
        let place = program.source_info().offset_for(id).map_or(0, |(start, _)| start as usize);
        found.push((name, place));
    });
    found
}

fn visit<'a>(node: &'a IdedExpr, scope: &mut Vec<&'a str>, found: &mut dyn FnMut(&'a str, u64)) {
    match &node.expr {
        Expr::Ident(name) => {
            if !name.starts_with('@') && !scope.contains(&name.as_str()) {
                found(name, node.id);
            }
        }
        Expr::Call(call) => {
            if let Some(target) = &call.target {
                visit(target, scope, found);
            }
            call.args.iter().for_each(|argument| visit(argument, scope, found));
        }
        Expr::Comprehension(comprehension) => {
            visit(&comprehension.iter_range, scope, found);
            visit(&comprehension.accu_init, scope, found);
            let outer = scope.len();
            scope.extend([comprehension.iter_var.as_str(), comprehension.accu_var.as_str()]);
            scope.extend(comprehension.iter_var2.as_deref());
            for inner in [&comprehension.loop_cond, &comprehension.loop_step, &comprehension.result] {
                visit(inner, scope, found);
            }
            scope.truncate(outer);
        }
        Expr::List(list) => list.elements.iter().for_each(|element| visit(element, scope, found)),
        Expr::Select(select) => visit(&select.operand, scope, found),
        Expr::Map(map) => map.entries.iter().for_each(|entry| visit_entry(entry, scope, found)),
        Expr::Struct(made) => made.entries.iter().for_each(|entry| visit_entry(entry, scope, found)),
        Expr::Literal(_) | Expr::Unspecified => {}
    }
}

fn visit_entry<'a>(entry: &'a IdedEntryExpr, scope: &mut Vec<&'a str>, found: &mut dyn FnMut(&'a str, u64)) {
    match &entry.expr {
        EntryExpr::StructField(field) => visit(&field.value, scope, found),
        EntryExpr::MapEntry(entry) => {
            visit(&entry.key, scope, found);
            visit(&entry.value, scope, found);
        }
    }
}
