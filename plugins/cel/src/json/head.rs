//! What stands at the head of an object, without reading the rest of it.

/// `apiVersion` and `kind` of an object. Nothing where they are no plain texts:
/// then the object is read whole.
pub(crate) fn head(json: &[u8]) -> Option<(&str, &str)> {
    let (mut api_version, mut kind) = (None, None);
    let mut at = skip_space(json, 0);
    if json.get(at) != Some(&b'{') {
        return None;
    }
    at += 1;
    while api_version.is_none() || kind.is_none() {
        let (key, after) = text(json, skip_space(json, at))?;
        let colon = skip_space(json, after);
        if json.get(colon) != Some(&b':') {
            return None;
        }
        let value = skip_space(json, colon + 1);
        let end = skip(json, value)?;
        match key {
            "apiVersion" => api_version = Some(text(json, value)?.0),
            "kind" => kind = Some(text(json, value)?.0),
            _ => {}
        }
        let next = skip_space(json, end);
        if json.get(next) != Some(&b',') {
            break;
        }
        at = next + 1;
    }
    Some((api_version?, kind?))
}

fn skip_space(json: &[u8], mut at: usize) -> usize {
    while matches!(json.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// A text without escapes, and where it ends.
fn text(json: &[u8], at: usize) -> Option<(&str, usize)> {
    if json.get(at) != Some(&b'"') {
        return None;
    }
    let rest = &json[at + 1..];
    let length = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    (rest[length] == b'"').then_some(())?;
    Some((std::str::from_utf8(&rest[..length]).ok()?, at + length + 2))
}

/// Where a value ends.
fn skip(json: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    loop {
        match json.get(at)? {
            b'"' => {
                at += 1;
                while *json.get(at)? != b'"' {
                    at += if json[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' | b',' if depth == 0 => return Some(at),
            b'}' | b']' => {
                depth -= 1;
                at += 1;
            }
            _ => at += 1,
        }
        if depth == 0 && matches!(json.get(at)?, b',' | b'}' | b']') {
            return Some(at);
        }
    }
}
