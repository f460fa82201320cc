//! The files of the embedded database: private, and after a stop only one.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::json;

use crate::stored::{database_file, publish};
use crate::support::{AppBuilder, TestApp, on_postgres, run};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn nobody_else_may_read_the_database_in_a_folder_that_was_there() {
    if on_postgres() {
        return;
    }
    let mut app = AppBuilder::default()
        .env("CAMPANILE_DATABASE_URL", "sqlite://hub.db")
        .spawn()
        .await;
    app.user("bob").await;
    assert_eq!(publish(&app, &json!(1)).await.0, 201);
    let file = |name: &str| app.folder().join(name);
    let names = ["hub.db", "hub.db-wal", "hub.db-shm", "hub.db.lock"];

    let made = names.map(|name| mode(&file(name)));
    app.kill().await;
    for name in names {
        fs::set_permissions(app.folder().join(name), Permissions::from_mode(0o644)).unwrap();
    }
    app.restart().await;
    let found = names.map(|name| mode(&app.folder().join(name)));

    assert_eq!(made, [0o600; 4], "made by the hub");
    assert_eq!(found, [0o600; 4], "left by an older one");
}

#[tokio::test]
async fn after_a_stop_the_database_file_alone_is_the_whole_database() {
    if on_postgres() {
        return;
    }
    let mut app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let (mut last, mut stream) = (0, app.connected(&bob, "/api/stream").await);
    for _ in 0..50 {
        let (status, id) = publish(&app, &json!("x".repeat(2_000))).await;
        assert_eq!(status, 201);
        last = id.unwrap();
    }

    let (status, _took) = app.stop().await;
    assert!(status.success());
    let file = database_file(&app);
    for suffix in ["db-wal", "db-shm"] {
        let beside = file.with_extension(suffix);
        assert!(!beside.exists(), "{} is left", beside.display());
    }
    let copy = app.folder().join("copy.db");
    fs::copy(&file, &copy).unwrap();
    let other = AppBuilder::default()
        .env(
            "CAMPANILE_DATABASE_URL",
            &format!("sqlite://{}", copy.display()),
        )
        .spawn()
        .await;
    let (_status, next) = publish(&other, &json!(1)).await;

    assert_eq!(next, Some(last + 1), "no id is given out twice");
    assert_eq!(
        stream
            .next_named("bye", crate::support::DEADLINE)
            .await
            .name(),
        "bye"
    );
}

#[tokio::test]
async fn a_command_leaves_the_database_in_one_file_too() {
    if on_postgres() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let settings = [("CAMPANILE_DATABASE_URL", "sqlite://hub.db")];
    let command = ["user", "add", "dora", "--role", "user"];

    let added = run(folder.path(), &command, &settings, "a long password\n").await;
    assert!(added.status.success(), "{added:?}");
    assert_eq!(mode(&folder.path().join("hub.db")), 0o600);
    // A command that ends at once meets connections that are still being opened, or that close at the same time.
    for _ in 0..10 {
        let again = run(folder.path(), &command, &settings, "a long password\n").await;
        assert_eq!(again.status.code(), Some(1), "{again:?}");
        for name in ["hub.db-wal", "hub.db-shm"] {
            assert!(!folder.path().join(name).exists(), "{name} is left");
        }
    }
}
