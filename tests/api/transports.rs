//! The five transports, over HTTP/1.1 and HTTP/2: the same promises, tested on each with the same code.

use futures::future::join_all;
use serde_json::json;

use crate::answers::{answer, refusal};
use crate::listener::{ALL, Listener, Refused, streaming, waiting};
use crate::support::{AppBuilder, DEADLINE, TestApp, until};

async fn publish_many(app: &TestApp, count: usize) -> Vec<i64> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(app.publish(json!({"user": "bob"}), "T").await);
    }
    ids
}

#[tokio::test]
async fn each_transport_gives_what_was_missed_and_then_what_comes_once_and_in_order() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.user("carol").await;
    app.room("lobby").await;
    let missed = publish_many(&app, 3).await;
    app.publish(json!({"user": "carol"}), "T").await;

    let mut listeners = Vec::new();
    for transport in ALL {
        let mut listener =
            Listener::open(&app, &bob, transport, "room=lobby", Some(missed[0])).await;
        assert_eq!(listener.ids(2).await, missed[1..], "{transport:?}");
        listeners.push((transport, listener));
    }
    let alarm = app.publish(json!({"everyone": true}), "T").await;
    let said = app
        .post(&bob, "/api/rooms/lobby/messages")
        .json(&json!({"text": "hi"}));
    let said = answer(said, 201).await["id"].as_i64().unwrap();

    for (transport, mut listener) in listeners {
        assert_eq!(listener.ids(2).await, [alarm, said], "{transport:?}");
    }
}

#[tokio::test]
async fn each_transport_brings_nothing_twice_and_nothing_of_before_when_no_cursor_is_given() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    publish_many(&app, 3).await;

    for transport in ALL {
        let mut listener = Listener::open(&app, &bob, transport, "", None).await;
        let ids = publish_many(&app, 2).await;
        assert_eq!(listener.ids(2).await, ids, "{transport:?}");
    }
}

#[tokio::test]
async fn a_client_may_change_its_transport_and_carry_its_cursor_along() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let ids = publish_many(&app, 30).await;

    let mut cursor = Some(0);
    let mut seen = Vec::new();
    for transport in ALL.into_iter().cycle().take(30) {
        let mut listener = Listener::open(&app, &bob, transport, "", cursor).await;
        seen.extend(listener.ids(1).await);
        // A poll may bring more than was asked for: only what was taken counts.
        cursor = listener.cursor;
    }

    assert_eq!(seen, ids);
}

#[tokio::test]
async fn each_transport_survives_a_restart_of_the_hub() {
    let mut app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let before = publish_many(&app, 2).await;
    app.kill().await;
    app.restart().await;
    let after = publish_many(&app, 2).await;

    for transport in ALL {
        let mut listener = Listener::open(&app, &bob, transport, "", Some(before[0])).await;
        let ids = listener.ids(3).await;
        assert_eq!(ids, [before[1], after[0], after[1]], "{transport:?}");
    }
}

#[tokio::test]
async fn each_transport_keeps_the_same_rights() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let nonsense = format!("{bob}x");
    for transport in ALL {
        let refused = async |token: &str, query: &str| {
            let refused = Listener::try_open(&app, token, transport, query, None).await;
            refused.err()
        };
        let forbidden = Some(Refused::Status(403));
        assert_eq!(
            refused(&bob, "topic=user:carol").await,
            forbidden,
            "{transport:?}"
        );
        assert_eq!(refused(&bob, "topic=*").await, forbidden, "{transport:?}");
        let unknown = Some(Refused::Status(401));
        assert_eq!(refused(&nonsense, "").await, unknown, "{transport:?}");
        let invalid = Some(Refused::Status(422));
        assert_eq!(refused(&bob, "rooms=some").await, invalid, "{transport:?}");
    }
}

#[tokio::test]
async fn each_transport_shows_a_service_the_whole_log_and_a_user_their_own() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.user("carol").await;
    for transport in ALL {
        let service = app.service();
        let mut all = Listener::open(&app, &service, transport, "topic=*", None).await;
        let mut theirs = Listener::open(&app, &bob, transport, "", None).await;

        let hers = app.publish(json!({"user": "carol"}), "T").await;
        let admins = app.publish(json!({"role": "admin"}), "T").await;
        let own = app.publish(json!({"user": "bob"}), "T").await;

        assert_eq!(all.ids(3).await, [hers, admins, own], "{transport:?}");
        assert_eq!(theirs.ids(1).await, [own], "{transport:?}");
    }
}

#[tokio::test]
async fn each_transport_counts_as_a_stream_of_its_user_while_it_waits() {
    let app = AppBuilder::default()
        .env("CAMPANILE_MAX_STREAMS_PER_USER", "1")
        .spawn()
        .await;
    let bob = app.user("bob").await;
    for holding in waiting() {
        let mut holder = Listener::open(&app, &bob, holding, "", None).await;
        let asking = async {
            app.wait_for_connections(1, DEADLINE).await;
            for transport in ALL {
                let more = Listener::try_open(&app, &bob, transport, "", None).await;
                let too_many = Some(Refused::Status(429));
                assert_eq!(more.err(), too_many, "{transport:?} beside {holding:?}");
            }
            app.publish(json!({"user": "bob"}), "T").await
        };
        let (ids, id) = tokio::join!(holder.ids(1), asking);
        assert_eq!(ids, [id]);
        drop(holder);
        app.wait_for_connections(0, DEADLINE).await;
    }
}

#[tokio::test]
async fn each_transport_is_forgotten_within_a_second_when_its_client_leaves() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    for transport in waiting() {
        let mut listener = Listener::open(&app, &bob, transport, "", None).await;
        // A long poll is only there while it is asked.
        let waits = tokio::time::timeout(DEADLINE * 2, listener.named("never"));
        tokio::select! {
            () = app.wait_for_connections(1, DEADLINE) => {}
            _never = waits => panic!("{transport:?}: nothing comes"),
        }

        drop(listener);

        app.wait_for_connections(0, DEADLINE).await;
    }
}

#[tokio::test]
async fn each_transport_that_streams_breaks_a_silence_with_the_position() {
    let app = AppBuilder::default()
        .env("CAMPANILE_HEARTBEAT_SECONDS", "1")
        .spawn()
        .await;
    let bob = app.user("bob").await;
    app.user("carol").await;
    let mut listeners = Vec::new();
    for transport in streaming() {
        listeners.push((
            transport,
            Listener::open(&app, &bob, transport, "", None).await,
        ));
    }
    let id = app.publish(json!({"user": "carol"}), "T").await;

    for (transport, mut listener) in listeners {
        let told = async { while listener.named("ping").await["cursor"] != id {} };
        let told = tokio::time::timeout(DEADLINE, told).await;
        assert!(told.is_ok(), "{transport:?}");
    }
}

#[tokio::test]
async fn each_transport_that_streams_makes_its_user_present_and_a_poll_does_not() {
    let app = TestApp::spawn().await;
    app.room("lobby").await;
    let bob = app.user("bob").await;
    let present = async || {
        let users = answer(app.get(&bob, "/api/rooms/lobby/presence"), 200).await;
        users["users"].as_array().unwrap().len()
    };
    for transport in waiting() {
        let mut listener = Listener::open(&app, &bob, transport, "room=lobby", None).await;
        let looking = async {
            app.wait_for_connections(1, DEADLINE).await;
            let present = present().await;
            app.publish(json!({"room": "lobby"}), "T").await;
            present
        };
        let (_ids, present_meanwhile) = tokio::join!(listener.ids(1), looking);
        drop(listener);

        assert_eq!(
            present_meanwhile,
            usize::from(transport.streams()),
            "{transport:?}"
        );
        until("nobody is there", DEADLINE, async || {
            (present().await == 0).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_misses_nothing_on_any_transport_and_holds_up_nobody() {
    const ALARMS: usize = 250;
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let (mut slow, mut beside) = (Vec::new(), Vec::new());
    for transport in ALL {
        slow.push((
            transport,
            Listener::open(&app, &bob, transport, "", None).await,
        ));
        beside.push(Listener::open(&app, &bob, transport, "", None).await);
    }

    let publishing = async {
        let body = json!({"to": {"user": "bob"}, "alarmType": "T", "data": "x".repeat(16_000)});
        for _ in 0..ALARMS {
            answer(app.post(&app.service(), "/api/alarms").json(&body), 201).await;
        }
    };
    let reading = join_all(beside.iter_mut().map(|listener| listener.ids(ALARMS)));
    let (all, ()) = tokio::join!(reading, publishing);

    let log: Vec<i64> = (1..).take(ALARMS).collect();
    assert!(all.iter().all(|ids| *ids == log), "{all:?}");
    until("those that do not read are cut off", DEADLINE, async || {
        let closed = "campanile_streams_closed_total{reason=\"slow\"}";
        (app.figure(closed).await == streaming().count() as f64).then_some(())
    })
    .await;
    for (transport, mut listener) in slow {
        // Events on their way come first, then `bye`, and the others with the cursor. A poll was not sent yet.
        assert_eq!(listener.ids_resuming(ALARMS).await, log, "{transport:?}");
    }
}

#[tokio::test]
async fn what_no_transport_answers_is_not_acceptable() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    for accept in ["text/html", "image/png, application/pdf"] {
        let request = app.get(&bob, "/api/stream").header("Accept", accept);
        refusal(request, 406, "not_acceptable").await;
    }
}
