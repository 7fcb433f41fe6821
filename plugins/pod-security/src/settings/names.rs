//! The names that Kubernetes gives to what may be exempt.

/// A label of DNS, as the name of a Namespace is.
pub(super) fn label(name: &str) -> Result<(), &'static str> {
    const EXPECTED: &str =
        "must be the name of a Namespace: up to 63 lower case letters, digits and `-`, no `-` at its ends";
    if is_label(name) && name.len() <= 63 { Ok(()) } else { Err(EXPECTED) }
}

/// Labels of DNS with dots between them, as the name of a `RuntimeClass` is.
pub(super) fn subdomain(name: &str) -> Result<(), &'static str> {
    const EXPECTED: &str = "must be the name of a RuntimeClass: up to 253 lower case letters, digits, `-` and `.`, \
                            a letter or a digit at the ends and beside every `.`";
    if name.split('.').all(is_label) && name.len() <= 253 { Ok(()) } else { Err(EXPECTED) }
}

fn is_label(name: &str) -> bool {
    let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    !name.is_empty() && name.bytes().all(fits) && !name.starts_with('-') && !name.ends_with('-')
}
