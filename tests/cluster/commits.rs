//! A commit that waits for the standby holds up no other one, nor the lease of its hub; and what it changed is told whatever
//! happens to its hub.

use std::time::Duration;

use serde_json::{Value, json};

use crate::hubs::{database, hub, publish, sign_out};
use crate::servers::Servers;
use crate::support::postgres::Postgres;
use crate::support::{Claims, DEADLINE, SseClient, TestApp, sign, until};

/// True if a number of marks and sign-outs wait for the standby; a beat is no transaction of several statements.
fn waiting(count: u32) -> String {
    format!(
        "SELECT count(*) >= {count} FROM pg_stat_activity WHERE wait_event = 'SyncRep' \
         AND (query LIKE '%COMMIT' OR query LIKE '%revoked_tokens%')"
    )
}

async fn read(hub: &TestApp, token: &str, id: i64) -> Option<u16> {
    let path = format!("/api/alarms/{id}/read");
    let answer = hub.post(token, &path).json(&json!({})).send().await.ok()?;
    Some(answer.status().as_u16())
}

/// The next `state` event that tells of an alarm.
async fn told(stream: &mut SseClient, id: i64) -> Value {
    loop {
        let state = stream.next_named("state", DEADLINE).await.json();
        if state["ids"] == json!([id]) {
            return state;
        }
    }
}

#[tokio::test]
async fn marks_and_sign_outs_of_different_users_wait_for_the_standby_side_by_side() {
    let servers = Servers::start().await;
    let (one, other) = (hub(&servers.url).await, hub(&servers.url).await);
    let users = [one.user("bob").await, one.user("eve").await];
    let ids = [publish(&one, "bob").await, publish(&one, "eve").await];
    let out = sign(&Claims::of("bob", "user"));
    let mut streams = Vec::new();
    for user in &users {
        streams.push(other.connected(user, "/api/stream").await);
    }

    servers.freeze_standby();
    let work = async {
        tokio::join!(
            read(&one, &users[0], ids[0]),
            read(&other, &users[1], ids[1]),
            sign_out(&one, &out)
        )
    };
    let beside = async {
        servers.until_primary_says(&waiting(3), "t").await;
        servers.thaw_standby();
    };
    tokio::join!(work, beside);

    for (stream, id) in streams.iter_mut().zip(ids) {
        assert_eq!(told(stream, id).await["read"], true);
    }
}

#[tokio::test]
async fn a_mark_of_a_hub_that_is_killed_during_its_commit_is_told_by_the_others() {
    let servers = Servers::start().await;
    let (mut killed, other) = (hub(&servers.url).await, hub(&servers.url).await);
    let bob = other.user("bob").await;
    let id = publish(&other, "bob").await;
    let mut stream = other.connected(&bob, "/api/stream").await;

    servers.freeze_standby();
    let request = killed.post(&bob, &format!("/api/alarms/{id}/read"));
    let marking = tokio::spawn(request.json(&json!({})).send());
    servers.until_primary_says(&waiting(1), "t").await;
    killed.kill().await;
    servers.thaw_standby();

    let state = told(&mut stream, id).await;
    assert_eq!(state["unread"], 0, "{state}");
    drop(marking.await);
}

#[tokio::test]
async fn marks_of_an_older_hub_are_told_after_those_that_were_left_before_them() {
    let url = database();
    let hub = hub(&url).await;
    let bob = hub.user("bob").await;
    let (first, second) = (publish(&hub, "bob").await, publish(&hub, "bob").await);
    let mut stream = hub.connected(&bob, "/api/stream").await;

    // An older hub has the trigger send within its transaction; another hub was killed before it could send.
    let postgres = Postgres::shared();
    let count = "UPDATE users SET marks = marks + 1 WHERE id = 'bob'";
    let left = format!(
        "INSERT INTO unsent_signals (kind, subject, detail) SELECT 'state', id, \
         marks || ' {{\"ids\":[{first}],\"read\":true}}' FROM users WHERE id = 'bob'"
    );
    let change = format!(
        "SELECT set_config('campanile.change', '{{\"ids\":[{second}],\"read\":true}}', true)"
    );
    postgres.sql(
        &url,
        &format!("BEGIN; {count}; {left}; COMMIT; BEGIN; {count}; {change}; COMMIT"),
    );

    let early = told(&mut stream, first).await;
    let late = told(&mut stream, second).await;
    assert_eq!(
        late["version"].as_i64().unwrap(),
        early["version"].as_i64().unwrap() + 1
    );
}

#[tokio::test]
async fn a_hub_whose_sign_outs_all_wait_keeps_its_lease() {
    let url = database();
    let hub = hub(&url).await;
    hub.user("bob").await;
    let postgres = Postgres::shared();
    until("a lease", DEADLINE, async || {
        (postgres.sql(&url, "SELECT count(*) FROM hubs") == "1").then_some(())
    })
    .await;

    let held = postgres.hold(&url, "BEGIN; SELECT FROM signal_head FOR UPDATE");
    // As many as the hub has connections for writes.
    let tokens = [(); 4].map(|()| sign(&Claims::of("bob", "user")));
    let signing_out = futures::future::join_all(tokens.iter().map(|token| sign_out(&hub, token)));
    let beside = async {
        let mut before = None;
        loop {
            let row = postgres.sql(&url, BEAT_BESIDE);
            let (waiting, beat) = row.split_once('|').unwrap();
            let beat: i64 = beat.parse().unwrap();
            match before {
                None if waiting == "4" => before = Some(beat),
                Some(before) if beat > before => {
                    assert_eq!(waiting, "4", "the beat waited for the sign-outs");
                    break;
                }
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        drop(held);
    };

    let both = async { tokio::join!(signing_out, beside) };
    tokio::time::timeout(DEADLINE, both).await.expect("beats");
}

const BEAT_BESIDE: &str = "SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
    AND wait_event_type = 'Lock' AND query LIKE '%revoked_tokens%' AND pid <> pg_backend_pid()), \
    (SELECT max(beat) FROM hubs)";
