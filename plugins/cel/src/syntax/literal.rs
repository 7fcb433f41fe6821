//! Numbers and texts as they are written.

use super::{Literal, Problem};

/// A number at the start of `text`, and how long it is.
pub(super) fn number(text: &str, place: usize) -> Result<(Literal, usize), Problem> {
    let bytes = text.as_bytes();
    let digits = |from: usize, hex: bool| {
        let fits = |byte: &&u8| if hex { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() };
        bytes[from..].iter().take_while(fits).count()
    };
    let too_large = |length: usize| Problem::new(place..place + length, "the number is too large");
    if bytes[0] == b'0' && matches!(bytes.get(1), Some(b'x' | b'X')) {
        let end = 2 + digits(2, true);
        let value = u64::from_str_radix(&text[2..end], 16).map_err(|_| too_large(end))?;
        return whole(bytes, value, end).ok_or_else(|| too_large(end));
    }
    let mut end = digits(0, false);
    let mut fraction = false;
    if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        fraction = true;
        end += 1 + digits(end + 1, false);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign, false);
        if exponent > 0 {
            fraction = true;
            end += 1 + sign + exponent;
        }
    }
    if fraction {
        let value = text[..end].parse().map_err(|_| too_large(end))?;
        return Ok((Literal::Double(value), end));
    }
    let value = text[..end].parse().map_err(|_| too_large(end))?;
    whole(bytes, value, end).ok_or_else(|| too_large(end))
}

/// A whole number. One more than the largest is the smallest without its sign,
/// which the parser looks for.
fn whole(bytes: &[u8], value: u64, end: usize) -> Option<(Literal, usize)> {
    if matches!(bytes.get(end), Some(b'u' | b'U')) {
        return Some((Literal::Uint(value), end + 1));
    }
    match i64::try_from(value) {
        Ok(value) => Some((Literal::Int(value), end)),
        Err(_) if value == 1 << 63 => Some((Literal::Int(i64::MIN), end)),
        Err(_) => None,
    }
}

/// A text or bytes at the start of `text`, where there are some, and how long
/// that is.
pub(super) fn quoted(text: &str, place: usize) -> Result<Option<(Literal, usize)>, Problem> {
    let prefix = text.bytes().take(2).take_while(|byte| matches!(byte, b'r' | b'R' | b'b' | b'B')).count();
    let rest = &text[prefix..];
    let Some(quote) = rest.chars().next().filter(|letter| matches!(letter, '"' | '\'')) else {
        return Ok(None);
    };
    let marks = text[..prefix].to_ascii_lowercase();
    if marks == "rr" || marks == "bb" {
        return Ok(None);
    }
    let (raw, bytes) = (marks.contains('r'), marks.contains('b'));
    let triple = quote.to_string().repeat(3);
    let long = rest.starts_with(&triple);
    let open = if long { 3 } else { 1 };
    let mut content = Vec::new();
    let mut at = open;
    loop {
        let here = &rest[at..];
        let start = place + prefix + at;
        if here.is_empty() || (!long && here.starts_with(['\n', '\r'])) {
            return Err(Problem::new(place..start, "the text has no end"));
        }
        if if long { here.starts_with(&triple) } else { here.starts_with(quote) } {
            at += open;
            break;
        }
        let Some(letter) = here.chars().next() else { continue };
        if letter == '\\' && !raw {
            at += escape(here, bytes, &mut content)
                .ok_or_else(|| Problem::new(start..start + 1, "there is no such escape"))?;
        } else {
            content.extend(letter.encode_utf8(&mut [0; 4]).bytes());
            at += letter.len_utf8();
        }
    }
    let length = prefix + at;
    if bytes {
        return Ok(Some((Literal::Bytes(content), length)));
    }
    match String::from_utf8(content) {
        Ok(content) => Ok(Some((Literal::String(content), length))),
        Err(_) => Err(Problem::new(place..place + length, "the text is not valid Unicode")),
    }
}

/// One escape, and how long it is. In bytes, a number is a byte.
fn escape(text: &str, bytes: bool, content: &mut Vec<u8>) -> Option<usize> {
    let letter = text[1..].chars().next()?;
    let plain = match letter {
        'a' => Some(0x07),
        'b' => Some(0x08),
        'f' => Some(0x0c),
        'n' => Some(b'\n'),
        'r' => Some(b'\r'),
        't' => Some(b'\t'),
        'v' => Some(0x0b),
        '\\' | '\'' | '"' | '`' | '?' => u8::try_from(letter).ok(),
        _ => None,
    };
    if let Some(byte) = plain {
        content.push(byte);
        return Some(2);
    }
    let (from, digits, radix) = match letter {
        'x' | 'X' => (2, 2, 16),
        'u' if !bytes => (2, 4, 16),
        'U' if !bytes => (2, 8, 16),
        '0'..='3' => (1, 3, 8),
        _ => return None,
    };
    let number = u32::from_str_radix(text.get(from..from + digits)?, radix).ok()?;
    if bytes {
        content.push(u8::try_from(number).ok()?);
    } else {
        content.extend(char::from_u32(number)?.encode_utf8(&mut [0; 4]).bytes());
    }
    Some(from + digits)
}
