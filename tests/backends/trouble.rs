//! Answers that a real hub gives seldom: a server that gives all of them, one after the other.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::drill::Drill;
use crate::language::all_here;

#[tokio::test]
async fn clients_outlive_every_answer_and_end_when_the_hub_says_so() {
    let mut drills = Vec::new();
    for language in all_here().await {
        let book = Book::open().await;
        let arguments = [&*book.url, "", "bob"];
        let drill = Drill::start(&language, "trouble", &arguments);
        drills.push((language, drill, book));
    }
    for (language, drill, book) in drills {
        let name = language.name;
        let facts = drill.end().await;

        let expected = [
            json!({"published": 7}),
            json!({"event": "alarm", "id": 11}),
            json!({"event": "gap", "id": 11}),
            json!({"event": "alarm", "id": 12}),
            json!({"event": "alarm", "id": 13}),
            json!({"ended": "kicked"}),
        ];
        assert_eq!(facts, expected, "{name}");
        let entries = book.entries.lock().expect("the entries");
        check_publishing(name, &entries);
        check_watching(name, &entries);
    }
}

/// One request: its head and its body.
struct Entry {
    head: String,
    body: String,
    at: Instant,
}

impl Entry {
    fn field(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value)
    }

    fn is_publishing(&self) -> bool {
        self.head.starts_with("POST /api/alarms ")
    }
}

fn check_publishing(name: &str, entries: &[Entry]) {
    let tries: Vec<&Entry> = entries.iter().filter(|one| one.is_publishing()).collect();
    assert_eq!(tries.len(), 4, "{name}");
    let key = tries[0].field("idempotency-key");
    assert!(key.is_some_and(|key| key.len() > 16), "{name}: {key:?}");
    for one in &tries {
        assert_eq!(one.field("idempotency-key"), key, "{name}: one key");
        assert_eq!(one.body, tries[0].body, "{name}: one body");
    }
    let pause = tries[1].at - tries[0].at;
    assert!(
        pause >= Duration::from_millis(950),
        "{name}: {pause:?}: Retry-After is kept to"
    );
}

fn check_watching(name: &str, entries: &[Entry]) {
    let streams: Vec<&Entry> = entries.iter().filter(|one| !one.is_publishing()).collect();
    let mut tokens: Vec<_> = streams
        .iter()
        .map(|one| one.field("authorization"))
        .collect();
    tokens.dedup();
    assert_eq!(
        tokens.len(),
        streams.len(),
        "{name}: a token is asked for each time"
    );
    for one in streams {
        assert!(
            one.head.starts_with("GET /api/stream?topic=user%3Abob "),
            "{name}: {}",
            one.head
        );
        assert_eq!(one.field("accept"), Some("application/x-ndjson"), "{name}");
    }
}

/// The server, and all that it was asked.
struct Book {
    url: String,
    entries: Arc<Mutex<Vec<Entry>>>,
}

impl Book {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let entries = Arc::<Mutex<Vec<Entry>>>::default();
        let book = Arc::clone(&entries);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, Arc::clone(&book)));
            }
        });
        Self { url, entries }
    }
}

/// One request, as every answer ends its connection. A client may open a connection and send nothing.
async fn serve(mut connection: TcpStream, book: Arc<Mutex<Vec<Entry>>>) {
    let Some(entry) = read(&mut connection).await else {
        return;
    };
    let is_publishing = entry.is_publishing();
    let cursor = entry.field("last-event-id").map(str::to_owned);
    let earlier = {
        let mut entries = book.lock().expect("the entries");
        let same = |one: &&Entry| {
            one.is_publishing() == is_publishing && one.field("last-event-id") == cursor.as_deref()
        };
        let earlier = entries.iter().filter(same).count();
        entries.push(entry);
        earlier
    };
    let (text, then_waits) = if is_publishing {
        (published(earlier), false)
    } else {
        streamed(cursor.as_deref(), earlier)
    };
    connection.write_all(text.as_bytes()).await.ok();
    if then_waits {
        // Until the client gives the silent stream up.
        let mut byte = [0];
        connection.read_exact(&mut byte).await.ok();
    }
}

async fn read(connection: &mut TcpStream) -> Option<Entry> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = connection.read(&mut chunk).await.ok()?;
        if count == 0 {
            return None;
        }
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let entry = Entry {
            head: head.to_owned(),
            body: body.to_owned(),
            at: Instant::now(),
        };
        let length = entry.field("content-length").unwrap_or("0");
        let length: usize = length.parse().expect("a number");
        if body.len() >= length {
            return Some(entry);
        }
    }
}

/// The answers to publishing: not now; none; one that breaks off; and at last the id.
fn published(earlier: usize) -> String {
    match earlier {
        0 => refusal(
            "503 Service Unavailable",
            "overloaded",
            "Retry-After: 1\r\n",
        ),
        1 => String::new(),
        2 => "HTTP/1.1 201 Created\r\nContent-Length: 50\r\nConnection: close\r\n\r\n{\"al"
            .to_owned(),
        _ => whole(
            "201 Created",
            &json!({"alarms": [{"id": 7, "topic": "user:bob"}]}),
            "",
        ),
    }
}

/// The answers to a stream, by its cursor, and true if the server goes on in silence.
fn streamed(cursor: Option<&str>, earlier: usize) -> (String, bool) {
    let connect = |id: i64, gap: bool| {
        event(
            "connect",
            Some(id),
            &json!({"gap": gap, "heartbeatSeconds": 1, "cursor": id}),
        )
    };
    let alarm = |id: i64| event("alarm", Some(id), &json!({"id": id, "data": {}}));
    let bye = |reason: &str, reconnect: bool| {
        event(
            "bye",
            None,
            &json!({"reason": reason, "reconnect": reconnect}),
        )
    };
    let events = match (cursor, earlier) {
        (None, 0) => {
            return (
                refusal(
                    "503 Service Unavailable",
                    "shutting_down",
                    "Retry-After: 1\r\n",
                ),
                false,
            );
        }
        (None, 1) => {
            return (
                refusal(
                    "429 Too Many Requests",
                    "too_many_streams",
                    "Retry-After: 1\r\n",
                ),
                false,
            );
        }
        (None, 2) => return (refusal("401 Unauthorized", "invalid_token", ""), false),
        // Cut in the middle of an event that has an id.
        (None, _) => {
            let cut = alarm(12).replace("\n", "")[..30].to_owned();
            [connect(10, false), alarm(11), cut].concat()
        }
        (Some("11"), _) => [connect(11, true), alarm(12), bye("shutdown", true)].concat(),
        (Some("12"), 0) => return (streaming(&connect(12, false)), true),
        (Some("12"), _) => {
            let ping = event("ping", Some(12), &json!({"cursor": 12}));
            [connect(12, false), ping, alarm(13)].concat()
        }
        _ => [connect(13, false), bye("kicked", false)].concat(),
    };
    (streaming(&events), false)
}

fn event(name: &str, id: Option<i64>, data: &Value) -> String {
    format!("{}\n", json!({"event": name, "id": id, "data": data}))
}

/// A stream whose end is that of its connection.
fn streaming(events: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n{events}"
    )
}

fn refusal(status: &str, code: &str, fields: &str) -> String {
    whole(status, &json!({"code": code, "detail": "not now"}), fields)
}

fn whole(status: &str, body: &Value, fields: &str) -> String {
    let body = body.to_string();
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{fields}\r\n{body}",
        body.len()
    )
}
