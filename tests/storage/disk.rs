//! A disk without room: publishing fails, and nothing that was answered is lost.

use serde_json::json;

use crate::mount::Mount;
use crate::stored::publish;
use crate::support::{AppBuilder, DEADLINE};

#[tokio::test]
async fn a_full_disk_refuses_what_it_cannot_store_and_loses_nothing_that_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::of(folder.path(), "6m") else {
        return;
    };
    let ballast = mount.path().join("ballast");
    std::fs::write(&ballast, vec![0; 2 * 1024 * 1024]).unwrap();
    let url = format!("sqlite://{}/campanile.db", mount.path().display());
    let mut app = AppBuilder::default()
        .env("CAMPANILE_DATABASE_URL", &url)
        .spawn()
        .await;
    let bob = app.user("bob").await;
    let mut stream = app.connected(&bob, "/api/stream").await;
    let data = json!("x".repeat(15_000));

    // Read as it comes: a client that lets megabytes wait is cut off.
    let (mut answered, mut live) = (Vec::new(), Vec::new());
    let refused = loop {
        match publish(&app, &data).await {
            (201, id) => answered.push(id.unwrap()),
            (status, _) => break status,
        }
        live.push(stream.next_named("alarm", DEADLINE).await.number());
        assert!(answered.len() < 1_000, "the disk fills");
    };
    assert!([503, 507].contains(&refused), "{refused}");
    for _ in 0..10 {
        match publish(&app, &data).await {
            (201, id) => answered.push(id.unwrap()),
            (status, _) => assert!([503, 507].contains(&status), "{status}"),
        }
    }
    assert!(answered.len() > 20, "{}", answered.len());
    for path in ["/healthz", "/api/alarms"] {
        let answer = app.get(&bob, path).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path} on a full disk");
    }
    eprintln!("{} stored, then {refused}", answered.len());

    std::fs::remove_file(&ballast).unwrap();
    crate::support::until("room again", DEADLINE, async || {
        let (status, _) = publish(&app, &data).await;
        (status == 201).then_some(())
    })
    .await;
    let (status, last) = publish(&app, &data).await;
    assert_eq!(status, 201);
    answered.push(last.unwrap());

    while live.last() != last.as_ref() {
        live.push(stream.next_named("alarm", DEADLINE).await.number());
    }
    app.kill().await;
    app.restart().await;
    let mut replay = app.connected(&bob, "/api/stream?cursor=0").await;
    let mut stored = Vec::new();
    while stored.last() != last.as_ref() {
        stored.push(replay.next_named("alarm", DEADLINE).await.number());
    }
    let dense: Vec<i64> = (1..=last.unwrap()).collect();
    assert_eq!(stored, dense, "no hole, none twice");
    assert_eq!(live, dense, "and live as well");
    assert!(answered.iter().all(|id| stored.contains(id)));
}

#[tokio::test]
async fn who_signs_out_on_a_full_disk_hears_the_error_and_is_out_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::of(folder.path(), "6m") else {
        return;
    };
    let ballast = mount.path().join("ballast");
    std::fs::write(&ballast, vec![0; 2 * 1024 * 1024]).unwrap();
    let url = format!("sqlite://{}/campanile.db", mount.path().display());
    let mut app = AppBuilder::default()
        .env("CAMPANILE_DATABASE_URL", &url)
        .spawn()
        .await;
    let bob = app.user("bob").await;
    let mut stream = app.connected(&bob, "/api/stream").await;
    let filler = mount.path().join("filler");
    let full = std::fs::write(&filler, vec![0; 16 * 1024 * 1024]);
    assert!(full.is_err(), "the disk is full");
    let data = json!("x".repeat(15_000));
    // Large ones first, then such as still find room.
    for data in [data, serde_json::Value::Null] {
        let mut refused = 0;
        while refused < 5 {
            match publish(&app, &data).await {
                (201, _) => drop(stream.next_named("alarm", DEADLINE).await),
                _ => refused += 1,
            }
        }
    }

    let answer = app.post(&bob, "/api/auth/logout").send().await.unwrap();

    assert!(answer.status().is_server_error(), "{answer:?}");
    stream.bye("logout", DEADLINE).await;
    let status = async |app: &crate::support::TestApp| {
        let answer = app.get(&bob, "/api/auth/me").send().await;
        answer.unwrap().status().as_u16()
    };
    assert_eq!(status(&app).await, 401);

    std::fs::remove_file(&filler).unwrap();
    std::fs::remove_file(&ballast).unwrap();
    app.wait_for_log("stored a sign-out").await;
    app.kill().await;
    app.restart().await;
    assert_eq!(status(&app).await, 401, "after a restart as well");
}
