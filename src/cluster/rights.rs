//! The decision if a stream may go on: what it was opened with, compared with what is true now.

use std::collections::{HashMap, HashSet};

use actix::{Addr, MailboxError};

use crate::alarm::{ApiKey, UserId};
use crate::auth::{KeyRing, Reading, Revocations, RightsEpoch};
use crate::cluster::presence::Unfollowed;
use crate::hub::{Broadcaster, Bye, ClientId, Close, ListRights, Rights, StreamList};
use crate::store::{Account, Deletion, Store, StoreError};

/// Takes the API keys of a reading, and ends the streams of those that were revoked.
pub(crate) async fn take_keys(
    keys: &KeyRing,
    rights: &RightsEpoch,
    broadcaster: &Addr<Broadcaster>,
    (reading, found): (Reading, Vec<ApiKey>),
) -> Result<(), MailboxError> {
    let ended = keys.replace(reading, found);
    if !ended.is_empty() {
        rights.advance();
    }
    for key in ended {
        let (streams, bye) = (StreamList::Key(key), Bye::Logout);
        broadcaster.send(Close { streams, bye }).await?;
    }
    Ok(())
}

/// Ends the streams, of some users or of all, that may not go on.
pub(super) async fn enforce(
    store: &Store,
    broadcaster: &Addr<Broadcaster>,
    (revocations, keys): (&Revocations, &KeyRing),
    users: Option<HashSet<UserId>>,
) -> Result<(), Unfollowed> {
    let streams = broadcaster.send(ListRights(users)).await?;
    let accounts = accounts_of(store, &streams).await?;
    let deletions = deletions_of(store, &streams, &accounts).await?;
    let mut ending: HashMap<&'static str, (Bye, HashSet<ClientId>)> = HashMap::new();
    for stream in &streams {
        let key = stream.api_key.as_deref();
        let is_revoked =
            revocations.contain_id(&stream.token_id) || key.is_some_and(|key| !keys.holds(key));
        let is_revoked = is_revoked
            || deletions
                .get(&stream.user_id)
                .is_some_and(|deletion| deletion.outdates(stream.issued_at));
        let account = accounts.get(&stream.user_id);
        if let Some(bye) = verdict(stream, account, is_revoked) {
            let key = if bye == Bye::Disabled {
                "disabled"
            } else {
                bye.reason()
            };
            let (_bye, clients) = ending.entry(key).or_insert((bye, HashSet::new()));
            clients.insert(stream.client_id);
        }
    }
    for (bye, clients) in ending.into_values() {
        let streams = StreamList::Clients(clients);
        broadcaster.send(Close { streams, bye }).await?;
    }
    Ok(())
}

async fn accounts_of(
    store: &Store,
    streams: &[Rights],
) -> Result<HashMap<UserId, Account>, StoreError> {
    let users: HashSet<UserId> = streams.iter().map(|one| one.user_id.clone()).collect();
    let accounts = store.accounts_of(users.into_iter().collect()).await?;
    let by_id = accounts
        .into_iter()
        .map(|account| (account.id.clone(), account));
    Ok(by_id.collect())
}

/// The deletions of those users of streams who have no account.
async fn deletions_of(
    store: &Store,
    streams: &[Rights],
    accounts: &HashMap<UserId, Account>,
) -> Result<HashMap<UserId, Deletion>, StoreError> {
    let users = streams.iter().map(|stream| &stream.user_id);
    let without: HashSet<&UserId> = users.filter(|user| !accounts.contains_key(user)).collect();
    store
        .deletions_of(without.into_iter().cloned().collect())
        .await
}

/// The reason to end a stream; `None` if it may go on. A stream of a service has no account.
fn verdict(stream: &Rights, account: Option<&Account>, is_revoked: bool) -> Option<Bye> {
    if is_revoked {
        return Some(Bye::Logout);
    }
    let account = account?;
    if account.signed_out(stream.issued_at) {
        return Some(Bye::Logout);
    }
    if account.disabled {
        return Some(Bye::Disabled);
    }
    let outdates = |role| account.outdates(stream.issued_at, role);
    let is_outdated = stream.role.is_some_and(outdates);
    let was_kicked = account.kicks > stream.kicks;
    (is_outdated || was_kicked).then_some(Bye::Kicked)
}
