//! The streams that a Close means.

use std::collections::HashSet;

use crate::alarm::UserId;
use crate::hub::ClientId;

/// The streams that a Close means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StreamList {
    /// This one.
    Client(ClientId),
    /// This one, if it is this user's.
    ClientOf(ClientId, UserId),
    /// Those that came with this token.
    Token(String),
    /// All of this user.
    User(UserId),
    /// All.
    All,
    /// These.
    Clients(HashSet<ClientId>),
}
