//! Addresses and ranges of addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Function, Opaque, Outcome, Overload, Sig, global, member, no_such_overload, opaque};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::Value;

/// An address, and how many of its bits make the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cidr {
    address: IpAddr,
    bits: u8,
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

const ASK: &[Overload] = &[Overload(&[Sig::Ip], Sig::Bool)];
const TEXT: &[Overload] = &[Overload(&[Sig::String], Sig::Bool)];

pub(super) const FUNCTIONS: &[Function] = &[
    global("ip", &[Overload(&[Sig::String], Sig::Ip)], ip),
    global("isIP", TEXT, |_, arguments| is(arguments, |text| parse_ip(text).is_ok())),
    global("ip.isCanonical", TEXT, is_canonical),
    member("family", &[Overload(&[Sig::Ip], Sig::Int)], family),
    member("isUnspecified", ASK, |_, arguments| ask(arguments, |address| address.is_unspecified())),
    member("isLoopback", ASK, |_, arguments| ask(arguments, |address| address.is_loopback())),
    member("isLinkLocalMulticast", ASK, |_, arguments| ask(arguments, is_link_local_multicast)),
    member("isLinkLocalUnicast", ASK, |_, arguments| ask(arguments, is_link_local_unicast)),
    member("isGlobalUnicast", ASK, |_, arguments| ask(arguments, is_global_unicast)),
    global("cidr", &[Overload(&[Sig::String], Sig::Cidr)], cidr),
    global("isCIDR", TEXT, |_, arguments| is(arguments, |text| parse_cidr(text).is_ok())),
    member(
        "containsIP",
        &[Overload(&[Sig::Cidr, Sig::String], Sig::Bool), Overload(&[Sig::Cidr, Sig::Ip], Sig::Bool)],
        contains_ip,
    ),
    member(
        "containsCIDR",
        &[Overload(&[Sig::Cidr, Sig::String], Sig::Bool), Overload(&[Sig::Cidr, Sig::Cidr], Sig::Bool)],
        contains_cidr,
    ),
    member("ip", &[Overload(&[Sig::Cidr], Sig::Ip)], cidr_ip),
    member("prefixLength", &[Overload(&[Sig::Cidr], Sig::Int)], prefix_length),
    member("masked", &[Overload(&[Sig::Cidr], Sig::Cidr)], masked),
];

fn parse_ip(text: &str) -> Result<IpAddr, Failure> {
    let refused = |why| Failure::showing(format!("IP Address {text:?} {why}"), "the text is no address");
    let address: IpAddr = text.parse().map_err(|_| refused("parse error during conversion from string"))?;
    match address {
        IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => {
            let message = format!("IPv4-mapped IPv6 address {text:?} is not allowed");
            Err(Failure::showing(message, "the text is no address"))
        }
        address => Ok(address),
    }
}

fn parse_cidr(text: &str) -> Result<Cidr, Failure> {
    let refused = || {
        let message = "network address parse error during conversion from string";
        Failure::showing(format!("{message}: {text:?}"), message)
    };
    let (address, bits) = text.split_once('/').ok_or_else(refused)?;
    let address: IpAddr = address.parse().map_err(|_| refused())?;
    if matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some()) {
        let message = format!(
            "network address parse error during conversion from string: IPv4-mapped IPv6 address {text:?} is not allowed"
        );
        return Err(Failure::showing(message, "the text is no range of addresses"));
    }
    let fits = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
    let plain = bits == "0" || !bits.starts_with('0');
    let bits = bits.parse::<u8>().ok().filter(|bits| fits && plain && *bits <= width(address));
    Ok(Cidr { address, bits: bits.ok_or_else(refused)? })
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The address with only its first bits.
fn mask(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from(u32::from(address) & mask))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from(u128::from(address) & mask))
        }
    }
}

fn is_link_local_multicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => matches!(address.octets(), [224, 0, 0, _]),
        IpAddr::V6(address) => address.is_multicast() && address.segments()[0] & 0xf == 2,
    }
}

fn is_link_local_unicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

fn is_global_unicast(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !(broadcast
        || address.is_unspecified()
        || address.is_loopback()
        || address.is_multicast()
        || is_link_local_unicast(address))
}

fn ip<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = arguments else { return no_such_overload() };
    opaque(Opaque::Ip(parse_ip(text)?))
}

fn is<'a>(arguments: &[Value<'a>], holds: fn(&str) -> bool) -> Outcome<'a> {
    let [Value::String(text)] = arguments else { return no_such_overload() };
    Ok(Value::Bool(holds(text)))
}

fn is_canonical<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = arguments else { return no_such_overload() };
    Ok(Value::Bool(parse_ip(text)?.to_string() == **text))
}

fn address(value: Option<&Value<'_>>) -> Result<IpAddr, Failure> {
    match value {
        Some(Value::Opaque(value)) => match **value {
            Opaque::Ip(address) => Ok(address),
            _ => Err(Failure::no_such_overload()),
        },
        _ => Err(Failure::no_such_overload()),
    }
}

fn block(value: Option<&Value<'_>>) -> Result<Cidr, Failure> {
    match value {
        Some(Value::Opaque(value)) => match **value {
            Opaque::Cidr(cidr) => Ok(cidr),
            _ => Err(Failure::no_such_overload()),
        },
        _ => Err(Failure::no_such_overload()),
    }
}

fn ask<'a>(arguments: &[Value<'a>], holds: fn(IpAddr) -> bool) -> Outcome<'a> {
    Ok(Value::Bool(holds(address(arguments.first())?)))
}

fn family<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    Ok(Value::Int(if address(arguments.first())?.is_ipv4() { 4 } else { 6 }))
}

fn cidr<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = arguments else { return no_such_overload() };
    opaque(Opaque::Cidr(parse_cidr(text)?))
}

fn contains_ip<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let range = block(arguments.first())?;
    let address = match arguments.get(1) {
        Some(Value::String(text)) => parse_ip(text).map_err(|_| Failure::no_such_overload())?,
        other => address(other)?,
    };
    let same_family = address.is_ipv4() == range.address.is_ipv4();
    Ok(Value::Bool(same_family && mask(address, range.bits) == mask(range.address, range.bits)))
}

fn contains_cidr<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let range = block(arguments.first())?;
    let other = match arguments.get(1) {
        Some(Value::String(text)) => parse_cidr(text)?,
        other => block(other)?,
    };
    let same_family = other.address.is_ipv4() == range.address.is_ipv4();
    let inside = mask(other.address, range.bits) == mask(range.address, range.bits);
    Ok(Value::Bool(same_family && range.bits <= other.bits && inside))
}

fn cidr_ip<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    opaque(Opaque::Ip(block(arguments.first())?.address))
}

fn prefix_length<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    Ok(Value::Int(i64::from(block(arguments.first())?.bits)))
}

fn masked<'a>(_: &mut Meter<'_>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let range = block(arguments.first())?;
    opaque(Opaque::Cidr(Cidr { address: mask(range.address, range.bits), bits: range.bits }))
}
