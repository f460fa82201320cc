//! Ports for servers that a test starts.

use std::net::TcpListener;

use rand::RngExt as _;

/// A port that is free now, and from which the system opens no connections: those would take it before its server does, or while
/// that one is away.
pub(crate) fn free_port() -> u16 {
    let mut rng = rand::rng();
    loop {
        let port = rng.random_range(10_000..32_000);
        if TcpListener::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
}
