//! A pool of connections and the queue in front of it: all work on the blocking pool, every wait with a bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use r2d2::PooledConnection;
use tokio::sync::Semaphore;

use crate::store::connection::{DbConnection, Pool, Quiet, Server};
use crate::store::{Location, StoreError};

/// A pool, and the permits that keep waiting callers off the blocking threads.
#[derive(Clone)]
pub(super) struct Lane {
    purpose: &'static str,
    pool: Pool,
    permits: Arc<Semaphore>,
    /// Whether the last caller waited for a connection in vain.
    away: Arc<AtomicBool>,
}

impl Lane {
    /// Opens `size` connections. Blocks until there is one.
    pub(super) fn open(
        location: &Location,
        purpose: &'static str,
        size: u32,
    ) -> Result<Self, StoreError> {
        // A connection is asked for a sign of life before each use (the pool's own default): that is how one which broke
        // while nobody looked is replaced, and how the hub heals.
        let pool = Pool::builder()
            .max_size(size)
            .connection_timeout(CONNECT_WITHIN)
            .error_handler(Box::new(Quiet))
            .build_unchecked(Server::at(location));
        drop(pool.get_timeout(OPEN_WITHIN)?);
        Ok(Self {
            purpose,
            pool,
            permits: Arc::new(Semaphore::new(size as usize)),
            away: Arc::default(),
        })
    }

    /// Does work on a connection of this lane. Work that is given up for its slowness may still be done afterwards.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let permit = tokio::time::timeout(QUEUE_WITHIN, Arc::clone(&self.permits).acquire_owned())
            .await
            .map_err(|_elapsed| {
                StoreError::Unavailable("no connection became free in time".to_owned())
            })?
            .map_err(|closed| StoreError::Unavailable(closed.to_string()))?;
        let lane = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&mut *lane.connection()?)
        });
        tokio::time::timeout(WORK_WITHIN, done)
            .await
            .map_err(|_elapsed| {
                StoreError::Unavailable("the database did not answer in time".to_owned())
            })?
            .map_err(|cause| StoreError::Broken(cause.to_string()))?
    }

    /// A connection. While the database is known to be away nobody waits for it: the pool tries in the background.
    fn connection(&self) -> Result<PooledConnection<Server>, StoreError> {
        let known_away = self.away.load(Ordering::Relaxed) && self.pool.state().connections == 0;
        let wait = if known_away {
            Duration::ZERO
        } else {
            CONNECT_WITHIN
        };
        let connection = self.pool.get_timeout(wait).map_err(StoreError::from);
        let was_away = self.away.swap(connection.is_err(), Ordering::Relaxed);
        match &connection {
            Err(cause) if !was_away => log::error!("cannot {}: {cause}", self.purpose),
            Ok(_) if was_away => log::info!("the database is back: able to {}", self.purpose),
            _ => {}
        }
        connection
    }
}

/// How long work waits for its turn before the caller hears that the database is unavailable.
const QUEUE_WITHIN: Duration = Duration::from_secs(5);

/// How long a broken connection's replacement is waited for. While the database is away the pool tries again at intervals of
/// half of it, so that is also how soon its return is noticed.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// The first connections of a server far away, over TLS.
const OPEN_WITHIN: Duration = Duration::from_secs(10);

/// Longer than a statement may take on PostgreSQL and than SQLite waits for another process; a database slower than this
/// hangs.
const WORK_WITHIN: Duration = Duration::from_secs(8);
