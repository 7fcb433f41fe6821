//! Macros, which bind names.

use std::rc::Rc;

use super::{Compiler, Typed, nothing};
use crate::plan::{self, Node};
use crate::syntax::{Expr, Fold, FoldKind};
use crate::typing::Type;

impl Compiler<'_> {
    pub(super) fn fold(&mut self, fold: &Fold) -> Typed {
        let (range, of_type) = self.expression(&fold.range);
        let two = fold.names.len() == 2;
        let Some((first, second)) = bound_types(&of_type) else {
            self.problem(&fold.range, format!("a list or a map is needed here, not a {of_type}"));
            return nothing();
        };
        // With one name: the elements of a list, the keys of a map.
        let element = if matches!(of_type, Type::Map(..)) { first.clone() } else { second.clone() };
        let element = if of_type == Type::Dyn { Type::Dyn } else { element };
        let outer = self.locals.len();
        match &*fold.names {
            [index, value] => {
                self.locals.push((index.clone(), first.clone()));
                self.locals.push((value.clone(), second));
            }
            names => self.locals.extend(names.iter().map(|name| (name.clone(), element.clone()))),
        }
        let (filter, body) = self.uncertain(|compiler| {
            let filter = fold.filter.as_ref().map(|filter| compiler.predicate(filter));
            (filter, fold.body.as_ref().map(|body| (body, compiler.expression(body))))
        });
        self.locals.truncate(outer);
        let body_type = body.as_ref().map_or(Type::Dyn, |(_, (_, of_type))| of_type.clone());
        let wants_bool = matches!(fold.kind, FoldKind::All | FoldKind::Exists | FoldKind::ExistsOne);
        if let Some((tree, _)) = &body {
            if wants_bool && !body_type.agrees(&Type::Bool) {
                self.problem(tree, format!("a bool is needed here, not a {body_type}"));
            }
            if fold.kind == FoldKind::Entries && !matches!(body_type, Type::Map(..) | Type::Dyn) {
                self.problem(tree, format!("a map is needed here, not a {body_type}"));
            }
        }
        let result = match fold.kind {
            FoldKind::All | FoldKind::Exists | FoldKind::ExistsOne => Type::Bool,
            FoldKind::Filter | FoldKind::Sort => Type::list(element),
            FoldKind::List => Type::list(body_type),
            FoldKind::Map => Type::Map(Rc::new(first), Rc::new(body_type)),
            FoldKind::Entries => body_type,
        };
        let body = body.map(|(_, (node, _))| node);
        (Node::Fold(Box::new(plan::Fold { kind: fold.kind, range, two, filter, body })), result)
    }

    fn predicate(&mut self, tree: &Expr) -> Node {
        let (node, of_type) = self.expression(tree);
        if !of_type.agrees(&Type::Bool) {
            self.problem(tree, format!("a bool is needed here, not a {of_type}"));
        }
        node
    }

    pub(super) fn bind(&mut self, name: &str, value: &Expr, body: &Expr) -> Typed {
        let (value, of_type) = self.expression(value);
        self.locals.push((name.to_owned(), of_type));
        let (body, result) = self.expression(body);
        self.locals.pop();
        (Node::Bind(Box::new([value, body])), result)
    }

    pub(super) fn opt_map(&mut self, operand: &Expr, name: &str, body: &Expr, flat: bool) -> Typed {
        let (value, of_type) = self.expression(operand);
        let (inner, is_optional) = of_type.unwrapped();
        if !is_optional && of_type != Type::Dyn {
            self.problem(operand, format!("an optional is needed here, not a {of_type}"));
        }
        self.locals.push((name.to_owned(), inner));
        let (node, result) = self.uncertain(|compiler| compiler.expression(body));
        self.locals.pop();
        if flat && !matches!(result, Type::Optional(_) | Type::Dyn) {
            self.problem(body, format!("an optional is needed here, not a {result}"));
        }
        let result = if flat { result } else { Type::optional(result) };
        (Node::OptMap { parts: Box::new([value, node]), flat }, result)
    }
}

/// What two names are bound to: index and element, or key and value.
fn bound_types(range: &Type) -> Option<(Type, Type)> {
    Some(match range {
        Type::Dyn | Type::Unavailable(_) => (Type::Dyn, Type::Dyn),
        Type::List(element) => (Type::Int, (**element).clone()),
        Type::Map(key, value) => ((**key).clone(), (**value).clone()),
        _ => return None,
    })
}
