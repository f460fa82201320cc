//! The hub's own TLS: HTTP/2 by negotiation, and a certificate that is renewed without cutting anybody off.

use std::fs;

use serde_json::json;

use crate::support::http2::Connection;
use crate::support::tls::{CERT_FILE, Identity};
use crate::support::{AppBuilder, Claims, DEADLINE, TestApp, run, sign};

async fn connect(app: &TestApp, identity: &Identity) -> Connection {
    Connection::over(identity.connect(app.address(), "h2").await, &app.base_url).await
}

#[tokio::test]
async fn a_certificate_is_renewed_on_hang_up_and_open_streams_go_on() {
    let (old, new) = (Identity::new(), Identity::new());
    let mut app = AppBuilder::default().tls(&old).spawn().await;
    assert!(app.base_url.starts_with("https://"), "{}", app.base_url);
    let (service, bob) = (app.service(), sign(&Claims::of("bob", "user")));
    let mut before = connect(&app, &old).await;
    before.know(&service, "bob").await;
    let mut stream = before.get(&bob, "/api/stream").await;
    assert_eq!(stream.next_event(DEADLINE).await.name(), "connect");

    new.write(app.folder());
    app.hang_up();
    app.wait_for_log("SIGHUP: the certificate was read anew")
        .await;
    let mut after = connect(&app, &new).await;
    after
        .publish(&service, &json!({"user": "bob"}), &json!(1))
        .await;
    stream.next_named("alarm").await;

    fs::write(app.folder().join(CERT_FILE), "no certificate").unwrap();
    app.hang_up();
    app.wait_for_log("SIGHUP: the certificate stays as it was: cert.pem")
        .await;
    old.write(app.folder());
    new.files().into_iter().take(1).for_each(|(name, text)| {
        fs::write(app.folder().join(name), text).unwrap();
    });
    app.hang_up();
    app.wait_for_log("SIGHUP: the certificate stays as it was: cert.pem with key.pem")
        .await;
    let mut still = connect(&app, &new).await;
    still
        .publish(&service, &json!({"user": "bob"}), &json!(2))
        .await;
    stream.next_named("alarm").await;

    let (status, _took) = app.stop().await;
    assert!(status.success());
}

#[tokio::test]
async fn a_hang_up_without_a_certificate_ends_nothing() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut stream = app.connected(&bob, "/api/stream").await;

    app.hang_up();
    app.wait_for_log("SIGHUP: there is no certificate to read anew")
        .await;
    app.publish(json!({"user": "bob"}), "T").await;

    assert_eq!(stream.next_event(DEADLINE).await.name(), "alarm");
}

#[tokio::test]
async fn http1_is_spoken_over_tls_with_a_secure_cookie() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let identity = Identity::new();
    let app = AppBuilder::default().tls(&identity).spawn().await;
    let mut stream = identity.connect(app.address(), "http/1.1").await;
    let body = r#"{"userId":"bob","password":"a long password"}"#;
    let request = format!(
        "POST /api/auth/signup HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();

    let mut answer = String::new();
    // A close without a farewell of TLS is an error to a strict reader; all was read by then.
    let read = tokio::time::timeout(DEADLINE, stream.read_to_string(&mut answer));
    read.await.unwrap().unwrap();

    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(answer.contains("__Host-campanile_session="), "{answer}");
    assert!(answer.contains("Secure"), "{answer}");
}

#[tokio::test]
async fn files_that_do_not_belong_together_stop_the_start_with_one_line() {
    let folder = tempfile::tempdir().unwrap();
    Identity::new().write(folder.path());
    let other = Identity::new().files();
    fs::write(folder.path().join(other[0].0), &other[0].1).unwrap();
    let settings = [
        ("CAMPANILE_TLS_CERT", "cert.pem"),
        ("CAMPANILE_TLS_KEY", "key.pem"),
    ];

    let output = run(folder.path(), &["serve"], &settings, "").await;

    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{words}");
    assert!(
        words.contains("cannot use the TLS files: cert.pem with key.pem"),
        "{words}"
    );
}
