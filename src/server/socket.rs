//! The options of every accepted socket, so that the kernel detects a peer that vanished or never reads.

use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

/// Set once on the listener: each socket of a connection that is made afterwards inherits them.
pub(crate) fn prepare(listener: SockRef<'_>) {
    if let Err(cause) = set(&listener) {
        // Connections work all the same; only a vanished peer is noticed later.
        log::warn!("a socket option was refused: {cause}");
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

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn an_accepted_socket_has_the_options_of_its_listener() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        prepare(SockRef::from(&listener));
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _address) = listener.accept().unwrap();
        let socket = SockRef::from(&accepted);

        assert!(socket.tcp_nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), IDLE);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), PROBE_EVERY);
        assert_eq!(socket.send_buffer_size().unwrap(), 2 * UNREAD_BYTES);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(UNREAD_FOR));
    }
}
