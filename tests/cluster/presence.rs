//! The list of those present in a room is the same at every hub, also when a hub dies or the server crashes.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::hubs::{WITHIN, database, hub, status};
use crate::support::postgres::{Postgres, signal};
use crate::support::{DEADLINE, SseClient, TestApp, until};

/// The promise is six seconds; the rest is a debug build on a slow machine that does other things as well.
const LEFT_WITHIN: Duration = Duration::from_secs(40);

async fn present(hub: &TestApp, token: &str) -> Vec<String> {
    let path = "/api/rooms/lobby/presence";
    let answer = hub.get(token, path).send().await.unwrap();
    let body = answer.json::<Value>().await.unwrap();
    let users = body["users"].as_array().unwrap();
    assert_eq!(body["count"], json!(users.len()));
    let id = |user: &Value| user["id"].as_str().unwrap().to_owned();
    users.iter().map(id).collect()
}

async fn are_present(hub: &TestApp, token: &str, who: &[&str], within: Duration) {
    let begin = Instant::now();
    until(&format!("{who:?} are present"), within, async || {
        (present(hub, token).await == who).then_some(())
    })
    .await;
    eprintln!("{who:?} are present after {:?}", begin.elapsed());
}

/// The next event in which users come or leave, without the stream's own user.
async fn moved(stream: &mut SseClient, own: &str) -> (Value, Value) {
    loop {
        let event = stream.next_named("presence", DEADLINE).await.json();
        if event["joined"] != json!([own]) {
            return (event["joined"].clone(), event["left"].clone());
        }
    }
}

#[tokio::test]
async fn a_room_is_the_same_at_every_hub_and_a_user_leaves_with_the_last_of_their_streams() {
    let url = database();
    let hubs = [hub(&url).await, hub(&url).await, hub(&url).await];
    let bob = hubs[0].user("bob").await;
    let eve = hubs[0].user("eve").await;
    hubs[0].room("lobby").await;
    let mut watch = hubs[2].connected(&eve, "/api/stream?room=lobby").await;

    let first = hubs[0].connected(&bob, "/api/stream?room=lobby").await;
    let second = hubs[1].connected(&bob, "/api/stream?room=lobby").await;
    for hub in &hubs {
        are_present(hub, &bob, &["bob", "eve"], WITHIN).await;
    }
    assert_eq!(moved(&mut watch, "eve").await, (json!(["bob"]), json!([])));
    let rooms = hubs[2].get(&eve, "/api/rooms").send().await.unwrap();
    assert_eq!(rooms.json::<Value>().await.unwrap()[0]["online"], 2);

    // The last word of the second hub is told before the first stream goes.
    let noted = "SELECT count(*) FROM presence WHERE user_id = 'bob'";
    assert_eq!(Postgres::shared().sql(&url, noted), "2");
    drop(first);
    until("one is noted", WITHIN, async || {
        (Postgres::shared().sql(&url, noted) == "1").then_some(())
    })
    .await;
    are_present(&hubs[2], &bob, &["bob", "eve"], WITHIN).await;
    drop(second);
    assert_eq!(moved(&mut watch, "eve").await, (json!([]), json!(["bob"])));
    for hub in &hubs {
        are_present(hub, &bob, &["eve"], WITHIN).await;
    }
}

#[tokio::test]
async fn those_at_a_hub_that_is_killed_have_left_within_seconds_unless_they_are_elsewhere() {
    let url = database();
    let (one, mut killed, other) = (hub(&url).await, hub(&url).await, hub(&url).await);
    let bob = one.user("bob").await;
    let eve = one.user("eve").await;
    let mia = one.user("mia").await;
    one.room("lobby").await;
    let mut watch = one.connected(&eve, "/api/stream?room=lobby").await;
    let _bob = killed.connected(&bob, "/api/stream?room=lobby").await;
    let _mia = killed.connected(&mia, "/api/stream?room=lobby").await;
    for hub in [&one, &other] {
        are_present(hub, &eve, &["bob", "eve", "mia"], WITHIN).await;
    }

    let begin = Instant::now();
    killed.kill().await;
    let _back = other.connected(&mia, "/api/stream?room=lobby").await;

    let left = loop {
        let (joined, left) = moved(&mut watch, "eve").await;
        assert!(!left.to_string().contains("mia"), "came back before");
        if joined == json!([]) {
            break left;
        }
    };
    assert_eq!(left, json!(["bob"]));
    eprintln!("left {:?} after the kill", begin.elapsed());
    for hub in [&one, &other] {
        are_present(hub, &eve, &["eve", "mia"], WITHIN).await;
    }
}

#[tokio::test]
async fn a_hub_that_stood_still_registers_its_users_again() {
    let url = database();
    let (one, still) = (hub(&url).await, hub(&url).await);
    let bob = one.user("bob").await;
    let eve = one.user("eve").await;
    one.room("lobby").await;
    let _stream = still.connected(&bob, "/api/stream?room=lobby").await;
    are_present(&one, &eve, &["bob"], WITHIN).await;

    let process = [still.process_id()];
    signal("-STOP", &process);
    are_present(&one, &eve, &[], LEFT_WITHIN).await;
    signal("-CONT", &process);

    are_present(&one, &eve, &["bob"], LEFT_WITHIN).await;
    are_present(&still, &eve, &["bob"], WITHIN).await;
}

#[tokio::test]
async fn a_crash_of_the_server_that_empties_the_table_has_everybody_registered_again() {
    let postgres = Postgres::start();
    let folder = tempfile::tempdir().unwrap();
    let url = postgres.database_of(folder.path());
    let (one, other) = (hub(&url).await, hub(&url).await);
    let bob = one.user("bob").await;
    let eve = one.user("eve").await;
    one.room("lobby").await;
    let _near = one.connected(&bob, "/api/stream?room=lobby").await;
    let _far = other.connected(&eve, "/api/stream?room=lobby").await;
    for hub in [&one, &other] {
        are_present(hub, &eve, &["bob", "eve"], WITHIN).await;
    }

    // A table of the same kind that no hub writes: one that is back at once has its rows in the other again.
    let kind = "SELECT relpersistence FROM pg_class WHERE relname = 'presence'";
    assert_eq!(postgres.sql(&url, kind), "u", "a crash empties the table");
    postgres.sql(&url, "CREATE UNLOGGED TABLE beside AS SELECT 1 AS one");
    postgres.control(&["stop", "-m", "immediate"]);
    postgres.control(&["start"]);
    assert_eq!(postgres.sql(&url, "SELECT count(*) FROM beside"), "0");

    until("the hubs are back", DEADLINE, async || {
        (status(&one, &eve).await == 200 && status(&other, &eve).await == 200).then_some(())
    })
    .await;
    until("everybody is registered", DEADLINE, async || {
        let rows = postgres.sql(&url, "SELECT count(*) FROM presence");
        (rows == "2").then_some(())
    })
    .await;
    for hub in [&one, &other] {
        are_present(hub, &eve, &["bob", "eve"], WITHIN).await;
    }
    let late = hub(&url).await;
    are_present(&late, &eve, &["bob", "eve"], WITHIN).await;
}

#[tokio::test]
async fn what_a_dead_hub_writes_while_its_lease_is_ended_leaves_no_ghost() {
    let postgres = Postgres::shared();
    let url = database();
    let _hub = hub(&url).await;

    // Nobody beats for this one; what it writes is committed when the other hub waits for it.
    postgres.sql(
        &url,
        "INSERT INTO hubs (id, incarnation, beat, version, streams, log_lag, server) VALUES ('dead', 1, 7, '', 0, 0, '')",
    );
    let mut writing = postgres.run_beside(
        &url,
        "DO $$ BEGIN \
            PERFORM campanile_presence('dead', 1, false, '{\"joined\":[[\"lobby\",\"bob\"]],\"left\":[]}'); \
            WHILE NOT EXISTS (SELECT FROM pg_locks AS lock JOIN pg_stat_activity AS other USING (pid) \
                WHERE NOT granted AND datname = current_database()) LOOP \
                PERFORM pg_sleep(0.02); \
                PERFORM pg_stat_clear_snapshot(); \
            END LOOP; \
         END $$",
    );

    until("the lease is ended", DEADLINE, async || {
        let held = postgres.sql(&url, "SELECT count(*) FROM hubs WHERE id = 'dead'");
        (held == "0").then_some(())
    })
    .await;
    assert!(writing.wait().unwrap().success());
    let rows = "SELECT count(*) FROM presence WHERE hub = 'dead'";
    assert_eq!(postgres.sql(&url, rows), "0");
}
