//! The text of an expression as a tree, with macros recognised and every node
//! holding the bytes that it stands on.
//!
//! It knows nothing of types and names: what they mean is the checker's.

mod lexer;
mod literal;
mod macros;
mod parser;
mod tree;

pub(crate) use parser::parse;
pub(crate) use tree::{Binary, Expr, Fold, FoldKind, Kind, Literal};

use std::ops::Range;

/// What is wrong with an expression, and on which bytes of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    pub(crate) message: String,
    pub(crate) span: Range<usize>,
}

impl Problem {
    pub(crate) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { message: message.into(), span }
    }
}
