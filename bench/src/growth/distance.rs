//! The rate of 256 publishers with their PostgreSQL near and with a millisecond added to each of its round trips.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::caller::Caller;
use crate::error::Result;
use crate::ground::Ground;
use crate::growth::database::{Database, NAME};
use crate::growth::proxy;
use crate::growth::questions::publish;
use crate::growth::results::Distance;
use crate::postgres::Postgres;
use crate::servers::campanile::Campanile;

/// Both through the same proxy, once without a delay.
pub(super) fn measure(ground: &Ground, database: &Database) -> Result<Distance> {
    let server = database.address().ok_or("a file has no round trips")?;
    let rate = |delay| {
        let proxy = SocketAddr::from((Ipv4Addr::LOCALHOST, proxy::before(server, delay)?));
        let url = Postgres::url(proxy, NAME);
        let settings = [("CAMPANILE_DATABASE_URL", url.as_str())];
        let hub = Campanile::start_with(&ground.site(database.folder()), &settings)?;
        publishers(&hub)
    };
    Ok(Distance {
        near_per_second: rate(Duration::ZERO)?,
        far_per_second: rate(Duration::from_millis(1))?,
    })
}

/// Keyed alarms a second of all publishers in closed loop.
fn publishers(hub: &Campanile) -> Result<f64> {
    let (address, number) = (hub.address(), AtomicUsize::new(0));
    // The time makes the keys of each measurement new.
    let epoch = std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_micros();
    let first = usize::try_from(epoch).unwrap_or(0);
    let begin = Instant::now();
    let publish_all = || -> Result<()> {
        let mut caller = Caller::connect(address)?;
        while begin.elapsed() < LASTING {
            let key = first + number.fetch_add(1, Ordering::Relaxed);
            caller.ask(&publish(key)?)?;
        }
        Ok(())
    };
    let failure = thread::scope(|scope| {
        let publisher = |_number| scope.spawn(|| publish_all().map_err(|cause| cause.to_string()));
        let publishers: Vec<_> = (0..PUBLISHERS).map(publisher).collect();
        let ended = publishers.into_iter().filter_map(|one| one.join().ok());
        ended.filter_map(std::result::Result::err).next()
    });
    if let Some(failure) = failure {
        return Err(failure.into());
    }
    let count = number.load(Ordering::Relaxed);
    Ok(count as f64 / begin.elapsed().as_secs_f64())
}

const PUBLISHERS: usize = 256;

const LASTING: Duration = Duration::from_secs(4);
