//! A server whose messages are in Korean: its failures are told apart all the same, as they are known by their codes.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::mount::Mount;
use crate::outage::Scene;
use crate::stored::publish;
use crate::support::postgres::Postgres;
use crate::support::{DEADLINE, until};

const KOREAN: &str = "ko_KR.UTF-8";

/// The word the server begins an error with.
const ERROR: &str = "오류";

#[tokio::test]
async fn a_server_that_goes_away_is_missed_in_any_language() {
    let mut scene = Scene::on(Postgres::speaking(KOREAN)).await;

    scene.postgres.control(&["stop", "-m", "immediate"]);
    scene.is_down(Duration::from_secs(8)).await;
    scene.postgres.control(&["start"]);

    scene.heals().await;
}

#[tokio::test]
async fn a_lock_that_is_not_to_be_had_is_unavailable_in_any_language() {
    let mut scene = Scene::on(Postgres::speaking(KOREAN)).await;
    let url = scene.postgres.database("scene");

    let held = scene
        .postgres
        .hold(&url, "BEGIN; UPDATE log_head SET last_id = last_id");
    let refused = publish(&scene.app, &Value::Null).await;
    drop(held);

    assert_eq!(refused, (503, None));
    scene.app.wait_for_log("55P03").await;
    assert!(scene.app.log().contains(ERROR), "it speaks Korean");
    scene.heals().await;
}

#[tokio::test]
async fn a_full_disk_is_told_apart_in_any_language() {
    let readable = Permissions::from_mode(0o755);
    let folder = tempfile::Builder::new().permissions(readable).tempdir();
    let folder = folder.unwrap();
    let Some(mount) = Mount::of(folder.path(), "4m") else {
        return;
    };
    Postgres::give_folder(mount.path());
    let mut scene = Scene::on(Postgres::speaking(KOREAN)).await;
    let url = scene.postgres.database("scene");
    let place = mount.path().display();
    for sql in [
        &format!("CREATE TABLESPACE small LOCATION '{place}'"),
        "ALTER TABLE alarms ALTER data SET STORAGE EXTERNAL",
        "ALTER TABLE alarms SET TABLESPACE small",
    ] {
        scene.postgres.sql(&url, sql);
    }
    let data = json!("x".repeat(15_000));

    let mut stored = 0;
    let refused = loop {
        match publish(&scene.app, &data).await {
            (201, _id) => stored += 1,
            (status, _) => break status,
        }
        scene.next().await;
        assert!(stored < 1_000, "the disk fills");
    };

    assert_eq!(refused, 507, "after {stored}");
    scene
        .postgres
        .sql(&url, "ALTER TABLE alarms SET TABLESPACE pg_default");
    until("room again", DEADLINE, async || {
        (publish(&scene.app, &data).await.0 == 201).then_some(())
    })
    .await;
    scene.heals().await;
}
