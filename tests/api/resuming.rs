//! The return of a client that was away for so long that the hub has no longer in memory what it missed.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::answers::answer;
use crate::entries::{expect_entries, next_entry};
use crate::publishing::publish;
use crate::support::http2::Connection;
use crate::support::{AppBuilder, DEADLINE, TestApp, until};

/// More than the hub looks through in memory for one client.
const OTHERS: usize = 600;

async fn hub() -> TestApp {
    AppBuilder::default()
        .env("CAMPANILE_USERS", "any")
        .spawn()
        .await
}

async fn much_happens_to_others(app: &TestApp) {
    let others: Vec<String> = (0..OTHERS).map(|number| format!("other{number}")).collect();
    app.publish(json!({"users": others}), "OF_OTHERS").await;
}

/// Opens streams until one reads nothing but so many pages; a hub that cannot do so at once reads the counts alone.
async fn expect_pages(app: &TestApp, (token, path): (&str, &str), entries: &[i64], pages: f64) {
    until("a stream that reads its pages only", DEADLINE, async || {
        let before = reads_of_the_log(app).await;
        let mut stream = app.connected(token, path).await;
        expect_entries(&mut stream, entries).await;
        let after = reads_of_the_log(app).await;
        (after == [before[0] + pages, before[1], before[2]]).then_some(())
    })
    .await;
}

/// Those of a page first, then those of the counts and of the receipts of an inbox.
async fn reads_of_the_log(app: &TestApp) -> [f64; 3] {
    let of = async |kind| {
        app.figure(&format!("campanile_store_reads_total{{kind=\"{kind}\"}}"))
            .await
    };
    [of("replay").await, of("counts").await, of("receipts").await]
}

#[tokio::test]
async fn it_is_told_the_counts_and_what_it_missed_by_one_reading() {
    let app = hub().await;
    let bob = app.user("bob").await;
    app.room("hall").await;
    app.room("attic").await;
    let known = app.publish(json!({"user": "bob"}), "KNOWN").await;
    let unread = app.publish(json!({"user": "bob"}), "T").await;
    let read = app.publish(json!({"user": "bob"}), "T").await;
    let deleted = app.publish(json!({"everyone": true}), "T").await;
    app.publish(json!({"user": "carol"}), "T").await;
    app.publish(json!({"role": "admin"}), "T").await;
    app.publish(json!({"room": "attic"}), "T").await;
    let in_hall = app.publish(json!({"room": "hall"}), "T").await;
    answer(app.post(&bob, &format!("/api/alarms/{read}/read")), 200).await;
    let deletion = app.delete(&bob, &format!("/api/alarms/{deleted}"));
    assert_eq!(deletion.send().await.unwrap().status(), 204);
    much_happens_to_others(&app).await;
    let last = app.publish(json!({"everyone": true}), "T").await;
    let list = answer(app.get(&bob, "/api/alarms?limit=1"), 200).await;

    let path = format!("/api/stream?room=hall&cursor={known}");
    let mut stream = app.stream(&bob, &path).await;
    let connect = stream.next_named("connect", DEADLINE).await.json();
    let first = next_entry(&mut stream).await;
    let second = next_entry(&mut stream).await;
    expect_entries(&mut stream, &[in_hall, last]).await;
    expect_pages(&app, (&bob, &path), &[unread, read, in_hall, last], 1.0).await;

    for (name, value) in [
        ("unseen", &list["meta"]["unseen"]),
        ("unread", &list["meta"]["unread"]),
        ("cursor", &json!(known)),
        ("head", &json!(last)),
        ("gap", &json!(false)),
    ] {
        assert_eq!(&connect[name], value, "{name} of {connect}");
    }
    assert_eq!(list["meta"]["unread"], 3);
    assert_eq!((first.number(), second.number()), (unread, read));
    assert_eq!(first.json()["readAt"], Value::Null);
    assert!(second.json()["readAt"].is_string());
    let live = app.publish(json!({"room": "hall"}), "T").await;
    expect_entries(&mut stream, &[live]).await;
}

#[tokio::test]
async fn it_reads_on_where_more_was_missed_than_a_page_holds() {
    const MINE: usize = 300;
    let app = hub().await;
    let bob = app.user("bob").await;
    let known = app.publish(json!({"user": "bob"}), "KNOWN").await;
    let told = (0..MINE).map(|_| app.publish(json!({"user": "bob"}), "T"));
    let mut mine = join_all(told).await;
    mine.sort_unstable();
    much_happens_to_others(&app).await;
    mine.push(app.publish(json!({"user": "bob"}), "T").await);

    let path = format!("/api/stream?cursor={known}");
    let mut stream = app.connected(&bob, &path).await;

    expect_entries(&mut stream, &mine).await;
    expect_pages(&app, (&bob, &path), &mine, 2.0).await;
    let live = app.publish(json!({"user": "bob"}), "T").await;
    expect_entries(&mut stream, &[live]).await;
}

#[tokio::test]
async fn large_alarms_of_several_topics_come_in_the_order_of_the_log() {
    let app = hub().await;
    let bob = app.user("bob").await;
    for room in ["hall", "attic"] {
        app.room(room).await;
    }
    let topics = [
        json!({"user": "bob"}),
        json!({"everyone": true}),
        json!({"room": "hall"}),
        json!({"room": "attic"}),
    ];
    let known = app.publish(json!({"user": "bob"}), "KNOWN").await;
    let text = "x".repeat(12_000);
    let mut mine = Vec::new();
    // First those of one topic after those of another, then by turns; some twenty fill a page.
    let blocks = topics
        .iter()
        .rev()
        .flat_map(|topic| std::iter::repeat_n(topic, 12));
    for to in blocks.chain(topics.iter().cycle().take(24)) {
        let alarm = json!({"to": to, "alarmType": "T", "data": {"text": text}});
        let stored = answer(publish(&app, &alarm), 201).await;
        mine.push(stored["alarms"][0]["id"].as_i64().unwrap());
    }
    much_happens_to_others(&app).await;

    for path in ["room=hall&room=attic", "rooms=all", "room=attic&rooms=all"] {
        let path = format!("/api/stream?{path}&cursor={known}");
        let mut stream = app.connected(&bob, &path).await;
        expect_entries(&mut stream, &mine).await;
    }
}

#[tokio::test]
async fn it_gets_the_alarms_of_every_room_and_of_its_role() {
    let app = hub().await;
    let admin = app.admin();
    app.room("hall").await;
    app.room("attic").await;
    let known = app.publish(json!({"everyone": true}), "KNOWN").await;
    let mine = [
        app.publish(json!({"room": "hall"}), "T").await,
        app.publish(json!({"role": "admin"}), "T").await,
        app.publish(json!({"room": "attic"}), "T").await,
        app.publish(json!({"everyone": true}), "T").await,
    ];
    much_happens_to_others(&app).await;

    let path = format!("/api/stream?rooms=all&cursor={known}");
    let mut stream = app.stream(&admin, &path).await;
    let connect = stream.next_named("connect", DEADLINE).await.json();

    let list = answer(app.get(&admin, "/api/alarms?limit=1"), 200).await;
    assert_eq!(connect["unread"], list["meta"]["unread"], "{connect}");
    expect_entries(&mut stream, &mine).await;
    expect_pages(&app, (&admin, &path), &mine, 1.0).await;
}

#[tokio::test]
async fn a_cursor_that_is_no_place_in_the_log_is_a_gap() {
    let app = hub().await;
    let bob = app.user("bob").await;
    app.publish(json!({"user": "bob"}), "OLD").await;
    much_happens_to_others(&app).await;
    let last = app.publish(json!({"user": "bob"}), "OLD").await;

    for cursor in [-1, last + 1_000, i64::MAX] {
        let path = format!("/api/stream?cursor={cursor}");
        let mut stream = app.stream(&bob, &path).await;
        let connect = stream.next_named("connect", DEADLINE).await.json();

        assert_eq!(connect["gap"], true, "{connect}");
        let live = app.publish(json!({"user": "bob"}), "T").await;
        expect_entries(&mut stream, &[live]).await;
    }
}

#[tokio::test]
async fn one_that_takes_nothing_of_its_first_page_is_cut_off() {
    let app = hub().await;
    let bob = app.user("bob").await;
    let known = app.publish(json!({"user": "bob"}), "KNOWN").await;
    app.publish(json!({"user": "bob"}), "T").await;
    much_happens_to_others(&app).await;

    let mut connection = Connection::shut(&app).await;
    let path = format!("/api/stream?cursor={known}");
    let stream = connection.get(&bob, &path).await;

    assert_eq!(stream.status, 200);
    app.wait_for_log("it does not read").await;
}
