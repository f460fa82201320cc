//! The errors of the command line.

use std::io;
use std::net::SocketAddr;

use crate::alarm::InvalidValue;
use crate::auth::PasswordError;
use crate::store::{CopyError, OpenError, StoreError};

/// Why the hub does not start or a command fails, in words for the person who typed it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder or a file in it.
    #[error("cannot use {path}: {cause}")]
    Data {
        /// Which.
        path: String,
        /// Why not.
        cause: io::Error,
    },
    /// The address.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why not.
        cause: io::Error,
    },
    /// The database cannot be opened.
    #[error("cannot use the database: {0}")]
    Open(#[from] OpenError),
    /// The database fails.
    #[error("cannot use the database: {0}")]
    Database(#[from] StoreError),
    /// A synchronous standby is demanded.
    #[error("{0} (CAMPANILE_REQUIRE_STANDBY)")]
    Standby(&'static str),
    /// The account is there.
    #[error("there is already a user {0}")]
    UserExists(String),
    /// The account is not there.
    #[error("there is no such user")]
    NoUser,
    /// Nobody else would administer the hub.
    #[error("this is the last administrator who is not disabled")]
    LastAdmin,
    /// A hub that a command speaks to said no, or nothing.
    #[error("{0}")]
    Hub(String),
    /// A command that is not done.
    #[error("{0}")]
    Refused(String),
    /// A line of standard input.
    #[error("line {number}: {cause}")]
    Line {
        /// Its number, from 1.
        number: u64,
        /// The reason.
        cause: String,
    },
    /// The API key is there.
    #[error("there is already an API key {0}")]
    KeyExists(String),
    /// The API key is not there.
    #[error("there is no API key {0}")]
    NoKey(String),
    /// An API key that cannot be made.
    #[error("{0}")]
    Key(String),
    /// A value from a file or from stdin.
    #[error("{0}")]
    Value(#[from] InvalidValue),
    /// A token could not be signed.
    #[error("the token could not be signed: {0}")]
    Sign(String),
    /// A token that a hub would refuse.
    #[error("the token is refused: {0}")]
    Token(String),
    /// No secret where a command looked for it.
    #[error(
        "there is no secret in {0}: run the command in the folder of the hub, or set CAMPANILE_JWT_SECRET (--jwt-secret); \
         the hub makes the file at its first start"
    )]
    NoSecret(String),
    /// No database where a command looked for it.
    #[error(
        "there is no database in {0}: run the command in the folder of the hub, or set CAMPANILE_DATABASE_URL \
         (--database-url); the hub makes the file at its first start"
    )]
    NoDatabase(String),
    /// A password.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The certificate or its key.
    #[error("cannot use the TLS files: {0}")]
    Tls(String),
    /// TLS to a hub cannot be set up.
    #[error("cannot use TLS: {0}")]
    Rustls(#[from] rustls::Error),
    /// The file of the issuers.
    #[error("cannot use the issuers (CAMPANILE_ISSUERS): {0}")]
    Issuers(String),
    /// The hub's own signing keys.
    #[error("cannot use the signing keys: {0}")]
    SigningKeys(String),
    /// The certificates of authorities.
    #[error("cannot use the authorities (CAMPANILE_CA_FILE): {0}")]
    Authorities(String),
    /// Anything the system refuses.
    #[error("{0}")]
    System(#[from] io::Error),
}

impl StartError {
    /// The exit code: 1 if the hub or the database said no to what was asked, 2 if it could not be asked.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::UserExists(_)
            | Self::NoUser
            | Self::KeyExists(_)
            | Self::NoKey(_)
            | Self::LastAdmin
            | Self::Hub(_)
            | Self::Refused(_)
            | Self::Open(OpenError::Served)
            | Self::Line { .. } => 1,
            _ => 2,
        }
    }
}

impl From<CopyError> for StartError {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Open(cause) => cause.into(),
            CopyError::Refused(why) => Self::Refused(why),
        }
    }
}
