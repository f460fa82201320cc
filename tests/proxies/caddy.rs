//! Caddy with HTTP/2 and TLS in front, HTTP/1.1 to the hub. Its package is not in every distribution: where there is none
//! these tests say so.

use std::process::{Command, Stdio};

use crate::documented_proxy::{Proxy, documented, free_port};
use crate::promises;
use crate::support::TestApp;
use crate::support::tls::{CERT_FILE, Identity, KEY_FILE};

/// A Caddy in front of the hub, if there is one on this machine.
async fn caddy(app: &TestApp) -> Option<Proxy> {
    with(app, &[]).await
}

/// The documented configuration with some lines changed.
pub(crate) async fn with(app: &TestApp, changes: &[(&str, &str)]) -> Option<Proxy> {
    let found = Command::new("caddy")
        .arg("version")
        .stdout(Stdio::null())
        .status();
    if found.is_err() {
        eprintln!("caddy is not installed: nothing was tried");
        return None;
    }
    let (identity, folder, port) = (Identity::new(), tempfile::tempdir().unwrap(), free_port());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let site = format!(
        "\nhttps://localhost:{port} {{\n    tls {} {}",
        path(CERT_FILE),
        path(KEY_FILE)
    );
    let log = path("access.log");
    let place = [
        ("127.0.0.1:8080", app.address()),
        (
            "below.\n{\n",
            "below.\n{\n    admin off\n    auto_https off\n",
        ),
        ("\nhub.example {", &site),
        ("/var/log/caddy/hub.log", &log),
    ];
    let block = documented("caddyfile", &[&place, changes].concat());
    let mut command = Command::new("caddy");
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(path("proxy.conf"))
        .env("HOME", folder.path())
        .env("XDG_DATA_HOME", folder.path())
        .env("XDG_CONFIG_HOME", folder.path());
    Some(Proxy::start(identity, folder, port, &block, command).await)
}

#[tokio::test]
async fn every_transport_works_through_caddy() {
    let app = promises::app().await;
    if let Some(proxy) = caddy(&app).await {
        promises::every_transport_is_told_at_once(&app, &proxy).await;
    }
}

#[tokio::test]
async fn caddy_says_whom_it_speaks_for() {
    let app = promises::app().await;
    if let Some(proxy) = caddy(&app).await {
        promises::a_page_of_the_hub_is_told_from_others(&app, &proxy).await;
    }
}

#[tokio::test]
async fn who_leaves_caddy_is_forgotten_by_the_hub() {
    let app = promises::app().await;
    if let Some(proxy) = caddy(&app).await {
        promises::who_leaves_is_forgotten(&app, &proxy).await;
    }
}

#[tokio::test]
async fn an_event_source_behind_caddy_survives_that_the_hub_is_away() {
    let mut app = promises::app().await;
    if let Some(proxy) = caddy(&app).await {
        promises::a_hub_that_is_away_is_a_stream_without_events(&mut app, &proxy).await;
    }
}
