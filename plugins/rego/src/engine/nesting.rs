//! How long and how deep the expressions of a text are, before anything parses
//! it. A chain of operators becomes a tree as deep, and what walks a tree has a
//! stack; and each bracket inside of another doubles what the parser does.

/// How many operators, selections and brackets one expression may have.
const MAX_OPERATORS: usize = 500;
/// How deep brackets may stand in each other.
const MAX_DEPTH: usize = 16;

/// Where a limit is passed, by its byte, and what the limit is.
pub(super) fn problem(text: &str) -> Option<(usize, String)> {
    let too_many = || {
        format!("an expression has more than the {MAX_OPERATORS} operators and brackets that one may have")
    };
    let bytes = text.as_bytes();
    // For each open bracket, and for the text itself: which, and how many operators so far.
    let mut open: Vec<(u8, usize)> = vec![(b'{', 0)];
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = end_of_text(bytes, at),
            b'`' => at = end_of_raw(bytes, at),
            b'#' => at = end_of_line(bytes, at),
            b'(' | b'[' | b'{' => {
                let count = open.last_mut().map_or(0, |(_, count)| {
                    *count += 1;
                    *count
                });
                if count > MAX_OPERATORS {
                    return Some((at, too_many()));
                }
                if open.len() > MAX_DEPTH {
                    let message = format!(
                        "brackets stand deeper in each other than the {MAX_DEPTH} levels that may be"
                    );
                    return Some((at, message));
                }
                open.push((byte, 0));
            }
            b')' | b']' | b'}' if open.len() > 1 => drop(open.pop()),
            // A line ends a statement only where statements stand.
            b'\n' => {
                if let Some((b'{', count)) = open.last_mut() {
                    *count = 0;
                }
            }
            b';' | b',' => {
                if let Some((_, count)) = open.last_mut() {
                    *count = 0;
                }
            }
            b'.' | b'+' | b'-' | b'*' | b'/' | b'%' | b'|' | b'&' | b'<' | b'>' | b'=' | b'!' => {
                if let Some((_, count)) = open.last_mut() {
                    *count += 1;
                    if *count > MAX_OPERATORS {
                        return Some((at, too_many()));
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The byte of the closing quote.
pub(super) fn end_of_text(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'"' | b'\n' => return at,
            _ => {}
        }
        at += 1;
    }
    at
}

pub(super) fn end_of_raw(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start + 1..).unwrap_or_default();
    rest.iter().position(|&byte| byte == b'`').map_or(bytes.len(), |length| start + 1 + length)
}

/// The byte before the end of the line.
pub(super) fn end_of_line(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    rest.iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |length| start + length - 1)
}
