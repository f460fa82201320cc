//! Another server takes over: nobody misses an alarm that was acknowledged, and no id is given twice.

use std::time::Duration;

use serde_json::json;

use crate::hubs::{database, hub, publish};
use crate::servers::{Servers, acknowledged};
use crate::support::postgres::{PASSWORD, Postgres, signal};
use crate::support::{Claims, DEADLINE, SseClient, TestApp, sign, until};

/// The ids of alarms, up to the one that is waited for.
async fn ids_up_to(stream: &mut SseClient, last: i64) -> Vec<i64> {
    let mut ids = Vec::new();
    loop {
        let id = stream.next_named("alarm", DEADLINE).await.number();
        ids.push(id);
        if id == last {
            return ids;
        }
    }
}

#[tokio::test]
async fn an_alarm_that_was_shown_and_lost_leaves_its_id_to_no_other() {
    let servers = Servers::start().await;
    let (one, other) = (hub(&servers.url).await, hub(&servers.url).await);
    let bob = one.user("bob").await;
    let mut stream = other.connected(&bob, "/api/stream").await;
    let mut last = 0;
    for _alarm in 0..5 {
        last = publish(&one, "bob").await;
        assert_eq!(stream.next_named("alarm", DEADLINE).await.number(), last);
    }

    // A backend that is killed while it waits for the standby has committed, though nobody is told so.
    servers.freeze_standby();
    let body = json!({"to": {"user": "bob"}, "alarmType": "LOST"});
    let lost = one.post(&one.service(), "/api/alarms").json(&body).send();
    let kill = servers.kill_waiting_commits();
    let (answer, ()) = tokio::join!(lost, kill);
    assert_eq!(answer.unwrap().status(), 503);
    let shown = stream.next_named("alarm", DEADLINE).await;
    assert_eq!(shown.number(), last + 1);
    servers.fail_over().await;
    assert_eq!(
        servers.on_standby("SELECT max(id) FROM alarms"),
        last.to_string(),
        "the standby never had it"
    );
    let first = acknowledged(&one, "bob", "first").await;
    let second = acknowledged(&other, "bob", "second").await;

    assert!(first > last + (1 << 20), "{first}");
    assert_eq!(ids_up_to(&mut stream, second).await, [first, second]);
    // A client that comes back with the id of a lost alarm misses nothing, at either hub.
    for hub in [&one, &other] {
        let path = format!("/api/stream?cursor={}", last + 1);
        let mut back = hub.stream(&bob, &path).await;
        let connect = back.next_named("connect", DEADLINE).await.json();
        assert_ne!(connect["gap"], true, "{connect}");
        assert_eq!(ids_up_to(&mut back, second).await, [first, second]);
        until("the jump is counted", DEADLINE, async || {
            (hub.figure("campanile_epoch_jumps_total").await == 1.0).then_some(())
        })
        .await;
    }
}

/// Marks an alarm as read while backends that wait for the standby are killed, until a stream is told how many are left.
async fn mark_and_lose(
    servers: &Servers,
    hub: &TestApp,
    id: i64,
    (stream, unread): (&mut SseClient, usize),
) -> i64 {
    let bob = sign(&Claims::of("bob", "user"));
    let path = format!("/api/alarms/{id}/read");
    let marking = hub.post(&bob, &path).json(&json!({})).send();
    let kill = async {
        loop {
            servers.on_primary(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'",
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let told = async {
        drop(marking.await);
        version_of(stream, unread).await
    };
    tokio::select! {
        version = told => version,
        () = kill => unreachable!("it never ends"),
    }
}

/// The version of the next `state` event with a number of unread alarms. A count that includes a mark may come in its place.
async fn version_of(stream: &mut SseClient, unread: usize) -> i64 {
    loop {
        let state = stream.next_named("state", DEADLINE).await.json();
        if state["unread"] == json!(unread) {
            return state["version"].as_i64().unwrap();
        }
    }
}

#[tokio::test]
async fn a_mark_after_a_failover_that_lost_some_is_told_to_open_streams() {
    let servers = Servers::start().await;
    let (one, other) = (hub(&servers.url).await, hub(&servers.url).await);
    let bob = one.user("bob").await;
    let mut ids = Vec::new();
    for _alarm in 0..4 {
        ids.push(publish(&one, "bob").await);
    }
    let mut stream = other.connected(&bob, "/api/stream").await;

    servers.freeze_standby();
    let mut lost = 0;
    for (id, left) in ids.iter().zip([3, 2, 1]) {
        lost = mark_and_lose(&servers, &one, *id, (&mut stream, left)).await;
    }
    servers.fail_over().await;
    assert_eq!(
        servers.on_standby("SELECT marks FROM users WHERE id = 'bob'"),
        "0",
        "the standby never had them"
    );
    let path = format!("/api/alarms/{}/read", ids[3]);
    until("marked", DEADLINE, async || {
        let marking = one.post(&bob, &path).json(&json!({})).send();
        (marking.await.ok()?.status() == 200).then_some(())
    })
    .await;

    assert!(version_of(&mut stream, 3).await > lost);
}

#[tokio::test]
async fn a_server_that_does_not_tell_which_it_is_is_warned_of_and_gives_ids_all_the_same() {
    const WARNING: &str = "refuses to tell which server it is";
    let postgres = Postgres::shared();
    let url = database();
    postgres.sql(
        &url,
        &format!(
            "CREATE ROLE plain LOGIN PASSWORD '{PASSWORD}'; GRANT ALL ON SCHEMA public TO plain"
        ),
    );
    let plain = url.replace("campanile:", "plain:");
    let mut app = hub(&plain).await;
    app.user("bob").await;
    assert_eq!(publish(&app, "bob").await, 1);
    assert!(!app.log().contains(WARNING), "anybody may ask by default");

    postgres.sql(
        &url,
        "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC",
    );
    app.kill().await;
    app.restart().await;

    app.wait_for_log(WARNING).await;
    assert_eq!(publish(&app, "bob").await, 2);
}

#[tokio::test]
async fn a_commit_that_waits_for_the_standby_is_never_cancelled() {
    let servers = Servers::start().await;
    let hub = hub(&servers.url).await;
    hub.user("bob").await;
    let first = publish(&hub, "bob").await;

    servers.freeze_standby();
    let body = json!({"to": {"user": "bob"}, "alarmType": "T", "data": "slow"});
    let publish = hub
        .post(&hub.service(), "/api/alarms")
        .header("Idempotency-Key", "slow");
    let answer = publish.json(&body).send().await.unwrap();

    // The hub has given it up, the server has not: a cancelled wait would be a commit that the standby lacks.
    assert_eq!(answer.status(), 503);
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' \
                   AND backend_type = 'client backend' AND query LIKE '%campanile_append%'";
    assert_eq!(servers.on_primary(waiting), "1");
    let stored = "SELECT max(id) FROM alarms";
    assert_eq!(servers.on_primary(stored), first.to_string());
    servers.thaw_standby();
    assert_eq!(acknowledged(&hub, "bob", "slow").await, first + 1);
    assert_eq!(servers.on_primary(stored), (first + 1).to_string());
}

#[tokio::test]
async fn a_primary_that_goes_on_after_another_one_took_over_is_left_alone() {
    const STORED: &str = "SELECT max(id) FROM alarms";
    let servers = Servers::start().await;
    // It could acknowledge what it is told.
    servers.primary.set("synchronous_standby_names = ''");
    let hub = hub(&servers.url).await;
    let bob = hub.user("bob").await;
    let mut stream = hub.connected(&bob, "/api/stream").await;
    let before = acknowledged(&hub, "bob", "before").await;
    until("the standby has it", DEADLINE, async || {
        (servers.on_standby(STORED) == before.to_string()).then_some(())
    })
    .await;

    let frozen = servers.promote_beside_a_frozen_primary();
    let first = acknowledged(&hub, "bob", "first").await;
    signal("-CONT", &frozen);
    let mut ids = vec![before, first];
    for key in ["second", "third", "fourth"] {
        ids.push(acknowledged(&hub, "bob", key).await);
    }
    // All sessions are new, and the old one is the first of the URL.
    let sessions = "FROM pg_stat_activity WHERE datname = 'hub' AND pid <> pg_backend_pid()";
    servers.on_standby(&format!("SELECT pg_terminate_backend(pid) {sessions}"));
    for key in ["fifth", "sixth", "seventh"] {
        ids.push(acknowledged(&hub, "bob", key).await);
    }

    assert_eq!(servers.on_primary(STORED), before.to_string());
    let last = ids.last().unwrap().to_string();
    assert_eq!(servers.on_standby(STORED), last);
    for id in ids {
        assert_eq!(stream.next_named("alarm", DEADLINE).await.number(), id);
    }
}
