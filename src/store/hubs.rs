//! The leases of the hubs on one PostgreSQL, and the answers to what one of them asks the others.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::alarm::AlarmId;
use crate::store::connection::{DbConnection, native};
use crate::store::schema::{answers, hubs};
use crate::store::{Store, StoreError};

/// The state that a hub writes with each beat.
#[derive(Debug, Clone)]
pub(crate) struct Beat {
    /// The hub.
    pub hub: String,
    /// The life of its lease.
    pub incarnation: i64,
    /// The streams that are open.
    pub streams: i64,
    /// The last id that was delivered to them.
    pub delivered: AlarmId,
    /// The round trip of the bell in microseconds, if it is known.
    pub bell_micros: Option<i64>,
}

/// The lease of a hub.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub(crate) struct Lease {
    /// The hub.
    pub hub: String,
    /// The life of the lease.
    pub incarnation: i64,
    /// The number of beats.
    pub beat: i64,
    /// The version of the hub.
    pub version: String,
    /// The streams that were open at the last beat.
    pub streams: i64,
    /// The alarms that were stored and not delivered by the hub at its last beat.
    pub log_lag: i64,
    /// The round trip of the bell in microseconds, if it is known.
    pub bell_micros: Option<i64>,
    /// The database server that took the last beat.
    pub server: String,
}

impl Store {
    /// Beats; `false` if the hub holds no lease of this incarnation.
    pub(crate) async fn beat(&self, beat: Beat) -> Result<bool, StoreError> {
        self.keep_lease(move |connection| {
            let beats = native!(connection => diesel::sql_query(BEAT)
                .bind::<Text, _>(&beat.hub)
                .bind::<BigInt, _>(beat.incarnation)
                .bind::<BigInt, _>(beat.streams)
                .bind::<BigInt, _>(beat.delivered.0)
                .bind::<Nullable<BigInt>, _>(beat.bell_micros)
                .execute(connection))?;
            Ok(beats > 0)
        })
        .await
    }

    /// Takes a lease.
    pub(crate) async fn take_lease(
        &self,
        hub: String,
        incarnation: i64,
        version: &'static str,
    ) -> Result<(), StoreError> {
        self.keep_lease(move |connection| {
            native!(connection => diesel::sql_query(TAKE)
                .bind::<Text, _>(&hub)
                .bind::<BigInt, _>(incarnation)
                .bind::<Text, _>(version)
                .execute(connection))?;
            Ok(())
        })
        .await
    }

    /// All leases, by the id of the hub.
    pub(crate) async fn leases(&self) -> Result<Vec<Lease>, StoreError> {
        self.keep_lease(|connection| {
            Ok(native!(connection => hubs::table
                .order(hubs::id.asc())
                .load::<Lease>(connection))?)
        })
        .await
    }

    /// Removes a lease that stands still, with all that its hub held, and tells all hubs; nothing if it beat in between or
    /// another hub was faster.
    pub(crate) async fn end_lease(&self, lease: Lease) -> Result<(), StoreError> {
        self.tell_others(move |connection| {
            native!(connection => diesel::sql_query(END)
                .bind::<Text, _>(&lease.hub)
                .bind::<BigInt, _>(lease.incarnation)
                .bind::<BigInt, _>(lease.beat)
                .execute(connection))?;
            Ok(())
        })
        .await
    }

    /// Gives back the lease of this hub, whatever its beat.
    pub(crate) async fn give_lease_back(&self, hub: String) -> Result<(), StoreError> {
        self.tell_others(move |connection| {
            native!(connection => diesel::sql_query(GIVE_BACK)
                .bind::<Text, _>(&hub)
                .execute(connection))?;
            Ok(())
        })
        .await
    }

    /// Stores the answer of a hub to a question.
    pub(crate) async fn answer(
        &self,
        question: String,
        hub: String,
        body: String,
    ) -> Result<(), StoreError> {
        self.ask_others(move |connection| {
            let row = (
                answers::question.eq(question),
                answers::hub.eq(hub),
                answers::body.eq(body),
            );
            native!(connection => diesel::insert_into(answers::table)
                .values(row)
                .execute(connection))?;
            Ok(())
        })
        .await
    }

    /// The hubs that answered a question.
    pub(crate) async fn answered(&self, question: String) -> Result<Vec<String>, StoreError> {
        self.ask_others(move |connection| {
            Ok(native!(connection => answers::table
                .filter(answers::question.eq(question))
                .select(answers::hub)
                .load::<String>(connection))?)
        })
        .await
    }

    /// Takes the answers to a question.
    pub(crate) async fn take_answers(&self, question: String) -> Result<Vec<String>, StoreError> {
        self.ask_others(move |connection| {
            let mine = || answers::table.filter(answers::question.eq(&question));
            let bodies = native!(connection => mine()
                .select(answers::body)
                .load::<String>(connection))?;
            native!(connection => diesel::delete(mine()).execute(connection))?;
            Ok(bodies)
        })
        .await
    }

    /// Works on the connection that is kept for leases. The bell does not ring for a beat.
    async fn keep_lease<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.lease.as_ref().unwrap_or(&self.writers).run(work).await
    }
}

const BEAT: &str = "UPDATE hubs SET beat = beat + 1, streams = $3, \
    log_lag = greatest((SELECT last_id FROM log_head) - $4, 0), bell_micros = $5, \
    server = CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE 'primary' END \
        || coalesce(' ' || host(inet_server_addr()) || ':' || inet_server_port(), '') \
    WHERE id = $1 AND incarnation = $2";

const TAKE: &str = "INSERT INTO hubs (id, incarnation, beat, version, streams, log_lag, server) \
    VALUES ($1, $2, 0, $3, 0, 0, '') ON CONFLICT (id) DO NOTHING";

/// One statement, so that a hub that stops between two of them holds no lock.
const END: &str = "SELECT campanile_end_lease($1, $2, $3)";

const GIVE_BACK: &str = "SELECT campanile_end_lease($1, NULL, NULL)";
