//! HAProxy with HTTP/2 on both sides: in clear text to the hub, and HTTP/1.1 for WebSockets.

use std::process::Command;

use crate::documented_proxy::{Proxy, documented, free_port};
use crate::promises;
use crate::support::TestApp;
use crate::support::tls::Identity;

async fn haproxy(app: &TestApp) -> Proxy {
    let (identity, folder, port) = (Identity::new(), tempfile::tempdir().unwrap(), free_port());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let both: String = identity.files().into_iter().map(|(_, text)| text).collect();
    std::fs::write(path("both.pem"), both).unwrap();
    let patience = format!("{}s", promises::PATIENCE.as_secs());
    let configuration = documented(
        "haproxy",
        &[
            ("127.0.0.1:8080", app.address()),
            ("bind :443", &format!("bind 127.0.0.1:{port}")),
            ("/etc/haproxy/hub.example.pem", &path("both.pem")),
            ("75s", &patience),
        ],
    );
    let mut command = Command::new("haproxy");
    command.args(["-db", "-f", &path("proxy.conf")]);
    Proxy::start(identity, folder, port, &configuration, command).await
}

#[tokio::test]
async fn every_way_works_through_haproxy() {
    let app = promises::app().await;
    let proxy = haproxy(&app).await;

    promises::every_way_is_told_at_once(&app, &proxy).await;
}

#[tokio::test]
async fn a_silent_stream_outlives_the_time_out_of_haproxy() {
    let app = promises::app().await;
    let proxy = haproxy(&app).await;

    promises::silence_is_not_death(&app, &proxy).await;
}

#[tokio::test]
async fn haproxy_says_whom_it_speaks_for() {
    let app = promises::app().await;
    let proxy = haproxy(&app).await;

    promises::a_page_of_the_hub_is_told_from_others(&app, &proxy).await;
}

#[tokio::test]
async fn who_leaves_haproxy_is_forgotten_by_the_hub() {
    let app = promises::app().await;
    let proxy = haproxy(&app).await;

    promises::who_leaves_is_forgotten(&app, &proxy).await;
}
