//! `campanile tail`: prints what a stream brings. It comes back after a disconnection with its cursor, so nothing is printed twice and
//! nothing is missed.

use std::io::IsTerminal as _;
use std::time::Duration;

use bytes::BytesMut;
use futures::StreamExt as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::app::error::StartError;
use crate::app::output;
use crate::app::remote::{Payload, Remote};
use crate::config::TailCommand;

/// Prints until it is interrupted, nobody reads any more, or the wanted number has come.
pub fn tail(command: &TailCommand) -> Result<(), StartError> {
    actix_web::rt::System::new().block_on(async {
        let mut tail = Tail {
            hub: Remote::new(&command.hub)?,
            path: path(command),
            cursor: command.cursor,
            left: command.count,
            as_json: command.json,
            is_coloured: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
            silence: SILENCE,
        };
        tail.run().await
    })
}

struct Tail {
    hub: Remote,
    path: String,
    cursor: Option<i64>,
    /// The alarms to print before the end, if there is one.
    left: Option<u64>,
    as_json: bool,
    is_coloured: bool,
    /// The longest time without a heartbeat.
    silence: Duration,
}

/// The way in which one stream ended.
enum End {
    /// Enough was printed, or nobody reads it.
    Done,
    /// The connection was lost, or the hub asks to come back.
    Lost,
    /// The hub does not want this client back.
    Final(String),
}

impl Tail {
    async fn run(&mut self) -> Result<(), StartError> {
        let mut was_connected = false;
        let mut wait = FIRST_WAIT;
        loop {
            match self.hub.stream(&self.path, self.cursor).await {
                Ok(answer) => {
                    (was_connected, wait) = (true, FIRST_WAIT);
                    match self.print(answer).await? {
                        End::Done => return Ok(()),
                        End::Final(reason) => return Err(StartError::Hub(reason)),
                        End::Lost => output::note("the stream ended; it is opened again"),
                    }
                }
                Err(failure) if was_connected && failure.may_pass() => {
                    output::note(&format!("{failure}; trying again"));
                }
                Err(failure) => return Err(failure.into()),
            }
            tokio::time::sleep(wait.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Prints the events of one stream.
    async fn print(&mut self, mut body: impl Payload) -> Result<End, StartError> {
        let mut pending = BytesMut::new();
        loop {
            let Ok(Some(Ok(chunk))) = tokio::time::timeout(self.silence, body.next()).await else {
                return Ok(End::Lost);
            };
            pending.extend_from_slice(&chunk);
            while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
                let line = pending.split_to(end + 1);
                let Ok(event) = serde_json::from_slice::<Value>(&line) else {
                    continue;
                };
                if let Some(end) = self.take(&event)? {
                    return Ok(end);
                }
            }
            if pending.len() > MOST_LINE_BYTES {
                return Ok(End::Final("the answer is no stream of events".to_owned()));
            }
        }
    }

    /// Acts on one event; its id is kept once it is printed.
    fn take(&mut self, event: &Value) -> Result<Option<End>, StartError> {
        let data = event.get("data").unwrap_or(&Value::Null);
        let mut end = None;
        match text(event, "event") {
            "connect" => {
                if data.get("gap") == Some(&Value::Bool(true)) && self.cursor.is_some() {
                    output::note("alarms after the cursor are not in the log any more");
                }
                if let Some(seconds) = data.get("heartbeatSeconds").and_then(Value::as_u64) {
                    self.silence = Duration::from_secs(seconds.saturating_mul(3).max(3));
                }
            }
            "alarm" | "message" => end = self.show(data)?,
            "bye" => return Ok(Some(ended(data))),
            _ => {}
        }
        if let Some(id) = event.get("id").and_then(Value::as_i64) {
            self.cursor = Some(id);
        }
        Ok(end)
    }

    fn show(&mut self, alarm: &Value) -> Result<Option<End>, StartError> {
        let line = match (self.as_json, self.is_coloured) {
            (true, _) => alarm.to_string(),
            (false, is_coloured) => readable(alarm, is_coloured),
        };
        if !output::line(&line)? {
            return Ok(Some(End::Done));
        }
        self.left = self.left.map(|left| left.saturating_sub(1));
        Ok((self.left == Some(0)).then_some(End::Done))
    }
}

fn ended(bye: &Value) -> End {
    let reason = text(bye, "reason");
    if reason == "expired" {
        return End::Final("the token has expired".to_owned());
    }
    match bye.get("reconnect") {
        Some(Value::Bool(false)) => End::Final(format!("the hub ended the stream: {reason}")),
        _ => End::Lost,
    }
}

fn path(command: &TailCommand) -> String {
    let of_users = command
        .user
        .iter()
        .map(|id| ("topic", format!("user:{id}")));
    let topics = command.topic.iter().map(|topic| ("topic", topic.clone()));
    let rooms = command.room.iter().map(|room| ("room", room.to_string()));
    let query: Vec<String> = of_users
        .chain(topics)
        .chain(rooms)
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(&value, NON_ALPHANUMERIC)))
        .collect();
    format!("/api/stream?{}", query.join("&"))
}

/// One line for a person: when, which, for whom, of what type, from whom, with what.
fn readable(alarm: &Value, is_coloured: bool) -> String {
    let colour = |code: &str, text: &str| {
        if is_coloured {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    };
    let shown = |name| output::harmless(text(alarm, name));
    let id = alarm.get("id").and_then(Value::as_i64).unwrap_or_default();
    let mut parts = vec![
        colour("2", &shown("createdAt")),
        colour("33", &id.to_string()),
        colour("36", &shown("topic")),
        colour("1", &shown("alarmType")),
    ];
    if let Some(from) = alarm.get("fromUserId").and_then(Value::as_str) {
        parts.push(format!("from {}", output::harmless(from)));
    }
    if let Some(data) = alarm.get("data").filter(|data| !data.is_null()) {
        parts.push(output::harmless(&data.to_string()));
    }
    if let Some(url) = alarm.get("url").and_then(Value::as_str) {
        parts.push(colour("4", &output::harmless(url)));
    }
    parts.join(" ")
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Until the hub tells how often its heartbeats come: longer than those of any usual setting.
const SILENCE: Duration = Duration::from_secs(90);

const FIRST_WAIT: Duration = Duration::from_secs(1);

const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// An alarm holds 16 KiB of data, which may be longer as JSON text; a `presence` event names 200 users.
const MOST_LINE_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_a_person_is_coloured_only_where_it_is_seen() {
        let alarm = serde_json::json!({"id": 7, "topic": "user:bob", "alarmType": "T", "fromUserId": null,
            "data": {"title": "a\u{9b}b"}, "url": "/x", "createdAt": "2026-11-22T01:02:03.456Z"});

        let plain = readable(&alarm, false);

        assert_eq!(
            plain,
            "2026-11-22T01:02:03.456Z 7 user:bob T {\"title\":\"a\\u009bb\"} /x"
        );
        assert!(readable(&alarm, true).contains("\u{1b}[36muser:bob\u{1b}[0m"));
    }
}
