//! The API keys of back ends. All of them are few, so they are read together.

use diesel::prelude::*;
use serde_json::json;

use crate::alarm::{ApiKey, Grant, KeyName, Timestamp};
use crate::store::audit::{self, Actor, Change};
use crate::store::connection::{DbConnection, native};
use crate::store::schema::{api_key_head, api_keys};
use crate::store::{Read, Store, StoreError};

/// The row of a key.
#[derive(Queryable, Insertable)]
#[diesel(table_name = api_keys, treat_none_as_default_value = false)]
struct Row {
    id: String,
    name: String,
    digest: String,
    scopes: String,
    topics: String,
    created_at: i64,
    created_by: String,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    tokens_valid_from: i64,
    last_used_at: Option<i64>,
}

/// The result of adding a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyAdded {
    /// It was added.
    Added,
    /// Another key has its name.
    NameTaken,
    /// There are as many keys as there may be.
    TooMany,
}

/// The key that a change is about.
#[derive(Debug, Clone)]
pub(crate) enum WhichKey {
    /// The one of this id.
    Id(String),
    /// The one of this name.
    Name(KeyName),
}

impl Store {
    /// All keys, also those that are revoked.
    pub(crate) async fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        self.read(Read::Other, all).await
    }

    /// All keys, read on the connection for what other hubs change.
    pub(crate) async fn api_keys_now(&self) -> Result<Vec<ApiKey>, StoreError> {
        self.look_as(Read::Keys, all).await
    }

    /// The number of changes of keys so far.
    pub(crate) async fn api_key_changes(&self) -> Result<i64, StoreError> {
        self.look_as(Read::Keys, |connection| {
            Ok(native!(connection => api_key_head::table
                .select(api_key_head::changes)
                .get_result::<i64>(connection))?)
        })
        .await
    }

    /// Adds a key. The number of keys is limited, because each hub holds all of them.
    pub(crate) async fn add_api_key(&self, key: ApiKey, by: Actor) -> Result<KeyAdded, StoreError> {
        let added = self
            .write(move |connection| connection.transact(|connection| add(connection, &key, &by)))
            .await;
        match added {
            Err(StoreError::Conflict) => Ok(KeyAdded::NameTaken),
            other => other,
        }
    }

    /// Revokes a key, and the tokens that it made. `None` if there is no such key; a key that is revoked stays as it is.
    pub(crate) async fn revoke_api_key(
        &self,
        which: WhichKey,
        by: Actor,
    ) -> Result<Option<ApiKey>, StoreError> {
        self.change_api_key(which, by, |connection, key| {
            if key.revoked_at.is_some() {
                return Ok(None);
            }
            let now = Timestamp::now().millis();
            let change = (
                api_keys::revoked_at.eq(now),
                api_keys::tokens_valid_from.eq(now),
            );
            diesel::update(api_keys::table.find(&key.id))
                .set(change)
                .execute(connection)?;
            Ok(Some("api_key.revoke"))
        })
        .await
    }

    /// Enables a key that was revoked. The tokens that it made before stay refused. `None` if there is no such key.
    pub(crate) async fn enable_api_key(
        &self,
        which: WhichKey,
        by: Actor,
    ) -> Result<Option<ApiKey>, StoreError> {
        self.change_api_key(which, by, |connection, key| {
            if key.revoked_at.is_none() {
                return Ok(None);
            }
            diesel::update(api_keys::table.find(&key.id))
                .set(api_keys::revoked_at.eq(None::<i64>))
                .execute(connection)?;
            Ok(Some("api_key.enable"))
        })
        .await
    }

    /// Changes a key and writes the word that `change` gives to the audit log; it gives none if it left the key as it is.
    async fn change_api_key(
        &self,
        which: WhichKey,
        by: Actor,
        change: fn(&mut DbConnection, &ApiKey) -> Result<Option<&'static str>, StoreError>,
    ) -> Result<Option<ApiKey>, StoreError> {
        self.write(move |connection| {
            connection.transact(|connection| {
                let Some(key) = find(connection, &which)? else {
                    return Ok(None);
                };
                if let Some(action) = change(connection, &key)? {
                    audit::record(connection, &by, &of_key(action, &key))?;
                }
                find(connection, &which)
            })
        })
        .await
    }
}

fn all(connection: &mut DbConnection) -> Result<Vec<ApiKey>, StoreError> {
    let rows = native!(connection => api_keys::table.load::<Row>(connection))?;
    let mut keys: Vec<ApiKey> = rows.into_iter().map(ApiKey::from).collect();
    keys.sort_by(|one, other| {
        let newest_first = other.created_at.cmp(&one.created_at);
        newest_first.then_with(|| one.id.cmp(&other.id))
    });
    Ok(keys)
}

fn find(connection: &mut DbConnection, which: &WhichKey) -> Result<Option<ApiKey>, StoreError> {
    let row = match which {
        WhichKey::Id(id) => api_keys::table.find(id).get_result::<Row>(connection),
        WhichKey::Name(name) => api_keys::table
            .filter(api_keys::name.eq(name.as_str()))
            .get_result::<Row>(connection),
    };
    Ok(row.optional()?.map(ApiKey::from))
}

/// The row of the counter is written first: on SQLite a transaction that reads first could not be upgraded, and on a server two
/// that add at the same time would both be the last one.
fn add(connection: &mut DbConnection, key: &ApiKey, by: &Actor) -> Result<KeyAdded, StoreError> {
    diesel::update(api_key_head::table)
        .set(api_key_head::changes.eq(api_key_head::changes + 1))
        .execute(connection)?;
    let count = api_keys::table.count().get_result::<i64>(connection)?;
    if count >= MOST_KEYS {
        return Ok(KeyAdded::TooMany);
    }
    diesel::insert_into(api_keys::table)
        .values(Row::from(key))
        .execute(connection)?;
    audit::record(connection, by, &of_key("api_key.create", key))?;
    Ok(KeyAdded::Added)
}

fn of_key<'a>(action: &'static str, key: &'a ApiKey) -> Change<'a> {
    Change {
        action,
        target: key.name.as_str(),
        detail: json!({
            "id": key.id,
            "scopes": key.grant.scopes,
            "topics": key.grant.topics,
            "expiresAt": key.expires_at,
        }),
    }
}

impl From<&ApiKey> for Row {
    fn from(key: &ApiKey) -> Self {
        Self {
            id: key.id.clone(),
            name: key.name.to_string(),
            digest: key.digest.clone(),
            scopes: key.grant.scopes_text(),
            topics: key.grant.topics_text(),
            created_at: key.created_at.millis(),
            created_by: key.created_by.clone(),
            expires_at: key.expires_at.map(Timestamp::millis),
            revoked_at: key.revoked_at.map(Timestamp::millis),
            tokens_valid_from: key.tokens_valid_from.millis(),
            last_used_at: key.last_used_at.map(Timestamp::millis),
        }
    }
}

impl From<Row> for ApiKey {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            name: KeyName::trusted(row.name),
            digest: row.digest,
            grant: Grant::trusted(&row.scopes, &row.topics),
            created_at: Timestamp::from_millis(row.created_at),
            created_by: row.created_by,
            expires_at: row.expires_at.map(Timestamp::from_millis),
            revoked_at: row.revoked_at.map(Timestamp::from_millis),
            tokens_valid_from: Timestamp::from_millis(row.tokens_valid_from),
            last_used_at: row.last_used_at.map(Timestamp::from_millis),
        }
    }
}

/// More back ends than a site has. Each hub holds all keys in memory.
pub(crate) const MOST_KEYS: i64 = 1_000;
