//! The address a request comes from, through proxies.

use std::net::IpAddr;

use actix_web::HttpRequest;

/// The client's address, for the limit on guessing passwords. A peer on a private network that names another address is
/// taken for a proxy; only the last address of its list is the proxy's own word.
pub(crate) fn address(request: &HttpRequest) -> IpAddr {
    let peer = request
        .peer_addr()
        .map_or(IpAddr::from([0, 0, 0, 0]), |address| address.ip());
    // A proxy may add a line of its own below the client's.
    let forwarded = request.headers().get_all("x-forwarded-for").last();
    let last = forwarded
        .and_then(|value| value.to_str().ok())
        .and_then(|list| list.rsplit(',').next())
        .and_then(|last| last.trim().parse().ok());
    if is_private(peer) {
        last.unwrap_or(peer)
    } else {
        peer
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    }
}
