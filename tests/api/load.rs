//! A thousand clients and many alarms to them all: each arrives everywhere, once and in order.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::crowd::{RawStream, connect, crowd};
use crate::support::{AppBuilder, TestApp};

const CLIENTS: usize = 1000;
const PUBLISHERS: i64 = 64;
/// The number of alarms that a debug build handles in about a minute; `CAMPANILE_LOAD_ALARMS` sets another one.
const ALARMS: i64 = 4000;
const LIMIT: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_clients_get_every_alarm_once_and_in_order() {
    let alarms = std::env::var("CAMPANILE_LOAD_ALARMS")
        .map_or(ALARMS, |count| count.parse().expect("a number of alarms"));
    let app = AppBuilder::default().alone().spawn().await;
    let tokens = crowd(&app, CLIENTS).await;
    let begin = Instant::now();
    let streams = connect(&app, &tokens).await;
    eprintln!("{CLIENTS} clients connected in {:?}", begin.elapsed());

    let begin = Instant::now();
    let mut clients = JoinSet::new();
    for (stream, token) in streams.into_iter().zip(tokens) {
        // One more than published below: the last one shows that nothing follows the others twice.
        clients.spawn(follow(stream, app.address().to_owned(), token, alarms + 1));
    }
    let mut published = publish_from_many(&app, alarms).await;
    let publishing = begin.elapsed();
    published.push(app.publish(json!({"everyone": true}), "LAST").await);
    let followed = tokio::time::timeout(LIMIT, clients.join_all()).await;
    let reconnects: usize = followed
        .expect("every client done in time")
        .into_iter()
        .map(|outcome| outcome.expect("a client that got everything"))
        .sum();
    let delivering = begin.elapsed();

    published.sort_unstable();
    let expected: Vec<i64> = (1..=alarms + 1).collect();
    assert_eq!(published, expected, "every 201 is one entry of the log");
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = (alarms * CLIENTS as i64) as f64 / delivering.as_secs_f64();
    eprintln!(
        "{alarms} alarms to {CLIENTS} clients: published in {publishing:?}, delivered in {delivering:?}, \
         {rate:.0} deliveries/s, {reconnects} reconnections"
    );
}

/// Reads until `last` and insists on each id; a client that is cut off comes back with its cursor.
async fn follow(
    mut stream: RawStream,
    address: String,
    token: String,
    last: i64,
) -> io::Result<usize> {
    let mut cursor = 0;
    let mut reconnects = 0;
    while cursor < last {
        let mut wrong = None;
        let open = stream
            .read(|event| {
                if event.name == "alarm" {
                    let id = event.id.unwrap_or_default();
                    if id != cursor + 1 {
                        wrong.get_or_insert((cursor, id));
                    }
                    cursor = id;
                }
            })
            .await
            .unwrap_or(false);
        if let Some((before, after)) = wrong {
            return Err(io::Error::other(format!("{after} after {before}")));
        }
        if !open && cursor < last {
            reconnects += 1;
            stream = RawStream::open(&address, &token, Some(cursor)).await?;
        }
    }
    Ok(reconnects)
}

async fn publish_from_many(app: &TestApp, alarms: i64) -> Vec<i64> {
    let left = Arc::new(AtomicI64::new(alarms));
    let mut publishers = JoinSet::new();
    for _ in 0..PUBLISHERS {
        let publisher = publish_while(
            app.client.clone(),
            app.url("/api/alarms"),
            app.service(),
            Arc::clone(&left),
        );
        publishers.spawn(publisher);
    }
    publishers.join_all().await.concat()
}

async fn publish_while(
    client: Client,
    url: String,
    token: String,
    left: Arc<AtomicI64>,
) -> Vec<i64> {
    let body = json!({"to": {"everyone": true}, "alarmType": "LOAD"});
    let mut ids = Vec::new();
    while left.fetch_sub(1, Ordering::Relaxed) > 0 {
        let request = client.post(&url).bearer_auth(&token).json(&body);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 201);
        let answer: Value = answer.json().await.expect("JSON");
        ids.push(answer["alarms"][0]["id"].as_i64().expect("an id"));
    }
    ids
}
