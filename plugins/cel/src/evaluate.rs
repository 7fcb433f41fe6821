//! A plan, and what it is given, to a value: in bounded steps, and without
//! copying what it reads.

mod blame;
mod fold;
mod select;

use std::cmp::Ordering;
use std::rc::Rc;

use crate::arithmetic;
use crate::failure::Failure;
use crate::library::Outcome;
use crate::meter::{Meter, Patterns};
use crate::plan::{Call, Fetch, Node, Root};
use crate::syntax::Binary;
use crate::value::{Made, Map, Refused, Value};

/// What expressions are given.
#[derive(Clone, Debug)]
pub(crate) struct Given<'a> {
    pub(crate) object: Value<'a>,
    pub(crate) old: Value<'a>,
    pub(crate) request: Value<'a>,
    pub(crate) params: Value<'a>,
    pub(crate) namespace: Result<Value<'a>, Failure>,
}

/// A named expression of a policy.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) node: Node,
}

/// Finds objects of the cluster, for expressions that ask.
pub(crate) trait Lookup<'a> {
    /// `resource.Get` with four texts, `resource.List` with three.
    ///
    /// # Errors
    /// When there is no such object, or the Gate does not grant the kind.
    fn fetch(&self, asked: &[&str]) -> Outcome<'a>;
}

/// Evaluates the expressions of one policy on one object.
pub(crate) struct Machine<'a, 'k> {
    given: &'k Given<'a>,
    variables: &'a [Variable],
    known: Vec<Option<Outcome<'a>>>,
    locals: Vec<Value<'a>>,
    /// Where the locals of the present expression start.
    base: usize,
    /// How many variables are being evaluated in each other.
    level: usize,
    lookup: &'k dyn Lookup<'a>,
    meter: Meter<'k>,
}

impl<'a, 'k> Machine<'a, 'k> {
    pub(crate) fn new(
        given: &'k Given<'a>,
        variables: &'a [Variable],
        lookup: &'k dyn Lookup<'a>,
        patterns: &'k Patterns,
    ) -> Self {
        Self {
            given,
            variables,
            known: if variables.is_empty() { Vec::new() } else { vec![None; variables.len()] },
            locals: Vec::new(),
            base: 0,
            level: 0,
            lookup,
            meter: Meter::new(patterns),
        }
    }

    /// Evaluates one expression.
    ///
    /// # Errors
    /// Why there is no value.
    pub(crate) fn evaluate(&mut self, node: &'a Node) -> Outcome<'a> {
        self.meter.refill();
        self.locals.clear();
        self.base = 0;
        self.value(node)
    }

    fn value(&mut self, node: &'a Node) -> Outcome<'a> {
        self.meter.spend(1)?;
        match node {
            Node::Constant(value) => Ok(value.clone()),
            Node::Root(root) => self.root(*root),
            Node::Local(place) => Ok(self.local(*place)),
            Node::Variable(place) => self.variable(*place),
            Node::Select { operand, field, optional } => {
                let operand = self.value(operand)?;
                select::field(&operand, field, *optional)
            }
            Node::Has { operand, field } => {
                let operand = self.value(operand)?;
                select::has(&operand, field)
            }
            Node::Index { operand, index, optional } => {
                let operand = self.value(operand)?;
                let index = self.value(index)?;
                select::index(&operand, &index, *optional)
            }
            Node::Call(call) => self.call(call),
            Node::Matches(subject, pattern, weight) => match self.value(subject)? {
                Value::String(text) => {
                    self.meter.spend(text.len() * weight / 10)?;
                    Ok(Value::Bool(pattern.is_match(&text)))
                }
                _ => Err(Failure::no_such_overload()),
            },
            Node::Not(inner) => Ok(Value::Bool(!self.truth(inner)?)),
            Node::Negate(inner) => {
                let value = self.value(inner)?;
                arithmetic::negate(&value)
            }
            Node::And(operands) => self.logic(operands, false),
            Node::Or(operands) => self.logic(operands, true),
            Node::If(parts) => {
                let chosen = if self.truth(&parts[0])? { &parts[1] } else { &parts[2] };
                self.value(chosen)
            }
            Node::Binary(operator, operands) => self.binary(*operator, operands),
            Node::List(elements) => self.list(elements),
            Node::Map(entries) => self.map(entries),
            Node::Fold(fold) => self.fold(fold),
            Node::Bind(parts) => {
                let value = self.value(&parts[0])?;
                self.within(value, &parts[1])
            }
            Node::OptMap { parts, flat } => match self.value(&parts[0])? {
                Value::Optional(None) => Ok(Value::Optional(None)),
                Value::Optional(Some(inner)) => {
                    let result = self.within(Value::clone(&inner), &parts[1])?;
                    Ok(if *flat { result } else { Value::some(result) })
                }
                _ => Err(Failure::no_such_overload()),
            },
            Node::Fetch(fetch) => self.fetch(fetch),
            Node::Unavailable(name) => Err(unavailable(name)),
        }
    }

    fn root(&self, root: Root) -> Outcome<'a> {
        Ok(match root {
            Root::Object => self.given.object.clone(),
            Root::OldObject => self.given.old.clone(),
            Root::Request => self.given.request.clone(),
            Root::Params => self.given.params.clone(),
            Root::NamespaceObject => return self.given.namespace.clone(),
        })
    }

    fn local(&self, place: usize) -> Value<'a> {
        self.locals.get(self.base + place).cloned().unwrap_or(Value::Null)
    }

    /// Evaluates with one more name.
    fn within(&mut self, value: Value<'a>, body: &'a Node) -> Outcome<'a> {
        self.locals.push(value);
        let result = self.value(body);
        self.locals.pop();
        result
    }

    /// A variable, evaluated when it is first asked for. It names only those
    /// that stand before it.
    fn variable(&mut self, place: usize) -> Outcome<'a> {
        if let Some(Some(known)) = self.known.get(place) {
            return known.clone();
        }
        let variables = self.variables;
        let Some(variable) = variables.get(place) else { return Err(Failure::no_such_overload()) };
        self.level += 1;
        if self.level > MAX_LEVEL {
            return Err(Failure::plain("variables read each other more than 32 levels deep"));
        }
        let base = std::mem::replace(&mut self.base, self.locals.len());
        let value = self.value(&variable.node).map_err(|failure| failure.of_variable(&variable.name));
        self.locals.truncate(self.base);
        self.base = base;
        self.level -= 1;
        if let Some(known) = self.known.get_mut(place) {
            *known = Some(value.clone());
        }
        value
    }

    fn truth(&mut self, node: &'a Node) -> Result<bool, Failure> {
        match self.value(node)? {
            Value::Bool(value) => Ok(value),
            _ => Err(Failure::no_such_overload()),
        }
    }

    /// `&&` ends at the first false, `||` at the first true; a failure counts
    /// only where no such one follows.
    fn logic(&mut self, operands: &'a [Node], end: bool) -> Outcome<'a> {
        let mut failed = None;
        for operand in operands {
            match self.truth(operand) {
                Ok(value) if value == end => return Ok(Value::Bool(end)),
                Ok(_) => {}
                Err(failure) => failed = failed.or(Some(failure)),
            }
        }
        failed.map_or(Ok(Value::Bool(!end)), Err)
    }

    fn call(&mut self, call: &'a Call) -> Outcome<'a> {
        match &*call.arguments {
            [] => self.run(call, &[]),
            [first] => {
                let arguments = [self.value(first)?];
                self.run(call, &arguments)
            }
            [first, second] => {
                let arguments = [self.value(first)?, self.value(second)?];
                self.run(call, &arguments)
            }
            nodes => {
                let arguments: Vec<_> =
                    nodes.iter().map(|node| self.value(node)).collect::<Result<_, _>>()?;
                self.run(call, &arguments)
            }
        }
    }

    fn run(&mut self, call: &Call, arguments: &[Value<'a>]) -> Outcome<'a> {
        for run in &call.runs {
            match run(&mut self.meter, arguments) {
                Err(failure) if failure.is_no_such_overload() => {}
                result => return result,
            }
        }
        Err(Failure::no_such_overload())
    }

    fn binary(&mut self, operator: Binary, operands: &'a [Node; 2]) -> Outcome<'a> {
        let left = self.value(&operands[0])?;
        let right = self.value(&operands[1])?;
        let mut ordered = |holds: fn(Ordering) -> bool| {
            let order = self.meter.order(&left, &right)?;
            Ok(Value::Bool(holds(order)))
        };
        match operator {
            Binary::Equal => self.meter.equal(&left, &right).map(Value::Bool),
            Binary::NotEqual => self.meter.equal(&left, &right).map(|equal| Value::Bool(!equal)),
            Binary::Less => ordered(Ordering::is_lt),
            Binary::LessEqual => ordered(Ordering::is_le),
            Binary::Greater => ordered(Ordering::is_gt),
            Binary::GreaterEqual => ordered(Ordering::is_ge),
            Binary::In => match &right {
                Value::List(list) => Ok(Value::Bool(self.meter.position(list.iter(), &left)?.is_some())),
                Value::Map(map) => Ok(Value::Bool(map.get(&left).is_some())),
                _ => Err(Failure::no_such_overload()),
            },
            Binary::Add => arithmetic::add(&mut self.meter, left, right),
            Binary::Subtract => arithmetic::subtract(&left, &right),
            Binary::Multiply => arithmetic::multiply(&left, &right),
            Binary::Divide => arithmetic::divide(&left, &right),
            Binary::Modulo => arithmetic::modulo(&left, &right),
        }
    }

    fn list(&mut self, elements: &'a [(bool, Node)]) -> Outcome<'a> {
        let mut values = Vec::with_capacity(elements.len());
        for (optional, element) in elements {
            match (optional, self.value(element)?) {
                (false, value) => values.push(value),
                (true, Value::Optional(Some(value))) => values.push(Value::clone(&value)),
                (true, Value::Optional(None)) => {}
                (true, _) => return Err(Failure::no_such_overload()),
            }
        }
        Ok(Value::list(values))
    }

    fn map(&mut self, entries: &'a [(bool, Node, Node)]) -> Outcome<'a> {
        let mut made = Made::default();
        for (optional, key, value) in entries {
            let key = self.value(key)?;
            let value = match (optional, self.value(value)?) {
                (false, value) => value,
                (true, Value::Optional(Some(value))) => Value::clone(&value),
                (true, Value::Optional(None)) => continue,
                (true, _) => return Err(Failure::no_such_overload()),
            };
            made.set(key, value).map_err(|_| Failure::plain("unsupported key type"))?;
        }
        Ok(Value::Map(Map::Made(Rc::new(made))))
    }

    fn fetch(&mut self, fetch: &'a Fetch) -> Outcome<'a> {
        let values: Vec<_> =
            fetch.arguments.iter().map(|argument| self.value(argument)).collect::<Result<_, _>>()?;
        let mut asked = Vec::with_capacity(values.len());
        for value in &values {
            match value {
                Value::String(text) => asked.push(&**text),
                _ => return Err(Failure::no_such_overload()),
            }
        }
        self.meter.spend(1_000)?;
        self.lookup.fetch(&asked)
    }
}

/// How deep variables may read each other.
const MAX_LEVEL: usize = 32;

fn unavailable(name: &'static str) -> Failure {
    Failure::plain(match name {
        "request.userInfo" => "`request.userInfo` is not available here",
        "request.options" => "`request.options` is not available here",
        _ => "`authorizer` is not available here",
    })
}

fn insert<'a>(made: &mut Made<'a>, key: Value<'a>, value: Value<'a>) -> Result<(), Failure> {
    let name = match &key {
        Value::String(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        _ => String::new(),
    };
    made.insert(key, value).map_err(|refused| match refused {
        Refused::Type => Failure::plain("unsupported key type"),
        Refused::Twice => {
            Failure::showing(format!("insert failed: key {name} already exists"), "a key is there already")
        }
    })
}
