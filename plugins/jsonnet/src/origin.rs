//! Where the text of an object stands: from its place in the program's value
//! to the literal in a file, as far as the text alone says.
//!
//! A place is followed through fields and items that are written out, through
//! `local`, `+` and imports. Where it comes out of a call, the call is the
//! origin. Never evaluates anything, and reads no file that was not read.

use std::collections::BTreeMap;

use rsjsonnet_lang::arena::Arena;
use rsjsonnet_lang::ast::{BinaryOp, Bind, Expr, ExprKind, Field, FieldName, Member, ObjInside, Param};
use rsjsonnet_lang::interner::StrInterner;
use rsjsonnet_lang::lexer::Lexer;
use rsjsonnet_lang::parser::Parser;
use rsjsonnet_lang::span::SpanManager;
use windlass_plugin_sdk::render::Manifest;

use crate::collect::Found;
use crate::place::{Place, Step};
use crate::sources::Sources;

/// How many names, imports and the like are followed for one object.
const MAX_HOPS: usize = 200;

/// The texts of the program.
pub(crate) struct Origins<'a> {
    arena: &'a Arena,
    interner: StrInterner<'a>,
    spans: SpanManager,
    files: BTreeMap<String, Option<&'a Expr<'a, 'a>>>,
    sources: &'a Sources<'a>,
    hops_left: usize,
}

/// An expression, and what its names mean.
#[derive(Clone)]
struct At<'a> {
    file: String,
    expr: &'a Expr<'a, 'a>,
    scope: Vec<Scope<'a>>,
}

#[derive(Clone, Copy)]
enum Scope<'a> {
    Binds(&'a [Bind<'a, 'a>]),
    Members(&'a [Member<'a, 'a>]),
    Params(&'a [Param<'a, 'a>]),
}

impl<'a> Origins<'a> {
    pub(crate) fn new(arena: &'a Arena, sources: &'a Sources<'a>) -> Self {
        let (interner, spans) = (StrInterner::new(), SpanManager::new());
        Self { arena, interner, spans, files: BTreeMap::new(), sources, hops_left: 0 }
    }

    /// The object of the program in `main`, with where it stands.
    pub(crate) fn manifest(&mut self, main: &str, found: Found) -> Manifest {
        let Found { object, place } = found;
        self.hops_left = MAX_HOPS;
        match self.follow(main, &place) {
            Some(at) => {
                let (_, start, end) = self.spans.get_span(at.expr.span);
                Manifest { object, path: Some(at.file), bytes: Some(start..end) }
            }
            None => Manifest { object, path: Some(main.to_owned()), bytes: None },
        }
    }

    /// As far as the text leads.
    fn follow(&mut self, main: &str, place: &Place) -> Option<At<'a>> {
        let mut at = At { file: main.to_owned(), expr: self.file(main)?, scope: Vec::new() };
        at = self.bare(at);
        if let ExprKind::Func(params, body) = at.expr.kind {
            at.scope.push(Scope::Params(params));
            at.expr = body;
        }
        for step in &place.0 {
            at = self.bare(at);
            match self.step(&at, step) {
                Some(next) => at = next,
                None => return Some(at),
            }
        }
        Some(self.bare(at))
    }

    fn hop(&mut self) -> bool {
        self.hops_left = self.hops_left.saturating_sub(1);
        self.hops_left > 0
    }

    /// What an expression comes down to: names and imports followed, and what
    /// stands around it taken off.
    fn bare(&mut self, mut at: At<'a>) -> At<'a> {
        while self.hop() {
            match at.expr.kind {
                ExprKind::Paren(inner) | ExprKind::Assert(_, inner) => at.expr = inner,
                ExprKind::Local(binds, inner) => {
                    at.scope.push(Scope::Binds(binds));
                    at.expr = inner;
                }
                ExprKind::Ident(name) => match definition(&at.scope, name.value.value()) {
                    Some((depth, value)) => {
                        at.scope.truncate(depth);
                        at.expr = value;
                    }
                    None => return at,
                },
                ExprKind::Import(path) => {
                    let ExprKind::String(path) = path.kind else { return at };
                    let Some(file) = self.sources.imported(&at.file, path) else { return at };
                    let Some(expr) = self.file(&file) else { return at };
                    at = At { file, expr, scope: Vec::new() };
                }
                _ => return at,
            }
        }
        at
    }

    /// A part of what is written out.
    fn step(&mut self, at: &At<'a>, step: &Step) -> Option<At<'a>> {
        if !self.hop() {
            return None;
        }
        match (at.expr.kind, step) {
            (ExprKind::Object(ObjInside::Members(members)), Step::Key(key)) => member(at, members, key),
            (ExprKind::ObjExt(base, inside, _), Step::Key(key)) => {
                let own = match inside {
                    ObjInside::Members(members) => member(at, members, key),
                    ObjInside::Comp { .. } => None,
                };
                own.or_else(|| self.step_into(at, base, step))
            }
            (ExprKind::Binary(left, BinaryOp::Add, right), Step::Key(_)) => {
                self.step_into(at, right, step).or_else(|| self.step_into(at, left, step))
            }
            (ExprKind::Array(items), Step::Index(index)) => {
                Some(At { expr: items.get(*index)?, ..at.clone() })
            }
            _ => None,
        }
    }

    fn step_into(&mut self, at: &At<'a>, expr: &'a Expr<'a, 'a>, step: &Step) -> Option<At<'a>> {
        let operand = self.bare(At { expr, ..at.clone() });
        self.step(&operand, step)
    }

    /// The expression that a file is. It was read without an error before.
    fn file(&mut self, path: &str) -> Option<&'a Expr<'a, 'a>> {
        if let Some(known) = self.files.get(path) {
            return *known;
        }
        let parsed = self.parse(path);
        self.files.insert(path.to_owned(), parsed);
        parsed
    }

    fn parse(&mut self, path: &str) -> Option<&'a Expr<'a, 'a>> {
        let content = self.sources.known(path)?;
        // It may have been read as text or bytes, and by no parser.
        crate::nesting::check(&content).ok()?;
        let arena = self.arena;
        let (source, _) = self.spans.insert_source_context(content.len());
        let lexer = Lexer::new(arena, arena, &self.interner, &mut self.spans, source, &content);
        let tokens = lexer.lex_to_eof(false).ok()?;
        let parser = Parser::new(arena, arena, &self.interner, &mut self.spans, tokens);
        Some(arena.alloc(parser.parse_root_expr().ok()?))
    }
}

/// The value of the field `key`, if it is written out.
fn member<'a>(at: &At<'a>, members: &'a [Member<'a, 'a>], key: &str) -> Option<At<'a>> {
    let expr = members.iter().find_map(|member| match member {
        Member::Field(Field::Value(name, _, _, value)) if is_named(name, key) => Some(value),
        _ => None,
    })?;
    let mut scope = at.scope.clone();
    scope.push(Scope::Members(members));
    Some(At { file: at.file.clone(), expr, scope })
}

fn is_named(name: &FieldName<'_, '_>, key: &str) -> bool {
    match name {
        FieldName::Ident(name) => name.value.value() == key,
        FieldName::String(name, _) => name.value() == key,
        FieldName::Expr(name, _) => matches!(name.kind, ExprKind::String(name) if name == key),
    }
}

/// What the variable `name` stands for, and how much of the scope that sees;
/// nothing for a parameter or a function.
fn definition<'a>(scope: &[Scope<'a>], name: &str) -> Option<(usize, &'a Expr<'a, 'a>)> {
    for (index, frame) in scope.iter().enumerate().rev() {
        let bind = match frame {
            Scope::Binds(binds) => binds.iter().find(|bind| bind.name.value.value() == name),
            Scope::Members(members) => members.iter().find_map(|member| match member {
                Member::Local(local) if local.bind.name.value.value() == name => Some(&local.bind),
                _ => None,
            }),
            Scope::Params(params) => {
                if params.iter().any(|param| param.name.value.value() == name) {
                    return None;
                }
                None
            }
        };
        if let Some(bind) = bind {
            return bind.params.is_none().then_some((index + 1, &bind.value));
        }
    }
    None
}
