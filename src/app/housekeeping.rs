//! Work that runs beside the requests: pruning, and copying the write-ahead log.

use std::sync::Arc;
use std::time::Duration;

use crate::actions::expiry::{self, Expiries, Reason};
use crate::actions::key_uses::{KeyUses, Span};
use crate::actions::networks::NewNetworks;
use crate::actions::signing_keys;
use crate::actions::unstored::Unstored;
use crate::actions::{AppState, api_keys};
use crate::auth::Seal;
use crate::cluster::Commands;
use crate::store::{Gone, Pass, Store};

/// Begins all of it; it goes on until the hub stops.
pub(super) fn begin(state: &Arc<AppState>, seal: Seal, retention: Duration) {
    let store = &state.store;
    actix_web::rt::spawn(checkpoint(store.clone()));
    actix_web::rt::spawn(store_revocations(state.unstored.clone(), store.clone()));
    actix_web::rt::spawn(store_networks(state.networks.clone(), store.clone()));
    actix_web::rt::spawn(store_key_uses(state.key_uses.clone(), store.clone()));
    if store.is_exclusive() {
        actix_web::rt::spawn(look_for_keys(Arc::clone(state)));
    }
    actix_web::rt::spawn(prune(Arc::clone(state), retention));
    actix_web::rt::spawn(expire(Arc::clone(state)));
    actix_web::rt::spawn(signing_keys::follow(Arc::clone(state), seal));
    if state.cluster.is_none() {
        let commands = Commands {
            store: store.clone(),
            broadcaster: state.broadcaster.clone(),
            revocations: state.revocations.clone(),
            keys: state.keys.clone(),
            rights: state.rights.clone(),
        };
        actix_web::rt::spawn(commands.follow());
    }
}

/// Prunes at start and once an hour, a batch at a time, with a pause for publishers between batches. The users with open
/// streams are told. A batch that fails is tried again: what is left would otherwise wait for the next hour.
async fn prune(state: Arc<AppState>, retention: Duration) {
    loop {
        let mut pass = Pass::begin(retention);
        let mut wait = pass.pause();
        while !pass.is_done() {
            match state.store.prune(&mut pass).await {
                Ok(gone) => {
                    wait = pass.pause();
                    tell_pruned(&state, &gone).await;
                }
                Err(cause) => {
                    pass.ease();
                    wait = (wait * 4).min(PRUNE_RETRY);
                    log::warn!("pruning failed and is tried again: {cause}");
                }
            }
            tokio::time::sleep(wait).await;
        }
        tokio::time::sleep(PRUNE_EVERY).await;
    }
}

/// Tells the users with open streams. Where hubs share the database the commit has told all of them, this one included.
async fn tell_pruned(state: &AppState, gone: &[Gone]) {
    if let Some(cluster) = &state.cluster {
        cluster.look_now();
    } else if let Err(cause) = expiry::tell(state, gone, Reason::Expired).await {
        log::warn!("open streams were not told of pruned alarms: {cause}");
    }
}

/// Tells the users with open streams of alarms that expire.
async fn expire(state: Arc<AppState>) {
    let mut expiries = Expiries::from_now();
    loop {
        if let Err(cause) = expiries.tell(&state).await {
            log::warn!("expired alarms are told later: {cause}");
        }
        tokio::time::sleep(EXPIRE_EVERY).await;
    }
}

/// Keeps the write-ahead log of a database file short.
async fn checkpoint(store: Store) {
    loop {
        tokio::time::sleep(CHECKPOINT_EVERY).await;
        if let Err(cause) = store.checkpoint().await {
            log::warn!("a checkpoint failed and is tried again: {cause}");
        }
    }
}

/// Stores sign-outs that the database could not store at once.
async fn store_revocations(unstored: Unstored, store: Store) {
    loop {
        tokio::time::sleep(REVOKE_EVERY).await;
        if let Err(cause) = unstored.store(&store).await {
            log::warn!("a sign-out is not stored yet and is tried again: {cause}");
        }
    }
}

/// Hears of API keys that the command line changed in a database file.
async fn look_for_keys(state: Arc<AppState>) {
    let mut seen = None;
    loop {
        match api_keys::look(&state, seen).await {
            Ok(changes) => seen = Some(changes),
            Err(cause) => log::warn!("the API keys cannot be read: {cause}"),
        }
        tokio::time::sleep(KEYS_EVERY).await;
    }
}

/// Stores the uses of API keys.
async fn store_key_uses(uses: KeyUses, store: Store) {
    loop {
        tokio::time::sleep(USES_EVERY).await;
        if let Err(cause) = uses.store(&store, Span::WholeMinutes).await {
            log::warn!("uses of API keys are not stored yet and are tried again: {cause}");
        }
    }
}

/// Stores the networks of right sign-ins.
async fn store_networks(networks: NewNetworks, store: Store) {
    loop {
        networks.added().await;
        let mut wait = NETWORKS_RETRY;
        while let Err(cause) = networks.store(&store).await {
            log::warn!("networks of sign-ins are not stored yet and are tried again: {cause}");
            tokio::time::sleep(wait).await;
            wait = (wait * 4).min(PRUNE_RETRY);
        }
    }
}

/// A part of the second within which a revocation holds.
const KEYS_EVERY: Duration = Duration::from_millis(400);

/// A minute is stored soon after it is over.
const USES_EVERY: Duration = Duration::from_secs(5);

/// The database may answer again soon, and nobody waits for it.
const NETWORKS_RETRY: Duration = Duration::from_secs(1);

/// Soon enough that no restart comes between, seldom enough for a database in trouble.
const REVOKE_EVERY: Duration = Duration::from_secs(1);

/// Some hundred commits of a busy hub, a few hundred pages to copy.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(250);

/// Well under the two seconds within which an expiry is told. A look at memory, unless something expired.
const EXPIRE_EVERY: Duration = Duration::from_millis(500);

const PRUNE_EVERY: Duration = Duration::from_secs(3_600);

/// The longest pause after a failure: the database may be away.
const PRUNE_RETRY: Duration = Duration::from_secs(60);
