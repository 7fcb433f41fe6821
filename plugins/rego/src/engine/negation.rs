//! What OPA evaluates before it negates: `not f(input.x)` holds in OPA only if
//! there is an `input.x`. The engine negates all of it, so that has to be said.

use std::collections::BTreeSet;

use regorus::unstable::{AssignOp, BoolOp, Expr, Module};

use super::check::{named, range};
use super::tree::{self, Node};

/// The insertions that say so, by bytes of the module's text.
pub(super) fn insertions(module: &Module, text: &str) -> Vec<(usize, String)> {
    let mut insertions = Vec::new();
    let rules: BTreeSet<String> =
        module.policy.iter().filter_map(|rule| named(rule.as_ref()).0?.into_iter().next()).collect();
    for rule in &module.policy {
        let mut declared = BTreeSet::new();
        let mut negated = Vec::new();
        tree::walk_rule(rule.as_ref(), &mut |node| match node {
            Node::Declared(span) => drop(declared.insert(span.text().to_owned())),
            Node::Negated(expr, span) => negated.push((expr, range(span))),
            _ => {}
        });
        let is_rule = |name: &str| rules.contains(name) && !declared.contains(name);
        for (expr, place) in negated {
            let mut operands = Vec::new();
            whole(expr, &is_rule, &mut operands);
            let texts = operands.iter().filter_map(|operand| text.get(range(operand.span())));
            // What iterates is refused by OPA, and has no one value.
            let texts: BTreeSet<&str> = texts.filter(|text| !text.contains("[_]")).collect();
            if texts.is_empty() {
                continue;
            }
            let mut before = String::new();
            for text in texts {
                // On lines of its own: lines have a limit.
                before.extend(["type_name(", text, ");\n"]);
            }
            let alone = text.get(..place.start).is_some_and(|before| before.trim_end().ends_with("if"));
            if alone {
                before.insert_str(0, "{ ");
                insertions.push((place.end, " }".to_owned()));
            }
            insertions.push((place.start, before));
        }
    }
    insertions
}

/// The operands of what is negated. A reference itself may be undefined, and
/// so may one that is compared with `==`.
fn whole<'a>(expr: &'a Expr, is_rule: &dyn Fn(&str) -> bool, found: &mut Vec<&'a Expr>) {
    match expr {
        Expr::BoolExpr { op: BoolOp::Eq, lhs, rhs, .. }
        | Expr::AssignExpr { op: AssignOp::Eq, lhs, rhs, .. } => {
            for side in [lhs.as_ref(), rhs.as_ref()] {
                match side {
                    Expr::RefDot { .. } | Expr::RefBrack { .. } => whole(side, is_rule, found),
                    Expr::Var { .. } => {}
                    other => operand(other, is_rule, found),
                }
            }
        }
        Expr::RefDot { refr, .. } => whole(refr.as_ref(), is_rule, found),
        Expr::RefBrack { refr, index, .. } => {
            whole(refr.as_ref(), is_rule, found);
            operand(index.as_ref(), is_rule, found);
        }
        Expr::Call { params, .. } => {
            for param in params {
                operand(param.as_ref(), is_rule, found);
            }
        }
        Expr::BoolExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. }
        | Expr::BinExpr { lhs, rhs, .. } => {
            operand(lhs.as_ref(), is_rule, found);
            operand(rhs.as_ref(), is_rule, found);
        }
        Expr::Membership { key, value, collection, .. } => {
            for part in key.iter().chain([value, collection]) {
                operand(part.as_ref(), is_rule, found);
            }
        }
        _ => {}
    }
}

/// What has to have a value before the negation.
fn operand<'a>(expr: &'a Expr, is_rule: &dyn Fn(&str) -> bool, found: &mut Vec<&'a Expr>) {
    match expr {
        Expr::RefDot { .. }
        | Expr::RefBrack { .. }
        | Expr::Call { .. }
        | Expr::BoolExpr { .. }
        | Expr::ArithExpr { .. }
        | Expr::BinExpr { .. }
        | Expr::Membership { .. } => found.push(expr),
        Expr::Var { span, .. } if is_rule(span.text()) => found.push(expr),
        Expr::Array { items, .. } | Expr::Set { items, .. } => {
            for item in items {
                operand(item.as_ref(), is_rule, found);
            }
        }
        Expr::Object { fields, .. } => {
            for (_, key, value) in fields {
                operand(key.as_ref(), is_rule, found);
                operand(value.as_ref(), is_rule, found);
            }
        }
        _ => {}
    }
}
