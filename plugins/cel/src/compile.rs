//! A tree to a plan: looks names up, holds calls to the types that functions
//! take, and computes what is constant. It says all that is wrong at once.

mod call;
mod fold;
mod operator;
pub(crate) mod roots;

use crate::plan::{Node, Root};
use crate::syntax::{self, Expr, Kind, Literal, Problem};
use crate::typing::{Field, Type};
use crate::value::Value;

/// How long an expression may be.
const MAX_BYTES: usize = 16 << 10;

/// What an expression may name.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Names<'s> {
    /// Whether there is `params`.
    pub(crate) params: bool,
    /// The variables that were declared before, with their types.
    pub(crate) variables: &'s [(String, Type)],
    /// Whether it is written for Kyverno, which has some names more.
    pub(crate) kyverno: bool,
}

/// What an expression is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// True admits.
    Validation,
    /// The same, and a type that is not known is looked at later.
    Rule,
    /// False means that the policy has nothing to say.
    Condition,
    Message,
    Annotation,
    Variable,
}

/// A compiled expression.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) node: Node,
    pub(crate) result: Type,
    /// Which of what it is given it reads.
    pub(crate) roots: Vec<Root>,
}

/// Compiles one expression.
///
/// # Errors
/// All that is wrong with it.
pub(crate) fn compile(source: &str, names: Names<'_>, purpose: Purpose) -> Result<Compiled, Vec<Problem>> {
    if source.len() > MAX_BYTES {
        let message =
            format!("the expression has {} bytes, more than the {MAX_BYTES} that one may have", source.len());
        return Err(vec![Problem::new(0..source.len(), message)]);
    }
    let tree = syntax::parse(source).map_err(|problem| vec![problem])?;
    let mut compiler = Compiler {
        names,
        locals: Vec::new(),
        problems: Vec::new(),
        roots: Vec::new(),
        certain: purpose != Purpose::Variable,
        purpose,
    };
    let (node, result) = compiler.expression(&tree);
    compiler.hold(&tree, &result);
    if compiler.problems.is_empty() {
        Ok(Compiled { node, result, roots: compiler.roots })
    } else {
        Err(compiler.problems)
    }
}

struct Compiler<'s> {
    names: Names<'s>,
    locals: Vec<(String, Type)>,
    problems: Vec<Problem>,
    roots: Vec<Root>,
    /// Whether what is compiled is evaluated in any case, and its failure is
    /// that of the whole.
    certain: bool,
    purpose: Purpose,
}

type Typed = (Node, Type);

/// What stands for an expression that has a problem.
fn nothing() -> Typed {
    (Node::Constant(Value::Null), Type::Dyn)
}

impl Compiler<'_> {
    fn problem(&mut self, at: &Expr, message: impl Into<String>) {
        self.problems.push(Problem::new(at.span.clone(), message));
    }

    /// Holds the result to what the expression is for.
    fn hold(&mut self, tree: &Expr, result: &Type) {
        let (wanted, fits) = match self.purpose {
            Purpose::Variable => return,
            Purpose::Validation | Purpose::Condition => ("bool", *result == Type::Bool),
            Purpose::Rule => ("bool", matches!(result, Type::Bool | Type::Dyn)),
            Purpose::Message => ("string", *result == Type::String),
            Purpose::Annotation => ("string or null", matches!(result, Type::String | Type::Null)),
        };
        if !fits && self.problems.is_empty() {
            self.problem(tree, format!("the expression must give {wanted}, but gives {result}"));
        }
    }

    /// Compiles what is not evaluated in any case.
    fn uncertain<T>(&mut self, compile: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.certain, false);
        let compiled = compile(self);
        self.certain = before;
        compiled
    }

    fn expression(&mut self, tree: &Expr) -> Typed {
        match &tree.kind {
            Kind::Literal(literal) => constant(literal),
            Kind::Ident(name) => self.ident(tree, name),
            Kind::Select { operand, field, optional } => self.select(tree, operand, field, *optional),
            Kind::Has { operand, field } => self.has(tree, operand, field),
            Kind::Index { operand, index, optional } => self.index(tree, operand, index, *optional),
            Kind::Call { target, function, arguments } => {
                self.call(tree, target.as_deref(), function, arguments)
            }
            Kind::Not(inner) => self.not(inner),
            Kind::Negate(inner) => self.negate(tree, inner),
            Kind::Binary(operator, left, right) => self.binary(tree, *operator, left, right),
            Kind::And(operands) => self.logic(operands, Node::And),
            Kind::Or(operands) => self.logic(operands, Node::Or),
            Kind::If(condition, then, otherwise) => self.conditional(condition, then, otherwise),
            Kind::List(elements) => self.list(elements),
            Kind::Map(entries) => self.map(entries),
            Kind::Fold(fold) => self.fold(fold),
            Kind::Bind { name, value, body } => self.bind(name, value, body),
            Kind::OptMap { operand, name, body, flat } => self.opt_map(operand, name, body, *flat),
        }
    }

    fn local(&self, name: &str) -> Option<Typed> {
        let place = self.locals.iter().rposition(|(local, _)| local == name)?;
        Some((Node::Local(place), self.locals[place].1.clone()))
    }

    fn ident(&mut self, tree: &Expr, name: &str) -> Typed {
        if let Some(local) = self.local(name) {
            return local;
        }
        if let Some((root, of_type)) = roots::find(name, self.names) {
            if !self.roots.contains(&root) {
                self.roots.push(root);
            }
            return (Node::Root(root), of_type);
        }
        if let Some(name) = roots::UNAVAILABLE.iter().find(|unavailable| **unavailable == name) {
            return self.unavailable(tree, name, Type::Unavailable(name));
        }
        if let Some(name) = roots::TYPES.iter().find(|(short, _)| *short == name).map(|(_, name)| *name) {
            return (Node::Constant(Value::Type(name)), Type::Meta);
        }
        if name == "exceptions" && self.names.kyverno {
            return roots::exceptions();
        }
        let hint = match name {
            "variables" if self.names.variables.is_empty() => {
                "; the policy declares no variables before this"
            }
            "variables" => "; a variable is read as in `variables.name`",
            "params" => "; the policy has no `paramKind`",
            _ => "",
        };
        self.problem(tree, format!("there is no variable `{name}`{hint}"));
        nothing()
    }

    /// What only the API server knows: refused where nothing works without it,
    /// else a failure where it is met.
    fn unavailable(&mut self, tree: &Expr, name: &'static str, result: Type) -> Typed {
        if self.certain {
            self.problem(
                tree,
                format!("`{name}` is not available here, and this expression can't be evaluated without it"),
            );
        }
        (Node::Unavailable(name), result)
    }

    fn select(&mut self, tree: &Expr, operand: &Expr, field: &str, optional: bool) -> Typed {
        if let Kind::Ident(name) = &operand.kind
            && name == "variables"
            && self.local("variables").is_none()
            && !self.names.variables.is_empty()
        {
            return self.variable(tree, field);
        }
        if let Some(name) = self.type_name(operand, field) {
            return (Node::Constant(Value::Type(name)), Type::Meta);
        }
        let (node, of_type) = self.expression(operand);
        let (inner, was_optional) = of_type.unwrapped();
        let Some(result) = self.field(tree, &inner, field) else { return nothing() };
        if let Type::Unavailable(name) = result {
            return match node {
                Node::Unavailable(_) => (node, result),
                _ => self.unavailable(tree, name, Type::Unavailable(name)),
            };
        }
        let node = Node::Select { operand: Box::new(node), field: field.into(), optional };
        (node, if optional || was_optional { Type::optional(result) } else { result })
    }

    fn variable(&mut self, tree: &Expr, name: &str) -> Typed {
        let Some(place) = self.names.variables.iter().position(|(variable, _)| variable == name) else {
            self.problem(tree, format!("no variable `{name}` is declared before this"));
            return nothing();
        };
        (Node::Variable(place), self.names.variables[place].1.clone())
    }

    /// The type that a qualified name stands for.
    fn type_name(&self, operand: &Expr, field: &str) -> Option<&'static str> {
        let name = match &operand.kind {
            Kind::Ident(first) if self.local(first).is_none() => format!("{first}.{field}"),
            Kind::Select { operand, field: middle, optional: false } => match &operand.kind {
                Kind::Ident(first) if self.local(first).is_none() => format!("{first}.{middle}.{field}"),
                _ => return None,
            },
            _ => return None,
        };
        roots::QUALIFIED_TYPES.iter().find(|qualified| **qualified == name).copied()
    }

    /// The type of a field.
    fn field(&mut self, tree: &Expr, of: &Type, field: &str) -> Option<Type> {
        match of {
            Type::Dyn => Some(Type::Dyn),
            Type::Unavailable(name) => Some(Type::Unavailable(name)),
            Type::Map(key, value) if key.agrees(&Type::String) => Some((**value).clone()),
            Type::Record(record) => match record.fields.iter().find(|(name, _)| *name == field) {
                Some((_, Field::Plain(sig))) => Some(crate::typing::Bound::default().given(*sig)),
                Some((_, Field::Record(inner))) => Some(Type::Record(inner)),
                Some((_, Field::Records(inner))) => Some(Type::list(Type::Record(inner))),
                Some((_, Field::Unavailable(name))) => Some(Type::Unavailable(name)),
                None => {
                    self.problem(tree, format!("`{}` has no field `{field}`", record.name));
                    None
                }
            },
            _ => {
                self.problem(tree, format!("a {of} has no fields"));
                None
            }
        }
    }

    fn has(&mut self, tree: &Expr, operand: &Expr, field: &str) -> Typed {
        if let Kind::Ident(name) = &operand.kind
            && name == "variables"
            && self.local("variables").is_none()
        {
            let known = self.names.variables.iter().any(|(variable, _)| variable == field);
            return (Node::Constant(Value::Bool(known)), Type::Bool);
        }
        let (node, of_type) = self.expression(operand);
        let (inner, _) = of_type.unwrapped();
        if let Some(Type::Unavailable(name)) = self.field(tree, &inner, field) {
            return self.unavailable(tree, name, Type::Bool);
        }
        (Node::Has { operand: Box::new(node), field: field.into() }, Type::Bool)
    }

    fn index(&mut self, tree: &Expr, operand: &Expr, index: &Expr, optional: bool) -> Typed {
        let (node, of_type) = self.expression(operand);
        let (index_node, index_type) = self.expression(index);
        let (inner, was_optional) = of_type.unwrapped();
        let result = match &inner {
            Type::Dyn => Type::Dyn,
            Type::Unavailable(name) => return (Node::Unavailable(name), inner.clone()),
            Type::List(element) if index_type.agrees(&Type::Int) => (**element).clone(),
            Type::Map(key, value) if index_type.agrees(key) => (**value).clone(),
            _ => {
                self.problem(tree, format!("a {inner} can't be indexed by a {index_type}"));
                return nothing();
            }
        };
        let node = Node::Index { operand: Box::new(node), index: Box::new(index_node), optional };
        (node, if optional || was_optional { Type::optional(result) } else { result })
    }
}

fn constant(literal: &Literal) -> Typed {
    let (value, of_type) = match literal {
        Literal::Null => (Value::Null, Type::Null),
        Literal::Bool(value) => (Value::Bool(*value), Type::Bool),
        Literal::Int(value) => (Value::Int(*value), Type::Int),
        Literal::Uint(value) => (Value::Uint(*value), Type::Uint),
        Literal::Double(value) => (Value::Double(*value), Type::Double),
        Literal::String(text) => (Value::text(text.as_str()), Type::String),
        Literal::Bytes(bytes) => (Value::Bytes(bytes.as_slice().into()), Type::Bytes),
    };
    (Node::Constant(value), of_type)
}
