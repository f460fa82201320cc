//! The values of settings, each parsed once. Secrets are not shown by `Debug`.

use std::num::ParseIntError;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;

use crate::store::Location;

/// The place of the database. Not shown by `Debug`: it may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Location);

/// The right of people to create accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Signup {
    /// Every visitor may.
    Open,
    /// No visitor may.
    Closed,
}

/// The people who count as users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Users {
    /// Those who have an account.
    Known,
    /// Every user who is named gets an account.
    Any,
}

/// The types of alarms that may be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AlarmTypes {
    /// Every type.
    Any,
    /// Those that were declared, and the hub's own.
    Declared,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// The format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A line of text.
    Text,
    /// A JSON object a line.
    Json,
}

/// A number of days, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days(u32);

impl DatabaseUrl {
    /// The kind of the database and its place.
    pub(crate) fn location(&self) -> &Location {
        &self.0
    }

    /// True for a server, false for a file.
    pub(super) fn is_server(&self) -> bool {
        matches!(self.0, Location::Postgres(_))
    }
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        Location::parse(url).map(Self)
    }
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Location::Sqlite(path) => write!(formatter, "sqlite://{path}"),
            Location::Postgres(_) => formatter.write_str("postgres://…"),
        }
    }
}

impl Days {
    /// As a span of time.
    pub fn duration(self) -> Duration {
        Duration::from_hours(24 * u64::from(self.0))
    }
}

pub(super) fn days(text: &str) -> Result<Days, String> {
    let count: u32 = text
        .parse()
        .map_err(|cause: ParseIntError| cause.to_string())?;
    // A hundred years: more would not fit the arithmetic of times.
    if (1..=36_500).contains(&count) {
        Ok(Days(count))
    } else {
        Err("expected 1 to 36500 days".to_owned())
    }
}

pub(super) fn life(text: &str) -> Result<Duration, String> {
    let life = humantime::parse_duration(text).map_err(|cause| cause.to_string())?;
    let allowed = Duration::from_secs(1)..=Duration::from_hours(24 * 366);
    if allowed.contains(&life) {
        Ok(life)
    } else {
        Err("expected 1s to 366d".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_database_url_is_not_shown() {
        let shown = format!(
            "{:?}",
            "postgres://bob:sesame@db/hub"
                .parse::<DatabaseUrl>()
                .unwrap()
        );

        assert!(!shown.contains("sesame"));
    }
}
