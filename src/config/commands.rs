//! The commands beside `serve`: those that change accounts in the database, and those that speak HTTP to a running hub.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};
use clap_complete::Shell;

use crate::alarm::{AlarmType, DisplayName, Role, RoomId, UserId};
use crate::config::values::{life, whole};
use crate::config::{DatabaseSetting, KeySecretSetting, SecretSetting};
use crate::net::Origin;

/// `campanile signing-key …`.
#[derive(Debug, Subcommand)]
pub enum SigningKeyCommand {
    /// List the keys: their names, when they were made, and what they do.
    List(DatabaseSetting),
    /// Make a new key, which signs from then on; the ones before verify until their tokens are over.
    Rotate(SigningKeyRotate),
    /// Take a key away at once: its tokens are refused, and streams that came with them end.
    Retire(SigningKeyRetire),
}

/// `campanile signing-key rotate`.
#[derive(Debug, Args)]
pub struct SigningKeyRotate {
    /// The database with the keys.
    #[command(flatten)]
    pub(crate) database: DatabaseSetting,
    /// The secret.
    #[command(flatten)]
    pub(crate) secret: SecretSetting,
    /// The secret that seals the keys.
    #[command(flatten)]
    pub(crate) key_secret: KeySecretSetting,
    /// Life of a token given at sign-in, as the hub has it.
    #[arg(long, env = "CAMPANILE_SESSION_TTL", default_value = "7d", value_parser = life)]
    pub(crate) session_ttl: Duration,
}

/// `campanile signing-key retire`.
#[derive(Debug, Args)]
pub struct SigningKeyRetire {
    /// The name of the key.
    pub(crate) id: String,
    /// The database with the keys.
    #[command(flatten)]
    pub(crate) database: DatabaseSetting,
}

/// `campanile backup`.
#[derive(Debug, Args)]
pub struct BackupCommand {
    /// The file to write; it must not be there yet.
    pub(crate) file: PathBuf,
    /// The database.
    #[command(flatten)]
    pub(crate) database: DatabaseSetting,
}

/// `campanile restore`.
#[derive(Debug, Args)]
pub struct RestoreCommand {
    /// The backup of a database file. Without it, a PostgreSQL database that its own tools have restored is made ready.
    pub(crate) file: Option<PathBuf>,
    /// Also where the database has alarms; it is kept beside as `….replaced`.
    #[arg(long)]
    pub(crate) replace: bool,
    /// The database.
    #[command(flatten)]
    pub(crate) database: DatabaseSetting,
}

/// `campanile check`.
#[derive(Debug, Args)]
pub struct CheckCommand {
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// The database.
    #[command(flatten)]
    pub(crate) database: DatabaseSetting,
}

/// `campanile user list`.
#[derive(Debug, Args)]
pub struct UserList {
    /// Print one JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
    /// The database with the accounts.
    #[command(flatten)]
    pub(crate) database: DatabaseSetting,
}

/// `campanile user disable`, `enable`, `password`, `sign-out` and `delete`.
#[derive(Debug, Args)]
pub struct UserChange {
    /// The user id.
    pub(crate) id: UserId,
    /// The database with the accounts.
    #[command(flatten)]
    pub(crate) database: DatabaseSetting,
}

/// `campanile user role`.
#[derive(Debug, Args)]
pub struct UserRole {
    /// The user id.
    pub(crate) id: UserId,
    /// The role: user, service or admin.
    pub(crate) role: Role,
    /// The database with the accounts.
    #[command(flatten)]
    pub(crate) database: DatabaseSetting,
}

/// The hub that a command speaks to.
#[derive(Debug, Args)]
pub struct HubSetting {
    /// The hub: scheme, host and port.
    #[arg(long, default_value = "http://127.0.0.1:8080", value_name = "URL")]
    pub(crate) hub: Origin,
    /// The caller.
    #[command(flatten)]
    pub(crate) caller: CallerSetting,
}

/// The caller of a hub, and whom they trust.
#[derive(Debug, Args)]
pub(crate) struct CallerSetting {
    /// The token of the caller; `campanile token` prints one. Better given by the variable: arguments are seen by every user of
    /// the machine.
    #[arg(
        long,
        env = "CAMPANILE_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    token: Option<BearerToken>,
    /// PEM file with certificates of authorities that the hub is trusted by, besides those that are built in.
    #[arg(long, env = "CAMPANILE_CA_FILE", value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

impl CallerSetting {
    /// The token, if there is one.
    pub(crate) fn token(&self) -> Option<String> {
        let token = self.token.as_ref();
        token.map(|token| token.as_str().to_owned())
    }
}

/// `campanile doctor`.
#[derive(Debug, Args)]
pub struct DoctorCommand {
    /// The address of the hub as browsers use it: scheme, host and port.
    pub(crate) url: Origin,
    /// Print the findings as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// The silence that streams and polls have to live through.
    #[arg(long, value_name = "SECONDS", default_value_t = 25, value_parser = whole::<u64>(1..=7_200))]
    pub(crate) idle: u64,
    /// The caller: a user, a service or an administrator.
    #[command(flatten)]
    pub(crate) caller: CallerSetting,
}

/// A token as a request carries it (RFC 6750, section 2.1). Not shown by `Debug`.
#[derive(Clone)]
pub(crate) struct BearerToken(String);

impl BearerToken {
    /// The token itself.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BearerToken {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let is_token = !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
        is_token
            .then(|| Self(text.to_owned()))
            .ok_or("a token has no spaces and no characters beyond ASCII")
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("BearerToken(…)")
    }
}

/// `campanile publish`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("recipient").args(["to", "everyone", "room"]).required(true))]
pub struct PublishCommand {
    /// The user the alarm is for; several times for several users.
    #[arg(long, value_name = "ID")]
    pub(crate) to: Vec<UserId>,
    /// The alarm is for everyone.
    #[arg(long)]
    pub(crate) everyone: bool,
    /// The room the alarm is for.
    #[arg(long, value_name = "ID")]
    pub(crate) room: Option<RoomId>,
    /// The type of the alarm, such as DEPLOY_DONE.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) alarm_type: AlarmType,
    /// The data of the alarm, any JSON.
    #[arg(long, value_name = "JSON", value_parser = json, conflicts_with = "stdin")]
    pub(crate) data: Option<serde_json::Value>,
    /// The page that the alarm leads to.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Publish one alarm for each line of standard input, whose data the line is, as JSON.
    #[arg(long)]
    pub(crate) stdin: bool,
    /// The key by which a repeated command stores nothing twice; with --stdin the number of the line is added.
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    /// Print the answer of the hub as JSON, one a line.
    #[arg(long)]
    pub(crate) json: bool,
    /// The hub.
    #[command(flatten)]
    pub(crate) hub: HubSetting,
}

/// `campanile tail`.
#[derive(Debug, Args)]
pub struct TailCommand {
    /// The alarms of a user as well (role service or admin).
    #[arg(long, value_name = "ID")]
    pub(crate) user: Vec<UserId>,
    /// A topic as well: `user:ID`, `room:ID`, `role:admin`, or `*` for the whole log (role service or admin).
    #[arg(long, value_name = "TOPIC")]
    pub(crate) topic: Vec<String>,
    /// A room as well.
    #[arg(long, value_name = "ID")]
    pub(crate) room: Vec<RoomId>,
    /// Begin after this id, and not with what comes next.
    #[arg(long, value_name = "ID", value_parser = whole::<i64>(0..=i64::MAX.unsigned_abs()))]
    pub(crate) cursor: Option<i64>,
    /// End after so many alarms.
    #[arg(long, value_name = "COUNT", value_parser = whole::<u64>(0..=u64::MAX))]
    pub(crate) count: Option<u64>,
    /// Print each alarm as JSON, one a line.
    #[arg(long)]
    pub(crate) json: bool,
    /// The hub.
    #[command(flatten)]
    pub(crate) hub: HubSetting,
}

/// `campanile completions`.
#[derive(Debug, Args)]
pub struct CompletionsCommand {
    /// The shell.
    pub(crate) shell: Shell,
}

fn json(text: &str) -> Result<serde_json::Value, String> {
    serde_json::from_str(text).map_err(|cause| format!("it is no JSON: {cause}"))
}

/// `campanile user …`.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add an account; the password is read from stdin.
    Add(UserAdd),
    /// List all accounts.
    List(UserList),
    /// Disable an account: its streams end, and no token of it is taken.
    Disable(UserChange),
    /// Enable a disabled account.
    Enable(UserChange),
    /// Give an account a new password, read from stdin; all its sessions end.
    Password(UserChange),
    /// Give an account another role; its streams end, and older tokens with them.
    Role(UserRole),
    /// Sign a user out everywhere: every token so far is refused, and their streams end.
    SignOut(UserChange),
    /// Delete an account: it is signed out everywhere, and a later account of the id begins with an empty inbox.
    Delete(UserChange),
}

/// `campanile user add`.
#[derive(Debug, Args)]
pub struct UserAdd {
    /// The user id.
    pub(crate) id: UserId,
    /// The role: user, service or admin.
    #[arg(long)]
    pub(crate) role: Role,
    /// The name people see; by default the id.
    #[arg(long, value_name = "NAME")]
    pub(crate) display_name: Option<DisplayName>,
    /// The database with the accounts.
    #[command(flatten)]
    pub database: DatabaseSetting,
}
