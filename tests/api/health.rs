//! The health checks: the hub is alive, and it is ready.

use reqwest::Method;

use crate::answers::send;
use crate::database::rename_table;
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
async fn a_hub_whose_database_fails_is_alive_but_not_ready() {
    let app = TestApp::spawn().await;
    let status = async |path: &str| send(app.request(Method::GET, path)).await.status();

    rename_table(&app, "log_head", "lost");
    assert_eq!(status("/readyz").await, 503);
    assert_eq!(status("/healthz").await, 200);

    rename_table(&app, "lost", "log_head");
    assert_eq!(status("/readyz").await, 200);
}
