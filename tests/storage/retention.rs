//! Forgetting old alarms: beside publishing, and so that a client which was away longer is told.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use serde_json::{Value, json};

use crate::stored::{database_file, publish};
use crate::support::postgres::Postgres;
use crate::support::{AppBuilder, DEADLINE, TestApp, on_postgres, until};

const OLD: i64 = 5_000;

/// Alarms of two days ago, for bob and for everyone in turn, with a receipt of each of 50 readers for every 100th.
fn old_alarms(app: &TestApp, now: i64) {
    let made = now - 2 * 24 * 3_600 * 1_000;
    let sqlite = format!(
        "WITH RECURSIVE ids(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < {OLD})"
    );
    let postgres = format!("WITH ids AS (SELECT generate_series(1, {OLD}) AS id)");
    let ids = if on_postgres() { postgres } else { sqlite };
    let sql = format!(
        "{ids} INSERT INTO alarms (id, topic, alarm_type, data, created_at)
           SELECT id, CASE id % 2 WHEN 0 THEN 'user:bob' ELSE 'everyone' END, 'OLD', '\"{filler}\"', {made} FROM ids;
         {ids} INSERT INTO receipts (user_id, alarm_id, seen_at)
           SELECT 'reader' || (id % 50), ((id - 1) / 50) * 50 + 1, {made} FROM ids;
         UPDATE log_head SET last_id = {OLD};",
        filler = "x".repeat(1_000),
    );
    if on_postgres() {
        let postgres = Postgres::shared();
        postgres.sql(&postgres.database_of(app.folder()), &sql);
    } else {
        open(app).batch_execute(&sql).expect("old alarms");
    }
}

fn count(app: &TestApp, table: &str) -> i64 {
    let sql = format!("SELECT count(*) AS count FROM {table}");
    if on_postgres() {
        let postgres = Postgres::shared();
        let count = postgres.sql(&postgres.database_of(app.folder()), &sql);
        return count.parse().unwrap();
    }
    let count = diesel::dsl::sql::<diesel::sql_types::BigInt>(&sql);
    diesel::RunQueryDsl::get_result(count, &mut open(app)).unwrap()
}

fn open(app: &TestApp) -> SqliteConnection {
    let file = database_file(app);
    let mut connection =
        SqliteConnection::establish(file.to_str().expect("UTF-8")).expect("the database");
    connection
        .batch_execute("PRAGMA busy_timeout = 10000")
        .expect("a time-out");
    connection
}

fn now_millis() -> i64 {
    let now = std::time::UNIX_EPOCH.elapsed().expect("a clock after 1970");
    i64::try_from(now.as_millis()).expect("a time")
}

#[tokio::test]
async fn pruning_holds_up_no_publisher_and_a_cursor_from_before_is_told_of_the_gap() {
    let mut app = AppBuilder::default()
        .env("CAMPANILE_RETENTION_DAYS", "1")
        .alone()
        .spawn()
        .await;
    let bob = app.user("bob").await;
    app.stop().await;
    old_alarms(&app, now_millis());

    app.restart().await;
    let mut slowest = Duration::ZERO;
    let mut young = Vec::new();
    let begin = Instant::now();
    let pruned_in = loop {
        let before = Instant::now();
        let (status, id) = publish(&app, &Value::Null).await;
        slowest = slowest.max(before.elapsed());
        assert_eq!(status, 201);
        young.push(id.unwrap());
        if count(&app, "alarms") == i64::try_from(young.len()).unwrap() {
            break begin.elapsed();
        }
        assert!(begin.elapsed() < 3 * DEADLINE, "pruned");
    };
    eprintln!(
        "{OLD} old alarms pruned in {pruned_in:?} beside {} publishes, the slowest {slowest:?}",
        young.len()
    );
    // The pause between batches is 10 ms at least; a publisher that waited for all of them would wait for seconds.
    assert!(slowest < pruned_in / 2, "{slowest:?} of {pruned_in:?}");
    until("receipts without alarm gone", DEADLINE, async || {
        (count(&app, "receipts") == 0).then_some(())
    })
    .await;

    assert_eq!(young[0], OLD + 1, "ids go on");
    for (cursor, gap) in [(0, true), (1, true), (OLD - 1, true), (OLD, false)] {
        let mut stream = app
            .stream(&bob, &format!("/api/stream?cursor={cursor}"))
            .await;
        let connect = stream.next_event(DEADLINE).await;
        assert_eq!(connect.json()["gap"], gap, "after {cursor}: {connect:?}");
        for id in &young {
            assert_eq!(stream.next_named("alarm", DEADLINE).await.number(), *id);
        }
    }
}

fn run(app: &TestApp, sql: &str) {
    if on_postgres() {
        let postgres = Postgres::shared();
        postgres.sql(&postgres.database_of(app.folder()), sql);
    } else {
        open(app).batch_execute(sql).expect(sql);
    }
}

#[tokio::test]
async fn a_failure_does_not_end_a_pass_of_pruning() {
    let mut app = AppBuilder::default()
        .env("CAMPANILE_RETENTION_DAYS", "1")
        .spawn()
        .await;
    app.stop().await;
    old_alarms(&app, now_millis());
    run(
        &app,
        "DELETE FROM alarms WHERE id > 1000; DELETE FROM receipts WHERE alarm_id > 1000",
    );
    run(&app, "ALTER TABLE receipts RENAME TO receipts_away");

    app.restart().await;
    app.wait_for_log("pruning failed and is tried again").await;
    run(&app, "ALTER TABLE receipts_away RENAME TO receipts");

    until("everything pruned", DEADLINE, async || {
        (count(&app, "alarms") == 0 && count(&app, "receipts") == 0).then_some(())
    })
    .await;
}

/// Publishes an alarm that expires to each kind of topic, the one for bob last, then one for bob that stays; returns the
/// ids of the first ones.
async fn publish_expiring(app: &TestApp) -> Vec<i64> {
    let mut ids = Vec::new();
    for to in [
        json!({"room": "hall"}),
        json!({"role": "admin"}),
        json!({"everyone": true}),
        json!({"user": "bob"}),
    ] {
        let body =
            json!({"to": to, "alarmType": "VANISHING", "targetId": 7, "expiresInSeconds": 1});
        let request = app.post(&app.service(), "/api/alarms").json(&body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 201);
        let body: Value = answer.json().await.unwrap();
        ids.push(body["alarms"][0]["id"].as_i64().unwrap());
    }
    app.publish(json!({"user": "bob"}), "REMAINING").await;
    ids
}

async fn list(app: &TestApp, token: &str, path: &str) -> Value {
    let answer = app.get(token, path).send().await.unwrap();
    answer.json().await.unwrap()
}

#[tokio::test]
async fn an_alarm_that_expired_is_shown_nowhere() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.room("hall").await;

    let expired = publish_expiring(&app).await;
    until("they expire", DEADLINE, async || {
        let inbox = list(&app, &bob, "/api/alarms").await;
        (inbox["items"].as_array().unwrap().len() == 1).then_some(())
    })
    .await;

    for (token, path) in [
        (&bob, "/api/alarms"),
        (&bob, "/api/alarms/top"),
        (&bob, "/api/main/alarm"),
        (&app.admin(), "/api/alarms"),
        (&bob, "/api/rooms/hall/messages"),
    ] {
        let page = list(&app, token, path).await.to_string();
        assert!(!page.contains("VANISHING"), "{path}: {page}");
    }
    let meta = list(&app, &bob, "/api/alarms").await["meta"].take();
    assert_eq!((&meta["unread"], &meta["unseen"]), (&json!(1), &json!(1)));
    // The page writes types as words.
    let page = app.get(&app.admin(), "/admin").send().await.unwrap();
    let page = page.text().await.unwrap().to_lowercase();
    assert!(page.contains("remaining"), "{page}");
    assert!(!page.contains("vanishing"), "{page}");
    let path = "/api/stream?topic=*&cursor=0";
    let mut stream = app.connected(&app.service(), path).await;
    let replayed = stream.next_event(DEADLINE).await;
    assert_eq!(replayed.number(), expired.last().unwrap() + 1);
}

#[tokio::test]
async fn an_alarm_that_expired_can_be_neither_read_nor_deleted() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.room("hall").await;

    let expired = publish_expiring(&app).await;
    until("they expire", DEADLINE, async || {
        let inbox = list(&app, &bob, "/api/alarms").await;
        (inbox["items"].as_array().unwrap().len() == 1).then_some(())
    })
    .await;

    let read = app.post(&bob, &format!("/api/alarms/{}/read", expired[3]));
    assert_eq!(read.send().await.unwrap().status(), 404);
    let delete = app.delete(&bob, "/api/alarms?targetId=7&alarmType=VANISHING");
    let deleted: Value = delete.send().await.unwrap().json().await.unwrap();
    assert_eq!(deleted["deleted"], 0);
}
