//! What every accepted socket is set to, so that a peer that vanished or never reads is found out by the kernel.

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

/// How many files this process may have open, where the system says so.
pub(crate) fn most_open_files() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
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

/// What a client that does not read costs the kernel, which doubles it; left to itself it takes 4 MB.
const UNREAD_BYTES: usize = 128 * 1024;

/// What was sent and not taken for this long ends the connection, whether the peer vanished or never reads.
const UNREAD_FOR: Duration = Duration::from_secs(30);
