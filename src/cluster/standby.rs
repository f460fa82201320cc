//! The demand for a synchronous standby (`CAMPANILE_REQUIRE_STANDBY`): without one, nothing is published.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use crate::store::{Standby, Store};

/// True while a standby is demanded and none is attached; all clones share it.
#[derive(Clone, Default)]
pub(super) struct Missing(Arc<AtomicBool>);

impl Missing {
    pub(super) fn is_true(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Asks again and again. An answer that does not come changes nothing: without a database nothing is published either.
    pub(super) async fn watch(self, store: Store) {
        loop {
            sleep(ASK_EVERY).await;
            let Ok(standby) = store.standby().await else {
                continue;
            };
            let missing = standby != Standby::Attached;
            if self.0.swap(missing, Ordering::Relaxed) != missing {
                if missing {
                    log::error!("no synchronous standby is attached: nothing is published");
                } else {
                    log::info!("a synchronous standby is attached: publishing again");
                }
            }
        }
    }
}

/// The time in which an alarm may still wait for a standby that has gone.
const ASK_EVERY: Duration = Duration::from_millis(500);
