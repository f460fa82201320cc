//! The time of the newest indexes on a filled database: they are dropped and made again.

use std::time::Instant;

use crate::error::Result;
use crate::growth::database::Database;
use crate::growth::results::{DatabaseKind, Migration};

pub(super) fn measure(database: &Database) -> Result<Vec<Migration>> {
    let (down, up) = match database.kind() {
        DatabaseKind::Sqlite => SQLITE,
        DatabaseKind::Postgres => POSTGRES,
    };
    database.sql(down)?;
    let lines: Vec<&str> = up.lines().filter(|line| !line.starts_with("--")).collect();
    let mut made = Vec::new();
    for statement in lines.join("\n").split(';').map(str::trim) {
        if statement.is_empty() {
            continue;
        }
        let begin = Instant::now();
        database.sql(statement)?;
        made.push(Migration {
            statement: statement.to_owned(),
            seconds: begin.elapsed().as_secs_f64(),
        });
    }
    Ok(made)
}

const SQLITE: (&str, &str) = (
    include_str!("../../../migrations/sqlite/2026-11-29-000000_index_what_is_mine/down.sql"),
    include_str!("../../../migrations/sqlite/2026-11-29-000000_index_what_is_mine/up.sql"),
);

const POSTGRES: (&str, &str) = (
    include_str!("../../../migrations/postgres/2026-11-29-000000_index_what_is_mine/down.sql"),
    include_str!("../../../migrations/postgres/2026-11-29-000000_index_what_is_mine/up.sql"),
);
