//! Whether the hub is alive and ready.

use reqwest::Method;

use crate::answers::send;
use crate::support::TestApp;

#[tokio::test]
async fn a_running_hub_is_alive_and_ready() {
    let app = TestApp::spawn().await;

    for path in ["/healthz", "/readyz"] {
        let response = send(app.request(Method::GET, path)).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.text().await.unwrap().trim(), "ok", "{path}");
    }
}

#[tokio::test]
async fn health_is_told_whatever_token_comes_along() {
    let app = TestApp::spawn().await;

    for path in ["/healthz", "/readyz"] {
        let response = send(app.get("garbage", path)).await;
        assert_eq!(response.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn a_hub_whose_database_is_gone_is_alive_but_not_ready() {
    let app = TestApp::spawn().await;
    let database = app.folder().join("campanile-data/campanile.db");
    if !database.exists() {
        return;
    }

    // What is left of the file is no database any more.
    std::fs::write(&database, vec![b'x'; 1 << 16]).unwrap();
    for suffix in ["-wal", "-shm"] {
        let side = app
            .folder()
            .join(format!("campanile-data/campanile.db{suffix}"));
        std::fs::write(side, "").unwrap();
    }

    crate::support::until("not ready", crate::support::DEADLINE, async || {
        let ready = send(app.request(Method::GET, "/readyz")).await;
        (ready.status() == 503).then_some(())
    })
    .await;
    assert_eq!(
        send(app.request(Method::GET, "/healthz")).await.status(),
        200
    );
}
