//! Calls: which function is meant, and whether it takes the values.

use std::rc::Rc;

use super::{Compiler, Typed, nothing};
use crate::library::{self, Function};
use crate::meter::{self, Meter, Patterns};
use crate::plan::{Call, Fetch, Node};
use crate::syntax::{Expr, Kind};
use crate::typing::{Bound, Type};
use crate::value::Value;

impl Compiler<'_> {
    pub(super) fn call(
        &mut self,
        tree: &Expr,
        target: Option<&Expr>,
        name: &str,
        arguments: &[Expr],
    ) -> Typed {
        let Some(target) = target else {
            return self.resolved(tree, name, false, Vec::new(), arguments);
        };
        if let Kind::Ident(space) = &target.kind
            && self.local(space).is_none()
        {
            let qualified = format!("{space}.{name}");
            if library::find(&qualified, false).next().is_some() {
                return self.resolved(tree, &qualified, false, Vec::new(), arguments);
            }
            if self.names.kyverno
                && space == "resource"
                && matches!((name, arguments.len()), ("Get", 4) | ("List", 3))
            {
                return self.fetch(arguments);
            }
            if self.names.kyverno && KYVERNO_SPACES.contains(&space.as_str()) {
                self.problem(tree, format!("`{qualified}` is not available here"));
                return nothing();
            }
        }
        let target = self.expression(target);
        if let Type::Unavailable(space) = target.1 {
            let result = match name {
                "allowed" | "errored" => Type::Bool,
                "reason" | "error" => Type::String,
                _ => Type::Unavailable(space),
            };
            return (Node::Unavailable(space), result);
        }
        let name = if self.names.kyverno && name == "orValue" { "@orValue" } else { name };
        self.resolved(tree, name, true, vec![target], arguments)
    }

    fn resolved(
        &mut self,
        tree: &Expr,
        name: &str,
        member: bool,
        mut given: Vec<Typed>,
        arguments: &[Expr],
    ) -> Typed {
        let functions: Vec<&'static Function> = library::find(name, member).collect();
        for argument in arguments {
            given.push(self.expression(argument));
        }
        if functions.is_empty() {
            let other = library::find(name, !member).next().is_some();
            let hint = match (other, member) {
                (true, true) => format!("; it is called as `{name}(…)`"),
                (true, false) => format!("; it is called as `….{name}(…)`"),
                (false, _) => String::new(),
            };
            self.problem(tree, format!("there is no function `{name}`{hint}"));
            return nothing();
        }
        let (mut runs, mut result): (Vec<library::Run>, Option<Type>) = (Vec::new(), None);
        for function in functions {
            if let Some(gives) = result_of(function, &given) {
                runs.push(function.run);
                result = Some(
                    result.map_or(gives.clone(), |known| if known == gives { known } else { Type::Dyn }),
                );
            }
        }
        let Some(result) = result else {
            let given: Vec<String> = given.iter().map(|(_, of_type)| of_type.to_string()).collect();
            self.problem(tree, format!("`{name}` does not take ({})", given.join(", ")));
            return nothing();
        };
        let nodes: Vec<Node> = given.into_iter().map(|(node, _)| node).collect();
        if matches!(name, "matches" | "find" | "findAll")
            && let Some(Node::Constant(Value::String(pattern))) = nodes.get(1)
            && let Err(failure) = meter::compile(pattern)
        {
            self.problem(tree, failure.to_string());
        }
        self.computed(tree, name, Call { runs, arguments: nodes }, result)
    }

    /// A call; of constants, its result.
    fn computed(&mut self, tree: &Expr, name: &str, call: Call, result: Type) -> Typed {
        let constants: Option<Vec<Value<'static>>> = call
            .arguments
            .iter()
            .map(|node| match node {
                Node::Constant(value) => Some(value.clone()),
                _ => None,
            })
            .collect();
        let Some(constants) = constants else {
            return (with_pattern(name, call), result);
        };
        let patterns = Patterns::default();
        let mut meter = Meter::new(&patterns);
        for run in &call.runs {
            match run(&mut meter, &constants) {
                Ok(value) => return (Node::Constant(value), result),
                Err(failure) if failure.is_no_such_overload() && call.runs.len() > 1 => {}
                Err(failure) => {
                    if NEVER_FAIL.contains(&name) {
                        self.problem(tree, failure.to_string());
                    }
                    break;
                }
            }
        }
        (Node::Call(Box::new(call)), result)
    }

    fn fetch(&mut self, arguments: &[Expr]) -> Typed {
        let mut nodes = Vec::new();
        for argument in arguments {
            let (node, of_type) = self.expression(argument);
            if !of_type.agrees(&Type::String) {
                self.problem(argument, format!("a string is needed here, not a {of_type}"));
            }
            nodes.push(node);
        }
        (Node::Fetch(Box::new(Fetch { arguments: nodes })), Type::Dyn)
    }
}

/// Functions whose failure on a constant is a mistake in the expression.
const NEVER_FAIL: [&str; 8] = ["bool", "double", "duration", "format", "int", "string", "timestamp", "uint"];

/// Kyverno's libraries that reach out, or that are not here.
const KYVERNO_SPACES: [&str; 9] =
    ["http", "resource", "globalContext", "image", "generator", "x509", "random", "time", "user"];

/// A pattern that is a constant is compiled once.
fn with_pattern(name: &str, mut call: Call) -> Node {
    if name == "matches"
        && call.arguments.len() == 2
        && let Node::Constant(Value::String(pattern)) = &call.arguments[1]
        && let Ok(compiled) = meter::compile(pattern)
    {
        let weight = pattern.len() / 4 + 1;
        return Node::Matches(Box::new(call.arguments.swap_remove(0)), Rc::new(compiled), weight);
    }
    Node::Call(Box::new(call))
}

/// What a function gives for these; nothing where it does not take them.
fn result_of(function: &Function, given: &[Typed]) -> Option<Type> {
    let mut result: Option<Type> = None;
    for overload in function.overloads {
        if overload.0.len() != given.len() {
            continue;
        }
        let mut bound = Bound::default();
        if overload.0.iter().zip(given).all(|(sig, (_, of_type))| bound.takes(*sig, of_type)) {
            let result_type = bound.given(overload.1);
            match &result {
                None => result = Some(result_type),
                Some(known) if *known == result_type => {}
                Some(_) => return Some(Type::Dyn),
            }
        }
    }
    result
}
