//! Signals that are lost: while a hub has no database, and when the server crashes.

use serde_json::json;

use crate::hubs::{answers, change, database, ends, hub, kick, publish, sign_out, status};
use crate::link::{Conduct, Link};
use crate::support::postgres::Postgres;
use crate::support::{AppBuilder, Claims, DEADLINE, SseClient, sign, until};

#[tokio::test]
async fn a_hub_cut_off_from_the_database_lets_nobody_in_whose_rights_it_cannot_know() {
    let url = database();
    let (link, through) = Link::before(&url).await;
    let (one, cut) = (hub(&url).await, hub(&through).await);
    let service = sign(&Claims::of("backend", "service"));
    answers(&cut, &service, 200).await;

    link.now(Conduct::Cut);
    assert_eq!(sign_out(&one, &service).await, 204);

    until("unknown", DEADLINE, async || {
        (status(&cut, &service).await == 503).then_some(())
    })
    .await;
    link.now(Conduct::Pass);
    until("refused", DEADLINE, async || {
        let status = status(&cut, &service).await;
        assert_ne!(status, 200, "let in though signed out");
        (status == 401).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_was_taken_away_while_a_hub_was_cut_off_ends_its_streams_before_they_hear_more() {
    let url = database();
    let (link, through) = Link::before(&url).await;
    let (one, cut) = (hub(&url).await, hub(&through).await);
    let out = one.user("out").await;
    let disabled = one.user("disabled").await;
    let kicked = one.user("kicked").await;
    let same = one.user("same").await;
    let mut streams = Vec::new();
    for token in [&out, &disabled, &kicked, &same] {
        streams.push(cut.connected(token, "/api/stream").await);
    }

    link.now(Conduct::Cut);
    assert_eq!(sign_out(&one, &out).await, 204);
    change(&one, "disabled", json!({"disabled": true})).await;
    kick(&one, "kicked").await;
    // The signals are gone when the hub is back, as they are after a minute.
    Postgres::shared().sql(&url, "DELETE FROM signals");
    for id in ["out", "disabled", "kicked"] {
        publish(&one, id).await;
    }
    let id = publish(&one, "same").await;
    until("unknown", DEADLINE, async || {
        (status(&cut, &same).await == 503).then_some(())
    })
    .await;
    link.now(Conduct::Pass);

    let mut kept = streams.pop().unwrap();
    for (mut stream, reason) in streams.into_iter().zip(["logout", "kicked", "kicked"]) {
        loop {
            let next = stream.next_event(DEADLINE).await;
            assert_ne!(next.name(), "alarm", "{next:?}");
            if next.name() == "bye" {
                assert_eq!(next.json()["reason"], reason);
                break;
            }
        }
    }
    assert_eq!(kept.next_named("alarm", DEADLINE).await.number(), id);
}

#[tokio::test]
async fn a_crash_of_the_server_that_empties_the_signals_loses_no_change_of_rights() {
    let postgres = Postgres::start();
    let folder = tempfile::tempdir().unwrap();
    let url = postgres.database_of(folder.path());
    let (one, other) = (hub(&url).await, hub(&url).await);
    let bob = one.user("bob").await;
    let eve = one.user("eve").await;
    let stream = other.connected(&bob, "/api/stream").await;
    let mut second = other.connected(&eve, "/api/stream").await;
    kick(&one, "bob").await;
    ends(stream, "kicked").await;

    // Without a checkpoint: what follows is the recovery of a crash.
    postgres.control(&["stop", "-m", "immediate"]);
    postgres.control(&["start"]);
    // A hub that is back already may have told something new.
    let of_before = "SELECT count(*) FROM signals WHERE created_at < pg_postmaster_start_time()";
    let counted = postgres.sql(&url, of_before);
    assert_eq!(counted, "0", "the crash emptied the table");
    until("the hub reads and writes again", DEADLINE, async || {
        let change = one.put(&one.admin(), "/api/users/bob");
        let change = change.json(&json!({"displayName": "Bob"}));
        let changed = change.send().await.unwrap().status() == 200;
        (changed && status(&one, &eve).await == 200).then_some(())
    })
    .await;
    assert_eq!(sign_out(&one, &eve).await, 204);

    // The other hub may come back to the server some seconds later.
    second.bye("logout", DEADLINE).await;
    answers(&other, &eve, 401).await;
}

#[tokio::test]
async fn a_hub_that_cannot_hear_the_others_replays_nothing() {
    let url = database();
    let one = AppBuilder::default()
        .env("CAMPANILE_DATABASE_URL", &url)
        .env("CAMPANILE_USERS", "any")
        .spawn()
        .await;
    let bob = one.user("bob").await;
    let id = publish(&one, "bob").await;
    // More than a hub remembers of the log when it starts: the late one has the first alarm in the log only.
    let many: Vec<String> = (0..600).map(|user| format!("u{user}")).collect();
    one.publish(json!({"users": many}), "T").await;
    let late = hub(&url).await;
    let postgres = Postgres::shared();
    let deaf = postgres.hold(&url, "BEGIN; LOCK TABLE signal_head");
    // Longer than a hub acts on what it heard before.
    until("deaf", DEADLINE, async || {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                       AND wait_event_type = 'Lock' AND now() - query_start > interval '1 second' \
                       AND query LIKE '%AS last_signal%'";
        (postgres.sql(&url, waiting) == "2").then_some(())
    })
    .await;

    let open = async || {
        let answer = late.get(&bob, "/api/stream?cursor=0").send().await;
        // A hub that has been deaf for long refuses the stream.
        let open = Some(answer.expect("an answer")).filter(|answer| answer.status() != 503);
        Some(SseClient::of(open?).await)
    };
    if let Some(mut stream) = open().await {
        while let Some(event) = stream.event_or_end(DEADLINE).await {
            assert_ne!(event.name(), "alarm", "{event:?}");
        }
    }

    drop(deaf);
    // A stream that is opened before the hub hears again may end first.
    let heard = until("it hears again", DEADLINE, async || {
        let mut stream = open().await?;
        while let Some(event) = stream.event_or_end(DEADLINE).await {
            if event.name() == "alarm" {
                return Some(event.number());
            }
        }
        None
    });
    assert_eq!(heard.await, id);
}

#[tokio::test]
async fn a_hub_that_starts_knows_the_end_of_the_log_for_those_who_come_back() {
    let url = database();
    let one = hub(&url).await;
    let bob = one.user("bob").await;
    let first = publish(&one, "bob").await;
    let second = publish(&one, "bob").await;

    let late = hub(&url).await;
    let path = format!("/api/stream?cursor={first}");
    let mut stream = late.connected(&bob, &path).await;

    assert_eq!(stream.next_named("alarm", DEADLINE).await.number(), second);
    let reads = "campanile_store_reads_total{kind=\"replay\"}";
    assert_eq!(late.figure(reads).await, 1.0, "once, at the start");
}
