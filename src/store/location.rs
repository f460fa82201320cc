//! The location of the database: parsing its URL, and hiding the password in it.

use std::path::PathBuf;

/// The kind and the address of the database.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// SQLite, by the path of its file.
    Sqlite(String),
    /// PostgreSQL, by its URL.
    Postgres(String),
}

impl Location {
    /// The URL a connection is opened with. Time limits are added for every wait for a server, unless the URL sets
    /// them.
    pub(super) fn connection_url(&self) -> String {
        let url = match self {
            Self::Sqlite(path) => return path.clone(),
            Self::Postgres(url) => url,
        };
        let query = url.split_once('?').map_or("", |(_, query)| query);
        let mut complete = url.clone();
        let mut separator = match query {
            "" => '?',
            _ => '&',
        };
        if query.is_empty() && url.ends_with('?') {
            complete.pop();
        }
        for (name, value) in CONNECTION_DEFAULTS {
            let given = query
                .split('&')
                .any(|pair| pair.split('=').next() == Some(*name));
            if !given {
                complete.push(separator);
                complete.push_str(name);
                complete.push('=');
                complete.push_str(value);
                separator = '&';
            }
        }
        complete
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

    /// True if a failure to connect may pass, because the server is still starting.
    pub(super) fn may_come_up(&self, cause: &str) -> bool {
        matches!(self, Self::Postgres(_)) && NOT_YET.iter().any(|part| cause.contains(part))
    }

    /// Removes the passwords from a message that may quote the URL, as libpq does with a URL it cannot parse.
    pub(super) fn without_secrets(&self, message: String) -> String {
        let Self::Postgres(url) = self else {
            return message;
        };
        let secrets = passwords(url);
        if secrets.iter().any(|secret| secret.contains(RESERVED)) {
            return "the URL cannot be used; a password in it must be percent-encoded".to_owned();
        }
        secrets
            .iter()
            .filter(|secret| !secret.is_empty())
            .fold(message, |shown, secret| shown.replace(secret, "…"))
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

/// Every part of a URL that may be a password. In a malformed URL this is more than necessary.
fn passwords(url: &str) -> Vec<&str> {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let before_host = after_scheme.rsplit_once('@').map(|(info, _)| info);
    let in_front = before_host
        .and_then(|info| info.split_once(':'))
        .map(|(_, password)| password);
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let named = query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("password="));
    in_front.into_iter().chain(named).collect()
}

/// Characters that, in a password, make libpq parse the URL differently.
const RESERVED: &[char] = &['@', '/', '?', '#', ':', '['];

/// With these, a server that disappeared is noticed after about 10 seconds, and one that does not accept a connection
/// after 3.
const CONNECTION_DEFAULTS: &[(&str, &str)] = &[
    ("application_name", "campanile"),
    ("connect_timeout", "3"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "2"),
    ("tcp_user_timeout", "10000"),
];

/// The messages of libpq that mean that the server is still starting.
const NOT_YET: &[&str] = &[
    "Connection refused",
    "No route to host",
    "No such file or directory",
    "Network is unreachable",
    "could not translate host name",
    "server closed the connection",
    "the database system is",
    "timeout expired",
    "too many clients",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn postgres(url: &str) -> Location {
        Location::Postgres(url.to_owned())
    }

    #[test]
    fn every_wait_for_a_server_is_bounded_unless_the_url_says_otherwise() {
        let plain = postgres("postgres://hub@db/hub").connection_url();
        let chosen = postgres("postgres://hub@db/hub?sslmode=require&connect_timeout=30");
        let chosen = chosen.connection_url();

        assert!(
            plain
                .starts_with("postgres://hub@db/hub?application_name=campanile&connect_timeout=3&"),
            "{plain}"
        );
        assert!(
            chosen.contains("?sslmode=require&connect_timeout=30&application_name=campanile&"),
            "{chosen}"
        );
        assert_eq!(chosen.matches("connect_timeout").count(), 1, "{chosen}");
    }

    #[test]
    fn a_file_is_opened_by_its_path_and_locked_beside_it() {
        let file = Location::Sqlite("data/hub.db".to_owned());

        assert_eq!(file.connection_url(), "data/hub.db");
        assert_eq!(file.lock_file(), Some(PathBuf::from("data/hub.db.lock")));
        assert_eq!(postgres("postgres://db/hub").lock_file(), None);
    }

    #[test]
    fn a_password_is_shown_in_no_message() {
        for url in [
            "postgres://hub:sesame@db/hub",
            "postgres://hub:sesame@[db/hub",
            "postgres://db/hub?user=hub&password=sesame",
            "postgres://hub:ses/ame@db/hub",
            "postgres://hub:ses@ame@db/hub",
        ] {
            let quoted =
                format!("cannot read {url:?}: no such host \"sesame\", \"ses\" or \"ame@db\"");

            let shown = postgres(url).without_secrets(quoted);

            let secret = if url.contains("sesame") {
                "sesame"
            } else {
                "ame"
            };
            assert!(!shown.contains(secret), "{url}: {shown}");
            assert!(!format!("{:?}", postgres(url)).contains(secret), "{url}");
        }
    }

    #[test]
    fn a_message_without_secrets_is_shown_as_it_is() {
        let message = "connection to server at \"db\" failed: Connection refused".to_owned();

        let shown = postgres("postgres://hub:sesame@db/hub?sslmode=require")
            .without_secrets(message.clone());

        assert_eq!(shown, message);
    }

    #[test]
    fn a_server_that_starts_is_waited_for_and_a_wrong_password_is_not() {
        let server = postgres("postgres://hub@db/hub");

        assert!(server.may_come_up("connection to server failed: Connection refused"));
        assert!(server.may_come_up("FATAL: the database system is starting up"));
        assert!(!server.may_come_up("FATAL: password authentication failed for user \"hub\""));
        assert!(!Location::Sqlite("x".to_owned()).may_come_up("No such file or directory"));
    }
}
