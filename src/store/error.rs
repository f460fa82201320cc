//! What can go wrong in the store, named by what the caller can do about it.

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

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        let text = error.to_string();
        if text.contains("database or disk is full") || text.contains("No space left on device") {
            return Self::Full;
        }
        let passing = [
            "database is locked",
            "disk I/O error",
            "connection",
            "statement timeout",
            "unable to open database",
        ];
        match error {
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Self::Conflict,
            DieselError::DatabaseError(
                DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
                _,
            )
            | DieselError::BrokenTransactionManager => Self::Unavailable(text),
            _ if passing.iter().any(|part| text.contains(part)) => Self::Unavailable(text),
            _ => Self::Broken(text),
        }
    }
}

impl From<r2d2::Error> for StoreError {
    fn from(error: r2d2::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}
