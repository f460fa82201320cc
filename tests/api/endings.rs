//! The ends of a stream, the same on every transport: it is disconnected, its token or session ends, the hub stops.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;

use crate::answers::send;
use crate::listener::{ALL, Kind, Listener, Refused, waiting};
use crate::support::{Claims, DEADLINE, TestApp, sign, until};

#[tokio::test]
async fn each_transport_that_waits_is_told_when_it_is_disconnected_and_why() {
    let app = TestApp::spawn().await;
    for transport in waiting() {
        let id = format!("user-{transport:?}");
        let token = app.user(&id).await;
        let mut listener = Listener::open(&app, &token, transport, "", None).await;

        let (bye, ()) = tokio::join!(listener.named("bye"), async {
            let mine = async || {
                let clients = app.connections().await;
                let mine = clients
                    .iter()
                    .find(|client| client["userId"] == id.as_str());
                mine.map(|client| client["clientId"].as_str().unwrap().to_owned())
            };
            let client = until("the client is listed", DEADLINE, mine).await;
            let kick = app.delete(&app.admin(), &format!("/api/admin/connections/{client}"));
            assert_eq!(send(kick).await.status(), 204);
        });

        let kicked = json!({"reason": "kicked", "reconnect": true});
        assert_eq!(bye, kicked, "{transport:?}");
    }
}

#[tokio::test]
async fn each_transport_ends_with_its_token() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    let token = sign(&Claims::of("bob", "user").lasting(Duration::from_secs(4)));
    let mut listeners = Vec::new();
    for transport in ALL {
        listeners.push((
            transport,
            Listener::open(&app, &token, transport, "", None).await,
        ));
    }

    let ends = listeners
        .into_iter()
        .map(async |(transport, mut listener)| {
            if transport.kind != Kind::Polling {
                assert_eq!(
                    listener.named("bye").await["reason"],
                    "expired",
                    "{transport:?}"
                );
            }
            assert!(
                listener.event().await.is_null(),
                "{transport:?}: nothing more"
            );
        });
    join_all(ends).await;
    for transport in ALL {
        let again = Listener::try_open(&app, &token, transport, "", None).await;
        assert_eq!(again.err(), Some(Refused::Status(401)), "{transport:?}");
    }
}

#[tokio::test]
async fn each_transport_ends_with_its_session() {
    let app = TestApp::spawn().await;
    for transport in ALL {
        let token = app
            .sign_up(&format!("user-{transport:?}"), "a long password")
            .await;
        let mut listener = Listener::open(&app, &token, transport, "", None).await;

        let ending = async {
            if transport.kind != Kind::Polling {
                let gone = json!({"reason": "logout", "reconnect": false});
                assert_eq!(listener.named("bye").await, gone, "{transport:?}");
            }
            assert!(
                listener.event().await.is_null(),
                "{transport:?}: nothing more"
            );
        };
        let logout = async {
            if transport.kind == Kind::LongPolling {
                app.wait_for_connections(1, DEADLINE).await;
            }
            let logout = app.post(&token, "/api/auth/logout");
            assert_eq!(send(logout).await.status(), 204);
        };
        tokio::join!(ending, logout);
    }
}

#[tokio::test]
async fn each_transport_that_waits_hears_that_the_hub_stops() {
    for transport in waiting() {
        let mut app = TestApp::spawn().await;
        let bob = app.user("bob").await;
        let mut listener = Listener::open(&app, &bob, transport, "", None).await;

        let (bye, ()) = tokio::join!(listener.named("bye"), async {
            app.wait_for_connections(1, DEADLINE).await;
            app.ask_to_stop();
        });
        let end = listener.event().await;
        drop(listener);

        let shutdown = json!({"reason": "shutdown", "reconnect": true});
        assert_eq!(bye, shutdown, "{transport:?}");
        assert!(end.is_null(), "{transport:?}");
        assert!(app.ended().await.success(), "{transport:?}");
    }
}
