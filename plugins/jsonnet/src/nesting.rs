//! How deep a file nests.
//!
//! The parser calls itself for what stands inside of something else, and so does
//! what reads its result. Their stack is the sandbox's: a file that nests deeper than that is refused
//! before. What nests at run time has no part in it.

mod chain;

use std::fmt;
use std::ops::Range;

use rsjsonnet_lang::arena::Arena;
use rsjsonnet_lang::interner::StrInterner;
use rsjsonnet_lang::lexer::Lexer;
use rsjsonnet_lang::span::SpanManager;
use rsjsonnet_lang::token::{STokenKind, TokenKind};

/// A bracket weighs [`BRACKET`], a word such as `local` or `if` one: that is
/// what they take of the stack, of which this is some two thirds.
pub(crate) const MAX_WEIGHT: usize = 600;
const BRACKET: usize = 2;

/// What there can be too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Excess {
    Nesting,
    Chain,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nesting => write!(
                f,
                "nests too deep to be read: brackets in {} levels are the most, or `local`, `if` and the like in {MAX_WEIGHT}",
                MAX_WEIGHT / BRACKET
            ),
            Self::Chain => {
                write!(f, "more than {} calls, indexes and fields follow each other", chain::MAX_LENGTH)
            }
        }
    }
}

/// What is open.
struct Open {
    kind: Kind,
    /// Of what began here and has not ended.
    weight: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The file.
    Root,
    /// `{`, whose members may begin with `local` and `assert`.
    Brace,
    /// `(` or `[`.
    Bracket,
    /// `local` or `assert` up to its `;`.
    Statement,
}

impl Kind {
    fn weight(self) -> usize {
        match self {
            Self::Root => 0,
            Self::Brace | Self::Bracket => BRACKET,
            Self::Statement => 1,
        }
    }
}

/// Whether the parser can take `content`.
///
/// # Errors
/// What there is too much of, and the bytes where.
pub(crate) fn check(content: &[u8]) -> Result<(), (Excess, Range<usize>)> {
    let (arena, tree, interner) = (Arena::new(), Arena::new(), StrInterner::new());
    let mut spans = SpanManager::new();
    let (source, _) = spans.insert_source_context(content.len());
    // What is no token is the parser's to tell.
    let lexer = Lexer::new(&arena, &tree, &interner, &mut spans, source, content);
    let Ok(tokens) = lexer.lex_to_eof(false) else { return Ok(()) };
    if let Some(token) = chain::too_long(&tokens) {
        let (_, start, end) = spans.get_span(token.span);
        return Err((Excess::Chain, start..end));
    }
    let mut nesting = Nesting { open: vec![Open { kind: Kind::Root, weight: 0 }], total: 0 };
    let mut before = None;
    for token in tokens {
        let TokenKind::Simple(kind) = token.kind else {
            before = None;
            continue;
        };
        nesting.take(kind, before);
        before = Some(kind);
        if nesting.total > MAX_WEIGHT {
            let (_, start, end) = spans.get_span(token.span);
            return Err((Excess::Nesting, start..end));
        }
    }
    Ok(())
}

struct Nesting {
    open: Vec<Open>,
    /// The weight of all that is open.
    total: usize,
}

impl Nesting {
    fn take(&mut self, token: STokenKind, before: Option<STokenKind>) {
        use STokenKind as T;
        match token {
            T::LeftBrace => self.begin(Kind::Brace),
            T::LeftParen | T::LeftBracket => self.begin(Kind::Bracket),
            T::RightBrace | T::RightParen | T::RightBracket => {
                while self.top() == Kind::Statement {
                    self.end();
                }
                self.end();
            }
            T::Local | T::Assert if !self.is_member(before) => self.begin(Kind::Statement),
            T::Semicolon if self.top() == Kind::Statement => {
                self.end();
                // What follows is inside of it.
                self.add(1);
            }
            T::Comma => self.restart(),
            T::If
            | T::Function
            | T::Error
            | T::Import
            | T::Importstr
            | T::Importbin
            | T::Local
            | T::Assert => self.add(1),
            _ => {}
        }
    }

    /// Whether a member of an object begins here, which ends with a comma.
    fn is_member(&self, before: Option<STokenKind>) -> bool {
        self.top() == Kind::Brace && matches!(before, Some(STokenKind::LeftBrace | STokenKind::Comma))
    }

    fn top(&self) -> Kind {
        self.open.last().map_or(Kind::Root, |open| open.kind)
    }

    fn begin(&mut self, kind: Kind) {
        self.open.push(Open { kind, weight: 0 });
        self.add(kind.weight());
    }

    fn add(&mut self, weight: usize) {
        if let Some(open) = self.open.last_mut() {
            open.weight += weight;
            self.total += weight;
        }
    }

    /// A part ends; the file itself never does.
    fn end(&mut self) {
        if self.open.len() > 1
            && let Some(open) = self.open.pop()
        {
            self.total -= open.weight;
        }
    }

    /// The next item of what is open.
    fn restart(&mut self) {
        if let Some(open) = self.open.last_mut() {
            let own = open.kind.weight();
            self.total -= open.weight.saturating_sub(own);
            open.weight = own;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(begin: &str, end: &str, times: usize) -> bool {
        let text = format!("{}1{}", begin.repeat(times), end.repeat(times));
        check(text.as_bytes()).is_ok()
    }

    #[test]
    fn what_nests_is_counted_whatever_it_is_made_of() {
        for (begin, end) in [
            ("if true then ", ""),
            ("if 1 then 2 else ", ""),
            ("if ", " then 1"),
            ("local x = 1; ", ""),
            ("local x = 1, y = 2; ", ""),
            ("local x = ", "; 1"),
            ("assert true; ", ""),
            ("assert ", "; 1"),
            ("function() ", ""),
            ("error ", ""),
            ("{a: ", "}"),
            ("{local x = ", "}"),
            ("{assert ", "}"),
            ("{a: 1, assert true, b: ", "}"),
            ("f(", ")"),
            ("[x for x in ", "]"),
        ] {
            assert!(accepts(begin, end, 100), "{begin}");
            assert!(!accepts(begin, end, MAX_WEIGHT + 1), "{begin}");
        }
    }

    #[test]
    fn what_follows_each_other_is_counted_whatever_it_is_made_of() {
        for (begin, end) in [
            ("", ".a"),
            ("", "(1)"),
            ("", "[1]"),
            ("", "{}"),
            ("", " in super"),
            ("", "(1) tailstrict.b"),
            ("(", ").a.b.c.d"),
            ("f(", ").a.b.c.d"),
            ("[", "][0][0][0][0]"),
        ] {
            let text = |times: usize| format!("a{}1{}", begin.repeat(times), end.repeat(times));
            let text = |times: usize| text(times).replacen('1', "x", usize::from(begin.is_empty()));
            assert_eq!(check(text(100).as_bytes()), Ok(()), "{end}");
            let many = if begin.is_empty() { 1001 } else { 280 };
            let found = check(text(many).as_bytes()).map_err(|(excess, _)| excess);
            assert_eq!(found, Err(Excess::Chain), "{end}");
        }
    }

    #[test]
    fn what_stands_beside_each_other_is_no_nesting() {
        for text in [
            "[if a then b else c, function(x) x, {a: 1}, (local x = 1; x)],",
            "{local x = if a then b, assert x : 'y', f(x):: error 'z', a: import 'b'},",
            "local x = import 'y', z = if a then b; ",
            "a.b.c(d)[e] + f(g.h.i(j).k) { l: m.n.o } + p in super && q.r,",
        ] {
            let text =
                if text.starts_with("local") { text.repeat(500) } else { format!("[{}]", text.repeat(5000)) };
            assert_eq!(check(text.as_bytes()), Ok(()));
        }
    }
}
