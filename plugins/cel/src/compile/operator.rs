//! Operators, and lists and maps that are written out.

use std::rc::Rc;

use super::{Compiler, Purpose, Typed, nothing};
use crate::plan::Node;
use crate::syntax::{Binary, Expr};
use crate::typing::Type;
use crate::value::Value;

impl Compiler<'_> {
    /// Compiles a condition.
    fn condition(&mut self, tree: &Expr) -> Node {
        let (node, of_type) = self.expression(tree);
        if !of_type.agrees(&Type::Bool) {
            self.problem(tree, format!("a bool is needed here, not a {of_type}"));
        }
        node
    }

    pub(super) fn not(&mut self, inner: &Expr) -> Typed {
        (Node::Not(Box::new(self.condition(inner))), Type::Bool)
    }

    /// `&&` and `||`: one operand may make up for the failure of another. Where
    /// true admits, all of `&&` are needed for it.
    pub(super) fn logic(&mut self, operands: &[Expr], node: fn(Vec<Node>) -> Node) -> Typed {
        let is_and = matches!(node(Vec::new()), Node::And(_));
        let needs_all = is_and && matches!(self.purpose, Purpose::Validation | Purpose::Rule);
        let compile =
            |compiler: &mut Self| operands.iter().map(|operand| compiler.condition(operand)).collect();
        let nodes = if needs_all { compile(self) } else { self.uncertain(compile) };
        (node(nodes), Type::Bool)
    }

    pub(super) fn conditional(&mut self, condition: &Expr, then: &Expr, otherwise: &Expr) -> Typed {
        let condition = self.condition(condition);
        let (left, right) =
            self.uncertain(|compiler| (compiler.expression(then), compiler.expression(otherwise)));
        if !left.1.agrees(&right.1) {
            let message = format!("both results of `?` must have one type, not {} and {}", left.1, right.1);
            self.problem(otherwise, message);
            return nothing();
        }
        let result = left.1.join(&right.1);
        (Node::If(Box::new([condition, left.0, right.0])), result)
    }

    pub(super) fn negate(&mut self, tree: &Expr, inner: &Expr) -> Typed {
        let (node, of_type) = self.expression(inner);
        if !matches!(of_type, Type::Int | Type::Double | Type::Dyn) {
            self.problem(tree, format!("`-` does not take a {of_type}"));
        }
        (Node::Negate(Box::new(node)), of_type)
    }

    pub(super) fn binary(&mut self, tree: &Expr, operator: Binary, left: &Expr, right: &Expr) -> Typed {
        let (left, left_type) = self.expression(left);
        let (right, right_type) = self.expression(right);
        let Some(result) = result_of(operator, &left_type, &right_type) else {
            let message = format!("`{}` does not take ({left_type}, {right_type})", operator.symbol());
            self.problem(tree, message);
            return nothing();
        };
        (Node::Binary(operator, Box::new([left, right])), result)
    }

    pub(super) fn list(&mut self, elements: &[(bool, Expr)]) -> Typed {
        let mut nodes = Vec::with_capacity(elements.len());
        let mut of_type: Option<Type> = None;
        for (optional, element) in elements {
            let (node, element_type) = self.expression(element);
            let element_type = self.element(element, *optional, &element_type);
            of_type = Some(mixed(of_type, element_type));
            nodes.push((*optional, node));
        }
        let of_type = Type::list(of_type.unwrap_or(Type::Dyn));
        let constants: Option<Vec<_>> =
            nodes.iter().map(|(optional, node)| constant(*optional, node)).collect();
        match constants {
            Some(constants) => (Node::Constant(Value::list(constants)), of_type),
            None => (Node::List(nodes), of_type),
        }
    }

    pub(super) fn map(&mut self, entries: &[(bool, Expr, Expr)]) -> Typed {
        let mut nodes = Vec::with_capacity(entries.len());
        let (mut keys, mut values): (Option<Type>, Option<Type>) = (None, None);
        for (optional, key, value) in entries {
            let (key_node, key_type) = self.expression(key);
            if !matches!(key_type, Type::Dyn | Type::String | Type::Int | Type::Uint | Type::Bool) {
                self.problem(key, format!("a {key_type} can't be a key"));
            }
            keys = Some(mixed(keys, key_type));
            let (value_node, value_type) = self.expression(value);
            let value_type = self.element(value, *optional, &value_type);
            values = Some(mixed(values, value_type));
            nodes.push((*optional, key_node, value_node));
        }
        let of_type = Type::Map(Rc::new(keys.unwrap_or(Type::Dyn)), Rc::new(values.unwrap_or(Type::Dyn)));
        (Node::Map(nodes), of_type)
    }

    /// The type of an element: of an optional one, what is in it.
    fn element(&mut self, tree: &Expr, optional: bool, of_type: &Type) -> Type {
        match (optional, of_type.unwrapped()) {
            (false, _) => of_type.clone(),
            (true, (inner, true)) => inner,
            (true, (Type::Dyn, false)) => Type::Dyn,
            (true, (inner, false)) => {
                self.problem(tree, format!("an optional is needed after `?`, not a {inner}"));
                Type::Dyn
            }
        }
    }
}

/// The type of elements so far, and one more.
fn mixed(known: Option<Type>, next: Type) -> Type {
    match known {
        None => next,
        Some(known) if known == next => known,
        Some(known) if known.agrees(&next) => known.join(&next),
        Some(_) => Type::Dyn,
    }
}

fn constant(optional: bool, node: &Node) -> Option<Value<'static>> {
    match node {
        Node::Constant(value) if !optional => Some(value.clone()),
        _ => None,
    }
}

/// What an operator gives for operands of two types; nothing where it does not
/// take them.
fn result_of(operator: Binary, left: &Type, right: &Type) -> Option<Type> {
    use Type::{Bool, Bytes, Double, Duration, Dyn, Int, String, Timestamp, Uint};
    let unknown = |known: &Type| {
        let fits = |all: &[Type]| all.contains(known).then(|| known.clone());
        match operator {
            Binary::Add => match known {
                Type::List(_) => Some(Type::list(Dyn)),
                Duration | Timestamp => Some(Dyn),
                _ => fits(&[Int, Uint, Double, String, Bytes]),
            },
            Binary::Subtract => match known {
                Duration | Timestamp => Some(Dyn),
                _ => fits(&[Int, Uint, Double]),
            },
            Binary::Multiply | Binary::Divide => fits(&[Int, Uint, Double]),
            _ => fits(&[Int, Uint]),
        }
    };
    match operator {
        Binary::Equal | Binary::NotEqual => left.agrees(right).then_some(Bool),
        Binary::In => {
            let fits = match right {
                Dyn | Type::Unavailable(_) => true,
                Type::List(element) => left.agrees(element),
                Type::Map(key, _) => left.agrees(key),
                _ => false,
            };
            fits.then_some(Bool)
        }
        Binary::Less | Binary::LessEqual | Binary::Greater | Binary::GreaterEqual => {
            let ordered = |of_type: &Type| {
                of_type.is_number() || [Bool, Bytes, Duration, Dyn, String, Timestamp].contains(of_type)
            };
            let fits = ordered(left) && ordered(right);
            (fits && (left.agrees(right) || (left.is_number() && right.is_number()))).then_some(Bool)
        }
        _ if *left == Dyn && *right == Dyn => Some(Dyn),
        _ if matches!(left, Type::Unavailable(_)) || matches!(right, Type::Unavailable(_)) => Some(Dyn),
        _ if *left == Dyn => unknown(right),
        _ if *right == Dyn => unknown(left),
        Binary::Add => match (left, right) {
            (Timestamp, Duration) | (Duration, Timestamp) => Some(Timestamp),
            (Duration, Duration) => Some(Duration),
            (Type::List(_), Type::List(_)) if left.agrees(right) => Some(left.join(right)),
            _ if left == right => unknown(left),
            _ => None,
        },
        Binary::Subtract => match (left, right) {
            (Timestamp, Duration) => Some(Timestamp),
            (Duration, Duration) | (Timestamp, Timestamp) => Some(Duration),
            _ if left == right => unknown(left),
            _ => None,
        },
        _ if left == right => unknown(left),
        _ => None,
    }
}
