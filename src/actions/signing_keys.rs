//! The hub's own signing keys: read from the database again and again, as a command or another hub may change them.

use std::sync::Arc;
use std::time::Duration;

use crate::actions::{AppState, Refusal, issuers};
use crate::alarm::Timestamp;
use crate::auth::{NotOpened, Seal, Stored};
use crate::store::{Actor, SealedKey, Store};

/// Reads the keys, and makes one where none can sign.
pub(crate) async fn begin(state: &AppState, seal: &Seal) -> Result<(), Refusal> {
    for id in look(state, seal).await? {
        log::warn!("the signing key {id} is not used: {NotOpened}");
    }
    make_where_needed(state, seal).await
}

/// Follows changes of the keys until the hub stops.
pub(crate) async fn follow(state: Arc<AppState>, seal: Seal) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let looked = async {
            look(&state, &seal).await?;
            make_where_needed(&state, &seal).await
        };
        if let Err(cause) = looked.await {
            log::debug!("the signing keys are read later: {cause}");
        }
    }
}

/// Stores a new key, sealed, and returns its name. Those that signed before verify for as long as their tokens may live.
pub(crate) async fn rotate(
    store: &Store,
    seal: &Seal,
    life: Duration,
    by: Actor,
) -> Result<String, Refusal> {
    let key = new_key(seal)?;
    let id = key.id.clone();
    let until = Timestamp::now().plus(life);
    store.rotate_signing_keys(key, until, by).await?;
    store.forget_old_signing_keys().await?;
    Ok(id)
}

/// Reads the keys and ends what was allowed by those that are gone. Returns those that cannot be opened.
async fn look(state: &AppState, seal: &Seal) -> Result<Vec<String>, Refusal> {
    let sealed = state.store.signing_keys().await?;
    let stored: Vec<Stored<'_>> = sealed
        .iter()
        .map(|key| Stored {
            id: &key.id,
            sealed: &key.sealed,
            until: key.verifies_until.map(Timestamp::from_millis),
        })
        .collect();
    let (gone, unopened) = state.tokens.own_keys().take(seal, &stored);
    issuers::end(state, gone).await;
    Ok(unopened)
}

async fn make_where_needed(state: &AppState, seal: &Seal) -> Result<(), Refusal> {
    if state.tokens.own_keys().can_sign() {
        return Ok(());
    }
    state.store.add_signing_key(new_key(seal)?).await?;
    look(state, seal).await?;
    log::info!("made a key that signs the tokens of sign-ins");
    Ok(())
}

fn new_key(seal: &Seal) -> Result<SealedKey, Refusal> {
    let made = seal.new_key();
    let (id, sealed) = made.map_err(|cause| Refusal::Internal(cause.to_string()))?;
    Ok(SealedKey {
        id,
        sealed,
        created_at: Timestamp::now().millis(),
        verifies_until: None,
    })
}

/// A key that is retired is good nowhere within a second.
const LOOK_EVERY: Duration = Duration::from_millis(500);
