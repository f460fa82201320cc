//! The time without a database: when work is refused at once, and when streams are better off at another hub.

use std::time::Duration;

use actix::Addr;
use tokio::time::sleep;

use crate::hub::{Broadcaster, Bye, Close, StreamList};
use crate::store::Store;

/// Ends the streams after a minute without a database, until the hub stops.
pub(super) async fn watch(store: Store, broadcaster: Addr<Broadcaster>) {
    let close = async || {
        log::error!("the database has been away for a minute: closing the streams");
        let close = Close {
            streams: StreamList::All,
            bye: Bye::Unavailable,
        };
        broadcaster.send(close).await.is_ok()
    };
    send_away(
        || store.unheard_for(),
        async || sleep(LOOK_EVERY).await,
        close,
    )
    .await;
}

/// Closes the streams once in each outage; until that fails.
async fn send_away(
    unheard_for: impl Fn() -> Duration,
    pause: impl AsyncFn(),
    close: impl AsyncFn() -> bool,
) {
    let mut sent_away = false;
    loop {
        pause().await;
        let is_over = unheard_for() >= STREAMS_STAY;
        if is_over && !sent_away && !close().await {
            return;
        }
        sent_away = is_over;
    }
}

/// True if the database has been away for so long that nobody need wait for it.
pub(super) fn is_gone(unheard_for: Duration) -> bool {
    unheard_for >= GONE_AFTER
}

/// A failover takes some seconds, and requests that wait so long are answered.
const GONE_AFTER: Duration = Duration::from_secs(5);

/// Streams are right without a database, only quiet. After this time another hub may be better off than this one.
const STREAMS_STAY: Duration = Duration::from_secs(60);

const LOOK_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    #[tokio::test]
    async fn streams_are_sent_away_once_in_each_outage_of_a_minute() {
        // The database is away from 100 to 250, from 300 to 350 and from 400 on; the hub stops at the second `bye`.
        let second = Cell::new(0_u64);
        let unheard_for = || {
            let since = match second.get() {
                100..250 => 100,
                300..350 => 300,
                400.. => 400,
                heard => heard,
            };
            Duration::from_secs(second.get() - since)
        };
        let closed = RefCell::new(Vec::new());

        send_away(
            unheard_for,
            async || second.set(second.get() + 1),
            async || {
                closed.borrow_mut().push(second.get());
                closed.borrow().len() < 2
            },
        )
        .await;

        assert_eq!(closed.into_inner(), [160, 460]);
        assert!(!is_gone(Duration::from_millis(4_999)));
        assert!(is_gone(Duration::from_secs(5)));
    }
}
