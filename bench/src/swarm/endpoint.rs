//! The server as the clients see it.

use std::net::SocketAddr;

/// The addresses of a server, and the start of its streams.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Endpoint {
    /// Where streams are opened.
    pub(crate) subscribe: SocketAddr,
    /// Where alarms are published.
    pub(crate) publish: SocketAddr,
    /// What every stream begins with.
    pub(crate) first_event: &'static [u8],
}
