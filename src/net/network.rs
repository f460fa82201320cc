//! Addresses in their canonical form, and the networks that they belong to.

use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

/// The network that limits count for: one IPv4 address, or one IPv6 /64, which is what one customer is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Network(IpAddr);

/// The networks whose word about the client of a request is believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TrustedProxies(Vec<IpNet>);

impl Network {
    /// The network of an address.
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => {
                let prefix = u128::from(address) >> HOST_BITS << HOST_BITS;
                Self(Ipv6Addr::from(prefix).into())
            }
            address @ IpAddr::V4(_) => Self(address),
        }
    }
}

impl Display for Network {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl TrustedProxies {
    /// True if the address belongs to a trusted proxy.
    pub(crate) fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for TrustedProxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().eq_ignore_ascii_case("none") {
            return Ok(Self::default());
        }
        let networks: Result<Vec<IpNet>, String> = text.split(',').map(network).collect();
        networks.map(Self)
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let parsed = text
        .parse::<IpNet>()
        .or_else(|_no_network| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_neither| {
            format!("expected networks such as 10.0.0.0/8,fd00::/8, or none; {text:?} is not one")
        })?;
    Ok(canonical(parsed))
}

/// A network of IPv4-mapped addresses is the IPv4 network.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else {
        return network;
    };
    let (Some(address), Some(prefix)) = (
        mapped.addr().to_ipv4_mapped(),
        mapped.prefix_len().checked_sub(MAPPED_BITS),
    ) else {
        return network;
    };
    Ipv4Net::new(address, prefix).map_or(network, IpNet::V4)
}

/// The bits of an IPv6 address that its owner chooses.
const HOST_BITS: u32 = 64;

/// The length of `::ffff:0:0/96`.
const MAPPED_BITS: u8 = 96;

#[cfg(test)]
mod tests {
    use super::*;

    fn network_of(address: &str) -> Network {
        Network::of(address.parse().unwrap())
    }

    #[test]
    fn a_network_is_one_ipv4_address_or_one_ipv6_64() {
        assert_eq!(network_of("192.0.2.1"), network_of("::ffff:192.0.2.1"));
        assert_ne!(network_of("192.0.2.1"), network_of("192.0.2.2"));
        assert_eq!(network_of("2001:db8::1"), network_of("2001:db8::2:0:0:9"));
        assert_ne!(network_of("2001:db8::1"), network_of("2001:db8:0:1::1"));
    }

    #[test]
    fn trusted_proxies_are_networks_or_addresses_in_either_spelling() {
        let trusted: TrustedProxies = "10.0.0.0/8, ::1, ::ffff:192.168.0.0/112".parse().unwrap();

        for inside in ["10.1.2.3", "::ffff:10.1.2.3", "::1", "192.168.0.9"] {
            assert!(trusted.contain(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["127.0.0.1", "::2", "192.169.0.1"] {
            assert!(!trusted.contain(outside.parse().unwrap()), "{outside}");
        }
        let none: TrustedProxies = "none".parse().unwrap();
        assert!(!none.contain("127.0.0.1".parse().unwrap()));
        for bad in ["", "all", "10.0.0.0/33", "10.0.0.0/8,,"] {
            assert!(bad.parse::<TrustedProxies>().is_err(), "{bad:?}");
        }
    }
}
