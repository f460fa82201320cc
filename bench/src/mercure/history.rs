//! A subscriber of one exact topic with a short history, and with a long one of other topics.

use std::time::Duration;

use crate::caller::Caller;
use crate::error::Result;
use crate::ground::Ground;
use crate::growth::database::Database;
use crate::growth::filling::{MILLIS_NOW, numbers};
use crate::growth::questions::median;
use crate::growth::results::DatabaseKind;
use crate::mercure::hub::{Hub, topic};
use crate::mercure::results::{History, Times};

/// Measures with a short history of other topics between the updates of one topic, and with a long one.
pub(super) fn measure(ground: &Ground, database: &Database, rows: u64) -> Result<History> {
    let rows = rows.clamp(SHORT, MOST_ROWS);
    publish_own(&Hub::start(ground, database)?, "first")?;
    let short = ask_behind(ground, database, SHORT, "short")?;
    let long = ask_behind(ground, database, rows, "long")?;
    let times = short.into_iter().zip(long).map(|(short, long)| Times {
        name: short.0,
        short: short.1.as_secs_f64() * 1e3,
        long: long.1.as_secs_f64() * 1e3,
    });
    Ok(History {
        rows,
        times: times.collect(),
    })
}

/// Fills in more updates of other topics, then publishes and asks.
fn ask_behind(
    ground: &Ground,
    database: &Database,
    rows: u64,
    name: &str,
) -> Result<Vec<(&'static str, Duration)>> {
    database.sql(&fill(database.kind(), rows))?;
    if database.kind() == DatabaseKind::Postgres {
        // Autovacuum does it by itself after a while.
        database.sql("VACUUM ANALYZE")?;
    }
    let hub = Hub::start(ground, database)?;
    publish_own(&hub, name)?;
    ask(&hub, name)
}

/// Ten updates of the one topic.
fn publish_own(hub: &Hub, name: &str) -> Result<()> {
    let mut caller = Caller::connect(hub.address())?;
    for number in 0..10 {
        let data = format!("hello&id={name}{number}");
        caller.ask(&hub.publish(&topic(OWN), &data))?;
    }
    Ok(())
}

/// The median time of each kind of request.
fn ask(hub: &Hub, last: &str) -> Result<Vec<(&'static str, Duration)>> {
    let own = topic(OWN);
    let live = format!("match={own}");
    let near = format!("match={own}&last_event_id={last}0");
    let end = format!("id: {last}9\n");
    let far = format!("match={own}&last_event_id=first0");
    let unknown = format!("match={own}&last_event_id=nobody&campanile=gap");
    let questions = [
        ("subscribe", &live, &"\n:\n".to_owned()),
        ("resume 9 updates behind", &near, &end),
        ("resume behind the whole history", &far, &end),
        ("an unknown id, and all that is kept", &unknown, &end),
    ];
    let mut times = Vec::new();
    for (name, query, until) in questions {
        let follow = || Caller::connect(hub.address())?.follow(&hub.subscribe(query), until);
        let taken: Result<Vec<Duration>> = (0..ASKED).map(|_| follow()).collect();
        times.push((name, median(taken?)));
    }
    let mut caller = Caller::connect(hub.address())?;
    let request = hub.publish(&topic("others"), "hello");
    let taken: Result<Vec<Duration>> = (0..ASKED).map(|_| Ok(caller.ask(&request)?.took)).collect();
    times.push(("publish, one after the other", median(taken?)));
    for (name, time) in &times {
        eprintln!("  {name}: {:.2} ms", time.as_secs_f64() * 1e3);
    }
    Ok(times)
}

/// Updates of 100,000 other topics, behind those that are there.
fn fill(kind: DatabaseKind, rows: u64) -> String {
    let numbers = numbers(kind, 1, rows);
    let head = "(SELECT last_id FROM log_head)";
    format!(
        "BEGIN;
         INSERT INTO mercure_updates
           (id, external_id, external_hash, topics, private, event_type, retry, data, size_bytes, created_at)
           SELECT {head} + n, 'urn:uuid:other' || n, n * 9000000000000, '[\"https://example.com/others/' || (n % 100000) || '\"]',
             n % 2, NULL, 0, '{{\"text\":\"hello\"}}', 80, {MILLIS_NOW} {numbers};
         INSERT INTO mercure_topics (topic_hash, update_id) SELECT (n % 100000) * 90000000000000, {head} + n {numbers};
         UPDATE log_head SET last_id = last_id + {rows};
         COMMIT;"
    )
}

const OWN: &str = "own";

/// Requests of each kind.
const ASKED: usize = 40;

/// More than the hub keeps in memory for those who come back.
const SHORT: u64 = 10_000;

/// The hashes of more would not fit.
const MOST_ROWS: u64 = 1_000_000;
