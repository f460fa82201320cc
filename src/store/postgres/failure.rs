//! A server's failures by their SQLSTATE, whatever language its messages are in
//! (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).

use std::error::Error as _;
use std::io;

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use tokio_postgres::error::SqlState;

use crate::store::StoreError;
use crate::store::error::one_line;

/// The failure of a statement, as Diesel passes it on: by its kind where Diesel names it, and else as it is.
pub(super) fn of_statement(error: &tokio_postgres::Error) -> DieselError {
    match error.code().and_then(kind) {
        Some(kind) => DieselError::DatabaseError(kind, Box::new(told(error))),
        None => of(error).into(),
    }
}

/// A failure by what the caller can do about it.
pub(super) fn of(error: &tokio_postgres::Error) -> StoreError {
    let text = told(error);
    match error.code() {
        Some(code) => of_state(code, text),
        None if error.is_closed() || is_of_network(error) => StoreError::Unavailable(text),
        None => StoreError::Broken(text),
    }
}

/// True if the connection is of no use after that, though it may still be open: its server takes no writes.
pub(super) fn spoils(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        Some(code) => {
            *code == SqlState::READ_ONLY_SQL_TRANSACTION
                || is_of_another_session(code)
                // Of a prepared statement: its result would have other columns now.
                || *code == SqlState::FEATURE_NOT_SUPPORTED
                || matches!(class(code), "08" | "57P")
        }
        None => true,
    }
}

/// True if a statement was refused because one before it in its transaction had failed: there is a transaction to roll back.
pub(super) fn is_in_failed(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION)
}

/// True if the session is not the one in which statements were prepared: a pooler is between, or somebody has cleared it.
pub(super) fn is_of_another_session(code: &SqlState) -> bool {
    matches!(code.code(), "26000" | "42P05")
}

/// True if a server or a pooler may have refused a connection for the options that it asks for: not for its user, its database, the
/// number of connections, or for being about to start or stop.
pub(super) fn may_be_for_options(code: &SqlState) -> bool {
    !matches!(class(code), "28" | "3D" | "53" | "57P")
}

/// True if it is certain to have refused the options.
pub(super) fn is_for_options(code: &SqlState) -> bool {
    [
        SqlState::PROTOCOL_VIOLATION,
        SqlState::FEATURE_NOT_SUPPORTED,
    ]
    .contains(code)
}

/// The violations that the store tells apart by the kinds Diesel has for both databases.
fn kind(code: &SqlState) -> Option<DatabaseErrorKind> {
    Some(match code.code() {
        "23502" => DatabaseErrorKind::NotNullViolation,
        "23503" => DatabaseErrorKind::ForeignKeyViolation,
        UNIQUE_VIOLATION => DatabaseErrorKind::UniqueViolation,
        "23514" => DatabaseErrorKind::CheckViolation,
        _ => return None,
    })
}

fn of_state(code: &SqlState, text: String) -> StoreError {
    match code.code() {
        UNIQUE_VIOLATION => StoreError::Conflict,
        "53100" => StoreError::Full,
        _ if is_of_another_session(code) => StoreError::Unavailable(text),
        // A lock was not to be had; the server cancelled the statement; it takes no writes, being a standby or told so;
        // a transaction was idle for too long.
        "55P03" | "57014" | "25006" | "25P03" | "25P04" => StoreError::Unavailable(text),
        _ => match class(code) {
            // The connection, a transaction that lost against another, resources, the server's going, its disk.
            "08" | "40" | "53" | "57P" | "58" => StoreError::Unavailable(text),
            _ => StoreError::Broken(text),
        },
    }
}

/// The class of a code: its first two characters; of class 57 the part about a server that goes or is gone.
fn class(code: &SqlState) -> &str {
    let code = code.code();
    let length = if code.starts_with("57P") { 3 } else { 2 };
    code.get(..length).unwrap_or(code)
}

fn is_of_network(error: &tokio_postgres::Error) -> bool {
    error
        .source()
        .and_then(|cause| cause.downcast_ref::<io::Error>())
        .is_some_and(|cause| cause.kind() != io::ErrorKind::InvalidData)
}

/// The message with its causes, on one line of the log.
pub(super) fn told(error: &tokio_postgres::Error) -> String {
    if let Some(cause) = error.as_db_error() {
        let (severity, code) = (cause.severity(), cause.code().code());
        return one_line(&format!("{severity} {code}: {}", cause.message()));
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    one_line(&text)
}

const UNIQUE_VIOLATION: &str = "23505";

#[cfg(test)]
mod tests {
    use super::*;

    fn class_of(code: &str) -> StoreError {
        of_state(&SqlState::from_code(code), String::new())
    }

    #[test]
    fn each_state_has_its_class() {
        let unavailable = [
            "08000", "08001", "08003", "08004", "08006", "08P01", "25006", "25P03", "25P04",
            "40001", "40003", "40P01", "53000", "53200", "53300", "53400", "55P03", "57014",
            "57P01", "57P02", "57P03", "57P04", "57P05", "58000", "58030", "26000", "42P05",
        ];
        let broken = [
            "0A000", "22001", "22021", "23502", "23514", "25001", "25P02", "28P01", "3D000",
            "42601", "42703", "42P01", "42501", "55000", "57000", "XX000", "XX001", "ZZZZZ",
        ];

        for code in unavailable {
            assert!(
                matches!(class_of(code), StoreError::Unavailable(_)),
                "{code}"
            );
        }
        for code in broken {
            assert!(matches!(class_of(code), StoreError::Broken(_)), "{code}");
        }
        assert!(matches!(class_of("53100"), StoreError::Full));
        assert!(matches!(class_of("23505"), StoreError::Conflict));
    }

    /// PgBouncer answers 08P01, RDS Proxy 0A000, others whatever they like.
    #[test]
    fn a_connection_is_tried_without_options_after_all_refusals_that_may_be_for_them() {
        let of = |code: &str| {
            let code = SqlState::from_code(code);
            (may_be_for_options(&code), is_for_options(&code))
        };

        for code in ["08P01", "0A000"] {
            assert_eq!(of(code), (true, true), "{code}");
        }
        for code in ["XX000", "42704", "22023", "42501"] {
            assert_eq!(of(code), (true, false), "{code}");
        }
        for code in ["28P01", "28000", "3D000", "53300", "57P03"] {
            assert_eq!(of(code), (false, false), "{code}");
        }
    }

    #[test]
    fn what_diesel_has_a_kind_for_keeps_it() {
        let kinds = [
            ("23505", DatabaseErrorKind::UniqueViolation),
            ("23503", DatabaseErrorKind::ForeignKeyViolation),
            ("23502", DatabaseErrorKind::NotNullViolation),
            ("23514", DatabaseErrorKind::CheckViolation),
        ];

        for (code, expected) in kinds {
            let found = kind(&SqlState::from_code(code));
            assert_eq!(
                format!("{found:?}"),
                format!("{:?}", Some(expected)),
                "{code}"
            );
        }
        assert!(kind(&SqlState::from_code("53100")).is_none());
    }
}
