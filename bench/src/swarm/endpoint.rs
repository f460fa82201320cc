//! The server as the clients see it.

use std::net::SocketAddr;

/// The addresses of a server, and the start of its streams.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Endpoint {
    /// The address at which streams are opened.
    pub(crate) subscribe: SocketAddr,
    /// The address at which alarms are published.
    pub(crate) publish: SocketAddr,
    /// The first bytes of every stream, and those that end its first event.
    pub(crate) first_event: &'static [u8],
    pub(crate) first_event_end: &'static [u8],
}

impl Endpoint {
    /// A server that has one address for both.
    pub(crate) fn at(address: SocketAddr, first_event: &'static [u8]) -> Self {
        Self {
            subscribe: address,
            publish: address,
            first_event,
            // A comment is over with its line, an event with the empty line after it; either is there at once.
            first_event_end: b"\n",
        }
    }
}
