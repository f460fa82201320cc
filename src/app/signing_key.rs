//! `campanile signing-key`: the hub's own keys, changed beside the hub, which looks for changes twice a second.

use crate::actions::signing_keys;
use crate::alarm::Timestamp;
use crate::app::error::StartError;
use crate::app::output;
use crate::app::secrets;
use crate::config::{DatabaseSetting, SigningKeyCommand, SigningKeyRotate};
use crate::metrics::Metrics;
use crate::store::{Actor, SealedKey, Store};

/// Lists the keys, makes a new one or takes one away.
pub fn signing_key(command: &SigningKeyCommand) -> Result<(), StartError> {
    actix_web::rt::System::new().block_on(async {
        match command {
            SigningKeyCommand::List(database) => list(database).await,
            SigningKeyCommand::Rotate(rotate) => make(rotate).await,
            SigningKeyCommand::Retire(retire) => {
                let store = open(&retire.database)?;
                let retired = store
                    .retire_signing_key(retire.id.clone(), by_command())
                    .await;
                store.close().await;
                match retired? {
                    true => Ok(()),
                    false => Err(StartError::Refused(format!(
                        "there is no signing key {}",
                        retire.id
                    ))),
                }
            }
        }
    })
}

async fn list(database: &DatabaseSetting) -> Result<(), StartError> {
    let store = open(database)?;
    let keys = store.signing_keys().await;
    store.close().await;
    let keys = keys?;
    let signing = keys.iter().position(|key| key.verifies_until.is_none());
    for (at, key) in keys.iter().enumerate() {
        if !output::line(&line(key, signing == Some(at)))? {
            break;
        }
    }
    Ok(())
}

fn line(key: &SealedKey, signs: bool) -> String {
    let created = Timestamp::from_millis(key.created_at);
    let does = match key.verifies_until.map(Timestamp::from_millis) {
        None if signs => "signs".to_owned(),
        None => "verifies".to_owned(),
        Some(until) if until <= Timestamp::now() => "is over".to_owned(),
        Some(until) => format!("verifies until {until}"),
    };
    format!("{}  made {created}  {does}", key.id)
}

async fn make(rotate: &SigningKeyRotate) -> Result<(), StartError> {
    let secret = match &rotate.key_secret.key_secret {
        Some(secret) => secret.clone(),
        None => secrets::find(&rotate.secret)?,
    };
    let seal = secrets::seal(&rotate.key_secret, &secret)?;
    let store = open(&rotate.database)?;
    let made = signing_keys::rotate(&store, &seal, rotate.session_ttl, by_command()).await;
    store.close().await;
    let id = made.map_err(|cause| StartError::SigningKeys(cause.to_string()))?;
    output::line(&id).map(drop)
}

fn by_command() -> Actor {
    Actor::command("campanile signing-key")
}

/// The database of a hub that was started before: a new one has no keys, and is not made.
fn open(database: &DatabaseSetting) -> Result<Store, StartError> {
    let location = database.url.location();
    secrets::require(location)?;
    Ok(Store::open(location, Metrics::default())?)
}
