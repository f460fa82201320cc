//! The common parts of the hub's peers: their addresses, their channels and the text that they are given to send.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use crate::error::Result;
use crate::http::{STAMP, USER, user_name};
use crate::swarm::{Audience, Endpoint};

/// An address nobody listens on now.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// The bench's own binary, which is also some of the peers.
pub(super) fn own_binary() -> Result<PathBuf> {
    Ok(std::env::current_exe()?)
}

/// The text that a peer is given to send. It has exactly the size of the hub's event for the same alarm.
pub(super) fn alarm_text(audience: Audience) -> String {
    let topic = match audience {
        Audience::Everyone => "everyone".to_owned(),
        Audience::OneUser => format!("user:u{USER}"),
    };
    format!(
        "{{\"id\":12345,\"topic\":\"{topic}\",\"alarmType\":\"BENCH\",\"fromUserId\":null,\"targetId\":null,\
         \"data\":{{\"q\":\"{STAMP}\"}},\"url\":null,\"createdAt\":\"2026-11-22T01:02:03.456Z\",\
         \"expiresAt\":null,\"seenAt\":null,\"readAt\":null}}"
    )
}

/// The channel of a peer an alarm is published to: one for all, or its user's own.
pub(super) fn channel(audience: Audience) -> String {
    match audience {
        Audience::Everyone => "all".to_owned(),
        Audience::OneUser => format!("u{USER}"),
    }
}

/// The channel of a peer a user's stream hears.
pub(super) fn user_channel(user: usize, audience: Audience) -> String {
    channel(audience).replace(&format!("u{USER}"), &user_name(user))
}

/// The endpoint of a peer whose streams all begin with the same comment.
pub(super) fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint {
        subscribe: address,
        publish: address,
        first_event: b": hi",
    }
}

/// Connections a server lets wait to be accepted.
pub(super) const BACKLOG: i32 = 4_096;
