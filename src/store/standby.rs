//! The synchronous standby of a server: with one attached, an acknowledged alarm is on two disks.

use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::store::connection::native;
use crate::store::{Store, StoreError};

/// The standby, as the server tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standby {
    /// A synchronous one follows.
    Attached,
    /// None follows, or none is synchronous.
    Missing,
    /// The role of the hub may not know.
    Hidden,
}

#[derive(QueryableByName)]
struct Told {
    #[diesel(sql_type = Bool)]
    may_know: bool,
    #[diesel(sql_type = Bool)]
    is_attached: bool,
}

impl Store {
    /// Asks the server for its standby.
    pub(crate) async fn standby(&self) -> Result<Standby, StoreError> {
        let lane = self.health.as_ref().unwrap_or(&self.readers);
        lane.run(|connection| {
            let told =
                native!(connection => diesel::sql_query(STANDBY).get_result::<Told>(connection))?;
            Ok(match told {
                Told {
                    may_know: false, ..
                } => Standby::Hidden,
                Told {
                    is_attached: true, ..
                } => Standby::Attached,
                _ => Standby::Missing,
            })
        })
        .await
    }
}

/// `pg_stat_replication` shows its state only to a role with `pg_read_all_stats`, which `pg_monitor` includes.
const STANDBY: &str = "SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS may_know, \
     EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming' AND sync_state IN ('sync', 'quorum')) AS is_attached";
