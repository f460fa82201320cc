//! The location of the database: parsing its URL, and hiding the password in it.

use std::path::PathBuf;

use crate::store::postgres::Address;

/// The kind and the address of the database.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// SQLite, by the path of its file.
    Sqlite(String),
    /// PostgreSQL, by the addresses of its servers.
    Postgres(Box<Address>),
}

impl Location {
    /// Reads a database URL.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        match url.split_once("://") {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.to_owned())),
            Some(("postgres" | "postgresql", _)) => {
                let address = Address::parse(url)?;
                Ok(Self::Postgres(Box::new(address)))
            }
            _ => Err("expected sqlite://PATH or postgres://…".to_owned()),
        }
    }

    /// The number of connections that write. SQLite allows one writer at a time: a queue in front of one connection is
    /// fair, SQLite's busy handler is not.
    pub(super) fn writer_count(&self) -> u32 {
        match self {
            Self::Sqlite(_) => 1,
            Self::Postgres(_) => 4,
        }
    }

    /// The file whose lock marks the database as in use by a hub. A PostgreSQL server may have several hubs, so it has
    /// none.
    pub(super) fn lock_file(&self) -> Option<PathBuf> {
        match self {
            Self::Sqlite(path) => Some(PathBuf::from(format!("{path}.lock"))),
            Self::Postgres(_) => None,
        }
    }

    /// Removes the passwords from a message that may quote the URL.
    pub(super) fn without_secrets(&self, message: String) -> String {
        match self {
            Self::Sqlite(_) => message,
            Self::Postgres(address) => address.without_secrets(message),
        }
    }
}

impl std::fmt::Debug for Location {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(formatter, "sqlite://{path}"),
            Self::Postgres(_) => formatter.write_str("postgres://…"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_opened_by_its_path_and_locked_beside_it() {
        let file = Location::parse("sqlite://data/hub.db").expect("a location");
        let server = Location::parse("postgres://db/hub").expect("a location");

        assert_eq!(file, Location::Sqlite("data/hub.db".to_owned()));
        assert_eq!(file.lock_file(), Some(PathBuf::from("data/hub.db.lock")));
        assert_eq!(server.lock_file(), None);
    }

    #[test]
    fn no_other_database_is_known_and_no_password_is_shown() {
        let server = Location::parse("postgresql://hub:sesame@db/hub").expect("a location");

        assert_eq!(format!("{server:?}"), "postgres://…");
        for url in ["mysql://db/hub", "sqlite://", "hub.db", ""] {
            assert!(Location::parse(url).is_err(), "{url}");
        }
    }
}
