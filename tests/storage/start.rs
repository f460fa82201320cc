//! A start without a usable database ends with exit code 2 and a line that says why.

use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use crate::mount::Mount;
use crate::support::postgres::{PASSWORD, Postgres};
use crate::support::run;
use crate::support::{AppBuilder, DEADLINE};

async fn start(folder: &Path, url: &str) -> (Output, String) {
    let output = run(folder, &["serve"], &[("CAMPANILE_DATABASE_URL", url)], "").await;
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    (output, said)
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::of(folder.path(), "4m") else {
        return;
    };
    let inner = mount.path().join("there");
    std::fs::create_dir(&inner).unwrap();
    std::fs::write(inner.join("campanile.db"), "").unwrap();
    mount.make_read_only();

    for (place, named) in [
        (inner, "there/campanile.db"),
        (mount.path().join("new"), "/new"),
    ] {
        let url = format!("sqlite://{}/campanile.db", place.display());
        let (_, said) = start(folder.path(), &url).await;

        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(named), "{said}");
        assert!(said.contains("Read-only file system"), "{said}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = "this is a text and no database. ".repeat(100);
    std::fs::write(folder.path().join("letter.txt"), &text).unwrap();

    let (_, said) = start(folder.path(), "sqlite://letter.txt").await;

    assert!(said.contains("not a database"), "{said}");
    let after = std::fs::read_to_string(folder.path().join("letter.txt")).unwrap();
    assert_eq!(after, text, "untouched");
}

#[tokio::test]
async fn a_server_that_stays_away_ends_the_start_after_a_bounded_wait() {
    let postgres = Postgres::start();
    let folder = tempfile::tempdir().unwrap();
    let url = postgres.database_of(folder.path());
    postgres.control(&["stop"]);

    let begin = Instant::now();
    let (_, said) = start(folder.path(), &url).await;

    let took = begin.elapsed();
    assert!(took > Duration::from_secs(5), "{took:?}");
    assert!(took < DEADLINE, "{took:?}");
    assert!(said.contains("Connection refused"), "{said}");
    assert!(said.contains("cannot use the database"), "{said}");
    assert!(!said.contains(PASSWORD), "{said}");
    assert_eq!(
        said.lines().count(),
        2,
        "that it waits, and that it gave up: {said}"
    );
}

#[tokio::test]
async fn a_server_that_comes_up_a_moment_later_is_waited_for() {
    let postgres = Postgres::start();
    let folder = tempfile::tempdir().unwrap();
    let url = postgres.database_of(folder.path());
    postgres.control(&["stop"]);

    let hub = AppBuilder::default().env("CAMPANILE_DATABASE_URL", &url);
    let (app, ()) = tokio::join!(hub.spawn(), async { postgres.control(&["start"]) });

    app.user("bob").await;
}

#[tokio::test]
async fn what_waiting_would_not_mend_ends_the_start_at_once_and_shows_no_password() {
    let folder = tempfile::tempdir().unwrap();
    let good = Postgres::shared().database_of(folder.path());
    let wrong = good.replace(PASSWORD, "another-password");
    let unreadable = good.replace("127.0.0.1", "[127.0.0.1");

    for (url, named) in [
        // By their SQLSTATE: the words are in the server's language.
        (wrong, "28P01"),
        (format!("{good}-missing"), "3D000"),
        (unreadable, "postgres"),
        (format!("{good}?gssencmode=disable"), "gssencmode"),
        (format!("{good}?sslmode=always"), "verify-full"),
    ] {
        let begin = Instant::now();
        let (_, said) = start(folder.path(), &url).await;

        assert!(begin.elapsed() < Duration::from_secs(5), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(named), "{said}");
        assert!(!said.contains("another-password"), "{said}");
        assert!(!said.contains(PASSWORD), "{said}");
    }
    let mut left = std::fs::read_dir(folder.path()).unwrap();
    assert!(left.next().is_none(), "nothing was created");
}

#[tokio::test]
async fn hubs_that_start_at_once_on_an_empty_server_migrate_it_once_and_share_one_log() {
    let folder = tempfile::tempdir().unwrap();
    let url = Postgres::shared().database_of(folder.path());
    let hub = || AppBuilder::default().env("CAMPANILE_DATABASE_URL", &url);

    let (one, two, three) = tokio::join!(hub().spawn(), hub().spawn(), hub().spawn());

    let logs = [one.log(), two.log(), three.log()].concat();
    assert_eq!(logs.matches(" database migrations").count(), 1, "{logs}");
    assert_eq!(
        logs.matches("created the account admin").count(),
        1,
        "{logs}"
    );
    let bob = one.user("bob").await;
    let mut streams = Vec::new();
    for hub in [&one, &two, &three] {
        streams.push(hub.connected(&bob, "/api/stream").await);
    }
    let mut published = Vec::new();
    for hub in [&one, &two, &three, &two, &one, &one] {
        let (status, id) = crate::stored::publish(hub, &serde_json::Value::Null).await;
        assert_eq!(status, 201);
        published.push(id.unwrap());
    }
    assert_eq!(published, [1, 2, 3, 4, 5, 6]);
    for stream in &mut streams {
        for id in &published {
            let event = stream.next_named("alarm", DEADLINE).await;
            assert_eq!(event.number(), *id);
        }
    }
}
