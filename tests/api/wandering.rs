//! Clients that change their transport and are cut off at random, on a hub that is killed and started again meanwhile:
//! each sees exactly the log. The seed is printed; `CAMPANILE_SEED` takes it again, and everybody decides the same.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::database;
use crate::listener::{ALL, Listener, Refused};
use crate::support::{AppBuilder, TestApp};

/// A reader and the events that they received.
struct Wanderer {
    name: &'static str,
    token: String,
    random: StdRng,
    cursor: i64,
    seen: Vec<i64>,
    sessions: usize,
}

/// The data that all participants share during one life of the hub.
#[derive(Default)]
struct Round {
    over: Cell<bool>,
    answered: RefCell<BTreeSet<i64>>,
}

#[tokio::test]
async fn a_client_that_changes_its_transport_and_is_cut_at_random_sees_exactly_the_log() {
    let seed = std::env::var("CAMPANILE_SEED").map_or_else(
        |_unset| rand::random(),
        |text| text.parse().expect("a number"),
    );
    eprintln!("CAMPANILE_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut app = AppBuilder::default()
        .env("CAMPANILE_MAX_STREAMS_PER_USER", "1000")
        .spawn()
        .await;
    let mut wanderers = Vec::new();
    for name in ["bob", "carol"].repeat(WANDERERS / 2) {
        wanderers.push(Wanderer {
            name,
            token: app.user(name).await,
            random: StdRng::seed_from_u64(random.random()),
            cursor: 0,
            seen: Vec::new(),
            sessions: 0,
        });
    }
    app.room("lobby").await;
    let mut answered = BTreeSet::new();

    for _life in 1..LIVES {
        let round = Round::default();
        let dying = live_and_die(&app, &round, &mut random);
        let reading = join_all(wanderers.iter_mut().map(|one| one.wander(&app, &round)));
        tokio::join!(dying, reading);
        answered.extend(round.answered.take());
        app.ended().await;
        app.restart().await;
    }
    let round = Round::default();
    publish(&app, &round, &mut random, 100).await;
    let last = app.publish(json!({"everyone": true}), "LAST").await;
    let ends = wanderers
        .iter_mut()
        .map(|one| one.wander_up_to(last, &app, &round));
    join_all(ends).await;
    answered.extend(round.answered.take());

    let log = database::log(&app);
    let sessions: usize = wanderers.iter().map(|one| one.sessions).sum();
    eprintln!(
        "{} alarms, {sessions} connections of {WANDERERS} clients, {LIVES} lives of the hub",
        log.len()
    );
    let stored: BTreeSet<i64> = log.iter().map(|entry| entry.id).collect();
    assert!(answered.is_subset(&stored), "what was answered is stored");
    for one in wanderers {
        let expected = one.expects(&log);
        assert_eq!(one.seen, expected, "{} with seed {seed}", one.name);
    }
    assert!(
        sessions > 10 * WANDERERS,
        "they were cut off many times: {sessions}"
    );
}

/// Publishes for a while; then the power is cut in the middle of whatever everybody does.
async fn live_and_die(app: &TestApp, round: &Round, random: &mut StdRng) {
    let alarms = random.random_range(80..160);
    publish(app, round, random, alarms).await;
    let everyone = json!({"everyone": true});
    let unheard = (0..20).map(|_| publish_one(app, round, &everyone, None));
    let power = async {
        tokio::task::yield_now().await;
        app.cut_power();
    };
    tokio::join!(join_all(unheard), power);
    round.over.set(true);
}

impl Wanderer {
    /// The ids of the log's alarms that are for this reader.
    fn expects(&self, log: &[database::Entry]) -> Vec<i64> {
        let own = format!("user:{}", self.name);
        let topics = ["everyone", "room:lobby", own.as_str()];
        log.iter()
            .filter(|entry| topics.contains(&entry.topic.as_str()))
            .map(|entry| entry.id)
            .collect()
    }

    /// Until this life of the hub is over.
    async fn wander(&mut self, app: &TestApp, round: &Round) {
        while !round.over.get() {
            self.visit(app, round).await;
        }
    }

    /// Until that id is seen.
    async fn wander_up_to(&mut self, last: i64, app: &TestApp, round: &Round) {
        while self.seen.last() != Some(&last) {
            self.visit(app, round).await;
        }
    }

    /// Opens a stream over any transport, takes a few events, and is cut off at whatever it is doing then.
    async fn visit(&mut self, app: &TestApp, round: &Round) {
        let transport = ALL[self.random.random_range(0..ALL.len())];
        let cut = Instant::now() + Duration::from_millis(self.random.random_range(1..250));
        let most = self.random.random_range(1..30);
        let opening =
            Listener::try_open(app, &self.token, transport, "room=lobby", Some(self.cursor));
        let mut listener = match timeout_at(cut, opening).await {
            Ok(Ok(listener)) => listener,
            Ok(Err(Refused::Gone)) if !round.over.get() => return tokio::task::yield_now().await,
            Ok(Err(Refused::Gone)) | Err(_) => return,
            // A hub that is about to die may be unable to answer well.
            Ok(Err(Refused::Status(status))) => panic!("{transport:?}: {status}"),
        };
        self.sessions += 1;
        for _ in 0..most {
            let Ok(Some(id)) = timeout_at(cut, listener.next_id()).await else {
                break;
            };
            self.seen.push(id);
            self.cursor = id;
        }
        // A poll that found nothing is further on than the last event; the cursor it gave is as good.
        self.cursor = listener.cursor.unwrap_or(self.cursor).max(self.cursor);
    }
}

/// Publishes at a steady pace to one, the other, everyone or the room; one publisher of two asks twice.
async fn publish(app: &TestApp, round: &Round, random: &mut StdRng, alarms: usize) {
    let mut pace = tokio::time::interval(Duration::from_millis(8));
    for _ in 0..alarms {
        pace.tick().await;
        let to = [
            json!({"user": "bob"}),
            json!({"user": "carol"}),
            json!({"everyone": true}),
            json!({"room": "lobby"}),
        ];
        let to = &to[random.random_range(0..to.len())];
        let key = Uuid::new_v4().to_string();
        for _ in 0..random.random_range(1..=2) {
            let answered = publish_one(app, round, to, Some(&key)).await;
            assert!(answered, "the hub is well");
        }
    }
}

/// Returns true if the request was answered; without an answer the alarm may be stored or not.
async fn publish_one(app: &TestApp, round: &Round, to: &Value, key: Option<&str>) -> bool {
    let mut request = app.post(&app.service(), "/api/alarms");
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    let body = json!({"to": to, "alarmType": "T"});
    let Ok(answer) = request.json(&body).send().await else {
        return false;
    };
    assert_eq!(answer.status(), StatusCode::CREATED);
    let Ok(body) = answer.json::<Value>().await else {
        return false;
    };
    let id = body["alarms"][0]["id"].as_i64().expect("an id");
    round.answered.borrow_mut().insert(id);
    true
}

const WANDERERS: usize = 6;

/// It is killed between two of them.
const LIVES: usize = 4;
