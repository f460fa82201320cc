//! The requests behind `/compare`: test alarms to oneself, and the cut of one's own stream.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::answers::{answer, refusal, send};
use crate::support::{DEADLINE, TestApp};

fn test_alarm(app: &TestApp, token: &str, sequence: u32) -> RequestBuilder {
    app.post(token, "/compare/alarms")
        .json(&json!({"run": "r-1", "sequence": sequence, "sentAt": 17.5}))
}

fn cut(app: &TestApp, token: &str, client_id: &Value) -> RequestBuilder {
    app.post(token, "/compare/cut")
        .json(&json!({"clientId": client_id}))
}

#[tokio::test]
async fn a_test_alarm_reaches_its_own_publisher_and_nobody_else() {
    let app = TestApp::spawn().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let mut stream = app.connected(&alice, "/api/stream").await;

    let published = answer(test_alarm(&app, &alice, 7), 201).await;

    let event = stream.next_named("alarm", DEADLINE).await;
    let alarm = event.json();
    assert_eq!(alarm["id"], published["id"]);
    assert_eq!(alarm["topic"], "user:alice");
    assert_eq!(alarm["alarmType"], "COMPARE_TEST");
    assert_eq!(alarm["targetId"], "r-1");
    assert_eq!(alarm["data"]["sequence"], 7);
    assert_eq!(alarm["data"]["sentAt"], 17.5);
    assert!(alarm["expiresAt"].is_string());
    let inbox = answer(app.get(&bob, "/api/alarms"), 200).await;
    assert_eq!(inbox["items"], json!([]));
}

#[tokio::test]
async fn a_test_alarm_is_for_people_and_holds_nothing_of_their_choice() {
    let app = TestApp::spawn().await;
    let alice = app.user("alice").await;
    let somebody_else = json!({"run": "r", "sequence": 1, "sentAt": 1.0, "to": {"user": "bob"}});
    let words = json!({"run": "r", "sequence": 1, "sentAt": "now"});

    let post = |token: &str, body| app.post(token, "/compare/alarms").json(body);
    refusal(post(&alice, &somebody_else), 422, "unknown_field").await;
    refusal(post(&alice, &words), 422, "invalid_field").await;
    refusal(test_alarm(&app, &app.service(), 1), 403, "forbidden").await;
    let nobody = app.request(Method::POST, "/compare/alarms").json(&words);
    refusal(nobody, 401, "unauthorized").await;
}

#[tokio::test]
async fn one_who_publishes_test_alarms_without_end_is_told_to_wait() {
    let app = TestApp::spawn().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);

    let mut refused = None;
    for sequence in 0..1_000 {
        let response = send(test_alarm(&app, &alice, sequence)).await;
        if response.status() != 201 {
            refused = Some(response);
            break;
        }
    }

    let refused = refused.expect("an end");
    assert_eq!(refused.status(), 429);
    let wait = refused.headers()["retry-after"].to_str().expect("seconds");
    assert!(wait.parse::<u64>().expect("seconds") <= 10);
    assert_eq!(send(test_alarm(&app, &bob, 1)).await.status(), 201);
}

#[tokio::test]
async fn one_can_have_ones_own_stream_cut_and_no_other() {
    let app = TestApp::spawn().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let mut stream = app.stream(&alice, "/api/stream").await;
    let connect = stream.next_event(DEADLINE).await.json();
    let client_id = &connect["clientId"];

    refusal(cut(&app, &bob, client_id), 404, "connection_not_found").await;
    assert_eq!(app.connections().await.len(), 1);
    assert_eq!(send(cut(&app, &alice, client_id)).await.status(), 204);

    let bye = stream.next_named("bye", DEADLINE).await.json();
    assert_eq!(bye, json!({"reason": "kicked", "reconnect": true}));
    refusal(cut(&app, &alice, client_id), 404, "connection_not_found").await;
    refusal(cut(&app, &alice, &json!("x")), 404, "connection_not_found").await;
}
