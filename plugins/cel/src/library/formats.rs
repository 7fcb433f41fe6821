//! The formats that Kubernetes has names for.

use std::rc::Rc;

use super::{
    Function, Opaque, Outcome, Overload, Sig, calendar, global, member, no_such_overload, opaque, urls,
};
use crate::meter::Meter;
use crate::value::Value;

/// A format: what is wrong with a text, in the order in which it is found.
#[derive(Debug)]
pub(crate) struct Format {
    pub(crate) name: &'static str,
    faults: fn(&str) -> Vec<&'static str>,
}

static FORMATS: [Format; 13] = [
    Format { name: "dns1123Label", faults: |text| label(text, false) },
    Format { name: "dns1123Subdomain", faults: |text| subdomain(text, false) },
    Format { name: "dns1035Label", faults: |text| label_1035(text, false) },
    Format { name: "qualifiedName", faults: qualified_name },
    Format { name: "dns1123LabelPrefix", faults: |text| label(text, true) },
    Format { name: "dns1123SubdomainPrefix", faults: |text| subdomain(text, true) },
    Format { name: "dns1035LabelPrefix", faults: |text| label_1035(text, true) },
    Format { name: "labelValue", faults: label_value },
    Format { name: "uri", faults: |text| fault(urls::parse(text).is_ok(), "is no absolute URI") },
    Format { name: "uuid", faults: |text| fault(is_uuid(text), "does not match the UUID format") },
    Format { name: "byte", faults: |text| fault(is_base64(text), "invalid base64") },
    Format { name: "date", faults: |text| fault(calendar::parse_day(text).is_some(), "invalid date") },
    Format { name: "datetime", faults: |text| fault(is_datetime(text), "invalid datetime") },
];

macro_rules! named {
    ($name:literal, $index:literal) => {
        global($name, &[Overload(&[], Sig::Format)], |_, _| opaque(Opaque::Format(&FORMATS[$index])))
    };
}

pub(super) const FUNCTIONS: &[Function] = &[
    global("format.named", &[Overload(&[Sig::String], Sig::Optional(&Sig::Format))], named),
    member(
        "validate",
        &[Overload(&[Sig::Format, Sig::String], Sig::Optional(&Sig::List(&Sig::String)))],
        validate,
    ),
    named!("format.dns1123Label", 0),
    named!("format.dns1123Subdomain", 1),
    named!("format.dns1035Label", 2),
    named!("format.qualifiedName", 3),
    named!("format.dns1123LabelPrefix", 4),
    named!("format.dns1123SubdomainPrefix", 5),
    named!("format.dns1035LabelPrefix", 6),
    named!("format.labelValue", 7),
    named!("format.uri", 8),
    named!("format.uuid", 9),
    named!("format.byte", 10),
    named!("format.date", 11),
    named!("format.datetime", 12),
];

fn named<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(name)] = arguments else { return no_such_overload() };
    let found = FORMATS.iter().find(|format| format.name == &**name);
    Ok(Value::Optional(found.map(|format| Rc::new(Value::Opaque(Rc::new(Opaque::Format(format)))))))
}

fn validate<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Opaque(format), Value::String(text)] = arguments else { return no_such_overload() };
    let Opaque::Format(format) = **format else { return no_such_overload() };
    meter.spend(text.len())?;
    let faults: Vec<_> = (format.faults)(text).into_iter().map(Value::text).collect();
    Ok(if faults.is_empty() { Value::Optional(None) } else { Value::some(Value::list(faults)) })
}

fn fault(holds: bool, message: &'static str) -> Vec<&'static str> {
    if holds { Vec::new() } else { vec![message] }
}

/// Whether a text starts and ends as it must, with `inner` between.
fn shaped(text: &str, outer: fn(u8) -> bool, inner: fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    let ends =
        bytes.first().is_some_and(|byte| outer(*byte)) && bytes.last().is_some_and(|byte| outer(*byte));
    ends && bytes.iter().all(|byte| inner(*byte))
}

fn lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// Of a prefix, more may follow a `-` at the end. As Kubernetes does it, the
/// character before it is not looked at.
fn completed(text: &str, prefix: bool) -> String {
    if !prefix || text.len() < 2 || !text.ends_with('-') {
        return text.to_owned();
    }
    let start = &text.as_bytes()[..text.len() - 2];
    format!("{}a", String::from_utf8_lossy(start))
}

fn is_label(text: &str) -> bool {
    shaped(text, lower, |byte| lower(byte) || byte == b'-')
}

fn label(text: &str, prefix: bool) -> Vec<&'static str> {
    let text = completed(text, prefix);
    let mut faults = fault(text.len() <= 63, "must be no more than 63 bytes");
    if !is_label(&text) {
        faults.push("has to be lower case letters, digits and `-`, with a letter or a digit at both ends");
    }
    faults
}

fn label_1035(text: &str, prefix: bool) -> Vec<&'static str> {
    let text = completed(text, prefix);
    let mut faults = fault(text.len() <= 63, "must be no more than 63 bytes");
    if !is_label(&text) || !text.starts_with(|letter: char| letter.is_ascii_lowercase()) {
        faults.push("has to be lower case letters, digits and `-`, with a letter first and no `-` last");
    }
    faults
}

fn subdomain(text: &str, prefix: bool) -> Vec<&'static str> {
    let text = completed(text, prefix);
    let mut faults = fault(text.len() <= 253, "must be no more than 253 bytes");
    if !text.split('.').all(is_label) {
        faults
            .push("has to be lower case letters, digits, `-` and `.`, with a letter or a digit at all ends");
    }
    faults
}

fn is_name(text: &str) -> bool {
    shaped(
        text,
        |byte| byte.is_ascii_alphanumeric(),
        |byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte),
    )
}

fn qualified_name(text: &str) -> Vec<&'static str> {
    let mut faults = Vec::new();
    let name = match text.split_once('/') {
        Some((_, name)) if name.contains('/') => {
            return vec!["has to be a name, with at most one `/` after a prefix"];
        }
        Some((prefix, name)) => {
            if prefix.is_empty() {
                faults.push("prefix part must be non-empty");
            } else {
                faults.extend(subdomain(prefix, false));
            }
            name
        }
        None => text,
    };
    if name.is_empty() {
        faults.push("name part must be non-empty");
    } else if name.len() > 63 {
        faults.push("name part must be no more than 63 bytes");
    }
    if !is_name(name) {
        faults.push(
            "name part has to be letters, digits, `-`, `_` and `.`, with a letter or a digit at both ends",
        );
    }
    faults
}

fn label_value(text: &str) -> Vec<&'static str> {
    let mut faults = fault(text.len() <= 63, "must be no more than 63 bytes");
    if !text.is_empty() && !is_name(text) {
        faults.push(
            "has to be letters, digits, `-`, `_` and `.`, with a letter or a digit at both ends, or empty",
        );
    }
    faults
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    parts.iter().all(|part| hex(part)) && (lengths == [8, 4, 4, 4, 12] || lengths == [32])
}

fn is_base64(text: &str) -> bool {
    use base64::Engine as _;
    !text.is_empty() && base64::engine::general_purpose::STANDARD.decode(text).is_ok()
}

fn is_datetime(text: &str) -> bool {
    calendar::parse(&text.to_ascii_uppercase()).is_some()
}
