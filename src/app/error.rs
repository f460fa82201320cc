//! The errors of the command line.

use std::io;
use std::net::SocketAddr;

use crate::alarm::InvalidValue;
use crate::auth::PasswordError;
use crate::store::{OpenError, StoreError};

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
    /// A password.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The certificate or its key.
    #[error("cannot use the TLS files: {0}")]
    Tls(String),
    /// Anything the system refuses.
    #[error("{0}")]
    System(#[from] io::Error),
}
