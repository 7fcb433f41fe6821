//! Text to tokens.

use std::ops::Range;

use super::{Literal, Problem, literal};

/// A piece of the text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Literal(Literal),
    /// A name, or a word that is reserved.
    Name(String),
    /// An operator or a bracket.
    Sign(&'static str),
    End,
}

/// The signs, longer ones first.
const SIGNS: [&str; 25] = [
    "&&", "||", "==", "!=", "<=", ">=", "[", "]", "{", "}", "(", ")", ".", ",", "-", "!", "?", ":", "+", "*",
    "/", "%", "<", ">", "=",
];

/// Takes a text apart.
pub(super) fn tokens(source: &str) -> Result<Vec<(Token, Range<usize>)>, Problem> {
    let bytes = source.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | 0x0c => at += 1,
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += source[at..].find('\n').unwrap_or(source.len() - at);
            }
            _ => {
                let (token, end) = token(source, at)?;
                found.push((token, at..end));
                at = end;
            }
        }
    }
    found.push((Token::End, source.len()..source.len()));
    Ok(found)
}

fn token(source: &str, at: usize) -> Result<(Token, usize), Problem> {
    let rest = &source.as_bytes()[at..];
    if let Some((literal, length)) = literal::quoted(&source[at..], at)? {
        return Ok((Token::Literal(literal), at + length));
    }
    let starts_number =
        rest[0].is_ascii_digit() || (rest[0] == b'.' && rest.get(1).is_some_and(u8::is_ascii_digit));
    if starts_number {
        let (literal, length) = literal::number(&source[at..], at)?;
        return Ok((Token::Literal(literal), at + length));
    }
    let word = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    if word > 0 {
        let token = match &source[at..at + word] {
            "true" => Token::Literal(Literal::Bool(true)),
            "false" => Token::Literal(Literal::Bool(false)),
            "null" => Token::Literal(Literal::Null),
            "in" => Token::Sign("in"),
            name => Token::Name(name.to_owned()),
        };
        return Ok((token, at + word));
    }
    let sign = SIGNS.iter().find(|sign| source[at..].starts_with(**sign) && **sign != "=");
    if let Some(sign) = sign {
        return Ok((Token::Sign(sign), at + sign.len()));
    }
    let letter = source[at..].chars().next().unwrap_or_default();
    Err(Problem::new(at..at + letter.len_utf8(), format!("`{letter}` means nothing here")))
}
