//! The inbox of a user: listed in pages, counted and filtered.

use serde_json::{Value, json};

use crate::answers::{answer, refusal};
use crate::database::{execute, is_sqlite};
use crate::publishing::{ids, list, publish_many};
use crate::support::{DEADLINE, TestApp};

#[tokio::test]
async fn the_inbox_is_newest_first_and_has_pages_to_its_end() {
    let app = TestApp::embedded().await;
    let bob = app.user("bob").await;
    app.user("carol").await;
    let mut published = publish_many(&app, "bob", 3).await;
    publish_many(&app, "carol", 2).await;
    published.extend(publish_many(&app, "bob", 2).await);
    published.reverse();

    let mut seen = Vec::new();
    let mut page = list(&app, &bob, "?limit=2").await;
    loop {
        assert!(page["items"].as_array().unwrap().len() <= 2);
        seen.extend(ids(&page));
        let Some(next) = page["next"].as_i64() else {
            break;
        };
        page = list(&app, &bob, &format!("?limit=2&before={next}")).await;
    }

    assert_eq!(seen, published);
    assert_eq!(page["next"], Value::Null);
}

#[tokio::test]
async fn a_last_page_that_is_just_full_has_no_next() {
    let app = TestApp::embedded().await;
    let bob = app.user("bob").await;
    publish_many(&app, "bob", 2).await;

    assert_eq!(list(&app, &bob, "?limit=2").await["next"], Value::Null);
    assert_eq!(list(&app, &bob, "?limit=1").await["next"], 2);
}

#[tokio::test]
async fn a_page_has_20_alarms_unless_asked_and_100_at_most() {
    let app = TestApp::embedded().await;
    let bob = app.user("bob").await;
    let body = json!({"to": {"everyone": true}, "alarmType": "T"});
    let service = app.service();
    let publish = || answer(app.post(&service, "/api/alarms").json(&body), 201);
    futures::future::join_all((0..101).map(|_| publish())).await;

    assert_eq!(ids(&list(&app, &bob, "").await).len(), 20);
    assert_eq!(ids(&list(&app, &bob, "?limit=100").await).len(), 100);
    for query in [
        "?limit=0",
        "?limit=101",
        "?limit=-1",
        "?limit=x",
        "?before=x",
        "?status=new",
        "?alarmType=lower",
    ] {
        eprintln!("{query}");
        refusal(
            app.get(&bob, &format!("/api/alarms{query}")),
            422,
            "invalid_field",
        )
        .await;
    }
}

#[tokio::test]
async fn the_counts_are_of_the_whole_inbox_and_the_cursor_is_the_head_of_the_log() {
    let app = TestApp::embedded().await;
    let bob = app.user("bob").await;
    let mine = publish_many(&app, "bob", 3).await;
    app.user("carol").await;
    let hers = publish_many(&app, "carol", 1).await;
    answer(
        app.post(&bob, "/api/alarms/seen")
            .json(&json!({"upTo": mine[1]})),
        200,
    )
    .await;
    answer(
        app.post(&bob, &format!("/api/alarms/{}/read", mine[0])),
        200,
    )
    .await;

    let page = list(&app, &bob, "?limit=1").await;

    assert_eq!(
        page["meta"],
        json!({"unseen": 1, "unread": 2, "cursor": hers[0]})
    );
}

#[tokio::test]
async fn the_inbox_is_my_topic_everyone_and_my_role() {
    let app = TestApp::embedded().await;
    let bob = app.user("bob").await;
    app.user("carol").await;
    app.room("lobby").await;
    let mine = app.publish(json!({"user": "bob"}), "T").await;
    app.publish(json!({"user": "carol"}), "T").await;
    let for_all = app.publish(json!({"everyone": true}), "T").await;
    let for_admins = app.publish(json!({"role": "admin"}), "T").await;
    app.publish(json!({"room": "lobby"}), "T").await;

    assert_eq!(ids(&list(&app, &bob, "").await), [for_all, mine]);
    assert_eq!(
        ids(&list(&app, &app.admin(), "").await),
        [for_admins, for_all]
    );
}

#[tokio::test]
async fn alarms_for_everyone_that_are_older_than_the_account_are_not_in_its_inbox() {
    let app = TestApp::embedded().await;
    app.publish(json!({"everyone": true}), "BEFORE").await;
    let bob = app.user("bob").await;
    let after = app.publish(json!({"everyone": true}), "AFTER").await;

    let inbox = list(&app, &bob, "").await;

    assert_eq!(ids(&inbox), [after]);
    assert_eq!(inbox["meta"]["unread"], 1);
}

#[tokio::test]
async fn the_inbox_can_be_narrowed_to_unread_and_to_a_type() {
    let app = TestApp::embedded().await;
    let bob = app.user("bob").await;
    let first = app.publish(json!({"user": "bob"}), "ONE").await;
    let second = app.publish(json!({"user": "bob"}), "TWO").await;
    let third = app.publish(json!({"user": "bob"}), "ONE").await;
    answer(app.post(&bob, &format!("/api/alarms/{first}/read")), 200).await;

    assert_eq!(
        ids(&list(&app, &bob, "?status=unread").await),
        [third, second]
    );
    assert_eq!(
        ids(&list(&app, &bob, "?status=all").await),
        [third, second, first]
    );
    assert_eq!(
        ids(&list(&app, &bob, "?alarmType=ONE").await),
        [third, first]
    );
    assert_eq!(
        ids(&list(&app, &bob, "?alarmType=ONE&status=unread").await),
        [third]
    );
    assert_eq!(
        ids(&list(&app, &bob, "?alarmType=NONE").await),
        Vec::<i64>::new()
    );
}

#[tokio::test]
async fn several_types_in_a_listing_mean_any_of_them() {
    let app = TestApp::embedded().await;
    let bob = app.user("bob").await;
    let one = app.publish(json!({"user": "bob"}), "ONE").await;
    let two = app.publish(json!({"everyone": true}), "TWO").await;
    app.publish(json!({"user": "bob"}), "THREE").await;
    let both = "alarmType=ONE&alarmType=TWO";

    assert_eq!(
        ids(&list(&app, &bob, &format!("?{both}")).await),
        [two, one]
    );
    let twice = list(&app, &bob, &format!("?{both}&{both}")).await;
    assert_eq!(ids(&twice), [two, one]);
    let first = list(&app, &bob, &format!("?limit=1&{both}")).await;
    assert_eq!(
        (ids(&first), first["next"].as_i64()),
        (vec![two], Some(two))
    );
    let rest = list(&app, &bob, &format!("?before={two}&{both}")).await;
    assert_eq!((ids(&rest), &rest["next"]), (vec![one], &Value::Null));

    let many = (0..51).map(|n| format!("alarmType=T{n}"));
    let many = many.collect::<Vec<_>>().join("&");
    for query in [&many, "alarmType=ONE&alarmType=two"] {
        let request = app.get(&bob, &format!("/api/alarms?{query}"));
        refusal(request, 422, "invalid_field").await;
    }
}

#[tokio::test]
async fn the_counts_are_told_for_each_type() {
    let app = TestApp::embedded().await;
    let bob = app.user("bob").await;
    let counts = || answer(app.get(&bob, "/api/alarms/counts"), 200);
    assert_eq!(
        counts().await,
        json!({"cursor": 0, "types": {}, "more": false})
    );
    let read = app.publish(json!({"user": "bob"}), "ONE").await;
    let seen = app.publish(json!({"everyone": true}), "ONE").await;
    let gone = app.publish(json!({"user": "bob"}), "TWO").await;
    app.publish(json!({"user": "bob"}), "ONE").await;
    let last = app.publish(json!({"user": "bob"}), "THREE").await;
    answer(app.post(&bob, &format!("/api/alarms/{read}/read")), 200).await;
    let up_to = json!({"upTo": seen});
    answer(app.post(&bob, "/api/alarms/seen").json(&up_to), 200).await;
    let path = format!("/api/alarms/{gone}");
    let deleted = app.request(reqwest::Method::DELETE, &path);
    deleted.bearer_auth(&bob).send().await.unwrap();

    assert_eq!(
        counts().await,
        json!({"cursor": last, "more": false, "types": {
            "ONE": {"unseen": 1, "unread": 2},
            "THREE": {"unseen": 1, "unread": 1},
        }})
    );
    let up_to = json!({"upTo": last});
    answer(app.post(&bob, "/api/alarms/read").json(&up_to), 200).await;
    assert_eq!(counts().await["types"], json!({}));
}

#[tokio::test]
async fn the_names_of_senders_are_told_to_whoever_may_read_their_alarms() {
    let app = TestApp::embedded().await;
    let bob = app.user("bob").await;
    let carol = app.user("carol").await;
    app.room("lobby").await;
    let name = json!({"displayName": "Alice Adams"});
    let service = app.service();
    let put = app.request(reqwest::Method::PUT, "/api/users/alice");
    answer(put.bearer_auth(&service).json(&name), 201).await;
    let from = |to: Value, sender: &str| {
        let body = json!({"to": to, "alarmType": "T", "fromUserId": sender});
        answer(app.post(&service, "/api/alarms").json(&body), 201)
    };
    let mine = from(json!({"user": "bob"}), "alice").await;
    let hers = from(json!({"user": "carol"}), "alice").await;
    let nobodys = from(json!({"user": "bob"}), "nobody").await;
    let said = from(json!({"room": "lobby"}), "bob").await;
    let ask = |token: String, published: &Value| {
        let id = published["alarms"][0]["id"].as_i64().unwrap();
        let request = app.get(&token, &format!("/api/alarms/senders?id={id}&id=999"));
        answer(request, 200)
    };

    let alice = json!({"names": {"alice": "Alice Adams"}});
    let nothing = json!({"names": {}});
    assert_eq!(ask(bob.clone(), &mine).await, alice);
    assert_eq!(ask(carol.clone(), &hers).await, alice);
    assert_eq!(ask(bob.clone(), &hers).await, nothing);
    assert_eq!(ask(bob, &nobodys).await, nothing);
    assert_eq!(ask(carol, &said).await["names"]["bob"], "bob");
}

#[tokio::test]
async fn the_navigation_bar_gets_the_newest_five() {
    let app = TestApp::embedded().await;
    let bob = app.user("bob").await;
    let mut published = publish_many(&app, "bob", 7).await;
    published.reverse();

    let five = answer(app.get(&bob, "/api/alarms/top"), 200).await;
    let two = answer(app.get(&bob, "/api/alarms/top?limit=2"), 200).await;

    assert_eq!(ids(&five), published[..5]);
    assert_eq!(five["meta"]["unread"], 7);
    assert_eq!(five["next"], Value::Null);
    assert_eq!(ids(&two), published[..2]);
}

/// Puts alarms of bob and of everyone into the log of a hub that is stopped.
fn store_many(app: &TestApp, own: i64, shared: i64) {
    let last = own + shared;
    let ids = if is_sqlite() {
        format!(
            "WITH RECURSIVE ids(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < {last})"
        )
    } else {
        format!("WITH ids AS (SELECT generate_series(1, {last}) AS id)")
    };
    let rows = format!(
        "{ids} INSERT INTO alarms (id, topic, alarm_type, data, created_at)
           SELECT id, CASE WHEN id <= {own} THEN 'user:bob' ELSE 'everyone' END, 'T', '{{}}', {} FROM ids;
         UPDATE log_head SET last_id = {last}",
        i64::MAX / 2_000_000,
    );
    execute(app, &rows);
}

#[tokio::test]
async fn counts_are_exact_up_to_a_thousand_and_tell_of_more() {
    let mut app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.stop().await;
    store_many(&app, 600, 400);
    app.restart().await;
    let meta = async || list(&app, &bob, "?limit=1").await["meta"].take();
    assert_eq!(
        meta().await,
        json!({"unseen": 1000, "unread": 1000, "cursor": 1000})
    );

    let more = app.publish(json!({"user": "bob"}), "T").await;
    let mut stream = app.stream(&bob, "/api/stream").await;
    let connect = stream.next_event(DEADLINE).await.json();
    let page = app.get(&bob, "/alarms").send().await.unwrap();
    let page = page.text().await.unwrap();

    let above = json!({"unseen": 1000, "unseenMore": true, "unread": 1000, "unreadMore": true, "cursor": more});
    assert_eq!(meta().await, above);
    assert_eq!(
        (&connect["unread"], &connect["unreadMore"]),
        (&json!(1000), &json!(true))
    );
    assert!(page.contains("1000+"), "{page}");

    answer(app.post(&bob, "/api/alarms/7/read"), 200).await;
    let state = stream.next_named("state", DEADLINE).await.json();
    assert_eq!(
        (&state["unread"], &state["unreadMore"]),
        (&json!(1000), &Value::Null)
    );
    answer(
        app.post(&bob, "/api/alarms/seen")
            .json(&json!({"upTo": more})),
        200,
    )
    .await;
    answer(app.post(&bob, "/api/alarms/8/unread"), 200).await;
    let state = stream.next_named("state", DEADLINE).await.json();
    assert_eq!(
        (&state["unseen"], &state["unread"]),
        (&json!(0), &json!(1000))
    );
}

#[tokio::test]
async fn an_unseen_alarm_below_a_thousand_unread_ones_is_counted() {
    let mut app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.stop().await;
    store_many(&app, 1_500, 0);
    let seen = "INSERT INTO receipts (user_id, alarm_id, seen_at) SELECT 'bob', id, 1 FROM alarms WHERE id > 3";
    execute(&app, seen);
    app.restart().await;

    let meta = list(&app, &bob, "?limit=1").await["meta"].take();

    assert_eq!(
        meta,
        json!({"unseen": 3, "unread": 1000, "unreadMore": true, "cursor": 1500})
    );
}
