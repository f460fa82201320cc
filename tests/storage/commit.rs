//! A batch is committed in the round trip that writes it: what the server refuses of either is stored nowhere, acknowledged to
//! nobody, and leaves the hub able to go on.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::stored::{hub_with_stream, publish};
use crate::support::postgres::Postgres;
use crate::support::{DEADLINE, SseClient, TestApp, until};

struct Scene {
    url: String,
    app: TestApp,
    stream: SseClient,
}

impl Scene {
    /// A hub on a server that refuses some data with a trigger.
    async fn with(trigger: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = Postgres::shared().database_of(folder.path());
        let (app, stream) = hub_with_stream(&url).await;
        let function = "CREATE SEQUENCE refusals; \
             CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('refusals'); \
             RAISE EXCEPTION 'refused' USING ERRCODE = 'check_violation'; END $$";
        Postgres::shared().sql(&url, &format!("{function}; {trigger}"));
        Self { url, app, stream }
    }

    fn sql(&self, sql: &str) -> String {
        Postgres::shared().sql(&self.url, sql)
    }

    /// The process of the session that committed last.
    fn session(&self) -> String {
        self.sql(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%campanile_append%' \
             AND application_name <> 'psql' ORDER BY query_start DESC LIMIT 1",
        )
    }

    fn refusals(&self) -> u32 {
        let drawn = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM refusals";
        self.sql(drawn).parse().unwrap()
    }

    async fn next(&mut self) -> i64 {
        self.stream.next_named("alarm", DEADLINE).await.number()
    }
}

#[tokio::test]
async fn a_commit_that_is_refused_stores_nothing_and_gives_its_ids_to_the_next() {
    let mut scene = Scene::with(
        "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON alarms DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW WHEN (NEW.data = '\"refused\"') EXECUTE FUNCTION refuse()",
    )
    .await;
    assert_eq!(publish(&scene.app, &Value::Null).await, (201, Some(1)));

    for _attempt in 0..3 {
        let refused = publish(&scene.app, &json!("refused")).await;
        assert_eq!(refused, (500, None));
    }
    assert_eq!(publish(&scene.app, &Value::Null).await, (201, Some(2)));

    assert_eq!((scene.next().await, scene.next().await), (1, 2));
    let stored = "SELECT string_agg(id || data, ' ' ORDER BY id) FROM alarms";
    assert_eq!(scene.sql(stored), "1null 2null");
    assert_eq!(scene.sql("SELECT last_id FROM log_head"), "2");
}

#[tokio::test]
async fn a_row_that_is_refused_costs_neither_the_rest_of_its_batch_nor_the_session() {
    const EACH: usize = 10;
    let mut scene = Scene::with(
        "CREATE TRIGGER refuse BEFORE INSERT ON alarms FOR EACH ROW \
         WHEN (NEW.data = '\"refused\"') EXECUTE FUNCTION refuse()",
    )
    .await;
    assert_eq!(publish(&scene.app, &Value::Null).await, (201, Some(1)));
    let session = scene.session();

    // What comes while another batch is written is one batch, which is refused twice: in one statement, and in a transaction. Then each
    // of it is tried alone, in the same two ways.
    until("an alarm is refused four times", DEADLINE, async || {
        let before = scene.refusals();
        let mut all = vec![Value::Null; EACH];
        all[EACH / 2] = json!("refused");
        let answers = join_all(all.iter().map(|data| publish(&scene.app, data))).await;
        let mut statuses: Vec<u16> = answers.into_iter().map(|(status, _id)| status).collect();
        let refused = statuses.remove(EACH / 2);
        assert!(
            refused == 500 && statuses.iter().all(|one| *one == 201),
            "{refused}, {statuses:?}"
        );
        (scene.refusals() == before + 4).then_some(())
    })
    .await;

    let last: i64 = scene.sql("SELECT last_id FROM log_head").parse().unwrap();
    assert_eq!(scene.sql("SELECT count(*) FROM alarms"), last.to_string());
    for id in 1..=last {
        assert_eq!(scene.next().await, id);
    }
    let there = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {session}");
    assert_eq!(scene.sql(&there), "1");
}

#[tokio::test]
async fn a_server_with_stricter_transactions_by_default_stores_each_request_once() {
    let folder = tempfile::tempdir().unwrap();
    let url = Postgres::shared().database_of(folder.path());
    let stricter = "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = ''repeatable read''', \
         current_database()); END$$";
    Postgres::shared().sql(&url, stricter);
    let (app, mut stream) = hub_with_stream(&url).await;

    let repeated = (0..20).map(async |at| {
        let to_bob = json!({"to": {"user": "bob"}, "alarmType": "T"});
        let request = app.post(&app.service(), "/api/alarms");
        let keyed = request.header("Idempotency-Key", format!("key{}", at % 10));
        keyed.json(&to_bob).send().await.unwrap().status().as_u16()
    });
    let statuses = join_all(repeated).await;

    assert_eq!(statuses, [201; 20]);
    for id in 1..=10 {
        assert_eq!(stream.next_named("alarm", DEADLINE).await.number(), id);
    }
    let stored = Postgres::shared().sql(&url, "SELECT count(*) FROM alarms");
    assert_eq!(stored, "10");
}
