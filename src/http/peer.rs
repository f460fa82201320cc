//! The client of a request, through the proxies that are trusted.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;
use actix_web::http::header;

use crate::actions::AppState;
use crate::net::{Hop, TrustedProxies, forwarded, x_forwarded_for};

/// The client as the trusted proxies tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    /// The last address that belongs to no trusted proxy.
    pub address: IpAddr,
    /// The scheme the client used, if a trusted proxy tells.
    pub scheme: Option<String>,
    /// The host the client asked for, if a trusted proxy tells.
    pub host: Option<String>,
}

/// The client of a request.
pub(crate) fn client(request: &HttpRequest, state: &AppState) -> Client {
    let peer = address_of_peer(request);
    let trusted = &state.policy.trusted_proxies;
    let told = || Some(told_by(request)).filter(|_told| trusted.contain(peer));
    let mut client = Client {
        address: peer,
        scheme: None,
        host: None,
    };
    if let Some(told) = told() {
        told.apply(&mut client, trusted);
    }
    client
}

/// The client's address, for limits and lists.
pub(crate) fn address(request: &HttpRequest, state: &AppState) -> IpAddr {
    client(request, state).address
}

/// The `User-Agent` of a request, as far as it tells browsers apart.
pub(crate) fn user_agent(request: &HttpRequest) -> String {
    let agent = request.headers().get(header::USER_AGENT);
    let agent = agent.and_then(|value| value.to_str().ok());
    let agent = agent.unwrap_or_default();
    agent.chars().take(MOST_AGENT_CHARACTERS).collect()
}

/// True for a peer on this machine that speaks for itself: a proxy here that passes somebody on says so.
pub(crate) fn is_local(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let passed_on = PASSED_ON.iter().any(|name| headers.contains_key(*name));
    !passed_on && address_of_peer(request).is_loopback()
}

/// The other end of the socket, in its canonical form: an IPv6 listener shows IPv4 peers as IPv4-mapped addresses.
fn address_of_peer(request: &HttpRequest) -> IpAddr {
    let peer = request.peer_addr();
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| {
        address.ip().to_canonical()
    })
}

/// The words of the proxies before the peer.
struct Told {
    standard: Option<Vec<Hop>>,
    addresses: Vec<Option<IpAddr>>,
    schemes: Vec<String>,
    hosts: Vec<String>,
}

fn told_by(request: &HttpRequest) -> Told {
    let standard = all(request, "forwarded");
    Told {
        standard: (!standard.is_empty()).then(|| forwarded(&standard).unwrap_or_default()),
        addresses: x_forwarded_for(&all(request, "x-forwarded-for")),
        schemes: list(&all(request, "x-forwarded-proto")),
        hosts: list(&all(request, "x-forwarded-host")),
    }
}

impl Told {
    fn apply(self, client: &mut Client, trusted: &TrustedProxies) {
        let peer = client.address;
        let (by_list, hops) = last_untrusted(&self.addresses, peer, trusted);
        client.address = by_list;
        client.scheme = at_hop(&self.schemes, self.addresses.len(), hops);
        client.host = at_hop(&self.hosts, self.addresses.len(), hops);
        let Some(standard) = self.standard else {
            return;
        };
        let clients: Vec<Option<IpAddr>> = standard.iter().map(|hop| hop.client).collect();
        let (by_standard, hops) = last_untrusted(&clients, peer, trusted);
        if self.addresses.is_empty() {
            client.address = by_standard;
        } else if by_standard != by_list {
            // A proxy that writes one of the two fields passes the other on as the client wrote it.
            client.address = peer;
        }
        let hop = standard.into_iter().rev().nth(hops.saturating_sub(1));
        let hop = hop.unwrap_or_default();
        client.scheme = client.scheme.take().or(hop.scheme);
        client.host = client.host.take().or(hop.host);
    }
}

/// The last address that is not trusted, and how many entries of the list lead to it. An entry that is no address ends the
/// walk: the last known address stands for all clients behind it.
fn last_untrusted(
    listed: &[Option<IpAddr>],
    peer: IpAddr,
    trusted: &TrustedProxies,
) -> (IpAddr, usize) {
    let mut known = (peer, 0);
    for (hops, address) in listed.iter().rev().enumerate() {
        let Some(address) = *address else {
            break;
        };
        known = (address, hops + 1);
        if !trusted.contain(address) {
            break;
        }
    }
    known
}

/// The entry of a list that belongs to a hop. A list of another length was not written hop by hop: its last entry counts.
fn at_hop(list: &[String], addresses: usize, hops: usize) -> Option<String> {
    let back = if list.len() == addresses {
        hops.saturating_sub(1)
    } else {
        0
    };
    list.iter().rev().nth(back).cloned()
}

/// All lines of a field as one list. A line that is not text is left out.
fn all(request: &HttpRequest, name: &str) -> String {
    let lines = request.headers().get_all(name);
    let lines: Vec<&str> = lines
        .map(|line| line.to_str().unwrap_or("unknown"))
        .collect();
    lines.join(",")
}

fn list(value: &str) -> Vec<String> {
    let entries = value.split(',').map(str::trim);
    entries
        .filter(|entry| !entry.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The fields by which a proxy says that it passes somebody on.
const PASSED_ON: [&str; 6] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "via",
];

/// Enough to tell browsers apart.
const MOST_AGENT_CHARACTERS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(list: &[&str]) -> Vec<Option<IpAddr>> {
        list.iter().map(|text| text.parse().ok()).collect()
    }

    #[test]
    fn the_client_is_the_last_address_that_is_not_trusted() {
        let trusted: TrustedProxies = "127.0.0.0/8,10.0.0.0/8".parse().unwrap();
        let peer = IpAddr::from([127, 0, 0, 1]);
        for (listed, expected) in [
            (&[][..], ("127.0.0.1", 0)),
            (&["192.0.2.1"], ("192.0.2.1", 1)),
            (&["198.51.100.7", "192.0.2.1"], ("192.0.2.1", 1)),
            (&["192.0.2.1", "10.0.0.1", "10.0.0.2"], ("192.0.2.1", 3)),
            (&["10.0.0.1"], ("10.0.0.1", 1)),
            (&["192.0.2.1", "unknown"], ("127.0.0.1", 0)),
            (&["unknown", "10.0.0.2"], ("10.0.0.2", 1)),
        ] {
            let found = last_untrusted(&addresses(listed), peer, &trusted);
            assert_eq!(
                found,
                (expected.0.parse().unwrap(), expected.1),
                "{listed:?}"
            );
        }
    }

    #[test]
    fn the_scheme_belongs_to_the_same_hop_as_the_client() {
        let schemes = ["https".to_owned(), "http".to_owned()];

        assert_eq!(at_hop(&schemes, 2, 2).as_deref(), Some("https"));
        assert_eq!(at_hop(&schemes, 2, 1).as_deref(), Some("http"));
        assert_eq!(at_hop(&schemes, 1, 1).as_deref(), Some("http"));
        assert_eq!(at_hop(&[], 1, 1), None);
    }
}
