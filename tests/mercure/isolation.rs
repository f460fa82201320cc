//! Updates and alarms are in one log, and neither is ever taken for the other.

use futures::StreamExt;
use serde_json::{Value, json};

use crate::hub::{Hub, answer, next_ids, outcome, status, strict, token};
use crate::support::DEADLINE;

#[tokio::test]
async fn an_update_reaches_no_inbox_no_stream_and_no_list_of_alarms() {
    let hub = Hub::ours(strict()).await;
    let app = hub.app();
    let bob = app.user("bob").await;
    app.room("42").await;
    let mut inbox = app.connected(&bob, "/api/stream?room=42").await;
    let mut every = app.connected(&app.service(), "/api/stream?topic=*").await;
    let all = token(&["*"], &["*"]);

    for topic in [
        "user:bob",
        "everyone",
        "room:42",
        "role:admin",
        "*x",
        "/everyone",
    ] {
        hub.publish(&all, &[("topic", topic), ("data", "secret")])
            .await;
    }
    let id = app.publish(json!({"user": "bob"}), "REAL").await;
    let mut updates = hub.subscribe(&all, "match=*&last_event_id=earliest").await;

    assert_eq!(id, 7, "they have ids of the same log");
    assert_eq!(inbox.next_named("alarm", DEADLINE).await.number(), id);
    assert_eq!(every.next_named("alarm", DEADLINE).await.number(), id);
    let mut replayed = app
        .connected(&app.service(), "/api/stream?topic=*&cursor=0")
        .await;
    assert_eq!(replayed.next_event(DEADLINE).await.number(), id);
    let json = async |token: &str, path: &str| -> Value {
        answer(app.get(token, path)).await.json().await.unwrap()
    };
    let listed = json(&bob, "/api/alarms").await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    let counts = json(&bob, "/api/alarms/counts").await;
    let types = json!({"REAL": {"unseen": 1, "unread": 1}});
    assert_eq!(counts["types"], types);
    let recent = json(&app.admin(), "/api/admin/alarms").await.to_string();
    assert!(
        recent.contains("REAL") && !recent.contains("secret"),
        "{recent}"
    );
    let room = json(&bob, "/api/rooms/42/messages").await.to_string();
    assert!(!room.contains("secret"), "{room}");
    assert_eq!(next_ids(&mut updates, 6).await.len(), 6);
    hub.publish(&all, &[("topic", "end"), ("id", "end")]).await;
    assert_eq!(next_ids(&mut updates, 1).await, ["end"], "and no alarm");
}

#[tokio::test]
async fn heartbeats_of_other_streams_pass_over_updates() {
    let hub = Hub::ours(strict().env("CAMPANILE_HEARTBEAT_SECONDS", "1")).await;
    let app = hub.app();
    let bob = app.user("bob").await;
    let mut stream = app.connected(&bob, "/api/stream").await;
    hub.publish(&token(&["*"], &[]), &[("topic", "a")]).await;

    let ping = stream.next_named("ping", DEADLINE).await;

    assert_eq!(ping.number(), 1);
    let id = app.publish(json!({"user": "bob"}), "REAL").await;
    let path = format!("/api/stream?cursor={}", ping.number());
    let mut resumed = app.connected(&bob, &path).await;
    assert_eq!(resumed.next_named("alarm", DEADLINE).await.number(), id);
}

#[tokio::test]
async fn a_repeated_request_with_a_key_is_stored_once_and_the_same_id_twice_is_two_updates() {
    let hub = Hub::ours(strict()).await;
    let all = token(&["*"], &["*"]);
    let keyed = |data: &'static str| {
        hub.post(&all, &[("topic", "a"), ("data", data)])
            .header("idempotency-key", "k1")
    };

    let (first, again) = (outcome(keyed("x")).await, outcome(keyed("x")).await);
    assert_eq!(first.0, 200);
    assert_eq!(first, again, "the same id");
    let other = status(keyed("y")).await;
    assert!(
        (400..500).contains(&other),
        "the same key with another body: {other}"
    );
    for _ in 0..2 {
        hub.publish(&all, &[("topic", "a"), ("id", "same")]).await;
    }

    let mut stream = hub.subscribe(&all, "match=a&last_event_id=earliest").await;
    hub.publish(&all, &[("topic", "a"), ("id", "end")]).await;
    assert_eq!(
        next_ids(&mut stream, 4).await,
        [first.1.as_str(), "same", "same", "end"]
    );
}

#[tokio::test]
async fn an_administrator_ends_a_stream_and_it_resumes() {
    let hub = Hub::ours(strict()).await;
    let app = hub.app();
    let all = token(&["*"], &["*"]);
    let mut stream = hub.subscribe(&all, "match=a").await;
    hub.publish(&all, &[("topic", "a"), ("id", "1")]).await;
    assert_eq!(next_ids(&mut stream, 1).await, ["1"]);
    let list = app.connections().await;
    let one = list.iter().find(|one| one["userId"] == "mercure somebody");
    let one = one.unwrap_or_else(|| panic!("{list:?}"));
    assert_eq!(one["topics"], json!(["mercure:a"]));

    let path = format!(
        "/api/admin/connections/{}",
        one["clientId"].as_str().unwrap()
    );
    assert_eq!(status(app.delete(&app.admin(), &path)).await, 204);

    assert_eq!(stream.event_or_end(DEADLINE).await, None);
    hub.publish(&all, &[("topic", "a"), ("id", "2")]).await;
    let mut resumed = hub.subscribe(&all, "match=a&last_event_id=1").await;
    assert_eq!(next_ids(&mut resumed, 1).await, ["2"]);
}

/// A burst larger than a stream's queue: the subscriber goes back to the log and misses nothing, and nothing that is not its.
#[tokio::test]
async fn a_slow_subscriber_misses_nothing_and_sees_nothing_private() {
    const BURST: usize = 1_000;
    let hub = Hub::ours(strict()).await;
    let all = token(&["*"], &["*"]);
    let mut slow = hub.subscribe(&token(&[], &["b"]), "match=*").await;
    let data = "x".repeat(4_000);

    let publishing = (0..BURST).map(|n| {
        let (hub, all, data) = (&hub, &all, &data);
        async move {
            let id = format!("u{n}");
            let mut form = vec![("topic", "a"), ("data", data.as_str()), ("id", id.as_str())];
            if n % 2 == 1 {
                form.push(("private", "on"));
            }
            hub.publish(all, &form).await;
        }
    });
    futures::stream::iter(publishing)
        .buffer_unordered(32)
        .collect::<Vec<_>>()
        .await;

    let ids = next_ids(&mut slow, BURST / 2).await;
    let mut numbers: Vec<usize> = ids.iter().map(|id| id[1..].parse().unwrap()).collect();
    assert!(numbers.iter().all(|n| n % 2 == 0), "only public ones");
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), BURST / 2, "each once");
    hub.publish(&all, &[("topic", "a"), ("id", "end")]).await;
    assert_eq!(next_ids(&mut slow, 1).await, ["end"]);
}
