//! The contract of the streams in AsyncAPI and the hub agree: every event that a stream carries, field by field.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};

use crate::answers::{answer, send};
use crate::contract::check;
use crate::support::{AppBuilder, Claims, DEADLINE, Event, TestApp, sign};

async fn contract(app: &TestApp) -> Value {
    answer(app.request(Method::GET, "/api/asyncapi.json"), 200).await
}

/// The names of the events that a channel carries.
fn names(contract: &Value, channel: &str) -> BTreeSet<String> {
    let messages = contract["channels"][channel]["messages"]
        .as_object()
        .unwrap();
    let events = messages
        .keys()
        .filter(|name| !["poll", "askedPing", "pong"].contains(&name.as_str()));
    events.cloned().collect()
}

/// Compares an event with the message of its name.
fn compare(contract: &Value, name: &str, event: &Value) {
    let message = &contract["components"]["messages"][name];
    assert!(message.is_object(), "{name} is in no contract: {event}");
    check(name, contract, &message["payload"], event);
    let is_numbered = message["payload"]["properties"]["id"]["type"] != "null";
    assert_eq!(event["id"].is_i64(), is_numbered, "{name}: {event}");
}

fn object(event: &Event) -> Value {
    let id = event.id.as_ref().map(|_id| event.number());
    json!({"event": event.name(), "id": id, "data": event.json()})
}

#[tokio::test]
async fn every_event_of_a_stream_is_in_the_contract_with_its_fields() {
    let app = AppBuilder::default()
        .env("CAMPANILE_HEARTBEAT_SECONDS", "1")
        .spawn()
        .await;
    let contract = contract(&app).await;
    let (bob, eve) = (app.user("bob").await, app.user("eve").await);
    app.room("lobby").await;
    let mut stream = app.stream(&bob, "/api/stream?room=lobby").await;

    let mut seen = BTreeSet::new();
    let connect = stream.next_event(DEADLINE).await;
    compare(&contract, connect.name(), &object(&connect));
    seen.insert(connect.name().to_owned());
    let id = app.publish(json!({"user": "bob"}), "T").await;
    let said = app.post(&eve, "/api/rooms/lobby/messages");
    answer(said.json(&json!({"text": "Hello"})), 201).await;
    answer(app.post(&bob, &format!("/api/alarms/{id}/read")), 200).await;
    let _eves = app.connected(&eve, "/api/stream?room=lobby").await;
    let there = sign(&Claims::of("bob", "user"));
    send(app.post(&there, "/api/auth/logout")).await;
    let mut others = names(&contract, "stream");
    others.remove("bye");
    while seen != others {
        let event = stream.next_event(DEADLINE).await;
        compare(&contract, event.name(), &object(&event));
        seen.insert(event.name().to_owned());
    }
    let disconnect = app.post(&app.admin(), "/api/admin/users/bob/disconnect");
    answer(disconnect, 200).await;
    let bye = stream.next_named("bye", DEADLINE).await;
    compare(&contract, "bye", &object(&bye));
}

#[tokio::test]
async fn polls_and_figures_are_in_the_contract_with_their_fields() {
    let app = TestApp::spawn().await;
    let contract = contract(&app).await;
    let bob = app.user("bob").await;
    app.publish(json!({"user": "bob"}), "T").await;

    let poll = app.get(&bob, "/api/stream?cursor=0");
    let polled = answer(poll.header("Accept", "application/json"), 200).await;
    check(
        "poll",
        &contract,
        &contract["components"]["messages"]["poll"]["payload"],
        &polled,
    );
    for event in polled["events"].as_array().unwrap() {
        compare(&contract, event["event"].as_str().unwrap(), event);
    }
    let mut figures = app.stream(&app.admin(), "/api/admin/figures").await;
    for name in ["history", "figures"] {
        let event = figures.next_named(name, DEADLINE).await;
        compare(&contract, name, &object(&event));
    }
    assert_eq!(names(&contract, "figures").len(), 3);
}

/// The fields of an interface of `web/campanile/wire.d.ts`: name, type, and true if it may be missing.
fn interface(source: &str, name: &str) -> Vec<(String, String, bool)> {
    let (_, rest) = source
        .split_once(&format!("export interface {name} "))
        .unwrap();
    let (_, body) = rest.split_once('{').unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let lines = body.lines().map(str::trim);
    let fields = lines.filter(|line| !line.is_empty() && !line.starts_with("/*"));
    fields
        .map(|line| {
            let (name, kind) = line.trim_end_matches(';').split_once(": ").unwrap();
            let plain = name.trim_end_matches('?');
            (plain.to_owned(), kind.to_owned(), plain != name)
        })
        .collect()
}

/// The properties of a schema, those of its parts among them, and the names of those that are always there.
fn properties(contract: &Value, schema: &Value) -> (BTreeMap<String, Value>, BTreeSet<String>) {
    let schema = match schema["$ref"].as_str() {
        Some(path) => contract.pointer(path.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    let (mut found, mut required) = (BTreeMap::new(), BTreeSet::new());
    for part in schema["allOf"].as_array().into_iter().flatten() {
        let (more, needed) = properties(contract, part);
        found.extend(more);
        required.extend(needed);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        found.insert(name.clone(), property.clone());
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        required.insert(name.as_str().unwrap().to_owned());
    }
    (found, required)
}

/// A schema in the words of TypeScript.
fn in_typescript(contract: &Value, schema: &Value) -> String {
    if let Some(path) = schema["$ref"].as_str() {
        let name = path.rsplit('/').next().unwrap();
        if name == "AlarmId" {
            return name.to_owned();
        }
        return in_typescript(
            contract,
            contract.pointer(path.trim_start_matches('#')).unwrap(),
        );
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let choices = choices.iter().map(|one| in_typescript(contract, one));
        return choices.collect::<Vec<_>>().join(" | ");
    }
    if let Some(words) = schema["enum"].as_array() {
        let words = words.iter().map(Value::to_string);
        return words.collect::<Vec<_>>().join(" | ");
    }
    match schema["type"].as_str() {
        Some("integer" | "number") => "number".to_owned(),
        Some("array") => format!("{}[]", in_typescript(contract, &schema["items"])),
        Some(kind) => kind.to_owned(),
        None => "any".to_owned(),
    }
}

/// The alternatives of a type, in any order.
fn alternatives(kind: &str) -> BTreeSet<&str> {
    kind.split(" | ").collect()
}

#[tokio::test]
async fn the_types_of_the_module_are_those_of_the_contract() {
    let app = TestApp::spawn().await;
    let contract = contract(&app).await;
    let source = std::fs::read_to_string("web/campanile/wire.d.ts").unwrap();
    let counts = interface(&source, "Counts");

    for (name, event, with_counts) in [
        ("Alarm", "alarm", false),
        ("Alarm", "message", false),
        ("Connected", "connect", true),
        ("StateChange", "state", true),
        ("Presence", "presence", false),
        ("Bye", "bye", false),
    ] {
        let data = &contract["components"]["messages"][event]["payload"]["properties"]["data"];
        let (described, required) = properties(&contract, data);
        let mut typed = interface(&source, name);
        if with_counts {
            typed.extend(counts.clone());
        }
        let named: BTreeSet<&String> = typed.iter().map(|(name, ..)| name).collect();
        let known: BTreeSet<&String> = described.keys().collect();
        assert_eq!(
            named, known,
            "wire.d.ts has {name}, and the contract {event}"
        );
        for (field, kind, may_be_missing) in &typed {
            let expected = in_typescript(&contract, &described[field]);
            assert_eq!(
                alternatives(kind),
                alternatives(&expected),
                "{name}.{field} of wire.d.ts, and {event} of the contract"
            );
            assert!(
                required.contains(field) || *may_be_missing,
                "{name}.{field} may be missing"
            );
        }
    }
}
