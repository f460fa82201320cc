//! A PostgreSQL reads and plans a statement once in a session, and not each time that it is asked.

use std::collections::HashMap;

use serde_json::json;

use crate::support::AppBuilder;
use crate::support::postgres::Postgres;

const TIMES: usize = 20;

#[tokio::test]
async fn what_is_asked_often_is_planned_once() {
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
    let stores = |text: &&str| text.contains("INSERT INTO alarms");
    assert!(asked.len() > 2 && asked.keys().any(stores), "{asked:#?}");
    for (text, names) in asked {
        let unnamed = names.iter().filter(|name| **name == "<unnamed>");
        // Each connection of a lane asks twice before.
        assert!(unnamed.count() <= 8, "{text}: {names:?}");
    }
}
