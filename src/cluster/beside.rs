//! Accounts that a command (`campanile user`) changes in a database file beside its hub. There is no other hub that could send
//! signals, so the hub of a file looks at the count of changes.

use std::time::Duration;

use actix::Addr;

use crate::auth::{KeyRing, Revocations, RightsEpoch};
use crate::cluster::presence::Unfollowed;
use crate::cluster::rights;
use crate::hub::Broadcaster;
use crate::store::{AccountCount, Store};

/// The parts of a hub that hear of changes by commands.
pub(crate) struct Commands {
    /// The database.
    pub store: Store,
    /// The owner of the streams that may have to end.
    pub broadcaster: Addr<Broadcaster>,
    /// The revoked tokens.
    pub revocations: Revocations,
    /// The API keys.
    pub keys: KeyRing,
    /// The count of changes of rights.
    pub rights: RightsEpoch,
}

impl Commands {
    /// Looks until the hub stops.
    pub(crate) async fn follow(self) {
        let mut known = None;
        loop {
            match self.look(&mut known).await {
                Ok(()) => {}
                Err(Unfollowed::Stopping(_)) => return,
                Err(Unfollowed::Store(cause)) => {
                    log::debug!("cannot look for changes of accounts: {cause}");
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// One look. What was counted is kept only when it is followed.
    async fn look(&self, known: &mut Option<AccountCount>) -> Result<(), Unfollowed> {
        let counted = self.store.count_account_changes().await?;
        if known.is_some_and(|known| counted.has_others_since(known)) {
            self.store.forget_all_accounts();
            self.rights.advance();
            let known = (&self.revocations, &self.keys);
            rights::enforce(&self.store, &self.broadcaster, known, None).await?;
        }
        *known = Some(counted);
        Ok(())
    }
}

/// A change holds within a second.
const LOOK_EVERY: Duration = Duration::from_millis(400);
