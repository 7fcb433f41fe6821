//! Where in the object the reason lies that an expression is false, as a JSON
//! pointer. It looks at the plan and evaluates parts of it once more, and says
//! nothing where it is not sure.

use std::fmt::Write as _;

use super::Machine;
use super::fold::{Bound, steps};
use crate::plan::{Fold, Node, Root};
use crate::syntax::{Binary, FoldKind};
use crate::value::Value;

/// How many plans inside each other are looked at.
const MAX_DEPTH: usize = 24;

/// A macro's names, each with the place in the object that it stands for.
type Places = Vec<Option<String>>;

impl<'a> Machine<'a, '_> {
    /// The place that makes `node` other than true.
    pub(crate) fn blame(&mut self, node: &'a Node) -> Option<String> {
        self.meter.refill();
        self.locals.clear();
        self.base = 0;
        self.blamed(node, false, &mut Vec::new(), 0).filter(|place| !place.is_empty())
    }

    /// The place that makes `node` give `given`.
    fn blamed(&mut self, node: &'a Node, given: bool, places: &mut Places, depth: usize) -> Option<String> {
        if depth > MAX_DEPTH {
            return None;
        }
        match node {
            Node::Not(inner) => self.blamed(inner, !given, places, depth + 1),
            Node::And(operands) | Node::Or(operands) => {
                // One operand decided, or all of them did.
                let alone = matches!(node, Node::Or(_)) == given;
                if alone {
                    let decisive = operands.iter().find(|operand| self.truth(operand).ok() == Some(given))?;
                    return self.blamed(decisive, given, places, depth + 1);
                }
                let telling: Vec<&Node> = operands.iter().filter(|operand| !is_test(operand)).collect();
                let telling = if telling.is_empty() { operands.iter().collect() } else { telling };
                let mut found: Option<String> = None;
                for operand in telling {
                    let place = self.blamed(operand, given, places, depth + 1)?;
                    if found.as_ref().is_some_and(|known| *known != place) {
                        return None;
                    }
                    found = Some(place);
                }
                found
            }
            Node::If(parts) => {
                let chosen = if self.truth(&parts[0]).ok()? { &parts[1] } else { &parts[2] };
                self.blamed(chosen, given, places, depth + 1)
            }
            Node::Bind(parts) => {
                let place = self.place(&parts[0], places, depth + 1);
                let value = self.value(&parts[0]).ok()?;
                self.locals.push(value);
                places.push(place);
                let found = self.blamed(&parts[1], given, places, depth + 1);
                places.pop();
                self.locals.pop();
                found
            }
            Node::Variable(_) => {
                let inner = self.definition(node)?;
                self.outside(|machine| machine.blamed(inner, given, &mut Vec::new(), depth + 1))
            }
            Node::Fold(fold) if matches!(fold.kind, FoldKind::All | FoldKind::Exists) => {
                let alone = (fold.kind == FoldKind::Exists) == given;
                if alone {
                    self.element(fold, given, places, depth)
                } else {
                    self.place(&fold.range, places, depth + 1)
                }
            }
            _ => self.only_place(node, places, depth),
        }
    }

    /// The element of a list that decided.
    fn element(&mut self, fold: &'a Fold, given: bool, places: &mut Places, depth: usize) -> Option<String> {
        let body = fold.body.as_ref()?;
        let range = self.value(&fold.range).ok()?;
        let (outer, known) = (self.locals.len(), places.len());
        for (index, bound) in steps(&range, fold.two).ok()?.enumerate() {
            let place = self.member(&fold.range, &range, index, &bound, places, depth + 1);
            self.bind(bound);
            // Of two names the second stands for the element; a key has no place.
            let keys = matches!(range, Value::Map(_)) && !fold.two;
            if fold.two {
                places.push(None);
            }
            places.push(place.clone().filter(|_| !keys));
            let found = if self.truth(body).ok() == Some(given) {
                Some(self.blamed(body, given, places, depth + 1).or(place))
            } else {
                None
            };
            places.truncate(known);
            self.locals.truncate(outer);
            if let Some(found) = found {
                return found;
            }
        }
        None
    }

    /// The place of a member of what `node` gives.
    fn member(
        &mut self,
        node: &'a Node,
        range: &Value<'a>,
        index: usize,
        bound: &Bound<'a>,
        places: &Places,
        depth: usize,
    ) -> Option<String> {
        if depth > MAX_DEPTH {
            return None;
        }
        if let Some(place) = self.place(node, places, depth + 1) {
            return match (range, &bound.0) {
                (Value::Map(_), Value::String(key)) => Some(joined(&place, key)),
                (Value::Map(_), _) => None,
                _ => Some(format!("{place}/{index}")),
            };
        }
        match node {
            // Of two lists put together, the one that has it.
            Node::Binary(Binary::Add, operands) => {
                let left = self.value(&operands[0]).ok()?;
                let Value::List(list) = &left else { return None };
                if index < list.len() {
                    return self.member(&operands[0], &left, index, bound, places, depth + 1);
                }
                let rest = index - list.len();
                let right = self.value(&operands[1]).ok()?;
                self.member(&operands[1], &right, rest, bound, places, depth + 1)
            }
            Node::If(parts) => {
                let chosen = if self.truth(&parts[0]).ok()? { &parts[1] } else { &parts[2] };
                self.member(chosen, range, index, bound, places, depth + 1)
            }
            Node::Fold(fold) if fold.kind == FoldKind::Filter => {
                let inner = self.value(&fold.range).ok()?;
                let outer = self.locals.len();
                let mut kept = 0;
                for (place, step) in steps(&inner, fold.two).ok()?.enumerate() {
                    self.bind(step.clone());
                    let holds =
                        fold.filter.as_ref().is_none_or(|filter| self.truth(filter).is_ok_and(|it| it));
                    self.locals.truncate(outer);
                    if holds && kept == index {
                        return self.member(&fold.range, &inner, place, &step, places, depth + 1);
                    }
                    kept += usize::from(holds);
                }
                None
            }
            Node::Call(call) if call.arguments.len() == 2 => {
                // An optional list, or another one.
                let place = self.place(&call.arguments[0], places, depth + 1)?;
                Some(format!("{place}/{index}"))
            }
            Node::Variable(_) => {
                let inner = self.definition(node)?;
                self.outside(|machine| machine.member(inner, range, index, bound, &Vec::new(), depth + 1))
            }
            _ => None,
        }
    }

    /// The one place that a node reads, where it reads one only.
    fn only_place(&mut self, node: &'a Node, places: &Places, depth: usize) -> Option<String> {
        let mut found = Vec::new();
        self.places(node, places, depth, &mut found);
        found.dedup();
        match &*found {
            [Some(place)] => Some(place.clone()),
            _ => None,
        }
    }

    /// All places that a node reads; `None` for what is no place.
    fn places(&mut self, node: &'a Node, known: &Places, depth: usize, found: &mut Vec<Option<String>>) {
        if depth > MAX_DEPTH || found.len() > 8 {
            found.push(None);
            return;
        }
        if let Some(place) = self.place(node, known, depth + 1) {
            found.push(Some(place));
            return;
        }
        let mut each = |machine: &mut Self, nodes: &mut dyn Iterator<Item = &'a Node>| {
            for node in nodes {
                machine.places(node, known, depth + 1, found);
            }
        };
        match node {
            // What is not the object's can't be mended in it.
            Node::Constant(_)
            | Node::Root(Root::OldObject | Root::Params | Root::Request | Root::NamespaceObject) => {}
            Node::Not(inner) | Node::Negate(inner) | Node::Matches(inner, ..) => {
                each(self, &mut [&**inner].into_iter());
            }
            Node::Call(call) => each(self, &mut call.arguments.iter()),
            Node::Binary(_, operands) => each(self, &mut operands.iter()),
            Node::And(operands) | Node::Or(operands) => each(self, &mut operands.iter()),
            Node::List(elements) => each(self, &mut elements.iter().map(|(_, element)| element)),
            Node::Select { operand, .. } | Node::Has { operand, .. } => {
                each(self, &mut [&**operand].into_iter());
            }
            Node::Index { operand, .. } => each(self, &mut [&**operand].into_iter()),
            Node::Fold(fold) => each(self, &mut [&fold.range].into_iter()),
            Node::Variable(_) => match self.definition(node) {
                Some(inner) => self.outside(|machine| machine.places(inner, &Vec::new(), depth + 1, found)),
                None => found.push(None),
            },
            _ => found.push(None),
        }
    }

    /// The place in the object that a node stands for, where it stands for one.
    fn place(&mut self, node: &'a Node, places: &Places, depth: usize) -> Option<String> {
        if depth > MAX_DEPTH {
            return None;
        }
        match node {
            Node::Root(Root::Object) => Some(String::new()),
            Node::Local(local) => places.get(*local).cloned().flatten(),
            Node::Select { operand, field, .. } | Node::Has { operand, field } => {
                let place = self.place(operand, places, depth + 1)?;
                Some(joined(&place, field))
            }
            Node::Index { operand, index, .. } => {
                let place = self.place(operand, places, depth + 1)?;
                match self.value(index).ok()? {
                    Value::String(key) => Some(joined(&place, &key)),
                    Value::Int(index) => Some(format!("{place}/{index}")),
                    _ => None,
                }
            }
            Node::Variable(_) => {
                let inner = self.definition(node)?;
                self.outside(|machine| machine.place(inner, &Vec::new(), depth + 1))
            }
            // A list or another one: the one that is there.
            Node::If(parts) => {
                let chosen = if self.truth(&parts[0]).ok()? { &parts[1] } else { &parts[2] };
                self.place(chosen, places, depth + 1)
            }
            _ => None,
        }
    }

    fn definition(&self, node: &Node) -> Option<&'a Node> {
        match node {
            Node::Variable(place) => self.variables.get(*place).map(|variable| &variable.node),
            _ => None,
        }
    }

    /// Looks at a variable, which sees no names of macros.
    fn outside<T>(&mut self, look: impl FnOnce(&mut Self) -> T) -> T {
        let base = std::mem::replace(&mut self.base, self.locals.len());
        let found = look(self);
        self.locals.truncate(self.base);
        self.base = base;
        found
    }
}

/// Whether a node only asks if something is there.
fn is_test(node: &Node) -> bool {
    match node {
        Node::Has { .. } => true,
        Node::Not(inner) => is_test(inner),
        Node::Binary(Binary::In, operands) => matches!(operands[0], Node::Constant(_)),
        Node::Binary(Binary::Equal | Binary::NotEqual, operands) => {
            operands.iter().any(|operand| matches!(operand, Node::Constant(Value::Null)))
        }
        _ => false,
    }
}

/// A place with one more step.
fn joined(place: &str, step: &str) -> String {
    let mut out = String::with_capacity(place.len() + step.len() + 1);
    out.push_str(place);
    let _ = write!(out, "/{}", step.replace('~', "~0").replace('/', "~1"));
    out
}
