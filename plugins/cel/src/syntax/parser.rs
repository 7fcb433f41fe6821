//! Tokens to a tree, by descent.

use std::ops::Range;

use super::Problem;
use super::lexer::{self, Token};
use super::macros;
use super::tree::{Binary, Expr, Kind, Literal};

/// How many levels an expression may have: whoever walks it has a stack.
const MAX_DEPTH: usize = 150;
/// How many nodes it may have.
const MAX_NODES: usize = 5_000;

/// Words that name nothing.
const RESERVED: [&str; 18] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "namespace",
    "package",
    "return",
    "var",
    "void",
    "while",
    "in",
];

/// Parses one expression.
pub(crate) fn parse(source: &str) -> Result<Expr, Problem> {
    let mut parser = Parser { tokens: lexer::tokens(source)?, at: 0, level: 0, nodes: 0 };
    let expression = parser.expression()?;
    match parser.peek() {
        Token::End => Ok(expression),
        _ => Err(parser.unexpected("the end")),
    }
}

struct Parser {
    tokens: Vec<(Token, Range<usize>)>,
    at: usize,
    level: usize,
    nodes: usize,
}

type Parsed = Result<Expr, Problem>;

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn span(&self) -> Range<usize> {
        self.tokens[self.at].1.clone()
    }

    fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Token::Sign(found) if *found == sign);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), Problem> {
        if self.sign(sign) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    fn unexpected(&self, wanted: &str) -> Problem {
        let found = match self.peek() {
            Token::End => "the end".to_owned(),
            Token::Sign(sign) => format!("`{sign}`"),
            Token::Name(name) => format!("`{name}`"),
            Token::Literal(_) => "a value".to_owned(),
        };
        Problem::new(self.span(), format!("{wanted} is expected here, not {found}"))
    }

    /// A node of `children` levels below it, from `start` to the last token.
    fn node(&mut self, start: usize, below: usize, kind: Kind) -> Parsed {
        self.nodes += 1;
        let end = self.tokens[self.at.saturating_sub(1)].1.end.max(start);
        let depth = below + 1;
        if depth > MAX_DEPTH {
            let message = format!("the expression nests deeper than {MAX_DEPTH} levels");
            return Err(Problem::new(start..end, message));
        }
        if self.nodes > MAX_NODES {
            return Err(Problem::new(start..end, format!("the expression has more than {MAX_NODES} parts")));
        }
        Ok(Expr { kind, span: start..end, depth })
    }

    fn expression(&mut self) -> Parsed {
        self.level += 1;
        if self.level > MAX_DEPTH / 3 {
            let message = format!("the expression has more than {} brackets in each other", MAX_DEPTH / 3);
            return Err(Problem::new(self.span(), message));
        }
        let condition = self.or()?;
        let result = if self.sign("?") {
            let then = self.or()?;
            self.expect(":")?;
            let otherwise = self.expression()?;
            let below = condition.depth.max(then.depth).max(otherwise.depth);
            let start = condition.span.start;
            self.node(start, below, Kind::If(Box::new(condition), Box::new(then), Box::new(otherwise)))
        } else {
            Ok(condition)
        };
        self.level -= 1;
        result
    }

    fn or(&mut self) -> Parsed {
        self.chain("||", Self::and, Kind::Or)
    }

    fn and(&mut self) -> Parsed {
        self.chain("&&", Self::relation, Kind::And)
    }

    fn chain(&mut self, sign: &str, operand: fn(&mut Self) -> Parsed, kind: fn(Vec<Expr>) -> Kind) -> Parsed {
        let first = operand(self)?;
        let start = first.span.start;
        let mut operands = vec![first];
        while self.sign(sign) {
            operands.push(operand(self)?);
        }
        let below = operands.iter().map(|operand| operand.depth).max().unwrap_or(0);
        match operands.len() {
            1 => Ok(operands.remove(0)),
            _ => self.node(start, below, kind(operands)),
        }
    }

    fn relation(&mut self) -> Parsed {
        const RELATIONS: [(&str, Binary); 7] = [
            ("==", Binary::Equal),
            ("!=", Binary::NotEqual),
            ("<=", Binary::LessEqual),
            (">=", Binary::GreaterEqual),
            ("<", Binary::Less),
            (">", Binary::Greater),
            ("in", Binary::In),
        ];
        self.binary(&RELATIONS, Self::sum)
    }

    fn sum(&mut self) -> Parsed {
        self.binary(&[("+", Binary::Add), ("-", Binary::Subtract)], Self::product)
    }

    fn product(&mut self) -> Parsed {
        let signs = [("*", Binary::Multiply), ("/", Binary::Divide), ("%", Binary::Modulo)];
        self.binary(&signs, Self::unary)
    }

    fn binary(&mut self, signs: &[(&str, Binary)], operand: fn(&mut Self) -> Parsed) -> Parsed {
        let mut left = operand(self)?;
        while let Some((_, operator)) = signs.iter().find(|(sign, _)| self.sign(sign)) {
            let right = operand(self)?;
            let below = left.depth.max(right.depth);
            left =
                self.node(left.span.start, below, Kind::Binary(*operator, Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed {
        let start = self.span().start;
        let (mut nots, mut minuses) = (0_usize, 0_usize);
        while self.sign("!") {
            nots += 1;
        }
        while nots == 0 && self.sign("-") {
            minuses += 1;
        }
        let mut operand = self.member(minuses % 2 == 1)?;
        if minuses % 2 == 1
            && !matches!(&operand.kind, Kind::Literal(Literal::Int(..=-1) | Literal::Double(..=0.0)))
        {
            operand = self.node(start, operand.depth, Kind::Negate(Box::new(operand)))?;
        } else if let Kind::Literal(Literal::Int(i64::MIN)) = &operand.kind
            && minuses % 2 == 0
        {
            return Err(Problem::new(operand.span, "the number is too large"));
        }
        if nots % 2 == 1 {
            operand = self.node(start, operand.depth, Kind::Not(Box::new(operand)))?;
        } else if nots > 0 {
            let inner = self.node(start, operand.depth, Kind::Not(Box::new(operand)))?;
            operand = self.node(start, inner.depth, Kind::Not(Box::new(inner)))?;
        }
        Ok(operand)
    }

    /// A primary with what is selected of it. A number takes the sign before
    /// it.
    fn member(&mut self, negative: bool) -> Parsed {
        let mut operand = self.primary()?;
        if negative {
            match &mut operand.kind {
                Kind::Literal(Literal::Int(value)) => *value = value.wrapping_neg(),
                Kind::Literal(Literal::Double(value)) => *value = -*value,
                _ => {}
            }
        }
        loop {
            let start = operand.span.start;
            if self.sign(".") {
                let optional = self.sign("?");
                let field = self.name("a field")?;
                operand = if !optional && self.sign("(") {
                    let arguments = self.arguments(")")?;
                    let below = deepest(&arguments).max(operand.depth);
                    let kind = macros::expand(Some(operand), field, arguments)?;
                    self.node(start, below, kind)?
                } else {
                    let below = operand.depth;
                    self.node(start, below, Kind::Select { operand: Box::new(operand), field, optional })?
                };
            } else if self.sign("[") {
                let optional = self.sign("?");
                let index = self.expression()?;
                self.expect("]")?;
                let below = operand.depth.max(index.depth);
                let kind = Kind::Index { operand: Box::new(operand), index: Box::new(index), optional };
                operand = self.node(start, below, kind)?;
            } else {
                return Ok(operand);
            }
        }
    }

    fn name(&mut self, wanted: &str) -> Result<String, Problem> {
        match self.peek().clone() {
            Token::Name(name) => {
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.unexpected(wanted)),
        }
    }

    fn primary(&mut self) -> Parsed {
        let start = self.span().start;
        match self.peek().clone() {
            Token::Literal(literal) => {
                self.at += 1;
                self.node(start, 0, Kind::Literal(literal))
            }
            Token::Sign("(") => {
                self.at += 1;
                let mut inner = self.expression()?;
                self.expect(")")?;
                inner.span = start..self.tokens[self.at - 1].1.end;
                Ok(inner)
            }
            Token::Sign("[") => {
                self.at += 1;
                self.list(start)
            }
            Token::Sign("{") => {
                self.at += 1;
                self.map(start)
            }
            Token::Sign(".") => {
                self.at += 1;
                self.ident(start)
            }
            Token::Name(_) => self.ident(start),
            _ => Err(self.unexpected("a value")),
        }
    }

    fn ident(&mut self, start: usize) -> Parsed {
        let name = self.name("a name")?;
        if RESERVED.contains(&name.as_str()) {
            let span = self.tokens[self.at - 1].1.clone();
            return Err(Problem::new(span, format!("`{name}` is a reserved word")));
        }
        if self.sign("(") {
            let arguments = self.arguments(")")?;
            let below = deepest(&arguments);
            let kind = macros::expand(None, name, arguments)?;
            return self.node(start, below, kind);
        }
        self.node(start, 0, Kind::Ident(name))
    }

    fn arguments(&mut self, close: &str) -> Result<Vec<Expr>, Problem> {
        let mut arguments = Vec::new();
        while !self.sign(close) {
            if !arguments.is_empty() {
                self.expect(",")?;
            }
            arguments.push(self.expression()?);
        }
        Ok(arguments)
    }

    /// Even an empty list may have its last comma.
    fn lone_comma(&mut self, close: &'static str) {
        if matches!(self.peek(), Token::Sign(",")) && self.tokens[self.at + 1].0 == Token::Sign(close) {
            self.at += 1;
        }
    }

    fn list(&mut self, start: usize) -> Parsed {
        let mut elements: Vec<(bool, Expr)> = Vec::new();
        self.lone_comma("]");
        while !self.sign("]") {
            if !elements.is_empty() {
                self.expect(",")?;
                if self.sign("]") {
                    break;
                }
            }
            let optional = self.sign("?");
            elements.push((optional, self.expression()?));
        }
        let below = elements.iter().map(|(_, element)| element.depth).max().unwrap_or(0);
        self.node(start, below, Kind::List(elements))
    }

    fn map(&mut self, start: usize) -> Parsed {
        let mut entries: Vec<(bool, Expr, Expr)> = Vec::new();
        self.lone_comma("}");
        while !self.sign("}") {
            if !entries.is_empty() {
                self.expect(",")?;
                if self.sign("}") {
                    break;
                }
            }
            let optional = self.sign("?");
            let key = self.expression()?;
            self.expect(":")?;
            entries.push((optional, key, self.expression()?));
        }
        let below = entries.iter().map(|(_, key, value)| key.depth.max(value.depth)).max().unwrap_or(0);
        self.node(start, below, Kind::Map(entries))
    }
}

fn deepest(arguments: &[Expr]) -> usize {
    arguments.iter().map(|argument| argument.depth).max().unwrap_or(0)
}
