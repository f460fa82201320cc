//! API keys: making, revoking and listing them, and the rights that they give.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::actions::{AppState, Forbidden, Refusal, Rule, Thing, audit::Actor, life};
use crate::alarm::{ApiKey, Grant, KeyName, Scope, Timestamp, Topic, TopicPattern, whole};
use crate::auth::KeyRing;
use crate::cluster;
use crate::store::{KeyAdded, MOST_KEYS, Store};

pub(crate) use crate::store::WhichKey;

/// A key to make: the body of `POST /api/admin/keys`.
#[derive(utoipa::ToSchema)]
#[schema(as = WantedKey)]
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Wanted {
    /// The name, which no other key may have.
    pub name: KeyName,
    /// The operations it allows.
    #[schema(min_items = 1)]
    pub scopes: Vec<Scope>,
    /// The topics it is limited to; none for all. A key with the scope `admin` has none.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub topics: Vec<TopicPattern>,
    /// The life of the key; without it the key has no end.
    #[serde(default, deserialize_with = "whole::optional")]
    #[schema(minimum = 1, maximum = 315_360_000)]
    pub expires_in_seconds: Option<u64>,
}

/// A key as an administrator sees it.
#[derive(utoipa::ToSchema, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyView {
    /// The id.
    pub id: String,
    /// The name.
    pub name: KeyName,
    /// The operations it allows.
    pub scopes: Vec<Scope>,
    /// The topics it is limited to; none for all.
    pub topics: Vec<TopicPattern>,
    /// The time at which it was made.
    pub created_at: Timestamp,
    /// The user, key or command that made it.
    pub created_by: String,
    /// The end.
    pub expires_at: Option<Timestamp>,
    /// The time at which it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// The minute of its last use.
    pub last_used_at: Option<Timestamp>,
}

/// A new key; it is shown this once.
#[derive(utoipa::ToSchema, Serialize)]
pub(crate) struct NewKey {
    /// The key itself.
    pub key: String,
    /// The rest.
    #[serde(flatten)]
    pub view: KeyView,
}

impl From<ApiKey> for KeyView {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id,
            name: key.name,
            scopes: key.grant.scopes,
            topics: key.grant.topics,
            created_at: key.created_at,
            created_by: key.created_by,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            last_used_at: key.last_used_at,
        }
    }
}

/// Makes a key.
pub(crate) async fn create(state: &AppState, wanted: Wanted, by: Actor) -> Result<NewKey, Refusal> {
    let made = add(&state.store, wanted, by).await?;
    refresh(state).await?;
    Ok(made)
}

/// Makes a key in the database. A running hub hears of it by itself.
pub(crate) async fn add(store: &Store, wanted: Wanted, by: Actor) -> Result<NewKey, Refusal> {
    let grant = Grant::new(wanted.scopes, wanted.topics);
    let grant = grant.map_err(|rule| Refusal::invalid("scopes", rule))?;
    let created_at = Timestamp::now();
    let expires_at = wanted
        .expires_in_seconds
        .map(|seconds| life::end_of(created_at, seconds))
        .transpose()?;
    let (key, digest) = KeyRing::new_key();
    let row = ApiKey {
        id: Uuid::new_v4().to_string(),
        name: wanted.name,
        digest,
        grant,
        created_at,
        created_by: by.name.clone(),
        expires_at,
        revoked_at: None,
        tokens_valid_from: Timestamp::from_millis(0),
        last_used_at: None,
    };
    match store.add_api_key(row.clone(), by).await? {
        KeyAdded::Added => Ok(NewKey {
            key,
            view: KeyView::from(row),
        }),
        KeyAdded::NameTaken => Err(Refusal::Exists(Thing::Key)),
        KeyAdded::TooMany => {
            let most = usize::try_from(MOST_KEYS).unwrap_or(usize::MAX);
            Err(Refusal::invalid("name", Rule::AtMost(most)))
        }
    }
}

/// All keys, newest first.
pub(crate) async fn list(state: &AppState) -> Result<Vec<KeyView>, Refusal> {
    let keys = state.store.api_keys().await?;
    Ok(keys.into_iter().map(KeyView::from).collect())
}

/// Revokes a key: requests with it and with the tokens it made are refused, and their streams end.
pub(crate) async fn revoke(
    state: &AppState,
    which: WhichKey,
    by: Actor,
) -> Result<KeyView, Refusal> {
    let revoked = state.store.revoke_api_key(which, by).await?;
    let key = revoked.ok_or(Refusal::NotFound(Thing::Key))?;
    refresh(state).await?;
    Ok(KeyView::from(key))
}

/// Enables a revoked key again.
pub(crate) async fn enable(
    state: &AppState,
    which: WhichKey,
    by: Actor,
) -> Result<KeyView, Refusal> {
    let enabled = state.store.enable_api_key(which, by).await?;
    let key = enabled.ok_or(Refusal::NotFound(Thing::Key))?;
    refresh(state).await?;
    Ok(KeyView::from(key))
}

/// Reads the keys again, and ends the streams of those that are good no more.
pub(crate) async fn refresh(state: &AppState) -> Result<(), Refusal> {
    let reading = state.keys.reading();
    let found = state.store.api_keys().await?;
    let taken = cluster::take_keys(
        &state.keys,
        &state.rights,
        &state.broadcaster,
        (reading, found),
    );
    Ok(taken.await?)
}

/// Reads the keys again if another process changed them since the count was `seen`; returns the count. For a hub on a database
/// file: hubs on a server hear of changes by signals.
pub(crate) async fn look(state: &AppState, seen: Option<i64>) -> Result<i64, Refusal> {
    let changes = state.store.api_key_changes().await?;
    if seen != Some(changes) {
        refresh(state).await?;
    }
    Ok(changes)
}

/// Refuses a key without a scope.
pub(crate) fn require(key: &ApiKey, scope: Scope) -> Result<(), Refusal> {
    if key.grant.has(scope) {
        return Ok(());
    }
    Err(Refusal::MissingScope(scope))
}

/// Refuses a key whose topics do not cover this one.
pub(crate) fn require_topic(key: &ApiKey, topic: &Topic) -> Result<(), Refusal> {
    if key.grant.covers(topic) {
        return Ok(());
    }
    Err(Refusal::Forbidden(Forbidden::KeyTopic))
}
