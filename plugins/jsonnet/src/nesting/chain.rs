//! How many calls, indexes and fields follow each other: `a.b(c)[d].e`.
//!
//! Each stands around what is before it, so what is in a bracket nests in
//! everything that follows the bracket. That is why tokens are read from the
//! last to the first.

use rsjsonnet_lang::token::{STokenKind as T, Token, TokenKind};

/// What may follow, over all that is open. A third of what the stack holds.
pub(crate) const MAX_LENGTH: usize = 1000;

/// The token before which more than [`MAX_LENGTH`] follow.
pub(super) fn too_long<'t, 'p, 'ast>(tokens: &'t [Token<'p, 'ast>]) -> Option<&'t Token<'p, 'ast>> {
    // What has followed so far, in the file and in each bracket that is open.
    let mut open = vec![0];
    let mut total = 0;
    for (index, token) in tokens.iter().enumerate().rev() {
        let TokenKind::Simple(kind) = token.kind else { continue };
        let mut longer = false;
        match kind {
            T::RightBrace | T::RightParen | T::RightBracket => open.push(0),
            T::LeftBrace | T::LeftParen | T::LeftBracket => {
                if open.len() > 1 {
                    total -= open.pop().unwrap_or_default();
                }
                // What follows nothing begins something.
                longer = index.checked_sub(1).is_some_and(|before| is_operand(tokens[before].kind));
            }
            T::Dot => longer = true,
            T::In
                if matches!(
                    tokens.get(index + 1).map(|token| token.kind),
                    Some(TokenKind::Simple(T::Super))
                ) =>
            {
                longer = true;
            }
            kind if is_operand(TokenKind::Simple(kind)) => {}
            _ => {
                if let Some(length) = open.last_mut() {
                    total -= std::mem::take(length);
                }
            }
        }
        if longer && let Some(length) = open.last_mut() {
            *length += 1;
            total += 1;
        }
        if total > MAX_LENGTH {
            return Some(token);
        }
    }
    None
}

/// Whether something may end with it.
fn is_operand(kind: TokenKind<'_, '_>) -> bool {
    match kind {
        TokenKind::Ident(_) | TokenKind::Number(_) | TokenKind::String(_) | TokenKind::TextBlock(_) => true,
        TokenKind::Simple(kind) => matches!(
            kind,
            T::RightBrace
                | T::RightParen
                | T::RightBracket
                | T::Self_
                | T::Super
                | T::Dollar
                | T::Null
                | T::True
                | T::False
                | T::Tailstrict
        ),
        _ => false,
    }
}
