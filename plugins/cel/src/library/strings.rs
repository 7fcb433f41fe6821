//! Texts: CEL's own functions and the extension's. Positions are characters.

use super::{Function, Outcome, Overload, Sig, global, member, no_such_overload, text};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::{Text, Value};

const S: Sig = Sig::String;
const BOOL: &[Overload] = &[Overload(&[S, S], Sig::Bool)];
const SAME: &[Overload] = &[Overload(&[S], S)];
const INDEX: &[Overload] = &[Overload(&[S, S], Sig::Int), Overload(&[S, S, Sig::Int], Sig::Int)];

pub(super) const FUNCTIONS: &[Function] = &[
    member("contains", BOOL, |meter, arguments| test(meter, arguments, |text, part| text.contains(part))),
    member("startsWith", BOOL, |meter, arguments| {
        test(meter, arguments, |text, part| text.starts_with(part))
    }),
    member("endsWith", BOOL, |meter, arguments| test(meter, arguments, |text, part| text.ends_with(part))),
    member("lowerAscii", SAME, |meter, arguments| change(meter, arguments, str::to_ascii_lowercase)),
    member("upperAscii", SAME, |meter, arguments| change(meter, arguments, str::to_ascii_uppercase)),
    member("trim", SAME, |meter, arguments| change(meter, arguments, |text| text.trim().to_owned())),
    member("reverse", SAME, |meter, arguments| change(meter, arguments, |text| text.chars().rev().collect())),
    global("strings.quote", SAME, |meter, arguments| change(meter, arguments, quote)),
    member("charAt", &[Overload(&[S, Sig::Int], S)], char_at),
    member("indexOf", INDEX, index_of),
    member("lastIndexOf", INDEX, last_index_of),
    member("replace", &[Overload(&[S, S, S], S), Overload(&[S, S, S, Sig::Int], S)], replace),
    member("split", &[Overload(&[S, S], Sig::List(&S)), Overload(&[S, S, Sig::Int], Sig::List(&S))], split),
    member("substring", &[Overload(&[S, Sig::Int], S), Overload(&[S, Sig::Int, Sig::Int], S)], substring),
    member("join", &[Overload(&[Sig::List(&S)], S), Overload(&[Sig::List(&S), S], S)], join),
];

fn test<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>], holds: fn(&str, &str) -> bool) -> Outcome<'a> {
    let [Value::String(text), Value::String(part)] = arguments else { return no_such_overload() };
    meter.read(text)?;
    Ok(Value::Bool(holds(text, part)))
}

fn change<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>], changed: fn(&str) -> String) -> Outcome<'a> {
    let [Value::String(subject)] = arguments else { return no_such_overload() };
    meter.read(subject)?;
    text(changed(subject))
}

/// A text with quotes around it and escapes in it.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        let escape = match letter {
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\u{c}' => 'f',
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            '\u{b}' => 'v',
            '\\' | '"' => letter,
            _ => {
                out.push(letter);
                continue;
            }
        };
        out.extend(['\\', escape]);
    }
    out.push('"');
    out
}

fn out_of_range(index: i64) -> Failure {
    Failure::showing(format!("index out of range: {index}"), "an index is out of range")
}

/// Where the character `index` of a text starts; its end is one past the last.
fn place(text: &str, index: i64) -> Result<usize, Failure> {
    let wanted = usize::try_from(index).map_err(|_| out_of_range(index))?;
    let mut places = text.char_indices().map(|(place, _)| place).chain([text.len()]);
    places.nth(wanted).ok_or_else(|| out_of_range(index))
}

fn char_at<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(subject), Value::Int(index)] = arguments else { return no_such_overload() };
    meter.read(subject)?;
    let rest = &subject[place(subject, *index)?..];
    text(rest.chars().next().map(String::from).unwrap_or_default())
}

/// Where a text is found, in characters.
fn position(subject: &str, found: Option<usize>) -> Value<'static> {
    found.map_or(Value::Int(-1), |place| Value::index(subject[..place].chars().count()))
}

fn index_of<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (subject, part, from) = search(meter, arguments)?;
    let length = subject.chars().count();
    let from = from.unwrap_or(0);
    if part.is_empty() {
        return Ok(Value::index(from.min(length)));
    }
    if from >= length {
        return Ok(Value::Int(-1));
    }
    let start = subject.char_indices().nth(from).map_or(subject.len(), |(place, _)| place);
    Ok(position(subject, subject[start..].find(&**part).map(|place| start + place)))
}

fn last_index_of<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (subject, part, from) = search(meter, arguments)?;
    let length = subject.chars().count();
    let Some(from) = from else {
        let found = if part.is_empty() { Some(subject.len()) } else { subject.rfind(&**part) };
        return Ok(position(subject, found));
    };
    if part.is_empty() {
        return Ok(Value::index(from.min(length)));
    }
    if from >= length {
        return Ok(Value::Int(-1));
    }
    let start = subject.char_indices().nth(from).map_or(subject.len(), |(place, _)| place);
    let end = start.saturating_add(part.len()).min(subject.len());
    // What ends after `end` starts after `start`.
    let end = (end..=subject.len()).find(|end| subject.is_char_boundary(*end)).unwrap_or(subject.len());
    let found = subject[..end].rmatch_indices(&**part).map(|(place, _)| place).find(|place| *place <= start);
    Ok(position(subject, found))
}

/// The arguments of a search, with the character that it starts at.
fn search<'v, 'a>(
    meter: &mut Meter<'_>,
    arguments: &'v [Value<'a>],
) -> Result<(&'v Text<'a>, &'v Text<'a>, Option<usize>), Failure> {
    let (subject, part, from) = match arguments {
        [Value::String(subject), Value::String(part)] => (subject, part, None),
        [Value::String(subject), Value::String(part), Value::Int(from)] => (subject, part, Some(*from)),
        _ => return Err(Failure::no_such_overload()),
    };
    meter.read(subject)?;
    let from = from.map(|from| usize::try_from(from).map_err(|_| out_of_range(from))).transpose()?;
    Ok((subject, part, from))
}

fn replace<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (subject, old, new, most) = match arguments {
        [Value::String(subject), Value::String(old), Value::String(new)] => (subject, old, new, usize::MAX),
        [Value::String(subject), Value::String(old), Value::String(new), Value::Int(most)] => {
            (subject, old, new, usize::try_from(*most).unwrap_or(usize::MAX))
        }
        _ => return no_such_overload(),
    };
    let places = if old.is_empty() { subject.len() + 1 } else { subject.len() / old.len() };
    meter.spend((subject.len() + places.saturating_mul(new.len())) / 10)?;
    text(subject.replacen(&**old, new, most))
}

fn split<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (subject, separator, most) = match arguments {
        [Value::String(subject), Value::String(separator)] => (subject, separator, -1),
        [Value::String(subject), Value::String(separator), Value::Int(most)] => (subject, separator, *most),
        _ => return no_such_overload(),
    };
    meter.read(subject)?;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    if most == 0 {
        return Ok(Value::list(Vec::new()));
    }
    let parts: Vec<Value<'a>> = if separator.is_empty() {
        letters(subject, most)
    } else {
        subject.splitn(most, &**separator).map(Value::text).collect()
    };
    meter.spend(parts.len())?;
    Ok(Value::list(parts))
}

/// The characters of a text, the last of `most` with all that follows.
fn letters<'a>(subject: &str, most: usize) -> Vec<Value<'a>> {
    let mut parts = Vec::new();
    let mut rest = subject;
    while let Some(letter) = rest.chars().next() {
        if parts.len() + 1 == most {
            parts.push(Value::text(rest));
            break;
        }
        let (first, after) = rest.split_at(letter.len_utf8());
        parts.push(Value::text(first));
        rest = after;
    }
    parts
}

fn substring<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::String(subject), Value::Int(start)] => {
            meter.read(subject)?;
            text(&subject[place(subject, *start)?..])
        }
        [Value::String(subject), Value::Int(start), Value::Int(end)] => {
            meter.read(subject)?;
            if start > end {
                let message = format!("invalid substring range. start: {start}, end: {end}");
                return Err(Failure::showing(message, "the start is after the end"));
            }
            let (start, end) = (place(subject, *start)?, place(subject, *end)?);
            text(&subject[start..end])
        }
        _ => no_such_overload(),
    }
}

fn join<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (list, separator) = match arguments {
        [Value::List(list)] => (list, ""),
        [Value::List(list), Value::String(separator)] => (list, &**separator),
        _ => return no_such_overload(),
    };
    let mut out = String::new();
    for (index, element) in list.iter().enumerate() {
        let Value::String(part) = element else { return no_such_overload() };
        meter.spend(1 + (part.len() + separator.len()) / 10)?;
        if index > 0 {
            out.push_str(separator);
        }
        out.push_str(&part);
    }
    text(out)
}
