//! The values of settings, each parsed once. Secrets are not shown by `Debug`.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
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
    // A hundred years: more would not fit the arithmetic of times.
    let count: u32 = one_of(text, &(1..=36_500))?;
    Ok(Days(count))
}

pub(super) fn life(text: &str) -> Result<Duration, String> {
    let allowed = Duration::from_secs(1)..=Duration::from_hours(24 * 366);
    let life = humantime::parse_duration(text).ok();
    life.filter(|life| allowed.contains(life))
        .ok_or_else(|| "expected 1s to 366d, such as 7d, 12h or 30m".to_owned())
}

/// A span of time without bounds of its own.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let span = humantime::parse_duration(text);
    span.map_err(|_cause| "expected a time such as 90d, 12h or 30m".to_owned())
}

/// An address of this machine, and a port.
pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_cause| {
        "expected an IP address and a port, such as 127.0.0.1:8080 or [::]:8080".to_owned()
    })
}

/// Parses a whole number of a range.
pub(super) fn whole<T: TryFrom<u64>>(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| one_of(text, &range)
}

fn one_of<T: TryFrom<u64>>(text: &str, range: &RangeInclusive<u64>) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    let number = number.and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| {
        let (least, most) = (range.start(), range.end());
        format!("expected a whole number from {least} to {most}")
    })
}

/// The greatest number of a setting that has no bound of its own.
pub(super) const MOST: u64 = u32::MAX as u64;

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
