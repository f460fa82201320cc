//! The keys of other issuers: fetched beside the requests, which never wait for it.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::actions::{AppState, streams};
use crate::alarm::SignerId;
use crate::auth::mercure::Verifier;
use crate::auth::{IssuerSettings, KeySet};

/// Takes new settings of all issuers, and begins to fetch the sets that are new.
pub(crate) async fn renew(
    state: &Arc<AppState>,
    settings: Vec<IssuerSettings>,
) -> Result<(), String> {
    let renewed = state.tokens.issuers().renew(settings)?;
    // Also where no key is gone: a token that the shared secret was good for may be another issuer's now.
    state.tokens.forget_all();
    end(state, renewed.gone).await;
    follow(state, &renewed.new_sets);
    Ok(())
}

/// Begins to fetch sets.
fn follow<'a>(state: &Arc<AppState>, sets: impl IntoIterator<Item = &'a Arc<KeySet>>) {
    for set in sets {
        actix::spawn(keep(Arc::clone(state), Arc::downgrade(set)));
    }
}

/// Begins to fetch the sets of the Mercure protocol.
pub(crate) fn follow_mercure(state: &Arc<AppState>) {
    let keys = state.mercure.as_ref().map(|mercure| &mercure.keys);
    let verifiers = keys.map(|keys| [&keys.publisher, &keys.subscriber]);
    let verifiers = verifiers.into_iter().flatten().flatten();
    follow(state, verifiers.filter_map(Verifier::set));
}

/// Fetches a set again and again, until the settings name it no more.
async fn keep(state: Arc<AppState>, set: Weak<KeySet>) {
    let mut extra: Option<Instant> = None;
    let mut failed = false;
    while let Some(set) = set.upgrade() {
        let wanted = set.wanted();
        failed = refresh(&state, &set, failed).await;
        let pause = if set.has_keys() {
            FETCH_EVERY
        } else {
            FIRST_AGAIN
        };
        // Not held while it waits: the settings may drop it.
        drop(set);
        let end = Instant::now() + pause;
        while let Ok(()) = tokio::time::timeout_at(end.into(), wanted.notified()).await {
            if extra.is_none_or(|at| at.elapsed() >= EXTRA_EVERY) {
                extra = Some(Instant::now());
                break;
            }
        }
    }
}

/// Fetches a set once, and ends what its keys do no longer allow. Returns whether it failed, which is logged once.
async fn refresh(state: &AppState, set: &KeySet, failed: bool) -> bool {
    let (gone, fetched) = set.refresh(&state.outgoing).await;
    end(state, gone).await;
    match &fetched {
        Ok(()) if failed => log::info!("the keys of {} are fetched again", set.issuer()),
        Ok(()) => log::debug!("the keys of {} are fetched", set.issuer()),
        Err(cause) if failed => log::debug!("the keys of {}: {cause}", set.issuer()),
        Err(cause) => log::warn!("the keys of {} cannot be fetched: {cause}", set.issuer()),
    }
    fetched.is_err()
}

/// Ends what was allowed by keys that are gone: first in requests, then on open streams.
pub(super) async fn end(state: &AppState, gone: Vec<SignerId>) {
    if gone.is_empty() {
        return;
    }
    state.tokens.forget_all();
    match streams::close_signed(state, gone).await {
        Ok(count) => log::info!("a key is gone: {count} streams are closed"),
        Err(cause) => log::warn!("the streams of a key that is gone: {cause}"),
    }
}

/// A key that is taken away is to be gone within a minute.
const FETCH_EVERY: Duration = Duration::from_secs(45);

/// Until the first set is there no token of the issuer is taken.
const FIRST_AGAIN: Duration = Duration::from_secs(5);

/// Anybody can send tokens that name unknown keys.
const EXTRA_EVERY: Duration = Duration::from_mins(1);
