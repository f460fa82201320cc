//! The statements that a session has prepared. The server reads and plans such a text once; to plan a short statement takes
//! longer than to execute it. For that, the plan for all values must not look dearer than one for given values: a text that is given
//! lists says `unnest((SELECT $1))`, so that the planner takes both to be equally long.

use std::collections::HashMap;

use futures::future::join_all;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Statement};

#[derive(Default)]
pub(super) struct Statements(HashMap<String, State>);

/// The state of a text, by the times that it was answered.
enum State {
    /// It was answered once.
    Once,
    /// It was answered twice, and is to be prepared.
    Due(Vec<Type>),
    Prepared(Statement),
    /// The server refused to prepare it. It is asked as it is.
    Refused,
}

impl Statements {
    /// The statement of a text, if it is prepared.
    pub(super) fn of(&self, sql: &str, types: &[Type]) -> Option<Statement> {
        match self.0.get(sql) {
            Some(State::Prepared(statement)) if statement.params() == types => {
                Some(statement.clone())
            }
            _ => None,
        }
    }

    /// Notes that the server has answered a text. One that fails is not prepared: a table that is locked, say, would be waited
    /// for by that as well.
    pub(super) fn answered(&mut self, sql: &str, types: &[Type]) {
        if let Some(state) = self.0.get_mut(sql) {
            if matches!(state, State::Once) {
                *state = State::Due(types.to_vec());
            }
            return;
        }
        // A text with a value for each of many rows is hardly asked again.
        if sql.len() > MOST_BYTES || depends_on_values(sql) {
            return;
        }
        if self.0.len() >= MOST_STATEMENTS {
            self.0.retain(|_sql, state| !matches!(state, State::Once));
        }
        if self.0.len() < MOST_STATEMENTS {
            self.0.insert(sql.to_owned(), State::Once);
        }
    }

    pub(super) fn is_due(&self, sql: &str) -> bool {
        matches!(self.0.get(sql), Some(State::Due(_)))
    }

    pub(super) fn have_due(&self) -> bool {
        let mut states = self.0.values();
        states.any(|state| matches!(state, State::Due(_)))
    }

    /// Prepares what is due, in one round trip.
    pub(super) async fn prepare_due(&mut self, client: &Client) {
        let due = self.0.iter_mut().filter_map(|(sql, state)| match state {
            State::Due(types) => Some((sql, std::mem::take(types), state)),
            State::Once | State::Prepared(_) | State::Refused => None,
        });
        let prepared = due.map(async |(sql, types, state)| {
            *state = match client.prepare_typed(sql, &types).await {
                Ok(statement) => State::Prepared(statement),
                Err(_cause) => State::Refused,
            };
        });
        join_all(prepared).await;
    }
}

/// True if the best plan of a text depends on its values: the index of types is the best one for a rare type, and the index of
/// topics for a frequent one. A plan that is made without the values reads a whole topic for a rare type.
fn depends_on_values(sql: &str) -> bool {
    [r#""alarms"."alarm_type" = "#, r#""alarms"."target_id" = "#]
        .iter()
        .any(|condition| sql.contains(condition))
}

/// More than the store asks again and again. The server keeps the plans of each session.
const MOST_STATEMENTS: usize = 256;

/// More than any text of the store has that does not grow with its values.
const MOST_BYTES: usize = 4_096;
