//! The rows that a database is filled with, written in SQL: nearly all of them belong to others than those who ask.

use std::time::{Duration, UNIX_EPOCH};

use crate::error::Result;
use crate::growth::results::DatabaseKind;

/// The statements that fill the tables with so many alarms, and accounts, receipts, rooms, revocations and keys in proportion; each is a
/// transaction of its own. `near` has the last alarm of the log and no other, `full` every tenth. The older half was made long ago;
/// its alarms have the receipts.
pub(super) fn statements(kind: DatabaseKind, rows: u64) -> Result<Vec<String>> {
    let (now, half) = (MILLIS_NOW, rows / 2);
    let old = UNIX_EPOCH.elapsed()?.saturating_sub(AGE).as_millis();
    let others = (rows / 10).clamp(10, MOST_ACCOUNTS);
    let rooms = (rows / 100).clamp(10, MOST_ROOMS);
    let [receipts, users, all_rooms, revoked, keys] =
        [half, others, rooms, others, rows / 10].map(|count| numbers(kind, 1, count));
    let alarms = |first| {
        let some = numbers(kind, first, rows.min(first + AT_ONCE - 1));
        format!(
            "INSERT INTO alarms (id, topic, alarm_type, target_id, data, created_at)
             SELECT n, CASE WHEN n = {rows} THEN 'user:near' WHEN n % 10 = 3 THEN 'user:full' WHEN n % 50 = 1 THEN 'role:admin'
               WHEN n % 10 = 5 THEN 'room:r' || (n % {rooms}) ELSE 'user:other' || (n % {others}) END,
               CASE WHEN n = 3 THEN 'RARE' ELSE 'TYPE' || (n % 7) END, 'order' || (n / 10), '{{\"text\":\"hello\"}}',
               CASE WHEN n <= {half} THEN {old} ELSE {now} END {some};"
        )
    };
    let step = usize::try_from(AT_ONCE)?;
    let mut statements: Vec<String> = (1..=rows).step_by(step).map(alarms).collect();
    // Each revocation is told to other hubs, of which there are none.
    let (silent, loud) = match kind {
        DatabaseKind::Sqlite => ("", ""),
        DatabaseKind::Postgres => (
            "ALTER TABLE revoked_tokens DISABLE TRIGGER USER;",
            "ALTER TABLE revoked_tokens ENABLE TRIGGER USER;",
        ),
    };
    // In the order of their keys, so that a large table is filled from its begin to its end.
    statements.push(format!(
        "INSERT INTO receipts (user_id, alarm_id, seen_at) SELECT 'other' || (n % {others}), n, {now} {receipts} ORDER BY 1, 2;"
    ));
    statements.push(format!(
        "BEGIN;
         INSERT INTO users (id, display_name, role, inbox_start, seen_up_to, read_up_to, created_at, tokens_valid_from)
           SELECT 'other' || n, 'Other', 'user', 0, 0, 0, {now}, 0 {users} ORDER BY 1;
         INSERT INTO users (id, display_name, role, inbox_start, seen_up_to, read_up_to, created_at, tokens_valid_from)
           VALUES ('near', 'Near', 'user', 0, 0, 0, {now}, 0), ('full', 'Full', 'user', 0, 0, 0, {now}, 0);
         INSERT INTO rooms (id, name, created_at) SELECT 'r' || n, 'Room', {now} {all_rooms} ORDER BY 1;
         {silent} INSERT INTO revoked_tokens (token_id, expires_at) SELECT 'token' || n, {now} {revoked} ORDER BY 1; {loud}
         INSERT INTO idempotency_keys (publisher, idempotency_key, body_hash, first_id, alarm_count, created_at)
           SELECT 'shop', 'key' || n, '', n, 1, {now} {keys} ORDER BY 2;
         UPDATE log_head SET last_id = {rows};
         COMMIT;"
    ));
    Ok(statements)
}

/// `FROM` the numbers from one to another.
pub(crate) fn numbers(kind: DatabaseKind, first: u64, last: u64) -> String {
    match kind {
        DatabaseKind::Postgres => format!("FROM generate_series({first}, {last}) AS numbers (n)"),
        DatabaseKind::Sqlite => format!(
            "FROM (WITH RECURSIVE numbers (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}) \
             SELECT n FROM numbers)"
        ),
    }
}

/// Later than any day on which this runs, so that nothing is too old or expired.
pub(crate) const MILLIS_NOW: u64 = 4_000_000_000_000;

/// Alarms of one statement.
const AT_ONCE: u64 = 2_000_000;

const MOST_ACCOUNTS: u64 = 1_000_000;

const MOST_ROOMS: u64 = 100_000;

/// The age of the older half.
const AGE: Duration = Duration::from_secs(1_000 * 24 * 3_600);
