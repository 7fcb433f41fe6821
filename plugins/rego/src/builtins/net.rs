//! Networks in CIDR notation.

use std::net::IpAddr;

use regorus::Value;

/// A network: its first address as a number, how many bits it has in all, and
/// how many of them are the network's.
#[derive(Clone, Copy)]
struct Network {
    first: u128,
    width: u32,
    prefix: u32,
}

impl Network {
    /// `10.0.0.0/8` or `fd00::/8`.
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let prefix: u32 = Some(prefix).filter(|prefix| number(prefix))?.parse().ok()?;
        match address.parse().ok()? {
            // Go takes these for what they stand for.
            IpAddr::V6(address) if prefix >= 96 && address.to_ipv4_mapped().is_some() => {
                Self::of(IpAddr::V6(address).to_canonical(), prefix - 96)
            }
            address => Self::of(address, prefix),
        }
    }

    fn of(address: IpAddr, prefix: u32) -> Option<Self> {
        let (first, width) = match address {
            IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
            IpAddr::V6(address) => (address.to_bits(), 128),
        };
        let network = Self { first, width, prefix };
        (prefix <= width).then(|| Self { first: first & network.mask(), ..network })
    }

    fn single(text: &str) -> Option<Self> {
        let address = text.parse::<IpAddr>().ok()?.to_canonical();
        Self::of(address, if address.is_ipv4() { 32 } else { 128 })
    }

    fn mask(self) -> u128 {
        u128::MAX.checked_shl(self.width - self.prefix).unwrap_or(0)
    }

    fn contains(self, other: Self) -> bool {
        self.width == other.width && self.prefix <= other.prefix && other.first & self.mask() == self.first
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// `net.cidr_contains(network, network or address)`.
pub(super) fn contains(arguments: &[Value]) -> Option<Value> {
    let [network, other] = arguments else { return None };
    let other = text(other)?;
    let other = Network::parse(other).or_else(|| Network::single(other))?;
    Some(Network::parse(text(network)?)?.contains(other).into())
}

/// `net.cidr_intersects(network, network)`.
pub(super) fn intersects(arguments: &[Value]) -> Option<Value> {
    let [one, other] = arguments else { return None };
    let (one, other) = (Network::parse(text(one)?)?, Network::parse(text(other)?)?);
    Some((one.contains(other) || other.contains(one)).into())
}

/// `net.cidr_is_valid(text)`.
pub(super) fn is_valid(arguments: &[Value]) -> Option<Value> {
    Some(Network::parse(text(arguments.first()?)?).is_some().into())
}
