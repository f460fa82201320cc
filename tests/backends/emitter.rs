//! The block for a site's own nginx, as `docs/guide/from-sse-emitter.md` has it: an old page's stream comes from the hub, all else from
//! the application.

use std::path::Path;

use serde_json::json;
use tokio::process::Child;

use crate::guides::{block, read};
use crate::language::shell;
use crate::site::Site;
use crate::support::port::free_port;
use crate::support::{Claims, DEADLINE, SseClient, sign, until};

#[tokio::test]
async fn an_old_page_streams_from_the_hub_on_the_origin_of_its_site() {
    let mut site = Site::start().await;
    site.app.user("bob").await;
    let (folder, port) = (tempfile::tempdir().expect("a folder"), free_port());
    let _nginx = nginx(folder.path(), port, site.app.address());
    let at = |path: &str| {
        site.app
            .client
            .get(format!("http://127.0.0.1:{port}{path}"))
    };
    let others = until("nginx listens", DEADLINE, async || {
        at("/").send().await.ok()
    })
    .await;
    assert_eq!(others.text().await.expect("text"), "the application");

    let token = sign(&Claims::of("bob", "user"));
    let mut stream = SseClient::open(at(&format!("/api/main/alarm/sub?token={token}"))).await;
    let first = stream.next_event(DEADLINE).await;
    assert_eq!((first.name(), &*first.data), ("alarm", "connect completed"));
    let id = site.app.publish(json!({"user": "bob"}), "OLD").await;
    assert_eq!(stream.next_event(DEADLINE).await.number(), id);

    site.app.kill().await;
    let away = site
        .app
        .client
        .get(format!("http://127.0.0.1:{port}/api/main/alarm/sub"));
    let away = away.send().await.expect("an answer");
    assert_eq!(away.status(), 200);
    assert_eq!(away.headers()["content-type"], "text/event-stream");
}

fn nginx(folder: &Path, port: u16, hub: &str) -> Child {
    let page = read("docs/guide/from-sse-emitter.md");
    let block = block(&page, "The path", "nginx").replace("127.0.0.1:8080", hub);
    let path = folder.display();
    let configuration = format!(
        "daemon off; master_process off; pid {path}/pid; error_log {path}/log; events {{ worker_connections 64; }}\n\
         http {{ access_log off; client_body_temp_path {path}/1; proxy_temp_path {path}/2; fastcgi_temp_path {path}/3;\n\
         uwsgi_temp_path {path}/4; scgi_temp_path {path}/5;\n\
         server {{ listen 127.0.0.1:{port};\n{block}\nlocation / {{ return 200 \"the application\"; }} }} }}\n"
    );
    std::fs::write(folder.join("nginx.conf"), configuration).expect("a configuration");
    let mut command = shell(
        folder,
        &format!("exec nginx -c {path}/nginx.conf -p {path}"),
    );
    command.spawn().expect("nginx")
}
