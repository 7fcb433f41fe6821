//! An expression, ready to be evaluated: names are places, constants are values,
//! functions are found.

use std::rc::Rc;

use regex::Regex;

use crate::library::Run;
use crate::syntax::{Binary, FoldKind};
use crate::value::Value;

/// A node.
#[derive(Debug)]
pub(crate) enum Node {
    Constant(Value<'static>),
    Root(Root),
    /// What a macro has bound, counted from the outermost.
    Local(usize),
    /// One of the policy's variables.
    Variable(usize),
    Select {
        operand: Box<Node>,
        field: Rc<str>,
        optional: bool,
    },
    Has {
        operand: Box<Node>,
        field: Rc<str>,
    },
    Index {
        operand: Box<Node>,
        index: Box<Node>,
        optional: bool,
    },
    Call(Box<Call>),
    /// `matches` with a pattern that is a constant.
    Matches(Box<Node>, Rc<Regex>, usize),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    If(Box<[Node; 3]>),
    Binary(Binary, Box<[Node; 2]>),
    List(Vec<(bool, Node)>),
    Map(Vec<(bool, Node, Node)>),
    Fold(Box<Fold>),
    /// A value that is bound, and the body.
    Bind(Box<[Node; 2]>),
    OptMap {
        parts: Box<[Node; 2]>,
        flat: bool,
    },
    /// Objects of the cluster: kind, namespace and name.
    Fetch(Box<Fetch>),
    /// What is known to the API server alone.
    Unavailable(&'static str),
}

/// What an expression is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Object,
    OldObject,
    Request,
    Params,
    NamespaceObject,
}

/// A call of a function. With values whose types were not known, several
/// functions of one name may take them: the first that does is it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) runs: Vec<Run>,
    pub(crate) arguments: Vec<Node>,
}

/// A macro over a list or a map.
#[derive(Debug)]
pub(crate) struct Fold {
    pub(crate) kind: FoldKind,
    pub(crate) range: Node,
    /// Whether it binds two names.
    pub(crate) two: bool,
    pub(crate) filter: Option<Node>,
    pub(crate) body: Option<Node>,
}

/// `resource.Get` and `resource.List` of Kyverno.
#[derive(Debug)]
pub(crate) struct Fetch {
    /// API version, plural, namespace and, of one object, its name.
    pub(crate) arguments: Vec<Node>,
}
