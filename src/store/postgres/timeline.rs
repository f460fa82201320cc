//! The newest server that this hub has seen: the one before it is left alone, should it go on after another one took over.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_postgres::{Client, Connection, SimpleQueryMessage, Socket};

use crate::store::postgres::tls::Stream;

/// A server's place in the history of its database: each one that takes over begins another timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Timeline {
    /// The identity that a server shares with its standbys.
    system: String,
    number: u32,
}

/// The newest timeline seen; all clones share it.
#[derive(Clone, Default)]
pub(super) struct Newest(Arc<Mutex<Option<Timeline>>>);

impl Newest {
    /// Notes a server; `false` if another one has taken over from it.
    pub(super) fn admits(&self, server: &Timeline) -> bool {
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if is_before(server, newest.as_ref()) {
            return false;
        }
        *newest = Some(server.clone());
        true
    }

    /// True if another server has taken over from this one.
    pub(super) fn outdates(&self, server: &Timeline) -> bool {
        let newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        is_before(server, newest.as_ref())
    }
}

/// Timelines of different databases have no order.
fn is_before(server: &Timeline, newest: Option<&Timeline>) -> bool {
    newest.is_some_and(|newest| newest.system == server.system && server.number < newest.number)
}

/// Asks a server for its timeline. `None` if it follows another one, or may not tell.
pub(super) async fn timeline_of(
    client: &Client,
    connection: &mut Connection<Socket, Stream>,
) -> Option<Timeline> {
    let answer = tokio::select! {
        answer = client.simple_query(QUESTION) => answer.ok()?,
        _ended = connection => return None,
    };
    answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(Timeline {
            number: u32::from_str_radix(row.get(0)?, 16).ok()?,
            system: row.get(1)?.to_owned(),
        }),
        _ => None,
    })
}

/// As `campanile_epoch()` in `migrations/`, which may not be there yet.
const QUESTION: &str = "SELECT CASE WHEN NOT pg_is_in_recovery() \
     THEN substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END, system_identifier FROM pg_control_system()";

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(system: &str, number: u32) -> Timeline {
        Timeline {
            system: system.to_owned(),
            number,
        }
    }

    #[test]
    fn a_server_that_was_taken_over_from_is_not_admitted_again() {
        let newest = Newest::default();

        assert!(newest.admits(&timeline("one", 1)));
        assert!(newest.admits(&timeline("one", 2)));
        assert!(!newest.admits(&timeline("one", 1)));
        assert!(newest.outdates(&timeline("one", 1)));
        assert!(!newest.outdates(&timeline("one", 2)));
        assert!(newest.admits(&timeline("another", 1)), "has no order");
    }
}
