//! The networks that an account signed in from are stored: an owner signs in while others guess, also after a restart and at
//! another hub.

use std::sync::atomic::{AtomicI32, Ordering};

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use futures::future::join_all;
use reqwest::RequestBuilder;

use crate::signing_in::{PASSWORD, login};
use crate::stored::database_file;
use crate::support::postgres::Postgres;
use crate::support::{AppBuilder, DEADLINE, TestApp, on_postgres, until};

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1_000;

/// A sign-in of alice from an address, on a connection of its own: hashing takes its time, and a hub may close one that was idle
/// for some seconds just when it is used again.
fn from(app: &TestApp, address: &str, password: &str) -> RequestBuilder {
    login(app, "alice", password)
        .header("X-Forwarded-For", address)
        .header("Connection", "close")
}

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.expect("an answer").status().as_u16()
}

/// Guesses at alice's password, each time from another network, until one of them has to wait.
async fn attack(app: &TestApp) {
    let guesses = AtomicI32::new(0);
    until("a guess that has to wait", DEADLINE, async || {
        let first = guesses.fetch_add(20, Ordering::Relaxed);
        let some = first..first + 20;
        let address = |number: i32| format!("198.51.{}.{}", number / 250, number % 250 + 1);
        let attempts = some.map(|number| status(from(app, &address(number), "a wrong password")));
        let answers = join_all(attempts).await;
        answers.contains(&429).then_some(())
    })
    .await;
    assert!(guesses.into_inner() > 100);
}

async fn only_the_owner_signs_in(app: &TestApp, home: &str) {
    attack(app).await;
    assert_eq!(status(from(app, "203.0.113.9", PASSWORD)).await, 429);
    for _ in 0..3 {
        assert_eq!(status(from(app, home, PASSWORD)).await, 200, "{home}");
    }
}

fn sql(app: &TestApp, sql: &str) {
    if on_postgres() {
        let postgres = Postgres::shared();
        postgres.sql(&postgres.database_of(app.folder()), sql);
    } else {
        open(app).batch_execute(sql).expect("SQL");
    }
}

/// The stored networks of alice that a condition holds for.
fn networks(app: &TestApp, condition: &str) -> i64 {
    let sql = format!(
        "SELECT count(*) AS count FROM sign_in_networks WHERE user_id = 'alice' AND {condition}"
    );
    if on_postgres() {
        let postgres = Postgres::shared();
        let count = postgres.sql(&postgres.database_of(app.folder()), &sql);
        return count.parse().unwrap();
    }
    let count = diesel::dsl::sql::<diesel::sql_types::BigInt>(&sql);
    diesel::RunQueryDsl::get_result(count, &mut open(app)).unwrap()
}

async fn until_stored(app: &TestApp, condition: &str, count: i64) {
    until(&format!("{count} with {condition}"), DEADLINE, async || {
        (networks(app, condition) == count).then_some(())
    })
    .await;
}

fn open(app: &TestApp) -> SqliteConnection {
    let file = database_file(app);
    let mut connection =
        SqliteConnection::establish(file.to_str().expect("UTF-8")).expect("the database");
    connection
        .batch_execute("PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON")
        .expect("settings");
    connection
}

#[tokio::test]
async fn an_owner_signs_in_after_a_restart_while_others_guess() {
    let mut app = TestApp::spawn().await;
    // The sign-up is from this machine, the sign-in from an IPv6 network.
    app.sign_up("alice", PASSWORD).await;
    assert_eq!(status(from(&app, "2001:db8:7::1", PASSWORD)).await, 200);

    app.restart().await;

    only_the_owner_signs_in(&app, "2001:db8:7::9").await;
    assert_eq!(status(login(&app, "alice", PASSWORD)).await, 200);
}

#[tokio::test]
async fn an_owner_signs_in_at_another_hub_while_others_guess() {
    let folder = tempfile::tempdir().unwrap();
    let url = Postgres::shared().database_of(folder.path());
    let hub = || AppBuilder::default().env("CAMPANILE_DATABASE_URL", &url);
    let (one, other) = (hub().spawn().await, hub().spawn().await);
    one.sign_up("alice", PASSWORD).await;
    assert_eq!(status(from(&one, "192.0.2.7", PASSWORD)).await, 200);
    let stored = "SELECT count(*) FROM sign_in_networks WHERE network = '192.0.2.7'";
    until("stored", DEADLINE, async || {
        (Postgres::shared().sql(&url, stored) == "1").then_some(())
    })
    .await;

    only_the_owner_signs_in(&other, "192.0.2.7").await;
}

#[tokio::test]
async fn the_newest_networks_of_an_account_are_kept_for_ninety_days_and_go_with_it() {
    let mut app = TestApp::spawn().await;
    app.sign_up("alice", PASSWORD).await;
    for number in 1..=25 {
        let address = format!("192.0.2.{number}");
        assert_eq!(status(from(&app, &address, PASSWORD)).await, 200);
        // Each has a time of its own.
        until_stored(&app, &format!("network = '{address}'"), 1).await;
    }
    assert_eq!(networks(&app, "1 = 1"), 20);
    assert_eq!(networks(&app, "network = '192.0.2.5'"), 0);
    assert_eq!(networks(&app, "network = '192.0.2.6'"), 1);

    let aged = |network: &str, days: i64| {
        let age = days * DAY_MILLIS;
        format!(
            "UPDATE sign_in_networks SET last_at = last_at - {age} WHERE network = '{network}';"
        )
    };
    sql(&app, &(aged("192.0.2.20", 91) + &aged("192.0.2.21", 89)));
    app.restart().await;
    until_stored(&app, "network = '192.0.2.20'", 0).await;
    assert_eq!(networks(&app, "network = '192.0.2.21'"), 1);

    // A network in use gets younger.
    assert_eq!(status(from(&app, "192.0.2.21", PASSWORD)).await, 200);
    let newest = "network = '192.0.2.21' AND last_at = (SELECT max(last_at) FROM sign_in_networks)";
    until_stored(&app, newest, 1).await;

    sql(&app, "DELETE FROM users WHERE id = 'alice'");
    assert_eq!(networks(&app, "1 = 1"), 0);
}
