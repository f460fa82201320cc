//! HAProxy with HTTP/2 on both sides: in clear text to the hub, and HTTP/1.1 for WebSockets.

use std::process::Command;

use crate::documented_proxy::{Proxy, documented};
use crate::promises;
use crate::support::TestApp;
use crate::support::port::free_port;
use crate::support::tls::Identity;

async fn haproxy(app: &TestApp) -> Proxy {
    let patience = format!("{}s", promises::PATIENCE.as_secs());
    with(app, &[("75s", &patience)]).await
}

/// The documented configuration with some lines changed.
pub(crate) async fn with(app: &TestApp, changes: &[(&str, &str)]) -> Proxy {
    let (identity, folder, port) = (Identity::new(), tempfile::tempdir().unwrap(), free_port());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let both: String = identity.files().into_iter().map(|(_, text)| text).collect();
    std::fs::write(path("both.pem"), both).unwrap();
    let away = documented("http", &[]).replace('\n', "\r\n");
    std::fs::write(path("away.http"), away).unwrap();
    let bind = format!("bind 127.0.0.1:{port}");
    let (both, away) = (path("both.pem"), path("away.http"));
    let place = [
        ("127.0.0.1:8080", app.address()),
        ("bind :443", &bind),
        ("/etc/haproxy/hub.example.pem", &both),
        ("/etc/haproxy/away.http", &away),
    ];
    let configuration = documented("haproxy", &[changes, &place].concat());
    let mut command = Command::new("haproxy");
    command.args(["-db", "-f", &path("proxy.conf")]);
    Proxy::start(identity, folder, port, &configuration, command).await
}

#[tokio::test]
async fn every_transport_works_through_haproxy() {
    let app = promises::app().await;
    let proxy = haproxy(&app).await;

    promises::every_transport_is_told_at_once(&app, &proxy).await;
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

#[tokio::test]
async fn an_event_source_behind_haproxy_survives_that_the_hub_is_away() {
    let mut app = promises::app().await;
    let proxy = haproxy(&app).await;

    promises::a_hub_that_is_away_is_a_stream_without_events(&mut app, &proxy).await;
}

/// As the documentation says: a few connections for all clients.
#[tokio::test]
async fn the_streams_of_many_clients_share_the_connections_of_haproxy() {
    const CLIENTS: usize = 40;
    let app = promises::app().await;
    let proxy = haproxy(&app).await;
    let bob = app.service();
    let mut clients = Vec::new();

    for _ in 0..CLIENTS {
        let mut connection = proxy.http2().await;
        let headers = [
            ("authorization", &*format!("Bearer {bob}")),
            ("accept", "text/event-stream"),
        ];
        let mut answer = connection.send("GET", "/api/stream", &headers, None).await;
        answer.next_named("connect").await;
        clients.push((connection, answer));
    }
    let shared = promises::connections_of(&app);

    eprintln!("{CLIENTS} clients of HAProxy over {shared} connections to the hub");
    assert!(shared <= CLIENTS / 4, "{shared} connections");
}
