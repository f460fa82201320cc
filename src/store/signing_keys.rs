//! The hub's own key pairs, as they are stored: sealed.

use diesel::prelude::*;
use serde_json::json;

use crate::alarm::Timestamp;
use crate::store::audit::{self, Actor, Change};
use crate::store::connection::{DbConnection, native};
use crate::store::schema::signing_keys::{self, dsl};
use crate::store::{Read, Store, StoreError};

/// A key pair of the hub.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = signing_keys, treat_none_as_default_value = false)]
pub(crate) struct SealedKey {
    /// The name, which tokens tell as `kid`.
    pub id: String,
    /// The sealed private key.
    pub sealed: String,
    /// The time at which it was made, in milliseconds.
    pub created_at: i64,
    /// `None` while it may sign; else the time until which it verifies, in milliseconds.
    pub verifies_until: Option<i64>,
}

impl Store {
    /// Every key, the newest first.
    pub(crate) async fn signing_keys(&self) -> Result<Vec<SealedKey>, StoreError> {
        self.look_as(Read::Keys, all).await
    }

    /// Stores a new key.
    pub(crate) async fn add_signing_key(&self, key: SealedKey) -> Result<(), StoreError> {
        self.write(move |connection| insert(connection, &key)).await
    }

    /// Stores a new key that signs from now on. Those that signed before verify until a time.
    pub(crate) async fn rotate_signing_keys(
        &self,
        key: SealedKey,
        until: Timestamp,
        by: Actor,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.transact(|connection| {
                diesel::update(dsl::signing_keys.filter(dsl::verifies_until.is_null()))
                    .set(dsl::verifies_until.eq(until.millis()))
                    .execute(connection)?;
                insert(connection, &key)?;
                let change = Change {
                    action: "signing_key.rotate",
                    target: &key.id,
                    detail: json!({"othersVerifyUntil": until}),
                };
                audit::record(connection, &by, &change)
            })
        })
        .await
    }

    /// Deletes a key; true if there was one.
    pub(crate) async fn retire_signing_key(
        &self,
        id: String,
        by: Actor,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            connection.transact(|connection| {
                let gone = diesel::delete(dsl::signing_keys.find(&id)).execute(connection)?;
                if gone > 0 {
                    let change = Change {
                        action: "signing_key.retire",
                        target: &id,
                        detail: json!({}),
                    };
                    audit::record(connection, &by, &change)?;
                }
                Ok(gone > 0)
            })
        })
        .await
    }

    /// Deletes the keys that verify no more.
    pub(crate) async fn forget_old_signing_keys(&self) -> Result<(), StoreError> {
        self.write(|connection| {
            let now = Timestamp::now().millis();
            diesel::delete(dsl::signing_keys.filter(dsl::verifies_until.lt(now)))
                .execute(connection)?;
            Ok(())
        })
        .await
    }
}

fn all(connection: &mut DbConnection) -> Result<Vec<SealedKey>, StoreError> {
    let mut keys = native!(connection => dsl::signing_keys.load::<SealedKey>(connection))?;
    // There are a few, and each hub asks for them twice a second: no order is asked of the database.
    keys.sort_by(|one, other| (other.created_at, &other.id).cmp(&(one.created_at, &one.id)));
    keys.truncate(MOST_KEYS);
    Ok(keys)
}

fn insert(connection: &mut DbConnection, key: &SealedKey) -> Result<(), StoreError> {
    diesel::insert_into(dsl::signing_keys)
        .values(key)
        .execute(connection)?;
    Ok(())
}

/// Keys are rotated a few times a year.
const MOST_KEYS: usize = 100;
