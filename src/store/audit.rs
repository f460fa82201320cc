//! The audit log: one entry for each change of rights and accounts, written in the transaction of the change; and the uses of
//! API keys, counted.

use diesel::prelude::*;

use crate::alarm::Timestamp;
use crate::store::connection::DbConnection;
use crate::store::schema::{api_keys, audit_log};
use crate::store::{Read, Store, StoreError};

/// The one that makes a change, and the address of the request.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    /// A user id, `key:NAME` for an API key, or the name of a command.
    pub name: String,
    /// The address of the client; empty for a command.
    pub address: String,
}

impl Actor {
    /// A command, by its words. No user id has a space.
    pub(crate) fn command(words: &str) -> Self {
        Self {
            name: words.to_owned(),
            address: String::new(),
        }
    }
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub(crate) struct AuditEntry {
    /// The id.
    pub id: i64,
    /// The time in milliseconds.
    pub made_at: i64,
    /// The one that did it.
    pub actor: String,
    /// The word for what was done.
    pub action: String,
    /// The thing it was done to.
    pub target: String,
    /// The address of the client.
    pub address: String,
    /// A JSON object.
    pub detail: String,
}

/// The uses of an API key from one address in one minute.
#[derive(Debug, Clone)]
pub(crate) struct KeyUse {
    /// The id of the key.
    pub key: String,
    /// The key as an actor, and the address of the client.
    pub by: Actor,
    /// The beginning of the minute.
    pub minute: Timestamp,
    /// The number of requests.
    pub count: u64,
}

/// A change, as it is written to the log.
pub(super) struct Change<'a> {
    pub(super) action: &'static str,
    pub(super) target: &'a str,
    pub(super) detail: serde_json::Value,
}

/// Writes an entry, in the transaction of the change.
pub(super) fn record(
    connection: &mut DbConnection,
    by: &Actor,
    change: &Change<'_>,
) -> Result<(), StoreError> {
    let row = (
        audit_log::made_at.eq(Timestamp::now().millis()),
        audit_log::actor.eq(&by.name),
        audit_log::action.eq(change.action),
        audit_log::target.eq(change.target),
        audit_log::address.eq(&by.address),
        audit_log::detail.eq(change.detail.to_string()),
    );
    diesel::insert_into(audit_log::table)
        .values(row)
        .execute(connection)?;
    Ok(())
}

impl Store {
    /// The entries before an id, newest first.
    pub(crate) async fn audit(
        &self,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        self.read(Read::Other, move |connection| {
            Ok(audit_log::table
                .filter(audit_log::id.lt(before.unwrap_or(i64::MAX)))
                .order(audit_log::id.desc())
                .limit(limit)
                .load::<AuditEntry>(connection)?)
        })
        .await
    }

    /// Writes an entry about a stream, which is not in the database.
    pub(crate) async fn note_disconnection(
        &self,
        client_id: String,
        by: Actor,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            let change = Change {
                action: "stream.disconnect",
                target: &client_id,
                detail: serde_json::json!({}),
            };
            record(connection, &by, &change)
        })
        .await
    }

    /// Stores uses of API keys, and the time of the last one of each key.
    pub(crate) async fn keep_key_uses(&self, uses: Vec<KeyUse>) -> Result<(), StoreError> {
        if uses.is_empty() {
            return Ok(());
        }
        self.write(move |connection| {
            connection.transact(|connection| {
                for one in &uses {
                    keep_use(connection, one)?;
                }
                Ok(())
            })
        })
        .await
    }
}

fn keep_use(connection: &mut DbConnection, one: &KeyUse) -> Result<(), StoreError> {
    let change = Change {
        action: "api_key.use",
        target: &one.key,
        detail: serde_json::json!({"count": one.count, "minute": one.minute}),
    };
    record(connection, &one.by, &change)?;
    let minute = one.minute.millis();
    let is_later = api_keys::last_used_at
        .is_null()
        .or(api_keys::last_used_at.lt(minute));
    diesel::update(api_keys::table.filter(api_keys::id.eq(&one.key).and(is_later)))
        .set(api_keys::last_used_at.eq(minute))
        .execute(connection)?;
    Ok(())
}
