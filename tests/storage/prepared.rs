//! A PostgreSQL reads and plans a statement once in a session, and not each time that it is asked.

use std::collections::HashMap;

use serde_json::json;

use crate::support::postgres::Postgres;
use crate::support::{AppBuilder, DEADLINE};

const TIMES: usize = 20;

#[tokio::test]
async fn what_is_asked_often_is_prepared() {
    let postgres = Postgres::start();
    postgres.set("log_min_duration_statement = 0\nlc_messages = 'C'");
    let url = postgres.database("hub");
    let app = AppBuilder::default()
        .env("CAMPANILE_DATABASE_URL", &url)
        .spawn()
        .await;
    let bob = app.user("bob").await;
    let begin = postgres.log().len();

    for _time in 0..TIMES {
        app.publish(json!({"user": "bob"}), "SOME").await;
        let listing = app.get(&bob, "/api/alarms").send().await.unwrap();
        assert!(listing.status().is_success(), "{listing:?}");
    }

    let log = postgres.log();
    let mut asked = HashMap::<&str, Vec<&str>>::new();
    for line in log[begin..].lines() {
        let execution = line.split_once(" execute ").map(|(_, rest)| rest);
        if let Some((name, text)) = execution.and_then(|one| one.split_once(": ")) {
            asked.entry(text).or_default().push(name);
        }
    }
    asked.retain(|_text, names| names.len() >= TIMES);
    let stores = |text: &&str| text.contains("campanile_append");
    assert!(asked.len() > 2 && asked.keys().any(stores), "{asked:#?}");
    for (text, names) in asked {
        let unnamed = names.iter().filter(|name| **name == "<unnamed>");
        // Each connection of a lane asks twice before.
        assert!(unnamed.count() <= 8, "{text}: {names:?}");
    }
}

#[tokio::test]
async fn what_is_asked_often_is_planned_once() {
    const OFTEN: i64 = 60;
    /// A connection of a lane asks twice before it prepares, and a server looks at five plans for given values.
    const MOST_PLANS: i64 = 4 * (2 + 5);
    let postgres = Postgres::start();
    postgres.set(
        "shared_preload_libraries = 'pg_stat_statements'\npg_stat_statements.track = all\n\
         pg_stat_statements.track_planning = on",
    );
    postgres.control(&["restart", "-m", "fast"]);
    let url = postgres.database("hub");
    let mut app = AppBuilder::default()
        .env("CAMPANILE_DATABASE_URL", &url)
        .spawn()
        .await;
    let bob = app.user("bob").await;
    app.stop().await;
    let now = i64::MAX / 2_000_000;
    let of_others = format!(
        "INSERT INTO alarms (id, topic, alarm_type, data, created_at)
           SELECT id, 'user:' || CASE WHEN id < 10 THEN 'bob' ELSE 'other' || id % 100 END, 'SOME', '{{}}', {now}
           FROM generate_series(1, {ALARMS}) AS ids (id);
         UPDATE log_head SET last_id = {ALARMS};
         CREATE EXTENSION pg_stat_statements;
         ANALYZE;"
    );
    postgres.sql(&url, &of_others);
    app.restart().await;
    postgres.sql(&url, "SELECT pg_stat_statements_reset();");

    for time in 0..OFTEN {
        let keyed = app
            .post(&app.service(), "/api/alarms")
            .header("Idempotency-Key", format!("key{time}"));
        let body = json!({"to": {"user": "bob"}, "alarmType": "SOME"});
        let answer = keyed.json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        let mut stream = app.connected(&bob, "/api/stream?cursor=1").await;
        stream.next_named("alarm", DEADLINE).await;
    }

    let planned = "SELECT plans, regexp_replace(query, '\\s+', ' ', 'g') FROM pg_stat_statements WHERE calls >= 55 AND query LIKE '%unnest%';";
    let planned = postgres.sql(&url, planned);
    let planned: Vec<(i64, &str)> = planned
        .lines()
        .filter_map(|line| line.split_once('|'))
        .filter_map(|(plans, query)| Some((plans.parse().ok()?, query)))
        .collect();
    for part in [
        "AS marked",
        "AS left_over",
        "FROM users WHERE",
        "idempotency_keys AS earlier",
        "INSERT INTO alarms",
    ] {
        let of_part = planned.iter().filter(|(_, query)| query.contains(part));
        assert_eq!(of_part.count(), 1, "{part}: {planned:#?}");
    }
    for (plans, query) in planned {
        assert!(plans <= MOST_PLANS, "{plans} plans of {query}");
    }
}

/// The alarms of one user, many more than anybody else has: one of them of a rare type.
const ALARMS: i64 = 30_000;

#[tokio::test]
async fn what_is_asked_for_by_its_type_or_its_thing_is_planned_for_it_however_often() {
    let postgres = Postgres::start();
    postgres.set(
        "session_preload_libraries = 'auto_explain'\nauto_explain.log_min_duration = 0\n\
         auto_explain.log_analyze = on\nlc_messages = 'C'",
    );
    let url = postgres.database("hub");
    let mut app = AppBuilder::default()
        .env("CAMPANILE_DATABASE_URL", &url)
        .spawn()
        .await;
    let bob = app.user("bob").await;
    app.stop().await;
    let now = i64::MAX / 2_000_000;
    let alarms = format!(
        "INSERT INTO alarms (id, topic, alarm_type, target_id, data, created_at)
           SELECT id, CASE id % 10 WHEN 0 THEN 'user:other' || id ELSE 'user:bob' END,
             CASE WHEN id = 3 THEN 'RARE' ELSE 'TYPE' || (id % 7) END, 'order' || (id / 10), '{{}}', {now}
           FROM generate_series(1, {ALARMS}) AS ids (id);
         UPDATE log_head SET last_id = {ALARMS};
         ANALYZE;"
    );
    postgres.sql(&url, &alarms);
    app.restart().await;
    let begin = postgres.log().len();

    for time in 0..TIMES {
        let rare = app.get(&bob, "/api/alarms?alarmType=RARE");
        let page: serde_json::Value = rare.send().await.unwrap().json().await.unwrap();
        assert_eq!(page["items"][0]["id"], 3, "{page}");
        let pair = format!("/api/alarms?targetId=order{}&alarmType=TYPE1", 100 + time);
        for token in [&bob, &app.service()] {
            let answer = app.delete(token, &pair).send().await.unwrap();
            assert!(answer.status().is_success(), "{answer:?}");
        }
    }

    let log = postgres.log();
    let plans: Vec<&str> = log[begin..].split("Query Text: ").skip(1).collect();
    let of_alarms = |plan: &&&str| {
        let (query, _plan) = plan.split_once('\n').unwrap_or_default();
        [r#""alarms"."alarm_type" ="#, r#""alarms"."target_id" ="#]
            .iter()
            .any(|condition| query.contains(condition))
    };
    assert!(plans.iter().filter(of_alarms).count() >= 3 * TIMES);
    for plan in plans.iter().filter(of_alarms) {
        let removed = plan.lines().filter_map(|line| {
            let (_, rows) = line.split_once("Rows Removed by Filter: ")?;
            rows.trim().parse::<i64>().ok()
        });
        assert!(removed.max() < Some(100), "{plan}");
    }
}
