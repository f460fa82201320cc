//! The round trips of an append to a PostgreSQL: their number does not depend on the size of the batch, so that a distant
//! server takes batches as large as a near one.

use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::postgres::Postgres;
use crate::support::{AppBuilder, DEADLINE, TestApp, until};
use crate::trip_counter::{Proxy, Transaction};

/// The check of the connection, and the whole append; or BEGIN with the lock and what is looked up, and what is written with COMMIT.
const MOST_TRIPS: usize = 2;

/// In the statement that is a whole append, and in the one that looks up what a batch names.
const AT_ONCE: &str = "campanile_append";
const LOOKS_UP: &str = "LATERAL (SELECT body_hash";

async fn hub() -> (TestApp, Proxy) {
    let folder = tempfile::tempdir().unwrap();
    let direct = Postgres::shared().database_of(folder.path());
    let (proxy, url) = Proxy::before(&direct).await;
    let app = AppBuilder::default()
        .env("CAMPANILE_DATABASE_URL", &url)
        .env("CAMPANILE_USERS", "any")
        .spawn()
        .await;
    // The migrations tell of what they make.
    proxy.committed();
    (app, proxy)
}

/// The status and the ids of a keyed request.
async fn publish(app: &TestApp, key: &str, body: &Value) -> (u16, Vec<i64>) {
    let request = app
        .post(&app.service(), "/api/alarms")
        .header("Idempotency-Key", key)
        .json(body);
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    let alarms = body["alarms"].as_array().cloned().unwrap_or_default();
    let ids = alarms.iter().filter_map(|alarm| alarm["id"].as_i64());
    (status, ids.collect())
}

fn appends(proxy: &Proxy) -> Vec<Transaction> {
    let committed = proxy.committed().into_iter();
    committed
        .filter(|transaction| {
            [AT_ONCE, LOOKS_UP]
                .iter()
                .any(|part| transaction.sql.contains(part))
        })
        .collect()
}

#[tokio::test]
async fn a_batch_in_which_nothing_is_to_be_decided_is_one_statement() {
    let (app, proxy) = hub().await;
    let bob = app.user("bob").await;
    app.room("lobby").await;
    app.publish(json!({"user": "bob"}), "FIRST").await;
    proxy.committed();

    let plain = app.publish(json!({"user": "bob"}), "PLAIN").await;
    let to_bob = json!({"to": {"user": "bob"}, "alarmType": "KEYED"});
    let (_status, keyed) = publish(&app, "key", &to_bob).await;
    let everyone = app.publish(json!({"everyone": true}), "EVERYONE").await;
    let message = app.post(&bob, "/api/rooms/lobby/messages");
    let said = message
        .json(&json!({"text": "Hello"}))
        .send()
        .await
        .unwrap();
    assert_eq!(said.status(), 201);

    let appends = appends(&proxy);
    assert_eq!(appends.len(), 4, "{appends:?}");
    assert!(
        appends
            .iter()
            .all(|append| append.sql.contains(AT_ONCE) && append.trips <= MOST_TRIPS),
        "{appends:?}"
    );
    assert_eq!((keyed, everyone), (vec![plain + 1], plain + 2));
}

#[tokio::test]
async fn a_batch_takes_as_many_round_trips_to_a_server_however_large_it_is() {
    const EACH: usize = 100;
    let (app, proxy) = hub().await;
    proxy.delay_each_trip(Duration::from_millis(20));
    let new: Vec<Value> = (0..EACH)
        .map(|at| json!({"to": {"users": [format!("one{at}"), format!("two{at}"), "bob"]}, "alarmType": "T"}))
        .collect();
    let nowhere = json!({"to": {"room": "nowhere"}, "alarmType": "T"});
    let one = json!({"to": {"user": "bob"}, "alarmType": "ONE"});
    let other = json!({"to": {"user": "bob"}, "alarmType": "OTHER"});
    let send = async || {
        let new = new.iter().enumerate();
        let sent = new.map(async |(at, body)| publish(&app, &format!("new{at}"), body).await);
        let refused = (0..EACH).map(async |at| publish(&app, &format!("no{at}"), &nowhere).await);
        let same = (0..EACH).map(async |at| {
            let body = if at % 2 == 0 { &one } else { &other };
            publish(&app, "same", body).await
        });
        tokio::join!(join_all(sent), join_all(refused), join_all(same))
    };

    let (stored, refused, same) = send().await;
    let first = appends(&proxy);
    let (stored_again, refused_again, same_again) = send().await;
    let second = appends(&proxy);

    let ids = || stored.iter().flat_map(|(_, ids)| ids);
    assert_eq!(ids().collect::<HashSet<_>>().len(), 3 * EACH, "{stored:?}");
    assert!(
        stored.iter().all(
            |(status, ids)| *status == 201 && ids.windows(2).all(|pair| pair[1] == pair[0] + 1)
        )
    );
    assert!(refused.iter().all(|(status, _)| *status == 422));
    let won: Vec<_> = same.iter().filter(|(status, _)| *status == 201).collect();
    assert_eq!(won.len(), EACH / 2, "{same:?}");
    assert!(won.iter().all(|one| *one == won[0] && one.1.len() == 1));
    assert_eq!(stored, stored_again);
    assert_eq!(refused, refused_again);
    let known = |answers: &[(u16, Vec<i64>)]| answers.iter().find(|one| one.0 == 201).cloned();
    assert_eq!(known(&same), known(&same_again));
    for transactions in [first, second] {
        assert!(!transactions.is_empty());
        assert!(transactions.len() < 2 * EACH, "{}", transactions.len());
        let most = transactions.iter().max_by_key(|one| one.trips).unwrap();
        assert!(most.trips <= MOST_TRIPS, "{most:?}");
    }
}

#[tokio::test]
async fn publishers_of_a_distant_server_share_its_round_trips() {
    const PUBLISHERS: usize = 64;
    const EACH: usize = 10;
    let (app, proxy) = hub().await;
    proxy.delay_each_trip(Duration::from_millis(1));

    let publishers = (0..PUBLISHERS).map(async |publisher| {
        let body = json!({"to": {"user": format!("user{publisher}")}, "alarmType": "T"});
        for at in 0..EACH {
            let (status, _) = publish(&app, &format!("{publisher}-{at}"), &body).await;
            assert_eq!(status, 201);
        }
    });
    join_all(publishers).await;

    let transactions = appends(&proxy).len();
    assert!(transactions <= PUBLISHERS * EACH / 2, "{transactions}");
}

#[tokio::test]
async fn a_client_that_reads_the_log_takes_one_trip_for_its_counts_and_its_page() {
    const MISSED: usize = 20;
    /// More than a hub has in memory.
    const SINCE: usize = 2_000;
    let (app, proxy) = hub().await;
    let bob = app.user("bob").await;
    let cursor = app.publish(json!({"user": "bob"}), "FIRST").await;
    for _alarm in 0..MISSED {
        app.publish(json!({"user": "bob"}), "MISSED").await;
    }
    let many: Vec<Value> = (0..100)
        .map(|_| json!({"to": {"user": "erin"}, "alarmType": "OTHER"}))
        .collect();
    for _batch in 0..SINCE / many.len() {
        let answer = app.post(&app.service(), "/api/alarms").json(&many);
        assert_eq!(answer.send().await.unwrap().status(), 201);
    }
    let path = format!("/api/stream?cursor={cursor}");
    // Whatever is asked only once is known after the first one. A hub that cannot read both at once reads the counts alone.
    until(
        "a stream for which one statement is sent",
        DEADLINE,
        async || {
            proxy.alone();
            let mut stream = app.connected(&bob, &path).await;
            for _alarm in 0..MISSED {
                stream.next_named("alarm", DEADLINE).await;
            }
            let sent = proxy.alone();
            let of = |part: &str| sent.iter().filter(|sql| sql.contains(part)).count();
            let both = |sql: &String| sql.contains("AS marked") && sql.contains("AS left_over");
            assert_eq!(of("AS marked"), 1, "{sent:#?}");
            assert_eq!(of("AS left_over"), 1, "{sent:#?}");
            let is_one = sent.iter().any(both);
            (is_one && of("receipts") == 1).then_some(())
        },
    )
    .await;
}
