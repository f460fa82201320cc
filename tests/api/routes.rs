//! Every route that wants an identity, and who may use it: each is tried with no token, every bad token and every role.

use jsonwebtoken::Algorithm;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::answers::{problem, refusal, send};
use crate::support::{Claims, TestApp, sign, sign_with, unsigned};

/// Method, path, who may, and the body if it takes one. Bob is the user of every token, `lobby` is a room.
const TABLE: &str = r#"
GET    /api/auth/me                                anyone
POST   /api/auth/logout                            anyone
PUT    /api/users/carol                            publishers  {}
POST   /api/users                                  publishers  [{"id": "carol"}]
POST   /api/users/carol/sign-out                   publishers
DELETE /api/users/nobody                           publishers
POST   /api/alarms                                 publishers  {"to": {"user": "bob"}, "alarmType": "T"}
GET    /api/alarms                                 people
GET    /api/alarms/top                             people
GET    /api/alarms/1                                people
GET    /api/alarms/counts                          people
GET    /api/alarms/senders?id=1                    people
POST   /api/alarms/seen                            people      {"upTo": 1}
POST   /api/alarms/read                            people      {"upTo": 1}
POST   /api/alarms/1/read                          people
POST   /api/alarms/1/unread                        people
DELETE /api/alarms/1                               people
DELETE /api/alarms?targetId=1&alarmType=T          anyone
DELETE /api/alarms?targetId=1&alarmType=T&user=bob publishers
GET    /api/rooms                                  anyone
POST   /api/rooms                                  anyone      {"name": "A room"}
GET    /api/rooms/lobby/messages                   anyone
POST   /api/rooms/lobby/messages                   anyone      {"text": "Hello"}
GET    /api/rooms/lobby/presence                   anyone
GET    /api/stream                                 anyone
GET    /api/stream?room=lobby                      anyone
GET    /api/stream?topic=user:carol                publishers
GET    /api/stream?topic=*                         publishers
GET    /api/main/alarm/sub                         anyone
GET    /api/main/alarm                             people
GET    /api/main/alarm/top                         people
DELETE /api/main/alarm?targetId=1&alarmType=T      people
GET    /room/subscribe?id=bob                      bob
GET    /room/subscribe/?id=bob                     bob
POST   /room/publish?sender=bob&roomId=lobby       bob
GET    /room/publish?sender=bob&roomId=lobby       bob
GET    /api/admin/connections                      admins
DELETE /api/admin/connections/nobody               admins
GET    /api/admin/alarms                           admins
POST   /api/admin/audience                         admins      {"to": {"everyone": true}}
GET    /api/admin/users/bob                        admins
POST   /api/admin/users/bob/test                   admins
POST   /api/admin/users/bob/disconnect             admins
POST   /api/admin/users/bob/enable                 admins
"#;

struct Route {
    method: Method,
    path: &'static str,
    roles: &'static [&'static str],
    body: Option<Value>,
    stream: bool,
}

fn routes() -> Vec<Route> {
    TABLE.trim().lines().map(route).collect()
}

fn route(line: &'static str) -> Route {
    let (method, rest) = line.split_once(' ').unwrap();
    let (path, rest) = rest.trim().split_once(' ').unwrap();
    let (who, body) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
    let roles: &[&str] = match who {
        "anyone" => &["user", "service", "admin"],
        "people" => &["user", "admin"],
        "publishers" => &["service", "admin"],
        "admins" => &["admin"],
        "bob" => &["user"],
        other => panic!("{other}"),
    };
    let streams = ["/api/stream", "/api/main/alarm/sub", "/room/subscribe"];
    Route {
        method: method.parse().unwrap(),
        path,
        roles,
        body: (!body.is_empty()).then(|| serde_json::from_str(body).unwrap()),
        stream: streams.iter().any(|stream| path.starts_with(stream)),
    }
}

fn bad_tokens() -> Vec<(&'static str, String)> {
    let good = Claims::of("bob", "user");
    let signed = sign(&good);
    let other = sign(&Claims::of("admin", "admin"));
    let (head, signature) = (
        &signed[..signed.rfind('.').unwrap()],
        &other[other.rfind('.').unwrap()..],
    );
    vec![
        ("no token at all", "garbage".to_owned()),
        ("three parts of nothing", "a.b.c".to_owned()),
        ("expired", sign(&good.clone().expired())),
        (
            "of another secret",
            sign_with(
                &good,
                Algorithm::HS256,
                "another secret of 32 bytes or more",
            ),
        ),
        (
            "of another algorithm and another secret",
            sign_with(
                &good,
                Algorithm::HS512,
                "another secret of 32 bytes or more",
            ),
        ),
        ("not signed", unsigned(&good)),
        ("without a signature", format!("{head}.")),
        (
            "with the signature of another",
            format!("{head}{signature}"),
        ),
        ("without an expiry", sign(&good.clone().without_expiry())),
        ("without a role", sign(&good.clone().with_role(None))),
        (
            "of an unknown role",
            sign(&good.clone().with_role(Some("root"))),
        ),
        ("not good yet", not_before(4_000_000_000)),
        ("said to be of another kind of key", relabelled(&signed)),
        (
            "of ten kibibytes",
            format!("{signed}{}", "A".repeat(10 * 1024)),
        ),
    ]
}

/// Signed by the right key, but for a time to come (`nbf`).
fn not_before(seconds: i64) -> String {
    let claims =
        serde_json::json!({"sub": "bob", "role": "user", "exp": seconds + 60, "nbf": seconds});
    let key = jsonwebtoken::EncodingKey::from_secret(crate::support::SECRET.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::new(Algorithm::HS256), &claims, &key).unwrap()
}

/// The same token with a head that names RS256: its verifier would take the shared secret for a public key.
fn relabelled(signed: &str) -> String {
    let (_, rest) = signed.split_once('.').unwrap();
    // {"alg":"RS256","typ":"JWT"}
    format!("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.{rest}")
}

async fn app() -> TestApp {
    let app = TestApp::embedded().await;
    app.user("bob").await;
    app.room("lobby").await;
    app
}

fn request(app: &TestApp, route: &Route) -> RequestBuilder {
    let request = app.request(route.method.clone(), route.path);
    match &route.body {
        Some(body) => request.json(body),
        None => request,
    }
}

#[tokio::test]
async fn every_route_refuses_a_caller_without_a_token() {
    let app = app().await;

    for route in routes() {
        eprintln!("{} {}", route.method, route.path);
        refusal(request(&app, &route), 401, "unauthorized").await;
    }
}

#[tokio::test]
async fn every_route_refuses_every_kind_of_bad_token() {
    let app = app().await;

    for route in routes() {
        for (kind, token) in bad_tokens() {
            eprintln!("{} {} with a token {kind}", route.method, route.path);
            refusal(
                request(&app, &route).bearer_auth(&token),
                401,
                "invalid_token",
            )
            .await;
        }
    }
}

#[tokio::test]
async fn every_route_refuses_an_expired_token_in_the_cookie() {
    let app = app().await;
    let token = sign(&Claims::of("bob", "user").expired());

    for route in routes() {
        eprintln!("{} {}", route.method, route.path);
        let request = request(&app, &route)
            .header("Cookie", format!("campanile_session={token}"))
            .header("Origin", &app.base_url);
        refusal(request, 401, "invalid_token").await;
    }
}

#[tokio::test]
async fn every_stream_route_refuses_every_kind_of_bad_token_in_its_query() {
    let app = app().await;

    for route in routes().into_iter().filter(|route| route.stream) {
        for (kind, token) in bad_tokens() {
            eprintln!("{} with a token {kind}", route.path);
            let mark = if route.path.contains('?') { '&' } else { '?' };
            let path = format!("{}{mark}token={token}", route.path);
            refusal(app.request(Method::GET, &path), 401, "invalid_token").await;
        }
    }
}

#[tokio::test]
async fn every_route_refuses_a_user_without_an_account() {
    let app = app().await;
    let token = sign(&Claims::of("nobody", "user"));

    for route in routes() {
        eprintln!("{} {}", route.method, route.path);
        refusal(
            request(&app, &route).bearer_auth(&token),
            401,
            "unknown_user",
        )
        .await;
    }
}

#[tokio::test]
async fn every_route_lets_in_the_roles_it_names_and_no_other() {
    let app = app().await;

    for route in routes() {
        for role in ["user", "service", "admin"] {
            eprintln!("{} {} as {role}", route.method, route.path);
            let sub = if role == "user" { "bob" } else { "admin" };
            let token = sign(&Claims::of(sub, role));
            let response = send(request(&app, &route).bearer_auth(&token)).await;

            if route.roles.contains(&role) {
                let status = response.status();
                assert!(![401, 403, 405].contains(&status.as_u16()), "{status}");
                assert!(!status.is_server_error(), "{status}");
            } else {
                problem(response, 403, "forbidden").await;
            }
        }
    }
}

#[tokio::test]
async fn a_token_in_the_query_opens_streams_only() {
    let app = app().await;
    let token = sign(&Claims::of("bob", "user"));

    for route in routes() {
        eprintln!("{} {}", route.method, route.path);
        let mark = if route.path.contains('?') { '&' } else { '?' };
        let body = route.body.clone().unwrap_or(Value::Null);
        let request = app
            .request(
                route.method.clone(),
                &format!("{}{mark}token={token}", route.path),
            )
            .json(&body);
        let response = send(request).await;
        if route.stream {
            assert_ne!(response.status(), 401);
        } else {
            problem(response, 401, "unauthorized").await;
        }
    }
}

#[tokio::test]
async fn an_unknown_path_and_a_wrong_method_are_problems_too() {
    let app = app().await;
    let token = app.service();

    refusal(app.get(&token, "/api/nothing"), 404, "not_found").await;
    refusal(
        app.get(&token, "/api/rooms/lobby/nothing"),
        404,
        "not_found",
    )
    .await;
    let response = send(app.put(&token, "/api/rooms")).await;
    let allow = response.headers()["allow"].to_str().unwrap().to_owned();
    problem(response, 405, "method_not_allowed").await;
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
}

#[tokio::test]
async fn every_answer_carries_a_request_id_of_its_own() {
    let app = app().await;
    let token = app.service();

    let first = send(app.get(&token, "/api/rooms")).await;
    let second = send(app.get(&token, "/api/rooms")).await;

    let id = |response: &reqwest::Response| response.headers()["x-request-id"].clone();
    assert_ne!(id(&first), id(&second));
}
