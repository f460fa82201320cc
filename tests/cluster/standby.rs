//! A hub whose operator demands a synchronous standby.

use crate::hubs::{answers, publish};
use crate::servers::{Servers, acknowledged};
use crate::support::postgres::{PASSWORD, Postgres};
use crate::support::{AppBuilder, TestApp, run};
use reqwest::StatusCode;
use serde_json::json;

async fn publishes(hub: &TestApp) -> StatusCode {
    let body = json!({"to": {"user": "bob"}, "alarmType": "T"});
    let publish = hub.post(&hub.service(), "/api/alarms").json(&body);
    publish.send().await.unwrap().status()
}

#[tokio::test]
async fn a_demanded_standby_that_is_not_there_stops_the_start_and_then_the_publishing() {
    let servers = Servers::start().await;
    let demanding = || {
        AppBuilder::default()
            .env("CAMPANILE_DATABASE_URL", &servers.url)
            .env("CAMPANILE_REQUIRE_STANDBY", "on")
    };
    let hub = demanding().spawn().await;
    let bob = hub.user("bob").await;
    let id = publish(&hub, "bob").await;

    servers.standby.control(&["stop", "-m", "fast"]);
    hub.wait_for_log("no synchronous standby is attached").await;
    assert_eq!(publishes(&hub).await, 503);
    answers(&hub, &bob, 200).await;
    let alone = tempfile::tempdir().unwrap();
    let settings = [
        ("CAMPANILE_DATABASE_URL", servers.url.as_str()),
        ("CAMPANILE_REQUIRE_STANDBY", "on"),
    ];
    let refused = run(alone.path(), &["serve"], &settings, "").await;
    let told = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(told.contains("no synchronous standby"), "{told}");

    servers.standby.control(&["start"]);
    assert_eq!(acknowledged(&hub, "bob", "again").await, id + 1);
}

#[tokio::test]
async fn a_hub_that_may_not_see_the_standby_it_demands_names_the_role_it_needs() {
    let postgres = Postgres::start();
    let url = postgres.database("hub");
    postgres.sql(
        &url,
        &format!(
            "CREATE ROLE plain LOGIN PASSWORD '{PASSWORD}'; GRANT ALL ON SCHEMA public TO plain"
        ),
    );
    let plain = url.replace("campanile:", "plain:");
    let folder = tempfile::tempdir().unwrap();
    let settings = [
        ("CAMPANILE_DATABASE_URL", plain.as_str()),
        ("CAMPANILE_REQUIRE_STANDBY", "on"),
    ];

    let refused = run(folder.path(), &["serve"], &settings, "").await;

    let told = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(told.contains("pg_monitor"), "{told}");
}
