//! What every accepted socket is set to, so that a peer that vanished or never reads is found out by the kernel.

use std::any::Any;
use std::time::Duration;

use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use socket2::{SockRef, TcpKeepalive};

/// Called once for each connection, before its first byte.
pub(crate) fn prepare(connection: &dyn Any, _extensions: &mut Extensions) {
    let plain = connection.downcast_ref::<TcpStream>();
    let secured = connection.downcast_ref::<actix_tls::accept::rustls_0_23::TlsStream<TcpStream>>();
    let Some(stream) = plain.or_else(|| secured.map(|stream| stream.get_ref().0)) else {
        return;
    };
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
    socket.set_tcp_user_timeout(Some(UNREAD_FOR))
}

/// After this silence the kernel asks whether the peer is there.
const IDLE: Duration = Duration::from_secs(60);

const PROBE_EVERY: Duration = Duration::from_secs(10);

/// What was sent and not taken for this long ends the connection, whether the peer vanished or never reads.
const UNREAD_FOR: Duration = Duration::from_secs(30);
