//! Property test of the event stream encoder: a reader written from the standard gets back what was encoded.

use std::sync::Arc;

use actix_web::Responder;
use actix_web::body::to_bytes;
use actix_web::test::TestRequest;
use actix_web_lab::sse::Sse;
use futures::executor::block_on;
use futures::stream;
use proptest::prelude::*;

use crate::alarm::{Alarm, AlarmId, AlarmType, Payload, Timestamp, Topic};
use crate::http::body::{Params, parse_json};
use crate::http::stream::sse::event_of;
use crate::hub::Frame;

proptest! {
    #[test]
    fn an_event_reads_back_as_what_was_written(
        id in 1..i64::MAX,
        text in prop_oneof![
            any::<String>(),
            "[\r\n\0\u{feff}\u{2028}\u{2029}:a ]{0,60}",
            Just("\u{1f514}".repeat(4_000)),
        ],
    ) {
        let frame = Frame::alarm(Arc::new(alarm(id, &text)));
        let events = read(&written(&frame));

        prop_assert_eq!(events.len(), 1);
        let (read_id, name, data) = &events[0];
        prop_assert_eq!(read_id, &id.to_string());
        prop_assert_eq!(name, "message");
        let value: serde_json::Value = serde_json::from_str(data).unwrap();
        prop_assert_eq!(value["data"].as_str(), Some(text.as_str()));
    }

    #[test]
    fn no_query_panics(query in any::<String>()) {
        let params = Params::of(&query);
        for name in ["cursor", "token", "room", "limit"] {
            params.first(name);
            params.all(name).count();
            params.parsed::<i64>(name).ok();
        }
        params.limit(20).ok();
    }

    #[test]
    fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..400)) {
        parse_json::<Payload>(&body).ok();
    }

    #[test]
    fn what_breaks_a_line_is_no_topic_and_no_type(text in "[\r\n\0a-zA-Z:_0-9\u{2028} ]{0,20}") {
        let harmless = !text.contains(['\r', '\n', '\0', ' ', '\u{2028}']);
        let accepted = Topic::parse(&text).is_ok() || AlarmType::parse(text.as_str()).is_ok();
        prop_assert!(harmless || !accepted);
    }
}

fn written(frame: &Arc<Frame>) -> String {
    let event = event_of(frame).unwrap();
    let request = TestRequest::default().to_http_request();
    let response = Sse::from_infallible_stream(stream::iter([event])).respond_to(&request);
    let bytes = block_on(to_bytes(response.into_body()));
    String::from_utf8(bytes.ok().unwrap().to_vec()).unwrap()
}

/// Id, name and data of each event (WHATWG HTML, section 9.2.6).
fn read(text: &str) -> Vec<(String, String, String)> {
    let (mut events, mut event) = (Vec::new(), (String::new(), String::new(), Vec::new()));
    for line in text.replace("\r\n", "\n").split(['\n', '\r']) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
        match field {
            "" if line.is_empty() && !event.2.is_empty() => {
                let (id, name, data) = std::mem::take(&mut event);
                events.push((id, name, data.join("\n")));
            }
            "id" => event.0 = value,
            "event" => event.1 = value,
            "data" => event.2.push(value),
            _ => {}
        }
    }
    events
}

fn alarm(id: i64, text: &str) -> Alarm {
    Alarm {
        id: AlarmId(id),
        topic: Topic::parse("room:42").unwrap(),
        alarm_type: AlarmType::parse("TEST").unwrap(),
        from_user_id: None,
        target_id: None,
        data: Payload::of(&text).unwrap(),
        url: None,
        created_at: Timestamp::from_millis(0),
        expires_at: None,
        seen_at: None,
        read_at: None,
    }
}
