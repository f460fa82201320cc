//! A publisher: bursts of every kind of alarm, with and without a key that lets it ask again.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::support::{Claims, DEADLINE, sign};
use crate::torture::arena::{Arena, ROOMS, USERS, room, service, user};
use crate::torture::ledger::{MARK, Promise};

const LONGEST_BURST: u32 = 60;

/// Milliseconds between two bursts, so that clients are at times live and at times behind.
const LONGEST_PAUSE: u64 = 400;

/// Publishes until the run is over; tells what became of each request.
pub(crate) async fn publish(arena: Arc<Arena>, mut rng: StdRng) -> Vec<Promise> {
    let mut promises = Vec::new();
    while arena.is_publishing() {
        for _ in 0..rng.random_range(1..=LONGEST_BURST) {
            let order = Order::any(&mut rng, arena.marker());
            promises.push(order.carry_out(&arena).await);
        }
        let pause = rng.random_range(0..LONGEST_PAUSE);
        arena.pause(Duration::from_millis(pause)).await;
    }
    promises
}

/// Publishes the alarm everybody waits for.
pub(crate) async fn publish_last(arena: &Arena) -> Promise {
    let marker = arena.marker();
    Order {
        key: Some("the last".to_owned()),
        ..Order::alarm(
            marker,
            json!({"everyone": true}),
            ["everyone".to_owned()],
            "",
        )
    }
    .carry_out(arena)
    .await
}

/// One request.
struct Order {
    marker: u64,
    topics: Vec<String>,
    token: String,
    path: String,
    body: Value,
    key: Option<String>,
    /// True if the hub recognizes a repetition of the request, so that it may be sent until it is answered.
    repeatable: bool,
}

impl Order {
    fn any(rng: &mut StdRng, marker: u64) -> Self {
        let text = padding(rng);
        let (one, place) = (
            user(rng.random_range(0..USERS)),
            room(rng.random_range(0..ROOMS)),
        );
        let order = match rng.random_range(0..10) {
            0..3 => Self::alarm(
                marker,
                json!({"everyone": true}),
                ["everyone".to_owned()],
                &text,
            ),
            3..6 => Self::alarm(marker, json!({"user": one}), [format!("user:{one}")], &text),
            6 => {
                let users: Vec<String> = (0..USERS).map(user).collect();
                let topics = users.iter().map(|user| format!("user:{user}"));
                Self::alarm(marker, json!({"users": users}), topics, &text)
            }
            7 => Self::alarm(
                marker,
                json!({"room": place}),
                [format!("room:{place}")],
                &text,
            ),
            _ => return Self::chat(marker, &one, &place, &text, rng.random()),
        };
        if rng.random() {
            return order.with_key(format!("key {marker}"));
        }
        order
    }

    fn alarm(marker: u64, to: Value, topics: impl IntoIterator<Item = String>, text: &str) -> Self {
        let data = json!({"note": format!("{MARK}{marker}{MARK}{text}")});
        Self {
            marker,
            topics: topics.into_iter().collect(),
            token: service(),
            path: "/api/alarms".to_owned(),
            body: json!({"to": to, "alarmType": "TORTURE", "data": data}),
            key: None,
            repeatable: false,
        }
    }

    fn with_key(self, key: String) -> Self {
        Self {
            key: Some(key),
            repeatable: true,
            ..self
        }
    }

    /// A chat message's key is the id its client gave it.
    fn chat(marker: u64, sender: &str, place: &str, text: &str, repeatable: bool) -> Self {
        let allowed = text.chars().filter(|c| *c != '\0');
        let text: String = allowed.take(3_900).collect();
        let mut body = json!({"text": format!("{MARK}{marker}{MARK}{text}")});
        if repeatable {
            body["clientId"] = json!(format!("message {marker}"));
        }
        Self {
            marker,
            topics: vec![format!("room:{place}")],
            token: sign(&Claims::of(sender, "user")),
            path: format!("/api/rooms/{place}/messages"),
            body,
            key: None,
            repeatable,
        }
    }

    async fn carry_out(self, arena: &Arena) -> Promise {
        let ids = loop {
            let request = self.request(arena).await;
            let answered = tokio::time::timeout(DEADLINE, ids_of(request)).await;
            match answered.ok().flatten() {
                None if self.repeatable => arena.pause(BEFORE_ASKING_AGAIN).await,
                ids => break ids,
            }
        };
        Promise {
            marker: self.marker,
            topics: self.topics,
            ids,
        }
    }

    async fn request(&self, arena: &Arena) -> RequestBuilder {
        let request = arena.post(&self.token, &self.path).await.json(&self.body);
        match &self.key {
            Some(key) => request.header("Idempotency-Key", key),
            None => request,
        }
    }
}

/// The ids of a 201; `None` when the server broke off or could not store it just now.
async fn ids_of(request: RequestBuilder) -> Option<Vec<i64>> {
    let answer = request.send().await.ok()?;
    let status = answer.status();
    let body: Value = answer.json().await.ok()?;
    assert!(
        status == 201 || status.is_server_error(),
        "{status}: {body}"
    );
    if status != 201 {
        return None;
    }
    let of = |alarm: &Value| alarm["id"].as_i64().expect("an id");
    Some(match body["alarms"].as_array() {
        Some(alarms) => alarms.iter().map(of).collect(),
        None => vec![of(&body)],
    })
}

/// Mostly a line, at times as much as there may be, so that queues fill by their count and by their bytes.
fn padding(rng: &mut StdRng) -> String {
    let length = match rng.random_range(0..100) {
        0 => 5_000,
        1..10 => rng.random_range(0..1_000),
        _ => rng.random_range(0..80),
    };
    // Characters at which a careless writer of event streams would break a line.
    "a\u{2028}\n\r\n\u{feff}\u{1f514}\u{0}"
        .chars()
        .cycle()
        .take(length)
        .collect()
}

const BEFORE_ASKING_AGAIN: Duration = Duration::from_millis(50);
