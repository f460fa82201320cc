//! The contract in OpenAPI and the hub agree: routes, statuses and documents.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};

use crate::answers::{answer, send};
use crate::support::{DEADLINE, TestApp};

async fn contract(app: &TestApp) -> Value {
    answer(app.request(Method::GET, "/api/openapi.json"), 200).await
}

/// Method and template of each operation.
fn operations(contract: &Value) -> BTreeSet<(String, String)> {
    let paths = contract["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().keys();
        methods.map(move |method| (method.to_uppercase(), path.clone()))
    });
    all.collect()
}

/// Method and template of each route in the route table, which is read as text: a route that nobody described is found by it.
fn routes() -> BTreeSet<(String, String)> {
    let table = std::fs::read_to_string("src/http/routes.rs").unwrap();
    let mut found = BTreeSet::new();
    for service in table.split("resource(").skip(1) {
        let path = service.split('"').nth(1).unwrap();
        for (word, method) in [
            ("read()", "GET"),
            ("get()", "GET"),
            ("post()", "POST"),
            ("put()", "PUT"),
            ("delete()", "DELETE"),
        ] {
            let named = format!(".route({word}.to(");
            if service
                .split_whitespace()
                .collect::<String>()
                .contains(&named)
            {
                found.insert((method.to_owned(), path.to_owned()));
            }
        }
    }
    found
}

#[tokio::test]
async fn every_route_is_in_the_contract_and_nothing_else() {
    let app = TestApp::spawn().await;

    let (described, routed) = (operations(&contract(&app).await), routes());

    assert!(routed.len() > 35, "the table is read: {routed:?}");
    let missing: Vec<_> = routed.difference(&described).collect();
    assert!(
        missing.is_empty(),
        "annotate with #[utoipa::path] and list in src/http/openapi.rs: {missing:?}"
    );
    let unknown: Vec<_> = described.difference(&routed).collect();
    assert!(
        unknown.is_empty(),
        "in the contract, and no route: {unknown:?}"
    );
}

#[tokio::test]
async fn the_documents_name_routes_by_their_templates() {
    let app = TestApp::spawn().await;
    let described = operations(&contract(&app).await);
    let mut pages = vec![std::path::PathBuf::from("README.md")];
    let mut folders = vec![std::path::PathBuf::from("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }

    let mut wrong = Vec::new();
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        for code in text.split('`').skip(1).step_by(2) {
            let Some((method, rest)) = code.split_once(" /api/") else {
                continue;
            };
            let method = method.trim();
            let named = ["GET", "POST", "PUT", "DELETE"].contains(&method);
            let path = rest.split([' ', '?']).next().unwrap();
            if !named || path.starts_with("main/") || path.starts_with('…') {
                continue;
            }
            let template = format!("/api/{path}");
            if !described.contains(&(method.to_owned(), template.clone())) {
                wrong.push(format!("{}: {method} {template}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn the_reference_names_every_route_and_every_parameter_of_the_contract() {
    let app = TestApp::spawn().await;
    let contract = contract(&app).await;
    let reference = std::fs::read_to_string("docs/reference/api.md").unwrap();
    let quoted: Vec<&str> = reference.split('`').skip(1).step_by(2).collect();

    let mut missing = Vec::new();
    for (method, path) in operations(&contract) {
        let named = quoted.iter().any(|code| {
            let (named, rest) = code.split_once(' ').unwrap_or_default();
            named == method && rest.split([' ', '?']).next() == Some(path.as_str())
        });
        if !named {
            missing.push(format!("{method} {path}"));
        }
        let operation = &contract["paths"][&path][method.to_lowercase()];
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            let told = |code: &&str| {
                code.split(['?', '&', '=', ' ', '{', '}', '"'])
                    .any(|part| part == name)
            };
            if !quoted.iter().any(told) {
                missing.push(format!("{name} of {method} {path}"));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "not in docs/reference/api.md: {missing:#?}"
    );
}

/// A good body for each route that takes one.
fn bodies() -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        (
            "POST /api/alarms",
            json!({"to": {"user": "bob"}, "alarmType": "T", "data": {"a": 1}}),
        ),
        ("POST /api/alarms/seen", json!({"upTo": 1})),
        ("POST /api/alarms/read", json!({"upTo": 1})),
        (
            "POST /api/admin/audience",
            json!({"to": {"everyone": true}}),
        ),
        (
            "POST /api/auth/signup",
            json!({"userId": "dora", "password": "a long password"}),
        ),
        (
            "POST /api/auth/login",
            json!({"userId": "bob", "password": "a long password"}),
        ),
        ("POST /api/rooms", json!({"name": "Another"})),
        ("POST /api/rooms/{id}/messages", json!({"text": "Hello"})),
        ("PUT /api/users/{id}", json!({"displayName": "Bob"})),
        (
            "PUT /api/alarm-types/{alarmType}",
            json!({"schema": {"type": "object"}, "words": {"en": "Words"}}),
        ),
        (
            "POST /api/admin/keys",
            json!({"name": "another", "scopes": ["users"], "topics": ["room:*"]}),
        ),
        ("POST /api/tokens", json!({"userId": "bob"})),
        ("POST /api/users", json!([{"id": "erin"}])),
    ])
}

#[tokio::test]
async fn what_the_hub_answers_is_what_the_contract_says() {
    let app = TestApp::spawn().await;
    let contract = contract(&app).await;
    let bob = app.sign_up("bob", "a long password").await;
    app.room("lobby").await;
    let id = app.publish(json!({"user": "bob"}), "T").await.to_string();
    let mut stream = app.connected(&bob, "/api/stream").await;
    let client = app.connections().await[0]["clientId"]
        .as_str()
        .unwrap()
        .to_owned();
    let (admin, service) = (app.admin(), app.service());
    let wanted = json!({"name": "shop", "scopes": ["tokens"]});
    let made = answer(app.post(&admin, "/api/admin/keys").json(&wanted), 201).await;
    let (key, key_id) = (made["key"].as_str().unwrap(), made["id"].as_str().unwrap());
    let bodies = bodies();
    // Calls that need the open stream come first; calls that remove things come last.
    let rank = |(method, path): &(String, String)| match (method.as_str(), path.as_str()) {
        ("DELETE", "/api/admin/connections/{clientId}") => 0,
        (_, path) if path.ends_with("/logout") => 3,
        (_, path) if path.ends_with("/disable") || path.ends_with("/sign-out") => 4,
        ("DELETE", "/api/users/{id}") => 5,
        ("DELETE", _) => 2,
        _ => 1,
    };
    let mut order: Vec<_> = operations(&contract).into_iter().collect();
    order.sort_by_key(rank);
    for (method, path) in order {
        let of_room = path.starts_with("/api/rooms/");
        let of_user = path.contains("users/");
        let of_key = path.contains("/keys/");
        let name = if of_key {
            key_id
        } else if of_room {
            "lobby"
        } else if of_user {
            "bob"
        } else {
            &id
        };
        let real = path
            .replace("{id}", name)
            .replace("{clientId}", &client)
            .replace("{alarmType}", "T");
        let query = match (method.as_str(), path.as_str()) {
            ("DELETE", "/api/alarms") => "?targetId=1&alarmType=T",
            ("GET", "/api/stream") => "?wait=1",
            _ => "",
        };
        let token = match path.as_str() {
            path if path.contains("/admin/") || path.contains("metrics") => admin.as_str(),
            path if path.starts_with("/api/alarm-types") => admin.as_str(),
            "/api/tokens" => key,
            path if path.starts_with("/api/users") => service.as_str(),
            "/api/alarms" if method == "POST" => service.as_str(),
            _ => bob.as_str(),
        };
        let key = format!("{method} {path}");
        let request = app.request(method.parse().unwrap(), &format!("{real}{query}"));
        let mut request = request
            .bearer_auth(token)
            .header("Accept", "application/json, */*;q=0.5");
        if let Some(body) = bodies.get(key.as_str()) {
            request = request.json(body);
        }
        let operation = &contract["paths"][&path][method.to_lowercase()];
        let response = send(request).await;
        let status = response.status().as_u16().to_string();
        let said = &operation["responses"][&status];
        assert!(
            response.status().is_success() && said.is_object(),
            "{key}: {status} is not in {operation}"
        );
        if path.contains("figures") {
            continue;
        }
        let text = response.text().await.unwrap();
        let schema = &said["content"]["application/json"]["schema"];
        if schema.is_object() {
            let value = serde_json::from_str(&text).unwrap();
            check(&key, &contract, schema, &value);
        }
    }
    stream.bye("kicked", DEADLINE).await;
}

/// A value has what a schema requires, and nothing that it does not name.
pub(crate) fn check(at: &str, contract: &Value, schema: &Value, value: &Value) {
    let schema = match schema["$ref"].as_str() {
        Some(name) => contract.pointer(name.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    if let Some(choices) = schema["oneOf"].as_array() {
        // Nothing, or what the other choice says.
        if !value.is_null() {
            let other = choices.iter().find(|one| one["type"] != "null").unwrap();
            check(at, contract, other, value);
        }
        return;
    }
    let parts = schema["allOf"]
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![schema.clone()]);
    let parts: Vec<Value> = parts
        .into_iter()
        .map(|part| match part["$ref"].as_str() {
            Some(name) => contract
                .pointer(name.trim_start_matches('#'))
                .unwrap()
                .clone(),
            None => part,
        })
        .collect();
    if let Some(items) = value.as_array() {
        assert_eq!(schema["type"], "array", "{at}: {value}");
        for item in items {
            check(at, contract, &schema["items"], item);
        }
        return;
    }
    let Some(fields) = value
        .as_object()
        .filter(|_| parts.iter().any(|part| part["properties"].is_object()))
    else {
        return;
    };
    for part in &parts {
        for name in part["required"].as_array().into_iter().flatten() {
            assert!(
                fields.contains_key(name.as_str().unwrap()),
                "{at}: {name} is missing in {value}"
            );
        }
    }
    for (name, inner) in fields {
        let property = parts.iter().find_map(|part| part["properties"].get(name));
        let property = property.unwrap_or_else(|| panic!("{at}: {name} is in no schema: {value}"));
        check(&format!("{at}.{name}"), contract, property, inner);
    }
}
