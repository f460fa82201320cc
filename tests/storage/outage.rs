//! PostgreSQL goes away under a running hub and comes back: the hub answers at once that it cannot, keeps its streams, and
//! heals by itself.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::stored::{hub_with_stream, publish};
use crate::support::postgres::{PASSWORD, Postgres, signal};
use crate::support::{DEADLINE, SseClient, TestApp, until};

pub(crate) struct Scene {
    pub(crate) postgres: Postgres,
    pub(crate) app: TestApp,
    stream: SseClient,
}

impl Scene {
    async fn set() -> Self {
        Self::on(Postgres::start()).await
    }

    pub(crate) async fn on(postgres: Postgres) -> Self {
        let (app, stream) = hub_with_stream(&postgres.database("scene")).await;
        let mut scene = Self {
            postgres,
            app,
            stream,
        };
        assert_eq!(publish(&scene.app, &Value::Null).await, (201, Some(1)));
        assert_eq!(scene.next().await, 1);
        scene
    }

    pub(crate) async fn next(&mut self) -> i64 {
        self.stream.next_named("alarm", DEADLINE).await.number()
    }

    async fn status(&self, path: &str) -> u16 {
        let answer = self.app.request(reqwest::Method::GET, path).send().await;
        answer.unwrap().status().as_u16()
    }

    /// Everything that needs the database says so within `limit`, everything else works.
    pub(crate) async fn is_down(&self, limit: Duration) {
        for _ in 0..3 {
            let begin = Instant::now();
            assert_eq!(publish(&self.app, &Value::Null).await, (503, None));
            assert_eq!(self.status("/readyz").await, 503);
            assert!(begin.elapsed() < limit, "{:?}", begin.elapsed());
        }
        assert_eq!(self.status("/healthz").await, 200);
    }

    /// It is as before, on the same stream, and no id is missing on it.
    pub(crate) async fn heals(&mut self) {
        let begin = Instant::now();
        until("ready again", DEADLINE, async || {
            (self.status("/readyz").await == 200).then_some(())
        })
        .await;
        eprintln!("ready again after {:?}", begin.elapsed());
        let last = until("publishing again", DEADLINE, async || {
            publish(&self.app, &json!("after")).await.1
        })
        .await;
        let mut ids = Vec::new();
        while ids.last() != Some(&last) {
            ids.push(self.next().await);
        }
        let first = ids[0];
        assert_eq!(ids, (first..=last).collect::<Vec<i64>>());
        assert!(!self.app.log().contains(PASSWORD));
    }
}

#[tokio::test]
async fn a_server_that_is_killed_is_missed_at_once_and_back_without_a_restart() {
    let mut scene = Scene::set().await;

    for round in 0..2 {
        scene.postgres.kill();
        let begin = Instant::now();
        scene.is_down(Duration::from_secs(8)).await;
        eprintln!(
            "down, round {round}: {:?} for the first answers",
            begin.elapsed()
        );
        scene.is_down(Duration::from_secs(1)).await;
        scene.postgres.control(&["start"]);
        scene.heals().await;
    }
}

#[tokio::test]
async fn a_server_that_is_restarted_between_two_requests_costs_none_of_them() {
    let mut scene = Scene::set().await;

    scene.postgres.control(&["restart", "-m", "fast"]);

    // The broken connections are noticed when they are taken, and replaced.
    assert_eq!(publish(&scene.app, &Value::Null).await, (201, Some(2)));
    assert_eq!(scene.next().await, 2);
}

#[tokio::test]
async fn a_publisher_that_waits_for_the_log_in_vain_costs_no_session() {
    let mut scene = Scene::set().await;
    let url = scene.postgres.database("scene");
    let held = scene
        .postgres
        .hold(&url, "BEGIN; UPDATE log_head SET last_id = last_id");

    let waits = until("the publisher waits", DEADLINE, async || {
        let waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() \
                       AND wait_event_type = 'Lock' AND query LIKE '%campanile_append%'";
        scene.postgres.sql(&url, waiting).parse().ok()
    });
    let nothing = Value::Null;
    let (refused, pid): (_, u32) = tokio::join!(publish(&scene.app, &nothing), waits);
    drop(held);

    assert_eq!(refused, (503, None));
    scene.heals().await;
    let session = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}");
    assert_eq!(scene.postgres.sql(&url, &session), "1");
}

#[tokio::test]
async fn a_server_that_hangs_holds_nobody_for_long() {
    let mut scene = Scene::set().await;
    let processes = scene.postgres.processes();

    signal("-STOP", &processes);
    let begin = Instant::now();
    let (status, _) = publish(&scene.app, &json!("unknown")).await;
    assert_eq!(status, 503);
    assert!(
        begin.elapsed() < Duration::from_secs(12),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(scene.status("/healthz").await, 200);
    eprintln!("a hanging server: 503 after {:?}", begin.elapsed());
    signal("-CONT", &processes);

    scene.heals().await;
}
