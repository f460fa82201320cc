//! nginx with HTTP/2 and TLS in front, HTTP/1.1 to the hub.

use std::process::Command;

use crate::documented_proxy::{Proxy, documented};
use crate::promises;
use crate::support::TestApp;
use crate::support::port::free_port;
use crate::support::tls::{CERT_FILE, Identity, KEY_FILE};

async fn nginx(app: &TestApp) -> Proxy {
    let patience = format!("proxy_read_timeout {}s", promises::PATIENCE.as_secs());
    with(app, &[("proxy_read_timeout 75s", &patience)]).await
}

/// The documented configuration with some lines changed.
pub(crate) async fn with(app: &TestApp, changes: &[(&str, &str)]) -> Proxy {
    let (identity, folder, port) = (Identity::new(), tempfile::tempdir().unwrap(), free_port());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let listen = format!("listen 127.0.0.1:{port}");
    let files = [CERT_FILE, KEY_FILE, "access.log", "error.log"].map(path);
    let [cert, key, access, error] = &files;
    let place = [
        ("127.0.0.1:8080", app.address()),
        ("listen 443", &listen),
        ("hub.example;", "localhost;"),
        ("/etc/nginx/hub.example.crt", cert),
        ("/etc/nginx/hub.example.key", key),
        ("/var/log/nginx/hub.access.log", access),
        ("/var/log/nginx/hub.error.log", error),
    ];
    let block = documented("nginx", &[changes, &place].concat());
    let configuration = format!(
        "daemon off; master_process off; pid {}; error_log stderr;\n\
         events {{ worker_connections 256; }}\n\
         http {{ access_log off; client_body_temp_path {}; proxy_temp_path {};\n\
         fastcgi_temp_path {}; uwsgi_temp_path {}; scgi_temp_path {};\n{block}}}\n",
        path("pid"),
        path("body"),
        path("proxy"),
        path("fastcgi"),
        path("uwsgi"),
        path("scgi"),
    );
    let mut command = Command::new("nginx");
    command.args(["-c", &path("proxy.conf"), "-p", &path("")]);
    Proxy::start(identity, folder, port, &configuration, command).await
}

#[tokio::test]
async fn every_transport_works_through_nginx() {
    let app = promises::app().await;
    let proxy = nginx(&app).await;

    promises::every_transport_is_told_at_once(&app, &proxy).await;
}

#[tokio::test]
async fn a_silent_stream_outlives_the_time_out_of_nginx() {
    let app = promises::app().await;
    let proxy = nginx(&app).await;

    promises::silence_is_not_death(&app, &proxy).await;
}

#[tokio::test]
async fn nginx_says_whom_it_speaks_for() {
    let app = promises::app().await;
    let proxy = nginx(&app).await;

    promises::a_page_of_the_hub_is_told_from_others(&app, &proxy).await;
}

#[tokio::test]
async fn who_leaves_nginx_is_forgotten_by_the_hub() {
    let app = promises::app().await;
    let proxy = nginx(&app).await;

    promises::who_leaves_is_forgotten(&app, &proxy).await;
}

#[tokio::test]
async fn an_event_source_behind_nginx_survives_that_the_hub_is_away() {
    let mut app = promises::app().await;
    let proxy = nginx(&app).await;

    promises::a_hub_that_is_away_is_a_stream_without_events(&mut app, &proxy).await;
}
