//! `campanile api-key`: the keys of back ends, changed in the database. A running hub hears of it within a second.

use crate::actions::Refusal;
use crate::actions::api_keys::{self, Wanted, WhichKey};
use crate::actions::audit::Actor;
use crate::alarm::{ApiKey, Timestamp};
use crate::app::error::StartError;
use crate::app::{output, secrets};
use crate::config::{ApiKeyAdd, ApiKeyCommand, DatabaseSetting};
use crate::metrics::Metrics;
use crate::store::{Store, StoreError};

/// Does one of the commands.
pub fn api_key(command: ApiKeyCommand) -> Result<(), StartError> {
    actix_web::rt::System::new().block_on(async {
        match command {
            ApiKeyCommand::Add(wanted) => add(wanted).await,
            ApiKeyCommand::List(database) => list(&database).await,
            ApiKeyCommand::Revoke(key) => {
                let store = open(&key.database)?;
                let which = WhichKey::Name(key.name.clone());
                let changed = store.revoke_api_key(which, by_command()).await;
                finish(&store, changed, key.name.as_str()).await
            }
            ApiKeyCommand::Enable(key) => {
                let store = open(&key.database)?;
                let which = WhichKey::Name(key.name.clone());
                let changed = store.enable_api_key(which, by_command()).await;
                finish(&store, changed, key.name.as_str()).await
            }
        }
    })
}

async fn add(wanted: ApiKeyAdd) -> Result<(), StartError> {
    let store = open(&wanted.database)?;
    let name = wanted.name.to_string();
    let wanted = Wanted {
        name: wanted.name,
        scopes: wanted.scopes,
        topics: wanted.topics,
        expires_in_seconds: wanted.expires.map(|life| life.as_secs()),
    };
    let made = api_keys::add(&store, wanted, by_command()).await;
    store.close().await;
    let made = made.map_err(|refusal| match refusal {
        Refusal::Exists(_) => StartError::KeyExists(name),
        other => StartError::Key(other.to_string()),
    })?;
    output::line(&made.key)?;
    Ok(())
}

async fn list(database: &DatabaseSetting) -> Result<(), StartError> {
    let store = open(database)?;
    let keys = store.api_keys().await;
    store.close().await;
    for key in keys? {
        output::line(&line(&key))?;
    }
    Ok(())
}

/// One key on a line, its parts divided by tabs: name, state, scopes, topics, last use.
fn line(key: &ApiKey) -> String {
    let state = match (key.revoked_at, key.expires_at) {
        (Some(_), _) => "revoked".to_owned(),
        (None, Some(end)) if end <= Timestamp::now() => format!("expired {end}"),
        (None, Some(end)) => format!("until {end}"),
        (None, None) => "good".to_owned(),
    };
    let topics = match key.grant.topics_text() {
        none if none.is_empty() => "all topics".to_owned(),
        topics => topics,
    };
    let used = key.last_used_at.map(|at| format!("last used {at}"));
    let used = used.unwrap_or_else(|| "never used".to_owned());
    let scopes = key.grant.scopes_text();
    format!("{}\t{state}\t{scopes}\t{topics}\t{used}", key.name)
}

async fn finish(
    store: &Store,
    changed: Result<Option<ApiKey>, StoreError>,
    name: &str,
) -> Result<(), StartError> {
    store.close().await;
    match changed? {
        Some(_key) => Ok(()),
        None => Err(StartError::NoKey(name.to_owned())),
    }
}

/// The database of a hub that was started before: a key in a new one would be taken by no hub.
fn open(database: &DatabaseSetting) -> Result<Store, StartError> {
    let location = database.url.location();
    secrets::require(location)?;
    Ok(Store::open(location, Metrics::default())?)
}

fn by_command() -> Actor {
    Actor::command("campanile api-key")
}
