//! The commands about the API keys of back ends.

use std::time::Duration;

use clap::{Args, Subcommand};

use crate::alarm::{KeyName, Scope, TopicPattern};
use crate::config::DatabaseSetting;
use crate::config::values::span;

/// `campanile api-key …`.
#[derive(Debug, Subcommand)]
pub enum ApiKeyCommand {
    /// Make a key and print it on stdout, nothing else; it is not shown again.
    Add(ApiKeyAdd),
    /// List the keys.
    List(DatabaseSetting),
    /// Revoke a key, and the tokens that it made.
    Revoke(ApiKeyName),
    /// Enable a revoked key again.
    Enable(ApiKeyName),
}

/// `campanile api-key add`.
#[derive(Debug, Args)]
pub struct ApiKeyAdd {
    /// The name, which no other key has.
    #[arg(long)]
    pub(crate) name: KeyName,
    /// Operations: publish:user, publish:everyone, publish:room, users, tokens, types, metrics, watch, admin.
    #[arg(long = "scope", value_name = "SCOPE", required = true, num_args = 1..)]
    pub(crate) scopes: Vec<Scope>,
    /// Topics that the key is limited to: user:ID, everyone, role:admin, room:ID, or the beginning of one and a `*`.
    #[arg(long = "topic", value_name = "TOPIC", num_args = 1..)]
    pub(crate) topics: Vec<TopicPattern>,
    /// The life of the key, such as 90d; without it the key has no end.
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub(crate) expires: Option<Duration>,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseSetting,
}

/// `campanile api-key revoke` and `… enable`.
#[derive(Debug, Args)]
pub struct ApiKeyName {
    /// The name of the key.
    pub(crate) name: KeyName,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseSetting,
}
