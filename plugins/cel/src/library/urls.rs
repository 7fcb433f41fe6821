//! Addresses of the web, as far as expressions take them apart.

use std::fmt::Write as _;

use super::{Function, Opaque, Outcome, Overload, Sig, global, member, no_such_overload, opaque, text};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::{Made, Map, Value};

/// The parts of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Url {
    scheme: String,
    user: String,
    /// With the port.
    host: String,
    path: String,
    query: String,
}

const U: Sig = Sig::Url;
const PART: &[Overload] = &[Overload(&[U], Sig::String)];

pub(super) const FUNCTIONS: &[Function] = &[
    global("url", &[Overload(&[Sig::String], U)], url),
    global("isURL", &[Overload(&[Sig::String], Sig::Bool)], is_url),
    member("getScheme", PART, |_, arguments| part(arguments, |url| url.scheme.clone())),
    member("getHost", PART, |_, arguments| part(arguments, |url| url.host.clone())),
    member("getHostname", PART, |_, arguments| part(arguments, |url| url.split_host().0.to_owned())),
    member("getPort", PART, |_, arguments| part(arguments, |url| url.split_host().1.to_owned())),
    member("getEscapedPath", PART, |_, arguments| part(arguments, |url| escaped(&url.path))),
    member("getQuery", &[Overload(&[U], Sig::Map(&Sig::String, &Sig::List(&Sig::String)))], query),
];

impl Url {
    /// Name and port of the host, the name without its brackets.
    fn split_host(&self) -> (&str, &str) {
        let (name, port) = match self.host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => {
                (name, port)
            }
            _ => (self.host.as_str(), ""),
        };
        (name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name), port)
    }
}

/// Takes an absolute address, or an absolute path.
pub(super) fn parse(text: &str) -> Result<Url, &'static str> {
    if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
        return Err("a control character in URL");
    }
    if text == "*" {
        return Ok(Url { path: "*".to_owned(), ..Url::default() });
    }
    let (scheme, rest) = split_scheme(text)?;
    let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut url = Url { scheme, query: query.to_owned(), ..Url::default() };
    if !rest.starts_with('/') {
        return if url.scheme.is_empty() { Err("invalid URI for request") } else { Ok(url) };
    }
    let path = match rest.strip_prefix("//") {
        Some(rest) if !url.scheme.is_empty() || !rest.starts_with('/') => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
            check_host(host)?;
            user.clone_into(&mut url.user);
            url.host = unescape(host).ok_or("invalid URL escape")?;
            path
        }
        _ => rest,
    };
    unescape(path).ok_or("invalid URL escape")?;
    path.clone_into(&mut url.path);
    Ok(url)
}

fn split_scheme(text: &str) -> Result<(String, &str), &'static str> {
    let length =
        text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)).count();
    let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    match text.as_bytes().get(length) {
        Some(b':') if length == 0 => Err("missing protocol scheme"),
        Some(b':') if starts => Ok((text[..length].to_ascii_lowercase(), &text[length + 1..])),
        _ => Ok((String::new(), text)),
    }
}

fn check_host(host: &str) -> Result<(), &'static str> {
    let rest = if host.starts_with('[') {
        let (_, rest) = host.split_once(']').ok_or("missing ']' in host")?;
        rest
    } else {
        // Of several colons, all but the last make no name.
        host.find(':').map_or("", |colon| &host[colon..])
    };
    let port = rest.strip_prefix(':').unwrap_or(if rest.is_empty() { "" } else { "x" });
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("invalid port after host");
    }
    if host.bytes().any(|byte| b" \"<>\\^`{|}".contains(&byte)) {
        return Err("invalid character in host name");
    }
    Ok(())
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let pair = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// A path with escapes for what may not stand in one.
fn escaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@!'()*[]%".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn url<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(subject)] = arguments else { return no_such_overload() };
    meter.read(subject)?;
    match parse(subject) {
        Ok(url) => opaque(Opaque::Url(url)),
        Err(why) => {
            let message = "URL parse error during conversion from string";
            Err(Failure::showing(format!("{message}: parse {:?}: {why}", &**subject), message))
        }
    }
}

fn is_url<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(subject)] = arguments else { return no_such_overload() };
    meter.read(subject)?;
    Ok(Value::Bool(parse(subject).is_ok()))
}

fn of<'v>(arguments: &'v [Value<'_>]) -> Result<&'v Url, Failure> {
    match arguments {
        [Value::Opaque(value)] => match &**value {
            Opaque::Url(url) => Ok(url),
            _ => Err(Failure::no_such_overload()),
        },
        _ => Err(Failure::no_such_overload()),
    }
}

fn part<'a>(arguments: &[Value<'a>], part: fn(&Url) -> String) -> Outcome<'a> {
    text(part(of(arguments)?))
}

fn query<'a>(meter: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let url = of(arguments)?;
    let mut found: Vec<(String, Vec<Value<'a>>)> = Vec::new();
    for pair in url.query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';')) {
        meter.spend(1 + found.len())?;
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let plain = |text: &str| unescape(&text.replace('+', " "));
        let (Some(name), Some(value)) = (plain(name), plain(value)) else { continue };
        match found.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(Value::text(value)),
            None => found.push((name, vec![Value::text(value)])),
        }
    }
    let mut made = Made::default();
    for (name, values) in found {
        // The names are texts, and each stands once.
        let _ = made.insert(Value::text(name), Value::list(values));
    }
    Ok(Value::Map(Map::Made(std::rc::Rc::new(made))))
}
