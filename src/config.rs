//! Every setting: its flag, variable, default and doc line. Secrets are not shown by `Debug`.

use std::net::SocketAddr;
use std::num::ParseIntError;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::alarm::{DisplayName, Role, UserId};
use crate::auth::Secret;
use crate::store::Location;

/// A notification hub: one HTTP request stores an alarm and shows it on every page it concerns.
#[derive(Debug, Parser)]
#[command(
    name = "campanile",
    version,
    about,
    args_conflicts_with_subcommands = true
)]
pub struct CommandLine {
    /// What to do; `serve` if nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The settings of `serve`.
    #[command(flatten)]
    pub serve: Config,
}

/// What the binary does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the hub; creates and migrates the database.
    Serve(Config),
    /// Print one JSON Web Token on stdout, nothing else.
    Token(TokenCommand),
    /// Administer accounts.
    User {
        /// What to do with them.
        #[command(subcommand)]
        command: UserCommand,
    },
}

/// `campanile token`.
#[derive(Debug, Args)]
pub struct TokenCommand {
    /// The user id the token speaks for.
    #[arg(long, value_name = "ID")]
    pub(crate) sub: UserId,
    /// What it may do: user, service or admin.
    #[arg(long)]
    pub(crate) role: Role,
    /// How long it is good.
    #[arg(long, default_value = "1h", value_parser = humantime::parse_duration)]
    pub ttl: Duration,
    /// Where the secret is.
    #[command(flatten)]
    pub secret: SecretSetting,
}

/// `campanile user …`.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add an account; the password is read from stdin.
    Add(UserAdd),
}

/// `campanile user add`.
#[derive(Debug, Args)]
pub struct UserAdd {
    /// The user id.
    pub(crate) id: UserId,
    /// What he may do: user, service or admin.
    #[arg(long)]
    pub(crate) role: Role,
    /// The name people see; by default the id.
    #[arg(long, value_name = "NAME")]
    pub(crate) display_name: Option<DisplayName>,
    /// Where the accounts are.
    #[command(flatten)]
    pub database: DatabaseSetting,
}

/// The settings of `campanile serve`.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Address to listen on; port 0 picks one, and the log names it.
    #[arg(
        long,
        env = "CAMPANILE_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "ADDRESS"
    )]
    pub listen: SocketAddr,
    /// Where everything is stored.
    #[command(flatten)]
    pub database: DatabaseSetting,
    /// What tokens are signed with.
    #[command(flatten)]
    pub secret: SecretSetting,
    /// May people create accounts on the login page [default: open on a loopback address, else closed].
    #[arg(long, env = "CAMPANILE_SIGNUP")]
    pub signup: Option<Signup>,
    /// `known`: a user must have an account; `any`: whoever a valid token names, or an alarm is addressed to, gets one.
    #[arg(long, env = "CAMPANILE_USERS", default_value = "known")]
    pub users: Users,
    /// Accept `?token=` on stream routes.
    #[arg(long, env = "CAMPANILE_QUERY_TOKEN", default_value = "on")]
    pub query_token: Switch,
    /// Silence after which a stream gets a heartbeat.
    #[arg(long, env = "CAMPANILE_HEARTBEAT_SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub heartbeat_seconds: u64,
    /// How many streams one user may have; more are answered 429.
    #[arg(long, env = "CAMPANILE_MAX_STREAMS_PER_USER", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_streams_per_user: u32,
    /// Life of a token given at sign-in.
    #[arg(long, env = "CAMPANILE_SESSION_TTL", default_value = "7d", value_parser = life)]
    pub session_ttl: Duration,
    /// Alarms older than this are pruned.
    #[arg(long, env = "CAMPANILE_RETENTION_DAYS", default_value = "90", value_parser = days)]
    pub retention_days: Days,
    /// Exact origins that other sites' pages may call from, comma separated.
    #[arg(
        long,
        env = "CAMPANILE_CORS_ORIGINS",
        value_delimiter = ',',
        value_name = "ORIGINS"
    )]
    pub cors_origins: Vec<Origin>,
    /// PEM file with the certificate chain; with the key, HTTPS with HTTP/2.
    #[arg(
        long,
        env = "CAMPANILE_TLS_CERT",
        value_name = "FILE",
        requires = "tls_key"
    )]
    pub tls_cert: Option<PathBuf>,
    /// PEM file with the private key.
    #[arg(
        long,
        env = "CAMPANILE_TLS_KEY",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    pub tls_key: Option<PathBuf>,
}

/// Where everything is stored.
#[derive(Debug, Clone, Args)]
pub struct DatabaseSetting {
    /// `sqlite://PATH` or `postgres://…`.
    #[arg(
        long = "database-url",
        env = "CAMPANILE_DATABASE_URL",
        default_value = "sqlite://campanile-data/campanile.db",
        value_name = "URL",
        hide_env_values = true
    )]
    pub url: DatabaseUrl,
}

/// What tokens are signed with.
#[derive(Debug, Clone, Args)]
pub struct SecretSetting {
    /// Secret that signs tokens, 32 bytes or more [default: generated once into campanile-data/jwt-secret].
    #[arg(long, env = "CAMPANILE_JWT_SECRET", value_name = "SECRET", hide_env_values = true, value_parser = Secret::parse)]
    pub(crate) jwt_secret: Option<Secret>,
}

/// Where the database is. Not shown by `Debug`: it may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Location);

/// Whether people may create accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Signup {
    /// They may.
    Open,
    /// They may not.
    Closed,
}

/// Who counts as a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Users {
    /// Those who have an account.
    Known,
    /// Whoever is named gets an account.
    Any,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// A number of days, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days(u32);

/// A web origin: scheme, host and port if it is not the scheme's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Config {
    /// Whether people may create accounts, by setting or by address.
    pub fn signup_is_open(&self) -> bool {
        let by_address = if self.listen.ip().is_loopback() {
            Signup::Open
        } else {
            Signup::Closed
        };
        self.signup.unwrap_or(by_address) == Signup::Open
    }

    /// Whether the hub itself speaks TLS.
    pub fn tls(&self) -> Option<(&PathBuf, &PathBuf)> {
        self.tls_cert.as_ref().zip(self.tls_key.as_ref())
    }

    /// The silence after which a stream gets a heartbeat.
    pub fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.heartbeat_seconds)
    }
}

impl DatabaseUrl {
    /// Which database, and where.
    pub(crate) fn location(&self) -> &Location {
        &self.0
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

impl Origin {
    /// The origin as browsers write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let host = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"));
        match host {
            Some(host) if !host.is_empty() && !host.contains(['/', '*', ' ', '@', '?', '#']) => {
                Ok(Self(text.to_ascii_lowercase()))
            }
            _ => Err("expected an exact origin such as https://www.example.com".to_owned()),
        }
    }
}

fn days(text: &str) -> Result<Days, String> {
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

fn life(text: &str) -> Result<Duration, String> {
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
    fn sign_up_is_open_on_a_loopback_address_and_closed_elsewhere() {
        let open = |args: &[&str]| {
            let line = CommandLine::try_parse_from([&["campanile"], args].concat()).unwrap();
            line.serve.signup_is_open()
        };

        assert!(open(&[]));
        assert!(!open(&["--listen", "0.0.0.0:8080"]));
        assert!(open(&["--listen", "0.0.0.0:8080", "--signup", "open"]));
        assert!(!open(&["--signup", "closed"]));
    }

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
