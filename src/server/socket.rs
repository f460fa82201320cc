//! The options of every accepted socket, so that the kernel detects a peer that vanished or never reads.

use std::time::Duration;

use actix_web::rt::net::TcpStream;
use socket2::{SockRef, TcpKeepalive};

/// Called once for each connection, before its first byte.
pub(crate) fn prepare(stream: &TcpStream) {
    if let Err(cause) = set(&SockRef::from(stream)) {
        // The connection works all the same; only a vanished peer is noticed later.
        log::debug!("a socket option was refused: {cause}");
    }
}

fn set(socket: &SockRef<'_>) -> std::io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(
        &TcpKeepalive::new()
            .with_time(IDLE)
            .with_interval(PROBE_EVERY),
    )?;
    socket.set_send_buffer_size(UNREAD_BYTES)?;
    socket.set_tcp_user_timeout(Some(UNREAD_FOR))
}

/// After this silence the kernel asks whether the peer is there.
const IDLE: Duration = Duration::from_secs(60);

const PROBE_EVERY: Duration = Duration::from_secs(10);

/// The kernel's send buffer for a client that does not read; the kernel doubles it. The default is up to 4 MB.
const UNREAD_BYTES: usize = 128 * 1024;

/// Bytes that were sent and not acknowledged for this long end the connection: the peer vanished or never reads.
const UNREAD_FOR: Duration = Duration::from_secs(30);
