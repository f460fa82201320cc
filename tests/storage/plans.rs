//! The plans by which a database answers the hub: no request reads a table from end to end, or sorts what an index has in
//! order, so that its cost does not grow with what belongs to others.

use diesel::connection::SimpleConnection;
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::stored::database_file;
use crate::support::postgres::Postgres;
use crate::support::{AppBuilder, DEADLINE, TestApp, on_postgres};

/// Enough rows that a planner prefers an index.
const ROWS: i64 = 40_000;

/// Alarms for many others, for everyone and in rooms, with receipts, accounts and revocations of others.
fn fill(app: &TestApp, first: i64) {
    let last = first + ROWS - 1;
    let ids = if on_postgres() {
        format!("WITH ids AS (SELECT generate_series({first}, {last}) AS id)")
    } else {
        format!(
            "WITH RECURSIVE ids(id) AS (SELECT {first} UNION ALL SELECT id + 1 FROM ids WHERE id < {last})"
        )
    };
    let now = i64::MAX / 2_000_000;
    let sql = format!(
        "{ids} INSERT INTO alarms (id, topic, alarm_type, target_id, data, created_at)
           SELECT id, CASE id % 50 WHEN 0 THEN 'everyone' WHEN 1 THEN 'room:attic' WHEN 2 THEN 'role:admin'
             ELSE 'user:other' || (id % 1000) END, 'TYPE' || (id % 7), 'order' || (id % 100), '{{}}', {now} FROM ids;
         {ids} INSERT INTO receipts (user_id, alarm_id, seen_at) SELECT 'other' || (id % 1000), id, {now} FROM ids;
         {ids} INSERT INTO users (id, display_name, role, inbox_start, seen_up_to, read_up_to, created_at, tokens_valid_from)
           SELECT 'other' || id, 'Other', 'user', 0, 0, 0, {now}, 0 FROM ids;
         {ids} INSERT INTO rooms (id, name, created_at) SELECT 'room' || id, 'Room', {now} FROM ids;
         {ids} INSERT INTO revoked_tokens (token_id, expires_at) SELECT 'token' || id, {now} FROM ids WHERE id % 20 = 0;
         {ids} INSERT INTO idempotency_keys (publisher, idempotency_key, body_hash, first_id, alarm_count, created_at)
           SELECT 'shop', 'key' || id, '', id, 1, {now} FROM ids;
         UPDATE log_head SET last_id = {last};"
    );
    run(app, &sql);
    if on_postgres() {
        run(app, "ANALYZE");
    }
}

fn run(app: &TestApp, sql: &str) {
    if on_postgres() {
        let postgres = Postgres::shared();
        postgres.sql(&postgres.database_of(app.folder()), sql);
    } else {
        open(app).batch_execute(sql).expect("rows of others");
    }
}

fn open(app: &TestApp) -> SqliteConnection {
    let file = database_file(app);
    SqliteConnection::establish(file.to_str().expect("UTF-8")).expect("the database")
}

/// Has the server log the plan of each statement in the sessions that follow.
fn log_plans(app: &TestApp, mode: &str) {
    if on_postgres() {
        for setting in [
            "session_preload_libraries = 'auto_explain'",
            "auto_explain.log_min_duration = 0",
            "auto_explain.log_nested_statements = on",
            &format!("plan_cache_mode = {mode}"),
        ] {
            let sql = format!(
                "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET {}', current_database()); END$$",
                setting.replace('\'', "''")
            );
            run(app, &sql);
        }
    }
}

/// Everything a person, a back end and an admin ask often.
async fn ask_everything(app: &TestApp, bob: &str) {
    let (service, admin) = (app.service(), app.admin());
    for path in [
        "/api/stream?cursor=1&room=hall",
        "/api/stream?cursor=1&rooms=all",
    ] {
        let mut stream = app.connected(bob, path).await;
        stream.next_named("alarm", DEADLINE).await;
    }
    let mut everything = app
        .connected(&service, "/api/stream?topic=*&cursor=1")
        .await;
    everything.next_named("alarm", DEADLINE).await;
    let mine = app.publish(json!({"user": "bob"}), "MINE").await;
    let hall = json!({"to": {"room": "hall"}, "alarmType": "MINE"});
    let keyed = app
        .post(&service, "/api/alarms")
        .header("Idempotency-Key", "one");
    done(keyed.json(&hall)).await;
    for path in [
        "/api/alarms?limit=20",
        "/api/alarms?alarmType=TYPE3",
        "/api/alarms?status=unread",
        "/api/alarms/top",
        "/api/rooms/hall/messages",
        "/api/auth/me",
    ] {
        done(app.get(bob, path)).await;
    }
    ask_as_admin(app, &admin).await;
    done(app.post(bob, &format!("/api/alarms/{mine}/read"))).await;
    done(
        app.post(bob, "/api/alarms/seen")
            .json(&json!({"upTo": mine})),
    )
    .await;
    done(
        app.post(bob, "/api/alarms/read")
            .json(&json!({"upTo": mine})),
    )
    .await;
    done(app.delete(bob, "/api/alarms?targetId=order7&alarmType=TYPE3")).await;
    for user in ["", "&user=bob"] {
        let path = format!("/api/alarms?targetId=order7&alarmType=TYPE3{user}");
        done(app.delete(&service, &path)).await;
    }
    done(app.post(bob, "/api/auth/logout")).await;
    let erin = app.put(&admin, "/api/users/erin");
    done(erin.json(&json!({"role": "admin"}))).await;
    done(app.delete(&admin, "/api/users/erin")).await;
    done(app.post(&service, "/api/users/bob/sign-out")).await;
    done(app.delete(&service, "/api/users/bob")).await;
}

async fn ask_as_admin(app: &TestApp, admin: &str) {
    for path in ["/api/admin/alarms", "/api/admin/users/bob"] {
        done(app.get(admin, path)).await;
    }
    for to in [
        json!({"role": "admin"}),
        json!({"everyone": true}),
        json!({"user": "bob"}),
    ] {
        let id = app.publish(to, "TOLD").await;
        done(app.get(admin, &format!("/api/admin/alarms/{id}/delivery"))).await;
    }
    let everyone = json!({"to": {"everyone": true}});
    let audience = app.post(admin, "/api/admin/audience").json(&everyone);
    let answer = audience.send().await.expect("an answer");
    let audience: Value = answer.json().await.expect("JSON");
    assert!(audience["accounts"].as_i64() > Some(ROWS), "{audience}");
}

async fn done(request: RequestBuilder) {
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    let body = answer.text().await.expect("a body");
    assert!(status.is_success(), "{body}");
}

#[tokio::test]
async fn no_request_reads_a_table_from_end_to_end() {
    check_the_plans("force_custom_plan").await;
    // A server plans a statement that stays prepared without its values. Both log to one file, so one comes after the other.
    if on_postgres() {
        check_the_plans("force_generic_plan").await;
    }
}

async fn check_the_plans(mode: &str) {
    let mut app = AppBuilder::default()
        .env("RUST_LOG", "info,campanile::store::connection=trace")
        .spawn()
        .await;
    let bob = app.user("bob").await;
    app.room("hall").await;
    let first = app.publish(json!({"user": "bob"}), "FIRST").await;
    let early = app.publish(json!({"room": "hall"}), "FIRST").await;
    assert_eq!(early, first + 1);
    app.stop().await;
    fill(&app, early + 1);
    log_plans(&app, mode);
    app.restart().await;
    let before = statements_log(&app).len();

    ask_everything(&app, &bob).await;
    app.stop().await;

    let log = statements_log(&app);
    let asked = log.get(before..).unwrap_or_default();
    let plans = if on_postgres() {
        plans_of_server(asked)
    } else {
        plans_of_file(&app, asked)
    };
    assert!(plans.len() > 20, "{plans:#?}");
    let is_of_a_type = |(statement, _plan): &&(String, String)| statement.contains("unlikely(");
    let of_a_type = plans.iter().filter(is_of_a_type).count();
    assert!(on_postgres() || of_a_type > 0, "{plans:#?}");
    // One within the function that appends.
    let is_within = |(statement, _plan): &(String, String)| statement.contains("(SELECT new_keys)");
    assert!(!on_postgres() || plans.iter().any(is_within), "{plans:#?}");
    for (statement, plan) in plans {
        let scan = plan.lines().find(|line| reads_a_table(line));
        let of_the_end = statement.contains(NEWEST_OF_THE_LOG);
        assert!(scan.is_none() || of_the_end, "{statement}\n{plan}");
        assert!(!plan.contains("USE TEMP B-TREE"), "{statement}\n{plan}");
        let by_type = plan.contains("alarms_by_type (topic=? AND alarm_type=?");
        assert!(
            by_type || !statement.contains("unlikely("),
            "{statement}\n{plan}"
        );
        // A topic is read along its index, and not among all alarms between two ids.
        let condition = statement.split(" WHERE ").nth(1).unwrap_or_default();
        let among_all = plan.contains("INTEGER PRIMARY KEY (rowid>");
        assert!(
            !among_all || !condition.contains("topic"),
            "{statement}\n{plan}"
        );
        // A server knows the receipts of an alarm for everyone by their user, too.
        let of_others = plan.contains("receipts_by_alarm") && plan.contains("Filter: (user_id");
        assert!(!of_others, "{statement}\n{plan}");
    }
}

#[tokio::test]
async fn a_replay_reads_as_little_far_from_the_head_as_near_it() {
    let mut app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.room("hall").await;
    let first = app.publish(json!({"user": "bob"}), "FIRST").await;
    app.stop().await;
    fill(&app, first + 1);
    run(
        &app,
        "UPDATE alarms SET topic = 'user:other1' WHERE topic = 'everyone'",
    );
    app.restart().await;
    let last = app.publish(json!({"user": "bob"}), "LAST").await;

    let mut reads = Vec::new();
    for cursor in [first, last - 1_000] {
        let before = app.figure(REPLAY_READS).await;
        let path = format!("/api/stream?room=hall&cursor={cursor}");
        let mut stream = app.connected(&bob, &path).await;
        let replayed = stream.next_named("alarm", DEADLINE).await.number();
        assert_eq!(replayed, last, "after {cursor}");
        reads.push(app.figure(REPLAY_READS).await - before);
    }

    assert_eq!(reads[0], reads[1], "far and near");
}

const REPLAY_READS: &str = "campanile_store_reads_total{kind=\"replay\"}";

/// The newest rows are read from the end of the table, as many as are asked for: SQLite calls that a scan.
const NEWEST_OF_THE_LOG: &str = "`expires_at` > ?)) ORDER BY `alarms`.`id` DESC LIMIT ?";

/// True for the step of a plan that reads a table that grows from end to end.
fn reads_a_table(step: &str) -> bool {
    let step = step.trim_start_matches(['\t', ' ', '-', '>']);
    let table = step
        .strip_prefix("SCAN ")
        .or_else(|| step.strip_prefix("Seq Scan on "));
    let name = table.and_then(|table| table.split(' ').next());
    name.is_some_and(|name| {
        [
            "alarms",
            "receipts",
            "users",
            "rooms",
            "revoked_tokens",
            "idempotency_keys",
        ]
        .contains(&name)
    })
}

fn statements_log(app: &TestApp) -> String {
    if on_postgres() {
        Postgres::shared().log()
    } else {
        app.log()
    }
}

/// The plans that the server has logged, with their statements.
fn plans_of_server(log: &str) -> Vec<(String, String)> {
    let mut plans = Vec::new();
    for entry in log.split("Query Text: ").skip(1) {
        let mut lines = entry.lines();
        let statement = lines.next().unwrap_or_default().to_owned();
        let plan: Vec<&str> = lines.take_while(|line| line.starts_with('\t')).collect();
        plans.push((statement, plan.join("\n")));
    }
    plans
}

/// The plans of the statements that the hub has logged.
fn plans_of_file(app: &TestApp, log: &str) -> Vec<(String, String)> {
    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = diesel::sql_types::Text)]
        detail: String,
    }
    let mut connection = open(app);
    let statements = log
        .lines()
        .filter_map(|line| line.split_once("campanile::store::connection] "));
    let mut statements: Vec<&str> = statements.map(|(_, statement)| statement).collect();
    statements.sort_unstable();
    statements.dedup();
    let explained = statements.into_iter().filter(|statement| {
        let word = statement.split(' ').next().unwrap_or_default();
        ["SELECT", "UPDATE", "DELETE", "INSERT"].contains(&word)
    });
    let explain = |statement: &str| {
        let explain = format!("EXPLAIN QUERY PLAN {statement}");
        let steps = diesel::sql_query(explain).load::<Step>(&mut connection);
        let steps = steps.unwrap_or_else(|cause| panic!("{statement}: {cause}"));
        let steps: Vec<String> = steps.into_iter().map(|step| step.detail).collect();
        (statement.to_owned(), steps.join("\n"))
    };
    explained.map(explain).collect()
}
