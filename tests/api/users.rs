//! Accounts as a site's back end keeps them.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::answers::{answer, invalid, refusal, send};
use crate::support::{AppBuilder, Claims, DEADLINE, TestApp, sign};

fn put(app: &TestApp, token: &str, id: &str, body: &Value) -> RequestBuilder {
    app.put(token, &format!("/api/users/{id}")).json(body)
}

#[tokio::test]
async fn a_back_end_makes_its_users_known_and_renames_them() {
    let app = TestApp::embedded().await;
    let service = app.service();

    let made = answer(
        put(&app, &service, "bob", &json!({"displayName": "Bob"})),
        201,
    )
    .await;
    let renamed = answer(
        put(&app, &service, "bob", &json!({"displayName": "Robert"})),
        200,
    )
    .await;
    let kept = answer(put(&app, &service, "bob", &json!({})), 200).await;

    assert_eq!(made["id"], "bob");
    assert_eq!(made["displayName"], "Bob");
    assert_eq!(made["role"], "user");
    assert_eq!(renamed["displayName"], "Robert");
    assert_eq!(kept["displayName"], "Robert", "what is not named stays");
    let token = sign(&Claims::of("bob", "user"));
    let me = answer(app.get(&token, "/api/auth/me"), 200).await;
    assert_eq!(me["displayName"], "Robert");
}

#[tokio::test]
async fn only_an_admin_gives_the_role_admin() {
    let app = TestApp::embedded().await;
    let body = json!({"role": "admin"});

    refusal(put(&app, &app.service(), "bob", &body), 403, "forbidden").await;
    let made = answer(put(&app, &app.admin(), "bob", &body), 201).await;

    assert_eq!(made["role"], "admin");
}

#[tokio::test]
async fn a_user_can_raise_nobody_not_even_themselves() {
    let app = TestApp::embedded().await;
    let bob = app.user("bob").await;

    for id in ["bob", "carol"] {
        refusal(
            put(&app, &bob, id, &json!({"role": "admin"})),
            403,
            "forbidden",
        )
        .await;
    }
}

#[tokio::test]
async fn an_account_is_checked_field_by_field() {
    let app = TestApp::embedded().await;
    let service = app.service();

    invalid(put(&app, &service, "bob", &json!({"role": "root"})), "role").await;
    invalid(
        put(&app, &service, "bob", &json!({"displayName": "a\u{7}"})),
        "displayName",
    )
    .await;
    let problem = refusal(
        put(&app, &service, "bob", &json!({"name": "B"})),
        422,
        "unknown_field",
    )
    .await;
    assert!(problem["detail"].as_str().unwrap().contains("name"));
    for id in ["a%20b", "a%0Ab", "a%2Cb", "%3Cb%3E", &"x".repeat(256)] {
        eprintln!("{id}");
        refusal(put(&app, &service, id, &json!({})), 422, "invalid_field").await;
    }
    answer(put(&app, &service, "%EB%B0%95", &json!({})), 201).await;
}

#[tokio::test]
async fn an_account_made_by_the_back_end_has_no_password() {
    let app = TestApp::embedded().await;
    app.user("bob").await;

    let login = app
        .request(reqwest::Method::POST, "/api/auth/login")
        .json(&json!({"userId": "bob", "password": ""}));

    refusal(login, 401, "bad_credentials").await;
}

#[tokio::test]
async fn many_users_are_made_known_at_once() {
    let app = TestApp::embedded().await;
    app.user("user7").await;
    let users: Vec<Value> = (0..1000)
        .map(|i| json!({"id": format!("user{i}")}))
        .collect();

    let first = answer(app.post(&app.service(), "/api/users").json(&users), 200).await;
    let second = answer(app.post(&app.service(), "/api/users").json(&users), 200).await;

    assert_eq!(first, json!({"created": 999, "updated": 1}));
    assert_eq!(second, json!({"created": 0, "updated": 1000}));
}

#[tokio::test]
async fn of_a_list_with_one_bad_user_nobody_is_made_known() {
    let app = TestApp::embedded().await;
    let service = app.service();
    let post = |users: &Value| app.post(&service, "/api/users").json(users);

    let users = json!([{"id": "bob"}, {"id": "not an id"}]);
    refusal(post(&users), 422, "invalid_field").await;
    let users = json!([{"id": "bob"}, {"id": "carol", "role": "admin"}]);
    refusal(post(&users), 422, "unknown_field").await;
    let users: Vec<Value> = (0..1001)
        .map(|i| json!({"id": format!("bob{i}")}))
        .collect();
    refusal(post(&users.into()), 422, "invalid_field").await;

    let bob = sign(&Claims::of("bob", "user"));
    refusal(app.get(&bob, "/api/auth/me"), 401, "unknown_user").await;
    let first = sign(&Claims::of("bob0", "user"));
    refusal(app.get(&first, "/api/auth/me"), 401, "unknown_user").await;
}

#[tokio::test]
async fn a_list_over_a_mebibyte_is_refused() {
    let app = TestApp::embedded().await;

    let request = app
        .post(&app.service(), "/api/users")
        .header("Content-Type", "application/json")
        .body(" ".repeat(1024 * 1024 + 1));

    refusal(request, 413, "body_too_large").await;
}

#[tokio::test]
async fn a_disabled_account_is_shut_out_and_its_streams_end() {
    let app = TestApp::embedded().await;
    let bob = app.user("bob").await;
    let mut stream = app.connected(&bob, "/api/stream").await;

    refusal(
        put(&app, &app.service(), "bob", &json!({"disabled": true})),
        403,
        "forbidden",
    )
    .await;
    answer(
        put(&app, &app.admin(), "bob", &json!({"disabled": true})),
        200,
    )
    .await;

    let bye = stream.bye("kicked", DEADLINE).await;
    assert_eq!(bye["reconnect"], false);
    refusal(app.get(&bob, "/api/auth/me"), 403, "account_disabled").await;
    refusal(app.get(&bob, "/api/alarms"), 403, "account_disabled").await;
    for path in [
        "/api/stream",
        "/api/main/alarm/sub",
        "/room/subscribe?id=bob",
    ] {
        assert_eq!(send(app.get(&bob, path)).await.status(), 204, "{path}");
    }

    answer(
        put(&app, &app.admin(), "bob", &json!({"disabled": false})),
        200,
    )
    .await;
    app.connected(&bob, "/api/stream").await;
}

#[tokio::test]
async fn a_disabled_account_cannot_sign_in() {
    let app = TestApp::embedded().await;
    app.sign_up("alice", "correct horse").await;
    answer(
        put(&app, &app.admin(), "alice", &json!({"disabled": true})),
        200,
    )
    .await;

    let login = app
        .request(reqwest::Method::POST, "/api/auth/login")
        .json(&json!({"userId": "alice", "password": "correct horse"}));

    refusal(login, 403, "account_disabled").await;
}

#[tokio::test]
async fn a_hub_open_to_any_user_makes_accounts_as_they_come() {
    let app = AppBuilder::default()
        .env("CAMPANILE_USERS", "any")
        .spawn()
        .await;
    let newcomer = sign(&Claims::of("newcomer", "user"));

    let me = answer(app.get(&newcomer, "/api/auth/me"), 200).await;
    let id = app.publish(json!({"user": "addressed"}), "WELCOME").await;

    assert_eq!(me["id"], "newcomer");
    let addressed = sign(&Claims::of("addressed", "user"));
    let inbox = answer(app.get(&addressed, "/api/alarms"), 200).await;
    assert_eq!(inbox["items"][0]["id"], id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_in_after_their_disabling_was_answered_however_often_they_asked_meanwhile() {
    let app = TestApp::embedded().await;
    let (admin, bob) = (app.admin(), app.user("bob").await);

    for _round in 0..20 {
        let asking = (0..8).map(async |_| {
            // Each client asks until it is refused, so that some request is under way whenever the account changes.
            loop {
                let status = send(app.get(&bob, "/api/auth/me")).await.status();
                if status != 200 {
                    return status.as_u16();
                }
            }
        });
        let disabling = async {
            answer(put(&app, &admin, "bob", &json!({"disabled": true})), 200).await;
            send(app.get(&bob, "/api/auth/me")).await.status()
        };
        let (asked, after) = futures::join!(futures::future::join_all(asking), disabling);

        assert_eq!(after, 403);
        assert_eq!(asked, [403; 8]);
        answer(put(&app, &admin, "bob", &json!({"disabled": false})), 200).await;
        answer(app.get(&bob, "/api/auth/me"), 200).await;
    }
}

#[tokio::test]
async fn an_account_made_a_moment_after_its_user_was_turned_away_lets_them_in() {
    let app = TestApp::embedded().await;
    let bob = sign(&Claims::of("bob", "user"));

    for _again in 0..2 {
        refusal(app.get(&bob, "/api/auth/me"), 401, "unknown_user").await;
    }
    answer(put(&app, &app.service(), "bob", &json!({})), 201).await;

    answer(app.get(&bob, "/api/auth/me"), 200).await;
}

#[tokio::test]
async fn a_service_without_an_account_is_shut_out_as_soon_as_it_has_a_disabled_one() {
    let app = TestApp::embedded().await;
    let shop = sign(&Claims::of("shop", "service"));
    let alarm = json!({"to": {"everyone": true}, "alarmType": "SALE"});
    for _again in 0..2 {
        answer(app.post(&shop, "/api/alarms").json(&alarm), 201).await;
    }

    answer(
        put(&app, &app.admin(), "shop", &json!({"disabled": true})),
        201,
    )
    .await;

    refusal(
        app.post(&shop, "/api/alarms").json(&alarm),
        403,
        "account_disabled",
    )
    .await;
}

#[tokio::test]
async fn a_publisher_who_calls_again_and_again_is_not_looked_up_each_time() {
    let app = TestApp::embedded().await;
    let token = app.service();
    let before = account_reads(&app).await;

    for _time in 0..100 {
        let alarm = json!({"to": {"everyone": true}, "alarmType": "SALE"});
        answer(app.post(&token, "/api/alarms").json(&alarm), 201).await;
    }

    // As many as there were seconds, and a few.
    let read = account_reads(&app).await - before;
    assert!(read < 50, "{read} reads");
}

async fn account_reads(app: &TestApp) -> u64 {
    let text = send(app.request(reqwest::Method::GET, "/metrics")).await;
    let text = text.text().await.unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("campanile_store_reads_total{kind=\"account\"} "));
    line.map_or(0, |count| count.parse().unwrap())
}
