//! Every setting: its flag, variable, default and doc line. Secrets are not shown by `Debug`.

mod api_keys;
mod commands;
mod environment;
mod mercure;
mod values;

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::alarm::{Role, UserId};
use crate::auth::Secret;
use crate::config::values::{MOST, days, life, listen, span, whole};
use crate::net::{Origin, TrustedProxies};

pub use crate::config::api_keys::{ApiKeyAdd, ApiKeyCommand, ApiKeyName};
pub use crate::config::commands::{
    BackupCommand, CheckCommand, CompletionsCommand, DoctorCommand, HubSetting, PublishCommand,
    RestoreCommand, SigningKeyCommand, SigningKeyRetire, SigningKeyRotate, TailCommand, UserAdd,
    UserChange, UserCommand, UserList, UserRole,
};
pub use crate::config::environment::Misuse;
pub use crate::config::mercure::MercureSettings;
pub use crate::config::values::{AlarmTypes, DatabaseUrl, Days, LogFormat, Signup, Switch, Users};

/// A notification hub: one HTTP request stores an alarm and shows it on every page it concerns.
#[derive(Debug, Parser)]
#[command(
    name = "campanile",
    version,
    about,
    args_conflicts_with_subcommands = true
)]
pub struct CommandLine {
    /// The command; `serve` if nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The settings of `serve`.
    #[command(flatten)]
    pub serve: Config,
}

/// The commands of the binary.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the hub; creates and migrates the database.
    Serve(Box<Config>),
    /// Print one JSON Web Token on stdout, nothing else; or explain one.
    Token(TokenCommand),
    /// Administer the keys that sign the tokens of sign-ins.
    SigningKey {
        /// The change.
        #[command(subcommand)]
        command: SigningKeyCommand,
    },
    /// Administer accounts.
    User {
        /// The change.
        #[command(subcommand)]
        command: UserCommand,
    },
    /// Publish an alarm to a running hub, or one for each line of standard input.
    Publish(PublishCommand),
    /// Print what the stream of a running hub brings, until it is interrupted.
    Tail(TailCommand),
    /// Look for what a proxy in front of a hub does wrong, with the token in CAMPANILE_TOKEN.
    Doctor(DoctorCommand),
    /// Copy a database file, also while a hub uses it.
    Backup(BackupCommand),
    /// Put a backup in the place of the database, while no hub uses it. All sessions end.
    Restore(RestoreCommand),
    /// Look if the database is whole.
    Check(CheckCommand),
    /// Print the completions of a shell on stdout.
    Completions(CompletionsCommand),
    /// Print the manual page on stdout.
    Man,
    /// Administer the API keys of back ends, also beside a running hub.
    ApiKey {
        /// The change.
        #[command(subcommand)]
        command: ApiKeyCommand,
    },
}

/// `campanile token`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct TokenCommand {
    /// Instead of printing a token.
    #[command(subcommand)]
    pub(crate) instead: Option<TokenSubcommand>,
    /// The user id the token speaks for.
    #[arg(long, value_name = "ID", required = true)]
    pub(crate) sub: Option<UserId>,
    /// The role: user, service or admin.
    #[arg(long, required = true)]
    pub(crate) role: Option<Role>,
    /// The life of the token.
    #[arg(long, default_value = "1h", value_parser = span)]
    pub(crate) ttl: Duration,
    /// The secret.
    #[command(flatten)]
    pub(crate) secret: SecretSetting,
}

/// `campanile token …`.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenSubcommand {
    /// Explain a token: its contents, and the reason if a hub with this secret would refuse it.
    Check(TokenCheck),
}

/// `campanile token check`.
#[derive(Debug, Args)]
pub(crate) struct TokenCheck {
    /// The token; `-` reads it from standard input.
    pub(crate) token: String,
    /// The secret.
    #[command(flatten)]
    pub(crate) secret: SecretSetting,
}

/// The settings of `campanile serve`.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Address to listen on; port 0 picks one, and the log names it.
    #[arg(
        long,
        env = "CAMPANILE_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "ADDRESS",
        value_parser = listen
    )]
    pub listen: SocketAddr,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseSetting,
    /// `postgres://…` for NOTIFY and LISTEN, if the database URL leads through a pooler of transactions [default: the database
    /// URL].
    #[arg(
        long,
        env = "CAMPANILE_NOTIFY_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub notify_url: Option<DatabaseUrl>,
    /// `on`: without a synchronous standby of the PostgreSQL server the hub does not start, and publishes nothing.
    #[arg(long, env = "CAMPANILE_REQUIRE_STANDBY", default_value = "off")]
    pub require_standby: Switch,
    /// The secret that tokens are signed with.
    #[command(flatten)]
    pub secret: SecretSetting,
    /// The secret that seals the hub's own signing keys.
    #[command(flatten)]
    pub key_secret: KeySecretSetting,
    /// TOML file with the issuers whose tokens are taken besides those of the secret; SIGHUP reads it again.
    #[arg(long, env = "CAMPANILE_ISSUERS", value_name = "FILE")]
    pub(crate) issuers: Option<PathBuf>,
    /// PEM file with certificates of authorities that issuers are trusted by, besides those that are built in.
    #[arg(long, env = "CAMPANILE_CA_FILE", value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// May people create accounts on the sign-in page [default: open if the hub listens on loopback, no public URL is set
    /// and standard error is a terminal; else closed].
    #[arg(long, env = "CAMPANILE_SIGNUP")]
    pub signup: Option<Signup>,
    /// `known`: a user must have an account; `any`: whoever a valid token names, or an alarm is addressed to, gets one.
    #[arg(long, env = "CAMPANILE_USERS", default_value = "known")]
    pub users: Users,
    /// `any`: every type of alarms may be published; `declared`: only types that were declared, and the hub's own.
    #[arg(long, env = "CAMPANILE_ALARM_TYPES", default_value = "any")]
    pub alarm_types: AlarmTypes,
    /// `off`: people sign in with the providers of the issuers alone.
    #[arg(long, env = "CAMPANILE_PASSWORDS", default_value = "on")]
    pub passwords: Switch,
    /// Accept `?token=` on stream routes.
    #[arg(long, env = "CAMPANILE_QUERY_TOKEN", default_value = "on")]
    pub query_token: Switch,
    /// Silence after which a stream gets a heartbeat.
    #[arg(long, env = "CAMPANILE_HEARTBEAT_SECONDS", default_value_t = 15, value_parser = whole::<u64>(1..=3_600))]
    pub heartbeat_seconds: u64,
    /// Streams that one user may have; more are answered 429.
    #[arg(long, env = "CAMPANILE_MAX_STREAMS_PER_USER", default_value_t = 32, value_parser = whole::<u32>(1..=MOST))]
    pub max_streams_per_user: u32,
    /// Rooms that a person may open; one more is answered 429. Back ends and admins are not limited.
    #[arg(long, env = "CAMPANILE_ROOMS_PER_USER", default_value_t = 100, value_parser = whole::<u32>(0..=MOST))]
    pub rooms_per_user: u32,
    /// Messages that a person may send into rooms each second, with bursts of five seconds' worth; more are answered 429.
    #[arg(long, env = "CAMPANILE_MESSAGES_PER_SECOND", default_value_t = 10, value_parser = whole::<u32>(1..=MOST))]
    pub messages_per_second: u32,
    /// Pushes to streams that are remembered, so that an administrator can ask what became of an alarm; about 32 bytes each.
    #[arg(long, env = "CAMPANILE_RECENT_PUSHES", default_value_t = 100_000, value_parser = whole::<u32>(0..=10_000_000))]
    pub recent_pushes: u32,
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
    pub(crate) cors_origins: Vec<Origin>,
    /// The hub's address as browsers see it: scheme, host and port, no path. It decides the hub's own origin and the cookie.
    #[arg(long, env = "CAMPANILE_PUBLIC_URL", value_name = "URL")]
    pub(crate) public_url: Option<Origin>,
    /// Networks whose `Forwarded` and `X-Forwarded-*` are believed, comma separated, or `none`.
    #[arg(
        long,
        env = "CAMPANILE_TRUSTED_PROXIES",
        value_name = "NETWORKS",
        default_value = "127.0.0.0/8,::1/128"
    )]
    pub(crate) trusted_proxies: TrustedProxies,
    /// PEM file with the certificate chain; with the key, HTTPS with HTTP/2.
    #[arg(long, env = "CAMPANILE_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// PEM file with the private key.
    #[arg(long, env = "CAMPANILE_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// The Mercure protocol.
    #[command(flatten)]
    pub mercure: Box<MercureSettings>,
    /// `text`, or `json` for one object a line; what is logged is said by RUST_LOG.
    #[arg(long, env = "CAMPANILE_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// For measuring only: alarms get ids and are delivered, but none is stored.
    #[arg(
        long,
        env = "CAMPANILE_BENCH_WITHOUT_STORE",
        default_value = "off",
        hide = true
    )]
    pub(crate) bench_without_store: Switch,
}

/// The setting of the database.
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

/// The setting of the secret that tokens are signed with.
#[derive(Debug, Clone, Args)]
pub struct SecretSetting {
    /// Secret that signs tokens, 32 bytes or more [default: generated once into campanile-data/jwt-secret].
    #[arg(long, env = "CAMPANILE_JWT_SECRET", value_name = "SECRET", hide_env_values = true, value_parser = Secret::parse)]
    pub(crate) jwt_secret: Option<Secret>,
}

/// The setting of the secret that seals the hub's own signing keys.
#[derive(Debug, Clone, Args)]
pub struct KeySecretSetting {
    /// Secret that encrypts the hub's own signing keys in the database, 32 bytes or more [default: derived from the secret that
    /// signs tokens].
    #[arg(long, env = "CAMPANILE_KEY_SECRET", value_name = "SECRET", hide_env_values = true, value_parser = Secret::parse)]
    pub(crate) key_secret: Option<Secret>,
}

impl Config {
    /// True if people may create accounts. A hub that somebody tries on their own machine is open without a setting.
    pub fn signup_is_open(&self) -> bool {
        self.signup_is_open_at(std::io::stderr().is_terminal())
    }

    fn signup_is_open_at(&self, terminal: bool) -> bool {
        let tried_out = self.passwords == Switch::On
            && terminal
            && self.public_url.is_none()
            && self.listen.ip().to_canonical().is_loopback();
        match self.signup {
            Some(signup) => signup == Signup::Open,
            None => tried_out,
        }
    }

    /// The certificate and the key, if the hub itself speaks TLS.
    pub fn tls(&self) -> Option<(&PathBuf, &PathBuf)> {
        self.tls_cert.as_ref().zip(self.tls_key.as_ref())
    }

    /// The silence after which a stream gets a heartbeat.
    pub fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.heartbeat_seconds)
    }

    /// The fault of settings that are good one by one but not together.
    fn fault(&self) -> Option<String> {
        let fault = self.fault_of_parts().map(str::to_owned);
        fault.or_else(|| self.mercure.fault(self.is_local()))
    }

    /// True if only its own machine reaches the hub, or browsers know it as `localhost`.
    pub(crate) fn is_local(&self) -> bool {
        match &self.public_url {
            Some(public) => public.is_localhost(),
            None => self.listen.ip().to_canonical().is_loopback(),
        }
    }

    fn fault_of_parts(&self) -> Option<&'static str> {
        let notified = self.notify_url.as_ref();
        if notified.is_some_and(|url| !(url.is_server() && self.database.url.is_server())) {
            return Some(
                "--notify-url (CAMPANILE_NOTIFY_URL) is a postgres:// URL beside one in --database-url \
                 (CAMPANILE_DATABASE_URL)",
            );
        }
        if self.require_standby == Switch::On && !self.database.url.is_server() {
            return Some(
                "--require-standby (CAMPANILE_REQUIRE_STANDBY) is for a postgres:// URL in --database-url \
                 (CAMPANILE_DATABASE_URL)",
            );
        }
        match (&self.tls_cert, &self.tls_key) {
            (Some(_), None) => {
                Some("--tls-cert (CAMPANILE_TLS_CERT) needs --tls-key (CAMPANILE_TLS_KEY) as well")
            }
            (None, Some(_)) => {
                Some("--tls-key (CAMPANILE_TLS_KEY) needs --tls-cert (CAMPANILE_TLS_CERT) as well")
            }
            _ => None,
        }
    }
}

impl CommandLine {
    /// The format of the log; commands beside `serve` log as text.
    pub fn log_format(&self) -> LogFormat {
        match &self.command {
            None => self.serve.log_format,
            Some(Command::Serve(config)) => config.log_format,
            Some(_) => LogFormat::Text,
        }
    }

    /// Reads the arguments and the environment.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, Misuse> {
        let line: Self = environment::parse(arguments)?;
        let config = match &line.command {
            None => Some(&line.serve),
            Some(Command::Serve(config)) => Some(&**config),
            Some(_) => None,
        };
        match config.and_then(Config::fault) {
            Some(fault) => Err(Misuse::Value(fault)),
            None => Ok(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_up_is_open_by_default_only_for_somebody_who_tries_the_hub_at_a_terminal() {
        let open = |terminal: bool, args: &[&str]| {
            let line = CommandLine::try_parse_from([&["campanile"], args].concat()).unwrap();
            line.serve.signup_is_open_at(terminal)
        };

        assert!(open(true, &[]));
        assert!(!open(false, &[]));
        assert!(!open(true, &["--listen", "0.0.0.0:8080"]));
        assert!(open(true, &["--listen", "[::ffff:127.0.0.1]:8080"]));
        assert!(!open(true, &["--public-url", "https://hub.example"]));
        assert!(open(
            false,
            &["--listen", "0.0.0.0:8080", "--signup", "open"]
        ));
        assert!(!open(true, &["--signup", "closed"]));
    }
}
