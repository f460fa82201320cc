//! A right that is taken away at one hub is gone at the other, in requests and on streams that are open.

use std::time::Duration;

use serde_json::json;

use crate::hubs::{
    WITHIN, answers, change, database, disconnect, ends, hub, kick, publish, sign_out, status,
};
use crate::support::{Claims, DEADLINE, run, sign, until};

#[tokio::test]
async fn a_token_signed_out_at_one_hub_is_refused_by_the_other_and_its_streams_end() {
    let url = database();
    let (one, other) = (hub(&url).await, hub(&url).await);
    let bob = one.user("bob").await;
    let phone = sign(&Claims::of("bob", "user"));
    let stream = other.connected(&bob, "/api/stream").await;
    let mut still = other.connected(&phone, "/api/stream").await;

    assert_eq!(sign_out(&one, &bob).await, 204);

    let bye = ends(stream, "logout").await;
    assert_eq!(bye["reconnect"], false);
    answers(&other, &bob, 401).await;
    assert_eq!(status(&other, &phone).await, 200, "another session goes on");
    let id = publish(&one, "bob").await;
    assert_eq!(still.next_named("alarm", WITHIN).await.number(), id);
}

#[tokio::test]
async fn a_sign_in_at_one_hub_holds_at_the_other_until_its_key_is_retired() {
    let url = database();
    let (one, other) = (hub(&url).await, hub(&url).await);
    let bob = one.sign_up("bob", "the password of bob").await;
    until("the other hub knows the key", DEADLINE, async || {
        (status(&other, &bob).await == 200).then_some(())
    })
    .await;
    let stream = other.connected(&bob, "/api/stream").await;
    let settings = [("CAMPANILE_DATABASE_URL", url.as_str())];
    let listed = run(one.folder(), &["signing-key", "list"], &settings, "").await;
    let listed = String::from_utf8(listed.stdout).unwrap();

    for line in listed.lines() {
        let id = line.split(' ').next().unwrap();
        run(one.folder(), &["signing-key", "retire", id], &settings, "").await;
    }

    ends(stream, "expired").await;
    answers(&one, &bob, 401).await;
    answers(&other, &bob, 401).await;
}

#[tokio::test]
async fn a_service_token_signed_out_at_one_hub_opens_no_stream_at_the_other() {
    let url = database();
    let (one, other) = (hub(&url).await, hub(&url).await);
    let service = sign(&Claims::of("backend", "service"));
    let stream = other.connected(&service, "/api/stream?topic=*").await;

    assert_eq!(sign_out(&one, &service).await, 204);

    ends(stream, "logout").await;
    answers(&other, &service, 401).await;
}

#[tokio::test]
async fn an_api_key_revoked_at_one_hub_is_refused_by_the_other_and_its_streams_end() {
    let url = database();
    let (one, other) = (hub(&url).await, hub(&url).await);
    one.user("bob").await;
    let wanted = json!({"name": "shop", "scopes": ["watch", "tokens", "publish:user"]});
    let making = one.post(&one.admin(), "/api/admin/keys").json(&wanted);
    let made: serde_json::Value = making.send().await.unwrap().json().await.unwrap();
    let key = made["key"].as_str().unwrap();
    let publish = async || {
        let alarm = json!({"to": {"user": "bob"}, "alarmType": "T"});
        let answer = other.post(key, "/api/alarms").json(&alarm).send().await;
        answer.unwrap().status().as_u16()
    };
    let answered = async |wanted: u16| {
        until(&format!("answered {wanted}"), WITHIN, async || {
            (publish().await == wanted).then_some(())
        })
        .await;
    };
    answered(201).await;
    let asking = other
        .post(key, "/api/tokens")
        .json(&json!({"userId": "bob"}));
    let issued: serde_json::Value = asking.send().await.unwrap().json().await.unwrap();
    let token = issued["token"].as_str().unwrap();
    let watching = other.connected(key, "/api/stream?topic=user:bob").await;
    let bell = other.connected(token, "/api/stream").await;

    let path = format!("/api/admin/keys/{}", made["id"].as_str().unwrap());
    let revoking = one.delete(&one.admin(), &path).send().await;
    assert_eq!(revoking.unwrap().status(), 204);

    ends(watching, "logout").await;
    ends(bell, "logout").await;
    answered(401).await;
    answers(&other, token, 401).await;
    let enabling = one.post(&one.admin(), &format!("{path}/enable")).send();
    assert_eq!(enabling.await.unwrap().status(), 200);
    answered(201).await;
    assert_eq!(status(&other, token).await, 401);
}

#[tokio::test]
async fn an_account_disabled_at_one_hub_is_shut_out_of_the_other_with_its_streams() {
    let url = database();
    let (one, other) = (hub(&url).await, hub(&url).await);
    let bob = one.user("bob").await;
    let stream = other.connected(&bob, "/api/stream").await;

    change(&one, "bob", json!({"disabled": true})).await;

    let bye = ends(stream, "kicked").await;
    assert_eq!(bye["reconnect"], false);
    answers(&other, &bob, 403).await;

    change(&one, "bob", json!({"disabled": false})).await;
    answers(&other, &bob, 200).await;
}

#[tokio::test]
async fn an_admin_demoted_at_one_hub_is_no_admin_at_the_other() {
    let url = database();
    let (one, other) = (hub(&url).await, hub(&url).await);
    one.user("eve").await;
    change(&one, "eve", json!({"role": "admin"})).await;
    let eve = sign(&Claims::of("eve", "admin"));
    answers(&other, &eve, 200).await;
    let stream = other.connected(&eve, "/api/stream").await;

    change(&one, "eve", json!({"role": "user"})).await;

    ends(stream, "kicked").await;
    answers(&other, &eve, 401).await;
}

#[tokio::test]
async fn disconnecting_a_user_at_one_hub_ends_their_streams_at_the_other_and_they_may_come_back() {
    let url = database();
    let (one, other) = (hub(&url).await, hub(&url).await);
    let bob = one.user("bob").await;
    let eve = one.user("eve").await;
    let stream = other.connected(&bob, "/api/stream").await;
    let mut bystander = other.connected(&eve, "/api/stream").await;

    kick(&one, "bob").await;

    let bye = ends(stream, "kicked").await;
    assert_eq!(bye["reconnect"], true);
    let mut again = other.connected(&bob, "/api/stream").await;
    let id = publish(&one, "bob").await;
    assert_eq!(again.next_named("alarm", WITHIN).await.number(), id);
    let id = publish(&one, "eve").await;
    assert_eq!(bystander.next_named("alarm", WITHIN).await.number(), id);
}

#[tokio::test]
async fn one_stream_can_be_closed_from_any_hub_and_one_that_is_nowhere_is_not_found() {
    let url = database();
    let (one, other) = (hub(&url).await, hub(&url).await);
    let bob = one.user("bob").await;
    let mut stream = other.stream(&bob, "/api/stream").await;
    let first = stream.next_named("connect", WITHIN).await.json();
    let client_id = first["clientId"].as_str().unwrap();

    assert_eq!(disconnect(&one, client_id).await, 204);

    ends(stream, "kicked").await;
    assert_eq!(disconnect(&one, client_id).await, 404);
}

#[tokio::test]
async fn a_change_by_sql_is_a_change_at_every_hub() {
    let url = database();
    let hub = hub(&url).await;
    let bob = hub.user("bob").await;
    assert_eq!(status(&hub, &bob).await, 200);
    let stream = hub.connected(&bob, "/api/stream").await;

    let postgres = crate::support::postgres::Postgres::shared();
    postgres.sql(&url, "UPDATE users SET disabled_at = 1 WHERE id = 'bob'");

    ends(stream, "kicked").await;
    answers(&hub, &bob, 403).await;
}

#[tokio::test]
async fn a_hub_that_starts_later_knows_what_was_signed_out_before() {
    let url = database();
    let one = hub(&url).await;
    let bob = one.user("bob").await;
    assert_eq!(sign_out(&one, &bob).await, 204);

    let later = hub(&url).await;

    assert_eq!(status(&later, &bob).await, 401);
}

#[tokio::test]
async fn a_hub_that_was_stopped_in_time_refuses_at_its_first_answer_what_was_signed_out_meanwhile()
{
    let url = database();
    let (one, other) = (hub(&url).await, hub(&url).await);
    let service = sign(&Claims::of("backend", "service"));
    until("known", WITHIN, async || {
        (status(&other, &service).await == 200).then_some(())
    })
    .await;
    let process = [other.process_id()];
    crate::support::postgres::signal("-STOP", &process);
    assert_eq!(sign_out(&one, &service).await, 204);
    tokio::time::timeout(Duration::from_secs(1), std::future::pending::<()>())
        .await
        .unwrap_err();

    crate::support::postgres::signal("-CONT", &process);

    assert_eq!(status(&other, &service).await, 401);
}

#[tokio::test]
async fn a_user_signed_out_or_deleted_at_one_hub_is_gone_from_the_other_with_their_streams() {
    let url = database();
    let (one, other) = (hub(&url).await, hub(&url).await);
    let (bob, carol) = (one.user("bob").await, one.user("carol").await);
    let robot = sign(&Claims::of("robot", "service"));
    let put = one.put(&one.admin(), "/api/users/robot");
    let made = put.json(&json!({"role": "service"})).send().await;
    assert_eq!(made.unwrap().status(), 201);
    let of_bob = other.connected(&bob, "/api/stream").await;
    let of_carol = other.connected(&carol, "/api/stream").await;
    let of_robot = other.connected(&robot, "/api/stream?topic=*").await;

    for id in ["bob", "robot"] {
        let deleting = one.delete(&one.admin(), &format!("/api/users/{id}"));
        assert_eq!(deleting.send().await.unwrap().status(), 204);
    }
    let signing_out = one.post(&one.service(), "/api/users/carol/sign-out");
    assert_eq!(signing_out.send().await.unwrap().status(), 204);

    for stream in [of_bob, of_carol, of_robot] {
        ends(stream, "logout").await;
    }
    for token in [&bob, &carol, &robot] {
        answers(&other, token, 401).await;
        answers(&one, token, 401).await;
    }
}
