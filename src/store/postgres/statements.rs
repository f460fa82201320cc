//! The statements that a session has prepared. The server reads and plans such a text once; to plan a short statement takes
//! longer than to execute it.

use std::collections::HashMap;

use futures::future::join_all;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Statement};

#[derive(Default)]
pub(super) struct Statements(HashMap<String, State>);

/// What a text has come to.
enum State {
    /// It was asked once, and is to be prepared.
    Due(Vec<Type>),
    Prepared(Statement),
    /// The server refused to prepare it. It is asked as it is.
    Refused,
}

impl Statements {
    /// The statement of a text, if it is prepared. From its first use on it is to be.
    pub(super) fn of(&mut self, sql: &str, types: &[Type]) -> Option<Statement> {
        match self.0.get(sql) {
            Some(State::Prepared(statement)) => {
                (statement.params() == types).then(|| statement.clone())
            }
            Some(State::Due(_) | State::Refused) => None,
            None => {
                if self.0.len() < MOST_STATEMENTS {
                    let due = State::Due(types.to_vec());
                    self.0.insert(sql.to_owned(), due);
                }
                None
            }
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
            State::Prepared(_) | State::Refused => None,
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

/// More than the store has texts. The server keeps the plans of each session.
const MOST_STATEMENTS: usize = 256;
