//! How long the expressions of a text are, before anything parses it: a chain
//! of operators becomes a tree as deep, and what walks a tree has a stack.

/// How many operators, selections and brackets one expression may have.
pub(super) const MAX_OPERATORS: usize = 500;

/// The byte at which an expression has too many.
pub(super) fn too_long(text: &str) -> Option<usize> {
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
                if count > MAX_OPERATORS || open.len() > MAX_OPERATORS {
                    return Some(at);
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
                        return Some(at);
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
fn end_of_text(bytes: &[u8], start: usize) -> usize {
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

fn end_of_raw(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start + 1..).unwrap_or_default();
    rest.iter().position(|&byte| byte == b'`').map_or(bytes.len(), |length| start + 1 + length)
}

/// The byte before the end of the line.
fn end_of_line(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    rest.iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |length| start + length - 1)
}
