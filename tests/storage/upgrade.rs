//! An upgrade while an older hub publishes on the same server.

use std::path::Path;

use crate::support::postgres::Postgres;
use crate::support::{AppBuilder, DEADLINE, until};

/// The versions of the schema of the older hub.
const OLD: [&str; 2] = [
    "2026-11-22-000000_create_log",
    "2026-11-25-000000_count_account_changes",
];

/// The schema as an older hub left it.
fn migrate_as_before(url: &str) {
    let postgres = Postgres::shared();
    let done = "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, \
                run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)";
    postgres.sql(url, done);
    for version in OLD {
        let file = Path::new("migrations/postgres")
            .join(version)
            .join("up.sql");
        postgres.sql(url, &std::fs::read_to_string(file).unwrap());
        let number: String = version
            .chars()
            .take_while(|one| *one != '_')
            .filter(char::is_ascii_digit)
            .collect();
        let row = format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{number}')");
        postgres.sql(url, &row);
    }
}

/// Transactions that take their locks in the order in which an append does, one after the other, so that one is nearly always under
/// way; they end when there is a table `enough`.
fn publishing() -> String {
    "DO $$ BEGIN \
        WHILE to_regclass('enough') IS NULL LOOP \
            UPDATE log_head SET last_id = last_id; \
            PERFORM pg_sleep(0.05); \
            PERFORM id FROM users WHERE id = 'bob'; \
            INSERT INTO alarms (id, topic, alarm_type, data, created_at) \
                SELECT last_id + 1, 'user:bob', 'T', '1', 0 FROM log_head; \
            UPDATE log_head SET last_id = last_id + 1; \
            COMMIT; \
        END LOOP; \
     END $$"
        .to_owned()
}

#[tokio::test]
async fn an_upgrade_beside_a_hub_that_publishes_ends_neither() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = Postgres::shared();
    let url = postgres.database_of(folder.path());
    migrate_as_before(&url);
    let publishers = [(); 3].map(|()| postgres.run_beside(&url, &publishing()));

    let hub = AppBuilder::default()
        .env("CAMPANILE_DATABASE_URL", &url)
        .spawn()
        .await;

    postgres.sql(&url, "CREATE TABLE enough ()");
    for mut publisher in publishers {
        assert!(publisher.wait().unwrap().success(), "an append failed");
    }
    hub.user("bob").await;
}

/// A transaction that takes its locks as pruning does, the log last: when the migration has the log, and waits for the alarms.
const PRUNING: &str = "SET deadlock_timeout = '1min'; \
     DO $$ BEGIN \
        DELETE FROM alarms WHERE id = 0; \
        WHILE NOT EXISTS (SELECT FROM pg_locks WHERE relation = 'alarms'::regclass AND NOT granted) LOOP \
            PERFORM pg_sleep(0.02); \
        END LOOP; \
        UPDATE log_head SET pruned_up_to = pruned_up_to; \
     END $$";

#[tokio::test]
async fn an_upgrade_that_the_server_ends_because_of_a_deadlock_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = Postgres::shared();
    let url = postgres.database_of(folder.path());
    migrate_as_before(&url);
    let mut pruning = postgres.run_beside(&url, PRUNING);
    until("it prunes", DEADLINE, async || {
        let locked = "SELECT count(*) > 0 FROM pg_locks WHERE relation = 'alarms'::regclass \
                      AND mode = 'RowExclusiveLock'";
        (postgres.sql(&url, locked) == "t").then_some(())
    })
    .await;

    let hub = AppBuilder::default()
        .env("CAMPANILE_DATABASE_URL", &url)
        .spawn()
        .await;

    assert!(hub.log().contains("the migrations are tried again"));
    assert!(pruning.wait().unwrap().success());
    hub.user("bob").await;
}
