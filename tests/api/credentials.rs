//! The contracts name the ways to authenticate that the hub takes, for each operation.

use std::collections::BTreeSet;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::answers::{answer, send};
use crate::support::{Claims, TestApp, sign};

struct Operation {
    method: Method,
    path: String,
    /// The schemes of which one is enough; none of an operation that is open to everyone.
    schemes: BTreeSet<String>,
    /// True if it may be asked without credentials as well, under conditions.
    optional: bool,
}

impl Operation {
    fn named(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// A request for something that is not there, without a body: it ends after the check of the caller.
    fn request(&self, app: &TestApp, query: &str) -> RequestBuilder {
        let parts = self
            .path
            .split('/')
            .map(|part| match part.starts_with('{') {
                true => "999",
                false => part,
            });
        let path = parts.collect::<Vec<_>>().join("/");
        app.request(self.method.clone(), &format!("{path}{query}"))
    }

    fn changes(&self) -> bool {
        self.method != Method::GET
    }
}

async fn operations(app: &TestApp) -> Vec<Operation> {
    let contract = answer(app.request(Method::GET, "/api/openapi.json"), 200).await;
    let mut found = Vec::new();
    for (path, item) in contract["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let listed = operation["security"].as_array();
            let listed = listed.unwrap_or_else(|| panic!("{method} {path} says nothing"));
            let names = listed
                .iter()
                .flat_map(|one| one.as_object().unwrap().keys());
            found.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                schemes: names.cloned().collect(),
                optional: listed.contains(&json!({})),
            });
        }
    }
    assert!(found.len() > 45, "{}", found.len());
    found
}

/// A token of its own for each request: some of them sign out.
fn token() -> String {
    sign(&Claims::of("admin", "admin"))
}

fn with_cookie(request: RequestBuilder, name: &str) -> RequestBuilder {
    request.header("Cookie", format!("{name}={}", token()))
}

/// True if the caller is known and may ask: what is refused then is the request itself.
fn is_let_in(response: &Response) -> bool {
    ![401, 403].contains(&response.status().as_u16())
}

#[tokio::test]
async fn each_operation_asks_for_credentials_exactly_if_the_contract_says_so() {
    let app = TestApp::spawn().await;

    for operation in operations(&app).await {
        let without = send(operation.request(&app, "")).await.status();
        let is_open = operation.schemes.is_empty() || operation.optional;
        assert_eq!(without != 401, is_open, "{}: {without}", operation.named());
    }
}

#[tokio::test]
async fn each_operation_takes_the_credentials_that_the_contract_names_and_no_others() {
    let app = TestApp::spawn().await;
    let wanted = json!({"name": "shop", "scopes": ["tokens"]});
    let made = answer(app.post(&token(), "/api/admin/keys").json(&wanted), 201).await;
    let key = made["key"].as_str().unwrap();

    for operation in operations(&app).await {
        let (name, takes) = (operation.named(), |scheme| {
            operation.schemes.contains(scheme)
        });
        if operation.schemes.is_empty() {
            continue;
        }
        assert!(takes("bearer"), "{name}");
        let bearer = match takes("session") {
            true => token(),
            false => key.to_owned(),
        };
        let by_header = send(operation.request(&app, "").bearer_auth(bearer)).await;
        assert!(is_let_in(&by_header), "{name}: {by_header:?}");

        let page = |cookie| {
            let request = with_cookie(operation.request(&app, ""), cookie);
            send(request.header("Sec-Fetch-Site", "same-origin"))
        };
        let by_cookie = page("campanile_session").await;
        assert_eq!(
            is_let_in(&by_cookie),
            takes("session"),
            "{name}: {by_cookie:?}"
        );
        assert_eq!(takes("secureSession"), takes("session"), "{name}");
        let elsewhere = page("__Host-campanile_session").await.status();
        assert_eq!(elsewhere != 401, operation.optional, "{name}: not over TLS");

        let query = format!("?token={}", token());
        let by_query = send(operation.request(&app, &query)).await.status();
        let is_taken = by_query != 401;
        assert_eq!(
            is_taken && !operation.optional,
            takes("queryToken"),
            "{name}: {by_query}"
        );
    }
}

#[tokio::test]
async fn a_session_cookie_changes_something_only_from_a_page_of_the_hub() {
    let app = TestApp::spawn().await;

    for operation in operations(&app).await {
        if operation.schemes.contains("session") {
            let request = with_cookie(operation.request(&app, ""), "campanile_session");
            let other = send(request.header("Sec-Fetch-Site", "cross-site")).await;
            let is_refused = other.status() == 403;
            assert_eq!(
                is_refused,
                operation.changes(),
                "{}: {other:?}",
                operation.named()
            );
        }
    }
}

#[tokio::test]
async fn an_operation_that_takes_a_session_takes_it_over_tls_in_the_cookie_of_that_name() {
    let app = crate::support::AppBuilder::default()
        .env("CAMPANILE_PUBLIC_URL", "https://hub.example")
        .spawn()
        .await;

    for operation in operations(&app).await {
        if operation.schemes.contains("secureSession") {
            let request = with_cookie(operation.request(&app, ""), "__Host-campanile_session");
            let answer = send(request.header("Sec-Fetch-Site", "same-origin")).await;
            assert!(is_let_in(&answer), "{}: {answer:?}", operation.named());
        }
    }
}

#[tokio::test]
async fn both_contracts_define_the_same_schemes_and_name_the_same_for_the_streams() {
    let app = TestApp::spawn().await;
    let of_routes = answer(app.request(Method::GET, "/api/openapi.json"), 200).await;
    let of_streams = answer(app.request(Method::GET, "/api/asyncapi.json"), 200).await;

    let schemes = |contract: &Value| -> BTreeSet<String> {
        let schemes = contract["components"]["securitySchemes"].as_object();
        let parts = schemes.unwrap().iter();
        parts
            .map(|(name, one)| format!("{name}: {} {}", one["in"], one["name"]))
            .collect()
    };
    assert_eq!(schemes(&of_routes), schemes(&of_streams));
    assert_eq!(schemes(&of_routes).len(), 4);
    for (operation, path) in [
        ("sendEvents", "/api/stream"),
        ("sendFigures", "/api/admin/figures"),
    ] {
        let listed = of_streams["operations"][operation]["security"].as_array();
        let names = listed.unwrap().iter().map(|one| {
            let reference = one["$ref"].as_str().unwrap();
            reference.rsplit('/').next().unwrap().to_owned()
        });
        let of_route = operations(&app)
            .await
            .into_iter()
            .find(|one| one.path == path);
        assert_eq!(
            names.collect::<BTreeSet<_>>(),
            of_route.unwrap().schemes,
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_summary_of_each_operation_is_a_sentence_without_its_route() {
    let app = TestApp::spawn().await;
    let contract = answer(app.request(Method::GET, "/api/openapi.json"), 200).await;

    for (path, item) in contract["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let summary = operation["summary"].as_str().unwrap_or_default();
            let is_sentence = summary.len() > 8 && summary.contains(' ');
            let names_route = summary.contains(&format!("{} /", method.to_uppercase()));
            assert!(is_sentence && !names_route, "{method} {path}: {summary:?}");
        }
    }
}
