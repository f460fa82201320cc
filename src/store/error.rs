//! What can go wrong in the store, named by what the caller can do about it.

use std::io;

use diesel::result::{DatabaseErrorKind, Error as DieselError};

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
            DieselError::DatabaseError(
                DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::UnableToSendCommand
                | DatabaseErrorKind::SerializationFailure
                | DatabaseErrorKind::ReadOnlyTransaction,
                _,
            )
            | DieselError::BrokenTransactionManager => Self::Unavailable(one_line(&error)),
            _ => Self::of_text(one_line(&error)),
        }
    }
}

impl From<r2d2::Error> for StoreError {
    fn from(error: r2d2::Error) -> Self {
        Self::Unavailable(one_line(&error))
    }
}

impl StoreError {
    /// Neither driver gives its error codes away, so their words must do.
    fn of_text(text: String) -> Self {
        let says = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
        if says(NO_ROOM) {
            Self::Full
        } else if says(PASSING) {
            Self::Unavailable(text)
        } else {
            Self::Broken(text)
        }
    }
}

/// A database's message on one line of the log: libpq breaks and indents its own.
pub(super) fn one_line(error: &impl ToString) -> String {
    let text = error.to_string();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// SQLITE_FULL, and PostgreSQL's 53100.
const NO_ROOM: &[&str] = &["database or disk is full", "No space left on device"];

/// What a database says that may well work a moment later.
const PASSING: &[&str] = &[
    // SQLite
    "database is locked",
    "database table is locked",
    "disk I/O error",
    "unable to open database",
    "attempt to write a readonly database",
    // PostgreSQL and libpq
    "connection",
    "canceling statement",
    "could not connect",
    "could not receive data from server",
    "could not send data to server",
    "could not extend file",
    "could not fsync file",
    "could not write to file",
    "deadlock detected",
    "SSL SYSCALL error",
    "the database system is",
    "too many clients already",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> StoreError {
        let information = Box::new(text.to_owned());
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, information).into()
    }

    #[test]
    fn what_may_work_later_is_unavailable() {
        for text in [
            "database is locked",
            "disk I/O error",
            "server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally",
            "terminating connection due to administrator command",
            "FATAL:  the database system is starting up",
            "FATAL:  the database system is shutting down",
            "FATAL:  the database system is in recovery mode",
            "could not connect to server: Connection refused",
            "no connection to the server",
            "connection to server at \"127.0.0.1\", port 5432 failed: Connection refused",
            "canceling statement due to statement timeout",
            "canceling statement due to lock timeout",
            "FATAL:  sorry, too many clients already",
            "SSL SYSCALL error: EOF detected",
        ] {
            assert!(matches!(said(text), StoreError::Unavailable(_)), "{text}");
        }
    }

    #[test]
    fn a_full_disk_is_told_apart() {
        for text in [
            "database or disk is full",
            "could not extend file \"base/16384/2619\": No space left on device",
        ] {
            assert!(matches!(said(text), StoreError::Full), "{text}");
        }
    }

    #[test]
    fn a_commit_that_cannot_even_be_rolled_back_is_named_by_its_first_cause() {
        let unknown = |text: &str| {
            Box::new(DieselError::DatabaseError(
                DatabaseErrorKind::Unknown,
                Box::new(text.to_owned()),
            ))
        };
        let error = DieselError::RollbackErrorOnCommit {
            rollback_error: unknown("cannot rollback - no transaction is active"),
            commit_error: unknown("database or disk is full"),
        };

        assert!(matches!(StoreError::from(error), StoreError::Full));
    }

    #[test]
    fn anything_else_is_a_fault_and_told_on_one_line() {
        let StoreError::Broken(text) = said("no such table:\n\tusers") else {
            panic!("a fault");
        };

        assert_eq!(text, "no such table: users");
    }
}
