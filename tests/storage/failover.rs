//! Several servers in one URL: the one that takes writes is found, at the start and after another took over.

use std::time::Instant;

use serde_json::{Value, json};

use crate::stored::publish;
use crate::support::port::free_port;
use crate::support::postgres::Postgres;
use crate::support::{AppBuilder, DEADLINE, until};

/// The distance that the counter of ids jumps on another server.
const JUMP: i64 = 1 << 20;

#[tokio::test]
async fn a_standby_that_is_promoted_is_found_without_a_restart() {
    let primary = Postgres::start();
    let url = primary.database("hub");
    let standby = primary.standby();
    let nobody = format!("127.0.0.1:{}", free_port());
    // The standby comes first, so that it has to be passed over.
    let hosts = format!("{nobody},{},{}", standby.address(), primary.address());
    let several = url.replace(&primary.address(), &hosts);
    let app = AppBuilder::default()
        .env("CAMPANILE_DATABASE_URL", &several)
        .spawn()
        .await;
    let bob = app.user("bob").await;
    let mut stream = app.connected(&bob, "/api/stream").await;
    assert_eq!(publish(&app, &Value::Null).await, (201, Some(1)));
    assert_eq!(stream.next_named("alarm", DEADLINE).await.number(), 1);
    let followed = url.replace(&primary.address(), &standby.address());
    until("a standby that follows", DEADLINE, async || {
        let last = standby.sql(&followed, "SELECT last_id FROM log_head");
        (last == "1").then_some(())
    })
    .await;

    primary.kill();
    standby.control(&["promote"]);
    let begin = Instant::now();
    let id = until("publishing again", DEADLINE, async || {
        publish(&app, &json!("after")).await.1
    })
    .await;

    eprintln!("publishing again after {:?}", begin.elapsed());
    // The last rows of the server before may be lost, so that their ids are not given again.
    assert_eq!(id, 1 + JUMP + 1);
    assert_eq!(stream.next_named("alarm", DEADLINE).await.number(), id);
}

#[tokio::test]
async fn a_server_that_takes_no_writes_any_more_is_left_at_once_and_taken_back() {
    let postgres = Postgres::start();
    let url = postgres.database("hub");
    let twice = format!("{0},{0}", postgres.address());
    for url in [url.replace(&postgres.address(), &twice), url.clone()] {
        let app = AppBuilder::default()
            .env("CAMPANILE_DATABASE_URL", &url)
            .spawn()
            .await;
        app.user("bob").await;
        let (status, before) = publish(&app, &Value::Null).await;
        assert_eq!(status, 201);

        postgres.set("default_transaction_read_only = on");
        until("a refusal", DEADLINE, async || {
            (publish(&app, &Value::Null).await.0 == 503).then_some(())
        })
        .await;
        postgres.set("default_transaction_read_only = off");
        let id = until("publishing again", DEADLINE, async || {
            publish(&app, &Value::Null).await.1
        })
        .await;

        assert!(Some(id) > before);
        // The first by the failed write of its connection, the other by what a server says before it is used.
        assert!(app.log().contains("25006") || app.log().contains("does not allow writes"));
    }
}
