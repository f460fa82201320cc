//! The errors of the store, named by what the caller can do about them.

use std::io;

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::store::sqlite::{self, Failure};

/// A failed read or write.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is already something of that name.
    #[error("it exists already")]
    Conflict,
    /// The database does not answer now; later may work.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The disk has no room.
    #[error("the disk is full")]
    Full,
    /// A fault of the program or of the file.
    #[error("the database refused the work: {0}")]
    Broken(String),
}

/// Why the database could not be opened, in words for the person who started the hub.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another hub serves this file. Two would each give out the ids of one log.
    #[error("another campanile serves {path}")]
    InUse {
        /// The database file.
        path: String,
    },
    /// Hubs use this server.
    #[error("a campanile uses this database: stop all of them first")]
    Served,
    /// A later version has changed the database.
    #[error("the database needs campanile {needs} or later, and this is {}", env!("CARGO_PKG_VERSION"))]
    TooOld {
        /// The lowest version that may use it.
        needs: String,
    },
    /// A file beside the database.
    #[error("{path}: {cause}")]
    File {
        /// Which.
        path: String,
        /// Why not.
        cause: io::Error,
    },
    /// It did not answer, or not as one.
    #[error("{0}")]
    Connect(String),
    /// It answers, and refuses what the hub needs.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        match error {
            // Why the rollback failed as well is only the consequence.
            DieselError::RollbackErrorOnCommit { commit_error, .. } => Self::from(*commit_error),
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Self::Conflict,
            DieselError::BrokenTransactionManager => Self::Unavailable(one_line(&error)),
            // From PostgreSQL, classified already.
            DieselError::QueryBuilderError(cause) => match cause.downcast::<Self>() {
                Ok(classified) => *classified,
                Err(other) => Self::Broken(one_line(&other)),
            },
            // PostgreSQL's kinds are all faults; from SQLite only the text comes.
            DieselError::DatabaseError(DatabaseErrorKind::Unknown, information) => {
                let text = information.message();
                match sqlite::classify(text) {
                    Failure::Full => Self::Full,
                    Failure::Passing => Self::Unavailable(one_line(&text)),
                    Failure::Fault => Self::Broken(one_line(&text)),
                }
            }
            _ => Self::Broken(one_line(&error)),
        }
    }
}

/// Diesel's own errors carry no SQLSTATE, so what is classified goes through it as the cause of one of them.
impl From<StoreError> for DieselError {
    fn from(error: StoreError) -> Self {
        Self::QueryBuilderError(Box::new(error))
    }
}

impl From<r2d2::Error> for StoreError {
    fn from(error: r2d2::Error) -> Self {
        Self::Unavailable(one_line(&error))
    }
}

impl StoreError {
    /// The cause alone.
    pub(super) fn text(self) -> String {
        match self {
            Self::Unavailable(text) | Self::Broken(text) => text,
            Self::Conflict | Self::Full => self.to_string(),
        }
    }
}

/// A database's message on one line of the log.
pub(super) fn one_line(error: &impl ToString) -> String {
    let text = error.to_string();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(text: &str) -> DieselError {
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(text.to_owned()))
    }

    #[test]
    fn a_commit_that_cannot_even_be_rolled_back_is_named_by_its_first_cause() {
        let error = DieselError::RollbackErrorOnCommit {
            rollback_error: Box::new(unknown("cannot rollback - no transaction is active")),
            commit_error: Box::new(unknown("database or disk is full")),
        };

        assert!(matches!(StoreError::from(error), StoreError::Full));
    }

    #[test]
    fn what_was_classified_comes_through_diesel_as_it_was() {
        for classified in ["Full", "Conflict", "Unavailable(\"x\")", "Broken(\"x\")"] {
            let error = match classified {
                "Full" => StoreError::Full,
                "Conflict" => StoreError::Conflict,
                "Broken(\"x\")" => StoreError::Broken("x".to_owned()),
                _ => StoreError::Unavailable("x".to_owned()),
            };

            let through = StoreError::from(DieselError::from(error));

            assert_eq!(format!("{through:?}"), classified);
        }
    }

    #[test]
    fn anything_else_is_a_fault_and_told_on_one_line() {
        let StoreError::Broken(text) = unknown("no such table:\n\tusers").into() else {
            panic!("a fault");
        };

        assert_eq!(text, "no such table: users");
    }
}
