//! The contract of the streams as AsyncAPI 3.0: every event with the schema of the type that its data is written from.

use std::sync::OnceLock;

use actix_web::HttpResponse;
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use crate::actions::figures::Sample;
use crate::actions::inbox::StateEvent;
use crate::alarm::{Alarm, AlarmId};
use crate::http::parameters::{KNOWN, STREAM};
use crate::http::security::{Scheme, schemes};
use crate::http::stream::poll::PollAnswer;
use crate::hub::{ByeData, Connected, EventName, PingData, PresenceData, SessionData};

/// The schemas of the data.
#[derive(OpenApi)]
#[openapi(components(schemas(
    Alarm,
    AlarmId,
    ByeData,
    Connected,
    PingData,
    PollAnswer,
    PresenceData,
    Sample,
    SessionData,
    StateEvent
)))]
struct Data;

/// The contract of the streams as AsyncAPI 3.0.
#[utoipa::path(get, path = "/api/asyncapi.json", tag = "operation",
    responses((status = 200, description = "The streams as AsyncAPI 3.0", body = serde_json::Value)))]
pub(crate) async fn document() -> HttpResponse {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| contract().to_string());
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header(("Cache-Control", "no-cache"))
        .body(text.as_str())
}

/// An event of a stream.
struct Event {
    name: &'static str,
    /// The schema of its data.
    data: Value,
    /// True if it has an id, after which a client resumes.
    numbered: bool,
    summary: &'static str,
}

fn contract() -> Value {
    let data = serde_json::to_value(Data::openapi()).unwrap_or_default();
    let schemas = data.pointer("/components/schemas").cloned();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Campanile",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The streams of a notification hub. Its other routes are in /api/openapi.json.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": channels(),
        "operations": operations(),
        "components": {
            "messages": messages(),
            "schemas": schemas,
            "securitySchemes": Scheme::ALL.map(|scheme| (scheme.name().to_owned(), scheme.asyncapi())).into_iter().collect::<Map<_, _>>(),
        },
    })
}

/// The events of `/api/stream`.
fn events() -> Vec<Event> {
    EventName::ALL.into_iter().filter_map(event).collect()
}

/// An event of `/api/stream`; `None` for one that it does not carry.
fn event(event: EventName) -> Option<Event> {
    let (schema, numbered, summary) = match event {
        EventName::Connect => ("Connected", true, "The first event of a stream"),
        EventName::Alarm => (
            "Alarm",
            true,
            "An alarm of a user, of everyone or of the administrators",
        ),
        EventName::Message => (
            "Alarm",
            true,
            "An alarm of a room: a chat message or a ring",
        ),
        EventName::State => (
            "StateEvent",
            false,
            "Alarms were seen, read or deleted elsewhere, or expired",
        ),
        EventName::Session => (
            "SessionData",
            false,
            "Another session of the user was signed out",
        ),
        EventName::Presence => ("PresenceData", false, "Users came to a room or left it"),
        EventName::Ping => ("PingData", true, "A heartbeat"),
        EventName::Bye => ("ByeData", false, "The last event of a stream"),
        EventName::Update | EventName::Comment => return None,
    };
    Some(Event {
        name: event.as_str(),
        data: schema_named(schema),
        numbered,
        summary,
    })
}

/// The events of `/api/admin/figures`, which are not in `/api/stream`.
fn figures() -> [Event; 2] {
    let of = |name, data, summary| Event {
        name,
        data,
        numbered: false,
        summary,
    };
    let minute = json!({"type": "array", "items": schema_named("Sample")});
    [
        of(
            "history",
            minute,
            "The figures of the last minute, first on the stream",
        ),
        of("figures", schema_named("Sample"), "The figures of a second"),
    ]
}

fn messages() -> Map<String, Value> {
    let events = events().into_iter().chain(figures());
    let mut messages: Map<String, Value> = events
        .map(|event| (event.name.to_owned(), message_of(&event)))
        .collect();
    let other = |summary: &str, payload: Value| json!({"summary": summary, "payload": payload});
    let answer = other("The answer to a poll", schema_named("PollAnswer"));
    let asked = other(
        "A client asks on its WebSocket whether the hub is there",
        object(json!({"type": {"const": "ping"}})),
    );
    let pong = other(
        "The answer to that",
        object(
            json!({"event": {"const": "pong"}, "id": {"type": "null"}, "data": {"type": "null"}}),
        ),
    );
    messages.extend(
        [POLL, ASKED, PONG]
            .map(str::to_owned)
            .into_iter()
            .zip([answer, asked, pong]),
    );
    messages
}

/// An event as a WebSocket and NDJSON carry it. Server-sent events have the same three as fields of their own.
fn message_of(event: &Event) -> Value {
    let id = match event.numbered {
        true => schema_named("AlarmId"),
        false => json!({"type": "null"}),
    };
    let payload = json!({"event": {"const": event.name}, "id": id, "data": event.data});
    json!({"name": event.name, "summary": event.summary, "payload": object(payload)})
}

/// An object that has all of these and no others.
fn object(properties: Value) -> Value {
    let names = properties.as_object().into_iter().flat_map(Map::keys);
    let required: Vec<&String> = names.collect();
    json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false})
}

fn schema_named(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn channels() -> Value {
    let parameters = KNOWN.iter().find(|(_, path, _)| *path == STREAM);
    let names = parameters.map_or(&[][..], |(_, _, names)| *names);
    let query: Map<String, Value> = names
        .iter()
        .map(|name| {
            (
                (*name).to_owned(),
                json!({"description": "As in /api/openapi.json"}),
            )
        })
        .collect();
    let query = json!({"type": "object", "properties": query});
    json!({
        STREAM_CHANNEL: {
            "address": STREAM,
            "title": "The events of a user, of rooms and of topics",
            "description": "The request chooses the transport: server-sent events (Accept: text/event-stream), a WebSocket (Upgrade: websocket), \
                NDJSON (Accept: application/x-ndjson), or a poll (Accept: application/json, with or without `wait`).",
            "messages": named(&stream_messages(), "#/components/messages"),
            "bindings": {"ws": {"method": "GET", "query": query}},
        },
        FIGURES_CHANNEL: {
            "address": FIGURES_PATH,
            "title": "The figures of the hub, as server-sent events",
            "messages": named(&FIGURES, "#/components/messages"),
        },
    })
}

fn operations() -> Value {
    let sends = |channel: &str, names: &[&str], summary: &str| {
        json!({
            "action": "send",
            "channel": {"$ref": format!("#/channels/{channel}")},
            "summary": summary,
            "messages": of_channel(channel, names),
            "security": security(channel),
        })
    };
    let events: Vec<&str> = events().iter().map(|event| event.name).collect();
    let mut asked = sends(STREAM_CHANNEL, &[ASKED], "A client asks on its WebSocket");
    if let Some(asked) = asked.as_object_mut() {
        let reply = json!({
            "channel": {"$ref": format!("#/channels/{STREAM_CHANNEL}")},
            "messages": of_channel(STREAM_CHANNEL, &[PONG]),
        });
        asked.insert("action".to_owned(), json!("receive"));
        asked.insert("reply".to_owned(), reply);
    }
    json!({
        "sendEvents": sends(STREAM_CHANNEL, &events, "The hub sends what happens"),
        "answerPoll": sends(STREAM_CHANNEL, &[POLL], "The hub answers a poll"),
        "answerPing": asked,
        "sendFigures": sends(FIGURES_CHANNEL, &FIGURES, "The hub sends its figures each second"),
    })
}

/// The ways to name the caller on a channel, each of which is enough.
fn security(channel: &str) -> Vec<Value> {
    let path = match channel {
        FIGURES_CHANNEL => FIGURES_PATH,
        _ => STREAM,
    };
    let names = schemes(path).into_iter().map(Scheme::name);
    names
        .map(|name| json!({"$ref": format!("#/components/securitySchemes/{name}")}))
        .collect()
}

fn stream_messages() -> Vec<&'static str> {
    let events = events().into_iter().map(|event| event.name);
    events.chain([POLL, ASKED, PONG]).collect()
}

/// References by name.
fn named(names: &[&str], at: &str) -> Map<String, Value> {
    let reference = |name: &&str| ((*name).to_owned(), json!({"$ref": format!("{at}/{name}")}));
    names.iter().map(reference).collect()
}

fn of_channel(channel: &str, names: &[&str]) -> Vec<Value> {
    let reference = |name: &&str| json!({"$ref": format!("#/channels/{channel}/messages/{name}")});
    names.iter().map(reference).collect()
}

const STREAM_CHANNEL: &str = "stream";

const FIGURES_CHANNEL: &str = "figures";

const FIGURES_PATH: &str = "/api/admin/figures";

const FIGURES: [&str; 3] = ["history", "figures", "bye"];

const POLL: &str = "poll";

const ASKED: &str = "askedPing";

const PONG: &str = "pong";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_of_the_streams_leads_somewhere() {
        let contract = contract();
        let text = contract.to_string();

        for named in text.split("\"$ref\":\"#").skip(1) {
            let path = named.split('"').next().unwrap();
            assert!(contract.pointer(path).is_some(), "{path}");
        }
    }

    #[test]
    fn every_word_for_an_event_and_for_its_end_is_in_the_contract() {
        let words = |source: &'static str, function: &str| -> Vec<&str> {
            let (_, body) = source.split_once(function).unwrap();
            let (body, _) = body.split_once("\n    }\n").unwrap();
            body.split('"').skip(1).step_by(2).collect()
        };
        let contract = contract();
        let named = words(include_str!("../hub/event_data.rs"), "fn as_str");
        let reasons = words(include_str!("../hub/bye.rs"), "fn reason");
        let schema = contract["components"]["schemas"]["ByeReason"]["enum"].to_string();

        assert_eq!(named.len(), EventName::ALL.len());
        for name in named.iter().filter(|name| !["", "update"].contains(name)) {
            assert!(
                contract["channels"]["stream"]["messages"][name].is_object(),
                "{name}"
            );
        }
        for reason in reasons {
            assert!(schema.contains(&format!("\"{reason}\"")), "{reason}");
        }
    }
}
